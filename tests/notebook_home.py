"""A pytest plugin: the notebooks of each process run with a home of their own.

Those that need what this machine does not have are skipped, by name.

Cells of notebooks are no functions, so they have no fixtures: this is done by hooks.
"""

import os
import shutil
import subprocess
import sys
import tempfile

import pytest

from tests.notebook_needs import lacking

HOME = pytest.StashKey[str]()


def pytest_sessionstart(session):
    """Kernels inherit the variable, and so does the local service that they start."""
    session.stash[HOME] = os.environ["DATAGEN_HOME"] = tempfile.mkdtemp()


def pytest_sessionfinish(session):
    """Stop the service before its home is removed."""
    home = session.stash[HOME]
    stop = [sys.executable, "-m", "datagen_nb", "stop"]
    subprocess.run(stop, check=True, capture_output=True, env={**os.environ, "DATAGEN_HOME": home})
    shutil.rmtree(home)


def pytest_collection_modifyitems(items):
    """A skipped cell starts no kernel."""
    for item in items:
        if lacks := lacking(item.path):
            reason = f"{item.path.name} needs {', '.join(lacks)}"
            item.add_marker(pytest.mark.skip(reason=reason))
