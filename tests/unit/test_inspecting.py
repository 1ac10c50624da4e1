"""What is reported of a table's columns, for each kind, odd values, wide and hostile tables."""

import datetime as dt
import decimal

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datagen_nb.core.inspection import MAX_BARS, MAX_COLUMNS, MAX_SAMPLED, UNSUPPORTED
from datagen_nb.pipelines.inspection.columns import inspected
from datagen_nb.pipelines.spread import Spread


def seen(columns, rows=None):
    table = pa.table(columns)
    rows = rows or table.num_rows
    return inspected(Spread(table, rows, exact=True, from_all_over=False, size=1))


def one(values, type=None):
    (column,) = seen({"x": pa.array(values, type)}).columns
    return column


@pytest.mark.parametrize(
    ("values", "type", "kind"),
    [
        ([1, 5, 2, 5, None], pa.int8(), "numeric"),
        ([1.5, 2.5, 9.0], pa.float32(), "numeric"),
        ([decimal.Decimal("1.10"), decimal.Decimal("2.20")], None, "numeric"),
        ([dt.date(2026, 1, 1), dt.date(2026, 3, 1)], None, "datetime"),
        ([dt.time(8), dt.time(9, 30)], pa.time32("s"), "datetime"),
        ([dt.timedelta(1), dt.timedelta(3)], None, "datetime"),
        ([dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(1600, 1, 1, tzinfo=dt.UTC)],
         pa.timestamp("us", "Europe/Berlin"), "datetime"),
    ],
)  # fmt: skip
def test_ranges_hold_every_value_that_is_there(values, type, kind):
    """In their order, the missing ones left out."""
    column = one(values, type)

    assert column.kind == kind
    assert len(column.bars) == MAX_BARS
    assert sum(bar.count for bar in column.bars) == sum(value is not None for value in values)
    assert column.nulls == sum(value is None for value in values)
    assert column.others == 0


def test_a_range_of_instants_is_given_in_instants():
    """Not in the microseconds that they are kept as."""
    days = [dt.date(2026, 1, 1), dt.date(2026, 1, 21)]

    instants = pa.array(days).cast(pa.timestamp("s"))

    assert one(days).bars[0].label == "2026-01-01 to 2026-01-02"
    assert one(instants).bars[0].label == "2026-01-01 00:00:00 to 2026-01-02 00:00:00"


def test_the_most_frequent_values_come_first_and_the_rest_is_counted():
    """Ten bars at most."""
    column = one([f"v{n}" for n in range(15) for _ in range(20 - n)])

    assert [bar.label for bar in column.bars] == [f"v{n}" for n in range(10)]
    assert [bar.count for bar in column.bars] == list(range(20, 10, -1))
    assert column.others == sum(range(6, 11))
    assert column.distinct == 15


def test_what_differs_in_every_row_has_no_bars():
    """Identifiers and texts."""
    names = one([f"{n:05}-x" for n in range(500)])

    assert (names.kind, names.distinct, names.bars) == ("id", 500, ())


@pytest.mark.parametrize(
    "values", [[float("inf"), -float("inf"), 1.0, 2.0], [float("nan"), 1.0], [1.7e308, -1.7e308]]
)
def test_numbers_without_end_break_nothing(values):
    """What has no place on an axis has no bar."""
    column = one(values)

    assert sum(bar.count for bar in column.bars) + column.others <= len(values)


def test_a_column_that_cannot_be_fitted_is_reported_beside_the_others():
    """The table is shown all the same, and the note says what to do."""
    found = seen({"a": [1, 2], "nested": [[1], [2]]})

    assert [column.kind for column in found.columns] == ["numeric", UNSUPPORTED]
    assert "nested" in found.notes[0]
    assert "Drop it" in found.notes[0]
    assert found.sample == ((1, "[1]"), (2, "[2]"))


def test_a_wide_table_and_long_values_stay_small():
    """The answer is bounded, and says what it leaves out."""
    found = seen({f"c{n}": ["x" * 10_000, None] for n in range(MAX_COLUMNS + 7)}, rows=10)

    assert len(found.columns) == MAX_COLUMNS
    assert "2,007" in found.notes[0]
    assert found.notes[1] == "Judged by 2 of its first rows."
    assert len(found.sample[0]) == MAX_SAMPLED
    assert len(found.to_json()) < 1_000_000
    assert found.sample[0][0].endswith("x…")


@given(
    st.lists(
        st.one_of(st.none(), st.floats(), st.integers(-(2**53), 2**53).map(float)),
        min_size=1,
        max_size=60,
    )
)
@example([2.0**48])
@example([2.0**48, 2.0**48 + 0.0625])
@example([0.0, 5e-324])
def test_no_value_is_counted_twice(values):
    """Bars, others and missing are all the rows, or there are no bars."""
    column = one(values, pa.float64())

    reported = sum(bar.count for bar in column.bars) + column.others + column.nulls
    assert reported == len(values) or not column.bars
