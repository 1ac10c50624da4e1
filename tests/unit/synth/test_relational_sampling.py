"""Some rows of several tables are rows of roots with all that belong to them."""

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.synth.relational import find_keys, sampling

RANDOM = np.random.default_rng(4)
OF = np.repeat(np.arange(1, 101), RANDOM.integers(0, 9, 100))
TABLES = {
    "customers": pa.table({"id": range(1, 101), "age": RANDOM.integers(18, 80, 100)}),
    "products": pa.table({"id": range(1, 31), "price": RANDOM.normal(size=30)}),
    "orders": pa.table(
        {
            "id": range(1, len(OF) + 1),
            "customer_id": OF,
            "product_id": RANDOM.integers(1, 31, len(OF)),
        }
    ),
}
KEYS = find_keys(TABLES)


def customers_of(tables):
    return set(tables["orders"]["customer_id"].to_pylist())


def test_no_table_has_more_rows_than_the_limit():
    """And those that are there have all that belong to them."""
    few = sampling.reduced(TABLES, KEYS, 80, seed=1)
    assert {name: table.num_rows <= 80 for name, table in few.items()} == dict.fromkeys(few, True)
    assert few["orders"].num_rows > 40
    kept = set(few["customers"]["id"].to_pylist())
    assert customers_of(few) <= kept
    for number in kept:
        assert few["orders"]["customer_id"].to_pylist().count(number) == (number == OF).sum()
    assert few["products"].equals(TABLES["products"])
    assert sampling.reduced(TABLES, KEYS, 80, seed=2)["customers"] != few["customers"]


def test_small_tables_stay_whole():
    """In their order."""
    assert sampling.reduced(TABLES, KEYS, 10_000, seed=1) == TABLES


def test_one_row_with_too_many_rows_of_its_own_keeps_some():
    """There is nothing else to leave out."""
    tables = {
        "a": pa.table({"id": [1, 2, 3]}),
        "b": pa.table({"a_id": [1] * 500 + [2, 3], "x": range(502)}),
    }
    assert sampling.reduced(tables, find_keys(tables), 100, seed=0)["b"].num_rows <= 100


def test_what_belongs_together_is_held_back_together():
    """What others refer to is not: there would be nothing to refer to."""
    training, held_back = sampling.split(TABLES, KEYS, seed=1)
    assert held_back["customers"].num_rows == 20
    assert not customers_of(training) & customers_of(held_back)
    for name in ("customers", "orders"):
        assert training[name].num_rows + held_back[name].num_rows == TABLES[name].num_rows
    assert training["products"].equals(TABLES["products"])
    assert not held_back["products"].num_rows


def test_rows_that_belong_to_none_are_sampled_alike():
    """In the share of those that belong to some, and fitted to when some are held back."""
    nulls = pa.array([None] * 1_000, pa.int64())
    orders = pa.table({"customer_id": nulls, "x": range(1_000)})
    tables = {"customers": TABLES["customers"], "orders": orders}
    keys = [key for key in KEYS if key.parent == "customers"]
    assert sampling.reduced(tables, keys, 500, seed=1)["orders"].num_rows == pytest.approx(
        450, abs=60
    )
    training, held_back = sampling.split(tables, keys, seed=1)
    assert training["orders"].num_rows == 800
    assert not held_back["orders"].num_rows
