"""Noise has exactly the distribution that the guarantee is computed for."""

import math
from collections import Counter
from fractions import Fraction
from random import Random

import pytest
from scipy.stats import chisquare

from datagen_nb.synth.marginals.noise import (
    discrete_gaussian,
    discrete_laplace,
    exponentially,
    happens,
)

DRAWS = 20_000
UNLIKELY = 1e-4


def agrees(drawn, weights):
    """Whether draws agree with weights of places, those of few expected draws taken together."""
    total = sum(weights.values())
    expected = {place: DRAWS * weight / total for place, weight in weights.items()}
    usual = [place for place, count in expected.items() if count >= 10]
    counts = Counter(drawn)
    seen = [counts[place] for place in usual]
    hoped = [expected[place] for place in usual]
    seen.append(DRAWS - sum(seen))
    hoped.append(DRAWS - sum(hoped))
    if hoped[-1] < 1e-6:
        assert seen.pop() == 0
        hoped.pop()
    return chisquare(seen, hoped).pvalue > UNLIKELY


@pytest.mark.parametrize(("numerator", "denominator"), [(1, 7), (1, 1), (9, 4)])
def test_an_event_has_the_probability_of_its_exponential(numerator, denominator):
    """Also past 1, where it takes several turns."""
    coins = Random(1)

    drawn = [happens(numerator, denominator, coins) for _ in range(DRAWS)]

    chance = math.exp(-numerator / denominator)
    assert agrees(drawn, {True: chance, False: 1 - chance})


@pytest.mark.parametrize("scale", [1, 4])
def test_discrete_laplace_falls_off_by_its_scale(scale):
    """Both ways, and 0 is not drawn twice as often."""
    coins = Random(2)

    drawn = [discrete_laplace(scale, coins) for _ in range(DRAWS)]

    assert agrees(drawn, {x: math.exp(-abs(x) / scale) for x in range(-60, 61)})


@pytest.mark.parametrize("variance", [1, 7, 100])
def test_discrete_gaussian_has_its_density_at_whole_numbers(variance):
    """Whether the scale of the proposal divides the variance or not."""
    coins = Random(3)

    drawn = [discrete_gaussian(variance, coins) for _ in range(DRAWS)]

    assert agrees(drawn, {x: math.exp(-x * x / (2 * variance)) for x in range(-90, 91)})


def test_a_huge_variance_is_no_loss_of_precision():
    """Whole numbers have no end: those drawn are no multiples of a power of 2."""
    coins = Random(4)

    drawn = [discrete_gaussian(10**40, coins) for _ in range(40)]

    assert len({x % 2 for x in drawn}) == 2
    assert max(map(abs, drawn)) > 10**19


def test_a_place_is_chosen_by_its_score():
    """Its probability grows by exp(rate) with each point."""
    coins = Random(5)
    scores = [3, 0, 5, 5]

    drawn = [exponentially(scores, Fraction(1, 2), coins) for _ in range(DRAWS)]

    assert agrees(drawn, {place: math.exp(score / 2) for place, score in enumerate(scores)})
