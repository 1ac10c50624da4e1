"""One JupyterLab for the suite; without a browser the suite says by name what it skips."""

import contextlib
import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.deadline import DEADLINE

expect.set_options(timeout=DEADLINE * 1000)  # a bound that a test is about stands in that test

DATA = Path(__file__).parents[2] / "notebooks" / "data"


def pytest_collection_modifyitems(config, items):
    here = Path(__file__).parent
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(600))
            if item.get_closest_marker("gigabyte") and "gigabyte" not in config.option.markexpr:
                item.add_marker(pytest.mark.skip(reason="takes minutes: pytest -m gigabyte"))
            if not Path(chromium).exists():
                reason = f"no Chromium at {chromium}: apt-get install chromium, or set CHROMIUM"
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def running_lab(tmp_path_factory):
    from tests.browser.lab import jupyterlab

    root = tmp_path_factory.mktemp("lab")
    with _home(root), jupyterlab(root) as running:
        yield running


@pytest.fixture
def lab(running_lab):
    """A JupyterLab in which nothing is open."""
    yield running_lab
    running_lab.tidy()


@pytest.fixture(scope="module")
def running_notebook7(tmp_path_factory):
    from tests.browser.lab import NOTEBOOK, jupyterlab

    root = tmp_path_factory.mktemp("notebook7")
    with _home(root), jupyterlab(root, app=NOTEBOOK, path="notebooks") as running:
        yield running


@pytest.fixture
def notebook7(running_notebook7):
    """A Notebook 7 in which nothing is open."""
    yield running_notebook7
    running_notebook7.tidy()


@contextlib.contextmanager
def _home(root):
    """The examples' data, and a local service of its own."""
    home = root / "home"
    before = os.environ.get("DATAGEN_HOME")
    os.environ["DATAGEN_HOME"] = str(home)
    (root / "work").mkdir()
    shutil.copytree(DATA, root / "work" / "data")
    try:
        yield
    finally:
        _stop(home)
        os.environ.pop("DATAGEN_HOME")
        if before is not None:
            os.environ["DATAGEN_HOME"] = before


def _stop(home: Path) -> None:
    import asyncio

    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.launch import stop

    asyncio.run(stop(Home.open(home)))
