"""Finding rules between columns that constrain each other: orders and nulls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from datagen_nb.relations import dependency, nulls, order
from datagen_nb.relations.numbers import DAY, INSTANT, whole
from datagen_nb.relations.state import Search, sampled


def find_orders(search: Search, tolerance: float) -> None:
    """Find columns that lie close above another one."""
    _find_orders(search, tolerance, near=True)


def find_floors(search: Search, tolerance: float) -> None:
    """Find columns that are never below another one, though they are far from it."""
    _find_orders(search, tolerance, near=False)


def _find_orders(search: Search, tolerance: float, *, near: bool) -> None:
    left = [name for name in search.numbers if name not in search.relations]
    if len(left) > order.MAX_ORDERED and not near:
        search.notes.append(
            f"Orders were searched among the first {order.MAX_ORDERED} of {len(left):,} columns of "
            "numbers and dates."
        )
    names = left[: order.MAX_ORDERED]
    if len(names) < 2:
        return
    rows = sampled(search, names)
    families = np.array([search.numbers[name].grid.family for name in names])
    means = {name: float(np.nanmean(search.numbers[name].values)) for name in names}
    for place in sorted(range(len(names)), key=lambda place: -means[names[place]]):
        target = names[place]
        difference = rows[place] - rows
        if families[place] == INSTANT:
            difference = difference + DAY  # a date may be that of a time
        allowed = 2 if tolerance else 0
        with np.errstate(invalid="ignore"):
            lower = ((difference < 0).sum(axis=1) <= allowed) & (families == families[place])
            lower &= (~np.isnan(difference)).sum(axis=1) > 0
        lower[place] = False
        mean = np.array(
            [np.nanmean(one) if known else 0 for one, known in zip(difference, lower, strict=True)]
        )
        bases: list[str] = []
        for other in sorted(np.flatnonzero(lower), key=lambda at: mean[at]):
            base = names[int(other)]
            if not search.is_open(target, [base]):
                continue
            is_near = order.is_above(
                search.numbers[target],
                search.numbers[base],
                base,
                search.columns,
                tolerance=tolerance,
                hypotheses=float(len(names) ** 2),
            )
            if is_near is not near:
                continue
            if near:
                bases.append(base)
            else:
                grid = search.numbers[target].grid
                search.accept(order.Floor(column=target, base=base, grid=grid))
        if bases:
            _accept_gap(search, target, bases, tolerance)


def _accept_gap(search: Search, target: str, bases: Sequence[str], tolerance: float) -> None:
    """Replace a column by the difference from those that no other of them is always above."""
    highest = [bases[0]]
    for base in bases[1:]:
        values = search.numbers[base].values
        if not any((values <= search.numbers[one].values).all() for one in highest):
            highest.append(base)
    for chosen in (highest[: order.MAX_BASES], highest[:1]):
        gap = order.gap_over(
            target,
            chosen,
            search.numbers,
            search.columns,
            tolerance=tolerance,
            taken=search.taken,
        )
        if gap is not None:
            search.accept(gap)
            return


def find_nulls(search: Search, tolerance: float) -> None:
    """Find nulls that follow from a category, or from another column's nulls."""
    table = search.table
    flags = {
        name: np.asarray(table[name].is_null().combine_chunks().to_numpy(zero_copy_only=False))
        for name in table.column_names
        if 0 < table[name].null_count < table.num_rows
    }
    deciding = [
        name
        for name in table.column_names
        if search.is_category(name) and 2 <= search.coded(name).levels <= nulls.MAX_LEVELS
    ]
    hypotheses = float(len(flags) * (len(deciding) + len(flags)) * nulls.MAX_LEVELS)
    del tolerance
    rules: list[nulls.NullRule] = []
    of_nulls = pa.array([False, True])
    for at, (name, flag) in enumerate(flags.items()):
        tried = [
            (by, dependency.encoded(whole(table[by]))[0], search.coded(by).codes, False)
            for by in deciding
            if by != name
        ]
        tried += [
            (by, of_nulls, other.astype(np.int64), True)
            for by, other in list(flags.items())[:at]
            if not (other & ~flag).any()
        ]
        found = [
            nulls.rule_of(name, by, levels, codes, table, by_null=by_null, hypotheses=hypotheses)
            for by, levels, codes, by_null in tried
        ]
        kept = sorted((one for one in found if one), key=lambda one: not one.is_whole)
        rules += kept[:1]
    for rule in reversed(rules):  # what decides is rebuilt before what it decides
        search.accept(rule)
