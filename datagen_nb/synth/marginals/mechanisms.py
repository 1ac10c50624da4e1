"""The three ways in which anything about the rows gets out: counted, selected, chosen.

Two tables are neighbours if one has a row more. A row is counted in one cell of each histogram,
so a histogram of one table differs from its neighbour's by 1 in one cell; that is all that the
costs below rest on. What is computed from their answers costs nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen_nb.synth.marginals.accountant import Accountant
from datagen_nb.synth.marginals.noise import Coins, discrete_gaussian, exponentially

Counts = npt.NDArray[np.int64]

STEPS = 2**40
"""The rate of a choice is a multiple of one part in so many; rounded down."""


def variance_for(rho: Fraction) -> int:
    """The variance of the noise of each cell of a histogram that may cost rho; rounded up."""
    return max(ceil(1 / (2 * rho)), 1)


@dataclass(frozen=True, slots=True)
class Noisy:
    """Counts with noise.

    Attributes:
        counts: Of each cell; may be below 0.
        variance: Of the noise in each.
    """

    counts: Counts
    variance: int

    @property
    def deviation(self) -> float:
        """The standard deviation of the noise."""
        return sqrt(self.variance)

    def of(self, cells: slice | npt.NDArray[np.bool_]) -> Noisy:
        """Those of some cells."""
        return Noisy(self.counts[cells], self.variance)


@dataclass(frozen=True, slots=True)
class Curator:
    """Answers questions about the rows, with noise, as long as the budget lasts.

    Attributes:
        accountant: Is paid before each answer.
        coins: Where noise comes from. It must be secret: with the seed of a job one could take the
            noise off again.
    """

    accountant: Accountant
    coins: Coins

    def count(self, purpose: str, counts: Counts, rho: Fraction) -> Noisy:
        """The counts of a histogram, each with noise.

        Args:
            purpose: What is counted, for the account.
            counts: Of cells that do not depend on the rows, or on earlier answers only.
            rho: What it costs at most.
        """
        variance = variance_for(rho)
        self.accountant.pay(purpose, Fraction(1, 2 * variance))
        noise = [discrete_gaussian(variance, self.coins) for _ in range(counts.size)]
        return Noisy(counts + np.array(noise, dtype=np.int64).reshape(counts.shape), variance)

    def select(
        self, purpose: str, counts: Mapping[Any, int], rho: Fraction, delta: Fraction
    ) -> dict[Any, int]:
        """The levels that many rows have, with noisy counts; which levels there are is secret too.

        A level of a single row appears with a probability of at most ``delta``. Their order
        is that of their noisy counts and texts, not that of the rows.

        Source: Korolova, Kenthapadi, Mishra and Ntoulas, Releasing search queries and clicks
        privately, 2009, for the threshold; the tail is that of corollary 23 of Canonne, Kamath and
        Steinke: at most exp(-t**2 / (2 variance)).
        """
        variance = variance_for(rho)
        self.accountant.pay(purpose, Fraction(1, 2 * variance), delta)
        least = 1 + ceil(sqrt(2 * variance * -log(delta)))
        noisy = {
            level: count + discrete_gaussian(variance, self.coins)
            for level, count in counts.items()
        }
        kept = [(level, count) for level, count in noisy.items() if count >= least]
        return dict(sorted(kept, key=lambda one: (-one[1], one[0])))

    def choose(self, purpose: str, scores: Sequence[int], rho: Fraction) -> int:
        """The place of a score that is likely to be among the highest.

        Args:
            purpose: What is chosen, for the account.
            scores: Each differs by at most 1 between neighbours.
            rho: What it costs at most.

        Source: McSherry and Talwar, Mechanism design via differential privacy, 2007; Cesar and
        Rogers, Bounding, concentrating, and truncating: unifying privacy loss composition for data
        analytics, 2021, for its cost of epsilon**2 / 8.
        """
        epsilon = Fraction(int(sqrt(8 * rho) * STEPS) - 1, STEPS)
        self.accountant.pay(purpose, epsilon * epsilon / 8)
        return exponentially(scores, epsilon / 2, self.coins)
