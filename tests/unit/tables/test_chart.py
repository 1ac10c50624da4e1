"""Counts to be drawn: every row that has a value is at its place."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.tables.view.chart import count, specification
from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.query import Compare, Query, QueryError

UTC = datetime.UTC
TABLE = pa.table(
    {
        "n": [0, 1, 1, None, 39],
        "f": [0.0, float("nan"), 2.0, 4.0, 1.0],
        "word": ["a", "b", "b", "a", None],
        "day": pa.array([0, 31, 31, 59, None], pa.date32()),
        "at": pa.array(
            [datetime.datetime(2026, 3, 28, 23, 30, tzinfo=UTC)] * 2
            + [datetime.datetime(2026, 3, 29, 1, 30, tzinfo=UTC)] * 3,
            pa.timestamp("us", "Europe/Berlin"),
        ),
        "many": list("vwxyz"),
        "list": [[1]] * 5,
        "big": [2**62, 2**62, 0, 1, 2],
    }
)


@pytest.fixture
def opened():
    engines = []

    def open_(table=TABLE, query=None):
        engines.append(Engine(table))
        return engines[-1], (query or Query()).resolve(table.schema)

    yield open_
    for engine in engines:
        engine.close()


def flat(counts):
    return [sum(row) for row in counts.series[0]]


def test_numbers_are_counted_in_ranges(opened):
    """Nulls and NaN in none."""
    counts = count([opened()], "n", None)
    assert (counts.x.kind, counts.x.labels[0], counts.x.labels[-1]) == ("range", "0", "40")
    assert (flat(counts)[0], flat(counts)[-1], sum(flat(counts))) == (3, 1, 4)
    assert sum(flat(count([opened()], "f", None))) == 4
    assert sum(flat(count([opened()], "big", None))) == 5


def test_times_are_counted_by_a_unit_of_the_calendar_in_their_zone(opened):
    """Half past eleven in the evening in Greenwich is the next day in Berlin."""
    by_day = count([opened()], "day", None)
    assert (by_day.x.labels[0], by_day.x.labels[31], by_day.x.size) == (
        "1970-01-01",
        "1970-02-01",
        60,
    )
    assert [place for place, rows in enumerate(flat(by_day)) if rows] == [0, 31, 59]
    by_hour = count([opened()], "at", None)
    assert (by_hour.x.labels[0], by_hour.x.labels[-1]) == ("2026-03-29 00:00", "2026-03-29 03:00")
    assert flat(by_hour) == [2, 0, 0, 3]


def test_years_are_few_enough_however_many_there_are(opened):
    """From the first year to the last that a date may have."""
    ends = pa.array([datetime.date(1, 1, 1), datetime.date(9999, 12, 31)])
    counts = count([opened(pa.table({"day": ends}))], "day", None)
    assert counts.x.size == 1_000
    assert (flat(counts)[0], flat(counts)[-1]) == (1, 1)


def test_two_columns_are_a_heat_map(opened):
    """Rows that lack one of the values are in no place."""
    counts = count([opened()], "word", "n")
    assert (counts.x.labels, counts.y.size) == (("a", "b"), 20)
    assert [row[0] for row in counts.series[0]] == [1, 2]
    assert sum(flat(counts)) == 3


def test_the_rows_of_the_view_are_counted(opened):
    """As its filter keeps them."""
    query = Query(filter=Compare(column="n", operator="<", value="1"))
    assert flat(count([opened(query=query)], "word", None)) == [1]


def test_tables_beside_each_other_share_their_axes(opened):
    """Whatever each holds alone."""
    other = pa.table({"word": ["c", "a"], "n": [100, -5]})
    counts = count([opened(), opened(other)], "word", None)
    assert set(counts.x.labels) == {"a", "b", "c"}
    counts = count([opened(), opened(other)], "n", None)
    assert (counts.x.labels[0], counts.x.labels[-1]) == ("-10", "110")
    assert [sum(map(sum, series)) for series in counts.series] == [4, 2]


def test_values_beyond_the_most_frequent_are_counted_together(opened):
    """So that no row is lost."""
    table = pa.table({"word": [f"w{number % 30}" for number in range(300)]})
    counts = count([opened(table)], "word", None)
    assert (counts.x.size, counts.x.labels[-1], sum(flat(counts))) == (21, "others", 300)


@pytest.mark.parametrize("column", ["list", "absent"])
def test_what_cannot_be_counted_is_refused(opened, column):
    """With the column's name."""
    with pytest.raises(QueryError, match=column):
        count([opened()], column, None)


def test_an_empty_table_has_an_empty_chart(opened):
    """Of any type."""
    for type_ in (pa.int64(), pa.string(), pa.date32(), pa.float64()):
        engine_and_view = opened(pa.table({"n": pa.array([], type_)}))
        assert sum(flat(count([engine_and_view], "n", None))) == 0


def test_the_specification_holds_every_count(opened):
    """One table in rows, several in shares."""
    one = specification(count([opened()], "n", None), ["real"])
    assert sum(value["rows"] for value in one["data"]["values"]) == 4
    assert one["encoding"]["y"]["field"] == "rows"
    two = specification(count([opened(), opened()], "word", "n"), ["real", "made"])
    assert two["encoding"]["column"]["field"] == "table"
    shares = [value["share"] for value in two["data"]["values"] if value["table"] == "made"]
    assert np.isclose(sum(shares), 1)
