"""What an engine reads: a table in memory, Parquet files, or rows that are stored as Parquet first.

A relation reads windows and single rows exactly, in the types of its Arrow schema, and is bound to
a cursor as a relation of SQL with the columns ``_row``, the number of a row, and ``c0``, ``c1`` …
Columns are addressed by position: names may repeat, be empty, or differ in case alone.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagen_nb.tables import sniff
from datagen_nb.tables.parquet_files import parquet_broken
from datagen_nb.tables.source import Source
from datagen_nb.tables.view.connection import Cursor
from datagen_nb.tables.view.sql import quoted_text
from datagen_nb.tables.view.types import is_read_exactly, queryable, queryable_type

Ids = np.ndarray[Any, Any]

STORED_ROWS = 50_000
"""Rows that are read at once when they are stored."""


class Relation(Protocol):
    """Rows by number, for the Arrow side and for SQL."""

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        ...

    @property
    def num_rows(self) -> int:
        """How many there are."""
        ...

    def window(self, cursor: Cursor, /, start: int, stop: int, columns: Sequence[int]) -> pa.Table:
        """Rows ``start`` to ``stop``, which exist, of some columns."""
        ...

    def take(self, cursor: Cursor, /, rows: Ids, columns: Sequence[int]) -> pa.Table:
        """Rows by their numbers, in the order that is asked for."""
        ...

    def bind(self, cursor: Cursor, /, columns: Sequence[int]) -> str:
        """Let a cursor read these columns; returns the relation as SQL.

        Raises:
            QueryError: A column has a type that SQL has no values for.
        """
        ...

    @property
    def files(self) -> Sequence[Path]:
        """Files that are read where they lie."""
        ...

    @property
    def is_stale(self) -> bool:
        """Whether what is read has changed since it was opened."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


class ArrowRelation:
    """A table in memory, read where it lies."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    @property
    def schema(self) -> pa.Schema:
        return self._table.schema

    @property
    def num_rows(self) -> int:
        return int(self._table.num_rows)

    def window(self, _cursor: Cursor, /, start: int, stop: int, columns: Sequence[int]) -> pa.Table:
        return self._table.select(list(columns)).slice(start, stop - start)

    def take(self, _cursor: Cursor, /, rows: Ids, columns: Sequence[int]) -> pa.Table:
        table = self._table.select(list(columns))
        # Arrow's own `take` copies whole columns that lie in several chunks.
        return pa.concat_tables([table.slice(0, 0), *(table.slice(int(row), 1) for row in rows)])

    def bind(self, cursor: Cursor, /, columns: Sequence[int]) -> str:
        arrays = [pa.array(np.arange(self.num_rows, dtype=np.uint64))]
        arrays += [queryable(self._table.column(place)) for place in columns]
        names = ["_row", *(f"c{place}" for place in columns)]
        cursor.register("source", pa.table(arrays, names=names))
        return "source"

    @property
    def files(self) -> Sequence[Path]:
        return ()

    @property
    def is_stale(self) -> bool:
        return False

    def close(self) -> None:
        pass


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
    def have_changed(self) -> bool:
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
        made_of: The files that these were made of, if people know others.

    Raises:
        InputError: A file is not there, or is not Parquet.
    """

    def __init__(
        self, paths: Sequence[Path], folder: Path, *, made_of: OpenedFiles | None = None
    ) -> None:
        self._paths = list(paths)
        self._links = []
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
        self._opened_files = made_of or OpenedFiles(self._paths)
        self._schema = self._files[0].schema_arrow.remove_metadata()
        self._ends = list(accumulate(file.metadata.num_rows for file in self._files))

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def num_rows(self) -> int:
        return int(self._ends[-1])

    def window(self, cursor: Cursor, /, start: int, stop: int, columns: Sequence[int]) -> pa.Table:
        pieces = [self._schema_of(columns).empty_table()]
        while start < stop:
            place = bisect_right(self._ends, start)
            first = self._first(place)
            end = min(stop, self._ends[place])
            where = f"file_row_number >= {start - first} AND file_row_number < {end - first}"
            rows = np.arange(start - first, end - first)
            pieces.append(self._read(cursor, place, rows, where, columns))
            start = end
        return pa.concat_tables(pieces)

    def take(self, cursor: Cursor, /, rows: Ids, columns: Sequence[int]) -> pa.Table:
        wanted = np.unique(rows).astype(np.int64)
        pieces = [self._schema_of(columns).empty_table()]
        places = np.searchsorted(self._ends, wanted, side="right")
        for place in np.unique(places):
            within = wanted[places == place] - self._first(int(place))
            where = f"file_row_number IN ({', '.join(map(str, within.tolist()))})"
            pieces.append(self._read(cursor, int(place), within, where, columns))
        return pa.concat_tables(pieces).take(pa.array(np.searchsorted(wanted, rows)))

    def bind(self, _cursor: Cursor, /, columns: Sequence[int]) -> str:
        for place in columns:
            queryable_type(self._schema.field(place).type)
        row = "file_row_number"
        if len(self._links) > 1:
            starts = ", ".join(str(self._first(place)) for place in range(len(self._links)))
            row = f"file_row_number + [{starts}][file_index::BIGINT + 1]"
        files = f"[{', '.join(self._links)}]"
        names = ", ".join(f"c{place}" for place in columns)
        return f"(SELECT {row} AS _row{', ' if names else ''}{names} FROM {self._scan(files)})"

    @property
    def files(self) -> Sequence[Path]:
        return self._paths

    @property
    def is_stale(self) -> bool:
        return self._opened_files.have_changed

    def close(self) -> None:
        self._opened.close()

    def _scan(self, files: str) -> str:
        names = ", ".join(f"c{place}" for place in range(len(self._schema)))
        return f"read_parquet({files}) AS scanned({names})"

    def _first(self, place: int) -> int:
        return self._ends[place - 1] if place else 0

    def _schema_of(self, columns: Sequence[int]) -> pa.Schema:
        return pa.schema([self._schema.field(place) for place in columns])

    def _read(
        self, cursor: Cursor, place: int, rows: Ids, where: str, columns: Sequence[int]
    ) -> pa.Table:
        """Rows of one file in its order; ``where`` names them in SQL."""
        exact = [one for one in columns if is_read_exactly(self._schema.field(one).type)]
        names = ", ".join(["file_row_number", *(f"c{one}" for one in dict.fromkeys(exact))])
        found = cursor.table(
            f"SELECT {names} FROM {self._scan(self._links[place])} "
            f"WHERE {where} ORDER BY file_row_number"
        )
        arrays = [
            typed(found.column(f"c{one}"), self._schema.field(one).type)
            if one in exact
            else self._by_arrow(place, rows, one)
            for one in columns
        ]
        if not columns:
            return pa.table({})
        return pa.Table.from_arrays(arrays, schema=self._schema_of(columns))

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


class StoredRelation:
    """Rows of a source; they are stored as Parquet when a query needs all of them.

    Args:
        source: Windows are read from it directly.
        folder: Where the rows are stored.
    """

    def __init__(self, source: Source, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._lock = threading.Lock()
        self._stored: ParquetRelation | None = None

    @property
    def schema(self) -> pa.Schema:
        return self._source.schema

    @property
    def num_rows(self) -> int:
        return self._source.num_rows

    def window(self, cursor: Cursor, /, start: int, stop: int, columns: Sequence[int]) -> pa.Table:
        if stop - start <= STORED_ROWS:
            return self._source.read(start, stop).select(list(columns))
        return self._as_read(self._relation().window(cursor, start, stop, columns), columns)

    def take(self, cursor: Cursor, /, rows: Ids, columns: Sequence[int]) -> pa.Table:
        return self._as_read(self._relation().take(cursor, rows, columns), columns)

    def _as_read(self, found: pa.Table, columns: Sequence[int]) -> pa.Table:
        fields = [self.schema.field(place) for place in columns]
        arrays = [
            typed(*pair) for pair in zip(found.columns, [f.type for f in fields], strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def bind(self, cursor: Cursor, /, columns: Sequence[int]) -> str:
        return self._relation().bind(cursor, columns)

    @property
    def files(self) -> Sequence[Path]:
        return ()

    @property
    def is_stale(self) -> bool:
        return False

    def close(self) -> None:
        with self._lock:
            if self._stored is not None:
                self._stored.close()

    def _relation(self) -> ParquetRelation:
        with self._lock:
            if self._stored is None:
                path = self._folder / "rows.stored"
                with pq.ParquetWriter(path, self.schema) as writer:
                    for start in range(0, self.num_rows, STORED_ROWS):
                        writer.write_table(self._source.read(start, start + STORED_ROWS))
                self._stored = ParquetRelation([path], self._folder)
            return self._stored


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
