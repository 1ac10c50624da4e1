"""Which columns may be sums, products or ratios of others: forms tried on a sample of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt

from datagen_nb.relations.expression import Expression
from datagen_nb.relations.formula import are_equal, best_rounding, rounded
from datagen_nb.relations.numbers import Floats, Numbers

A, B, C = (("column", place) for place in range(3))
ONE, HUNDRED = ("number", 1.0), ("number", 100.0)

SUMS: tuple[Expression, ...] = (("+", ("+", A, B), C), ("+", A, B))
"""Sums, which are tried before all other forms."""

SIGNED = (*SUMS, ("-", A, B))
"""Forms of which another one is preferred if an operand may be negative."""

PAIRS: tuple[Expression, ...] = (
    ("+", A, B),
    ("-", A, B),
    ("*", A, B),
    ("/", ("*", A, B), HUNDRED),
    ("*", A, ("+", ONE, B)),
    ("*", A, ("-", ONE, B)),
    ("*", A, ("+", ONE, ("/", B, HUNDRED))),
    ("*", A, ("-", ONE, ("/", B, HUNDRED))),
    ("/", A, B),
    ("*", ("/", A, B), HUNDRED),
    ("/", ("-", A, B), A),
    ("/", ("-", A, B), B),
    ("*", ("/", ("-", A, B), A), HUNDRED),
    ("*", ("/", ("-", A, B), B), HUNDRED),
    ("/", A, ("+", A, B)),
    ("*", ("/", A, ("+", A, B)), HUNDRED),
    ("/", ("+", A, B), ("number", 2.0)),
    ("/", A, ("*", B, B)),
    ("/", A, ("*", ("/", B, HUNDRED), ("/", B, HUNDRED))),
)
"""Forms of two columns, in the order in which they are preferred."""

TRIPLES: tuple[Expression, ...] = (
    ("*", ("*", A, B), C),
    ("*", ("*", A, B), ("-", ONE, C)),
    ("*", ("*", A, B), ("-", ONE, ("/", C, HUNDRED))),
    ("*", ("*", A, B), ("+", ONE, C)),
    ("*", ("*", A, B), ("+", ONE, ("/", C, HUNDRED))),
    ("+", ("*", A, B), C),
    ("-", ("*", A, B), C),
    ("-", ("+", A, B), C),
    ("-", ("-", A, B), C),
    ("/", ("+", ("+", A, B), C), ("number", 3.0)),
)
"""Forms of three columns."""

MAX_PAIRED, MAX_TRIPLED = 40, 16
"""Columns of which pairs and triples are tried."""

FIRST_ROWS = 16
AT_ONCE = 4_096
"""Choices of columns that are tried on all sampled rows at once."""

MIN_AGREEING = 6
"""Rows of a sample that have to have all values."""


def matching(
    forms: Sequence[Expression], rows: Floats, target: Numbers, place: int
) -> Iterator[tuple[Expression, tuple[int, ...]]]:
    """The forms and columns that give a target in a sample of rows, best form first.

    Args:
        forms: Expressions of the columns 0, 1 and perhaps 2.
        rows: The columns, one a row, NaN where one is null.
        target: The target in the same rows; it is null in none.
        place: The target's own place among the columns.
    """
    others = [other for other in range(len(rows)) if other != place]
    chosen: dict[tuple[int, bool], npt.NDArray[np.intp]] = {}
    # No rounding moves a value by a whole unit.
    unit = target.grid.unit
    slack = np.full(len(target.values), (1 - 1e-9) * unit) if unit else 1e-9 * np.abs(target.values)
    for form in forms:
        order_counts = not _is_symmetric(form)
        size = _size(form)
        if (size, order_counts) not in chosen:
            chosen[size, order_counts] = _choices(others, size, order_counts=order_counts)
        choices = chosen[size, order_counts]
        known, near = _near(form, choices, rows, target.values, slack, FIRST_ROWS)
        enough = near.sum(axis=1) >= min(MIN_AGREEING, max(known.shape[1] // 2, 1))
        passed = choices[enough & ((known & ~near).sum(axis=1) <= 1)]
        for begin in range(0, len(passed), AT_ONCE):
            some = passed[begin : begin + AT_ONCE]
            known, near = _near(form, some, rows, target.values, slack, None)
            few = (known & ~near).sum(axis=1) <= known.sum(axis=1) // 100
            for choice in some[few]:
                values = evaluated(form, [rows[operand][None] for operand in choice])[0]
                if _agrees(values, target):
                    yield form, tuple(int(operand) for operand in choice)


def _near(
    form: Expression,
    choices: npt.NDArray[np.intp],
    rows: Floats,
    target: Floats,
    slack: Floats,
    count: int | None,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Where a form of some choices of columns has a value, and where it is about the target's.

    Returns:
        Choices x the first ``count`` rows.
    """
    operands = [rows[choices[:, operand], :count] for operand in range(choices.shape[1])]
    with np.errstate(over="ignore", invalid="ignore"):
        computed = evaluated(form, operands)
        near = np.abs(computed - target[:count]) <= slack[:count]
    return ~np.isnan(computed), near


def evaluated(form: Expression, operands: Sequence[Floats]) -> Floats:
    """A form of columns that are given by their places."""
    operation, *arguments = form
    if operation == "column":
        return operands[arguments[0]]
    if operation == "number":
        return np.full_like(operands[0], arguments[0])
    left, right = (evaluated(argument, operands) for argument in arguments)
    if operation == "+":
        return left + right
    if operation == "-":
        return left - right
    if operation == "*":
        return left * right
    return np.divide(left, right, out=np.full_like(left, np.nan), where=right != 0)


def named(form: Expression, names: Sequence[str]) -> Expression:
    """A form with the columns' names."""
    operation, *arguments = form
    if operation == "column":
        return ("column", names[arguments[0]])
    if operation == "number":
        return form
    return (operation, *(named(argument, names) for argument in arguments))


def _agrees(computed: Floats, target: Numbers) -> bool:
    known = ~np.isnan(computed)
    if known.sum() < min(MIN_AGREEING, len(known)):
        return False
    values, actual = computed[known], target.values[known]
    rounding = best_rounding(values, actual, target.grid)
    same = are_equal(rounded(values, target.grid, rounding), actual, target.grid)
    return bool((~same).sum() <= len(same) // 100)


def _size(form: Expression) -> int:
    if form[0] == "column":
        return int(form[1]) + 1
    return 0 if form[0] == "number" else max(_size(argument) for argument in form[1:])


def _is_symmetric(form: Expression) -> bool:
    return form in (
        ("+", A, B),
        ("*", A, B),
        ("/", ("*", A, B), HUNDRED),
        ("/", ("+", A, B), ("number", 2.0)),
        ("+", ("+", A, B), C),
        ("*", ("*", A, B), C),
        ("/", ("+", ("+", A, B), C), ("number", 3.0)),
    )


def _choices(places: Sequence[int], size: int, *, order_counts: bool) -> npt.NDArray[np.intp]:
    choose = permutations if order_counts else combinations
    return np.array(list(choose(places, size)), dtype=np.intp).reshape(-1, size)
