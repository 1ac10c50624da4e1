"""Codecs of dates and times: every spelling is found, read and written back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pytest
from babel.dates import format_date
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.codecs.guess_dates import spelling_of
from datagen_nb.codecs.month_names import LOCALES
from tests.unit.codecs.columns import RANDOM, column, detect, found, kind_of

FIRST = datetime.fromisoformat("2011-03-04T05:06:07")
INSTANTS = [
    FIRST + timedelta(days=int(days), seconds=int(seconds))
    for days, seconds in zip(
        np.random.default_rng(1).integers(0, 5_000, 80),
        np.random.default_rng(2).integers(0, 86_400, 80),
        strict=True,
    )
]

DAYS = (
    "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%d-%m-%Y", "%Y-%m-%d", "%Y.%m.%d", "%d %b %Y",
    "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%A, %B %d, %Y", "%a %d %b %Y", "%d/%m/%y",
    "%m/%d/%y", "%d.%m.%y", "%Y%m%d", "%d%m%Y", "%G-W%V-%u", "%Y年%m月%d日",
)  # fmt: skip
MONTHS = ("%Y-%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%y", "%Y/%m", "%Y%m")
CLOCKS = (
    "%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%H:%M:%S GMT", "%H:%M:%S+02:00", "%H:%M:%SZ",
    "%H:%M:%S.%f", "%H:%M -0500",
)  # fmt: skip


@pytest.mark.parametrize("pattern", DAYS)
def test_a_day_is_read_in_any_spelling(pattern: str) -> None:
    """The values are the days, and are written as they were."""
    texts = [instant.strftime(pattern) for instant in INSTANTS]
    codec = found(texts, name="day")
    assert kind_of(texts, name="day") == "datetime"
    values = codec.parse(column(texts)).values
    assert values.type == pa.date32()
    assert values.to_pylist() == [instant.date() for instant in INSTANTS]


@pytest.mark.parametrize("pattern", MONTHS)
def test_a_month_is_its_first_day(pattern: str) -> None:
    """What a spelling does not hold is at its beginning."""
    texts = [instant.strftime(pattern) for instant in INSTANTS]
    values = found(texts, name="month").parse(column(texts)).values.to_pylist()
    assert values == [instant.date().replace(day=1) for instant in INSTANTS]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("day", DAYS[:6])
def test_an_instant_is_read_in_any_spelling(day: str, clock: str) -> None:
    """A day and a time, in the order of time."""
    texts = [instant.strftime(f"{day} {clock}") for instant in INSTANTS]
    values = found(texts).parse(column(texts)).values
    assert values.type == pa.timestamp("us")
    has_seconds = "%S" in clock
    assert values.to_pylist() == [
        instant if has_seconds else instant.replace(second=0) for instant in INSTANTS
    ]


@pytest.mark.parametrize("clock", ["%H:%M", "%H:%M:%S", "%I:%M %p"])
def test_a_time_of_day_is_a_time(clock: str) -> None:
    """A clock alone has no day."""
    texts = [instant.strftime(clock) for instant in INSTANTS]
    values = found(texts).parse(column(texts)).values
    assert values.type == pa.time64("us")
    seconds = INSTANTS[0].second if "%S" in clock else 0
    assert values[0].as_py() == INSTANTS[0].time().replace(second=seconds)


@pytest.mark.parametrize(
    "spelled",
    [
        lambda day: f"{day.month}/{day.day}/{day.year}",
        lambda day: f"{day.day}.{day.month}.{day.year}",
        lambda day: f"{day:%B} {day.day}, {day.year}",
        lambda day: f"{day:%d %b %Y}".upper(),
        lambda day: f"{day:%b}. {day.day}, {day.year}",
        lambda day: f"{day.year}Q{(day.month + 2) // 3}",
        lambda day: f"Q{(day.month + 2) // 3} {day.year}",
        lambda day: f"{(day.month + 2) // 3}Q{day:%y}",
        lambda day: f"{day:%d/%b/%Y:%H:%M:%S} +0000",
        lambda day: f"{day:%Y%m%dT%H%M%SZ}",
        lambda day: f"{day.month}/{day.day}/{day.year} {day.hour % 12 or 12}:{day:%M} {day:%p}",
        lambda day: f"{day.hour % 12 or 12}:{day:%M}{'a.m.' if day.hour < 12 else 'p.m.'}",
    ],
)
def test_other_spellings_come_back(spelled: Callable[[datetime], str]) -> None:
    """Without zeros in front, in capitals, quarters, and what else programs write."""
    texts = [spelled(instant) for instant in INSTANTS]
    found(texts)
    assert kind_of(texts) == "datetime"


@pytest.mark.parametrize("locale", LOCALES)
def test_names_of_months_in_the_languages_of_the_library(locale: str) -> None:
    """A long date of each language is read; Arabic and Persian digits are left alone."""
    days = [instant.date() for instant in INSTANTS]
    texts = [format_date(day, "d MMMM y", locale=locale) for day in days]
    if not texts[0].isascii() and not any(text[0] in "0123456789" for text in texts):
        return
    assert found(texts).parse(column(texts)).values.to_pylist() == days


def test_the_order_of_day_and_month_is_decided_by_all_values() -> None:
    """One value that only fits one order is enough."""
    texts = [f"{a:02d}/{b:02d}/2020" for a in range(1, 13) for b in range(1, 13)]
    day_first, month_first = [*texts, "13/01/2020"], [*texts, "01/13/2020"]
    assert found(day_first).parse(column(day_first)).values[1].as_py() == date(2020, 2, 1)
    assert found(month_first).parse(column(month_first)).values[1].as_py() == date(2020, 1, 2)


def test_firsts_of_the_month_tell_the_order() -> None:
    """Where the first number is always 1 it is the day."""
    texts = [f"01/{month:02d}/{year}" for month in range(1, 13) for year in (2021, 2020)]
    values = found(texts).parse(column(texts)).values.to_pylist()
    assert {value.day for value in values} == {1}


@pytest.mark.parametrize(
    ("years", "name", "first"),
    [
        (range(60, 76), "day", 1960),
        ([*range(95, 100), *range(6)], "day", 1995),
        (range(1, 25), "day", 2001),
        (range(30, 46), "birth", 1930),
        (range(30, 46), "matures", 2030),
    ],
)
def test_two_digits_of_a_year_make_a_column_without_a_gap(
    years: Sequence[int], name: str, first: int
) -> None:
    """The century follows from all years of a column and its name."""
    texts = [f"{day}/07/{year:02d}" for year in years for day in (13, 27)]
    values = found(texts, name).parse(column(texts)).values.to_pylist()
    assert min(values).year == first
    assert (max(values) - min(values)).days < 366 * len(years)


def test_several_offsets_are_one_order_of_instants() -> None:
    """Summer and winter time are counted in UTC and come back with their own offset."""
    texts = [f"2024-{m:02d}-15T12:00:00+0{1 + (3 < m < 11)}:00" for m in range(1, 13)]
    codec = found(texts)
    hours = [value.hour for value in codec.parse(column(texts)).values.to_pylist()]
    assert hours == [11, 11, 11, *[10] * 7, 11, 11]


def test_mixed_spellings_keep_their_places() -> None:
    """Each spelling is a form; the values are of one type."""
    texts = [f"{i:%d/%m/%Y}" if at % 3 else f"{i:%Y-%m-%d %H:%M}" for at, i in enumerate(INSTANTS)]
    parsed = found(texts).parse(column(texts))
    assert parsed.forms is not None
    assert set(parsed.forms.tolist()) == {1, 2}
    assert parsed.values.type == pa.timestamp("us")


def test_odd_entries_stay_beside_dates() -> None:
    """Usual words for a missing value are forms without a value."""
    texts = [f"{i:%d.%m.%Y}" for i in INSTANTS] + ["n.a.", "0000-00-00", "?", None]
    values = found(texts).parse(column(texts)).values
    assert values.null_count == 4


@pytest.mark.parametrize(
    "spelled",
    [
        lambda n: f"{n % 10}.{n % 20}.{n % 30}",
        lambda n: f"10.{n % 256}.{n * 7 % 256}.{n * 13 % 256}",
        lambda n: f"+44 {n % 9000 + 1000} {n * 37 % 900000 + 100000}",
        lambda n: f"{n % 900 + 100}-{n * 3 % 900 + 100}-{n * 7 % 9000 + 1000}",
        lambda n: f"{n * 7 % 100:02d}-{n * 13 % 100:02d}-{n * 31 % 100:02d}",
        lambda n: f"{n * 79 % 90000 + 10000}",
        lambda n: f"{n * 7919 % 10**6:06d}",
        lambda n: f"2024-{n * 37 % 10**5:05d}",
        lambda n: f"{n % 100 + 90}/{n % 60 + 50}",
        lambda n: f"{n % 7}:{n % 5}",
        lambda n: f"Room {n}",
        lambda n: f"#{n} b a",
    ],
)
def test_what_is_no_date_has_no_codec(spelled: Callable[[int], str]) -> None:
    """Versions, addresses, phones and codes are left to others."""
    assert detect("x", column([spelled(n * 101) for n in range(300)])) is None


@settings(max_examples=60, deadline=None)
@given(
    days=st.lists(st.dates(date(1000, 1, 1), date(9999, 12, 31)), min_size=1, max_size=20),
    pattern=st.sampled_from(["%d/%m/%Y", "%Y-%m", "%d %b %Y", "%A %o %b %Y", "%G-W%V", "Q%q %Y"]),
)
def test_any_day_is_written(days: list[date], pattern: str) -> None:
    """What was never seen is cut to what the spelling holds, and reads as the same text."""
    spelling = spelling_of(pattern, [])
    numbers = pa.array(days).cast(pa.int32()).to_numpy().astype(np.int64)
    texts = spelling.write(numbers)
    read, fits = spelling.read(texts)
    assert fits.all()
    assert (read <= numbers).all()
    assert spelling.write(read).equals(texts)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20))
def test_any_number_of_microseconds_is_written(instants: list[int]) -> None:
    """Instants beyond the calendar are at its end."""
    for pattern in ("%Y-%m-%d %H:%M:%S", "%I:%M %p", "%d.%m.%y %H:%M"):
        texts = spelling_of(pattern, []).write(np.array(instants))
        assert len(set(map(len, texts.to_pylist()))) == 1


@pytest.mark.parametrize(
    ("name", "values", "first"),
    [
        ("booked", [int(f"{i:%Y%m%d}") for i in INSTANTS], INSTANTS[0].date()),
        ("booked", [int(f"{i:%d%m%Y}") for i in INSTANTS], INSTANTS[0].date()),
        ("period", [int(f"{i:%Y%m}") for i in INSTANTS], INSTANTS[0].date().replace(day=1)),
        ("hhmm", [int(f"{i:%H%M}") for i in INSTANTS], time(INSTANTS[0].hour, INSTANTS[0].minute)),
        ("created_at", [int(i.timestamp()) for i in INSTANTS], None),
        ("created_ms", [int(i.timestamp()) * 1000 + 5 for i in INSTANTS], None),
    ],
)
@pytest.mark.parametrize("type", [pa.int64(), pa.float64()])
def test_digits_of_an_integer_are_dates(
    name: str, values: list[int], first: object, type: pa.DataType
) -> None:
    """Integers stay integers of their type, and floats without a fraction floats."""
    parsed = found([*values, None], name, type).parse(column([*values, None], type))
    assert parsed.values.null_count == 1
    assert first is None or parsed.values[0].as_py() == first


def test_numbers_for_no_date_stay_among_dates() -> None:
    """0 and 99999999 are odd entries, 9999-12-31 is a day."""
    values = [int(f"{i:%Y%m%d}") for i in INSTANTS] + [0, 99999999, 99991231]
    days = found(values, "until").parse(column(values)).values.to_pylist()
    assert days[-3:] == [None, None, date(9999, 12, 31)]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("customer", list(range(20_190_101, 20_191_231, 7))),
        ("salary", list(range(2_000, 24_000, 100))),
        ("price", [n * 100 - 1 for n in range(1, 24)]),
        ("minutes", list(range(60))),
        ("order", list(range(1_600_000_000, 1_600_000_300))),
        ("year", list(range(1950, 2020))),
        ("x", [None] * 5),
    ],
)
def test_other_integers_have_no_codec(name: str, values: list[int | None]) -> None:
    """What is a date only by chance is a number."""
    assert detect(name, column(values, pa.int64())) is None


def test_writing_goes_on_beyond_what_was_read() -> None:
    """A time outside of the day of an HHMM column is the nearest one."""
    values = [int(f"{i:%H%M}") for i in INSTANTS]
    codec = found(values, "hhmm")
    made = codec.write(pa.array([time(0, 5), time(23, 59, 59)]), None, RANDOM)
    assert made.to_pylist() == [5, 2359]


def test_the_first_days_of_a_january_are_days() -> None:
    """After a year comes the month, though read the other way all were the first of one."""
    texts = [f"2023-01-{day:02d} {hour:02d}:20:00" for day in range(1, 7) for hour in range(24)]
    values = found(texts, "ts").parse(column(texts)).values.to_pylist()
    assert {value.month for value in values} == {1}
