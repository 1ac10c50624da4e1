"""Tables in memory, of whatever library."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from datagen_nb.client.inputs import _write_parquet
from datagen_nb.core.errors import ArgumentTypeError, InputError
from datagen_nb.tables.formats import read_batches
from datagen_nb.tables.frames import is_frame, to_arrow

TABLE = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})


class Foreign:
    """A frame of another library, as polars, DuckDB and ibis have one."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


class Breaking:
    """A frame whose rows come from something that fails."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        def batches() -> Any:
            yield TABLE.to_batches()[0]
            raise OSError("the connection was lost")

        reader = pa.RecordBatchReader.from_batches(TABLE.schema, batches())
        return reader.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "frame",
    [TABLE, Foreign(TABLE), TABLE.to_batches()[0], TABLE.to_reader(), TABLE.to_pandas()],
    ids=["Table", "stream", "RecordBatch", "RecordBatchReader", "pandas"],
)
def test_any_frame_is_a_table_to_learn_from(frame: Any) -> None:
    """What hands itself over as an Arrow stream needs no library of ours."""
    file = io.BytesIO()

    assert is_frame(frame)
    _write_parquet(frame, file)

    table = pa.Table.from_batches(read_batches(file, "parquet"))
    assert table.to_pydict() == TABLE.to_pydict()


def test_views_as_polars_has_them_are_texts() -> None:
    """The layout is the library's own affair."""
    views = pa.table({"a": pa.array(["x", "y"], pa.string_view())})

    assert to_arrow(Foreign(views)).schema.types == [pa.large_string()]


def test_any_frame_can_be_viewed() -> None:
    """Also with names that repeat and values that training does not take."""
    mixed = pd.DataFrame([[1, "x"], ["y", 2]], columns=["a", "a"])

    assert to_arrow(Foreign(TABLE), for_display=True).slice(1, 1).to_pylist() == [
        {"a": 2, "b": None}
    ]
    assert to_arrow(mixed, for_display=True).schema.names == ["a", "a"]
    with pytest.raises(InputError, match="of mixed or unknown types"):
        to_arrow(mixed)


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (7, "polars"),
        (object(), "polars"),
        (pa.array([1, 2]), "polars"),
        ([{"a": 1}], r"pandas\.DataFrame\(list\)"),
        ({"a": [1]}, r"pandas\.DataFrame\(dict\)"),
        (pd.Series([1]), r"to_frame\(\)"),
    ],
)
def test_what_is_no_table_is_refused_with_what_would_be(value: Any, remedy: str) -> None:
    """The message names the type, and what is taken or how to make a table of this."""
    with pytest.raises(ArgumentTypeError, match=f"Cannot take a table from .*{remedy}"):
        to_arrow(value)


def test_a_stream_that_breaks_is_an_error_of_the_input() -> None:
    """Rows of a query may fail half way."""
    with pytest.raises(InputError, match=r"cannot be read to its end: .*connection was lost"):
        to_arrow(Breaking())
