"""One column: its distinct values as codes, and values made from codes again.

A ``Margin`` keeps the sorted distinct values of a column (its support) in their exact native
type; all that the trees see are positions in it. ``margin_fitting`` decides what becomes of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Margin:
    """The values of one column.

    Attributes:
        support: Sorted distinct values: integers, floats, or objects (wide decimals, strings). Ends
            that few rows have are a step further inside, where another value may be.
        low: The lower of the two values towards which each moves, in half of its draws each;
            ``None`` where all are made as they are.
        high: The higher one. At a sparse end both are the same, and lie inside.
        step: The grid of numbers that move: every one is ``low`` plus a multiple, of floats in
            units of their last decimal.
        decimals: How many decimals floats have that move; ``None`` for no grid.
        unseen: Levels that no row fitted to has, though enough rows of the whole table have them.
    """

    support: Values
    low: Values | None = None
    high: Values | None = None
    step: int = 1
    decimals: int | None = None
    unseen: Unseen | None = None

    @property
    def is_ordered(self) -> bool:
        """Whether nearness of codes is nearness of values."""
        return self.support.dtype.kind in "iuf"

    @property
    def is_smooth(self) -> bool:
        """Whether values between those of the support are made."""
        return self.low is not None

    @property
    def moving(self) -> Flags:
        """Which values of the support are not made as they are."""
        if self.low is None or self.high is None:
            return np.zeros(len(self.support), dtype=np.bool_)
        return cast("Flags", (self.low != self.support) | (self.high != self.support))

    @property
    def inner(self) -> Values:
        """The values of the support that move, as the column has them: no end of few rows."""
        if self.low is None or self.high is None:
            return self.support[:0]
        return cast("Values", self.support[self.low != self.high])

    def decode(self, codes: Codes, random: np.random.Generator) -> Values:
        """Values of codes; those that move a random part of their way."""
        values = self.support[codes]
        if self.unseen is not None:
            return self.unseen.among(values, codes, random)
        if self.low is None or self.high is None:
            return values
        way = 2 * random.random(len(codes))
        goal = np.where(way < 1, self.low[codes], self.high[codes])
        low, high, share = np.minimum(values, goal), np.maximum(values, goal), way % 1
        if self.support.dtype.kind == "f":
            return self._between_floats(low, high, share, values)
        return self._between_integers(low, high, share)

    def _between_integers(self, low: Values, high: Values, share: Floats) -> Values:
        # Without sign: neighbours may lie further apart than their own type counts.
        start, step = low.astype(np.uint64), np.uint64(self.step)
        steps = (high.astype(np.uint64) - start) // step
        most = np.nextafter(2.0**64, 0)
        moved = np.rint(np.minimum(steps * share, most)).astype(np.uint64)
        made = start + np.minimum(moved, steps) * step
        return cast("Values", made.astype(self.support.dtype))

    def _between_floats(self, low: Values, high: Values, share: Floats, values: Values) -> Values:
        with np.errstate(invalid="ignore", over="ignore"):
            made = low + (high - low) * share
            if self.decimals is not None:
                unit = self.step / 10.0**self.decimals
                on_grid = low + np.rint((made - low) / unit) * unit
                made = np.clip(np.round(on_grid, self.decimals), low, high)
        return np.where((low < high) & np.isfinite(made), made, values)


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """Levels that a sample lacks; they stand for some of those that it shows once or twice.

    Attributes:
        values: The levels.
        shares: How often each, adding up to 1.
        scarce: For each code, whether the sample shows it once or twice.
        share: Share of the rows of scarce levels that get an unseen one.
    """

    values: Values
    shares: Floats
    scarce: Flags
    share: float

    def among(self, values: Values, codes: Codes, random: np.random.Generator) -> Values:
        """The values, some of scarce levels replaced."""
        chosen = self.scarce[codes] & (random.random(len(codes)) < self.share)
        made = values.copy()
        made[chosen] = random.choice(self.values, int(chosen.sum()), p=self.shares)
        return made
