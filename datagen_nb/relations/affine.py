"""Copies of a column: the same numbers in another type, rounded, or times and plus constants.

``usd = plain`` in whole dollars, ``gross = net * 1.19``, ``reversed = 6 - answer``,
``printed = abs(amount)``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datagen_nb.relations.expression import Expression
from datagen_nb.relations.numbers import NUMBER, Floats, Numbers

MAX_DIGITS = 10
MIN_CORRELATION = 0.9
MIN_LEVELS = 5
"""A column of fewer values is a category; its copies are found as such."""


def candidates(name: str, source: Numbers, target: Numbers) -> Iterator[Expression]:
    """Expressions of one column that the sampled rows of another may keep, the simplest first.

    Args:
        name: The column's name.
        source: Its sampled rows.
        target: The same rows of the other column.
    """
    judged = source.known & target.known
    x, y = source.values[judged], target.values[judged]
    if len(x) < MIN_LEVELS or source.grid.family != target.grid.family:
        return
    slack = target.grid.unit or 1e-9 * max(float(np.abs(y).max()), 1e-300)
    column: Expression = ("column", name)
    if _mostly(np.abs(x - y) <= slack):
        yield column
        return
    if source.grid.family != NUMBER or len(np.unique(y)) < MIN_LEVELS:
        return
    if (x < 0).any() and _mostly(np.abs(np.abs(x) - y) <= slack):
        yield ("abs", column)
        return
    factor = _factor(x, y, slack)
    if factor is not None:
        yield _times(column, *factor)
        return
    yield from _with_offset(column, x, y, slack)


def correlations(rows: Floats) -> Floats:
    """Correlations of columns, each pair over the rows that both have; 0 where there is none.

    Args:
        rows: One column a row, NaN where it is null.
    """
    known = ~np.isnan(rows)
    filled = np.where(known, rows, 0.0)
    counts = known.sum(axis=1, keepdims=True)
    means = filled.sum(axis=1, keepdims=True) / np.maximum(counts, 1)
    centred = np.where(known, rows - means, 0.0)
    spread = np.abs(centred).max(axis=1, keepdims=True)
    centred = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    here = known.astype(np.float64)
    both = np.maximum(here @ here.T, 1.0)
    sums, squares = centred @ here.T, centred**2 @ here.T
    products = centred @ centred.T - sums * sums.T / both
    deviations = np.maximum(squares - sums**2 / both, 0.0)
    norm = np.sqrt(deviations * deviations.T)
    return np.asarray(np.divide(products, norm, out=np.zeros_like(products), where=norm > 1e-12))


def _mostly(kept: np.ndarray) -> bool:
    return bool((~kept).sum() <= len(kept) // 100)


def _factor(x: Floats, y: Floats, slack: float) -> tuple[str, float] | None:
    """The simplest number that x is multiplied with, or divided by, to give y within a unit."""
    some = np.abs(x) > 0
    if (np.abs(y[~some]) > slack).any() or not some.any():
        return None
    ratio, width = y[some] / x[some], slack / np.abs(x[some])
    drop = len(ratio) // 100
    low = float(np.sort(ratio - width)[-1 - drop])
    high = float(np.sort(ratio + width)[drop])
    return simplest_factor(low, high)


def _with_offset(column: Expression, x: Floats, y: Floats, slack: float) -> Iterator[Expression]:
    centre = x - x.mean()
    spread = float(centre @ centre)
    if spread == 0:
        return
    slope = float(centre @ y) / spread
    reach = x.max() - x.min()
    factor = simplest_factor(slope - slack / reach, slope + slack / reach)
    if factor is None:
        return
    operation, constant = factor
    scaled = x * constant if operation == "*" else x / constant
    rest = y - scaled
    offset = simplest(float(rest.max()) - slack, float(rest.min()) + slack)
    if offset is None:
        return
    if operation == "*" and constant == -1:
        yield ("-", ("number", offset), column)
    elif offset < 0:
        yield ("-", _times(column, *factor), ("number", -offset))
    else:
        yield ("+", _times(column, *factor), ("number", offset))


def _times(column: Expression, operation: str, constant: float) -> Expression:
    if constant == 1:
        return column
    return (operation, column, ("number", constant))


def simplest_factor(low: float, high: float) -> tuple[str, float] | None:
    """The factor or divisor with the fewest digits whose factor lies between two bounds."""
    factor = simplest(low, high)
    divisor = simplest(1 / high, 1 / low) if low * high > 0 else None
    if divisor is not None and (factor is None or _digits(divisor) < _digits(factor)):
        return "/", divisor
    return None if factor is None else ("*", factor)


def simplest(low: float, high: float) -> float | None:
    """The decimal with the fewest digits between two bounds; ``None`` if it has too many."""
    if not low <= high:
        return None
    middle = (low + high) / 2
    for digits in range(-3, MAX_DIGITS + 1):
        number = round(middle, digits)
        if low <= number <= high:
            return number
    return None


def _digits(number: float) -> int:
    return len(f"{abs(number):.12g}".replace(".", "").strip("0"))
