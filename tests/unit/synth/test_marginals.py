"""A table under a privacy budget: what is found out, what it costs, and what is never seen."""

import datetime as dt
import math
from collections import Counter
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from datagen_nb.core.errors import InputError
from datagen_nb.synth.marginals.bins import Bins, Grid, smoothed
from datagen_nb.synth.marginals.dependence import agreeing
from datagen_nb.synth.marginals.fitting import Privacy, fit
from datagen_nb.synth.marginals.model import PrivateModel
from datagen_nb.synth.marginals.pairs import (
    consistent,
    denoised,
    from_root,
    independent,
    joint,
    score,
    to_total,
)
from datagen_nb.synth.model import Model

CODES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=30)


def private(table, epsilon=1.0, *, seed=0, noise=0, **options):
    return fit(table, Privacy(epsilon, 1e-6, **options), seed=seed, coins=Random(noise))


def people(rows):
    random = np.random.default_rng(0)
    ages = random.integers(18, 90, rows)
    return pa.table(
        {
            "age": ages,
            "income": np.round(ages * 500 + random.lognormal(9, 0.5, rows), 2),
            "city": pa.array(random.choice(["Ulm", "Bonn", "Kiel"], rows, p=[0.6, 0.3, 0.1])),
            "member": pa.array(ages > 50),
            "since": pa.array(
                np.datetime64("2020-01-01", "us") + (ages * 10).astype("timedelta64[D]")
            ),
        }
    )


@given(CODES, st.tuples(st.integers(0, 2), st.integers(0, 3)), st.floats(0, 50))
def test_a_row_more_changes_a_score_by_one_at_most(rows, more, chance):
    """Which is what a choice among scores is paid for."""
    margins = np.array([5.3, 1.1, 9.0]), np.array([3.0, 4.4, 0.0, 8.0])
    expected = np.rint(independent(*margins)).astype(np.int64)

    def scored(pairs):
        first, second = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
        return score(joint(first, second, (3, 4)), expected, chance)

    assert abs(scored(rows) - scored([*rows, more])) <= 1


@given(CODES, st.tuples(st.integers(0, 2), st.integers(0, 3)))
def test_a_row_more_is_one_more_in_one_cell(rows, more):
    """Of each histogram."""
    first, second = (np.array([pair[side] for pair in rows], np.int64) for side in (0, 1))
    with_it = [np.append(codes, code) for codes, code in zip((first, second), more, strict=True)]

    change = joint(*with_it, (3, 4)) - joint(first, second, (3, 4))

    assert change.sum() == 1
    assert np.count_nonzero(change) == 1


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_each_number_is_in_the_one_bin_that_holds_it_or_is_near(numbers):
    """Whatever the others are: bins come from noisy counts alone."""
    bins = Bins.of_any_number()
    units = Grid().units(np.array(numbers, np.int64))

    places = bins.places(units)

    assert ((bins.left[places] <= units) & (units < bins.right[places])).all()
    assert [int(bins.places(units[place : place + 1])[0]) for place in range(len(units))] == (
        places.tolist()
    )


def test_a_number_in_a_gap_counts_as_the_nearest():
    """Gaps are where too few rows were counted."""
    bins = Bins(np.array([0, 100]), np.array([10, 110]))

    assert bins.places(np.array([-5, 12, 80, 500])).tolist() == [0, 0, 1, 1]


@given(st.lists(st.integers(-50, 200), min_size=1, max_size=40), st.integers(1, 10**6))
def test_counts_are_made_to_add_up_without_going_below_zero(counts, total):
    """The nearest such counts."""
    found = to_total(np.array(counts), total)

    assert found.min() >= 0
    assert found.sum() == pytest.approx(total)


def test_pairs_add_up_to_their_columns():
    """However noisy they are."""
    rows, columns = np.array([30.0, 70.0, 0.0]), np.array([50.0, 25.0, 25.0])

    found = consistent(np.array([[40, -9, 5], [12, 30, 9], [3, -2, 7]]), rows, columns)

    assert found.sum(axis=0) == pytest.approx(columns, rel=1e-3)
    assert found.sum(axis=1) == pytest.approx(rows, rel=1e-3, abs=1e-9)


def test_the_noise_of_independent_pairs_goes_and_dependence_stays():
    """A table of one direction of dependence: counts come nearer to it in total."""
    random = np.random.default_rng(0)
    rows, columns = np.full(12, 100.0), np.full(15, 80.0)
    even = independent(rows, columns)
    truth = even + np.outer(np.linspace(-4, 4, 12), np.linspace(-1, 1, 15))
    noise = random.normal(0, 3, even.shape)

    found = denoised(truth + noise, even, 9.0)

    assert denoised(even + random.normal(0, 1, even.shape), even, 9.0) == pytest.approx(even)
    assert np.square(found - truth).sum() < 0.5 * np.square(noise).sum()


def test_neighbours_are_counted_as_one_unless_their_counts_differ_beyond_noise():
    """A value that many rows have stands out of even ones, and of bins that are wider."""
    counts = np.array([95.0, 104.0, 99.0, 900.0, 101.0, 103.0, 198.0])
    widths = np.array([1, 1, 1, 1, 1, 1, 2])

    found = smoothed(counts, widths, 25.0)

    assert found == pytest.approx([99.33, 99.33, 99.33, 900, 100, 100, 200], abs=0.5)
    assert smoothed(np.array([]), np.array([], np.int64), 25.0).tolist() == []


def test_counts_of_several_columns_agree_with_those_of_pairs():
    """And those of the columns before stay."""
    random = np.random.default_rng(1)
    whole = random.random((3, 4, 5)) + 0.1
    whole /= whole.sum()
    before = whole.sum(axis=2)

    found = agreeing(before, [whole.sum(axis=1), whole.sum(axis=0)])

    assert found.sum(axis=2) == pytest.approx(before)
    assert found.sum(axis=1) == pytest.approx(whole.sum(axis=1), abs=1e-4)
    assert found.sum(axis=0) == pytest.approx(whole.sum(axis=0), abs=1e-4)


def test_a_column_that_two_others_decide_is_drawn_by_both():
    """A tree of pairs would lose one of them."""
    random = np.random.default_rng(2)
    one, other = random.integers(0, 3, (2, 30_000))
    chance = random.random(30_000) < (one + other) / 4
    table = pa.table({"one": one, "both": chance, "other": other})

    made = private(table, 5.0, kinds={"one": "categorical", "other": "categorical"})
    frame = made.generate(0, 30_000, offset=0).to_pandas()

    shares = frame.groupby(["one", "other"])["both"].mean()
    assert shares.tolist() == pytest.approx([0, 0.25, 0.5, 0.25, 0.5, 0.75, 0.5, 0.75, 1], abs=0.08)


def test_each_column_is_drawn_after_the_one_that_it_is_drawn_from():
    """A tree has one order for that from its root."""
    order = from_root([(0, 3), (3, 1), (1, 2)], 4)

    seen = set()
    for place, parent in order:
        assert parent is None or parent in seen
        seen.add(place)
    assert seen == {0, 1, 2, 3}


def test_rows_have_the_columns_ties_and_grids_of_the_table():
    """With a budget that is large for it."""
    table = people(20_000)

    made = private(table, 20.0).generate(0, 20_000, offset=0)

    assert made.schema == table.schema
    ages = made["age"].to_numpy()
    assert np.quantile(ages, [0.1, 0.5, 0.9]) == pytest.approx([25, 53, 82], abs=3)
    assert np.corrcoef(ages, made["income"].to_numpy())[0, 1] > 0.6
    assert (made["member"].to_numpy() == (ages > 50)).mean() > 0.9
    cities = Counter(made["city"].to_pylist())
    assert cities["Ulm"] / 20_000 == pytest.approx(0.6, abs=0.02)
    assert all(round(one, 2) == one for one in made["income"].to_pylist())
    assert {(one.hour, one.second) for one in made["since"].to_pylist()} == {(0, 0)}


def test_what_is_spent_is_within_the_budget_and_uses_it():
    """Nearly all of it: noise has whole variances."""
    guarantee = private(people(500)).guarantee

    spent = sum(one.rho for one in guarantee.spent)
    assert 0.95 * guarantee.rho < spent <= guarantee.rho
    assert {one.purpose for one in guarantee.spent if one.delta} == {"levels"}


def test_a_model_is_kept_and_makes_the_same_rows():
    """No noise is drawn again, and nothing of the rows is in it."""
    model = private(people(500))

    kept = Model.from_bytes(model.to_bytes())

    assert isinstance(kept, PrivateModel)
    assert kept.guarantee == model.guarantee
    assert kept.generate(3, 100, offset=300) == model.generate(3, 100, offset=300)


def test_the_seed_has_no_part_in_the_noise():
    """One who knows it cannot take the noise off."""
    table = people(500)

    one, other = (private(table, seed=4, noise=noise) for noise in (1, 2))

    assert one.rows != other.rows or one.to_bytes() != other.to_bytes()
    same, again = (private(table, seed=seed, noise=1) for seed in (4, 5))
    assert same.stages[0].columns[0].masses.tolist() == again.stages[0].columns[0].masses.tolist()


def test_what_few_rows_have_is_not_in_a_model():
    """A name of one row, and a number far from the others."""
    table = pa.table({"name": ["Ann"] * 900 + ["Zelda"], "pay": [*([100] * 900), 987_654_321]})

    model = private(table, 5.0)

    assert b"Zelda" not in model.to_bytes()
    assert max(model.generate(0, 5_000, offset=0)["pay"].to_pylist()) < 10_000


@pytest.mark.parametrize(
    "column",
    [
        pa.array([], pa.int64()),
        pa.array([None, None], pa.string()),
        pa.array([None, None], pa.null()),
        pa.array([math.nan, math.inf, -math.inf, 1e300]),
        pa.array([2**63 - 1, -(2**63)]),
        pa.array([2**64 - 1], pa.uint64()),
        pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
        pa.array([dt.time(1, 2, 3)]),
        pa.array(["a", "b"]).dictionary_encode(),
        pa.array([b"x"]),
        pa.array([True, None]),
        pa.array([dt.timedelta(days=3)]),
    ],
    ids=lambda column: str(column.type),
)
def test_any_column_of_few_rows_can_be_counted(column):
    """Whatever comes back, it has the type of the column."""
    table = pa.table({"column": column, "other": pa.array(range(len(column)), pa.int8())})

    made = private(table, 0.5).generate(0, 50, offset=0)

    assert made.num_rows == 50
    assert made.schema.field("column").type == column.type


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kinds": {"city": "id"}}, "parameters.exclude"),
        ({"kinds": {"city": "datetime"}}, "Convert it"),
        ({"bounds": {"city": (0, 1)}}, "bounds"),
    ],
)
def test_what_would_look_at_the_rows_is_refused_by_name(options, words):
    """Forms of identifiers, spellings of instants."""
    with pytest.raises(InputError, match=words):
        private(people(50), **options)


def test_bounds_are_kept_and_save_the_budget_for_counts():
    """Values outside count as the nearest inside."""
    model = private(people(2_000), bounds={"age": (20, 70)})

    ages = model.generate(0, 5_000, offset=0)["age"].to_numpy()

    assert ages.min() >= 20
    assert ages.max() <= 70


def test_bounds_of_instants_are_texts():
    """As in a configuration, which has no other."""
    bounds = {"since": ("2020-01-01", "2021-06-30")}

    made = private(people(2_000), bounds=bounds).generate(0, 2_000, offset=0)["since"]

    assert min(made.to_pylist()) >= dt.datetime.fromisoformat("2020-01-01")
    assert max(made.to_pylist()) <= dt.datetime.fromisoformat("2021-06-30")


@pytest.mark.parametrize("bounds", [("2021-01-01", "2020-01-01"), ("soon", "later")])
def test_bounds_that_are_none_are_refused(bounds):
    """Upside down, or of another type."""
    with pytest.raises(InputError, match="since"):
        private(people(50), bounds={"since": bounds})


RUNS = 1_000
CONFIDENCE = 1e-5
"""Probability with which an interval misses the true probability."""


def events(secret, epsilon, delta, first):
    """How often each event happens to models of a table with or without a row of its own."""
    rows = [(False, "a")] * 12 + [(True, "a")] * 3 + [(True, "secret")] * secret
    table = pa.table(
        {
            "flag": [flag for flag, _ in rows],
            "text": [text for _, text in rows],
            "even": [number % 2 == 0 for number in range(len(rows))],
        }
    )
    found = Counter()
    for run in range(RUNS):
        model = fit(table, Privacy(epsilon, delta), seed=0, coins=Random(first + run))
        flags, texts, _ = model.stages[0].columns
        found["a pair more"] += any(len(link.parents) > 1 for link in model.stages[0].links)
        found["secret"] += "secret" in texts.axis.values.to_pylist()
        found["more rows"] += model.rows > 15
        found["more true"] += int(flags.masses[1] > 3)
        found["more of both"] += model.rows > 15 and int(flags.masses[1] > 3.4)
    return found


def broken(few, more, epsilon, delta):
    """Events more likely from one table than the guarantee allows from its neighbour."""

    def exceeds(one, other):
        low = beta.ppf(CONFIDENCE, one, RUNS - one + 1) if one else 0.0
        high = beta.ppf(1 - CONFIDENCE, other + 1, RUNS - other) if other < RUNS else 1.0
        return low > math.exp(epsilon) * high + delta

    return [
        event
        for event in few | more
        if exceeds(few[event], more[event]) or exceeds(more[event], few[event])
    ]


@pytest.mark.slow
def test_models_of_neighbours_are_nearly_as_likely():
    """The guarantee of the whole, with confidence. One of epsilon 60 does not keep that of .5."""
    delta = 0.01

    private, weak = (
        [events(secret, epsilon, delta, 10**6 * secret) for secret in (0, 1)]
        for epsilon in (0.5, 60.0)
    )

    assert broken(*private, 0.5, delta) == []
    assert broken(*weak, 0.5, delta)
