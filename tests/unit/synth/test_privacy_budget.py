"""The account: rho, epsilon and delta say the same, and nothing is released unpaid."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from datagen_nb.synth.marginals.accountant import (
    Accountant,
    BudgetExceeded,
    delta_of,
    epsilon_of,
    rho_of,
)

EPSILONS = st.floats(0.01, 50)
DELTAS = st.sampled_from([1e-12, 1e-9, 1e-6, 1e-3])


def gaussian_delta(rho, epsilon):
    """The exact delta of one Gaussian release: Balle and Wang, 2018, theorem 8."""
    deviation = 1 / math.sqrt(2 * rho)
    low, high = 1 / (2 * deviation), epsilon * deviation
    return norm.cdf(low - high) - math.exp(epsilon) * norm.cdf(-low - high)


@pytest.mark.parametrize(("rho", "epsilon"), [(0.01, 1), (0.1, 2), (0.5, 3), (0.02, 0.3)])
def test_delta_is_that_of_a_gaussian_release_or_a_little_more(rho, epsilon):
    """Less would promise too much."""
    exact = gaussian_delta(rho, epsilon)

    assert exact <= delta_of(rho, epsilon) <= 10 * exact


@pytest.mark.parametrize(("rho", "epsilon"), [(0.0118, 1.0), (0.3, 4.0), (0.001, 0.2), (4.0, 20.0)])
def test_delta_is_the_lowest_of_the_published_bound(rho, epsilon):
    """Corollary 13, evaluated at many alphas instead of looked for."""
    alphas = [1 + step / 200 for step in range(1, 40_000)]

    by_grid = min(
        (alpha - 1) * (alpha * rho - epsilon) + alpha * math.log1p(-1 / alpha) - math.log(alpha - 1)
        for alpha in alphas
    )

    assert math.log(delta_of(rho, epsilon)) == pytest.approx(by_grid, abs=1e-3)


@given(EPSILONS, DELTAS)
def test_rho_is_within_epsilon_and_delta_and_better_than_the_simple_bound(epsilon, delta):
    """Bun and Steinke, proposition 1.3: rho + 2 sqrt(rho log(1/delta))."""
    rho = rho_of(epsilon, delta)

    simple = (math.sqrt(math.log(1 / delta) + epsilon) - math.sqrt(math.log(1 / delta))) ** 2
    assert delta_of(float(rho), epsilon) <= delta * (1 + 1e-9)
    assert float(rho) >= simple * (1 - 1e-9)
    assert epsilon_of(float(rho), delta) == pytest.approx(epsilon, rel=1e-6)


def test_rho_of_epsilon_one_is_the_known_value():
    """At a delta of 1e-9; .0118 by the simple bound, .0165 exactly for one Gaussian release."""
    assert float(rho_of(1.0, 1e-9)) == pytest.approx(0.01497, abs=1e-5)
    assert gaussian_delta(0.0150, 1.0) < 1e-9 < gaussian_delta(0.0180, 1.0)


def test_what_costs_more_than_is_left_is_refused():
    """And is not counted as spent."""
    accountant = Accountant(1.0, 1e-6)
    accountant.pay("counts", accountant.rho / 2)

    with pytest.raises(BudgetExceeded):
        accountant.pay("pairs", accountant.rho / 2 + Fraction(1, 10**12))

    assert [one.purpose for one in accountant.spent] == ["counts"]


def test_delta_is_refused_where_none_is_set_aside():
    """A selection of levels has to be planned."""
    with pytest.raises(BudgetExceeded):
        Accountant(1.0, 1e-6).pay("levels", Fraction(0), Fraction(1, 10**9))


def test_what_is_set_aside_for_levels_is_no_more_there_for_counts():
    """Both add up to delta."""
    accountant = Accountant(1.0, 1e-6, selecting=Fraction(1, 2_000_000))

    assert delta_of(float(accountant.rho), 1.0) + float(accountant.selecting) <= 1e-6 * (1 + 1e-9)
    assert accountant.rho < Accountant(1.0, 1e-6).rho
