"""What gets out of neighbouring tables is nearly as likely from either: counted over many runs."""

import math
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from scipy.stats import beta

from datagen_nb.synth.marginals.accountant import Accountant, BudgetExceeded, delta_of
from datagen_nb.synth.marginals.mechanisms import Curator, variance_for

RUNS = 4_000
CONFIDENCE = 1e-5
"""Probability with which an interval misses the true probability."""


class Unlimited(Accountant):
    """Lets one mechanism run as often as a test needs."""

    def pay(self, purpose, rho, delta=Fraction(0)):
        self.paid = float(rho), delta


def curator(seed):
    return Curator(Unlimited(1.0, 1e-6), Random(seed))


def at_most(count):
    return float(beta.ppf(1 - CONFIDENCE, count + 1, RUNS - count)) if count < RUNS else 1.0


def at_least(count):
    return float(beta.ppf(CONFIDENCE, count, RUNS - count + 1)) if count else 0.0


def broken(first, second, epsilon, delta):
    """Events more likely from one table than the guarantee allows from its neighbour."""
    events = set(first) | set(second)
    return [
        event
        for event in events
        for one, other in [(first, second), (second, first)]
        if at_least(one.count(event)) > math.exp(epsilon) * at_most(other.count(event)) + delta
    ]


def guaranteed(rho, epsilon, delta=0.0):
    return epsilon, delta_of(rho, epsilon) + delta


def test_noisy_counts_of_neighbours_are_nearly_as_likely():
    """With less noise they are not: the test sees it."""
    few, more = np.array([5, 2]), np.array([6, 2])
    rho = Fraction(1, 8)

    def counted(counts, seed, rho):
        one = curator(seed)
        return [int(one.count("", counts, rho).counts[0] >= 6) for _ in range(RUNS)]

    epsilon, delta = guaranteed(float(rho), 0.1)
    assert broken(counted(few, 1, rho), counted(more, 2, rho), epsilon, delta) == []
    assert broken(counted(few, 1, 30 * rho), counted(more, 2, 30 * rho), epsilon, delta)


def test_a_level_of_one_row_is_selected_as_rarely_as_delta_says():
    """And with a lower threshold, more often: the bound is near."""
    one = curator(3)
    delta = Fraction(1, 20)

    seen = sum(
        "secret" in one.select("", {"secret": 1}, Fraction(1, 50), delta) for _ in range(RUNS)
    )

    assert at_least(seen) <= delta
    assert seen > 0


def test_selected_levels_do_not_show_the_order_of_the_rows():
    """Dictionaries of the same counts in another order give the same levels in the same order."""
    levels = {str(place): 1_000 + place for place in range(20)}

    found = curator(4).select("", levels, Fraction(1), Fraction(1, 10**6))

    assert list(found) == [name for name, _ in sorted(found.items(), key=lambda x: (-x[1], x[0]))]
    assert list(found) != list(levels)


def test_choices_among_neighbouring_scores_are_nearly_as_likely():
    """Scores that differ by 1 each; what is paid is enough for the exponential mechanism."""
    rho = Fraction(1, 8)
    first, second = curator(5), curator(6)

    one = [first.choose("", [4, 3, 3], rho) for _ in range(RUNS)]
    other = [second.choose("", [3, 4, 4], rho) for _ in range(RUNS)]

    assert broken(one, other, math.sqrt(8 * float(rho)), 0.0) == []
    assert broken(one, other, 0.1, 0.0)
    assert float(rho) * (1 - 1e-9) <= first.accountant.paid[0] <= float(rho)


@pytest.mark.parametrize("rho", [Fraction(1, 3), Fraction(1, 700), Fraction(9, 2)])
def test_noise_costs_what_was_allowed_or_less(rho):
    """Its variance is a whole number, rounded up."""
    assert Fraction(1, 2 * variance_for(rho)) <= rho
    assert Fraction(1, 2 * variance_for(rho)) > rho / 2 or variance_for(rho) == 1


def test_nothing_is_counted_that_is_not_paid_for():
    """The second question of one budget is refused."""
    accountant = Accountant(1.0, 1e-6)
    one = Curator(accountant, Random(7))
    one.count("all", np.array([1]), accountant.rho)

    with pytest.raises(BudgetExceeded):
        one.count("more", np.array([1]), accountant.rho / 2)
