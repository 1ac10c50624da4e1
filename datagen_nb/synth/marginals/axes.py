"""A column as codes: bins of numbers or levels, one for other levels, and one for null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.arrays import to_column, to_values
from datagen_nb.synth.marginals.bins import Bins, Grid, Units


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Numbers or instants, drawn evenly in their bin. The code behind those of bins is null.

    Attributes:
        bins: Of units.
        grid: What a unit is.
    """

    bins: Bins
    grid: Grid

    @property
    def size(self) -> int:
        """How many codes there are."""
        return len(self.bins) + 1

    @property
    def usual(self) -> int:
        """How many of these are bins."""
        return len(self.bins)

    @property
    def is_ordered(self) -> bool:
        """Whether near codes are near values."""
        return True

    def codes(self, column: pa.ChunkedArray) -> Units:
        """The codes of values; each depends on its value alone."""
        nulls = is_missing(column)
        found = np.full(len(column), len(self.bins), np.int64)
        found[~nulls] = self.bins.places(self.grid.units(numbers_of(column)))
        return found

    def expected(self, masses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """How often each code comes back, of rows with these masses."""
        return masses

    def written(self, codes: Units, type: pa.DataType, random: np.random.Generator) -> pa.Array:
        """Values of codes."""
        nulls = codes == len(self.bins)
        places = np.minimum(codes, len(self.bins) - 1)
        values: Any = self.grid.values(self.bins.draw(places, random))
        if pa.types.is_integer(type) or pa.types.is_temporal(type):
            low, high = limits_of(type)
            values = np.clip(values, low, high)
        return to_column(values, nulls if nulls.any() else None, type)


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Levels that were selected. The codes behind theirs are other levels and null.

    A row of another level gets one of the levels at random, or null where there are none.

    Attributes:
        values: The levels.
        shares: Of each, among the rows that have one of them.
    """

    values: pa.Array
    shares: npt.NDArray[np.float64]

    @property
    def size(self) -> int:
        """How many codes there are."""
        return len(self.values) + 2

    @property
    def usual(self) -> int:
        """How many of these are levels that were selected."""
        return len(self.values)

    @property
    def is_ordered(self) -> bool:
        """Whether near codes are near values."""
        return False

    def weighed(self, counts: npt.NDArray[np.float64]) -> Levels:
        """The same with shares by counts of all codes."""
        shares = np.maximum(counts[: len(self.values)], 1.0)
        return Levels(self.values, shares / max(float(shares.sum()), 1.0))

    def codes(self, column: pa.ChunkedArray) -> Units:
        """The codes of values; each depends on its value alone."""
        nulls, count = is_missing(column), len(self.values)
        found = np.full(len(column), count, np.int64)
        if count:
            found = (
                pc.fill_null(pc.index_in(column, self.values), count).to_numpy().astype(np.int64)
            )
        found[nulls] = count + 1
        return found

    def expected(self, masses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """How often each code comes back, of rows with these masses."""
        others, found = masses[-2], masses.copy()
        found[-2] = 0
        if len(self.values):
            found[:-2] += others * self.shares
        else:
            found[-1] += others
        return found

    def written(self, codes: Units, type: pa.DataType, random: np.random.Generator) -> pa.Array:
        """Values of codes."""
        count = len(self.values)
        if count:
            others = codes == count
            drawn = random.choice(count, size=int(others.sum()), p=self.shares)
            codes = codes.copy()
            codes[others] = drawn
        places = pa.array(codes, pa.int64(), mask=codes >= count)
        return self.values.take(places).cast(type)


Axis = Numbers | Levels


def is_missing(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Which values are null, or no number."""
    found: npt.NDArray[np.bool_] = pc.is_null(column, nan_is_null=True).to_numpy()
    return found


def numbers_of(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """The values that are not missing."""
    values = to_values(column)
    return values[~np.isnan(values)] if values.dtype.kind == "f" else values


def limits_of(type: pa.DataType) -> tuple[int, int]:
    """The lowest and the highest number of a type, within 64 bits and a sign."""
    bits = type.bit_width
    if pa.types.is_unsigned_integer(type):
        return 0, min(2**bits - 1, 2**63 - 1)
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
