"""How cells are written otherwise: digits are never lost, and what does not fit stays as it is."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.tables.cells import as_text
from datagen_nb.tables.view.formats import share_of, written
from datagen_nb.tables.view.query import Format


def of(value, type_, **format):
    texts = as_text(pa.chunked_array([pa.array([value], type_)])).to_pylist()
    return written(texts, type_, Format(column=0, **format))[0]


@pytest.mark.parametrize(
    ("value", "type_", "format", "text"),
    [
        (2**63 - 1, pa.int64(), {"style": "thousands"}, "9,223,372,036,854,775,807"),
        (-1234, pa.int64(), {"style": "thousands", "decimals": 2}, "-1,234.00"),
        (-0.004, pa.float64(), {"decimals": 2}, "0.00"),
        (2.675, pa.float64(), {"decimals": 2}, "2.68"),
        (1e20, pa.float64(), {"style": "thousands"}, "100,000,000,000,000,000,000"),
        (0.125, pa.float64(), {"style": "percent"}, "12.5 %"),
        (0.5, pa.float64(), {"style": "percent", "decimals": 0}, "50 %"),
        (-1234.5, pa.float64(), {"style": "currency"}, "-€1,234.50"),
        (3, pa.int8(), {"style": "currency", "currency": "CHF"}, "CHF 3.00"),
        (float("nan"), pa.float64(), {"style": "currency"}, "NaN"),
        (float("inf"), pa.float64(), {"decimals": 1}, "inf"),
        (None, pa.int64(), {"style": "thousands"}, None),
        (19_000, pa.date32(), {"style": "long_date"}, "8 Jan 2022"),
        (19_000, pa.date32(), {"style": "month"}, "Jan 2022"),
        (61_500_001, pa.timestamp("ms"), {"style": "time"}, "17:05"),
        (0, pa.timestamp("us", "America/New_York"), {"style": "date"}, "1969-12-31"),
        (7, pa.int64(), {"style": "date"}, "7"),
        ("1234", pa.string(), {"style": "thousands", "decimals": 1}, "1234"),
        (True, pa.bool_(), {"style": "currency"}, "true"),
    ],
)
def test_a_value_is_written_by_its_format(value, type_, format, text):
    """Halves go to the even digit of the number as it is written, not of its float."""
    assert of(value, type_, **format) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_separators_lose_no_digit(number):
    """Whatever its length."""
    assert int(of(number, pa.int64(), style="thousands").replace(",", "")) == number


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10), st.integers(0, 12))
def test_decimals_stand_below_each_other_and_round_to_the_nearest(number, decimals):
    """By less than half a unit of the last place."""
    (text,) = written([f"{number:f}"], pa.float64(), Format(column=0, decimals=decimals))
    assert len(text.partition(".")[2]) == decimals
    assert abs(Decimal(text) - number) <= Decimal(5).scaleb(-decimals - 1)


@given(st.text(max_size=50))
def test_any_text_of_any_type_is_written_without_an_error(text):
    """A file may hold what is no value of its type."""
    for type_ in (pa.float64(), pa.date32(), pa.timestamp("us")):
        for style in ("currency", "percent", "month", "time"):
            written([text], type_, Format(column=0, style=style, decimals=3))


def test_a_share_is_where_a_number_stands():
    """Between the ends of its column; of what is no number there is none."""
    assert share_of("5", 0, 20) == 0.25
    assert [share_of(text, 0, 1) for text in ("-3", "7", "NaN", None, "x")] == [
        0,
        1,
        None,
        None,
        None,
    ]
    assert share_of("2", 2, 2) == 1
