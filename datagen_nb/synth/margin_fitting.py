"""What becomes of the values of a column, one at a time: kept, moved or pooled.

* An *atom* is drawn exactly: a value that at least ``min_count`` rows have and that is heavier
  than its neighbourhood (zeros, codes, caps, sentinels), or a level of a column of few levels.
* Every other number moves to a place between its neighbours, on the column's own grid, so that
  bounds and granularity stay and no single value is copied. It never moves into a wide gap, so
  gaps stay gaps. At an end, of the range or before a gap, a value of few rows moves inwards in
  all of its draws, and what is made ends a step of the grid inside it; one of enough rows moves
  in half of its draws, so that a dense end keeps its share.
* What fewer than ``min_count`` rows have and what stands alone is pooled: a number goes to the
  nearest value that is kept, a category to one of those that are kept, by their shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from datagen_nb.core.kinds import KINDS, Scale
from datagen_nb.synth.margin import Codes, Flags, Floats, Margin, Unseen, Values

MIN_COUNT = 5
"""A value that fewer rows have is not used as it is."""

DISCRETE = 2.0
"""Up to so many times the square root of the rows, a column's distinct values are levels."""

HEAVY, BEYOND_CHANCE = 5.0, 6.0
"""An atom has so many times the rows of a value of its neighbourhood, and so many standard
deviations of their number more."""

USUAL = 0.7
"""Part of a neighbourhood that is usual: of heaped numbers, as those in thousands, many are not."""

NEIGHBOURS = 10
"""Distinct values on each side that are a value's neighbourhood."""

FEW_LEVELS = 50
"""Up to so many levels, rows of rare ones go to the others by their shares."""

SCARCE = 2
"""A level with so many rows of a sample stands for those that the sample lacks as well."""

MAX_REACH, ROWS_PER_REACH = 3, 20
"""A number moves as far as its third neighbour on each side; of few numbers less far."""

MAX_FURTHER, ROWS_PER_FURTHER = 20, 10
NEAR = 0.2
"""It moves further, to one in ten of few numbers, as long as they are near: within a fifth of the
distance between the quartiles."""

WIDE = 50.0
"""A gap is wide from so many times the gaps of its neighbourhood on."""

MAX_DECIMALS = 12


@dataclass(frozen=True, slots=True)
class Pooled:
    """What became of the rare values of a column.

    Attributes:
        values: How many distinct values are not used.
        rows: How many rows had one of them.
    """

    values: int = 0
    rows: int = 0


def fit(
    values: Values,
    kind: str,
    *,
    random: np.random.Generator,
    min_count: int = MIN_COUNT,
    counts: Mapping[Any, int] | None = None,
    is_open: bool = False,
) -> tuple[Margin, Codes, Pooled]:
    """Fit a column without nulls.

    Args:
        values: One a row, as ``arrays.to_values`` gives them.
        kind: The column's kind.
        random: Of the places where pooled rows go.
        min_count: A value that fewer rows have is not used as it is.
        counts: Rows of each value in the whole table, where ``values`` are a sample of it.
        is_open: Whether levels that the sample lacks may be made.

    Returns:
        The margin, the code of each row, and what was pooled.
    """
    support, inverse, rows = np.unique(values, return_inverse=True, return_counts=True)
    codes: Codes = np.asarray(inverse).astype(np.int32)
    seen = rows
    if counts is not None:
        known = [counts.get(value, 0) for value in support.tolist()]
        rows = np.maximum(rows, np.array(known, dtype=np.int64))
    scale = KINDS[kind].scale
    is_number = support.dtype.kind in "iuf" and scale is Scale.ORDERED
    if not is_number:
        least = 1 if scale is Scale.BINARY else min_count
        margin, codes, pooled = _fit_levels(support, codes, rows, random, least)
        if is_open and counts is not None:
            kept = rows >= least
            unseen = _unseen(margin.support, seen[kept], rows[kept], counts, least)
            margin = replace(margin, unseen=unseen)
        return margin, codes, pooled
    return _fit_numbers(support, codes, rows, min_count)


def _fit_levels(
    support: Values, codes: Codes, rows: Any, random: np.random.Generator, min_count: int
) -> tuple[Margin, Codes, Pooled]:
    """Levels as they are; the rows of rare ones go to others.

    Of few levels they go to all by their shares; of many to the scarcer half, which they are most
    like, so that the common ones keep their shares.
    """
    rare = rows < min_count
    if rare.all() or not rare.any():
        return Margin(support), codes, Pooled()
    places = np.cumsum(~rare, dtype=np.int32) - 1
    is_rare = rare[codes]
    kept = places[codes[~is_rare]]
    pooled = Pooled(int(rare.sum()), int(is_rare.sum()))
    codes = places[codes]
    if (~rare).sum() > FEW_LEVELS:
        usual = rows[~rare]
        kept = np.flatnonzero(usual <= np.median(usual)).astype(np.int32)
    codes[is_rare] = random.choice(kept, pooled.rows) if len(kept) else 0
    return Margin(support[~rare]), codes, pooled


def _unseen(
    support: Values, seen: Any, rows: Any, counts: Mapping[Any, int], min_count: int
) -> Unseen | None:
    known = set(support.tolist())
    others = {
        value: count for value, count in counts.items() if count >= min_count and value not in known
    }
    scarce = seen <= SCARCE
    if not others or not scarce.any() or len(scarce) != len(support):
        return None
    values = np.empty(len(others), dtype=object)
    values[:] = list(others)
    found = np.array(list(others.values()), dtype=np.float64)
    share = found.sum() / (found.sum() + rows[scarce].sum())
    return Unseen(values, found / found.sum(), scarce, float(share))


def _fit_numbers(
    support: Values, codes: Codes, rows: Any, min_count: int
) -> tuple[Margin, Codes, Pooled]:
    is_atom = _atoms(support, rows, min_count)
    places = np.flatnonzero(~is_atom)
    if len(places) == 0:
        return Margin(support), codes, Pooled()
    gaps = np.diff(support[places].astype(np.float64) / 2)  # halves: no difference overflows
    wide = _are_wide(gaps)
    wide_below = np.append(True, wide)
    alone = _stand_alone(wide_below, rows[places], min_count) & (len(places) > 1)
    if is_atom.any() and len(places) == 1:
        alone = np.ones(1, dtype=bool)
    if alone.all() and not is_atom.any():
        alone = np.zeros(len(places), dtype=bool)
    low, high = support.copy(), support.copy()
    free = places[~alone]
    ordered = support[free]
    group = np.cumsum(wide_below[~alone])
    begin, end = np.searchsorted(group, group), np.searchsorted(group, group, side="right") - 1
    below, above = _reaches(ordered, rows[free])
    below, above = np.maximum(below, begin), np.minimum(above, end)
    place, sparse = np.arange(len(ordered)), rows[free] < min_count
    at_begin, at_end = sparse & (place == begin), sparse & (place == end)
    decimals = decimals_of(ordered) if support.dtype.kind == "f" else None
    step = _step(ordered, decimals)
    many = end - begin > NEIGHBOURS
    ordered = _inside(ordered, at_begin & many, at_end & many, step, decimals)
    # A step inside may be the value beside it: the next but one is further in any case.
    above = np.where(at_begin & many, np.maximum(above, place + 2), above)
    below = np.where(at_end & many, np.minimum(below, place - 2), below)
    support = support.copy()
    support[free] = ordered
    low[free] = ordered[np.where(at_begin, above, below)]
    high[free] = ordered[np.where(at_end, below, above)]
    margin = Margin(support, low, high, step, decimals)
    return _without(margin, codes, rows, places[alone])


def _inside(
    ordered: Values, at_begin: Flags, at_end: Flags, step: int, decimals: int | None
) -> Values:
    """Numbers with some ends a step of the grid further inside, so that no extreme is copied.

    Where there is no grid, none comes back in any case.
    """
    if ordered.dtype.kind == "f" and decimals is None:
        return ordered
    inside = ordered.copy()
    if decimals is None:
        if step > np.iinfo(ordered.dtype).max:  # two numbers so far apart have nothing between
            return ordered
        inside[at_begin] += step
        inside[at_end] -= step
        return inside
    unit = step / 10.0**decimals
    for ends, way in ((at_begin, unit), (at_end, -unit)):
        inside[ends] = np.round(ordered[ends].astype(np.float64) + way, decimals)
    return inside


def _reaches(ordered: Values, rows: Any) -> tuple[Any, Any]:
    """The places of the least and the greatest value to which each of some numbers moves.

    Some neighbours in any case, and more where they are near and have few rows: so few rows do not
    leave the clusters that they have by chance, and the gaps of a long tail are not filled.
    """
    place = np.arange(len(ordered))
    reach = min(max(len(ordered) // ROWS_PER_REACH, 1), MAX_REACH)
    points, ends = ordered.astype(np.float64), np.cumsum(rows)
    further = min(int(ends[-1]) // ROWS_PER_FURTHER, MAX_FURTHER) if len(rows) else 0
    if further <= reach:
        return place - reach, place + reach
    with np.errstate(over="ignore"):
        near = NEAR * (points[3 * len(points) // 4] - points[len(points) // 4])
        low, high = np.searchsorted(points, points - near), np.searchsorted(points, points + near)
    fewest = np.searchsorted(ends, ends - further)
    most = np.searchsorted(ends, ends + further)
    below = np.minimum(place - reach, np.maximum(low, fewest))
    above = np.maximum(place + reach, np.minimum(high - 1, most))
    return below, above


def _without(margin: Margin, codes: Codes, rows: Any, gone: Any) -> tuple[Margin, Codes, Pooled]:
    """The margin without some values, whose rows go to the nearest that is kept."""
    if not len(gone) or margin.low is None or margin.high is None:
        return margin, codes, Pooled()
    kept = np.setdiff1d(np.arange(len(margin.support)), gone)
    right = np.clip(np.searchsorted(kept, gone), 0, len(kept) - 1)
    left = np.clip(right - 1, 0, len(kept) - 1)
    points = margin.support.astype(np.float64)
    nearer = points[gone] - points[kept[left]] <= points[kept[right]] - points[gone]
    places = np.zeros(len(margin.support), dtype=np.int32)
    places[kept] = np.arange(len(kept))
    places[gone] = np.where(nearer & (kept[left] < gone), left, right)
    smaller = Margin(
        margin.support[kept], margin.low[kept], margin.high[kept], margin.step, margin.decimals
    )
    return smaller, places[codes], Pooled(len(gone), int(rows[gone].sum()))


def _atoms(support: Values, rows: Any, min_count: int) -> Flags:
    """Which values are made as they are."""
    common = rows >= min_count
    odd = ~np.isfinite(support) if support.dtype.kind == "f" else np.zeros(len(support), bool)
    if len(support) <= DISCRETE * np.sqrt(rows.sum()):
        return cast("Flags", common | odd)
    padded = np.pad(np.where(odd, 0, rows).astype(np.float64), NEIGHBOURS, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)[common]
    usual = int(USUAL * windows.shape[1])
    around = np.partition(windows, usual - 1, axis=1)[:, :usual].mean(axis=1)
    heavy = np.zeros(len(support), dtype=np.bool_)
    least = np.maximum(HEAVY * around, around + BEYOND_CHANCE * np.sqrt(around))
    heavy[common] = rows[common] >= least
    return heavy | odd


def _are_wide(gaps: Floats) -> Flags:
    """Which gaps are wide beside the usual ones around them."""
    if len(gaps) < 3:
        return np.zeros(len(gaps), dtype=bool)
    padded = np.pad(gaps, NEIGHBOURS, mode="reflect" if len(gaps) > NEIGHBOURS else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    wide: Flags = gaps / WIDE > np.median(windows, axis=1)
    return wide


def _stand_alone(wide_below: Flags, rows: Any, min_count: int) -> Flags:
    """Which values belong to a group between two wide gaps that fewer than ``min_count`` have."""
    group = np.cumsum(wide_below) - 1
    sizes = np.bincount(group, weights=rows)
    return cast("Flags", sizes[group] < min_count)


def _step(values: Values, decimals: int | None) -> int:
    """The greatest step that all distances are multiples of, of floats in their last decimal."""
    if values.dtype.kind == "f":
        greatest = np.abs(values.astype(np.float64)).max(initial=0.0)
        if decimals is None or greatest >= 2**53 / 10.0**decimals:
            return 1
        values = np.rint(values.astype(np.float64) * 10.0**decimals).astype(np.int64)
    if len(values) < 2:
        return 1
    return max(int(np.gcd.reduce(np.diff(values).astype(np.uint64))), 1)


def decimals_of(support: Values) -> int | None:
    """The fewest decimals that all of some floats have; ``None`` where there are no few."""
    finite = support[np.isfinite(support)]
    wide = finite.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        nearly = 4 * np.spacing(np.abs(finite))  # a computed 3.14 is seldom 3.14 to the last bit
        for decimals in range(MAX_DECIMALS + 1):
            if (np.abs(np.round(wide, decimals) - wide) <= nearly).all():
                return decimals
    return None
