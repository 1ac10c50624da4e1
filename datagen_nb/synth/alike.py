"""Rows that belong together are alike beyond what they belong to: a customer's orders in worth.

Of a number in which they are, the mean is drawn first, given how many rows there are; the rows are
drawn given both.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagen_nb.synth.stage import Given

MEAN = "\x1fmean "
"""Before a column's name: the mean of the rows that belong together."""

MIN_SHARE = 0.05
"""Of a column's variance that lies between those that rows belong to, beyond chance."""

MIN_GROUPS = 20
"""With fewer rows to belong to, means are not looked at."""

GROUPS_PER_TERM = 10
"""Rows to belong to for each term of what is known of them, at least."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def given_of(sizes: Ints) -> Given:
    """What is known of how many rows belong together: the logarithm."""
    return Given(np.log(np.maximum(sizes, 1))[:, None].astype(np.float32))


def means(table: pa.Table, of: Ints, given: Given) -> dict[str, pa.Array]:
    """The means of the numbers in which rows that belong together are alike.

    Args:
        table: The rows.
        of: What each belongs to, from 0; each number is there.
        given: What is known of these: likeness that follows from it is none of its own.
    """
    found = {}
    for name in table.column_names:
        type = table[name].type
        if not (pa.types.is_integer(type) or pa.types.is_floating(type)):
            continue
        values = table[name].cast(pa.float64(), safe=False).to_numpy()
        known = np.isfinite(values)
        numbers, owners = values[known], of[known]
        if not is_alike(unexplained(numbers, owners, given), owners):
            continue
        counts = np.bincount(owners, minlength=len(given.codes))
        sums = np.bincount(owners, numbers, minlength=len(counts))
        filled = np.where(counts > 0, sums / np.maximum(counts, 1), numbers.mean())
        found[MEAN + name] = pa.array(filled)
    return found


def unexplained(values: Floats, of: Ints, given: Given) -> Floats:
    """What a linear regression on what is known of groups leaves of their values."""
    centred = values - values.mean() if len(values) else values
    terms = []
    for place, codes in enumerate(given.codes.T):
        levels = np.unique(codes)
        if place not in given.unordered:
            columns = [codes[of].astype(np.float64)]
        elif len(levels) * GROUPS_PER_TERM <= len(codes):
            columns = [(codes[of] == level).astype(np.float64) for level in levels[1:]]
        else:
            continue
        terms += [(one - one.mean()) / one.std() for one in columns if np.ptp(one) > 0]
    terms.sort(key=lambda term: -abs(float(term @ centred)))
    chosen = terms[: len(given.codes) // GROUPS_PER_TERM]
    if not chosen:
        return centred
    matrix = np.column_stack(chosen)
    left: Floats = centred - matrix @ np.linalg.lstsq(matrix, centred, rcond=None)[0]
    return left


def is_alike(values: Floats, of: Ints) -> bool:
    """Whether more of the variance lies between groups than chance explains.

    Source: one-way analysis of variance, the estimate of the intraclass correlation (Donner,
    International Statistical Review 54, 1986), beyond two standard errors of independent values.
    """
    counts = np.bincount(of)
    counts = counts[counts > 0]
    groups, rows = len(counts), len(values)
    if groups < MIN_GROUPS or rows - groups < MIN_GROUPS:
        return False
    sums = np.bincount(of, values)[np.bincount(of) > 0]
    between = float((sums**2 / counts).sum() - values.sum() ** 2 / rows) / (groups - 1)
    within = float((values**2).sum() - (sums**2 / counts).sum()) / (rows - groups)
    usual = (rows - float((counts**2).sum()) / rows) / (groups - 1)
    total = between + (usual - 1) * within
    if total <= 0 or within < 0:
        return False
    chance = 2 * np.sqrt(2 / (groups - 1) + 2 / (rows - groups)) / usual
    return bool((between - within) / total >= max(MIN_SHARE, chance))
