"""Values of queries, as texts and back: an instant keeps its second in any zone and year."""

import datetime as d

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datagen_nb.tables.cells import as_text
from datagen_nb.tables.view.query import QueryError
from datagen_nb.tables.view.values import read_value

ZONES = ["Europe/Berlin", "America/New_York", "Africa/Monrovia", "Asia/Kathmandu", "UTC", "+05:30"]


@given(
    instant=st.datetimes(timezones=st.just(d.UTC)),
    zone=st.sampled_from(ZONES),
    unit=st.sampled_from(["s", "ms", "us"]),
)
@example(instant=d.datetime(1893, 1, 1, tzinfo=d.UTC), zone="Europe/Berlin", unit="us")
@example(instant=d.datetime(1971, 12, 1, tzinfo=d.UTC), zone="Africa/Monrovia", unit="s")
@example(instant=d.datetime(9999, 12, 31, 23, 30, tzinfo=d.UTC), zone="Europe/Berlin", unit="ms")
def test_an_instant_comes_back_from_its_text(instant, zone, unit):
    """Also where the offset of its zone had seconds, and where its clock shows the year 10000."""
    whole = instant.replace(microsecond=instant.microsecond if unit == "us" else 0)
    column = pa.chunked_array([pa.array([whole, None], pa.timestamp(unit, zone))])
    text, missing = as_text(column).to_pylist()
    assert missing is None
    assert read_value(text, column.type).value == column[0].value


def test_an_offset_is_written_with_its_seconds():
    """As ISO 8601 has hours and minutes, and Python the seconds behind them."""
    instants = [d.datetime(1893, 1, 1, tzinfo=d.UTC), d.datetime(1893, 7, 1, tzinfo=d.UTC)]
    column = pa.chunked_array([pa.array(instants, pa.timestamp("us", "Europe/Berlin"))])
    assert as_text(column).to_pylist() == [
        "1893-01-01 00:53:28+00:53:28",
        "1893-07-01 01:00:00+01:00",
    ]


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
@pytest.mark.parametrize(
    "text",
    [
        *("now+01:00", "NaT+01:00", "+01:00", "2026-13-01 00:00+01:00"),
        *("999999-01-01 00:00:00.x+01:00", "9999999-01-01 00:00+01:00"),
    ],
)
def test_what_is_no_instant_is_refused(text, unit):
    """Whatever stands before an offset."""
    with pytest.raises(QueryError, match="is not a time"):
        read_value(text, pa.timestamp(unit, "Europe/Berlin"))


@pytest.mark.parametrize("text", ["3000-01-01 00:00:00+01:00", "10000-01-01 00:00:00+01:00"])
def test_an_instant_beyond_nanoseconds_is_refused(text):
    """64 bits of them end in 2262."""
    with pytest.raises(QueryError):
        read_value(text, pa.timestamp("ns", "Europe/Berlin"))
