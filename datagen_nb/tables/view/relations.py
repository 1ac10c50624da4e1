"""What an engine reads: a table in memory, Parquet files, or rows that are stored as Parquet first.

A relation reads windows and single rows exactly, in the types of its Arrow schema, and is bound to
a cursor as a relation of SQL with the columns ``_row``, the number of a row, and ``c0``, ``c1`` …
Columns are addressed by position: names may repeat, be empty, or differ in case alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagen_nb.tables.source import Source
from datagen_nb.tables.view.connection import Cursor
from datagen_nb.tables.view.parquet_relation import WHOLE, Ids, ParquetRelation, typed
from datagen_nb.tables.view.types import queryable

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

    def window(
        self, cursor: Cursor, /, start: int, stop: int, columns: Sequence[int], most: int = WHOLE
    ) -> pa.Table:
        """Rows ``start`` to ``stop``, which exist, of some columns.

        Of texts and bytes in a file no more than ``most`` are read.
        """
        ...

    def take(
        self, cursor: Cursor, /, rows: Ids, columns: Sequence[int], most: int = WHOLE
    ) -> pa.Table:
        """Rows by their numbers, in the order that is asked for; ``most`` as above."""
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

    def window(
        self, _cursor: Cursor, /, start: int, stop: int, columns: Sequence[int], _most: int = WHOLE
    ) -> pa.Table:
        return self._table.select(list(columns)).slice(start, stop - start)

    def take(
        self, _cursor: Cursor, /, rows: Ids, columns: Sequence[int], _most: int = WHOLE
    ) -> pa.Table:
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

    def window(
        self, cursor: Cursor, /, start: int, stop: int, columns: Sequence[int], most: int = WHOLE
    ) -> pa.Table:
        if stop - start <= STORED_ROWS:
            return self._source.read(start, stop).select(list(columns))
        return self._as_read(self._relation().window(cursor, start, stop, columns, most), columns)

    def take(
        self, cursor: Cursor, /, rows: Ids, columns: Sequence[int], most: int = WHOLE
    ) -> pa.Table:
        return self._as_read(self._relation().take(cursor, rows, columns, most), columns)

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
