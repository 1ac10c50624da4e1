"""Rows to look at: windows of a table, wherever it lies, and the same rows sorted and filtered.

A source has ``schema``, ``num_rows`` and ``read(start, stop)``; a window reads no more than the
pieces it touches. Numbers and times are compared as what they are, anything else by the text that
people see.
"""

from __future__ import annotations

import os
import weakref
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen_nb.core.formats import format_of
from datagen_nb.tables import sniff
from datagen_nb.tables.cells import as_text, is_number
from datagen_nb.tables.formats import read_batches
from datagen_nb.tables.frames import is_frame, to_arrow
from datagen_nb.tables.input_errors import no_format
from datagen_nb.tables.packed import unpacked
from datagen_nb.tables.parquet_files import parquet_broken


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
        file = sniff.open_file(path)
        weakref.finalize(self, file.close)
        self._name = str(path)
        with _parquet_errors(self._name):
            self._file = pq.ParquetFile(file)
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
            with _parquet_errors(self._name):
                self._newest = (group, self._file.read_row_group(group))
        return self._newest[1]


@contextmanager
def _parquet_errors(name: str) -> Iterator[None]:
    """Say what Arrow finds wrong with a file as ours."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise parquet_broken(name, error) from error


def source_of(data: Any) -> Source:
    """Rows of a table in memory, of a file, or of what is a source already.

    Raises:
        InputError: The file cannot be read.
        TypeError: It is none of these.
    """
    if isinstance(data, str | os.PathLike):
        return _source_of_file(Path(os.path.expanduser(data)))
    if not is_frame(data) and all(hasattr(data, name) for name in ("schema", "num_rows", "read")):
        rows: Source = data
        return rows
    return TableSource(to_arrow(data, for_display=True))


def _source_of_file(path: Path) -> Source:
    format = format_of(path.name)
    if format is None:
        raise no_format(str(path))
    sniff.check_file(path, format)
    if format == "parquet":
        return ParquetSource(path)
    with sniff.open_file(path) as packed, unpacked(packed, str(path)) as file:
        return TableSource(
            pa.Table.from_batches(read_batches(file, format, name=str(path), parameters={}))
        )


class CannotArrange(ValueError):
    """Rows cannot be sorted or filtered as asked; the message is for who asked."""


@dataclass(frozen=True, slots=True)
class Sort:
    """Order by a column, nulls last."""

    column: int
    descending: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """Keep rows whose value in a column fits; ``value`` is what was typed, or several texts."""

    column: int
    operator: str
    value: Any


OPERATORS = (
    "=", "!=", "<", "<=", ">", ">=", "in", "between", "empty", "notempty",
    "startswith", "endswith", "contains", "!contains",
)  # fmt: skip


def arrange(table: pa.Table, filters: Sequence[Filter], sorts: Sequence[Sort]) -> pa.Array:
    """Numbers of the rows that fit every filter, in order; equal rows stay in theirs.

    Raises:
        CannotArrange: An operator is unknown, or a value does not go with its column.
    """
    order = pa.array(np.arange(table.num_rows))
    for wanted in filters:
        fits = _fits(table.column(wanted.column), wanted.operator, wanted.value).combine_chunks()
        order, table = order.filter(fits), table.filter(fits)
    for sort in reversed(sorts):
        places = _sorted(table.column(sort.column), descending=sort.descending)
        order, table = order.take(places), table.take(places)
    return order


def _sorted(column: pa.ChunkedArray, *, descending: bool) -> pa.Array:
    keyed = pa.table({"value": _comparable(column), "row": np.arange(len(column))})
    keys = [("value", "descending" if descending else "ascending"), ("row", "ascending")]
    return pc.sort_indices(keyed, sort_keys=keys)


def _comparable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values that have an order of their own; the texts of those that have none."""
    type_ = column.type
    if pa.types.is_boolean(type_):
        return column.cast(pa.int8())
    if is_number(type_) or pa.types.is_temporal(type_):
        return column
    return as_text(column)


def _fits(column: pa.ChunkedArray, operator: str, value: Any) -> pa.ChunkedArray:
    """Whether each value fits; unknown, which drops the row, where it is missing."""
    match operator:
        case "empty":
            return pc.is_null(column)
        case "notempty":
            return pc.is_valid(column)
        case "in":
            shown, wanted = as_text(column), list(value or ())
            return pc.is_in(shown, pa.array(wanted, pa.string()), skip_nulls=None not in wanted)
        case "startswith":
            return pc.starts_with(as_text(column), str(value))
        case "endswith":
            return pc.ends_with(as_text(column), str(value))
        case "contains" | "stringContains":
            return pc.match_substring(as_text(column), str(value), ignore_case=True)
        case "!contains":
            return pc.invert(pc.match_substring(as_text(column), str(value), ignore_case=True))
        case "between":
            low, high = value
            return pc.and_(_fits(column, ">=", low), _fits(column, "<=", high))
        case "=" | "!=" | "<" | "<=" | ">" | ">=":
            values, wanted = _compared(column, str(value).strip())
            return _COMPARE[operator](values, wanted)
        case _:
            raise CannotArrange(
                f"There is no operator {operator!r}; operators are {', '.join(OPERATORS)}."
            )


_COMPARE = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def _compared(column: pa.ChunkedArray, typed: str) -> tuple[pa.ChunkedArray, pa.Scalar]:
    """A column and what was typed, as things that compare."""
    type_ = column.type
    if not (is_number(type_) or pa.types.is_temporal(type_)) or pa.types.is_duration(type_):
        return as_text(column), pa.scalar(typed)
    try:
        return column, _read(typed, type_)
    except pa.ArrowInvalid:
        what = "a number" if is_number(type_) else "a time, as 2026-03-01 09:30"
        raise CannotArrange(f"{typed!r} is not {what}.") from None


def _read(typed: str, type_: pa.DataType) -> pa.Scalar:
    text = pa.scalar(typed)
    if pa.types.is_integer(type_):
        try:
            return text.cast(type_)
        except pa.ArrowInvalid:
            return text.cast(pa.decimal256(76, 20))  # 5.5, or beyond the type: still an order
    if pa.types.is_decimal(type_):
        return text.cast(pa.decimal256(76, 20))
    if pa.types.is_timestamp(type_) and type_.tz is not None:
        try:
            return text.cast(type_)
        except pa.ArrowInvalid:  # no offset was typed: a clock of the column's zone is meant
            return pc.assume_timezone(text.cast(pa.timestamp(type_.unit)), type_.tz)
    return text.cast(type_)
