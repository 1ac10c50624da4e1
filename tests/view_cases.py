"""Queries of views with the rows that each selects, for every engine and for code."""

import datetime as d
from decimal import Decimal

import pyarrow as pa

from datagen_nb.tables.view.query import (
    And,
    Compare,
    IsNull,
    Not,
    OneOf,
    Or,
    Query,
    Range,
    Sort,
    Text,
)


class TableSource:
    """A table as a source of rows that are stored before they are queried."""

    def __init__(self, table):
        self._table = table
        self.schema = table.schema
        self.num_rows = table.num_rows

    def read(self, start, stop):
        start = min(max(start, 0), self.num_rows)
        return self._table.slice(start, max(min(stop, self.num_rows) - start, 0))


NAN = float("nan")
TABLE = pa.table(
    {
        "n": pa.array([2**53, 5, None, 2**53 + 1, 5, -7]),
        "x": pa.array([0.5, NAN, None, -1.5, 2.0, 0.5]),
        "s": pa.array(["a.c", "Über", None, "", "A.b'c", "null"]),
        "day": pa.array([d.date(2026, 3, i) for i in range(1, 6)] + [None]),
        "at": pa.array(
            [d.datetime(2026, 3, 1, 8, 30, 0, i, d.UTC) for i in range(5)] + [None],
            pa.timestamp("us", "Europe/Berlin"),
        ),
        "yes": pa.array([True, False, None, True, False, True]),
        "money": pa.array([Decimal("1.10"), Decimal("2.00"), None, Decimal("-3.50"), None, None]),
    }
)


def where(condition) -> Query:
    return Query(filter=condition)


def order(*sorts: Sort, filter=None) -> Query:
    return Query(sorts=sorts, filter=filter)


CASES = {
    "all": (Query(), [0, 1, 2, 3, 4, 5]),
    "above 2**53": (where(Compare(column="n", operator=">", value=str(2**53))), [3]),
    "unequal drops missing": (where(Compare(column="n", operator="!=", value="5")), [0, 3, 5]),
    "text equal": (where(Compare(column="s", operator="=", value="A.b'c")), [4]),
    "bool": (where(Compare(column="yes", operator="=", value="true")), [0, 3, 5]),
    "date": (where(Compare(column="day", operator=">=", value="2026-03-04")), [3, 4]),
    "decimal": (where(Compare(column="money", operator="=", value="1.1")), [0]),
    "zoned": (
        where(Compare(column="at", operator=">", value="2026-03-01 09:30:00.000002+01:00")),
        [3, 4],
    ),
    "clock of the zone": (
        where(Compare(column="at", operator="<", value="2026-03-01 09:30:00.000002")),
        [0, 1],
    ),
    "range": (where(Range(column="n", low="-7", high="5")), [1, 4, 5]),
    "half open": (where(Range(column="n", low="-7", high="5", includes_high=False)), [5]),
    "NaN is above nothing": (where(Compare(column="x", operator=">", value="1")), [4]),
    "NaN is in no open range": (where(Range(column="x", low="0.5")), [0, 4, 5]),
    "open": (where(Range(column="x", high="0.5")), [0, 3, 5]),
    "set": (where(OneOf(column="s", values=("null", "Über"))), [1, 5]),
    "set with missing": (where(OneOf(column="s", values=("null", None))), [2, 5]),
    "missing only": (where(OneOf(column="n", values=(None,))), [2]),
    "nothing": (where(OneOf(column="n", values=())), []),
    "numbers": (where(OneOf(column="n", values=("5", str(2**53 + 1)))), [1, 3, 4]),
    "contains": (where(Text(column="s", operator="contains", value=".")), [0, 4]),
    "contains any case": (
        where(Text(column="s", operator="contains", value="ÜB", ignore_case=True)),
        [1],
    ),
    "starts": (where(Text(column="s", operator="starts_with", value="A")), [4]),
    "starts any case": (
        where(Text(column="s", operator="starts_with", value="A", ignore_case=True)),
        [0, 4],
    ),
    "ends": (where(Text(column="s", operator="ends_with", value="c")), [0, 4]),
    "matches": (where(Text(column="s", operator="matches", value=r"^.\.[bc]")), [0, 4]),
    "matches any case": (
        where(Text(column="s", operator="matches", value="^N", ignore_case=True)),
        [5],
    ),
    "is null": (where(IsNull(column="s")), [2]),
    "not null": (where(Not(condition=IsNull(column="s"))), [0, 1, 3, 4, 5]),
    "not contains": (
        where(Not(condition=Text(column="s", operator="contains", value="."))),
        [1, 3, 5],
    ),
    "not in": (where(Not(condition=OneOf(column="s", values=("null",)))), [0, 1, 3, 4]),
    "not in with missing": (
        where(Not(condition=OneOf(column="s", values=("null", None)))),
        [0, 1, 3, 4],
    ),
    "and": (
        where(
            And(
                conditions=(
                    Compare(column="n", operator=">", value="0"),
                    Compare(column="yes", operator="=", value="false"),
                )
            )
        ),
        [1, 4],
    ),
    "or": (
        where(
            Or(conditions=(IsNull(column="n"), Compare(column="x", operator="=", value="2"))),
        ),
        [2, 4],
    ),
    "sort": (order(Sort(column="n")), [5, 1, 4, 0, 3, 2]),
    "sort down is stable": (order(Sort(column="n", descending=True)), [3, 0, 1, 4, 5, 2]),
    "nulls first": (order(Sort(column="n", nulls="first")), [2, 5, 1, 4, 0, 3]),
    "words": (order(Sort(column="s")), [3, 4, 0, 5, 1, 2]),
    "two sorts": (
        order(Sort(column="yes", descending=True), Sort(column="n")),
        [5, 0, 3, 1, 4, 2],
    ),
    "days down": (order(Sort(column="day", descending=True)), [4, 3, 2, 1, 0, 5]),
    "filter and sort": (
        order(Sort(column="x"), filter=Compare(column="n", operator=">", value="0")),
        [3, 0, 4, 1],
    ),
    "search": (Query(search="C"), [0, 4]),
}

NOT_A_NUMBER = {
    "floats": (order(Sort(column="x")), [3, 0, 5, 4, 1, 2]),
    "floats down": (order(Sort(column="x", descending=True)), [4, 0, 5, 3, 1, 2]),
    "floats nulls first": (order(Sort(column="x", nulls="first")), [2, 1, 3, 0, 5, 4]),
}
"""NaN stands between values and null; pandas has one mark for both."""
