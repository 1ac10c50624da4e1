"""Durations and sizes as messages say them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.core.words import between, duration, size

SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (0.25, "0.2 seconds"),
        (1, "1 second"),
        (30, "30 seconds"),
        (59.6, "1 minute"),
        (90, "1 minute 30 seconds"),
        (3_600, "1 hour"),
        (83_700, "23 hours 15 minutes"),
        (93_600, "26 hours"),
        (172_800, "2 days"),
        (2_592_000, "30 days"),
    ],
)
def test_a_duration_reads_as_people_say_it(seconds, words):
    """In at most two units."""
    assert duration(seconds) == words


@given(st.floats(0, 1e9))
def test_a_duration_is_close_to_what_it_says(seconds):
    """No unit overflows, and nothing is off by more than its smallest unit."""
    parts = re.findall(r"([\d,.]+) (second|minute|hour|day)s?", duration(seconds))

    reported = [(float(number.replace(",", "")), unit) for number, unit in parts]
    smallest = min(SECONDS[unit] for _, unit in reported)
    assert abs(sum(number * SECONDS[unit] for number, unit in reported) - seconds) <= smallest
    assert all(number < 60 for number, unit in reported if unit in ("second", "minute"))


def test_a_range_of_one_reading_is_said_once():
    """Not "1 hour to 1 hour"."""
    assert between(3_600, 3_610) == "1 hour"
    assert between(60, 3_600) == "1 minute to 1 hour"


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "1 byte"), (999, "999 bytes"), (1_250_000, "1.2 MB"), (48e9, "48 GB"), (1.5e12, "1.5 TB")],
)
def test_a_size_has_a_unit(number, words):
    """In powers of a thousand."""
    assert size(number) == words
