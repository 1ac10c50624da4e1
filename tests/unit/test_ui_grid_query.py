"""What is chosen in ipydatagrid's menus selects rows by the type of their column."""

import datetime as d
from decimal import Decimal

import pyarrow as pa
import pytest

from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.query import QueryError
from datagen_nb.ui.grid_query import in_words, query_of

AT = d.datetime(2026, 3, 1, 8, 30, 0, 125, d.UTC)
NOON = d.datetime(2026, 3, 1, 12)  # noqa: DTZ001  a clock without a zone
FLOATS = pa.array([0.5, float("nan"), None, 0.1])


def keep(column, operator, value=None):
    return {"type": "filter", "column": column, "operator": operator, "value": value}


def sort(column, *, desc=False):
    return {"type": "sort", "column": column, "desc": desc}


def selected(table, *transforms):
    """Numbers of the rows that are selected, in their order."""
    engine = Engine(table)
    try:
        names = [f"c{place}" for place in range(table.num_columns)]
        return engine.select(query_of(transforms, names)).whole().tolist()
    finally:
        engine.close()


def kept(column, operator, value):
    table = pa.table({"c": column})
    rows = pa.array(selected(table, keep("c0", operator, value)), pa.int64())
    return table.take(rows).column(0).to_pylist()


@pytest.mark.parametrize(
    ("column", "operator", "value", "found"),
    [
        (pa.array([2**53, 2**53 + 1, None]), ">", str(2**53), [2**53 + 1]),
        (pa.array([5, 6, 10]), ">", "5.5", [6, 10]),
        (pa.array([2, 10]), "<", " 10 ", [2]),
        (pa.array([7, None]), "!=", "8", [7]),
        (pa.array([1, 5], pa.uint64()), ">", "-1", [1, 5]),
        (pa.array([Decimal("1.10"), Decimal("2.00")]), "=", "1.1", [Decimal("1.10")]),
        (pa.array([1, 2, 3]), "between", ["2", "3"], [2, 3]),
        (pa.array(["a.c", "abc"]), "contains", "A.", ["a.c"]),
        (pa.array(["a.c", "abc", None]), "!contains", ".", ["abc"]),
        (pa.array(["ab", "ba"]), "startswith", "a", ["ab"]),
        (pa.array(["ab", "ba"]), "endswith", "a", ["ba"]),
        (pa.array([120, 12, 3, None]), "startswith", "12", [120, 12]),
        (pa.array([NOON.date()]), "contains", "-03-", [NOON.date()]),
        (pa.array(["a", None, "null"]), "in", ["null"], ["null"]),
        (pa.array(["a", None]), "in", [None], [None]),
        (pa.array(["a", None]), "empty", None, [None]),
        (pa.array(["a", None]), "notempty", None, ["a"]),
        (pa.array([True, False]), "=", "true", [True]),
        (pa.array([NOON]), ">", "2026-03-01", [NOON]),
        (pa.array([NOON]), ">", "2026-03-01 12:00", []),
    ],
)
def test_a_filter_keeps_what_fits(column, operator, value, found):
    """Numbers as numbers, times as times, words as words; a missing value fits nothing else."""
    assert kept(column, operator, value) == found


def test_a_zoned_filter_means_the_zone_of_its_column():
    """What is typed without an offset is a clock of the column's zone."""
    column = pa.array([AT], pa.timestamp("us", "Europe/Berlin"))
    assert len(kept(column, ">", "2026-03-01 09:30:00")) == 1
    assert kept(column, ">", "2026-03-01 09:31:00") == []
    assert len(kept(column, ">", "2026-03-01T08:30:00Z")) == 1


@pytest.mark.parametrize(
    ("operator", "value", "match"),
    [
        (">", "soon", "is not a number"),
        (">", "", "is not a number"),
        ("in", ["1"] * 1_001, "at most 1000 items"),
        ("near", "1", "no operator 'near'"),
    ],
)
def test_a_filter_that_does_not_fit_says_so(operator, value, match):
    """The typed text is named; nothing is shown instead."""
    with pytest.raises(QueryError, match=match):
        kept(pa.array([1]), operator, value)


@pytest.mark.parametrize(
    ("column", "descending", "order"),
    [
        (pa.array([3, None, 10, 3]), False, [0, 3, 2, 1]),
        (pa.array([3, None, 10, 3]), True, [2, 0, 3, 1]),
        (FLOATS, False, [3, 0, 1, 2]),
        (pa.array(["b", "a", "b"]).dictionary_encode(), False, [1, 0, 2]),
        (pa.array([True, False]), False, [1, 0]),
        (pa.array([[2], [1], None]), False, [1, 0, 2]),
    ],
)
def test_sorting_orders_values_and_leaves_the_missing_last(column, descending, order):
    """Equal rows stay in their order, whichever the direction."""
    assert selected(pa.table({"c": column}), sort("c0", desc=descending)) == order


def test_filters_and_sorts_go_together():
    """Every filter holds; the first sort counts most; row numbers are no column."""
    table = pa.table({"a": [1, 2, 2, 3], "b": ["x", "y", "x", "x"]})
    chosen = [keep("c0", "<", "3"), sort("c1"), sort("c0", desc=True), sort("#")]
    assert selected(table, *chosen) == [2, 0, 1]
    assert (
        in_words(chosen, ["c0", "c1"], ["a", "b"]) == "sorted by b ↑ · sorted by a ↓ · where a < 3"
    )


@pytest.mark.parametrize(
    ("operator", "value", "words"),
    [
        ("=", "5", "where n is 5"),
        ("in", ["1", None, "3", "4", "5"], "where n is 1 or null or 3 or 2 more"),
        ("between", ["1", "9"], "where n between 1 and 9"),
        ("notempty", None, "where n is not null"),
        (">", "9" * 99, f"where n > {'9' * 40}"),
    ],
)
def test_words_say_which_condition_filters(operator, value, words):
    """As it would be read aloud, and never at length."""
    assert in_words([keep("c0", operator, value)], ["c0"], ["n"]) == words
