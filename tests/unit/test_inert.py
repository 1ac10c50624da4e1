"""Text of users where characters can act."""

from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.core.inert import ONE_LINE, inert


@given(st.text())
def test_nothing_but_what_is_painted_is_left(text):
    """No escape, no line's end, no mark that turns the writing around."""
    assert inert(text).isprintable()


@given(st.text(st.characters(categories=["L", "N", "P"])))
def test_what_is_painted_stays_as_it_is(text):
    """In every script."""
    assert inert(text) == text


def test_the_known_tricks_are_reported():
    """As escapes that one can read."""
    assert inert("\x1b[31mred\u202egnp.exe\n") == "\\x1b[31mred\\u202egnp.exe\\n"


def test_only_what_is_asked_to_be_short_is_cut():
    """A message keeps its end, which says what to do."""
    assert inert("x" * 10_000) == "x" * 10_000
    assert inert("x" * 10_000, longest=ONE_LINE) == "x" * ONE_LINE + "…"
