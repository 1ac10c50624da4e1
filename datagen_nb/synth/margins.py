"""One column at a time: its distinct values as codes, and values made from codes again.

A ``Margin`` keeps the sorted distinct values of a column (its support) in their exact native
type; all that the trees see are positions in it. Columns whose values hardly repeat are smoothed:
a drawn value moves within the gap to its neighbours, on the column's own grid, so that bounds and
granularity stay and single values are not copied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[Any]

SMOOTH_ABOVE = 0.5
"""Share of distinct values from which on a column counts as continuous."""

LEAST_TO_SMOOTH = 10
MOST_DECIMALS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Margin:
    """The values of one column.

    Attributes:
        support: Sorted distinct values: integers, floats, or objects (wide decimals, strings).
        smooth: Whether values between them may be made.
        step: The grid of smoothed integers: every value is the least one plus a multiple.
        decimals: The grid of smoothed floats; ``None`` for no grid.
    """

    support: Values
    smooth: bool
    step: int
    decimals: int | None

    @property
    def is_ordered(self) -> bool:
        """Whether nearness of codes is nearness of values."""
        return self.support.dtype.kind in "iuf"

    def decode(self, codes: Codes, random: np.random.Generator) -> Values:
        """Values of codes; smoothed where the column is."""
        if not self.smooth:
            return self.support[codes]
        shift = random.random(len(codes)) - 0.5
        lower = np.clip(codes - (shift < 0), 0, len(self.support) - 1)
        upper = np.clip(lower + 1, 0, len(self.support) - 1)
        share = np.where(shift < 0, 1.0 + shift, shift)
        low, high = self.support[lower], self.support[upper]
        if self.support.dtype.kind == "f":
            return self._between_floats(low, high, share, codes)
        return self._between_integers(low, high, share)

    def _between_integers(
        self, low: Values, high: Values, share: npt.NDArray[np.float64]
    ) -> Values:
        # Without sign: neighbours may lie further apart than their own type counts.
        start, step = low.astype(np.uint64), np.uint64(self.step)
        steps = (high.astype(np.uint64) - start) // step
        most = np.nextafter(2.0**64, 0)
        moved = np.rint(np.minimum(steps * share, most)).astype(np.uint64)
        made = start + np.minimum(moved, steps) * step
        return cast("Values", made.astype(self.support.dtype))

    def _between_floats(
        self, low: Values, high: Values, share: npt.NDArray[np.float64], codes: Codes
    ) -> Values:
        with np.errstate(invalid="ignore", over="ignore"):
            made = low + (high - low) * share
            if self.decimals is not None:
                made = np.clip(np.round(made, self.decimals), low, high)
        return np.where(np.isfinite(made), made, self.support[codes])


def learn(values: Values, kind: str) -> tuple[Margin, Codes]:
    """Learn a column without nulls; return its margin and each value's code."""
    support, codes = np.unique(values, return_inverse=True)
    ordered = support.dtype.kind in "iuf"
    distinct = len(support)
    smooth = (
        ordered
        and kind in {"numeric", "datetime"}
        and distinct >= LEAST_TO_SMOOTH
        and distinct > SMOOTH_ABOVE * len(values)
    )
    step = _step(support) if smooth and support.dtype.kind in "iu" else 1
    decimals = _decimals(support) if smooth and support.dtype.kind == "f" else None
    return Margin(support, smooth, step, decimals), codes.astype(np.int32)


def _step(support: Values) -> int:
    return max(int(np.gcd.reduce(np.diff(support).astype(np.uint64))), 1)


def _decimals(support: Values) -> int | None:
    finite = support[np.isfinite(support)]
    wide = finite.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        nearly = 4 * np.spacing(np.abs(finite))  # a computed 3.14 is seldom 3.14 to the last bit
        for decimals in range(MOST_DECIMALS + 1):
            if (np.abs(np.round(wide, decimals) - wide) <= nearly).all():
                return decimals
    return None


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same values in the type of theirs that Arrow can do most with."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string_view(column.type):
        return column.cast(pa.string())
    if pa.types.is_decimal(column.type) and column.type.bit_width < 128:
        return column.cast(pa.decimal128(column.type.precision, column.type.scale))
    return column


def plain_table(table: pa.Table) -> pa.Table:
    """The same table with every column ``plain``."""
    return pa.Table.from_arrays(
        [plain(column) for column in table.columns], names=table.column_names
    )


def to_values(column: pa.ChunkedArray) -> Values:
    """The non-null values of a column as numpy can sort them, without loss."""
    column = plain(column)
    type = column.type
    column = column.drop_null()
    if pa.types.is_boolean(type):
        return cast("Values", column.to_numpy().astype(np.int8))
    if pa.types.is_decimal(type):
        return _scaled(column)
    if pa.types.is_temporal(type):
        bits = pa.int32() if type.bit_width == 32 else pa.int64()
        return cast("Values", column.cast(bits).to_numpy())
    if pa.types.is_integer(type) or pa.types.is_floating(type):
        return cast("Values", column.to_numpy())
    # Objects: numpy's own strings are all as wide as the longest, and drop final NULs.
    return np.asarray(column.to_pylist(), dtype=object)


def _scaled(column: pa.ChunkedArray) -> Values:
    """Decimals as integers of their last digit; as objects where 64 bits do not hold them."""
    numbers = [int(value.scaleb(column.type.scale)) for value in column.to_pylist()]
    fits = all(-(2**62) < number < 2**62 for number in numbers)
    return np.asarray(numbers, dtype=np.int64 if fits else object)


def to_column(values: Values, nulls: npt.NDArray[np.bool_] | None, type: pa.DataType) -> pa.Array:
    """Made values as an Arrow array of the input's type."""
    if pa.types.is_dictionary(type):
        plain = to_column(values, nulls, type.value_type)
        return plain.dictionary_encode().cast(type)
    if pa.types.is_boolean(type):
        return pa.array(values.astype(np.bool_), mask=nulls)
    if pa.types.is_decimal(type):
        return _unscaled(values, nulls, type)
    if pa.types.is_temporal(type):
        bits = pa.int32() if type.bit_width == 32 else pa.int64()
        return pa.array(values, bits, mask=nulls).cast(type)
    return pa.array(values, type, mask=nulls, from_pandas=False)


def _unscaled(values: Values, nulls: npt.NDArray[np.bool_] | None, type: pa.DataType) -> pa.Array:
    from decimal import Context, Decimal

    exact = Context(prec=100)
    made: list[Decimal | None] = [
        Decimal(int(value)).scaleb(-type.scale, exact) for value in values
    ]
    if nulls is not None:
        made = [None if null else value for value, null in zip(made, nulls, strict=True)]
    return pa.array(made, type)


def null_share(column: pa.ChunkedArray) -> float:
    """Share of nulls, 0 to 1."""
    return float(column.null_count / max(len(column), 1))


def null_flags(column: pa.ChunkedArray) -> Codes:
    """1 where a value is null, else 0."""
    return cast("Codes", pc.is_null(column).to_numpy().astype(np.int32))
