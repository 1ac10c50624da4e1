"""The command line, one module a subject; ``main`` runs a command."""

from datagen_nb.cli.main import main

__all__ = ["main"]
