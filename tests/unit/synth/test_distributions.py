"""What a report shows of distributions has nothing in it that few rows have."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.core.distribution import Distribution
from datagen_nb.synth.fitting import fit
from datagen_nb.synth.quality import assess
from datagen_nb.synth.quality.assessment import MOST_DISTRIBUTIONS
from datagen_nb.synth.quality.distributions import LONGEST_LABEL, MIN_LEAST, MOST_LABELS
from datagen_nb.synth.quality.ranges import MOST, ranges_of

START = datetime.fromisoformat("2024-01-01")


def distribution(real, made=None, *, kind, min_count=5) -> Distribution:
    known = pa.table({"x": real})
    found = assess(
        known,
        known.slice(0, 0),
        known if made is None else pa.table({"x": made}),
        {"x": kind},
        min_count=min_count,
    )
    shown = found.columns[0].distribution
    assert shown is not None
    return shown


def as_column(numbers, form):
    if form == "instant":
        return pa.array([START + timedelta(seconds=int(number)) for number in numbers])
    if form == "text":
        return pa.array(["x" * (int(abs(number)) % 60) for number in numbers])
    return pa.array(np.asarray(numbers, np.int64 if form == "whole" else np.float64))


KINDS = {"whole": "numeric", "real": "numeric", "instant": "datetime", "text": "text"}

NUMBERS = st.one_of(
    st.lists(st.integers(-(10**6), 10**6), min_size=40, max_size=120),
    st.lists(st.integers(0, 20), min_size=40, max_size=300),
    st.lists(st.integers(0, 8).map(lambda power: 10**power), min_size=40, max_size=120),
)


@settings(max_examples=40, deadline=None)
@given(NUMBERS, st.sampled_from(sorted(KINDS)), st.integers(1, 20))
def test_a_range_has_no_rows_or_as_many_as_are_allowed(numbers, form, min_count):
    """And each row is counted once, in a range or beside all of them."""
    column = as_column(numbers, form)
    shown = distribution(column, column, kind=KINDS[form], min_count=min_count)
    assert shown.least == max(min_count, MIN_LEAST)
    assert all(rows == 0 or rows >= shown.least for rows in shown.input)
    assert sum(shown.input) + shown.others + shown.missing == len(numbers)
    assert shown.synthetic == shown.input
    assert len(shown.input) <= MOST + 2
    assert len(shown.edges) == (len(shown.input) + 1 if shown.input else 0)
    assert list(shown.edges) == sorted(set(shown.edges))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=20, max_size=200),
    st.lists(st.floats(1, 1e12), min_size=4, max_size=4),
    st.integers(5, 9),
)
def test_ranges_do_not_depend_on_the_few_lowest_and_highest_values(values, further, least):
    """Who has the highest income is not in them, by whatever distance."""
    values = np.sort(values)
    moved = values.copy()
    moved[-4:] += np.sort(further)
    moved[:4] -= np.sort(further)[::-1]
    one, other = (ranges_of(each, values, least) for each in (values, moved))
    if one is None or other is None:
        assert one is other
    else:
        assert one.edges.tolist() == other.edges.tolist()
        assert one.counts(values).tolist() == other.counts(moved).tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=200), st.integers(1, 12))
def test_a_label_is_that_of_a_category_with_enough_rows(numbers, min_count):
    """Others are counted without their names."""
    real = [f"name {number}" for number in numbers]
    shown = distribution(real, kind="categorical", min_count=min_count)
    counts = {label: real.count(label) for label in shown.labels}
    assert tuple(counts.values()) == shown.input
    assert all(rows >= max(min_count, MIN_LEAST) for rows in shown.input)
    assert len(shown.labels) <= MOST_LABELS
    assert sum(shown.input) + shown.others == len(real)


def test_rare_categories_change_nothing_but_a_count():
    """Whatever they are called."""
    common = ["a"] * 50 + ["b"] * 30
    one = distribution([*common, "Ann", "Bob"], [*common, "c", "d"], kind="categorical")
    other = distribution([*common, "Eve", "Eve"], [*common, "e", "f"], kind="categorical")
    assert one == other
    assert (one.others, one.others_synthetic) == (2, 2)


def test_of_what_is_made_anew_lengths_alone_are_counted():
    """No name, no part of one."""
    names = [f"person{number:04}@example.com" for number in range(200)]
    shown = distribution(names, [name[3:] for name in names], kind="text")
    assert (shown.of, shown.labels) == ("lengths", ())
    assert shown.edges == (19, 20, 21, 22, 23)
    assert shown.input == (0, 0, 0, 200)
    assert shown.synthetic == (200, 0, 0, 0)


def test_missing_values_are_counted_by_themselves():
    """Of ranges and of categories."""
    for values, kind in (([1.5, None] * 50, "numeric"), (["a", None] * 50, "categorical")):
        shown = distribution(pa.array(values), kind=kind)
        assert (shown.missing, shown.missing_synthetic) == (50, 50)


@pytest.mark.parametrize(
    ("seconds", "edges"),
    [
        (3_600, "2024-01-01T00:05:00"),
        (86_400, "2024-01-01T01:00:00"),
        (86_400 * 20, "2024-01-02T00:00:00"),
        (86_400 * 365, "2024-02-01T00:00:00"),
        (86_400 * 7_300, "2025-01-01T00:00:00"),
    ],
)
def test_instants_are_counted_by_the_calendar(seconds, edges):
    """In full minutes, hours, days, months, years."""
    spread = [START + timedelta(seconds=float(at)) for at in np.linspace(0, seconds - 1, 2_000)]
    shown = distribution(pa.array(spread), kind="datetime")
    assert np.datetime64(int(shown.edges[1]), "s") == np.datetime64(edges)


def test_skewed_numbers_are_counted_in_powers():
    """Else one bar would have nearly all of them."""
    random = np.random.default_rng(1)
    shown = distribution(random.lognormal(0, 3, 5_000), kind="numeric")
    assert shown.is_logarithmic
    assert max(shown.input) < 1_500
    assert {0.1, 0.2, 0.5, 1.0} < set(shown.edges)


def test_whole_numbers_have_a_range_each_if_they_are_few():
    """1 to 5 stars are five bars."""
    shown = distribution([1, 2, 3, 4, 5] * 40, kind="numeric")
    assert shown.edges == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    "values", [[1e308, -1e308] * 50, [0.0] * 100, [5e-324, 0.0] * 50, [2.0**60] * 99]
)
def test_numbers_at_the_ends_of_floats_are_no_trouble(values):
    """Counted, in ranges or beside them."""
    shown = distribution(pa.array(values), kind="numeric")
    assert sum(shown.input) + shown.others == len(values)


def test_labels_are_cut_and_columns_bounded():
    """A report keeps its size."""
    shown = distribution(["x" * 10_000] * 20, kind="categorical")
    assert len(shown.labels[0]) == LONGEST_LABEL
    names = [f"c{number}" for number in range(MOST_DISTRIBUTIONS + 5)]
    table = pa.table(dict.fromkeys(names, [1.0] * 12 + [2.0] * 12))
    report = assess(table, table.slice(0, 0), table, dict.fromkeys(names, "numeric"))
    shown = [column for column in report.columns if column.distribution is not None]
    assert len(shown) == MOST_DISTRIBUTIONS
    assert len(report.to_json()) < 150_000


def test_of_what_an_entity_has_once_entities_are_counted():
    """The city of one customer with 200 orders is rare, and named nowhere."""
    orders = [200, *[10] * 20]
    cities = ["Smallville", *["Rome"] * 20]
    ages = [99, *[30] * 10, *[50] * 10]
    rows = [customer for customer, count in enumerate(orders) for _ in range(count)]
    table = pa.table(
        {
            "customer": [f"c{customer:04}" for customer in rows],
            "city": [cities[customer] for customer in rows],
            "age": [ages[customer] for customer in rows],
        }
    )
    kinds = {"customer": "id", "city": "categorical", "age": "numeric"}
    keys = {"city": "customer", "age": "customer"}
    found = assess(table, table.slice(0, 0), table, kinds, keys=keys)
    city, age = (column.distribution for column in found.columns[1:])
    assert (city.labels, city.input, city.others) == (("Rome",), (20,), 1)
    assert sum(age.input) == 21
    assert age.edges[-1] < 99
    assert "Smallville" not in found.to_json()


def test_a_fitted_model_names_the_keys_of_what_depends_on_them():
    """A customer's city, not the amount of an order."""
    random = np.random.default_rng(1)
    customers = np.repeat(np.arange(400), random.integers(1, 6, 400))
    table = pa.table(
        {
            "customer": [f"C-{number:05}" for number in customers],
            "city": [f"city {number % 7}" for number in customers],
            "amount": random.normal(size=len(customers)),
        }
    )
    assert fit(table, seed=0).keys == {"city": "customer"}


def test_a_few_rows_between_many_are_in_a_wider_range():
    """Three people between 400 and 600 are not a bar of their own."""
    values = [*np.linspace(0, 100, 300), 480.0, 490.0, 500.0, *np.linspace(900, 1000, 300)]
    shown = distribution(values, kind="numeric")
    assert sum(shown.input) == 603
    assert min(rows for rows in shown.input if rows) >= MIN_LEAST
