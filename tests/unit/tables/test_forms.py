"""The types that a frame has are those of its result, in every format."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.client.inputs import _write_parquet
from datagen_nb.tables.formats import assemble, read_batches, read_part, write_part
from datagen_nb.tables.forms import LevelCounts, categorical, form_of, levels_of, with_form

FORMATS = ("csv", "json", "jsonl", "parquet")
LEVELS = pd.CategoricalDtype(["low", "mid", "high", "never"], ordered=True)


def frame(rows: int = 40) -> pd.DataFrame:
    n = np.arange(rows)
    return pd.DataFrame(
        {
            "level": pd.Categorical(LEVELS.categories[n % 3], dtype=LEVELS),
            "code": pd.Categorical([(3, 1, 2)[k % 3] for k in n], categories=[3, 2, 1]),
            "count": pd.array([None if k % 4 == 0 else k for k in n], dtype="Int64"),
            "flag": pd.array([None if k % 4 == 0 else k % 2 == 0 for k in n], dtype="boolean"),
            "or_none": [None if k % 4 == 0 else bool(k % 2) for k in n],
            "share": pd.array([None if k % 4 == 0 else k / 8 for k in n], dtype="Float64"),
            "single": n.astype("float32"),
            "byte": n.astype("uint8"),
            "lasted": pd.to_timedelta(n, "min"),
            "zoned": pd.date_range("2024-01-01", periods=rows, tz="Europe/Berlin"),
            "second": pd.date_range("2024-01-01", periods=rows).astype("datetime64[s]"),
            "nothing": np.full(rows, np.nan),
        }
    )


def read(source: pd.DataFrame | pa.Table) -> pa.Table:
    file = io.BytesIO()
    _write_parquet(source, file)
    return pa.Table.from_batches(read_batches(file, "parquet"))


@pytest.mark.parametrize("format", FORMATS)
def test_a_frame_has_its_types_again_after_any_format(format: str) -> None:
    """Categories with their order, those unused too, and what pandas alone can tell apart."""
    table, file = read(frame()), io.BytesIO()

    write_part(table, format, file)
    again = categorical(read_part(file, format, table.schema)).to_pandas()

    pd.testing.assert_frame_equal(again, frame())


def test_a_parquet_file_has_the_types_of_the_frame_for_pandas() -> None:
    """also joined of parts, but for what pandas does not keep in Parquet itself."""
    table = read(frame().drop(columns="code"))
    parts = [io.BytesIO() for _ in range(2)]
    for place, part in enumerate(parts):
        write_part(table.slice(20 * place, 20), "parquet", part)
    target = io.BytesIO()

    assemble(parts, "parquet", target, schema=table.schema)

    expected = frame().drop(columns="code").astype({"second": "datetime64[ms]"})
    pd.testing.assert_frame_equal(pd.read_parquet(target), expected)


def test_while_rows_are_made_a_table_is_plain() -> None:
    """What makes rows gets values, not how they were stored."""
    table = read(frame())

    assert table.schema.field("level").type == pa.string()
    assert table.schema.field("code").type == pa.int64()


def test_a_frames_attributes_and_index_are_not_kept() -> None:
    """They may be anything, and the result has neither."""
    given = frame()
    given.attrs["owner"] = "Ann"

    table = read(given)

    assert b"Ann" not in table.schema.serialize().to_pybytes()
    assert categorical(table).to_pandas().index.equals(pd.RangeIndex(40))


def test_an_index_that_pandas_wrote_is_one_again() -> None:
    """A Parquet file with an index gives one with an index."""
    file, again = io.BytesIO(), io.BytesIO()
    frame()[["byte"]].set_index(pd.Index([*range(100, 139), 7], name="key")).to_parquet(file)

    write_part(pa.Table.from_batches(read_batches(file, "parquet")), "parquet", again)

    assert pd.read_parquet(again).index.name == "key"


def test_a_category_that_few_rows_have_is_not_declared() -> None:
    """It would tell that they are there; one that no row has tells nothing."""
    values = ["often"] * 30 + ["once"]
    categories = ["never", "once", "often"]
    table = read(pd.DataFrame({"a": pd.Categorical(values, categories=categories), "b": range(31)}))
    counts = LevelCounts()
    for batch in table.to_batches(max_chunksize=7):
        counts.add(batch)

    schema = counts.without_rare(table.schema, 5)

    levels = levels_of(schema.field("a"))
    assert levels is not None
    assert levels.to_pylist() == ["never", "often"]


def test_values_that_no_category_declares_are_added_behind() -> None:
    """What is made anew has a place too."""
    table = read(pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": [1, 2]}))
    made = pa.table({"a": ["y", "new", None], "b": [1, 2, 3]}).cast(table.schema)

    column = categorical(made).to_pandas()["a"]

    assert column.cat.categories.tolist() == ["x", "y", "new"]
    assert column.isna().tolist() == [False, False, True]


def test_a_form_is_given_by_name() -> None:
    """To a schema that has other columns, or others types, too."""
    form = read(frame()).schema
    schema = pa.schema([("level", pa.string()), ("other", pa.int64())])

    given = with_form(schema, form)

    assert levels_of(given.field("level")) is not None
    assert given.metadata == form.metadata
    assert given.equals(schema)


@pytest.mark.parametrize("data", [b"no JSON", b"{}", b"[]", b'{"columns": 7}'])
def test_metadata_that_pandas_did_not_write_is_left_out(data: bytes) -> None:
    """A file may hold anything under that name."""
    schema = pa.schema([("a", pa.int64())], metadata={b"pandas": data, b"other": b"x"})

    assert not form_of(schema).metadata


def test_dictionaries_of_other_writers_are_categories_too() -> None:
    """Their order is that of the file."""
    table, file = pa.table({"a": pa.array(["y", "x", "y"]).dictionary_encode()}), io.BytesIO()
    pq.write_table(table, file)

    made = categorical(pa.Table.from_batches(read_batches(file, "parquet")))

    assert made["a"].combine_chunks().dictionary.to_pylist() == ["y", "x"]
    assert made["a"].to_pylist() == ["y", "x", "y"]
