"""Finding sums of many columns, and parts that add up to a constant or a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from datagen_nb.relations import composition
from datagen_nb.relations.expression import Expression
from datagen_nb.relations.numbers import NUMBER
from datagen_nb.relations.relation import unused
from datagen_nb.relations.state import SAMPLE_ROWS, Search, try_formula

FEWER = 4
"""Parts of the sampled rows in which sums with exceptions are looked for."""


def find_sums(search: Search, tolerance: float) -> None:
    """Find sums of many columns, and parts that add up to a constant."""
    names = [
        name
        for name, numbers in search.numbers.items()
        if numbers.grid.family == NUMBER and numbers.grid.decimals is not None
    ]
    names, rows = composition.complete_rows(names, search.table, SAMPLE_ROWS)
    # A row that breaks a sum hides it; with a few among all, some of the parts have none.
    samples = [rows[:, place::FEWER] for place in range(FEWER)] if tolerance else [rows]
    for signs, constant in (one for rows in samples for one in composition.sums(names, rows)):
        total = round(constant, 9)
        if total > 0 and all(sign == 1 for sign in signs.values()):
            _compose(search, list(signs), total=total)
        elif total < 0 and all(sign == -1 for sign in signs.values()):
            _compose(search, list(signs), total=-total)
        else:
            _add_up(search, signs, total, tolerance)


def split(search: Search, whole: str, parts: Sequence[str]) -> None:
    """Keep parts of a column that follows from others as shares of it."""
    columns = (whole, *parts)
    if composition.can_compose(columns, search.table):
        _compose(search, parts, whole=whole)


def _compose(search: Search, parts: Sequence[str], *, whole: str = "", total: float = 0.0) -> None:
    columns = (whole, *parts) if whole else tuple(parts)
    decimals = {search.numbers[name].grid.decimals for name in columns}
    is_free = all(search.is_open(part, [whole] if whole else []) for part in parts)
    if len(decimals) > 1 or None in decimals or not is_free:
        return
    if not composition.can_compose(parts, search.table):
        return
    shares: list[str] = []
    for part in parts[:-1] if whole else parts[1:-1]:
        shares.append(unused(f"{part} share", [*search.taken, *shares]))
    found = composition.Composition(
        parts=tuple(parts),
        shares=tuple(shares),
        types=tuple(search.table.schema.field(part).type for part in parts),
        whole=whole,
        total=total,
        decimals=decimals.pop() or 0,
    )
    if found.holds(search.table).all():
        search.accept(found)


def _add_up(search: Search, signs: Mapping[str, int], constant: float, tolerance: float) -> None:
    """A sum whose result is, if it can be, the only column of its sign, else the largest.

    Args:
        search: The table's relations so far.
        signs: Of the columns, so that they add up to the constant.
        constant: What they add up to.
        tolerance: Largest share of exceptions.
    """
    sizes = {name: float(np.nanmean(np.abs(search.numbers[name].values))) for name in signs}
    count = list(signs.values()).count
    targets = sorted(signs, key=lambda name: (count(signs[name]) > 1, -sizes[name]))
    for target in targets:
        expression: Expression = ()
        for name in sorted(signs, key=lambda name: signs[name] == signs[target]):
            column: Expression = ("column", name)
            if name == target:
                continue
            operation = "-" if signs[name] == signs[target] else "+"
            expression = (operation, expression, column) if expression else column
        if constant:
            added = constant * signs[target]
            operand = _constant(search, abs(added))
            expression = ("+" if added > 0 else "-", expression, operand)
        hypotheses = float(len(search.numbers) ** 4)
        if try_formula(search, expression, target, tolerance, hypotheses=hypotheses):
            return


def _constant(search: Search, value: float) -> Expression:
    """A column that is the same number in all rows, or else that number."""
    for name, numbers in search.numbers.items():
        if numbers.known.all() and (numbers.values == value).all():
            return ("column", name)
    return ("number", value)
