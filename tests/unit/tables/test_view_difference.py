"""How columns of two tables differ: what is missing, what is distinct, how far values are apart."""

import datetime as dt

import pyarrow as pa
import pytest

from datagen_nb.tables.view.difference import difference
from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.query import Compare, Query, QueryError

DAYS = [dt.date(2026, 1, 5) + dt.timedelta(days) for days in range(98)]  # 14 weeks
CASES = {
    "the same": ([1, 2, 3, 3], [3, 1, 3, 2], 0.0),
    "nothing in common": ([1, 2], [9, 9], 1.0),
    "half of the words": (["a", "b"], ["a", "c"], 0.5),
    "shares count, not rows": (["a", "b"], ["a", "b"] * 50, 0.0),
    "missing values are a value": ([1, None], [1, 1], 0.5),
    "NaN is not missing, and in no range": ([1.0, float("nan")], [1.0, 1.0], 0.5),
    "whole numbers and others": ([0, 10], [0.0, 10.0], 0.0),
    "days": (DAYS, DAYS[:49] * 2, 0.5),
    "truth": ([True, False], [True, True], 0.5),
    "all missing": (pa.nulls(2, pa.int64()), pa.nulls(3, pa.int64()), 0.0),
    "another type": ([1, 2], ["1", "2"], None),
    "lists": ([[1]], [[1]], None),
    "too many words": ([f"w{n}" for n in range(20_000)], ["w"], None),
    "no rows on one side": (pa.array([], pa.int64()), [1], None),
}


@pytest.fixture
def open_engine():
    opened = []

    def make(values, name="c"):
        opened.append(Engine(pa.table({"other": range(len(values)), name: values})))
        return opened[-1], opened[-1].whole

    yield make
    for engine in opened:
        engine.close()


@pytest.mark.parametrize("case", CASES)
def test_the_distance_is_the_share_of_rows_that_would_have_to_move(open_engine, case):
    """In both directions alike."""
    one, other, distance = CASES[case]
    tables = open_engine(one), open_engine(other)
    expected = None if distance is None else pytest.approx(distance)
    assert difference("c", tables).distance == expected
    assert difference("c", tables[::-1]).distance == expected


def test_missing_and_different_values_are_those_of_each_table(open_engine):
    """Shares of its own rows."""
    found = difference("c", [open_engine([1, None, 2, None]), open_engine([5] * 10)])
    assert (found.nulls, found.distinct) == ((0.5, 0.0), (2, 1))


def test_only_the_rows_of_the_views_count(open_engine):
    """As a filter of both leaves them."""
    tables = [open_engine([1, 2, 3]), open_engine([1, 3, 3])]
    query = Query(filter=Compare(column="c", operator=">", value="2"))
    views = [(engine, engine.select(query)) for engine, _ in tables]
    assert difference("c", views).distance == 0


def test_a_column_of_one_table_alone_is_not_compared(open_engine):
    """It is named."""
    with pytest.raises(QueryError, match="no column 'c'"):
        difference("c", [open_engine([1]), open_engine([1], name="d")])
