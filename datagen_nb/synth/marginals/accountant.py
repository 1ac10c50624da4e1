"""The privacy budget: what may be spent, what was, and what it means as epsilon and delta.

Spending is counted as zero-concentrated differential privacy (zCDP): rho of all releases add up.

Source: Bun and Steinke, Concentrated differential privacy: simplifications, extensions, and lower
bounds, 2016; Canonne, Kamath and Steinke, The discrete Gaussian for differential privacy, 2020,
corollary 13, for the way back to epsilon and delta.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

PRECISION = 2**80
"""Rho is a multiple of one part in so many; rounded down."""


def delta_of(rho: float, epsilon: float) -> float:
    """The smallest delta known with which rho-zCDP is (epsilon, delta)-differential privacy."""
    if rho == 0:
        return 0.0
    # The logarithm of the bound is convex in alpha: its slope is looked for where it is 0.
    low, high = 1.01, max((epsilon + 1) / (2 * rho) + 2, 1.02)
    for _ in range(80):
        alpha = (low + high) / 2
        slope = (2 * alpha - 1) * rho - epsilon + math.log1p(-1 / alpha)
        low, high = (alpha, high) if slope < 0 else (low, alpha)
    alpha = high
    exponent = (alpha - 1) * (alpha * rho - epsilon) + alpha * math.log1p(-1 / alpha)
    return min(math.exp(min(exponent, 0.0)) / (alpha - 1.0), 1.0)


def epsilon_of(rho: float, delta: float) -> float:
    """The smallest epsilon known that rho-zCDP gives with a delta above 0; rounded up."""
    low, high = 0.0, rho + 2 * math.sqrt(rho * math.log(1 / delta))
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(rho, middle) > delta else (low, middle)
    return high


def rho_of(epsilon: float, delta: float) -> Fraction:
    """The largest rho that is known to be (epsilon, delta)-differential privacy; rounded down."""
    low, high = 0.0, epsilon + 1
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(middle, epsilon) <= delta else (low, middle)
    return Fraction(int(Fraction(low) * PRECISION), PRECISION)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one kind of release cost.

    Attributes:
        purpose: What was counted or chosen.
        rho: Of zCDP.
        delta: The probability with which the release may show a single row outright.
    """

    purpose: str
    rho: float
    delta: float = 0.0


class BudgetExceeded(RuntimeError):
    """A release would cost more than is left: a defect, and nothing is released."""


@dataclass(slots=True)
class Accountant:
    """Holds the budget of one table; each release is paid first.

    Attributes:
        epsilon: Of the guarantee.
        delta: Of the guarantee.
        selecting: The part of delta that pays for levels which are selected; at most half of it.
    """

    epsilon: float
    delta: float
    selecting: Fraction = Fraction(0)
    rho: Fraction = field(init=False)
    _rho: dict[str, Fraction] = field(default_factory=dict, init=False)
    _delta: dict[str, Fraction] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.rho = rho_of(self.epsilon, self.delta - float(self.selecting))

    def pay(self, purpose: str, rho: Fraction, delta: Fraction = Fraction(0)) -> None:
        """Take the cost of a release from the budget.

        Raises:
            BudgetExceeded: It is more than is left.
        """
        paid_rho = sum(self._rho.values(), rho)
        paid_delta = sum(self._delta.values(), delta)
        if rho < 0 or paid_rho > self.rho or paid_delta > self.selecting:
            raise BudgetExceeded(f"{purpose} costs more than is left of the budget")
        self._rho[purpose] = self._rho.get(purpose, Fraction(0)) + rho
        self._delta[purpose] = self._delta.get(purpose, Fraction(0)) + delta

    @property
    def spent(self) -> tuple[Spent, ...]:
        """What was paid, by purpose."""
        return tuple(
            Spent(purpose, float(rho), float(self._delta[purpose]))
            for purpose, rho in self._rho.items()
        )
