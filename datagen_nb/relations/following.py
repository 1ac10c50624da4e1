"""Finding columns that follow from others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pyarrow as pa

from datagen_nb.core.kinds import Scale
from datagen_nb.relations import affine, arithmetic, bands, dates, dependency, nulls
from datagen_nb.relations.dependency import Coded
from datagen_nb.relations.expression import Columns, Expression, compute, names_of
from datagen_nb.relations.numbers import CLOCK, INSTANT, NUMBER, SPAN, Numbers
from datagen_nb.relations.parts import find_sums, split
from datagen_nb.relations.state import (
    SAMPLE_EXCEPTIONS,
    SAMPLE_ROWS,
    Search,
    sampled,
    spread,
    try_formula,
)

MAX_COUNTED, MAX_LABELS = 40, 31
"""Numbers that are compared with dates and categories, and values of a named part of a date."""

MAX_COPIED = 400
"""Numeric columns that are compared with each other."""

MAX_DECIDING, MAX_PAIRED_LEVELS, MAX_DECIDING_PAIRS = 60, 2_000, 12
"""Columns that may decide another, and levels and number of those that may do so in pairs."""

MAX_COUNTED_LEVELS = 2**16
"""Pairs of levels that are counted without sorting them first."""

MAX_NUMBER_LEVELS = 50
"""Numbers with more values decide nothing by a table: made ones would not be in it."""


def find_derived(search: Search, tolerance: float) -> None:
    """Find the columns that follow from others."""
    find_presence(search, tolerance)
    find_dates(search, tolerance)
    find_copies(search, tolerance)
    find_arithmetic(search, tolerance)
    find_sums(search, tolerance)
    find_bands(search)
    find_dependencies(search, tolerance)


def find_copies(search: Search, tolerance: float) -> None:
    """Find columns that repeat another one, as it is, rounded or rescaled."""
    names = list(search.numbers)
    if len(names) > MAX_COPIED:
        search.notes.append(
            f"Copies were searched among the first {MAX_COPIED} of {len(names):,} numeric columns."
        )
        names = names[:MAX_COPIED]
    if len(names) < 2:
        return
    rows = sampled(search, names)
    signed = affine.correlations(rows)
    unsigned = affine.correlations(np.abs(rows))
    near = np.maximum(np.abs(signed), np.abs(unsigned)) >= affine.MIN_CORRELATION
    for source_place, target_place in _by_detail(search, names, near):
        source, target = names[source_place], names[target_place]
        if not search.is_open(target, [source]):
            continue
        few = [
            Numbers(search.numbers[name].grid, rows[place])
            for name, place in ((source, source_place), (target, target_place))
        ]
        for expression in affine.candidates(source, *few):
            if try_formula(search, expression, target, tolerance, hypotheses=len(names) ** 2):
                break


def _by_detail(search: Search, names: Sequence[str], near: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of near columns: what has more values decides, and among equals the first."""
    levels = {}
    for place in np.flatnonzero(near.sum(axis=1) > 1):
        numbers = search.numbers[names[int(place)]]
        levels[int(place)] = len(np.unique(numbers.values[numbers.known]))
    ranked = sorted(levels, key=lambda place: (-levels[place], place))
    for target in reversed(ranked):
        for source in ranked:
            if source != target and near[source, target]:
                yield source, target


def find_arithmetic(search: Search, tolerance: float) -> None:
    """Find sums, differences, products and ratios of two or three columns."""
    names = [name for name, numbers in search.numbers.items() if numbers.grid.family == NUMBER]
    for forms, most in (
        (arithmetic.SUMS[:1], arithmetic.MAX_TRIPLED),
        (arithmetic.PAIRS, arithmetic.MAX_PAIRED),
        (arithmetic.TRIPLES, arithmetic.MAX_TRIPLED),
    ):
        if len(names) > most and tolerance == 0 and forms is not arithmetic.TRIPLES:
            search.notes.append(
                f"Sums and products of {2 if forms is arithmetic.PAIRS else 3} columns were "
                f"searched among the first {most} of {len(names):,} numeric columns."
            )
        _find_forms(search, forms, names[:most], tolerance)


def _find_forms(
    search: Search, forms: Sequence[Expression], names: Sequence[str], tolerance: float
) -> None:
    if len(names) < 3:
        return
    found: list[tuple[float, str, Expression]] = []
    for place, target in enumerate(names):
        numbers = search.numbers[target]
        if target in search.relations and not set(forms) & set(arithmetic.SUMS):
            continue
        rows = spread(np.flatnonzero(numbers.known), SAMPLE_ROWS)
        sampled_rows = np.stack([search.numbers[name].values[rows] for name in names])
        few = Numbers(numbers.grid, numbers.values[rows])
        for form, operands in arithmetic.matching(forms, sampled_rows, few, place):
            expression = arithmetic.named(form, [names[operand] for operand in operands])
            # A difference that may be negative is the result, not a part of a sum.
            is_late = form in arithmetic.SIGNED and any(
                (search.numbers[names[operand]].values < 0).any() for operand in operands
            )
            place_of_form = forms.index(form) + (2.5 if is_late else 0)
            found.append((place_of_form, target, expression))
    hypotheses = float(len(names) ** 3 * len(forms))
    for _, target, expression in sorted(found, key=lambda one: one[0]):
        is_open = search.is_open(target)
        if not is_open and expression[0] == "+":
            split(search, target, names_of(expression))
        elif is_open:
            try_formula(search, expression, target, tolerance, hypotheses=hypotheses)


def find_dependencies(search: Search, tolerance: float) -> None:
    """Find columns that one or two others decide by a table."""
    half = search.table.num_rows // dependency.MIN_ROWS_PER_LEVEL
    coded = [search.coded(name) for name in search.table.column_names]
    coded = [one for one in coded if one.levels >= 2]
    deciding = [one for one in coded if one.levels <= half and _is_deciding(search, one)]
    deciding = sorted(deciding, key=lambda one: one.levels)[:MAX_DECIDING]
    hypotheses = float(len(deciding) * len(coded))
    for one in deciding:
        _find_dependents(search, [one], coded, tolerance, hypotheses)
    left = [
        one
        for one in deciding
        if one.levels <= MAX_PAIRED_LEVELS and one.name not in search.relations
    ][:MAX_DECIDING_PAIRS]
    for pair in combinations(left, 2):
        _find_dependents(search, pair, coded, tolerance, hypotheses * len(left))


def _find_dependents(
    search: Search,
    deciding: Sequence[Coded],
    coded: Sequence[Coded],
    tolerance: float,
    hypotheses: float,
) -> None:
    names = [one.name for one in deciding]
    others = [one for one in coded if search.is_open(one.name, names)]
    if len(deciding) == 1:
        codes, levels = deciding[0].codes, deciding[0].levels
    else:
        codes = deciding[0].codes * deciding[1].levels + deciding[1].codes
        if deciding[0].levels * deciding[1].levels <= MAX_COUNTED_LEVELS:
            levels = int((np.bincount(codes) > 0).sum())
        else:
            codes = np.unique(codes, return_inverse=True)[1]
            levels = int(codes.max()) + 1
        if levels <= max(one.levels for one in deciding):
            return
    others = [one for one in others if one.levels <= levels]
    for target in dependency.dependents(
        codes, levels, others, tolerance=tolerance, hypotheses=hypotheses
    ):
        lookup = dependency.fit(search.table.select([*names, target]), target, names)
        if lookup.exceptions <= tolerance and search.is_open(target, names):
            search.accept(lookup)


def _is_deciding(search: Search, one: Coded) -> bool:
    return search.is_category(one.name) or one.levels <= MAX_NUMBER_LEVELS


def find_presence(search: Search, tolerance: float) -> None:
    """Find columns of two values that repeat whether another column is null."""
    table = search.table
    with_nulls = [name for name in table.column_names if table[name].null_count > 0]
    for target in table.column_names:
        if table[target].null_count or search.scale(target) is Scale.ORDERED:
            continue
        if search.coded(target).levels != 2 or not with_nulls:
            continue
        flags = search.coded(target).codes == 1
        for of in with_nulls:
            if not search.is_open(target, [of]):
                continue
            hypotheses = float(len(with_nulls) * table.num_columns)
            presence = nulls.presence_of(
                target, flags, of, table, tolerance=tolerance, hypotheses=hypotheses
            )
            if presence is not None:
                search.accept(presence)


def find_dates(search: Search, tolerance: float) -> None:
    """Find parts of dates, lengths of time and ages."""
    instants = {
        name: numbers for name, numbers in search.numbers.items() if numbers.grid.family == INSTANT
    }
    instants = dict(list(instants.items())[: dates.MAX_INSTANTS])
    counted = {
        name: numbers
        for name, numbers in search.numbers.items()
        if numbers.grid.family in (NUMBER, SPAN)
    }
    counted = dict(list(counted.items())[:MAX_COUNTED])
    hypotheses = float(max(len(search.numbers), 1) ** 2 * 30)
    for target, expression in dates.lengths(instants, counted):
        try_formula(search, expression, target, tolerance, hypotheses=hypotheses)
    clocks = {
        name: numbers for name, numbers in search.numbers.items() if numbers.grid.family == CLOCK
    }
    clocks = dict(list(clocks.items())[: dates.MAX_INSTANTS])
    for target, expression in dates.by_the_clock(clocks, counted):
        try_formula(search, expression, target, tolerance, hypotheses=hypotheses)
    for at, numbers in instants.items():
        for target, other in instants.items():
            if target != at and (numbers.values != other.values).any():
                for expression in dates.starts(at):
                    try_formula(search, expression, target, tolerance, hypotheses=hypotheses)
        for target in counted:
            _try_parts(search, at, target, tolerance, hypotheses)
        _find_labels(search, at, tolerance)
    for target, expression in dates.ages(instants, counted):
        try_formula(search, expression, target, tolerance, hypotheses=hypotheses)


def _try_parts(search: Search, at: str, target: str, tolerance: float, hypotheses: float) -> None:
    numbers = search.numbers[target]
    if numbers.grid.decimals != 0 or not search.is_open(target, [at]):
        return
    rows = spread(np.flatnonzero(numbers.known & search.numbers[at].known), 24)
    few = Columns(search.table.select([at]).take(pa.array(rows)))
    for expression in dates.part_numbers(at):
        values, _ = compute(expression, few)
        if len(rows) and (values != numbers.values[rows]).sum() <= (tolerance > 0):
            try_formula(search, expression, target, tolerance, hypotheses=hypotheses)


def _may_follow(numbers: np.ndarray, codes: np.ndarray) -> bool:
    """Whether few sampled rows with the same number have another code than most of them."""
    _, places = np.unique(numbers, return_inverse=True)
    counts = np.zeros((int(places.max()) + 1, int(codes.max()) + 1), dtype=np.int64)
    np.add.at(counts, (places, codes), 1)
    return len(codes) - int(counts.max(axis=1).sum()) <= SAMPLE_EXCEPTIONS


def _find_labels(search: Search, at: str, tolerance: float) -> None:
    """Find names of weekdays, months, quarters and hours."""
    coded = [
        search.coded(name)
        for name in search.table.column_names
        if search.is_open(name, [at]) and name != at
    ]
    coded = [one for one in coded if 2 <= one.levels <= MAX_LABELS]
    for part in dates.LABELLED:
        expression: Expression = (part, ("column", at))
        numbers, _ = compute(expression, search.few)
        if not any(_may_follow(numbers, one.codes[search.rows]) for one in coded):
            continue
        values, _ = compute(expression, search.columns)
        codes = np.where(np.isnan(values), -1, values).astype(np.int64) + 1
        others = [one for one in coded if search.is_open(one.name, [at])]
        for target in dependency.dependents(
            codes,
            len(np.unique(codes)),
            others,
            tolerance=tolerance,
            hypotheses=float(len(coded) * 10),
        ):
            labels = dates.labels_of(target, expression, search.columns, tolerance)
            labels = labels and labels.settled(search.table, tolerance, search.taken)
            if labels is not None:
                search.accept(labels)


def find_bands(search: Search) -> None:
    """Find categories that the size of a number decides."""
    numbers = [
        (name, numbers)
        for name, numbers in search.numbers.items()
        if numbers.grid.family in (NUMBER, INSTANT)
    ][:MAX_COUNTED]
    targets = [
        search.coded(name)
        for name in search.table.column_names
        if name not in search.relations and search.is_category(name)
    ]
    numbers.sort(key=lambda one: len(np.unique(one[1].values[search.rows])))
    targets = [one for one in targets if 2 <= one.levels <= bands.MAX_LEVELS]
    for target in targets:
        for name, values in numbers:
            if not search.is_open(target.name, [name]):
                continue
            hypotheses = float(len(numbers) * len(targets))
            found = bands.bands_of(target, name, values, search.table, hypotheses=hypotheses)
            found = found and found.settled(search.table, 0.0, search.taken)
            if found is not None:
                search.accept(found)
