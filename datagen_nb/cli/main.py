"""The parser of all commands, and what becomes of how they end."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TextIO

from datagen_nb.cli import access, copying, generate, jobs, models, pipeline, service
from datagen_nb.cli.options import Commands
from datagen_nb.cli.output import discard, encode_anything
from datagen_nb.core.errors import DatagenError, DatagenWarning
from datagen_nb.core.version import __version__

READER_GONE = 141
"""What a shell says of a program that ``SIGPIPE`` ended, as this one ends."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status.

    0 is success, 1 an error that standard error names or (``status``) a service that does not
    answer, 2 wrong usage, 3 (``status``) no running service, 75 (``serve``) a service that runs
    already, 130 an interrupt, 141 a closed pipe.
    """
    encode_anything()
    try:
        try:
            return _run(_parser().parse_args(arguments))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        discard()
        return READER_GONE


def _run(options: argparse.Namespace) -> int:
    try:
        with _warnings_in_a_line():
            return int(options.run(options))
    except DatagenError as error:
        print(f"datagen-nb: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


@contextmanager
def _warnings_in_a_line() -> Generator[None, None, None]:
    """Show our warnings as our errors are shown, without a place in the program's code."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, DatagenWarning):
                print(f"datagen-nb: warning: {message}", file=sys.stderr)
            else:
                usual(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="datagen-nb", description="Synthetic tables like yours, from the command line."
    )
    parser.add_argument("--version", action="version", version=f"datagen-nb {__version__}")
    commands = Commands(parser.add_subparsers(required=True, metavar="COMMAND"))
    generate.add_commands(commands)
    jobs.add_commands(commands)
    models.add_commands(commands)
    service.add_commands(commands)
    access.add_commands(commands)
    pipeline.add_commands(commands)
    copying.add_commands(commands)
    return parser
