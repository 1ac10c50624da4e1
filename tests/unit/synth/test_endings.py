"""What numbers and times prefer to end in, they go on ending in."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.synth import margin_fitting
from datagen_nb.synth.endings import endings_of
from datagen_nb.synth.fitting import fit

DAY, MINUTE = np.timedelta64(1, "D"), np.timedelta64(1, "m")


def chance(seed=1):
    return np.random.default_rng(seed)


def remade(values, rows=8_000):
    """The column of rows like those of a table that has it alone."""
    made = fit(pa.table({"column": values}), seed=1).generate(0, rows, offset=0)
    return made["column"].combine_chunks()


def shares(numbers, size):
    return np.bincount(np.asarray(numbers, dtype=np.int64), minlength=size) / len(numbers)


def apart(one, other, size):
    """The distance in total variation of two columns of small numbers."""
    return np.abs(shares(one, size) - shares(other, size)).sum() / 2


def endings_in(values, kind, type):
    margin, _, _ = margin_fitting.fit(values, kind, random=chance())
    return [(one.modulus, one.unit) for one in endings_of(margin, type, 5)]


@pytest.mark.parametrize("exact", [pa.float64(), pa.decimal128(12, 2)], ids=str)
def test_prices_keep_their_endings_though_some_have_none(exact):
    """Of 90 % in .99, .95, .50 and .00, each share is kept; the others end in anything."""
    random = chance()
    endings = random.choice([0.99, 0.95, 0.5, 0.0], 3_000, p=[0.6, 0.2, 0.1, 0.1])
    prices = np.floor(random.lognormal(4, 1, 3_000)) + endings
    odd = random.random(3_000) < 0.1
    prices[odd] += random.random(odd.sum())
    column = pa.array(prices.round(2)).cast(exact, safe=False)
    made = remade(column).cast(pa.float64())

    cents = [np.rint(np.asarray(one) * 100) % 100 for one in (prices.round(2), made)]
    assert apart(*cents, 100) < 0.08
    assert pc.min(made).as_py() >= prices.min()
    assert pc.max(made).as_py() <= prices.max()


def test_a_price_above_its_cost_keeps_its_ending():
    """The difference that stands for it has none."""
    random = chance()
    cost = random.uniform(5, 80, 1_000).round(2)
    price = (np.floor(cost * random.uniform(1.1, 1.6, 1_000)) + 0.99).round(2)
    price[:100] = (cost[:100] + random.uniform(1, 20, 100)).round(2)
    table = pa.table({"cost": cost, "price": price})
    model = fit(table, seed=1)
    assert [one.sentence for one in model.relations] == ["price > cost"]
    made = model.generate(0, 8_000, offset=0)

    in_99 = [(np.rint(np.asarray(one) * 100) % 100 == 99).mean() for one in (price, made["price"])]
    assert in_99[1] == pytest.approx(in_99[0], abs=0.03)
    assert pc.all(pc.greater(made["price"], made["cost"])).as_py()


def test_heaped_numbers_stay_heaped():
    """Salaries that most people give in thousands."""
    random = chance()
    salaries = np.round(random.lognormal(10.8, 0.4, 3_000) / 1_000) * 1_000
    odd = random.random(3_000) < 0.15
    salaries[odd] = np.round(salaries[odd] * random.uniform(0.9, 1.1, odd.sum()))
    made = np.asarray(remade(pa.array(salaries.astype(np.int64))))

    assert (made % 1_000 == 0).mean() == pytest.approx((salaries % 1_000 == 0).mean(), abs=0.03)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_instants_keep_the_hours_the_minutes_and_the_days_of_the_week(unit):
    """Visits in the daytime, most of them on workdays and on the quarter of an hour."""
    random = chance()
    weekday = random.choice(7, 5_000, p=[0.19, 0.19, 0.19, 0.19, 0.19, 0.04, 0.01])
    days = np.datetime64("2022-01-03") + (random.integers(0, 104, 5_000) * 7 + weekday) * DAY
    hours = np.clip(random.normal(13, 3, 5_000), 0, 23).astype(int)
    minutes = np.where(
        random.random(5_000) < 0.7, random.choice([0, 15, 30, 45], 5_000), random.integers(0, 60)
    )
    at = pa.array((days + (hours * 60 + minutes) * MINUTE).astype("M8[us]")).cast(
        pa.timestamp(unit)
    )
    made = remade(at)

    assert made.type == at.type
    for part, size in ((pc.hour, 24), (pc.minute, 60), (pc.day_of_week, 7)):
        assert apart(part(at), part(made), size) < 0.05


def test_dates_keep_the_days_of_the_week_that_are_rare():
    random = chance()
    weekday = random.choice(7, 4_000, p=[0.2, 0.2, 0.2, 0.2, 0.15, 0.04, 0.01])
    days = np.datetime64("2000-01-03") + (random.integers(0, 1_200, 4_000) * 7 + weekday) * DAY
    dates = pa.array(days.astype("M8[D]"))

    assert apart(pc.day_of_week(dates), pc.day_of_week(remade(dates)), 7) < 0.04


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(50, 2_000),
    size=st.sampled_from([1, 1_000, 10**6]),
    kind=st.sampled_from(["integers", "floats", "instants"]),
    seed=st.integers(0, 10**6),
)
def test_what_chance_explains_is_no_preference(rows, size, kind, seed):
    random = chance(seed)
    if kind == "floats":
        values = (random.normal(0, 1, rows) * size).round(3)
        assert endings_in(values, "numeric", pa.float64()) == []
    elif kind == "integers":
        values = random.integers(-1_000 * size, 1_000 * size, rows)
        assert endings_in(values, "numeric", pa.int64()) == []
    else:
        values = random.integers(0, 10**7, rows) * size
        assert endings_in(values, "datetime", pa.timestamp("s")) == []


@settings(max_examples=40, deadline=None)
@given(
    endings=st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True),
    spread=st.sampled_from([30, 300, 30_000]),
    begin=st.sampled_from([0, -10_000, 10**9]),
    seed=st.integers(0, 10**6),
)
def test_made_numbers_stay_in_the_range(endings, spread, begin, seed):
    random = chance(seed)
    odd = random.random(400) < 0.2
    numbers = begin + random.integers(0, spread, 400) * 100 + random.choice(endings, 400)
    numbers[odd] += random.integers(0, 100, odd.sum())
    made = np.asarray(remade(pa.array(numbers), rows=2_000))

    assert numbers.min() <= made.min()
    assert made.max() <= numbers.max()
    preferred = np.isin(numbers % 100, endings).mean()
    assert np.isin(made % 100, endings).mean() == pytest.approx(preferred, abs=0.12)
