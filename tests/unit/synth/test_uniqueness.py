"""No two rows have the same combination of columns: over all parts, and for any small table."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import InputError
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.fitting import fit
from datagen_nb.synth.rules import Unfit
from datagen_nb.synth.selection import Selection
from datagen_nb.synth.uniqueness import Seen, Uniqueness, first_ones

ROWS = 2_000


def levels(name: str, count: int) -> list[str]:
    return [f"{name}{one}" for one in range(count)]


def independent(sizes: dict[str, int], *, nulls: float = 0) -> pa.Table:
    """Categories, each level about as often as the others, and some nulls in the first column."""
    random = np.random.default_rng(4)
    columns = {
        name: pa.array(random.choice(levels(name, count), ROWS)) for name, count in sizes.items()
    }
    first = next(iter(sizes))
    is_null = random.random(ROWS) < nulls
    columns[first] = pa.array(columns[first].to_pylist(), mask=is_null)
    return pa.table(columns | {"x": random.normal(size=ROWS).round(3)})


def made(model, selection, *, rows, parts=1):
    """The parts of a result, each with what those before it have."""
    earlier = tuple(Seen() for _ in selection.unique)
    tables = []
    for part in range(parts):
        found = model.select(part, rows, offset=part * rows, selection=selection, earlier=earlier)
        for seen, hashes in zip(earlier, found.hashes, strict=True):
            seen.add(hashes)
        tables.append(found.table)
    return pa.concat_tables(tables)


def repeated(table, names):
    """How often the most frequent combination without a null is there."""
    rows = zip(*(table[name].to_pylist() for name in names), strict=True)
    counts = Counter(row for row in rows if None not in row)
    return max(counts.values(), default=0)


@pytest.fixture(scope="module", params=[(2, 3), (3, 4), (5, 2)], ids=str)
def small(request):
    """A model of two columns of few levels each, and how many combinations they have."""
    sizes = dict(zip("ab", request.param, strict=True))
    return fit(independent(sizes), seed=1), request.param[0] * request.param[1]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.integers(1, 4))
def test_no_combination_is_there_twice_in_any_number_of_parts(small, rows, parts):
    """As many rows as were asked for, or an error by name where there are too few of them."""
    model, combinations = small
    selection = Selection.of(["unique(a, b)"])
    if rows * parts > combinations:
        with pytest.raises(InputError, match=r"'unique\(a, b\)' cannot be kept") as caught:
            made(model, selection, rows=rows, parts=parts)
        assert caught.value.code == "unmet_rule"
        assert caught.value.details["combinations"] == combinations
        return
    table = made(model, selection, rows=rows, parts=parts)
    assert table.num_rows == rows * parts
    assert repeated(table, "ab") == 1


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True),
        min_size=1,
        max_size=3,
    ),
    st.integers(1, 60),
    st.integers(1, 3),
)
def test_several_rules_hold_together(three, rules, rows, parts):
    """Whatever they name; the rule of the fewest combinations bounds the rows."""
    texts = [f"unique({', '.join(names)})" for names in rules]
    most = min(math.prod(SIZES[name] for name in names) for names in rules)
    found = made_or_refused(three, Selection.of(texts), rows=rows, parts=parts)
    if isinstance(found, InputError):
        assert found.code == "unmet_rule"
        assert found.details["rule"] in texts
        assert found.details["combinations"] < rows * parts
        assert len(rules) > 1 or rows * parts > most
        return
    assert found.num_rows == rows * parts <= most
    assert all(repeated(found, names) == 1 for names in rules)


def made_or_refused(model, selection, **sizes):
    try:
        return made(model, selection, **sizes)
    except InputError as error:
        return error


SIZES = {"a": 3, "b": 6, "c": 12}


@pytest.fixture(scope="module")
def three():
    """Three independent columns of 3, 6 and 12 levels."""
    return fit(independent(SIZES), seed=1)


def test_rows_with_a_null_are_not_compared():
    """As in SQL: as many of them as are drawn, and each value once."""
    model = fit(independent({"a": 5}, nulls=0.2), seed=1)
    table = made(model, Selection.of(["unique(a)"]), rows=50, parts=2)
    counts = Counter(table["a"].to_pylist())
    assert counts.pop(None) == 95
    assert counts == dict.fromkeys(levels("a", 5), 1)
    with pytest.raises(InputError, match="only 5 different values of 'a' were found"):
        made(model, Selection.of(["unique(a)", "a is not null"]), rows=6)


def test_other_rules_and_shares_hold_with_it(three):
    """The distinct rows are among those that keep the others, in the shares asked for."""
    selection = Selection.of(["unique(b, c)", "x > 0"], {"a": {"a0": 0.5}})
    table = made(three, selection, rows=20, parts=3)
    assert repeated(table, "bc") == 1
    assert min(table["x"].to_pylist()) > 0
    assert Counter(table["a"].to_pylist())["a0"] == pytest.approx(30, abs=2)


def test_a_rule_that_costs_nothing_changes_no_row(three):
    """Where no row repeats another, the part is that without the rule."""
    selection = Selection.of(["unique(a, b, c, x)"])
    once = three.select(0, 40, offset=0, selection=selection)
    assert once.drawn == 40
    assert once.table.equals(three.generate(0, 40, offset=0))
    assert len(once.hashes[0]) == 40


def test_a_part_is_a_function_of_its_number_and_of_those_before(three):
    """However often it is made."""
    selection = Selection.of(["unique(a, b, c)"])
    assert made(three, selection, rows=30, parts=4).equals(made(three, selection, rows=30, parts=4))


@pytest.fixture(scope="module")
def visits():
    """Customers with several visits each; numbers and addresses of both are made anew."""
    random = np.random.default_rng(2)
    customer = np.sort(random.integers(0, 300, ROWS))
    return pa.table(
        {
            "visit": [f"V-{row * 7:06d}" for row in range(ROWS)],
            "customer": [f"C{one:05d}" for one in customer],
            "day": [f"{1 + one:02d}.03.2024" for one in random.integers(0, 28, ROWS)],
            "first_name": random.choice(["Anna", "Ben", "Carla", "Dan", "Eve", "Finn"], ROWS),
            "room": random.choice(["1", "2", "3"], ROWS),
        }
    )


def test_identifiers_count_by_whom_they_stand_for(visits):
    """A customer has a day once; customers of different parts are different ones."""
    model = fit(visits, seed=1)
    assert {"visit", "customer"} <= set(model.makers)
    assert model.groups
    free = pa.concat_tables(model.generate(part, 400, offset=part * 400) for part in range(2))
    assert repeated(free, ["customer", "day"]) > 1

    table = made(model, Selection.of(["unique(customer, day)"]), rows=400, parts=2)
    assert table.num_rows == 800
    assert repeated(table, ["customer", "day"]) == 1
    visits_of = Counter(table["customer"].to_pylist())
    assert max(visits_of.values()) > 1
    rows = defaultdict(list)
    for row in table.to_pylist():
        rows[row["customer"]].append(row["day"])
    assert all(len(set(days)) == len(days) for days in rows.values())

    # A number stands for one row, or one customer of one part: nothing is drawn anew.
    for rules in (["unique(visit, room)", "unique(visit)"], ["unique(customer, visit)"]):
        unique = made(model, Selection.of(rules), rows=400, parts=2)
        assert unique.equals(free)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unique(name)", "values of 'name' are made anew, and two of them may be the same"),
        ("unique(a, name)", "'unique(a, name)' cannot be kept"),
        ("unique(nothing)", "'nothing' holds only nulls"),
    ],
)
def test_what_cannot_be_unique_is_refused(text, message):
    """By name, before a row is drawn."""
    random = np.random.default_rng(3)
    given_names, family = ["Ann", "Bob", "Cy", "Di", "Ed"], ["Fox", "Gray", "Hill", "Ives"]
    table = pa.table(
        {
            "name": [f"{random.choice(given_names)} {random.choice(family)}" for _ in range(ROWS)],
            "a": random.choice(levels("a", 4), ROWS),
            "nothing": pa.nulls(ROWS, pa.string()),
        }
    )
    model = fit(table, seed=1, columns={"name": "text"})
    assert "name" in model.makers
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        Selection.of([text]).check(plain_table(table), model.codecs, model.makers)
    assert caught.value.code == "unfit_rule"
    assert caught.value.details["remedy"]


def test_a_rule_that_the_input_breaks_is_warned_of(visits):
    """With the share of rows that repeat others; one that it keeps is not."""
    model = fit(visits, seed=1)
    selection = Selection.of(["unique(visit)", "unique(customer, day)"])
    [warning] = selection.check(plain_table(visits), model.codecs, model.makers)
    rows = set(zip(visits["customer"].to_pylist(), visits["day"].to_pylist(), strict=True))
    share = float(re.match(r"([\d.]+) % of the input's rows break", warning)[1])
    assert share == pytest.approx(100 * (1 - len(rows) / ROWS), rel=0.05)
    assert "'unique(customer, day)'" in warning


TYPES = {
    pa.int64(): [-3, 0, 1, 2],
    pa.string(): ["", "a", "ab", "ba" * 9],
    pa.float64(): [0.0, -0.0, 1.5, float("nan")],
    pa.bool_(): [True, False],
    pa.date32(): [date(2024, 1, 1), date(1969, 1, 1)],
    pa.decimal128(9, 2): [Decimal("1.10"), Decimal("2.00")],
}

VALUES = st.sampled_from(sorted(TYPES, key=str)).flatmap(
    lambda kind: st.lists(st.none() | st.sampled_from(TYPES[kind]), min_size=1, max_size=30).map(
        lambda values: pa.array(values, kind)
    )
)


@given(VALUES, VALUES)
def test_equal_rows_have_equal_hashes_and_others_do_not(one, other):
    """For values of any type; null and NaN are not compared, and both zeros are one number."""
    columns = {"a": one, "b": other}
    rows = min(map(len, columns.values()))
    columns = {name: values.slice(0, rows) for name, values in columns.items()}
    hashes, compared = Uniqueness("", ("a", "b")).hashes(columns, {})
    values = list(zip(*(one.to_pylist() for one in columns.values()), strict=True))
    for row, value in enumerate(values):
        assert compared[row] == all(part is not None and part == part for part in value)
        for before in np.flatnonzero(compared[:row]):
            if compared[row]:
                assert (hashes[row] == hashes[before]) == (value == values[before])


def test_the_order_of_columns_counts():
    """A combination is no set; two equal values are no special one."""
    a, b = pa.array([1, 2, 1, 2, 3]), pa.array([2, 1, 1, 2, 3])
    hashes, _ = Uniqueness("", ("a", "b")).hashes({"a": a, "b": b}, {})
    assert len(set(hashes.tolist())) == 5


def test_a_type_that_is_not_compared_is_refused():
    """It says what the column holds."""
    lists = pa.array([[1], [2]])
    with pytest.raises(Unfit, match="'a' holds list<item: int64>"):
        Uniqueness("", ("a",)).hashes({"a": lists}, {})


@given(st.lists(st.lists(st.integers(0, 50), max_size=40), max_size=12))
def test_what_was_added_is_there_and_nothing_else(batches):
    """In batches of any sizes."""
    seen, there = Seen(), list[int]()
    everything = np.arange(51, dtype=np.uint64)
    for batch in batches:
        seen.add(np.array(batch, dtype=np.uint64))
        there += batch
        assert seen.has(everything).tolist() == [one in there for one in range(51)]
    assert len(seen) == len(there)
    assert sorted(seen.all().tolist()) == sorted(there)


def test_the_first_of_equal_hashes_stays():
    """Wherever the others stand."""
    hashes = np.array([7, 3, 7, 3, 5], dtype=np.uint64)
    assert first_ones(hashes).tolist() == [True, True, False, False, True]
