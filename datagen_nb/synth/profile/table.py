"""The profile of a table: one streaming pass over all of its rows, in bounded memory."""

from __future__ import annotations

from typing import Self

import pyarrow as pa

from datagen_nb.synth import packing
from datagen_nb.synth.profile.columns import ColumnProfile
from datagen_nb.synth.profile.distinct import Bounds
from datagen_nb.synth.profile.facts import ColumnFacts, facts_of

CHUNK_ROWS = 1 << 15
CHUNK_BYTES = 8 << 20
"""Rows that are gathered before they are counted, and their bytes, about."""


class Profile:
    """What all rows of a table hold, column by column.

    The same set of rows gives the same profile, however it is cut into batches and in whichever
    order the profiles of its pieces are merged.

    Attributes:
        schema: Names and types of the columns.
        total: Rows of the table, if only some were added.
        skipped: Lines of its file that could not be read and were left out.

    Example:
        >>> profile = Profile.of(pa.table({"city": ["Rome", "Oslo", "Rome", None]}))
        >>> profile.rows, profile.columns["city"].distinct, profile.columns["city"].nulls
        (4, 2, 1)
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.total: int | None = None
        self.skipped = 0
        bounds = Bounds.of(len(schema))
        self._columns = [ColumnProfile.start(field, bounds) for field in schema]
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._waiting_bytes = 0

    @classmethod
    def start(cls, schema: pa.Schema) -> Self:
        """Of no rows yet."""
        return cls(schema)

    @classmethod
    def of(cls, table: pa.Table, *, total: int | None = None) -> Self:
        """Of a table in memory.

        Args:
            table: Its rows, or some of them.
            total: How many rows it has, if these are some.
        """
        profile = cls(table.schema)
        profile.total = total
        for batch in table.to_batches():
            profile.add(batch)
        return profile

    @property
    def rows(self) -> int:
        """How many rows were added."""
        self._count()
        return self._columns[0].rows if self._columns else 0

    @property
    def columns(self) -> dict[str, ColumnProfile]:
        """Of each column, by its name, in the table's order."""
        self._count()
        return {column.name: column for column in self._columns}

    def facts(self) -> dict[str, ColumnFacts]:
        """Counts of each column in the whole table, estimated if only some rows were added."""
        return {name: facts_of(column, self.total) for name, column in self.columns.items()}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows into account; their number in the table does not matter."""
        for begin in range(0, batch.num_rows, CHUNK_ROWS):
            piece = batch.slice(begin, CHUNK_ROWS)
            self._waiting.append(piece)
            self._waiting_rows += piece.num_rows
            self._waiting_bytes += piece.nbytes
            if self._waiting_rows >= CHUNK_ROWS or self._waiting_bytes >= CHUNK_BYTES:
                self._count()

    def merge(self, other: Profile) -> None:
        """Take the rows of the profile of another piece of the table into account.

        Raises:
            ValueError: The pieces have different columns or types.
        """
        if not self.schema.equals(other.schema):
            raise ValueError(
                f"Profiles of different tables cannot be merged: {self.schema.names} and "
                f"{other.schema.names}, or their types, differ."
            )
        self._count()
        other._count()
        pairs = zip(self._columns, other._columns, strict=True)
        self._columns = [one.merged(another) for one, another in pairs]
        self.skipped += other.skipped

    def to_bytes(self) -> bytes:
        """Keep the profile."""
        self._count()
        return packing.to_bytes((self.schema, self.total, self.skipped, tuple(self._columns)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Take up what ``to_bytes`` kept."""
        schema, total, skipped, columns = packing.from_bytes(data)
        profile = cls(schema)
        profile.total, profile.skipped = total, skipped
        profile._columns = list(columns)
        return profile

    def _count(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        self._waiting_rows = self._waiting_bytes = 0
        table = pa.Table.from_batches(waiting)
        self._columns = [
            known.counted(pa.concat_arrays(column.chunks))
            for known, column in zip(self._columns, table.columns, strict=True)
        ]
