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


@pytest.fixture(scope="module")
def run(copy, tmp_path_factory):
    """Runs the suite over the copy as it is now; gives the exit code and the output."""
    output = tmp_path_factory.mktemp("output") / "pytest"
    runner = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.faults.forked_pytest", SUITE),
            *("-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:nbval"),
            *("-p", "no:schemathesis"),
            *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # plugins are imported already
            *("-k", "not firestore"),  # which has no such filters: each customer has its own place
        ],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def run_suite():
        print(output, file=runner.stdin, flush=True)
        return int(runner.stdout.readline()), output.read_text(encoding="utf-8")

    yield run_suite
    runner.communicate()
    assert runner.returncode == 0


def test_there_are_filters_to_take_away():
    """All of them are found."""
    assert len(PLACES) > 15


@pytest.mark.slow
def test_the_copy_is_what_is_tested(copy, run):
    """Whole, it passes; and it is not the installed package that does."""
    asked = "import datagen_nb, sys; sys.stdout.write(datagen_nb.__file__)"
    env = {**os.environ, "PYTHONPATH": str(copy)}
    found = subprocess.check_output([sys.executable, "-c", asked], cwd=copy, env=env, text=True)
    assert Path(found).is_relative_to(copy)
    code, output = run()
    assert code == pytest.ExitCode.OK, output


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "number"), PLACES)
def test_without_an_owner_filter_a_test_fails(copy, run, name, number):
    """One taken away, the value for it kept, so that the query itself stays sound."""
    file = copy / "datagen_nb" / "stores" / name
    whole = file.read_text(encoding="utf-8")
    found = list(FILTER.finditer(whole))[number]
    spoilt = f"({found[0]} OR 1)"
    file.write_text(whole[: found.start()] + spoilt + whole[found.end() :], encoding="utf-8")
    try:
        code, output = run()
    finally:
        file.write_text(whole, encoding="utf-8")
    line = whole[: found.start()].count("\n") + 1
    assert code, f"{name}:{line} can do without its filter, and no test notices"
    assert code == pytest.ExitCode.TESTS_FAILED, output
