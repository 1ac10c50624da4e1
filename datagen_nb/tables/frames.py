"""A table in memory as Arrow, from pandas and whatever has Arrow's C stream; and back to pandas.

Any frame with ``__arrow_c_stream__`` is taken: polars, ibis, DuckDB and others. What training
takes and what can be displayed differ in ``for_display`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from datagen_nb.core.errors import ArgumentTypeError
from datagen_nb.tables.input_errors import input_error

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class ArrowStream(Protocol):
    """A table that hands itself over as an Arrow stream.

    Source: the Arrow PyCapsule interface.
    """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Make a capsule that holds an ``ArrowArrayStream``."""
        ...


def is_frame(value: Any) -> bool:
    """Whether ``to_arrow`` may take it; asks its type alone, and loads no library."""
    kind = type(value)
    return _is_pandas(value) or any(
        hasattr(kind, name) for name in ("__arrow_c_stream__", "__arrow_c_array__")
    )


def column_names(frame: Any) -> list[str] | None:
    """Names of the columns that ``to_arrow`` would give; ``None`` if only a conversion tells."""
    if _is_pandas(frame):
        return [name for name, _ in _pandas_columns(frame, for_display=False)]
    names = getattr(frame, "column_names", getattr(frame, "columns", None))
    return list(names) if isinstance(names, list | tuple) else None


def to_arrow(frame: Any, *, for_display: bool = False) -> pa.Table:
    """Convert a table in memory to Arrow; names may repeat in the result.

    The index of a pandas DataFrame becomes its first columns if it has a name. Names that are
    tuples are joined with " / ".

    Args:
        frame: A pandas DataFrame, a pyarrow Table, RecordBatch or RecordBatchReader, or any other
            object with ``__arrow_c_stream__``. A reader is read to its end.
        for_display: Keep what a reader can use and training cannot: an index without a name, and
            columns of mixed types, as text.

    Raises:
        InputError: A column is of mixed or unknown types, or its text is not Unicode
            (``unsupported_column``); or the rows of a stream cannot be read
            (``input_unreadable``).
        ArgumentTypeError: It is not a table.

    Example:
        ```python
        to_arrow(polars.DataFrame({"a": [1, 2]}))
        ```
    """
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        return frame
    if not is_frame(frame):
        raise _not_a_table(frame)
    if _is_pandas(frame):
        columns = list(_pandas_columns(frame, for_display=for_display))
        arrays = [_from_pandas(name, values, for_display=for_display) for name, values in columns]
        table = pa.Table.from_arrays(arrays, names=[name for name, _ in columns])
        return table if for_display else table.replace_schema_metadata(_metadata(columns))
    return _without_views(_from_stream(frame))


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Convert an Arrow table to a pandas DataFrame.

    Raises:
        InputError: pandas cannot hold a column (``unsupported_column``), as dates beyond the years
            of Python's, or instants in a zone that this machine does not know.

    Example:
        ```python
        to_pandas(pyarrow.table({"a": [1, 2]}))
        ```
    """
    import pyarrow as pa

    unsuitable = (pa.ArrowException, ValueError, OverflowError)
    try:
        return cast("pd.DataFrame", table.to_pandas())
    except unsuitable:
        for name, column in zip(table.schema.names, table.columns, strict=True):
            try:
                column.to_pandas()
            except unsuitable as error:
                raise input_error(
                    "unsupported_column",
                    "The table",
                    f"has a column {name!r} of {column.type} that pandas cannot hold: {error}",
                    "Leave it out, or take the rows as Arrow.",
                    column=name,
                ) from error
        raise


def _is_pandas(value: Any) -> bool:
    return hasattr(type(value), "iloc") and hasattr(type(value), "columns")


def _not_a_table(value: Any) -> ArgumentTypeError:
    kind = type(value).__name__
    if isinstance(value, list | tuple | dict):
        remedy = f"Make a table of it first: pandas.DataFrame({kind})."
    elif hasattr(value, "to_frame"):
        remedy = "Make a table of it first, with its to_frame()."
    else:
        remedy = (
            "Give a path, a DataFrame of pandas or polars, a pyarrow Table, or anything else with "
            "__arrow_c_stream__."
        )
    return ArgumentTypeError(f"Cannot take a table from {kind}. {remedy}")


def _from_stream(frame: Any) -> pa.Table:
    import pyarrow as pa

    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    try:
        if hasattr(type(frame), "__arrow_c_stream__"):
            reader = pa.RecordBatchReader.from_stream(frame)
        else:
            return pa.table(frame)
    except (pa.ArrowInvalid, TypeError) as error:  # a stream of arrays, as of a Series
        raise _not_a_table(frame) from error
    try:
        return reader.read_all()
    except (pa.ArrowException, OSError) as error:
        raise input_error(
            "input_unreadable",
            "The table",
            f"cannot be read to its end: {' '.join(str(error).split())}",
            "Look at what makes its rows, as the query behind it.",
        ) from error


def _without_views(table: pa.Table) -> pa.Table:
    """The same values in layouts that every kernel of Arrow and Parquet takes."""
    import pyarrow as pa

    known = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}

    def usual(type: pa.DataType) -> pa.DataType:
        if pa.types.is_dictionary(type):
            return pa.dictionary(type.index_type, usual(type.value_type), type.ordered)
        return known.get(type, type)

    fields = [field.with_type(usual(field.type)) for field in table.schema]
    return table.cast(pa.schema(fields)) if fields else table


def _pandas_columns(frame: pd.DataFrame, *, for_display: bool) -> Iterator[tuple[str, Any]]:
    """Columns by name: first those of the index, if it means something."""
    import pandas as pd

    index = frame.index
    counts = isinstance(index, pd.RangeIndex) and index.name is None
    if not counts and (for_display or any(name is not None for name in index.names)):
        for level, name in enumerate(index.names):
            unnamed = "index" if index.nlevels == 1 else f"level_{level}"
            yield unnamed if name is None else _name(name), index.get_level_values(level)
    for place, name in enumerate(frame.columns):
        yield _name(name), frame.iloc[:, place]


def _metadata(columns: Sequence[tuple[str, Any]]) -> dict[bytes, bytes] | None:
    """What pandas writes about the types of columns, for ``forms.form_of``."""
    import pandas as pd
    import pyarrow as pa

    empty = pd.DataFrame({name: values[:0] for name, values in columns})
    metadata: dict[bytes, bytes] | None = pa.Schema.from_pandas(
        empty, preserve_index=False
    ).metadata
    return metadata


def _name(name: Any) -> str:
    return " / ".join(str(part) for part in name) if isinstance(name, tuple) else str(name)


def _from_pandas(
    name: str, values: pd.Series[Any] | pd.Index[Any], *, for_display: bool
) -> pa.Array | pa.ChunkedArray:
    import pyarrow as pa

    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, UnicodeError, OverflowError) as error:
        if for_display:
            return _texts(values)
        what, remedy = f"of mixed or unknown types: {error.args[0]}", "with .astype(str)"
        if isinstance(error, UnicodeError):
            what, remedy = f"whose text is not Unicode: {error}", "by decoding it anew"
        raise input_error(
            "unsupported_column",
            "The table",
            f"has a column {name!r} {what}",
            f"Convert it, for example {remedy}.",
            column=name,
        ) from error


def _texts(values: pd.Series[Any] | pd.Index[Any]) -> pa.Array:
    import pyarrow as pa

    texts = [
        None if missing is True else str(value).encode(errors="replace").decode()
        for value, missing in zip(values, values.isna().tolist(), strict=True)
    ]
    return pa.array(texts, pa.string())
