"""Ranges with round ends in which values are counted: of each, no rows or more than a few."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from datagen_nb.synth.quality.closeness import Floats, Ints

MOST = 24
"""Ranges of a column."""

BEYOND = 0.005
"""Share of the rows, at each end, that is counted in the outermost range."""

SKEWED = 30
"""A largest value of so many medians is shown on a logarithmic axis."""

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
ENDLESS = 2.0**53
"""Seconds from which on no calendar counts them."""

_STEPS = (
    *(1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(HOUR * count for count in (1, 2, 3, 6, 12)),
    *(DAY * count for count in (1, 2, 5, 10)),
)
_MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 2_400, 6_000, 12_000)


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ends of ranges, in ascending order."""

    edges: Floats
    is_logarithmic: bool = False

    def counts(self, values: Floats) -> Ints:
        """Values in each range; the outermost have what lies beyond them too."""
        places = np.searchsorted(self.edges[1:-1], values, side="right")
        return np.bincount(places, minlength=len(self.edges) - 1).astype(np.int64)

    def joined(self, values: Floats, least: int) -> Ranges:
        """Ranges of which each has no value, or ``least`` or more."""
        starts: list[int] = []
        held: list[int] = []
        for place, count in enumerate(map(int, self.counts(values))):
            if held and 0 < held[-1] < least:
                held[-1] += count
            else:
                starts.append(place)
                held.append(count)
        while len(held) > 1 and 0 < held[-1] < least:
            starts.pop()
            held[-2:] = [held[-2] + held[-1]]
        return Ranges(self.edges[[*starts, len(self.edges) - 1]], self.is_logarithmic)


def ranges_of(
    values: Floats, made: Floats, least: int, *, are_times: bool = False
) -> Ranges | None:
    """Ranges for values, or ``None`` if they are too few or too far apart.

    Args:
        values: Of the input, all known, in no order.
        made: The same of the result; ranges lie where these are, too.
        least: Ends do not depend on fewer values than this at each end, and no range has fewer.
        are_times: Whether they are seconds, which ends at full hours, days or months suit.
    """
    inner, others = _inner(values, least), _inner(made, least)
    if not len(inner):
        return None
    lows, highs = zip(*((each[0], each[-1]) for each in (inner, others) if len(each)), strict=True)
    low, high = float(min(lows)), float(max(highs))
    wanted = min(MOST, max(len(values) // (2 * least), 1))
    if not math.isfinite(high - low):
        return None
    is_logarithmic = not are_times and low >= 0 and _is_skewed(inner)
    if are_times:
        edges = _calendar(low, high, wanted)
    elif is_logarithmic:
        edges = _powers(inner[inner > 0], low, high, wanted)
    else:
        edges = _steps(low, high, wanted, are_whole=bool((inner == np.floor(inner)).all()))
    if len(edges) < 2 or not (np.diff(edges) > 0).all():  # closer than numbers of this size can be
        return None
    return Ranges(edges, is_logarithmic).joined(values, least)


def _inner(values: Floats, least: int) -> Floats:
    """Sorted, without the few lowest and highest."""
    beyond = max(least - 1, int(len(values) * BEYOND))
    return np.sort(values)[beyond : max(len(values) - beyond, beyond)]


def _is_skewed(inner: Floats) -> bool:
    positive = inner[inner > 0]
    return bool(len(positive) and inner[-1] > SKEWED * np.median(positive))


def _steps(low: float, high: float, wanted: int, *, are_whole: bool) -> Floats:
    """Multiples of 1, 2 or 5 times a power of ten, from below ``low`` to above ``high``."""
    width = (high - low) / wanted or abs(low) / 10 or 1.0
    step = max(_round_up(width), 1.0) if are_whole else _round_up(width)
    return _multiples(step, low, high)


def _multiples(step: float, low: float, high: float) -> Floats:
    first, last = math.floor(low / step), math.floor(high / step) + 1
    edges = np.arange(first, last + 1, dtype=np.float64) * step
    digits = 2 - math.floor(math.log10(step))
    return edges.round(digits) if abs(digits) < 300 else edges


def _round_up(width: float) -> float:
    power = 10.0 ** math.floor(math.log10(width))
    return next(count * power for count in (1, 2, 5, 10) if count * power >= width * (1 - 1e-9))


def _powers(positive: Floats, low: float, high: float, wanted: int) -> Floats:
    """From 0 or a power of ten below most values, in steps of 1, 2 and 5 times it."""
    least = float(np.quantile(positive, 0.05))
    powers = [10.0**power for power in range(_power(least), _power(high) + 2)]
    edges = [count * power for power in powers for count in (1, 2, 5)]
    if len(edges) > wanted:
        edges = powers[-wanted:]
    first = max((place for place, edge in enumerate(edges) if edge <= least), default=0)
    last = next(place for place, edge in enumerate(edges) if edge > high)
    edges = edges[first : last + 1]
    return np.array([0.0, *edges] if low < edges[0] else edges)


def _power(value: float) -> int:
    return math.floor(math.log10(value))


def _calendar(low: float, high: float, wanted: int) -> Floats:
    """Full seconds, minutes, hours and days, or the first days of months and years."""
    span = (high - low) / wanted
    if span < _STEPS[0] or max(-low, high) >= ENDLESS:
        return _steps(low, high, wanted, are_whole=False)
    for step in _STEPS:
        if step >= span:
            return _multiples(step, low, high)
    month = 30.4375 * DAY
    count = next((count for count in _MONTHS if count * month >= span), _MONTHS[-1])
    first, last = (int(value // 1) for value in (low, high))
    ends = np.array([first, last], "M8[s]").astype("M8[M]").astype(np.int64)
    places = np.arange(ends[0] // count, ends[1] // count + 2) * count
    return places.astype("M8[M]").astype("M8[s]").astype(np.int64).astype(np.float64)
