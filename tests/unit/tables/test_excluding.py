"""A table without some columns: neither their values nor their names remain in its form."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pytest

from datagen_nb.core.errors import InputError
from datagen_nb.tables.excluding import without
from datagen_nb.tables.formats import read_batches, write_part
from datagen_nb.tables.forms import presented

CSV = 'a;"b";c\n1,5;"x";NA\n2,5;"y";3\n'

ROWS: list[dict[str, Any]] = [
    {
        "id": n,
        "user": {"mail": f"{n}@x", "geo": {"lat": n / 4, "lon": None if n % 5 == 0 else 0.5}},
        "cart": {"n": n, "seen": n % 2} if n % 4 else None,
        "scores": [n * 10 + k for k in range(n % 4)],
    }
    for n in range(120)
]


def read(data: str, format: str) -> pa.Table:
    return pa.Table.from_batches(read_batches(io.BytesIO(data.encode()), format))


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_no_name_leaves_the_rows_as_they_are():
    """The same object."""
    table = read(CSV, "csv")
    assert without(table, (), "t") is table


@pytest.mark.parametrize("excluded", [["a"], ["b"], ["c"], ["a", "b"], ["a", "c"]])
def test_other_columns_are_written_as_they_were(excluded):
    """Their quotes, decimal marks and words for missing values stay theirs."""
    whole = read(CSV, "csv")
    kept = without(whole, excluded, "t")
    out = io.BytesIO()
    write_part(kept, "csv", out)
    fields = [place for place, name in enumerate("abc") if name not in excluded]
    wanted = [";".join(line.split(";")[place] for place in fields) for line in CSV.split()]
    assert out.getvalue().decode().splitlines()[1:] == wanted[1:]
    assert kept.column_names == [name for name in "abc" if name not in excluded]


def dropped(value: Any, path: str, excluded: list[str]) -> Any:
    """What is left of a nested value; objects of which nothing is left go too."""
    if not isinstance(value, dict):
        return value
    return {
        key: dropped(one, f"{path}{key}.", excluded)
        for key, one in value.items()
        if f"{path}{key}" not in excluded
    }


@pytest.mark.parametrize(
    "excluded",
    [
        ["id"],
        ["user"],
        ["user.mail"],
        ["user.geo", "id"],
        ["user.geo.lat"],
        ["cart"],
        ["cart.n"],
        ["cart.seen"],
        ["scores"],
        ["cart", "scores", "user"],
    ],
)
def test_a_nested_table_comes_back_without_them(excluded):
    """A null object stays null, whichever of its fields is left out."""
    table = without(read(lines(ROWS), "jsonl"), excluded, "t")
    assert presented(table).to_pylist() == [dropped(row, "", excluded) for row in ROWS]
    metadata = str(table.schema.metadata)
    assert not any(f'"{name}' in metadata for name in excluded)


@pytest.mark.parametrize(
    ("data", "format", "name", "near"),
    [(CSV, "csv", "aa", "a"), (lines(ROWS), "jsonl", "user.mai", "user.mail")],
)
def test_a_column_that_is_not_there_is_named(data, format, name, near):
    """With the nearest that is."""
    with pytest.raises(InputError, match=f"Did you mean {near}") as caught:
        without(read(data, format), [name], "t")
    assert caught.value.code == "unknown_column"


@pytest.mark.parametrize(("data", "format"), [(CSV, "csv"), (lines(ROWS), "jsonl")])
def test_a_table_of_no_columns_is_refused(data, format):
    """Something has to be left to fit."""
    table = read(data, format)
    names = ["a", "b", "c"] if format == "csv" else list(ROWS[0])
    with pytest.raises(InputError) as caught:
        without(table, names, "t")
    assert caught.value.code == "no_columns"
