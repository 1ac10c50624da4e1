"""Patterns that a user chooses for dates and identifiers."""

import re
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.core.errors import InputError
from datagen_nb.synth import fitting

ROWS = 300


def column_of(pattern: str) -> pa.Array:
    random = np.random.default_rng(3)
    days = np.datetime64("2024-01-01") + random.integers(0, 300, ROWS)
    return pa.array([day.item().strftime(pattern) for day in days])


def made(column: pa.Array, kind: str, pattern: str) -> list:
    table = pa.table({"x": column, "y": np.arange(len(column)) % 7})
    model = fitting.fit(table, seed=0, columns={"x": kind}, patterns={"x": pattern})
    assert model.kinds["x"] == kind
    return model.generate(0, 200, offset=0)["x"].to_pylist()


@pytest.mark.parametrize("pattern", ["%d.%m.%Y", "%m/%d/%y", "%Y%m%d", "%d-%b-%Y", "%d %B %Y"])
def test_dates_are_read_and_written_in_the_chosen_pattern(pattern):
    """Day and month are not guessed."""
    expected = set(column_of("%Y-%m-%d").to_pylist())
    for text in made(column_of(pattern), "datetime", pattern):
        day = datetime.strptime(text, pattern)  # noqa: DTZ007, a day
        assert min(expected) <= f"{day:%Y-%m-%d}" <= max(expected)


def test_a_pattern_decides_between_day_and_month():
    """Where all days are up to 12, the values alone do not."""
    column = pa.array([f"0{1 + at % 9}.0{1 + at % 2}.2024" for at in range(ROWS)])
    months = {text[3:5] for text in made(column, "datetime", "%d.%m.%Y")}
    assert months <= {"01", "02"}


def test_days_without_a_zero_in_front_fit():
    """As for strptime."""
    column = pa.array([f"{1 + at % 28}.{1 + at % 12}.2024" for at in range(ROWS)])
    assert all(re.fullmatch(r"[1-9]\d?\.[1-9]\d?\.2024", one)
               for one in made(column, "datetime", "%d.%m.%Y"))  # fmt: skip


def test_whole_numbers_are_dates_of_a_pattern():
    """As 20240703."""
    column = column_of("%Y%m%d").cast(pa.int64())
    assert all(20240101 <= one <= 20241231 for one in made(column, "datetime", "%Y%m%d"))


@pytest.mark.parametrize(
    ("pattern", "write", "form"),
    [
        ("ORD-####", "ORD-{:04d}", r"ORD-\d{4}"),
        ("??-###", "AB-{:03d}", r"[A-Z]{2}-\d{3}"),
        ("^^^^^^", "{:06x}", r"[0-9a-f]{6}"),
        (r"\#####", "#{:04d}", r"#\d{4}"),
    ],
)
def test_identifiers_have_the_chosen_form_and_are_new(pattern, write, form):
    """Each differs, and none is the input's."""
    column = pa.array([write.format(number * 3) for number in range(ROWS)])
    values = made(column, "id", pattern)
    assert all(re.fullmatch(form, value) for value in values)
    assert len(set(values)) == len(values)
    assert not set(values) & set(column.to_pylist())


@pytest.mark.parametrize(
    ("kind", "pattern", "reason"),
    [
        ("datetime", "%d/%m/%Y", "does not fit '01.02.2024'"),
        ("datetime", "%k", "cannot be read"),
        ("id", "ORD-####", "does not fit '01.02.2024'"),
        ("id", "ORD", "no sign that stands for others"),
        ("categorical", "%d", "is for a column of kind categorical"),
    ],
)
def test_a_wrong_pattern_is_refused_with_a_value(kind, pattern, reason):
    """The error has the column and the pattern."""
    with pytest.raises(InputError, match=re.escape(reason)) as caught:
        made(pa.array(["01.02.2024", "03.04.2024"] * 20), kind, pattern)
    assert caught.value.code == "wrong_pattern"
    assert caught.value.details["column"] == "x"


@pytest.mark.parametrize(("rows", "is_small"), [(600, True), (400, False)])
def test_a_pattern_with_too_few_values_is_a_warning(rows, is_small):
    """The input's own are not made; behind further ones stands a number."""
    column = pa.array([f"ORD-{at:03}" for at in range(rows)])
    table = pa.table({"x": column, "y": np.arange(rows) % 7})
    model = fitting.fit(table, seed=0, columns={"x": "id"}, patterns={"x": "ORD-###"})
    assert any("leaves 400 new values" in text for text in model.warnings) == is_small
    made = model.generate(0, rows, offset=0)["x"].to_pylist()
    assert len(set(made)) == rows
    assert any(re.fullmatch(r"ORD-\d{3}-1", one) for one in made) == is_small
