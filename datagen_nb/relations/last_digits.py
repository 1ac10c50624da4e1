"""The last digits that numbers of a column prefer: prices in .99, salaries in thousands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ticks = npt.NDArray[np.int64]

MIN_VALUES = 50
"""Of fewer distinct numbers nothing is said."""

MIN_WHOLES = 10
"""So many numbers, and of so many beginnings, have a preferred ending at least."""

PREFERRED = 8
"""An ending is preferred if so many times the share that chance gives it end in it."""

MIN_SHARE = 0.05
"""Of the numbers that have a preferred ending."""

MAX_DIGITS = 5

GOOD = 0.95
"""Fewer digits are enough if they explain so much of what the best number of digits does."""


@dataclass(frozen=True, slots=True, eq=False)
class LastDigits:
    """Preferred endings of numbers that are counted in ticks, units of their last digit.

    Attributes:
        modulus: A power of ten.
        endings: What is left of a preferred number divided by it, ascending.
    """

    modulus: int
    endings: Ticks

    def of(self, ticks: Ticks) -> Ticks:
        """The preferred endings of numbers; -1 where a number has none."""
        own = ticks % self.modulus
        return np.where(np.isin(own, self.endings), own, -1)


def preferred(ticks: Ticks, *, step: int = 1, min_count: int = MIN_WHOLES) -> LastDigits | None:
    """The fewest last digits that explain nearly as much as any number of digits does.

    Args:
        ticks: Distinct numbers, ascending.
        step: All are multiples of it apart.
        min_count: So many numbers have each ending at least.

    Returns:
        ``None`` if no ending is preferred, or chance explains it.
    """
    if len(ticks) < MIN_VALUES:
        return None
    tried: list[tuple[float, LastDigits]] = []
    for digits in range(1, MAX_DIGITS + 1):
        modulus = 10**digits
        if modulus <= step or modulus % step or (ticks[-1] - ticks[0]) // modulus < MIN_WHOLES:
            continue
        endings, counts = np.unique(ticks % modulus, return_counts=True)
        is_kept = counts >= max(min_count, MIN_WHOLES, PREFERRED * len(ticks) / modulus)
        shares = counts[is_kept] / len(ticks)
        others = 1 - float(shares.sum())
        if others > 1 - MIN_SHARE or is_kept.sum() * PREFERRED > modulus:
            continue
        gain = float((shares * np.log(shares * modulus)).sum())
        if others > 0:
            gain += others * np.log(others * modulus / (modulus - is_kept.sum()))
        tried.append((gain, LastDigits(modulus, endings[is_kept])))
    best = max((gain for gain, _ in tried), default=0.0)
    return next((found for gain, found in tried if gain >= GOOD * best), None)
