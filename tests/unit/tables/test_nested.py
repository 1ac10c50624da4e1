"""Nested columns become flat ones and come back with the same keys, in every format."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import InputError
from datagen_nb.tables.formats import read_batches, read_part, write_part
from datagen_nb.tables.forms import presented
from datagen_nb.tables.json_values import literals
from datagen_nb.tables.nested import Nested
from datagen_nb.tables.nested_profile import detect

ROWS = [
    {
        "id": n,
        "user": {"id": n % 7, "geo": {"lat": n / 4, "lon": None if n % 5 == 0 else 0.5}},
        "tags": [[], ["a"], ["b", "a"]][n % 3],
        "cart": {"n": n, "seen": "2024-01-02T03:04:05"} if n % 4 == 0 else None,
        "scores": [n * 10 + k for k in range(n % 4)],
        "lines": [{"sku": f"s{n}-{k}", "qty": k} for k in range(n % 3)],
    }
    for n in range(120)
]


def read(data: str | bytes, format: str) -> pa.Table:
    file = io.BytesIO(data.encode() if isinstance(data, str) else data)
    return pa.Table.from_batches(read_batches(file, format))


def written(table: pa.Table, format: str) -> bytes:
    file = io.BytesIO()
    write_part(table, format, file)
    return file.getvalue()


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def parquet(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


SOURCES: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "jsonl": lines,
    "json": json.dumps,
    "parquet": parquet,
}


@pytest.mark.parametrize("format", SOURCES)
def test_nested_rows_come_back_as_they_were(format: str) -> None:
    """Objects in objects, optional ones, lists of values and of objects."""
    table = read(SOURCES[format](ROWS), format)

    assert not any(pa.types.is_nested(type) for type in table.schema.types)
    again = written(table, format)
    if format == "parquet":
        assert pq.read_table(io.BytesIO(again)).to_pylist() == ROWS
    else:
        text = again.decode()
        found = json.loads(text) if format == "json" else list(map(json.loads, text.splitlines()))
        assert found == ROWS
    assert read_part(io.BytesIO(again), format, table.schema).equals(table)


@pytest.mark.parametrize("format", ["csv", "json", "jsonl", "parquet"])
def test_a_nested_table_converts_to_every_format(format: str) -> None:
    """CSV, which has no objects, holds the flat columns."""
    table = read(lines(ROWS), "jsonl")

    part = read_part(io.BytesIO(written(table, format)), format, table.schema)

    assert presented(part).to_pylist()[4] == ROWS[4] | {
        "cart": {"n": 4, "seen": datetime.fromisoformat("2024-01-02T03:04:05")}
    }


def test_flat_columns_are_called_by_their_paths() -> None:
    """Few lists of many rows stay whole, others become a column for each element."""
    names = read(lines(ROWS), "jsonl").column_names

    assert names == [
        *("id", "user.id", "user.geo.lat", "user.geo.lon", "tags", "cart.n", "cart.seen"),
        *("scores.0", "scores.1", "scores.2"),
        *("lines.0.sku", "lines.0.qty", "lines.1.sku", "lines.1.qty"),
    ]


def test_times_within_objects_are_times() -> None:
    """A text within an object is judged as any other."""
    table = read(lines(ROWS), "jsonl")

    assert pa.types.is_timestamp(table.schema.field("cart.seen").type)


def test_a_key_that_objects_lack_is_left_out_again() -> None:
    """Absent and null are different, at the top and within objects; both together are null."""
    rows: list[dict[str, Any]] = [
        {"a": 1, "o": {"x": 1, "y": None}, "both": None},
        {"a": None, "b": "x", "o": {"x": 1}},
        {"a": 3, "o": {"x": 1, "z": 2, "y": 3}, "both": 1},
    ]
    table = read(lines(rows), "jsonl")

    found = [json.loads(line) for line in written(table, "jsonl").splitlines()]

    assert ["b" in row for row in found] == [False, True, False]
    assert all({"a", "both", "o"} <= row.keys() for row in found)
    assert [sorted(row["o"]) for row in found] == [["x", "y"], ["x", "y"], ["x", "y", "z"]]
    assert json.loads(written(table, "json")) == found


def test_a_null_object_differs_from_one_of_nulls() -> None:
    """Where no field tells them apart, a column of its own does."""
    rows = [{"o": {"x": None}}, {"o": None}, {"o": {"x": 1}}]

    table = read(parquet(rows), "parquet")

    assert table.column_names == ["o", "o.x"]
    assert presented(table).to_pylist() == rows


def test_a_name_that_a_path_would_take_is_kept_apart() -> None:
    """Keys may have points in their names."""
    rows = [{"a.b": n, "a": {"b": -n}} for n in range(3)]

    table = read(parquet(rows), "parquet")

    assert table.column_names == ["a.b", "a/b"]
    assert presented(table).to_pylist() == rows


@pytest.mark.parametrize("values", [[{"a": 1}, {"a": "x"}], [{"a": 1}, 3], [[1], {"a": 1}]])
def test_values_that_are_no_one_type_stay_text(values: list[Any]) -> None:
    """Objects among other values are reported of, and kept as what they are written as."""
    reported: list[str] = []
    data = lines([{"v": value} for value in values])
    batches = read_batches(io.BytesIO(data.encode()), "jsonl", warn=reported.append)

    table = pa.Table.from_batches(batches)

    assert table["v"].to_pylist() == [json.dumps(value) for value in values]
    assert reported == ["Column 'v' holds values of mixed types; kept as text."]


def test_types_may_widen_from_one_part_of_a_file_to_the_next() -> None:
    """Whole numbers, later fractions; no object, later one; new keys."""
    rows: list[dict[str, Any]] = [{"o": None}, {"o": {"x": 1}}, {"o": {"x": 1.5, "l": []}}]
    rows += [{"o": {"x": 2, "l": [1]}}] * 30_000

    table = read(lines(rows), "jsonl")

    assert table["o.x"].to_pylist()[:4] == [None, 1.0, 1.5, 2.0]
    assert table.num_rows == 30_003


values = st.none() | st.integers(-5, 5)
texts = st.none() | st.text(st.characters(codec="ascii"), max_size=3)
objects = st.fixed_dictionaries(
    {"x": values, "t": texts, "in": st.fixed_dictionaries({"y": values})}
)
rows = st.fixed_dictionaries(
    {
        "o": st.none() | objects,
        "l": st.none() | st.lists(st.integers(-5, 5), max_size=4),
        "s": st.lists(st.sampled_from("abc"), unique=True, max_size=3),
        "lo": st.none() | st.lists(st.fixed_dictionaries({"a": values, "b": texts}), max_size=2),
        "n": values,
    }
)
INNER = pa.struct([("y", pa.int64())])
SCHEMA = pa.schema(
    [
        (
            "o",
            pa.struct(
                [("x", pa.int64()), ("t", pa.string()), ("in", pa.struct([("y", pa.int64())]))]
            ),
        ),
        ("l", pa.list_(pa.int64())),
        ("s", pa.large_list(pa.string())),
        ("lo", pa.list_(pa.struct([("a", pa.int64()), ("b", pa.string())]))),
        ("n", pa.int64()),
    ]
)


@settings(max_examples=200)
@given(st.lists(rows, min_size=1, max_size=12))
def test_any_nested_table_comes_back(found: list[dict[str, Any]]) -> None:
    """Flattening and rebuilding is the identity, for any nulls and lengths."""
    table = pa.Table.from_pylist(found, SCHEMA)
    nested = detect(table)
    assert nested is not None

    flat = nested.flatten(table)

    assert nested.rebuild(pa.Table.from_batches([flat])).to_pylist() == found
    assert Nested.of(nested.attach(flat.schema)) == nested


@settings(max_examples=200)
@given(st.lists(rows, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_any_flat_values_make_nested_ones(found: list[dict[str, Any]], random: Any) -> None:
    """Columns that were made apart from each other give objects and lists of the input's form."""
    table = pa.Table.from_pylist(found, SCHEMA)
    nested = detect(table)
    assert nested is not None
    flat = nested.flatten(table)
    columns = [
        column.take(pa.array([random.randrange(flat.num_rows) for _ in range(6)]))
        for column in flat.columns
    ]

    made = nested.rebuild(pa.Table.from_arrays(columns, schema=flat.schema))

    made.validate(full=True)
    assert made.schema == SCHEMA
    kinds = {tuple(sorted(row["s"])) == tuple(sorted(set(row["s"]))) for row in made.to_pylist()}
    assert kinds == {True}
    assert max(len(row["l"] or []) for row in made.to_pylist()) <= max(
        len(row["l"] or []) for row in found
    )


def test_a_pooled_value_of_whole_lists_is_an_empty_list() -> None:
    """What is no JSON has no elements."""
    table = pa.Table.from_pylist([{"l": ["a"]}, {"l": []}] * 20)
    nested = detect(table)
    assert nested is not None

    made = nested.rebuild(pa.table({"l": ['["a"]', "other", None]}))

    assert made["l"].to_pylist() == [["a"], [], None]


@given(st.lists(rows, min_size=1, max_size=5))
@settings(max_examples=100)
def test_json_of_nested_values_is_that_of_the_standard_library(found: list[Any]) -> None:
    """Whole columns at a time, the same texts."""
    table = pa.Table.from_pylist(found, SCHEMA)

    for name in SCHEMA.names:
        column = table[name].combine_chunks()
        assert [text and json.loads(text) for text in literals(column).to_pylist()] == [
            row[name] for row in found
        ]


def test_lists_of_a_fixed_length_stay_so() -> None:
    """Coordinates and vectors."""
    column = pa.array([[float(n), n / 2] for n in range(50)], pa.list_(pa.float64(), 2))
    file = io.BytesIO()
    pq.write_table(pa.table({"v": column}), file)

    table = pa.Table.from_batches(read_batches(file, "parquet"))

    assert table.column_names == ["v.0", "v.1"]
    assert presented(table)["v"].combine_chunks() == column


def test_what_cannot_be_flattened_is_refused_by_name() -> None:
    """In every format alike."""
    rows = [{"v": list(range(n))} for n in range(60)]

    for format, write in SOURCES.items():
        with pytest.raises(InputError, match="has a column 'v' that holds many different lists"):
            read(write(rows), format)
