"""``dg.view`` of whatever a file holds: right values or an error of ours, in bounded memory.

One process of its own opens all files, so that one that breaks it shows by what is missing.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from tests.contracts.test_hostile_tables import FILES

SHOWN_GROWTH, ASKED_GROWTH = 64 << 20, 768 << 20
"""Bytes by which the kernel may grow when a text file is shown; and when a file is Parquet or is
sorted, counted and searched: what DuckDB may use, and some."""

MARKS = '<img src=x onerror="alert(1)">', "\u202egnp.exe", "=cmd|' /C calc'!A0", "a\tb\nc", "\u0000"

KNOWN = {
    "header only.csv": {"rows": 0, "first": [[], []]},
    "ragged.csv": "ragged_row",
    "deep.json": "input_broken",
    "deep value.json": "input_broken",
    "empty.csv": "input_empty",
    "encrypted.parquet": "input_wrong_format",
    "no footer.parquet": "input_broken",
    "wrong length.parquet": "input_broken",
    "magic only.parquet": "input_broken",
    "text.parquet": "input_wrong_format",
    "zero row groups.parquet": {"rows": 0, "first": [[]]},
    "marks.parquet": {"rows": len(MARKS), "first": [list(MARKS), list("12345")]},
    "marks.jsonl": {"rows": len(MARKS), "first": [list(MARKS), list("12345")]},
    "long cells.jsonl": {"rows": 20, "first": [["x" * 999 + "…"] * 20]},
    "long cells.parquet": {"rows": 20, "first": [["x" * 999 + "…"] * 20]},
    "cell beyond a block.csv": "input_broken",
}
"""What has to come of some of them."""


class _Keys(pe.KmsClient):
    def __init__(self, _config) -> None:
        super().__init__()

    def wrap_key(self, key: bytes, _master: str) -> bytes:
        return key

    def unwrap_key(self, wrapped: bytes, _master: str) -> bytes:
        return wrapped


def _parquet(table: pa.Table, **options) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd", **options)
    return file.getvalue()


def _encrypted() -> bytes:
    file = io.BytesIO()
    table = pa.table({"a": [1, 2]})
    properties = pe.CryptoFactory(_Keys).file_encryption_properties(
        pe.KmsConnectionConfig(), pe.EncryptionConfiguration("footer", uniform_encryption=True)
    )
    with pq.ParquetWriter(file, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    return file.getvalue()


def _zero_groups() -> bytes:
    file = io.BytesIO()
    pq.ParquetWriter(file, pa.schema({"a": pa.int64()})).close()
    return file.getvalue()


def _repeated(value, rows: int, type_: pa.DataType) -> pa.Array:
    indices = pa.array(np.zeros(rows, "int32"))
    return pa.DictionaryArray.from_arrays(indices, pa.array([value], type_))


def _marks(ending: str) -> bytes:
    if ending == "parquet":
        return _parquet(pa.table({f"<b>{MARKS[1]}</b>": MARKS, "k": list("12345")}))
    lines = [json.dumps({"<i>": mark, "k": str(n)}) for n, mark in enumerate(MARKS, 1)]
    return "\n".join(lines).encode()


MEGABYTE = "x" * (1 << 20)

MADE: dict[str, Callable[[], bytes]] = {
    "marks.parquet": lambda: _marks("parquet"),
    "marks.jsonl": lambda: _marks("jsonl"),
    "encrypted.parquet": _encrypted,
    "zero row groups.parquet": _zero_groups,
    "bomb of texts.parquet": lambda: _parquet(
        pa.table({"s": _repeated(MEGABYTE, 100_000, pa.string())})
    ),
    "bomb of numbers.parquet": lambda: _parquet(
        pa.table({"n": np.zeros(10_000_000, "int64")}), use_dictionary=False, data_page_size=1 << 30
    ),
    "bomb of decimals.parquet": lambda: _parquet(
        pa.table({"d": _repeated(1, 1_000_000, pa.decimal256(76))})
    ),
    "bomb of a cell.parquet": lambda: _parquet(pa.table({"s": ["x" * (100 << 20), "y"]})),
    "bomb of bytes.parquet": lambda: _parquet(pa.table({"b": [b"\0" * (100 << 20), b"y"]})),
    "bomb of a list.parquet": lambda: _parquet(pa.table({"l": [[0] * 5_000_000, [1]]})),
    "long cells.parquet": lambda: _parquet(pa.table({"s": [MEGABYTE * 4] * 20})),
    "long cells.jsonl": lambda: b"\n".join([b'{"s":"%s"}' % (MEGABYTE * 4).encode()] * 20),
    "cell beyond a block.csv": lambda: b"a,b\n" + b"x" * (100 << 20) + b",1\n2,3\n",
}
"""Files that are large to make: each is made once, when its turn comes."""

NAMES = [*FILES, *MADE]


PROGRAM = """
import gc, json, sys
from pathlib import Path
from datagen_nb.core.errors import DatagenError
from datagen_nb.tables.view.query import Query, Sort
from datagen_nb.ui.renderers import view
from datagen_nb.ui.viewer_requests import (
    CellRequest, DistinctRequest, FindRequest, ProfilesRequest, RowsRequest)

def memory(name):
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) << 10

def tried(errors, call):
    try:
        return call()
    except DatagenError as error:
        errors.append("UNTYPED" if error.code == "internal_error" else error.code)
    except Exception as error:
        errors.append(f"UNTYPED {type(error).__name__}: {error}")

def look(path, errors, peaks):
    viewer = tried(errors, lambda: view(path))
    if viewer is None:
        return None
    tried(errors, lambda: viewer._portal.call(viewer._read(viewer._reading))
          if viewer._reading else None)
    shown = viewer.shown
    places = tuple(range(min(len(shown.engine.schema), 20)))
    rows = shown.engine.num_rows
    window = RowsRequest(epoch=shown.epoch, start=0, stop=50, columns=places)
    first = tried(errors, lambda: shown.rows(window))
    end = window.model_copy(update={"start": max(rows - 50, 0), "stop": rows})
    tried(errors, lambda: shown.rows(end))
    tried(errors, viewer.static_repr)
    tried(errors, lambda: viewer.__repr__())
    peaks.append(memory("VmHWM"))
    tried(errors, lambda: shown.find(FindRequest(text="alert")))
    for place in places[:3]:
        about = {"epoch": shown.epoch, "column": place}
        profiled = ProfilesRequest(epoch=shown.epoch, columns=(place,))
        tried(errors, lambda: shown.profiles(profiled))
        tried(errors, lambda: shown.distinct(DistinctRequest(column=place)))
        if rows:
            tried(errors, lambda: shown.cell(CellRequest(row=0, **about)))
        view_ = tried(errors, lambda: shown.engine.select(Query(sorts=(Sort(column=place),))))
        if view_ is not None:
            tried(errors, lambda: shown.engine.rows(view_, 0, 50, places, most=1_001))
    found = {"rows": rows, "first": first and first["cells"]}
    viewer.close()
    return found

view(sys.argv[1]).close()
for path in sys.argv[2:]:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, errors, peaks = memory("VmRSS"), [], []
    found = look(path, errors, peaks)
    grown = [peak - before for peak in (*peaks, memory("VmHWM"))]
    print(json.dumps([Path(path).name, found, errors, grown]), flush=True)
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "plain.csv").write_text("a\n1\n")
    paths = []
    for name in NAMES:
        paths.append(folder / name)
        paths[-1].write_bytes(MADE[name]() if name in MADE else FILES[name])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, folder / "plain.csv", *paths],
        capture_output=True,
        text=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: tuple(rest) for name, *rest in lines} | {"": (done.stderr,)}


pytestmark = [
    pytest.mark.skipif(
        not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc/self/clear_refs"
    ),
    pytest.mark.timeout(1_200),
    pytest.mark.slow,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_is_shown_or_refused_by_an_error_of_ours(outcomes, name):
    """Whatever is asked of its rows; and the kernel stays as small as it was."""
    assert name in outcomes, outcomes[""][0][-2_000:]
    found, errors, grown = outcomes[name]
    assert [error for error in errors if error.startswith("UNTYPED")] == []
    assert found is not None or errors
    assert grown[-1] < ASKED_GROWTH
    assert grown[0] < (ASKED_GROWTH if name.endswith("parquet") else SHOWN_GROWTH)


@pytest.mark.parametrize("name", KNOWN)
def test_what_comes_of_a_hostile_file(outcomes, name):
    """Its values as they are, or why there are none."""
    found, errors, _ = outcomes[name]
    if isinstance(KNOWN[name], str):
        assert errors[0] == KNOWN[name]
    else:
        assert found == KNOWN[name]
