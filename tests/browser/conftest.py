"""One JupyterLab for the suite; without a browser the suite says by name what it skips."""

import os
import shutil
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "notebooks" / "data"


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(300))
            if not Path(chromium).exists():
                reason = f"no Chromium at {chromium}: apt-get install chromium, or set CHROMIUM"
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    from tests.browser.lab import jupyterlab

    root = tmp_path_factory.mktemp("lab")
    home = root / "home"
    before = os.environ.get("DATAGEN_HOME")
    os.environ["DATAGEN_HOME"] = str(home)
    (root / "work").mkdir()
    shutil.copytree(DATA, root / "work" / "data")
    try:
        with jupyterlab(root) as running:
            yield running
    finally:
        _stop(home)
        os.environ.pop("DATAGEN_HOME")
        if before is not None:
            os.environ["DATAGEN_HOME"] = before


def _stop(home: Path) -> None:
    import asyncio

    from datagen_nb.api.home import Home
    from datagen_nb.api.launch import stop

    asyncio.run(stop(Home.open(home)))
