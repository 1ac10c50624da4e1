"""Rows to look at: windows of a table, wherever it lies, and the same rows sorted and filtered.

A source has ``schema``, ``num_rows`` and ``read(start, stop)``; a window reads no more than the
pieces it touches. Sorting compares values; filtering compares the text that people see.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen_nb.core.config import format_of
from datagen_nb.core.errors import InputError
from datagen_nb.tables import sniff
from datagen_nb.tables.formats import read_batches

if TYPE_CHECKING:
    import pandas as pd


class Source(Protocol):
    """Rows by number."""

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        ...

    @property
    def num_rows(self) -> int:
        """How many there are."""
        ...

    def read(self, start: int, stop: int) -> pa.Table:
        """Rows ``start`` to ``stop``, clamped to those there are."""
        ...


@dataclass(frozen=True, slots=True)
class TableSource:
    """A table in memory."""

    table: pa.Table

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    @property
    def num_rows(self) -> int:
        return int(self.table.num_rows)

    def read(self, start: int, stop: int) -> pa.Table:
        start = min(max(start, 0), self.num_rows)
        return self.table.slice(start, max(min(stop, self.num_rows) - start, 0))


class ParquetSource:
    """A Parquet file, read by row group; the newest one read is kept."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        groups = self._file.metadata.num_row_groups
        rows = [self._file.metadata.row_group(group).num_rows for group in range(groups)]
        self._ends = list(accumulate(rows))
        self._newest: tuple[int, pa.Table] | None = None

    @property
    def schema(self) -> pa.Schema:
        return self._file.schema_arrow.remove_metadata()

    @property
    def num_rows(self) -> int:
        return self._ends[-1] if self._ends else 0

    def read(self, start: int, stop: int) -> pa.Table:
        start, stop = max(start, 0), min(stop, self.num_rows)
        pieces = []
        while start < stop:
            group = bisect_right(self._ends, start)
            first = self._ends[group - 1] if group else 0
            end = min(stop, self._ends[group])
            pieces.append(self._group(group).slice(start - first, end - start))
            start = end
        return pa.concat_tables(pieces) if pieces else self.schema.empty_table()

    def _group(self, group: int) -> pa.Table:
        if self._newest is None or self._newest[0] != group:
            self._newest = (group, self._file.read_row_group(group))
        return self._newest[1]


def source_of(data: Any) -> Source:
    """Rows of a pandas DataFrame, a pyarrow Table, a file, or what is a source already.

    Raises:
        InputError: The file cannot be read.
        TypeError: It is none of these.
    """
    if isinstance(data, pa.Table):
        return TableSource(data)
    if isinstance(data, str | os.PathLike):
        return _source_of_file(Path(os.path.expanduser(data)))
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return TableSource(_from_frame(data))
    if all(hasattr(data, name) for name in ("schema", "num_rows", "read")):
        rows: Source = data
        return rows
    raise TypeError(
        f"cannot look at a {type(data).__name__}: "
        "give a DataFrame, a pyarrow Table, a path or a Dataset"
    )


def _source_of_file(path: Path) -> Source:
    format = format_of(path.name)
    if format is None:
        raise InputError(
            f"{path} has no ending that names a format. Rename it to end in .csv, .json, .jsonl "
            "or .parquet.",
            code="input_wrong_format",
        )
    sniff.look(path, format)
    if format == "parquet":
        return ParquetSource(path)
    with path.open("rb") as file:
        return TableSource(
            pa.Table.from_batches(read_batches(file, format, name=str(path), parameters={}))
        )


def _from_frame(frame: pd.DataFrame) -> pa.Table:
    """Column by column, so that names may repeat and mixed values show as their text."""
    arrays, names = [], []
    if frame.index.names != [None]:
        frame = frame.reset_index()
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        try:
            arrays.append(pa.Array.from_pandas(column))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            texts = [None if value is None else str(value) for value in column]
            arrays.append(pa.array(texts, pa.string()))
        names.append(str(name))
    return pa.Table.from_arrays(arrays, names=names)


@dataclass(frozen=True, slots=True)
class Sort:
    """Order by a column, nulls last."""

    column: int
    descending: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """Keep rows whose text in a column fits; ``value`` is a text or several."""

    column: int
    operator: str
    value: Any


OPERATORS = (
    "=", "!=", "<", "<=", ">", ">=", "in", "between", "empty", "notempty",
    "startswith", "endswith", "contains", "!contains",
)  # fmt: skip


def arrange(table: pa.Table, filters: Sequence[Filter], sorts: Sequence[Sort]) -> pa.Table:
    """The rows that fit every filter, in order.

    Raises:
        ValueError: An operator is unknown.
    """
    for wanted in filters:
        table = table.filter(_fits(table.column(wanted.column), wanted))
    if sorts:
        keys = {f"k{place}": table.column(sort.column) for place, sort in enumerate(sorts)}
        order = [
            (f"k{place}", "descending" if sort.descending else "ascending")
            for place, sort in enumerate(sorts)
        ]
        table = table.take(pc.sort_indices(pa.table(keys), sort_keys=order))
    return table


def _fits(column: pa.ChunkedArray, wanted: Filter) -> Any:
    shown, value = as_text(column), wanted.value
    match wanted.operator:
        case "empty":
            return pc.is_null(shown)
        case "notempty":
            return pc.is_valid(shown)
        case "=":
            return pc.equal(shown, str(value))
        case "!=":
            return pc.not_equal(shown, str(value))
        case "in":
            return pc.is_in(shown, pa.array([str(one) for one in value], pa.string()))
        case "startswith":
            return pc.starts_with(shown, str(value))
        case "endswith":
            return pc.ends_with(shown, str(value))
        case "contains" | "stringContains":
            return pc.match_substring(shown, str(value), ignore_case=True)
        case "!contains":
            return pc.invert(pc.match_substring(shown, str(value), ignore_case=True))
        case "between":
            low, high = (_like(column, one) for one in value)
            return pc.and_(pc.greater_equal(column, low), pc.less_equal(column, high))
        case "<" | "<=" | ">" | ">=":
            compare = {
                "<": pc.less,
                "<=": pc.less_equal,
                ">": pc.greater,
                ">=": pc.greater_equal,
            }[wanted.operator]
            return compare(column, _like(column, value))
        case _:
            raise ValueError(
                f"no operator {wanted.operator!r}; operators are {', '.join(OPERATORS)}"
            )


def _like(column: pa.ChunkedArray, value: Any) -> pa.Scalar:
    return pa.scalar(str(value)).cast(column.type)


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each value as exact text: every digit, microseconds, the zone's offset; null stays null."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        texts = [None if value is None else str(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
