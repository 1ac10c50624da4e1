"""A column that is computed from others: ``total = quantity * unit_price``, rounded to its grid.

It covers copies in another type, constants times a column, sums, differences, products, ratios,
lengths of time and ages. It keeps the expression and how the result is rounded, no value of a row.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datagen_nb.relations.evidence import is_evident
from datagen_nb.relations.expression import (
    UNITS,
    Columns,
    Expression,
    compute,
    names_of,
    quoted,
    text_of,
)
from datagen_nb.relations.numbers import (
    NUMBER,
    SPAN,
    Flags,
    Floats,
    Grid,
    Numbers,
    values_of,
    write,
)
from datagen_nb.relations.relation import Derived

ROUNDINGS = ("even", "up", "binary", "floor", "ceil")
"""Halves to even digits, halves up, halves as the float is, always down, always up."""

CLOSE = 1e-9
"""Relative difference of floats without a grid that count as equal."""


@dataclass(frozen=True, kw_only=True)
class Formula(Derived):
    """A target that an expression gives.

    Attributes:
        expression: As described in ``expression.py``.
        grid: What the target's values are multiples of.
        rounding: One of ``ROUNDINGS``.
    """

    expression: Expression
    grid: Grid
    rounding: str = "even"

    @property
    def needs(self) -> tuple[str, ...]:
        return names_of(self.expression)

    @property
    def sentence(self) -> str:
        return f"{quoted(self.target)} = {text_of(self.expression)}"

    def derive(self, table: pa.Table) -> tuple[pa.Array, Flags]:
        values, _ = compute(self.expression, Columns(table))
        values = rounded(values, self.grid, self.rounding)
        return write(values, self.grid, self.type), ~np.isnan(values)

    def is_same(self, computed: pa.Array, actual: pa.Array) -> Flags:
        return are_equal(values_of(computed), values_of(actual), self.grid)


def are_equal(computed: Floats, actual: Floats, grid: Grid) -> Flags:
    """Whether numbers are equal, but for the last bits of those without a grid."""
    if grid.family == NUMBER and grid.decimals is None:
        return np.asarray(np.abs(computed - actual) <= CLOSE * np.abs(actual))
    return np.asarray(computed == actual)


def rounded(values: Floats, grid: Grid, rounding: str) -> Floats:
    """Values on a grid; those of a column without one stay as they are."""
    if grid.unit == 0:
        return values
    scale = 10.0 ** (grid.decimals or 0) if grid.family == NUMBER else 1 / grid.step
    scaled = values * scale
    if rounding == "floor":
        ticks = np.floor(scaled + 1e-7)
    elif rounding == "ceil":
        ticks = np.ceil(scaled - 1e-7)
    elif rounding == "up":
        ticks = np.copysign(np.floor(np.abs(scaled) * (1 + 1e-13) + 0.5), scaled)
    else:
        ticks = np.rint(scaled)
    if grid.family != NUMBER:
        return np.asarray(ticks * grid.step)
    result = ticks / scale
    if rounding == "binary":
        for place in np.flatnonzero(np.abs(np.abs(scaled - np.trunc(scaled)) - 0.5) < 1e-6):
            result[place] = round(float(values[place]), grid.decimals)
    return np.asarray(result + 0.0)  # no negative zero


def fitted(
    expression: Expression,
    target: str,
    numbers: Numbers,
    columns: Columns,
    *,
    tolerance: float,
    hypotheses: float,
    taken: Collection[str],
) -> Formula | None:
    """The formula of a target, if the table keeps it and that is no chance.

    Args:
        expression: What may give the target.
        target: The column that is given.
        numbers: Its values.
        columns: The table.
        tolerance: Largest share of exceptions.
        hypotheses: How many formulas were tried.
        taken: Names that new columns must not have.
    """
    values, family = compute(expression, columns)
    if family != numbers.grid.family:
        return None
    judged = ~np.isnan(values) & numbers.known
    if not judged.any():
        return None
    computed, actual = values[judged], numbers.values[judged]
    rounding = best_rounding(computed, actual, numbers.grid)
    draft = Formula(
        target=target,
        type=columns.table.schema.field(target).type,
        expression=expression,
        grid=numbers.grid,
        rounding=rounding,
    )
    formula = draft.settled(columns.table, tolerance, taken)
    if formula is None:
        return None
    evident = is_evident(
        [columns.values(name)[judged] for name in names_of(expression)],
        rounded(computed, numbers.grid, rounding),
        actual,
        hypotheses=hypotheses,
        exceptions=formula.exceptions,
    )
    return formula if evident else None


def best_rounding(computed: Floats, actual: Floats, grid: Grid) -> str:
    """How results were rounded: the first of ``ROUNDINGS`` with the fewest differences."""
    wrong = {}
    for rounding in ROUNDINGS if grid.unit else ROUNDINGS[:1]:
        result = rounded(computed, grid, rounding)
        wrong[rounding] = int((~are_equal(result, actual, grid)).sum())
        if not wrong[rounding]:
            break
    return min(wrong, key=lambda rounding: wrong[rounding])


def in_units(expression: Expression, families: tuple[str, str]) -> list[Expression]:
    """An expression as what a target of another family may be: a length of time in each unit."""
    given, wanted = families
    if given == wanted:
        return [expression]
    if {given, wanted} == {SPAN, NUMBER}:
        return [(unit, expression) for unit in UNITS]
    return []
