"""Dates fall on the days on which the input's do: no weekends, first or last days of months."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.synth.calendar_days import CalendarDays
from datagen_nb.synth.fitting import fit

RULES = {
    "business days": pd.date_range("2015-01-01", periods=600, freq="B"),
    "first days of months": pd.date_range("2001-01-01", periods=150, freq="MS"),
    "last days of months": pd.date_range("2001-01-31", periods=150, freq="ME"),
    "quarters": pd.date_range("1990-01-01", periods=120, freq="QS"),
    "years": pd.date_range("1900-01-01", periods=90, freq="YS"),
    "Mondays": pd.date_range("2001-01-01", periods=150, freq="W-MON"),
    "paydays": pd.date_range("2001-01-01", periods=150, freq="SMS"),
    "no weekend, by the hour": pd.date_range("2015-01-01 09:00", periods=900, freq="bh"),
}
"""The dates, in their order, of a table of dates and of one that has some of them often."""


def made(dates: pd.DatetimeIndex, type: pa.DataType, *, rows: int = 1_500) -> pd.DatetimeIndex:
    table = pa.table(
        {
            "date": pa.array(dates).cast(pa.timestamp("us")).cast(type),
            "x": np.random.default_rng(0).normal(size=len(dates)),
        }
    )
    column = fit(table, seed=0).generate(0, rows, offset=0)["date"]
    assert column.type == type
    return pd.DatetimeIndex(column.cast(pa.timestamp("us")).to_pandas())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("often", [1, 4])
def test_made_dates_keep_the_rule(rule, often):
    """None before the first or behind the last, and not only a few of them."""
    dates = RULES[rule].repeat(often)
    type = pa.timestamp("us") if "hour" in rule else pa.date32()
    fresh = made(dates, type)
    allowed = RULES[rule].normalize()
    assert fresh.normalize().isin(allowed).all()
    assert fresh.min() >= dates.min()
    assert fresh.max() <= dates.max()
    assert fresh.nunique() > len(RULES[rule]) / 3


@pytest.mark.parametrize("type", [pa.date64(), pa.timestamp("s"), pa.timestamp("ns")], ids=str)
def test_of_any_type(type):
    """Whatever a day has of units."""
    fresh = made(RULES["last days of months"], type)
    assert fresh.is_month_end.all()


def test_texts_keep_it_too():
    """The rule is of the values, not of how they are written."""
    texts = RULES["first days of months"].strftime("%b %-d %Y").to_list()
    fresh = fit(pa.table({"date": texts}), seed=0).generate(0, 500, offset=0)["date"].to_pylist()
    assert all(text.split()[1] == "1" for text in fresh)


def test_a_date_that_stands_for_something_stays():
    """Though it is on no first day of a month."""
    dates = [*RULES["first days of months"].date, *[dt.date(9999, 12, 31)] * 40]
    table = pa.table({"until": pa.array(dates, pa.date32())})
    fresh = fit(table, seed=0).generate(0, 1_000, offset=0)["until"].to_pylist()
    ends = [date for date in fresh if date.year == 9999]
    assert set(ends) == {dt.date(9999, 12, 31)}
    assert len(ends) / 1_000 == pytest.approx(40 / 190, abs=0.05)
    assert all(date.day == 1 for date in fresh if date.year != 9999)


@given(st.integers(0, 2**32 - 1), st.integers(2, 400), st.integers(20, 40_000))
@settings(deadline=None)
def test_dates_on_any_day_have_no_rule(seed, count, span):
    """Chance is no rule, and no other date than those is needed to see that."""
    days = np.random.default_rng(seed).integers(10_000, 10_000 + span, count).astype(np.int32)
    found = CalendarDays.of(days, pa.date32())
    if span > 2_000 and count > 30:
        assert found is None
    if found is not None:
        assert (found.moved(days) == days).all()


def test_dates_of_geological_ages_have_none():
    """The days between them are too many to look at."""
    assert CalendarDays.of(np.array([-(2**31), 2**31 - 1]), pa.date32()) is None
