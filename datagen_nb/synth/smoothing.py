"""The numbers of few rows without the clusters that they have by chance.

Some hundred rows crowd here and are thin there by chance, and what is drawn by their margin alone
lies nearer to them than to other rows of the same table. So a line is fitted to the quantiles
around each, over their normal scores, which keeps order, range and shape. How wide it looks, rows
that were left out decide: quantiles of one half of the rows are smoothed, and the other half is
likely under them or not. None is taken that fills a thin place between two clusters.
Sources: Cleveland, Robust locally weighted regression and smoothing scatterplots, Journal of the
American Statistical Association 74, 1979; Duin, On the choice of smoothing parameters for Parzen
estimators of probability density functions, IEEE Transactions on Computers 25, 1976.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import cast

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from datagen_nb.synth.margin import Codes, Floats, Margin, Values

MIN_ROWS, MAX_ROWS = 40, 2_000
"""Rows of which numbers are smoothed: fewer show no shape, more leave few clusters to chance."""

POINTS = 200
"""Quantiles of a column."""

WIDTHS = (0.1, 0.2, 0.4)
"""Distances of normal scores over which a line is fitted."""

SPLITS = 4
"""How often rows are parted into halves."""

MAX_RANGES, ROWS_PER_RANGE = 40, 5
"""Ranges of values whose probability is compared."""

DOUBT = 0.03
"""Share of the rows that may fall into any range."""

BEYOND_CHANCE, ROWS_BESIDE = 3.0, 20
"""Standard deviations by which fewer rows lie where so many are made, at most."""


def smooth(margin: Margin, codes: Codes) -> Margin:
    """Smooth the numbers of a margin that move.

    Args:
        margin: Of a column.
        codes: One for each row that has a value.

    Returns:
        The margin, with the same codes. What moves goes on moving, on the grid, between the same
        gaps.
    """
    if margin.low is None or margin.high is None:
        return margin
    support, low, high = margin.support.copy(), margin.low.copy(), margin.high.copy()
    rows = np.bincount(codes, minlength=len(support))
    for places in _groups(margin):
        known = margin.support[places]
        origin = known[0]
        distances = _distances(known, origin)
        smoothed = quantiles(np.repeat(distances, rows[places]))
        if smoothed is None:
            continue
        for values in (support, low, high):
            moved = np.interp(_distances(values[places], origin), *smoothed)
            values[places] = _on_grid(moved, margin, known)
    still = (low == support) & (high == support)
    for values, plain in ((support, margin.support), (low, margin.low), (high, margin.high)):
        values[still] = plain[still]
    return replace(margin, support=support, low=low, high=high)


def quantiles(values: Floats) -> tuple[Floats, Floats] | None:
    """Smooth the quantiles of a continuous column.

    Args:
        values: Sorted, one a row.

    Returns:
        Quantiles, and where they lie after smoothing, within the same range; ``None`` where rows
        that are left out are no more likely under smoothed ones.
    """
    if not MIN_ROWS <= len(values) <= MAX_ROWS or values[0] == values[-1]:
        return None
    ranges = min(len(values) // ROWS_PER_RANGE, MAX_RANGES)
    bounds = np.unique(np.interp(np.arange(1, ranges) / ranges, _shares(len(values)), values))
    likely = np.zeros(1 + len(WIDTHS))
    for split in range(SPLITS):
        first = np.random.default_rng([len(values), split]).permutation(len(values)) % 2 == 0
        for known, left_out in ((values[first], values[~first]), (values[~first], values[first])):
            counts = np.bincount(np.searchsorted(bounds, left_out), minlength=len(bounds) + 1)
            plain = _points(known)
            likely[0] += counts @ _log_shares(plain, bounds)
            for place, smoother in enumerate(_smoothers(), 1):
                likely[place] += counts @ _log_shares(_sorted(smoother @ plain), bounds)
    plain = _points(values)
    plain[0], plain[-1] = values[0], values[-1]
    for best in np.argsort(-likely, kind="stable"):
        if not best:
            break
        found = np.clip(_sorted(_smoothers()[best - 1] @ plain), values[0], values[-1])
        if not _fills_gaps(found, values):
            return plain, found
    return None


def _fills_gaps(points: Floats, values: Floats) -> bool:
    """Whether there is a place with far fewer of the values than of those made by quantiles."""
    wide = -(-ROWS_BESIDE * len(points) // len(values))
    there = np.searchsorted(values, points[wide:], side="right")
    there = there - np.searchsorted(values, points[:-wide])
    made = wide * len(values) / len(points)
    return bool((made - there > BEYOND_CHANCE * np.sqrt(made)).any())


def _groups(margin: Margin) -> Iterator[npt.NDArray[np.intp]]:
    """The places of numbers that move, by the gaps into which none of them does."""
    places = np.flatnonzero(margin.moving)
    if margin.high is None or not len(places):
        return
    ends = margin.high[places[:-1]] < margin.support[places[1:]]
    yield from np.split(places, np.flatnonzero(ends) + 1)


def _distances(values: Values, origin: np.generic) -> Floats:
    if values.dtype.kind == "f":
        return values.astype(np.float64) - np.float64(origin)
    # Without sign: two may lie further apart than their own type counts.
    return (values.astype(np.uint64) - origin.astype(np.uint64)).astype(np.float64)


def _on_grid(distances: Floats, margin: Margin, known: Values) -> Values:
    """Numbers so far from the first of those that are known, on the grid of these."""
    if known.dtype.kind == "f":
        made = known[0] + distances
        if margin.decimals is not None:
            unit = margin.step / 10.0**margin.decimals
            made = np.round(known[0] + np.rint(distances / unit) * unit, margin.decimals)
        return cast("Values", np.clip(made, known[0], known[-1]))
    start, step = known[:1].astype(np.uint64), np.uint64(margin.step)
    most = (known[-1:].astype(np.uint64) - start) // step
    steps = np.minimum(np.rint(distances / margin.step).astype(np.uint64), most)
    return cast("Values", (start + steps * step).astype(known.dtype))


def _shares(count: int) -> Floats:
    return (np.arange(count) + 0.5) / count


def _points(values: Floats) -> Floats:
    return np.interp(_shares(POINTS), _shares(len(values)), values)


def _sorted(values: Floats) -> Floats:
    found: Floats = np.maximum.accumulate(values)
    return found


def _log_shares(points: Floats, bounds: Floats) -> Floats:
    """Logarithm of the probability of each range between bounds."""
    below = np.interp(bounds, points, _shares(len(points)), left=0, right=1)
    shares = np.diff(below, prepend=0, append=1)
    found: Floats = np.log((1 - DOUBT) * shares + DOUBT / len(shares))
    return found


@cache
def _smoothers() -> tuple[Floats, ...]:
    """For each width, the weights of all quantiles in each smoothed one."""
    scores = ndtri(_shares(POINTS))
    apart = scores - scores[:, None]
    found = []
    for width in WIDTHS:
        weights = np.exp(-((apart / width) ** 2) / 2)
        size, first, second = ((weights * apart**power).sum(axis=1) for power in range(3))
        line = second[:, None] - first[:, None] * apart
        found.append(weights * line / (size * second - first**2)[:, None])
    return tuple(found)
