"""Noise drawn exactly: whole numbers of any size and rational probabilities, no floating point.

Noise computed in floating point can give the secret away by the last bits of a sum, so each draw
here is a sequence of fair choices among whole numbers.

Source: Canonne, Kamath and Steinke, The discrete Gaussian for differential privacy, 2020,
algorithms 1 to 3; Mironov, On significance of the least significant bits for differential privacy,
2012, for the attack.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isqrt
from random import Random

Coins = Random
"""Where chance comes from: ``secrets.SystemRandom()``, or a seeded ``Random`` in a test."""


def happens(numerator: int, denominator: int, coins: Coins) -> bool:
    """True with probability exp(-numerator / denominator), both from 0."""
    while numerator > denominator:
        if not _happens_below_one(1, 1, coins):
            return False
        numerator -= denominator
    return _happens_below_one(numerator, denominator, coins)


def _happens_below_one(numerator: int, denominator: int, coins: Coins) -> bool:
    """The same for a quotient of at most 1."""
    turn = 1
    while coins.randrange(denominator * turn) < numerator:
        turn += 1
    return turn % 2 == 1


def discrete_laplace(scale: int, coins: Coins) -> int:
    """A whole number x with probability proportional to exp(-|x| / scale)."""
    while True:
        rest = coins.randrange(scale)
        if not happens(rest, scale, coins):
            continue
        whole = 0
        while happens(1, 1, coins):
            whole += 1
        size = rest + scale * whole
        is_negative = coins.randrange(2) == 1
        if not (is_negative and size == 0):
            return -size if is_negative else size


def discrete_gaussian(variance: int, coins: Coins) -> int:
    """A whole number x with probability proportional to exp(-x**2 / (2 variance)).

    Args:
        variance: At least 1. That of the numbers drawn is this or a little less.
        coins: Where chance comes from.
    """
    scale = isqrt(variance) + 1
    denominator = 2 * variance * scale * scale
    while True:
        drawn = discrete_laplace(scale, coins)
        if happens((abs(drawn) * scale - variance) ** 2, denominator, coins):
            return drawn


def exponentially(scores: Sequence[int], rate: Fraction, coins: Coins) -> int:
    """The place of a score, drawn with probability proportional to exp(rate * score).

    A place is drawn evenly and kept with probability exp(rate * (score - highest)), until one is.
    """
    highest = max(scores)
    while True:
        place = coins.randrange(len(scores))
        lost = (highest - scores[place]) * rate
        if happens(lost.numerator, lost.denominator, coins):
            return place
