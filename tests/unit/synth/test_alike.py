"""Rows that belong together are alike, or not, and stay so."""

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.synth import alike
from datagen_nb.synth.relational import Division, find_keys, fit
from datagen_nb.synth.stage import Given


def test_independent_values_are_not_alike():
    """Twenty draws, of which none is taken for alike."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        of = random.integers(0, 200, 900)
        assert not alike.is_alike(random.normal(size=900), of)


def test_values_of_a_level_of_their_own_are_alike():
    """Whatever their scale is; a constant is not."""
    random = np.random.default_rng(1)
    of = random.integers(0, 200, 900)
    assert alike.is_alike(1e6 * (random.normal(size=200)[of] + random.normal(size=900)), of)
    assert not alike.is_alike(np.ones(900), of)


def test_few_groups_say_nothing():
    """Also one row each."""
    assert not alike.is_alike(np.arange(100.0), np.arange(100) // 50)
    assert not alike.is_alike(np.arange(100.0), np.arange(100))


def test_what_is_known_of_a_group_explains_likeness():
    """By a number or a category; what is left is independent."""
    random = np.random.default_rng(3)
    of = random.integers(0, 200, 900)
    number, category = random.normal(size=200), random.integers(0, 4, 200)
    known = Given(np.column_stack([number, category]).astype(np.float32), (1,))
    amount = pa.table({"amount": (5 * number + 7 * (category == 2))[of] + random.normal(size=900)})
    assert not alike.means(amount, of, known)
    assert list(alike.means(amount, of, Given.nothing(200))) == [alike.MEAN + "amount"]


def likeness(tables):
    """The correlation of an order with another of the same customer."""
    frame = tables["orders"].to_pandas()
    groups = frame.groupby("customer_id").amount
    others = (groups.transform("sum") - frame.amount) / (groups.transform("size") - 1)
    many = groups.transform("size") > 1
    return np.corrcoef(frame.amount[many], others[many])[0, 1]


def test_made_rows_are_as_alike():
    """Customers spend much or little, which no column of theirs says."""
    random = np.random.default_rng(2)
    of = np.repeat(np.arange(400), random.integers(0, 8, 400))
    amount = (50 + 10 * random.normal(size=400)[of] + 10 * random.normal(size=len(of))).round(2)
    tables = {
        "customers": pa.table({"id": range(400), "age": random.integers(18, 80, 400)}),
        "orders": pa.table({"customer_id": of, "amount": amount}),
    }
    model = fit(tables, find_keys(tables))
    made = model.generate("customers", 0, {"customers": Division(400, 400)})
    assert likeness(tables) == pytest.approx(0.6, abs=0.1)
    assert likeness(made) == pytest.approx(likeness(tables), abs=0.2)
    assert not any("mean" in text for text in model.warnings)
