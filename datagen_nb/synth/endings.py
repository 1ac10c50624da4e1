"""What the numbers and times of a column prefer to end in: prices in .99, events in the daytime.

Values that are made anew move between their neighbours, and would end in anything. What a value
ends in is kept for each code where many distinct values of the column end alike, far more than
chance explains: it says nothing of the value itself. The value before the ending is the made one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.stats import chi2

from datagen_nb.relations.last_digits import preferred
from datagen_nb.synth.margin import Codes, Margin

Values = npt.NDArray[Any]
Ticks = npt.NDArray[np.int64]

CHANCE = 1e-6
"""Probability below which it is no chance that values end alike."""

MIN_VALUES = 50
"""Of fewer distinct values nothing is said."""

MIN_WHOLES = 10
"""So many cycles lie between the first and the last of some times at least."""

NONE = -1
"""The ending of a code that has no preferred one."""

SECOND, MINUTE, HOUR, DAY = 1, 60, 3_600, 86_400
TIMES = ((7 * DAY, DAY), (DAY, HOUR), (HOUR, MINUTE), (MINUTE, SECOND))
"""Seconds after which endings repeat, and of an ending."""

_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True, slots=True, eq=False)
class Endings:
    """What the values of a column end in, by their codes.

    Attributes:
        modulus: In ticks of the column: where endings begin again.
        unit: How many ticks one ending has; what lies within it is the made value's own.
        of: For each code its ending, from 0; ``NONE`` for that of the made value.
        decimals: Digits after the point of floats, whose last one is a tick.
    """

    modulus: int
    unit: int
    of: Codes
    decimals: int | None = None

    def lowest(self, values: Values) -> Values:
        """What values may become at the lowest."""
        return self._further(values, -self.modulus)

    def highest(self, values: Values) -> Values:
        """What values may become at the highest."""
        return self._further(values, self.modulus)

    def _further(self, values: Values, ticks: int) -> Values:
        limits = np.finfo(values.dtype) if self.decimals is not None else np.iinfo(values.dtype)
        moved = _values(_ticks(values, self.decimals) + ticks, self.decimals, np.dtype(object))
        return np.clip(moved, limits.min, limits.max).astype(values.dtype)

    def given(self, values: Values, codes: Codes, low: Any, high: Any) -> Values:
        """Made values with the endings of their codes, between two bounds."""
        ticks = _ticks(values, self.decimals)
        ending = self.of[codes].astype(np.int64)
        ended = ticks // self.modulus * self.modulus + ending * self.unit + ticks % self.unit
        least, most = _ticks(np.array([low, high], dtype=values.dtype), self.decimals)
        ended = np.where(ended > most, ended - self.modulus, ended)
        ended = np.where(ended < least, ended + self.modulus, ended)
        kept = (ending != NONE) & (ended >= least) & (ended <= most)
        made = _values(ended, self.decimals, values.dtype)
        return np.where(kept, made, values)


def endings_of(margin: Margin, type: pa.DataType, min_count: int) -> tuple[Endings, ...]:
    """What the values of a column that move prefer to end in, the widest endings first.

    Args:
        margin: Of the column, as it was fitted.
        type: Of the column.
        min_count: So many distinct values have an ending that is kept.
    """
    places = np.flatnonzero(margin.moving)
    if len(places) < MIN_VALUES or not margin.is_ordered:
        return ()
    is_float = margin.support.dtype.kind == "f"
    if is_float and margin.decimals is None:
        return ()
    values = margin.support[places]
    greatest = np.abs(values.astype(np.float64)).max() * 10.0 ** (margin.decimals or 0)
    if greatest >= (2**53 if is_float else 2**62):
        return ()
    ticks = _ticks(values, margin.decimals)
    if pa.types.is_temporal(type):
        found = _of_times(ticks, margin.step, type, min_count)
    else:
        digits = preferred(ticks, step=margin.step, min_count=min_count)
        found = iter([] if digits is None else [(digits.modulus, 1, digits.endings)])
    made = []
    for modulus, unit, kept in found:
        own = ticks % modulus // unit
        of = np.full(len(margin.support), NONE, dtype=np.int32)
        of[places] = np.where(np.isin(own, kept), own, NONE)
        made.append(Endings(modulus, unit, of, margin.decimals))
    return tuple(made)


def _of_times(
    ticks: Ticks, step: int, type: pa.DataType, min_count: int
) -> Iterator[tuple[int, int, Ticks]]:
    """The days of the week, hours, minutes and seconds that are not as likely as all others."""
    for modulus, unit in _cycles(type):
        wholes = ticks // modulus
        if not _suits(modulus, unit, step) or wholes[-1] - wholes[0] < MIN_WHOLES:
            continue
        size = modulus // unit
        counts = np.bincount(ticks % modulus // unit, minlength=size)
        if len(ticks) < 3 * size:
            continue
        shares = counts[counts > 0] / len(ticks)
        beyond = 2 * len(ticks) * float((shares * np.log(shares * size)).sum())
        if beyond > chi2.isf(CHANCE, size - 1):
            yield modulus, unit, np.flatnonzero(counts >= min_count)


def _suits(modulus: int, unit: int, step: int) -> bool:
    """Whether numbers a step apart, or many, are so with other endings too."""
    return step < modulus and modulus % step == 0 and (unit % step == 0 or step % unit == 0)


def _cycles(type: pa.DataType) -> Iterator[tuple[int, int]]:
    """In ticks of a type of dates or times, after how many endings repeat, and of an ending."""
    if pa.types.is_date32(type):
        yield 7, 1
        return
    ticks = _TICKS["ms" if pa.types.is_date64(type) else type.unit]
    for modulus, unit in TIMES:
        # The hours of a time of day are all that there is of it.
        if unit >= HOUR and not (pa.types.is_timestamp(type) or pa.types.is_date64(type)):
            continue
        if unit >= DAY or not pa.types.is_date64(type):
            yield modulus * ticks, unit * ticks


def _ticks(values: Values, decimals: int | None) -> Ticks:
    if decimals is not None:
        return np.asarray(np.rint(values.astype(np.float64) * 10.0**decimals), dtype=np.int64)
    return values.astype(np.int64)


def _values(ticks: Ticks, decimals: int | None, dtype: np.dtype[Any]) -> Values:
    if decimals is not None:
        return np.round(ticks / 10.0**decimals, decimals).astype(dtype)
    return ticks.astype(dtype)
