"""Keys are found by what depends on them, and rows are handed out as in the input."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.synth import keys


def shop(customers=300, rows=2_000, seed=1):
    """Codes of a table of orders: customer, e-mail, city, order, line, amount."""
    random = np.random.default_rng(seed)
    order_of_row = np.sort(random.integers(0, rows // 2, rows))
    customer_of_order = random.integers(0, customers, rows // 2)
    city_of_customer = random.integers(0, 7, customers)
    customer = customer_of_order[order_of_row]
    return {
        "customer": customer,
        "mail": random.permutation(customers)[customer],
        "order": order_of_row,
        "city": city_of_customer[customer],
        "amount": random.integers(0, 50, rows),
    }


def names(group):
    return [(level.key, set(level.columns)) for level in group.levels]


def test_what_depends_on_a_key_goes_to_its_level():
    """A customer has a mail and a city; an order belongs to one customer; amounts are the rows'."""
    table = shop()
    identifying = {name: table[name] for name in ("order", "mail", "customer")}

    [group] = keys.find(identifying, table)

    assert names(group)[0][0] in {"mail", "customer"}
    assert names(group)[0][1] == {"mail", "customer", "city"}
    assert names(group)[1] == ("order", {"order"})
    assert group.levels[1].together
    assert not group.levels[0].together


def test_an_entity_that_is_named_comes_first():
    """Also where another key would be found."""
    table = shop()
    groups = keys.find({"order": table["order"]}, table, entity="order")
    assert groups[0].levels[-1].key == "order"


def test_two_keys_that_know_nothing_of_each_other_are_two_groups():
    """A sender and a receiver."""
    random = np.random.default_rng(3)
    table = {name: random.integers(0, 200, 2_000) for name in ("sender", "receiver")}
    assert len(keys.find(table, table)) == 2


def test_a_column_that_hardly_varies_does_not_depend():
    """It agrees in the rows of an entity whether it depends or not."""
    random = np.random.default_rng(3)
    key = random.integers(0, 500, 1_000)
    assert not keys.depends((random.random(1_000) < 0.004).astype(np.int64), on=key)


def test_a_column_depends_with_a_few_exceptions():
    """Data have errors."""
    random = np.random.default_rng(3)
    key = random.integers(0, 500, 5_000)
    city = (key * 7 % 31).copy()
    city[:3] += 1
    assert keys.depends(city, on=key)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(0, 500), st.booleans())
def test_every_row_has_an_entity(sizes, rows, together):
    """No entity is empty, all rows are handed out, in sizes that the input has."""
    level = keys.Level("k", ("k",), np.array(sizes), together)

    members = keys.draw_members(level, rows, np.random.default_rng(1))

    assert len(members.of) == rows
    found = np.bincount(members.of, minlength=members.count)
    assert found.tolist() == members.sizes.tolist()
    assert (found > 0).all()
    assert set(found[:-1].tolist()) <= set(sizes)


def test_rows_without_a_key_are_entities_by_themselves():
    """Guests who have no customer number are not one guest."""
    assert len(set(keys.entities_of(np.array([-1, 0, -1, 0, 1])).tolist())) == 4
