"""What is seen of a table: exact texts of every type, and frames whole."""

import datetime as d
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from datagen_nb.tables.cells import as_text
from datagen_nb.tables.frames import to_arrow

AT = d.datetime(2026, 3, 1, 8, 30, 0, 125, d.UTC)
NOON = d.datetime(2026, 3, 1, 12)  # noqa: DTZ001  a clock without a zone


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([2**53 + 1, -(2**63), None], pa.int64(), ["9007199254740993", f"-{2**63}", None]),
        ([2**64 - 1], pa.uint64(), ["18446744073709551615"]),
        ([Decimal("12345678901234567890.10")], pa.decimal128(38, 2), ["12345678901234567890.10"]),
        ([Decimal(100)], pa.decimal128(5, -2), ["100"]),
        ([0.1, float("nan"), float("-inf"), None], pa.float64(), ["0.1", "NaN", "-inf", None]),
        ([0.1], pa.float32(), ["0.1"]),
        ([AT], pa.timestamp("us", "Europe/Berlin"), ["2026-03-01 09:30:00.000125+01:00"]),
        ([AT], pa.timestamp("us", "UTC"), ["2026-03-01 08:30:00.000125Z"]),
        ([1], pa.timestamp("ns"), ["1970-01-01 00:00:00.000000001"]),
        ([NOON], pa.timestamp("us"), ["2026-03-01 12:00:00"]),
        ([AT], pa.timestamp("us", "Mars/Olympus"), ["2026-03-01 08:30:00.000125Z"]),
        ([d.date(2026, 3, 1)], pa.date32(), ["2026-03-01"]),
        ([d.time(9, 30, 0, 500_000)], pa.time64("us"), ["09:30:00.5"]),
        ([d.timedelta(seconds=-1.5)], pa.duration("us"), ["-1.5 s"]),
        ([[1, 2**60], [None]], pa.list_(pa.int64()), ["[1, 1152921504606846976]", "[null]"]),
        ([{"a": 1, "b": "ü"}], pa.struct({"a": pa.int8(), "b": "str"}), ['{"a": 1, "b": "ü"}']),
        ([b"\xff"], pa.binary(), ["b'\\xff'"]),
        ([True, None], pa.bool_(), ["true", None]),
        (["", None, "null"], pa.string(), ["", None, "null"]),
    ],
)  # fmt: skip
def test_a_value_is_shown_as_it_is(values, kind, texts):
    """No digit, no microsecond, no offset is lost; null stays apart from every text."""
    assert as_text(pa.chunked_array([pa.array(values, kind)])).to_pylist() == texts


def test_a_frame_is_shown_whole_and_left_alone():
    """Repeated names, mixed values, huge integers, categories, an index that means something."""
    frame = pd.DataFrame(
        [[1, "a", 2**70], ["b", None, 1]], columns=["x", "x", "big"], index=["one", "two"]
    )
    frame["kind"] = pd.Categorical(["p", None])
    before = frame.copy()
    rows = to_arrow(frame, for_display=True)
    assert rows.schema.names == ["index", "x", "x", "big", "kind"]
    assert [as_text(column).to_pylist() for column in rows.columns] == [
        ["one", "two"],
        ["1", "b"],
        ["a", None],
        [str(2**70), "1"],
        ["p", None],
    ]
    pd.testing.assert_frame_equal(frame, before)


def test_an_index_may_have_the_name_of_a_column():
    """Both are shown."""
    frame = pd.DataFrame({"o": [1]}, index=pd.Index([7], name="o"))
    assert to_arrow(frame, for_display=True).columns[0].to_pylist() == [7]
