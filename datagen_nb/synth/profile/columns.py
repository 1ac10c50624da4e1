"""What one column holds: counts, range, distinct values."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.arrays import plain
from datagen_nb.synth.profile.distinct import Bounds, Counts, Distinct
from datagen_nb.synth.profile.hashing import can_hash, is_text

UNIQUE_WITHIN = 0.04
"""Share that an estimate may fall short of the rows when all values differ: five deviations."""

_COMPARED = {pa.duration("s").id: pa.int64(), pa.float16().id: pa.float32()}
"""What values are compared as that Arrow has no least and greatest of."""


@dataclass(frozen=True, slots=True, eq=False)
class ColumnProfile:
    """What all rows of one column hold.

    Attributes:
        name: Of the column.
        type: Its Arrow type, the input's.
        rows: How many, nulls among them.
        nulls: How many are null; NaN is a value.
        nans: How many are NaN.
        text_bytes: Bytes of all texts together; 0 of other types.
        values: The distinct ones; ``None`` of a nested column, whose values are not counted.
        ends: The least and the greatest value where ``values`` does not keep them all.
    """

    name: str
    type: pa.DataType
    rows: int
    nulls: int
    nans: int
    text_bytes: int
    values: Distinct | None
    ends: pa.Array

    @classmethod
    def start(cls, field: pa.Field, bounds: Bounds | None = None) -> Self:
        """Of no rows."""
        type = plain(pa.chunked_array([], field.type)).type
        bounds = bounds or Bounds()
        if not (is_text(type) or pa.types.is_integer(type)):  # no other identifies anything
            bounds = dataclasses.replace(bounds, seen_bits=0)
        values = Distinct.none(type, bounds) if can_hash(type) else None
        return cls(field.name, field.type, 0, 0, 0, 0, values, pa.array([], type))

    @classmethod
    def of(cls, name: str, column: pa.ChunkedArray) -> Self:
        """Of a column in memory."""
        profile = cls.start(pa.field(name, column.type))
        for chunk in column.chunks:
            profile = profile.counted(chunk)
        return profile

    @property
    def distinct(self) -> int:
        """Distinct values, nulls and NaN left out; an estimate unless ``is_exact``."""
        if self.values is None:
            return 0
        return self.present if self.is_unique else min(self.values.estimate, self.present)

    @property
    def is_exact(self) -> bool:
        """Whether ``distinct`` was counted and ``rows_per_value`` is complete."""
        return self.values is not None and self.values.is_exact

    @property
    def present(self) -> int:
        """Rows that are neither null nor NaN."""
        return self.rows - self.nulls - self.nans

    @property
    def is_unique(self) -> bool:
        """Whether every value has one row; judged by a sample of them unless ``is_exact``."""
        if self.values is None or not (self.values.counts == 1).all():
            return False
        return self.is_exact or self.values.estimate > (1 - UNIQUE_WITHIN) * self.present

    @property
    def minimum(self) -> pa.Scalar | None:
        """The least value, of the column's plain type."""
        return next(iter(self._extremes()), None)

    @property
    def maximum(self) -> pa.Scalar | None:
        """The greatest value, of the column's plain type."""
        return next(iter(self._extremes()[1:]), None)

    @property
    def levels(self) -> pa.Table | None:
        """Every distinct value with the exact number of its rows, most rows first.

        Columns ``value`` (the column's plain type) and ``count``. ``None`` if there are more than
        100,000 distinct values, if they take more than 8 MB, or less of a table of many columns.
        """
        if self.values is None or self.values.values is None:
            return None
        table = pa.table({"value": self.values.values, "count": self.values.counts})
        return table.take(pa.array(np.lexsort((self.values.hashes, -self.values.counts))))

    @property
    def rows_per_value(self) -> tuple[Counts, Counts]:
        """How many values have how many rows: sizes ascending, and the number of values of each.

        Of a sample of the values unless ``is_exact``: then only their shares mean something.
        """
        if self.values is None:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        sizes, counts = np.unique(self.values.counts, return_counts=True)
        return sizes, counts

    def counted(self, column: pa.Array) -> Self:
        """With further rows."""
        rows, nulls = self.rows + len(column), self.nulls + column.null_count
        if self.values is None:
            return dataclasses.replace(self, rows=rows, nulls=nulls)
        present = plain(column).drop_null()
        nans = text_bytes = 0
        if pa.types.is_floating(present.type):
            is_nan = pc.is_nan(present)
            nans = pc.sum(is_nan, min_count=0).as_py()
            present = present.filter(pc.invert(is_nan)) if nans else present
            present = _without_signed_zeros(present)
        if is_text(present.type):
            text_bytes = pc.sum(pc.binary_length(present), min_count=0).as_py()
        values = self.values.counted(present)
        is_kept = values.values is not None
        return dataclasses.replace(
            self,
            rows=rows,
            nulls=nulls,
            nans=self.nans + nans,
            text_bytes=self.text_bytes + text_bytes,
            values=values,
            ends=self.ends if is_kept else _ends(self._extremes(), present),
        )

    def merged(self, other: ColumnProfile) -> Self:
        """With the rows of another profile of the same column."""
        values, ends = None, self.ends
        if self.values is not None and other.values is not None:
            values = self.values.merged(other.values)
            if values.values is None:
                ends = _ends(self._extremes(), other._extremes())
        return dataclasses.replace(
            self,
            rows=self.rows + other.rows,
            nulls=self.nulls + other.nulls,
            nans=self.nans + other.nans,
            text_bytes=self.text_bytes + other.text_bytes,
            values=values,
            ends=ends,
        )

    def _extremes(self) -> pa.Array:
        if self.values is None or self.values.values is None:
            return self.ends
        return _ends(self.ends, self.values.values)


def _without_signed_zeros(numbers: pa.Array) -> pa.Array:
    """-0.0 equals 0.0, and is counted as such."""
    return pa.array(numbers.to_numpy() + numbers.type.to_pandas_dtype()(0))


def _ends(known: pa.Array, values: pa.Array) -> pa.Array:
    """The least and the greatest of all; empty of none."""
    type = _COMPARED.get(values.type.id, values.type)
    found = pc.min_max(values.cast(type))
    if not found["min"].is_valid:
        return known
    ends = pa.array([found["min"], found["max"]], type).cast(values.type)
    return ends if not len(known) else _ends(ends[:0], pa.concat_arrays([known, ends]))
