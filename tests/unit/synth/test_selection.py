"""Rows are selected by rules and conditions: each one keeps them, in any number of parts."""

from __future__ import annotations

import pickle
import re
from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.core.errors import InputError
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.choosing import MIN_CELLS
from datagen_nb.synth.fitting import fit
from datagen_nb.synth.rules import Unfit
from datagen_nb.synth.selection import MANY, Selection, Shares

ROWS = 1_200
PART = 300


def orders() -> pa.Table:
    random = np.random.default_rng(1)
    customer = np.sort(random.integers(0, 150, ROWS))
    quantity = random.integers(1, 9, ROWS)
    days = random.integers(0, 300, ROWS)
    return pa.table(
        {
            "order": [f"ORD-{row * 7:06d}" for row in range(ROWS)],
            "customer": [f"C{one:05d}" for one in customer],
            "city": pa.array(np.array(["Rome", "Oslo", "Bern"])[customer % 3]).dictionary_encode(),
            "mail": [None if row % 5 == 0 else f"u{row}@x.com" for row in range(ROWS)],
            "quantity": quantity,
            "price": [f"${price:,.2f}" for price in random.gamma(2, 900, ROWS)],
            "at": [f"{1 + day % 28:02d}.{1 + day // 28:02d}.2024" for day in days],
            "double": quantity * 2.0,
            "note": [None if row % 3 else "x" for row in range(ROWS)],
            "grade": random.choice(["A", "B", "C"], ROWS, p=[0.9, 0.07, 0.03]),
            "empty": pa.nulls(ROWS, pa.string()),
        }
    )


@pytest.fixture(scope="module")
def table():
    return orders()


@pytest.fixture(scope="module")
def model(table):
    return fit(table, seed=3)


@pytest.fixture(scope="module")
def flat(table):
    """A model of the same table without keys that repeat."""
    return fit(table.drop_columns(["customer", "city", "order"]), seed=3)


def selected(model, selection, *, rows=PART, parts=2):
    return pa.concat_tables(
        model.select(part, rows, offset=part * rows, selection=selection).table
        for part in range(parts)
    )


def price(row):
    return float(row["price"].replace("$", "").replace(",", ""))


RULES = {
    "quantity >= 3": lambda row: row["quantity"] >= 3,
    "quantity between 2 and 6": lambda row: 2 <= row["quantity"] <= 6,
    "price > 500": lambda row: price(row) > 500,
    "price > quantity * 100": lambda row: price(row) > row["quantity"] * 100,
    "double != 8": lambda row: row["double"] != 8,
    'at >= on("2024-03-01")': lambda row: row["at"][3:5] >= "03",
    'at matches "[0-9]{2}[.].*"': lambda row: re.fullmatch(r"\d\d\..*", row["at"]),
    "city in (Rome, Bern)": lambda row: row["city"] in ("Rome", "Bern"),
    'grade not matches "C"': lambda row: row["grade"] != "C",
    "mail is not null": lambda row: row["mail"] is not None,
    "order is not null": lambda row: row["order"] is not None,
    "note is not null": lambda row: row["note"] is not None,
}


@settings(max_examples=25, deadline=None)
@given(st.sets(st.sampled_from(sorted(RULES)), min_size=1, max_size=5), st.integers(1, 400))
def test_every_row_keeps_any_mix_of_rules(model, texts, rows):
    """As many rows as are asked for, and all that holds between them holds still."""
    made = selected(model, Selection.of(sorted(texts)), rows=rows)

    assert made.schema == model.schema
    assert made.num_rows == 2 * rows
    for row in made.to_pylist():
        assert all(RULES[text](row) for text in texts)
        assert row["double"] == row["quantity"] * 2
    assert len(set(made["order"].to_pylist())) == made.num_rows
    cities = defaultdict(set)
    for row in made.select(["customer", "city"]).to_pylist():
        cities[row["customer"]].add(row["city"])
    assert {len(found) for found in cities.values()} == {1}


def test_rows_of_the_input_are_judged_alike(table, model):
    """What is warned of is the share of rows that break a rule."""
    rows = table.to_pylist()
    for text, keeps in RULES.items():
        broken = np.mean([not keeps(row) for row in rows])
        found = Selection.of([text]).check(plain_table(table), model.codecs, model.makers)
        expected = [pytest.approx(100 * broken, abs=0.501)] if broken > MANY else []
        assert [float(warning.split("%")[0]) for warning in found] == expected


def test_a_part_is_a_function_of_its_number(model):
    """However often, in whatever process: a selection can be pickled."""
    selection = Selection.of(["quantity >= 5", "price > 800"], {"grade": {"B": 0.3}})
    once = model.select(3, PART, offset=3 * PART, selection=selection)
    again = (
        type(model)
        .from_bytes(model.to_bytes())
        .select(3, PART, offset=3 * PART, selection=pickle.loads(pickle.dumps(selection)))
    )
    other = model.select(4, PART, offset=4 * PART, selection=selection)

    assert once.table.equals(again.table)
    assert once.drawn == again.drawn > PART
    assert not once.table["price"].equals(other.table["price"])


def test_rows_that_all_keep_the_rules_are_those_without(model):
    """Nothing is drawn again, and no byte changes."""
    made = model.select(1, PART, offset=PART, selection=Selection.of(["quantity >= 0"]))
    assert made.drawn == PART
    assert made.table.equals(model.generate(1, PART, offset=PART))


def test_a_part_of_no_rows_is_empty(model):
    """Nothing to select among."""
    selection = Selection.of(["quantity >= 5"], {"grade": {"B": 1.0}})
    assert model.select(0, 0, offset=0, selection=selection).table.num_rows == 0


@pytest.mark.parametrize("which", ["model", "flat"])
@pytest.mark.parametrize(
    "shares", [{"B": 0.5, "A": 0.5}, {"C": 0.3}, {"A": 0.1, "B": 0.2}, {"B": 1}]
)
def test_values_are_shared_out_as_asked(request, which, shares):
    """In every part, to a row or two; what is left to 1 has other values."""
    fitted = request.getfixturevalue(which)
    selection = Selection.of(["quantity >= 2"], {"grade": shares})
    for part in range(2):
        made = fitted.select(part, 1_000, offset=part * 1_000, selection=selection).table
        counts = Counter(made["grade"].to_pylist())
        for level, share in shares.items():
            assert counts[level] == pytest.approx(1_000 * share, abs=3)
        assert min(made["quantity"].to_pylist()) >= 2


def test_shares_are_spread_over_the_rows(flat):
    """No part of the result has the rare ones at its end."""
    made = flat.select(0, 1_000, offset=0, selection=Selection.of([], {"grade": {"C": 0.5}}))
    first = made.table["grade"].slice(0, 100).to_pylist()
    assert first.count("C") == pytest.approx(50, abs=3)


def test_a_value_that_is_given_is_that_of_all_rows(model):
    """Of several columns, by what is written in them."""
    selection = Selection.of([], {"grade": "B", "quantity": 4, "city": "Oslo"})
    made = selected(model, selection, rows=20)
    assert made.group_by(["grade", "quantity", "city"]).aggregate([]).to_pylist() == [
        {"grade": "B", "quantity": 4, "city": "Oslo"}
    ]


@pytest.mark.parametrize(
    ("rules", "condition", "code", "message"),
    [
        (["quantity > 100"], {}, "unmet_rule", r"0 keep all .* 0 %, keep 'quantity > 100'"),
        (["quantity > 4", "quantity < 4"], {}, "unmet_rule", "0 keep all"),
        (["double > quantity * 3"], {"grade": "A"}, "unmet_rule", "keep 'double > "),
        ([], {"grade": "C", "quantity": 3, "note": "x"}, "unmet_condition", "keep 'grade = C'"),
    ],
)
def test_what_cannot_be_met_ends_with_its_name_and_share(model, rules, condition, code, message):
    """After a bounded number of draws."""
    with pytest.raises(InputError, match=message) as caught:
        model.select(0, 1_000, offset=0, selection=Selection.of(rules, condition))
    assert caught.value.code == code
    assert caught.value.details["drawn"] <= MIN_CELLS
    assert caught.value.details["share"] < 0.6
    assert caught.value.details["retryHelps"] is False


@pytest.mark.parametrize(
    ("rules", "condition", "code", "message"),
    [
        (['order matches "ORD.*"'], {}, "unfit_rule", "the values of 'order' are made anew"),
        (["city > 1"], {}, "unfit_rule", "'city' holds no numbers or dates"),
        (["empty is not null"], {}, "unfit_rule", "holds only nulls"),
        ([], {"mail": "u1@x.com"}, "unfit_condition", "made anew"),
        ([], {"quantity": "many"}, "unfit_condition", "'many' is none"),
        ([], {"city": "Olso"}, "unknown_level", "Did you mean Oslo"),
        ([], {"grade": {"D": 0.5}}, "unknown_level", "Known are"),
        ([], {"quantity": 77}, "unknown_level", "'77'"),
    ],
)
def test_what_is_not_for_the_table_is_refused(model, table, rules, condition, code, message):
    """Before a row is drawn; what is wrong, where, and what to do."""
    selection = Selection.of(rules, condition)
    with pytest.raises(InputError, match=message) as caught:
        selection.check(plain_table(table), model.codecs, model.makers)
    assert caught.value.code == code
    assert caught.value.details["remedy"]


def test_a_rule_that_the_input_breaks_is_warned_of(model, table):
    """With the share of its rows."""
    selection = Selection.of(["quantity > 4", "quantity > 0"], {"grade": "B"})
    [warning] = selection.check(plain_table(table), model.codecs, model.makers)
    assert re.match(r"4\d% of the input's rows break the rule 'quantity > 4'", warning)


@pytest.mark.parametrize(
    ("rules", "condition", "message"),
    [
        (['a matches "("'], {}, "RE2 does not read its pattern"),
        ([], {"a": {"x": 0.7, "y": 0.4}}, "add up to at most 1"),
        ([], {"a": {"x": 0}}, "add up"),
        ([], {"a": {}}, "add up"),
        ([], {"a": {"x": 0.5}, "b": {"x": 0.5}}, "only one column"),
    ],
)
def test_what_is_no_selection_is_refused(rules, condition, message):
    """Before the table is read."""
    with pytest.raises(Unfit, match=message):
        Selection.of(rules, condition)


@given(
    st.lists(st.floats(0.01, 1), min_size=1, max_size=5),
    st.floats(0.1, 1),
    st.integers(0, 10**9),
    st.integers(0, 2_000),
)
def test_shares_hold_for_any_rows(weights, total, offset, rows):
    """Wherever a part begins, each class has its share of the rows, to a few."""
    shares = [total * weight / sum(weights) for weight in weights]
    found = Shares("a", tuple(map(str, range(len(shares)))), tuple(shares))
    classes = found.wanted(rows, offset)
    counts = np.bincount(classes, minlength=len(shares) + 1)
    assert len(classes) == rows
    for count, share in zip(counts, [1 - sum(shares), *shares], strict=True):
        assert abs(count - share * rows) < 6
