"""Each filter that keeps customers apart in the store is needed: without it a test fails.

A copy of the package loses one filter at a time, and the suite of what customers may not see of
one another is run over the copy until one test fails.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORES = ROOT / "datagen_nb" / "stores"
FILTER = re.compile(r"\bcustomer = (?:\?1?|\w+\.customer)")
SUITE = "tests/contracts/test_owners.py"

PLACES = [
    (str(file.relative_to(STORES)), number)
    for file in sorted(STORES.rglob("*.py"))
    for number, _ in enumerate(FILTER.finditer(file.read_text(encoding="utf-8")))
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and its tests, to be spoilt."""
    place = tmp_path_factory.mktemp("copy")
    unneeded = shutil.ignore_patterns("__pycache__", "static")
    shutil.copytree(ROOT / "datagen_nb", place / "datagen_nb", ignore=unneeded)
    shutil.copytree(ROOT / "tests", place / "tests", ignore=unneeded)
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def run(place, *, environ=os.environ):
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-x", "-q", "--no-header"),
            *("-p", "no:cacheprovider", "-p", "no:nbval", "-p", "no:schemathesis"),
            *("-k", "not firestore"),  # which has no such filters: each customer has its own place
            SUITE,
        ],
        cwd=place,
        env={**environ, "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_there_are_filters_to_take_away():
    """All of them are found."""
    assert len(PLACES) > 15


@pytest.mark.slow
def test_the_copy_is_what_is_tested(copy):
    """Whole, it passes; and it is not the installed package that does."""
    asked = "import datagen_nb, sys; sys.stdout.write(datagen_nb.__file__)"
    env = {**os.environ, "PYTHONPATH": str(copy)}
    found = subprocess.check_output([sys.executable, "-c", asked], cwd=copy, env=env, text=True)
    assert Path(found).is_relative_to(copy)
    done = run(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "number"), PLACES)
def test_without_an_owner_filter_a_test_fails(copy, name, number):
    """One taken away, the value for it kept, so that the query itself stays sound."""
    file = copy / "datagen_nb" / "stores" / name
    whole = file.read_text(encoding="utf-8")
    found = list(FILTER.finditer(whole))[number]
    spoilt = f"({found[0]} OR 1)"
    file.write_text(whole[: found.start()] + spoilt + whole[found.end() :], encoding="utf-8")
    try:
        # No bytecode is left of it: two spoilt files may have one size and one second.
        done = run(copy, environ={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    finally:
        file.write_text(whole, encoding="utf-8")
    line = whole[: found.start()].count("\n") + 1
    assert done.returncode, f"{name}:{line} can do without its filter, and no test notices"
    assert "failed" in done.stdout, done.stdout + done.stderr
