"""Whether a rule that a table keeps can be chance.

Were the target independent of what it is computed from, each distinct case would agree with the
probability of equal values. All cases agreeing has to be far less likely than one in the number
of rules that were tried: ten rows of small numbers keep many rules by chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]

NATS = 14.0
"""One table in a million with a relation that is none: e to the power of -14."""

MAX_CASES = 5_000
"""Rows that are looked at; more could only add to the evidence."""

EXCEPTIONS_OF_CHANCE = 0.02
"""Exceptions that a rule may have, as a part of those that it would have by chance."""


def is_evident(
    operands: Sequence[npt.NDArray[np.generic]],
    computed: npt.NDArray[np.generic],
    actual: npt.NDArray[np.generic],
    *,
    hypotheses: float,
    exceptions: float = 0.0,
) -> bool:
    """Whether rows that agree are no chance.

    Args:
        operands: What the values are computed from, row by row.
        computed: The values that follow from them.
        actual: The values of the target.
        hypotheses: How many rules like it were tried.
        exceptions: Share of rows that do not agree.
    """
    some = slice(None, None, max(len(actual) // MAX_CASES, 1))
    cases = distinct_cases([one[some] for one in operands])
    agreeing = chance(computed[some][cases], actual[some][cases])
    if exceptions > EXCEPTIONS_OF_CHANCE * (1 - agreeing):
        return False
    return is_unlikely(len(cases), agreeing, hypotheses)


def is_unlikely(cases: int, agreeing: float, hypotheses: float) -> bool:
    """Whether so many independent cases would not all agree by chance."""
    if not 0 < agreeing < 1:
        return agreeing <= 0 and cases > 0
    return cases * -math.log(agreeing) >= NATS + math.log(max(hypotheses, 1.0))


def chance(computed: npt.NDArray[np.generic], actual: npt.NDArray[np.generic]) -> float:
    """The probability that the value of one row equals the other's of a random row."""
    if not len(actual):
        return 1.0
    _, codes = np.unique(np.concatenate([computed, actual]), return_inverse=True)
    size = int(codes.max()) + 1
    shares = [np.bincount(part, minlength=size) / len(actual) for part in np.split(codes, 2)]
    return float(shares[0] @ shares[1])


def distinct_cases(operands: Sequence[npt.NDArray[np.generic]]) -> Codes:
    """The first row of each combination of the operands."""
    _, first = np.unique(joint_codes(operands), return_index=True)
    return np.asarray(np.sort(first), dtype=np.int64)


def joint_codes(columns: Sequence[npt.NDArray[np.generic]]) -> Codes:
    """A number for each combination of values, counted from 0."""
    joint = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        _, codes = np.unique(column, return_inverse=True)
        _, joint = np.unique(joint * (int(codes.max(initial=0)) + 1) + codes, return_inverse=True)
    return joint
