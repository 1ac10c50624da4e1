"""Numbers of few rows come back by their shape, not by the clusters that they have by chance."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from datagen_nb.synth import margin_fitting
from datagen_nb.synth.fitting import fit
from datagen_nb.synth.quality.closeness import closeness
from datagen_nb.synth.smoothing import quantiles, smooth

TYPES = st.sampled_from(["int8", "int64", "uint64", "float32", "float64"])


@st.composite
def columns(draw):
    dtype = np.dtype(draw(TYPES))
    rows = draw(st.integers(40, 200))
    if dtype.kind == "f":
        numbers = st.floats(-1e6, 1e6, width=8 * dtype.itemsize)
        values = draw(arrays.arrays(dtype, rows, elements=numbers))
        return values.round(draw(st.integers(0, 4))) if draw(st.booleans()) else values
    return draw(arrays.arrays(dtype, rows))


@given(columns())
def test_what_is_smoothed_stays_on_the_grid_and_within_the_range(values):
    margin, codes, _ = margin_fitting.fit(values, "numeric", random=chance())
    smoothed = smooth(margin, codes)
    assert smoothed.support.dtype == margin.support.dtype
    assert (smoothed.moving == margin.moving).all()
    assert (smoothed.support[~margin.moving] == margin.support[~margin.moving]).all()
    assert (np.diff(smoothed.support[margin.moving].astype(float)) >= 0).all()
    made = smoothed.decode(np.repeat(codes, 3), chance())
    assert made.min() >= values.min()
    assert made.max() <= values.max()
    if margin.moving.any() and made.dtype.kind in "iu":
        moved = np.setdiff1d(made, margin.support[~margin.moving]).tolist()
        first = int(margin.support[margin.moving][0])
        assert all((value - first) % margin.step == 0 for value in moved)


def test_prices_keep_their_grid():
    prices = chance().integers(0, 4_000, 300) / 20 + 0.04
    margin, codes, _ = margin_fitting.fit(prices, "numeric", random=chance())
    smoothed = smooth(margin, codes)
    assert (smoothed.support != margin.support).mean() > 0.5
    steps = (smoothed.decode(codes, chance()) - 0.04) * 20
    assert np.abs(steps - np.rint(steps)).max() < 1e-6


@pytest.mark.parametrize("rows", [200, 400])
def test_made_rows_are_no_closer_to_those_fitted_to_than_to_others(rows):
    shares = []
    for seed in range(6):
        halves = independent(rows, seed), independent(rows, seed + 100)
        for known, others in (halves, halves[::-1]):
            made = fit(known, seed=seed).generate(0, 3_000, offset=0)
            shares.append(closeness(known, others, made, set("abc")).share)
    assert np.mean(shares) <= 0.515


@pytest.mark.parametrize("draw", ["normal", "uniform", "exponential", "lognormal"])
def test_smoothed_quantiles_are_nearer_to_those_of_the_source(draw):
    source = np.sort(getattr(chance(1_000), draw)(size=100_000))
    bounds = source[::5_000][1:]
    nearer = 0
    for seed in range(20):
        known = np.sort(getattr(chance(seed), draw)(size=200))
        found = quantiles(known)
        assert found is not None
        off = [
            np.square(np.diff(np.searchsorted(one, bounds) / 200) - 0.05).sum()
            for one in (known, np.interp(known, *found))
        ]
        nearer += off[1] < off[0]
    assert nearer >= 18


def test_a_thin_place_between_two_clusters_is_not_filled():
    random = chance()
    where = random.random(400) < 0.5
    known = np.sort(np.where(where, random.normal(-3, 0.5, 400), random.normal(3, 1, 400)))
    found = quantiles(known)
    made = known if found is None else np.interp(known, *found)
    thin = [np.mean((one > -1.5) & (one < 0.5)) for one in (known, made)]
    assert thin[1] <= thin[0] + 0.01


def test_the_numbers_of_many_rows_only_move():
    values = chance().normal(size=5_000)
    margin, codes, _ = margin_fitting.fit(values, "numeric", random=chance())
    assert (smooth(margin, codes).support == margin.support).all()


def independent(rows: int, seed: int) -> pa.Table:
    random = chance(seed)
    return pa.table(
        {
            "a": random.normal(0, 1, rows).round(3),
            "b": random.gamma(2, 10, rows).round(2),
            "c": random.integers(0, 10**6, rows),
        }
    )


def chance(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)
