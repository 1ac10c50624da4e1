"""Every Arrow type and every broken file comes through, or fails with an error of ours."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import uuid
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.corpora import outcome, outcomes, sent, view

ROWS = 60


def _types() -> dict[str, pa.Array]:
    ends = pa.array([-(2**63) + 1, 2**63 - 1, 0, None] * 15, pa.int64())
    bytes_ = pa.array(range(ROWS + 1), pa.int32()).buffers()[1]
    bad = pa.Array.from_buffers(pa.string(), ROWS, [None, bytes_, pa.py_buffer(b"\xff" * ROWS)])
    found = {
        "null": pa.nulls(ROWS),
        "invalid UTF-8": bad,
        "list of invalid UTF-8": pa.ListArray.from_arrays(
            pa.array(range(ROWS + 1), pa.int32()), bad
        ),
        "dictionary of invalid UTF-8": bad.dictionary_encode(),
        "unknown zone": pa.array(range(ROWS), pa.timestamp("us", "Mars/Base")),
        "odd offset": pa.array(range(ROWS), pa.timestamp("us", "+25:99")),
        "date32": pa.array([-(2**31), 2**31 - 1, 0] * 20, pa.int32()).cast(pa.date32()),
        "date64": pa.array([1, 5, 2**62] * 20, pa.int64()).view(pa.date64()),
        "time32": pa.array([-5, 2**31 - 1, 86_400] * 20, pa.int32()).view(pa.time32("s")),
        "time64": pa.array([-5, 2**62, 86_400] * 20, pa.int64()).view(pa.time64("ns")),
        "decimal128": pa.array([Decimal(9 * 10**37 + n) for n in range(ROWS)], pa.decimal128(38)),
        "decimal256": pa.array([Decimal(9 * 10**75 + n) for n in range(ROWS)], pa.decimal256(76)),
        "negative scale": pa.array([Decimal(n) * 1_000 for n in range(ROWS)], pa.decimal128(9, -3)),
        "float16": pa.array([float("nan"), float("inf"), 65504.0, None] * 15, pa.float16()),
        "float64": pa.array([float("inf"), -float("inf"), 1e308, -1e308] * 15),
        "uint64": pa.array([2**64 - 1 - n for n in range(ROWS)], pa.uint64()),
        "dictionary": pa.array(["a", "b", None] * 20).dictionary_encode(),
        "null in a dictionary": pa.DictionaryArray.from_arrays([0, 1] * 30, pa.array(["a", None])),
        "run-end encoded": pa.RunEndEncodedArray.from_arrays([30, ROWS], ["a", "b"]),
        "interval": pa.array([(1, 2, 3)] * ROWS, pa.month_day_nano_interval()),
        "list": pa.array([[1]] * ROWS),
        "list view": pa.array([[1]] * ROWS, pa.list_view(pa.int64())),
        "fixed size list": pa.array([[1, 2]] * ROWS, pa.list_(pa.int64(), 2)),
        "struct": pa.array([{"a": 1}] * ROWS),
        "map": pa.array([[("a", 1)]] * ROWS, pa.map_(pa.string(), pa.int64())),
        "union": pa.UnionArray.from_sparse(
            pa.array([0, 1] * 30, pa.int8()), [pa.array(range(ROWS)), pa.array(["x"] * ROWS)]
        ),
        "binary": pa.array([b"\xff"] * ROWS),
        "binary view": pa.array([b"\xff"] * ROWS, pa.binary_view()),
        "fixed size binary": pa.array([b"ab"] * ROWS, pa.binary(2)),
        "string view": pa.array(["a", "long enough to lie elsewhere"] * 30, pa.string_view()),
        "uuid": pa.ExtensionArray.from_storage(
            pa.uuid(), pa.array([uuid.UUID(int=n).bytes for n in range(ROWS)], pa.binary(16))
        ),
        "bool": pa.array([True, False] * 30),
        "date": pa.array([dt.date(2024, 1, 1)] * ROWS),
        "long text": pa.array(["x" * 100_000] * ROWS),
        "NUL": pa.array(["\0", "a\0b"] * 30),
    }
    for unit in ("s", "ms", "us", "ns"):
        for zone in (None, "UTC", "Europe/Berlin"):
            found[f"timestamp {unit} {zone}"] = ends.cast(pa.timestamp(unit, zone))
        found[f"duration {unit}"] = ends.cast(pa.duration(unit))
    for type_ in (pa.string(), pa.int64(), pa.timestamp("us", "UTC"), pa.decimal128(38, 2)):
        found[f"all null {type_}"] = pa.nulls(ROWS, type_)
    for name in ("decimal32", "decimal64"):
        if hasattr(pa, name):  # since Arrow 18 and 19
            found[name] = pa.array([Decimal(n) / 4 for n in range(ROWS)], getattr(pa, name)(9, 2))
    return found


TYPES = _types()


def _files() -> dict[str, bytes]:
    csv = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n % 7) for n in range(ROWS))
    objects = [{"a": n, "b": "x"} for n in range(ROWS)]
    array, lines = json.dumps(objects).encode(), "\n".join(map(json.dumps, objects)).encode()
    file = io.BytesIO()
    pq.write_table(pa.table({"a": list(range(ROWS)), "b": ["x"] * ROWS}), file)
    parquet = file.getvalue()
    long = b"9" * 20_000
    flipped = {
        f"flipped at {at}.parquet": parquet[:at] + bytes([parquet[at] ^ 255]) + parquet[at + 1 :]
        for at in range(0, len(parquet), 151)
    }
    return {
        "empty.csv": b"",
        "header only.csv": b"a,b\n",
        "blank.csv": b"\n\n",
        "NULs.csv": b"\0" * 500,
        "bad UTF-8.csv": csv + b"\xff\xfe,2\n",
        "ragged.csv": csv + b"1,2,3\n",
        "open quote.csv": b'a,b\n"1,2\n' * 30,
        "huge field.csv": b"a,b\n" + b"x" * (5 << 20) + b",1\n2,3\n",
        "duplicate names.csv": b"a,a\n1,2\n3,4\n",
        "empty names.csv": b",\n1,2\n3,4\n",
        "long integers.csv": b"a,b\n" + (long + b",1\n") * 3,
        "gzip.csv": gzip.compress(csv),
        "empty array.json": b"[]",
        "object.json": b"{}",
        "truncated.json": array[:-20],
        "deep.json": b"[" * 100_000,
        "deep value.json": b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]",
        "long integers.json": b'[{"a":' + long + b'},{"a":1}]',
        "38 digits.json": b"[" + b",".join([b'{"a":' + b"7" * 38 + b"}"] * 40) + b"]",
        "half a character.json": b'[{"a":"\\ud800"},{"\\ud800":2}]',
        "empty objects.json": b"[{},{}]",
        "empty key.json": b'[{"":1},{"":2}]',
        "many keys.jsonl": b"".join(b'{"k%d":1}\n' % n for n in range(100_000)),
        "truncated.jsonl": lines[:-5],
        "arrays.jsonl": b"[1]\n[2]\n",
        "bad UTF-8.jsonl": lines + b'\n{"a":"\xff"}\n',
        "magic only.parquet": b"PAR1",
        "no footer.parquet": parquet[:-10],
        "wrong length.parquet": parquet[:-8] + b"\xff\xff\xff\x7fPAR1",
        "text.parquet": csv,
        **flipped,
    }


FILES = _files()


def untyped(came: dict[str, str]) -> dict[str, str]:
    return {what: ending for what, ending in came.items() if ending.startswith("UNTYPED")}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("repeats", [False, True], ids=["as it is", "of one value"])
@pytest.mark.parametrize("name", TYPES)
def test_every_arrow_type_comes_through_or_is_refused(
    tmp_path: Path, name: str, repeats: bool
) -> None:
    """In memory and from a Parquet file, if Parquet can hold it; also where one value repeats."""
    values = TYPES[name]
    if repeats:
        values = pa.concat_arrays([values.slice(0, 1)] * ROWS)
    table = pa.table({"x": values, "k": list(range(ROWS))})
    path = tmp_path / "in.parquet"
    came = {"sent": sent(table), "view of a table": outcome(lambda: view(table))}
    try:
        pq.write_table(table, path)
    except (pa.ArrowException, OSError):
        path.unlink(missing_ok=True)
    if path.exists():
        came |= outcomes(path)

    assert untyped(came) == {}


@pytest.mark.parametrize("name", FILES)
def test_every_broken_file_is_refused_in_our_words(tmp_path: Path, name: str) -> None:
    """Whatever is done with it."""
    path = tmp_path / name
    path.write_bytes(FILES[name])

    assert untyped(outcomes(path)) == {}


def test_a_hundred_thousand_keys_are_refused_as_that(tmp_path: Path) -> None:
    """Before a column is made of each."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(FILES["many keys.jsonl"])

    assert set(outcomes(path).values()) == {"too_many_columns"}
