"""How an error looks in IPython; run on each line of its versions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from datagen_nb.core.tracebacks import MAX_LINES

NOTEBOOK = """
import datagen_nb as dg
client = dg.connect("mock", speed=1000)
def make(rows):
    return client.submit("people.csv", rows=rows)
%colors NoColor
"""


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "people.csv"
    path.write_text("age,member\n" + "".join(f"{20 + n % 50},{n % 2}\n" for n in range(200)))
    return path


def shown_by_ipython(*cells):
    """What IPython prints for cells that are run in turn, the first of them left out."""
    script = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for n, cell in enumerate(sys.argv[1:]):
    if n:
        print(f"== {n}")
    shell.run_cell(cell, store_history=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, NOTEBOOK, *cells],
        capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "IPYTHONDIR": str(Path.cwd()), "COLUMNS": "200"},
    )  # fmt: skip
    return [part.partition("\n")[2].strip() for part in done.stdout.split("== ")[1:]]


def test_ipython_shows_the_callers_line_and_the_sentence(table):
    """Also when the call is deeper in the caller's own code; the whole with %tb, and after it."""
    direct, deep, again, verbose = shown_by_ipython(
        'x = 1\nclient.submit("peopel.csv", rows=5)',
        "make('ten')",
        "%tb",
        "%xmode Verbose\nclient.jobs.list(status='done')",
    )
    assert direct.splitlines() == [
        "Cell In[2], line 2",
        '----> 2 client.submit("peopel.csv", rows=5)',
        "",
        f"InputError: {table.with_name('peopel.csv')} does not exist. Did you mean people.csv?",
    ]
    lines = deep.splitlines()
    assert len(lines) <= MAX_LINES
    assert lines[:4] == [
        "Cell In[3], line 1",
        "----> 1 make('ten')",
        "Cell In[1], line 4",
        '----> 4 return client.submit("people.csv", rows=rows)',
    ]
    assert "portal.py" not in deep
    assert "portal.py" in again
    assert "history.py" in verbose
