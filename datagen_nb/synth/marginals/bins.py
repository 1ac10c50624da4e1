"""Numbers in bins, whose edges are given, or found by counting with noise.

A column of numbers becomes whole *units* on its grid first: cents, days, or the numbers themselves.
Edges that are not given start at powers of two, the same for every table, and are refined where
noisy counts are high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from datagen_nb.synth.marginals.mechanisms import Counts, Curator, Noisy, variance_for

Units = npt.NDArray[np.int64]

HIGHEST = 61
"""Units lie within two to this power; others count as if they did."""

DECIMALS = 6
"""Of a column of floats at most; finer numbers are rounded to so many."""

MOST_PARTS = 16
"""Into which a bin is split in one round."""

WORTHWHILE = 1.5
"""Standard deviations of the next noise that a part of a split bin has rows for."""

RUN = 6.0
"""What one more run of bins has to explain, in variances of the noise."""

BEYOND_NOISE = 4.5
"""Standard deviations that a bin of the first round has to count to be part of the range; of 123
bins without a row, one is by chance in one of 2,000 columns."""

ODD_ROWS = 0.01
"""Share of the rows whose values may lie between those of a grid."""

STEP = "grid"
RANGE = "ranges"
"""Purposes in the account."""


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Ranges of units in their order, perhaps with gaps between.

    Attributes:
        left: The first unit of each.
        right: The unit behind the last of each.
    """

    left: Units
    right: Units

    @classmethod
    def of_any_number(cls) -> Bins:
        """From each power of two to the next, 0 by itself, and the same below 0."""
        powers = [2**power for power in range(HIGHEST + 1)]
        edges = np.array([1 - one for one in reversed(powers[1:])] + [0] + powers, dtype=np.int64)
        return cls(edges[:-1], edges[1:])

    @classmethod
    def between(cls, low: int, high: int) -> Bins:
        """One bin with both ends."""
        return cls(np.array([low], dtype=np.int64), np.array([high + 1], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.left)

    def places(self, units: Units) -> Units:
        """The bin of each unit; of one in no bin, the nearest."""
        last = len(self) - 1
        place = np.clip(np.searchsorted(self.left, units, side="right") - 1, 0, last)
        following = np.minimum(place + 1, last)
        above = units.astype(np.float64) - self.right[place]
        below = self.left[following].astype(np.float64) - units
        return cast("Units", np.where((above >= 0) & (below < above), following, place))

    def counted(self, units: Units) -> Counts:
        """How many units each bin has."""
        return np.bincount(self.places(units), minlength=len(self)).astype(np.int64)

    def kept(self, flags: npt.NDArray[np.bool_]) -> Bins:
        """Some of the bins."""
        return Bins(self.left[flags], self.right[flags])

    def split(self, parts: Sequence[int]) -> Bins:
        """Each bin in so many equal parts, or in single units if it has fewer."""
        edges: list[tuple[int, int]] = []
        bounds = zip(self.left.tolist(), self.right.tolist(), parts, strict=True)
        for left, right, wanted in bounds:
            count = max(min(wanted, right - left), 1)
            cuts = [left + (right - left) * place // count for place in range(count + 1)]
            edges += pairwise(cuts)
        found = np.array(edges, dtype=np.int64)
        return Bins(found[:, 0], found[:, 1])

    def draw(self, places: Units, random: np.random.Generator) -> Units:
        """For each bin a unit in it, all as likely."""
        return random.integers(self.left[places], self.right[places])


@dataclass(frozen=True, slots=True)
class Grid:
    """What a unit is.

    Attributes:
        step: Of whole numbers and instants: a unit is so much.
        decimals: Of floats: a unit is one of the last decimal.
    """

    step: int = 1
    decimals: int | None = None

    def units(self, values: npt.NDArray[Any]) -> Units:
        """Values in units, rounded down; of floats to the nearest."""
        limit = 2.0**HIGHEST - 1024
        if self.decimals is not None:
            scale = 10.0**self.decimals
            bounded = np.clip(values.astype(np.float64), -limit / scale, limit / scale)
            return np.rint(bounded * scale).astype(np.int64)
        if values.dtype == object:
            whole = [max(-int(limit), min(int(limit), int(one))) for one in values.tolist()]
            values = np.array(whole, dtype=np.int64)
        if values.dtype == np.uint64:
            values = np.minimum(values, np.uint64(limit))
        return np.clip(values.astype(np.int64), int(-limit), int(limit)) // self.step

    def values(self, units: Units) -> npt.NDArray[Any]:
        """Values of units."""
        if self.decimals is not None:
            return np.round(units / 10.0**self.decimals, self.decimals)
        return units * self.step


def find_grid(
    values: npt.NDArray[Any], steps: Sequence[int], curator: Curator, rho: Fraction
) -> Grid:
    """The coarsest grid that nearly all values lie on, by noisy counts.

    Args:
        values: Floats, or whole numbers if there are steps.
        steps: Of whole numbers, from the coarsest to 1; none of floats.
        curator: Counts.
        rho: What it costs at most.
    """
    grids = (
        [Grid(step=step) for step in steps]
        if steps
        else [Grid(decimals=decimals) for decimals in range(DECIMALS + 1)]
    )
    needed = np.full(len(values), len(grids) - 1)
    for place in reversed(range(len(grids) - 1)):
        back = grids[place].values(grids[place].units(values))
        fits = back == values if steps else np.isclose(back, values, rtol=1e-12, atol=1e-9)
        needed[fits] = place
    counted = curator.count(STEP, np.bincount(needed, minlength=len(grids)).astype(np.int64), rho)
    finer = np.append(np.cumsum(counted.counts[:0:-1])[::-1], 0)
    noise = counted.deviation * np.sqrt(np.arange(len(grids))[::-1])
    return grids[int(np.argmax(finer <= ODD_ROWS * max(counted.counts.sum(), 0) + 2 * noise))]


def find_bins(units: Units, bins: Bins | None, curator: Curator, costs: Sequence[Fraction]) -> Bins:
    """Bins that are narrow where many units are.

    Args:
        units: Of the rows.
        bins: Where the units are known to lie; ``None`` if that is to be found.
        curator: Counts.
        costs: Of each round of counting, and last of the count that the bins are for.
    """
    is_known = bins is not None
    bins = Bins.of_any_number() if bins is None else bins.split([MOST_PARTS])
    for number, (rho, following) in enumerate(pairwise(costs)):
        counted = curator.count(RANGE, bins.counted(units), rho)
        if number == 0 and not is_known:
            bins, counted = _filled(bins, counted)
        rows = WORTHWHILE * variance_for(following) ** 0.5
        parts = np.clip(counted.counts // rows, 1, MOST_PARTS).astype(int)
        bins = bins.split(parts.tolist())
    return bins


def smoothed(
    counts: npt.NDArray[np.float64], widths: Units, variance: float
) -> npt.NDArray[np.float64]:
    """Counts of neighbouring bins as if each unit had as many, where noise explains the difference.

    The bins are parted into runs of one density each: those whose squared errors, in variances of
    the noise, and ``RUN`` for each run are the least.

    Source: Friedrich, Kempe, Liebscher and Winkler, Complexity penalized M-estimation: fast
    computation, 2008.

    Args:
        counts: Of each bin in their order, with noise.
        widths: Units of each.
        variance: Of the noise.
    """
    wide = widths / max(float(widths.max(initial=1)), 1.0)
    squares = np.concatenate([[0.0], np.cumsum(wide**2)])
    products = np.concatenate([[0.0], np.cumsum(wide * counts)])
    least = np.zeros(len(counts) + 1)
    begins = np.zeros(len(counts), np.int64)
    for end in range(1, len(counts) + 1):
        explained = (products[end] - products[:end]) ** 2 / (squares[end] - squares[:end])
        cost = least[:end] + RUN - explained / variance
        begins[end - 1] = np.argmin(cost)
        least[end] = cost[begins[end - 1]]
    found = np.empty(len(counts))
    end = len(counts)
    while end:
        begin = int(begins[end - 1])
        density = (products[end] - products[begin]) / (squares[end] - squares[begin])
        found[begin:end] = density * wide[begin:end]
        end = begin
    return found


def _filled(bins: Bins, counted: Noisy) -> tuple[Bins, Noisy]:
    """The bins whose counts noise does not explain; at least the highest."""
    flags = counted.counts >= BEYOND_NOISE * counted.deviation
    flags[np.argmax(counted.counts)] = True
    return bins.kept(flags), counted.of(flags)
