"""Keys between tables are found by names and values, or stated, and give an order."""

import pyarrow as pa
import pytest

from datagen_nb.core.errors import InputError
from datagen_nb.synth.relational.keys import (
    Key,
    find_keys,
    in_order,
    orphans_of,
    parse_keys,
    refers,
    rows_of,
)

CUSTOMERS = pa.table({"id": range(1, 101), "age": [20 + n % 50 for n in range(100)]})
ORDERS = pa.table(
    {
        "id": range(1, 301),
        "customer_id": [1 + n % 90 for n in range(300)],
        "quantity": [1 + n % 5 for n in range(300)],
    }
)
SHOP = {"customers": CUSTOMERS, "orders": ORDERS}


def found(tables):
    return [str(key) for key in find_keys(tables)]


def test_a_key_is_found_by_the_name_of_the_other_table():
    """Small numbers that are numbers of rows by chance are none, nor is the id of another table."""
    assert found(SHOP) == ["orders.customer_id -> customers.id"]


@pytest.mark.parametrize(
    ("column", "parent", "own", "expected"),
    [
        ("customer_id", "customers", "id", True),
        ("CustomerID", "customers", "id", True),
        ("billing_customer_id", "customers", "customer_id", True),
        ("category_id", "categories", "id", True),
        ("sku", "products", "sku", True),
        ("id", "customers", "id", False),
        ("order_id", "customers", "id", False),
        ("quantity", "customers", "id", False),
    ],
)
def test_a_name_says_what_it_refers_to(column, parent, own, expected):
    """The other table's column, or its name with a usual ending."""
    assert refers(column, parent, own) is expected


def test_texts_that_both_tables_have_are_a_key_whatever_its_name_is():
    """As account numbers; a category that few rows have is no evidence."""
    accounts = pa.table({"iban": [f"DE{n:08}" for n in range(50)], "town": ["York", "Bath"] * 25})
    bookings = pa.table({"sender": [f"DE{n % 40:08}" for n in range(200)], "sum": range(200)})
    assert found({"bookings": bookings, "accounts": accounts}) == [
        "bookings.sender -> accounts.iban"
    ]


def test_of_two_tables_with_a_row_each_the_first_is_the_one_that_is_belonged_to():
    """And not both of each other."""
    details = pa.table({"customer_id": range(1, 101), "size": range(100)})
    people = CUSTOMERS.rename_columns(["customer_id", "age"])
    assert found({"people": people, "details": details}) == [
        "details.customer_id -> people.customer_id"
    ]


def test_a_key_with_too_many_orphans_is_not_found():
    """One in a hundred is."""
    [key] = find_keys(SHOP)
    for customers, orphans, keys in ((89, 3, [str(key)]), (88, 6, [])):
        tables = SHOP | {"customers": CUSTOMERS.slice(0, customers)}
        assert orphans_of(key, tables) == orphans
        assert found(tables) == keys


def test_rows_are_found_across_types():
    """Whole numbers of floats, as pandas has a key with missing values."""
    orders = pa.table({"customer_id": pa.array([3.0, None, 1.0, 500.0])})
    key = Key("orders", "customer_id", "customers", "id")
    assert rows_of(key, SHOP | {"orders": orders}).to_pylist() == [2, None, 0, -1]


def test_stated_keys_are_read():
    """As they are written in messages."""
    [key] = parse_keys(["orders.customer_id->customers.id"], SHOP)
    assert key == Key("orders", "customer_id", "customers", "id")
    assert str(key) == "orders.customer_id -> customers.id"


@pytest.mark.parametrize(
    ("texts", "code", "says"),
    [
        (["orders.customer_id"], "unreadable_key", "Write each as"),
        (["orders.(a, b) -> customers.(c, d)"], "composite_key", "several columns"),
        (["orders.customer -> customers.id"], "unknown_column", "orders.customer_id"),
        (["order.customer_id -> customers.id"], "unknown_column", "orders.customer_id"),
        (["orders.quantity -> orders.id"], "cyclic_keys", "itself"),
        (["orders.customer_id -> customers.age"], "repeated_key", "value of its own"),
        (["customers.id -> orders.customer_id"], "repeated_key", "value of its own"),
        (["customers.age -> orders.id"] * 2, "ambiguous_key", "Leave one of them out"),
    ],
)
def test_a_key_that_cannot_be_is_refused(texts, code, says):
    """Each by a code of its own, with what to do."""
    with pytest.raises(InputError, match=says) as caught:
        parse_keys(texts, SHOP)
    assert caught.value.code == code


def test_orphans_of_a_stated_key_are_counted():
    """With both numbers."""
    few = SHOP | {"customers": CUSTOMERS.slice(0, 60)}
    with pytest.raises(InputError, match="90 of 300 rows") as caught:
        parse_keys(["orders.customer_id -> customers.id"], few)
    assert caught.value.code == "orphan_keys"
    assert caught.value.details["orphans"] == 90


def test_rows_belong_to_that_of_which_fewest_belong_to_one():
    """Lines to orders, not to products, whether keys are found or stated."""
    lines = pa.table(
        {"product_id": [n % 7 for n in range(200)], "order_id": [1 + n // 2 for n in range(200)]}
    )
    tables = SHOP | {"lines": lines, "products": pa.table({"id": range(7), "price": range(7)})}
    expected = ["lines.order_id -> orders.id", "lines.product_id -> products.id"]
    assert [text for text in found(tables) if text.startswith("lines")] == expected
    assert [str(key) for key in parse_keys(expected[::-1], tables)] == expected


def test_tables_follow_those_that_they_belong_to():
    """However they are given."""
    keys = [Key("lines", "order", "orders", "id"), Key("orders", "customer", "customers", "id")]
    assert in_order(["lines", "orders", "customers"], keys) == ("customers", "orders", "lines")


def test_a_circle_is_refused():
    """By the names of its tables."""
    keys = [Key("a", "x", "b", "id"), Key("b", "y", "c", "id"), Key("c", "z", "a", "id")]
    with pytest.raises(InputError, match="circle") as caught:
        in_order("abc", keys)
    assert caught.value.code == "cyclic_keys"
