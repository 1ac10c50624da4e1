"""Parquet files as a relation: windows, single rows and SQL over them."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagen_nb.tables import sniff
from datagen_nb.tables.parquet_files import parquet_broken
from datagen_nb.tables.view.connection import Cursor
from datagen_nb.tables.view.query import QueryError
from datagen_nb.tables.view.sql import quoted_text
from datagen_nb.tables.view.types import is_read_exactly, length_of, queryable_type

Ids = np.ndarray[Any, Any]

WHOLE = 2**31 - 1
"""More than the characters of any cell."""

AT_ONCE = 2_048
MAX_AT_ONCE = 128 << 20
"""Rows that DuckDB has in memory at once, and the bytes that their texts may have."""


class Opened(Protocol):
    """What a table is read from, as it was when it was opened."""

    @property
    def is_stale(self) -> bool:
        """Whether it was changed or removed since."""
        ...


class OpenedFiles:
    """What files were like when they were opened.

    Args:
        paths: The files.

    Raises:
        OSError: One is not there.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._known = self._look()

    @property
    def is_stale(self) -> bool:
        """Whether one was changed or removed since."""
        try:
            return self._look() != self._known
        except OSError:
            return True

    def _look(self) -> list[tuple[int, int, int]]:
        stats = [path.stat() for path in self._paths]
        return [(stat.st_size, stat.st_mtime_ns, stat.st_ino) for stat in stats]


class ParquetRelation:
    """Parquet files of one schema, one after the other.

    Args:
        paths: The files.
        folder: Where links to them are made, under names that SQL takes as they are.
        made_of: What these were made of, if people know others.

    Raises:
        InputError: A file is not there, or is not Parquet.
    """

    def __init__(
        self, paths: Sequence[Path], folder: Path, *, made_of: Opened | None = None
    ) -> None:
        self._paths = list(paths)
        self._links = []
        self._checked: set[int] = set()
        self._files: list[pq.ParquetFile] = []
        with ExitStack() as opened:
            for path in paths:
                file = opened.enter_context(sniff.open_file(path))
                with _parquet_errors(path):
                    self._files.append(pq.ParquetFile(file))
            self._opened = opened.pop_all()
        for number, path in enumerate(paths):
            link = folder / f"{number}.parquet"
            link.symlink_to(os.path.abspath(path))
            self._links.append(quoted_text(str(link)))
        self._made_of = made_of or OpenedFiles(self._paths)
        self._schema = self._files[0].schema_arrow.remove_metadata()
        self._ends = list(accumulate(file.metadata.num_rows for file in self._files))

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def num_rows(self) -> int:
        return int(self._ends[-1])

    def window(
        self, cursor: Cursor, /, start: int, stop: int, columns: Sequence[int], most: int = WHOLE
    ) -> pa.Table:
        pieces = [self._no_rows(columns)]
        while start < stop:
            place = bisect_right(self._ends, start)
            first = self._first(place)
            end = min(stop, self._ends[place])
            where = f"file_row_number >= {start - first} AND file_row_number < {end - first}"
            rows = np.arange(start - first, end - first)
            pieces.append(self._read(cursor, place, rows, where, columns, most))
            start = end
        return pa.concat_tables(pieces)

    def take(
        self, cursor: Cursor, /, rows: Ids, columns: Sequence[int], most: int = WHOLE
    ) -> pa.Table:
        wanted = np.unique(rows).astype(np.int64)
        pieces = [self._no_rows(columns)]
        places = np.searchsorted(self._ends, wanted, side="right")
        for place in np.unique(places):
            within = wanted[places == place] - self._first(int(place))
            where = f"file_row_number IN ({', '.join(map(str, within.tolist()))})"
            pieces.append(self._read(cursor, int(place), within, where, columns, most))
        return pa.concat_tables(pieces).take(pa.array(np.searchsorted(wanted, rows)))

    def bind(self, cursor: Cursor, /, columns: Sequence[int]) -> str:
        for place in columns:
            queryable_type(self._schema.field(place).type)
        files = f"[{', '.join(self._links)}]"
        self._check_lengths(cursor, self._scan(files), columns)
        row = "file_row_number"
        if len(self._links) > 1:
            starts = ", ".join(str(self._first(place)) for place in range(len(self._links)))
            row = f"file_row_number + [{starts}][file_index::BIGINT + 1]"
        names = ", ".join(f"c{place}" for place in columns)
        return f"(SELECT {row} AS _row{', ' if names else ''}{names} FROM {self._scan(files)})"

    @property
    def files(self) -> Sequence[Path]:
        return self._paths

    @property
    def is_stale(self) -> bool:
        return self._made_of.is_stale

    def close(self) -> None:
        self._opened.close()

    def _check_lengths(self, cursor: Cursor, rows: str, columns: Sequence[int]) -> None:
        """Refuse texts that a small file holds by the gigabyte: DuckDB has many of them at once."""
        lengths = {
            place: f"{length}(c{place})"
            for place, length in ((one, length_of(self._schema.field(one).type)) for one in columns)
            if length and place not in self._checked
        }
        if not lengths:
            return
        longest = cursor.row(
            f"SELECT {', '.join(f'max({one})' for one in lengths.values())} FROM {rows}"
        )
        for (place, size_of), most in zip(lengths.items(), longest, strict=True):
            if most is not None and most * AT_ONCE > MAX_AT_ONCE:
                (size,) = cursor.row(
                    f"SELECT max(size) FROM (SELECT sum({size_of}) AS size FROM {rows} "
                    f"GROUP BY file_index, file_row_number // {AT_ONCE})"
                )
                if size > MAX_AT_ONCE:
                    raise QueryError(
                        f"Column {self._schema.field(place).name!r} has too many long texts to be "
                        "sorted, filtered, searched or counted here."
                    )
            self._checked.add(place)

    def _scan(self, files: str) -> str:
        names = ", ".join(f"c{place}" for place in range(len(self._schema)))
        return f"read_parquet({files}) AS scanned({names})"

    def _first(self, place: int) -> int:
        return self._ends[place - 1] if place else 0

    def _schema_of(self, columns: Sequence[int]) -> pa.Schema:
        return pa.schema([self._schema.field(place) for place in columns])

    def _no_rows(self, columns: Sequence[int]) -> pa.Table:
        schema = self._schema_of(columns)
        # ``empty_table`` cannot make every type.
        return pa.Table.from_arrays(
            [pa.chunked_array([], one) for one in schema.types], schema=schema
        )

    def _read(
        self,
        cursor: Cursor,
        place: int,
        rows: Ids,
        where: str,
        columns: Sequence[int],
        most: int,
    ) -> pa.Table:
        """Rows of one file in its order; ``where`` names them in SQL."""
        exact = [one for one in columns if is_read_exactly(self._schema.field(one).type)]
        cells = [
            f"c{one}[1:{most}] AS c{one}"
            if most < WHOLE and length_of(self._schema.field(one).type)
            else f"c{one}"
            for one in dict.fromkeys(exact)
        ]
        names = ", ".join(["file_row_number", *cells])
        found = cursor.table(
            f"SELECT {names} FROM {self._scan(self._links[place])} "
            f"WHERE {where} ORDER BY file_row_number"
        )
        if not columns:
            return pa.table({})
        arrays = []
        for one in columns:
            values = found.column(f"c{one}") if one in exact else None
            arrays.append(self._typed(place, rows, one, values))
        return pa.Table.from_arrays(arrays, schema=self._schema_of(columns))

    def _typed(
        self, place: int, rows: Ids, column: int, values: pa.ChunkedArray | None
    ) -> pa.ChunkedArray:
        """Values of a column, read by DuckDB or ``None``, in the type of the schema."""
        if values is not None:
            with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
                return typed(values, self._schema.field(column).type)
        # Such as milliseconds of years that DuckDB, which counts microseconds, does not have.
        return self._by_arrow(place, rows, column)

    def _by_arrow(self, place: int, rows: Ids, column: int) -> pa.ChunkedArray:
        """Values of a column whose type DuckDB changes; reads the row groups that they lie in."""
        file, field = self._files[place], self._schema.field(column)
        same = [one for one in range(column) if self._schema.field(one).name == field.name]
        sizes = [file.metadata.row_group(one).num_rows for one in range(file.num_row_groups)]
        ends = list(accumulate(sizes))
        pieces = [pa.chunked_array([], field.type)]
        groups = np.searchsorted(ends, rows, side="right")
        for group in np.unique(groups):
            with _parquet_errors(self._paths[place]):
                read = file.read_row_group(int(group), columns=[field.name])
            named = [
                read.column(i) for i, name in enumerate(read.column_names) if name == field.name
            ]
            first = ends[group] - sizes[group]
            pieces.append(named[len(same)].take(pa.array(rows[groups == group] - first)))
        return pa.chunked_array([chunk for piece in pieces for chunk in piece.chunks], field.type)


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise parquet_broken(str(path), error) from error


def typed(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    """Values that DuckDB has read, in the type of the Arrow schema; no value changes."""
    if column.type == type_:
        return column
    if pa.types.is_dictionary(type_):
        return typed(column, type_.value_type).dictionary_encode().cast(type_)
    return column.cast(type_)
