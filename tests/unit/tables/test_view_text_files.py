"""Text files in a viewer: read by a process of its own, first rows at once, then all of them."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from datagen_nb.core.errors import InputError
from datagen_nb.core.formats import format_of
from datagen_nb.tables.formats import read_batches
from datagen_nb.tables.packed import unpacked
from datagen_nb.tables.view.connection import Superseded
from datagen_nb.tables.view.conversion import Conversion
from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.query import Compare, Query
from tests.deadline import DEADLINE

LARGE = 300_000
"""Rows of a file that is larger than what is read before anything is shown."""

SMALL_FILES = {
    "t.csv": b"a,b,c\n1,x,2026-03-01\n,,\n3,y,2026-03-02\n",
    "t.tsv": b"a\tb\n1,5\tx\n2,5\ty\n",
    "latin.csv": "a;b\n1;Über\n2;é\n3;x\n".encode("latin-1"),
    "empty column.csv": b"a,b\n1,\n2,\n",
    "header only.csv": b"a,b\n",
    "t.csv.gz": gzip.compress(b"a,b\n1,x\n2,y\n"),
    "t.json": b'[{"a": 1, "b": {"c": [1, 2]}}, {"a": null, "d": true}]',
    "t.jsonl": b'{"a": 9007199254740993}\n{"a": 1, "b": "2026-03-01T10:00:00Z"}\n',
}


@pytest.fixture
def show():
    """Opens engines; closes them."""
    opened = []

    def make(data):
        opened.append(Engine(data))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def held(monkeypatch):
    """While this event is not set, no file is read to its end."""
    go = threading.Event()
    hear = Conversion._hear

    def wait(self, message):
        if "first" not in message:
            assert go.wait(DEADLINE)
        hear(self, message)

    monkeypatch.setattr(Conversion, "_hear", wait)
    yield go
    go.set()


def table_of(engine):
    return engine.table(engine.whole)


def lines(rows, last=""):
    return "n,s\n" + "".join(f"{n},word {n % 7}\n" for n in range(rows)) + last


@pytest.mark.parametrize("name", SMALL_FILES)
def test_a_small_file_is_there_whole_with_the_values_that_a_job_reads(show, tmp_path, name):
    """In the types that all of it has."""
    path = tmp_path / name
    path.write_bytes(SMALL_FILES[name])
    engine = show(path)
    assert engine.conversion is None
    with path.open("rb") as packed, unpacked(packed, name) as file:
        batches = list(read_batches(file, format_of(name), name=name, parameters={}))
    read = pa.Table.from_batches(batches).replace_schema_metadata(None)
    assert table_of(engine).cast(read.schema) == read  # Parquet has no times of whole seconds


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "json", "jsonl"])
def test_a_large_file_shows_its_first_rows_and_then_all(show, held, tmp_path, ending):
    """A query selects among the rows that are there."""
    path = tmp_path / f"t.{ending}"
    objects = [json.dumps({"n": n, "s": f"word {n % 7}"}) for n in range(LARGE)]
    text = {"json": f"[{','.join(objects)}]", "jsonl": "\n".join(objects)}.get(ending, lines(LARGE))
    raw = text.encode()
    path.write_bytes(gzip.compress(raw, 1) if ending.endswith("gz") else raw)
    engine = show(path)
    assert engine.conversion is not None
    assert 1_000 < engine.num_rows < LARGE
    found = engine.select(Query(filter=Compare(column="n", operator="<", value="10")))
    assert engine.table(found).column("n").to_pylist() == list(range(10))
    held.set()
    whole = show(engine.conversion)
    assert (whole.num_rows, whole.conversion) == (LARGE, None)
    assert whole.rows(whole.whole, LARGE - 1, LARGE, [0, 1]).to_pylist() == [
        {"n": LARGE - 1, "s": f"word {(LARGE - 1) % 7}"}
    ]
    assert whole.complete() is whole


def test_types_are_those_of_all_rows(show, held, tmp_path):
    """A late word makes texts of the numbers before it, as they were written."""
    path = tmp_path / "t.csv"
    path.write_text(lines(LARGE, "none,x\n"))
    engine = show(path)
    assert engine.schema.field("n").type == pa.int64()
    held.set()
    numbers = table_of(show(engine.conversion)).column("n")
    assert numbers.type == pa.string()
    assert numbers.to_pylist() == [*map(str, range(LARGE)), "none"]


def test_a_file_that_breaks_behind_its_first_rows_keeps_these(show, held, tmp_path):
    """Waiting for the others is an error that says where it breaks."""
    path = tmp_path / "t.csv"
    path.write_text(lines(LARGE, "1,2,3\n"))
    engine = show(path)
    held.set()
    with pytest.raises(InputError, match=f"line {LARGE + 2:,} has 3 fields") as raised:
        engine.complete()
    assert raised.value.code == "ragged_row"
    assert engine.num_rows > 1_000
    assert engine.rows(engine.whole, 0, 1, [0]).to_pylist() == [{"n": 0}]


def test_a_file_that_changes_is_stale_also_when_all_is_read(show, tmp_path):
    """The file is looked at, not what was made of it."""
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    engine = show(path)
    assert not engine.is_stale
    path.write_text("a\n1\n2\n")
    assert engine.is_stale


def test_closing_ends_the_process_that_reads(show, held, tmp_path):
    """Who waits for the rows hears of it."""
    path = tmp_path / "t.csv"
    path.write_text(lines(LARGE))
    engine = show(path)
    conversion = engine.conversion
    engine.close()
    held.set()
    assert conversion._process.wait(DEADLINE) in (0, -signal.SIGKILL)
    assert not engine.folder.exists()
    if not conversion.whole.done() or conversion.whole.exception():
        assert isinstance(conversion.whole.exception(DEADLINE), Superseded)


def test_a_process_that_is_killed_is_an_error_of_the_file(show, monkeypatch, tmp_path):
    """As the kernel does when memory ends."""
    monkeypatch.setattr(Conversion, "_hear", lambda self, message: self._process.kill())
    path = tmp_path / "t.csv"
    path.write_text(lines(LARGE))
    with pytest.raises(InputError, match="the process that read it has ended"):
        show(path)


def test_what_a_killed_kernel_has_left_goes_with_the_next_viewer(show, tmp_path, monkeypatch):
    """Folders of living processes stay, and so does what is no folder of ours."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    table = tmp_path / "t.csv"
    table.write_text("a\n1\n")
    program = (
        "import sys\nfrom datagen_nb.tables.view.engine import Engine\n"
        "engine = Engine(sys.argv[1])\nprint(engine.folder, flush=True)\nsys.stdin.read()"
    )
    kernels = [
        subprocess.Popen(
            [sys.executable, "-c", program, table],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        for _ in range(2)
    ]
    folders = [kernel.stdout.readline().strip() for kernel in kernels]
    kernels[0].kill()
    kernels[0].wait()
    (tmp_path / "datagen-view-notes").write_text("mine")
    show(table)
    try:
        assert [Path(folder).exists() for folder in folders] == [False, True]
        assert (tmp_path / "datagen-view-notes").read_text() == "mine"
    finally:
        kernels[1].kill()
        for kernel in kernels:
            kernel.communicate()


def test_nothing_that_is_parsed_stays_in_this_process(show, tmp_path):
    """What a file takes, its own process takes; here it is a few pages of Parquet."""
    path = tmp_path / "t.jsonl"
    wide = json.dumps({f"k{n}": "x" * 50 for n in range(200)})
    path.write_text(f"{wide}\n" * 8_000)
    show(pa.table({"a": [1]}))
    before = psutil.Process().memory_info().rss
    all_rows = show(path).complete()
    grown = psutil.Process().memory_info().rss - before
    all_rows.close()
    assert path.stat().st_size > 80 << 20
    assert grown < 64 << 20
