"""What becomes of a value is decided for each value by itself."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from datagen_nb.synth import margin_fitting


def chance(seed=1):
    return np.random.default_rng(seed)


WAYS = 600


class EveryWay:
    """In place of chance: ``WAYS`` places of each number's way, evenly."""

    def random(self, size):
        return (np.arange(size) % WAYS + 0.5) / WAYS


def made_of(margin, codes):
    """What values become, each way once."""
    return margin.decode(np.repeat(codes, WAYS).astype(np.int32), EveryWay())


def back_of(values, rows):
    """The share of each value in what is made, in units of its share in what is fitted to."""
    margin, codes, _ = margin_fitting.fit(np.repeat(values, rows), "numeric", random=chance())
    assume(margin.is_smooth)
    places, draws = np.unique(made_of(margin, np.unique(codes)), return_counts=True)
    return dict(zip(places.tolist(), draws / WAYS, strict=True))


def remade(values, kind="numeric", **options):
    margin, codes, _ = margin_fitting.fit(np.asarray(values), kind, random=chance(), **options)
    return margin.decode(codes, chance(2))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6])
@pytest.mark.parametrize("atom", [0.0, -99.0, 10_000_000.0])
def test_a_value_that_stands_out_keeps_its_share_and_its_gap(share, atom):
    """Zeros, codes and sentinels in a column of amounts."""
    spent = (10 + np.exp(chance().normal(6, 1, 4_000))).round(2)
    is_atom = chance(3).random(4_000) < share
    values = np.where(is_atom, atom, spent)

    made = remade(values)

    assert ((made == atom) == is_atom).all()
    others = made[~is_atom]
    assert spent[~is_atom].min() <= others.min()
    assert others.max() <= spent[~is_atom].max()
    assert np.isin(others, values).mean() < 0.2


def test_a_gap_stays_a_gap():
    """Nothing is made between two groups of values."""
    random = chance()
    values = np.concatenate([random.normal(0, 1, 500), random.normal(1_000, 1, 500)]).round(3)
    made = remade(values)
    assert not ((made > 10) & (made < 990)).any()


def test_a_single_value_far_from_all_others_is_not_used():
    """The salary of the one who earns millions."""
    salaries = np.append(chance().normal(50_000, 9_000, 900).round(-2), [7_654_000.0])
    made = remade(salaries)
    assert made.max() <= salaries[:-1].max()


def test_prices_that_end_alike_go_on_doing_so():
    """A grid may have a step and a start of its own."""
    made = remade((chance().integers(1, 4_000, 900) - 0.01).round(2))
    assert set((made * 100).round().astype(int) % 100) == {99}


def test_levels_that_few_rows_have_are_not_used():
    """Their rows get the others, by the shares of these."""
    values = np.array(["a"] * 60 + ["b"] * 30 + [f"rare{n}" for n in range(10)], dtype=object)
    margin, codes, pooled = margin_fitting.fit(values, "categorical", random=chance())
    assert margin.support.tolist() == ["a", "b"]
    assert codes[:90].tolist() == [0] * 60 + [1] * 30
    assert (pooled.values, pooled.rows) == (10, 10)


def test_levels_are_kept_where_all_are_rare():
    """A table of ten rows has no level of five."""
    assert set(remade(np.array(["a", "b", "c"] * 3, dtype=object), "categorical")) == set("abc")


def test_rows_of_the_whole_table_count():
    """A level that a sample shows once may be common in the table, or lack in the sample."""
    values = np.array(["a"] * 50 + ["b", "c"], dtype=object)
    counts = {"a": 5_000, "b": 100, "d": 300, "c": 2, "e": 4}

    made = [
        value
        for seed in range(400)
        for margin, codes, _ in [
            margin_fitting.fit(values, "categorical", random=chance(), counts=counts, is_open=True)
        ]
        for value in margin.decode(codes, chance(seed))
    ]

    assert set(made) == {"a", "b", "d"}
    assert 2 < made.count("d") / made.count("b") < 4.5


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=80),
    st.integers(0, 5),
    st.integers(0, 2**32),
)
def test_numbers_stay_within_their_bounds(values, decimals, seed):
    """Whatever the gaps, atoms and groups."""
    values = np.round(np.array(values), decimals)
    margin, codes, _ = margin_fitting.fit(values, "numeric", random=chance(seed))
    made = margin.decode(codes, chance(seed))
    assert values.min() <= made.min()
    assert made.max() <= values.max()
    assert len(made) == len(values)


def test_few_rows_do_not_keep_their_clusters_and_a_long_tail_is_not_filled():
    """Numbers move across ten rows and more, where these are near."""
    random = np.random.default_rng(4)
    values = random.lognormal(3, 1, 200)
    margin, codes, _ = margin_fitting.fit(values, "numeric", random=random)
    middle = codes[np.argsort(values)[100]]
    made = margin.decode(np.full(2_000, middle, dtype=np.int32), random)
    assert np.ptp(np.searchsorted(np.sort(values), made)) > 20
    drawn = margin.decode(random.choice(codes, 20_000), random)
    assert abs(drawn.std() / values.std() - 1) < 0.1


@st.composite
def grids(draw):
    """Sorted values with a step, and the rows of each."""
    gaps = draw(st.lists(st.integers(1, 9), min_size=4, max_size=60))
    rows = draw(st.lists(st.integers(1, 4), min_size=len(gaps), max_size=len(gaps)))
    step = draw(st.sampled_from([1, 5, 0.25]))
    return (np.cumsum(gaps) - draw(st.integers(0, 90))) * step, np.array(rows)


@settings(deadline=None)
@given(grids(), st.sampled_from([0, -1]))
def test_a_sparse_end_is_drawn_and_not_copied(grid, end):
    """It is made of itself no more often than any other place on its way, and nothing beyond it."""
    values, rows = grid
    margin, _, pooled = margin_fitting.fit(np.repeat(values, rows), "numeric", random=chance())
    assume(margin.is_smooth and not pooled.values)

    places, draws = np.unique(made_of(margin, [range(len(values))[end]]), return_counts=True)

    assert values[0] <= places[0]
    assert places[-1] <= values[-1]
    assert len(places) > 1
    assert draws[places == values[end]].sum() <= draws.min() + 1


@settings(deadline=None)
@given(st.integers(100, 200), st.integers(5, 15), st.integers(1, 30), st.sampled_from([0, -1]))
def test_a_dense_end_keeps_its_share(size, rows, gap, end):
    """A bound such as 0, or a cap at 100, that enough rows have."""
    values = np.arange(size) * gap
    assert back_of(values, rows)[values[end]] == pytest.approx(1, abs=0.15)


@settings(deadline=None)
@given(
    st.integers(40, 200),
    st.integers(1, 4),
    st.sampled_from([1, 30, 0.01, 2.5]),
    st.sampled_from([0, -1]),
)
def test_an_extreme_of_few_rows_is_never_made(size, rows, gap, end):
    """Not even of the values beside it."""
    values = np.round(np.arange(size) * gap, 2)
    back = back_of(values, rows)
    assert values[end] not in back
    assert values[end - 1 if end else 1] in back
