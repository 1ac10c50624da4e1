"""The type that the texts of a column have: a property of the texts, not of how they are read."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.tables.formats import read_batches
from datagen_nb.tables.values import Guess, as_text

TEXTS = st.sampled_from(
    [
        *("1", "-7", "007", "9007199254740991", "9007199254740992", "9007199254740993"),
        *("1234567890123456", "99999999999999999999", "1.5", "2.0", "1e300", "true", "false"),
        *("2026-01-02", "9999-12-31", "2026-01-02T03:04:05", "2026-01-02T03:04:05.123456789"),
        *("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z", "NA", "null", "", "Rome"),
    ]
)


def guessed(*blocks: list[str | None]) -> Guess:
    guess = Guess()
    for block in blocks:
        guess.update(pa.array(block, pa.string()))
    return guess


@settings(max_examples=300)
@given(
    st.lists(st.none() | TEXTS, max_size=4) | st.lists(TEXTS, min_size=2, max_size=3),
    st.data(),
)
def test_a_guess_does_not_depend_on_blocks_or_the_order_of_merging(
    texts: list[str | None], data: st.DataObject
) -> None:
    """Read in one block, in several, or by several readers."""
    cut = data.draw(st.integers(0, len(texts)))
    whole = guessed(texts)
    in_blocks = guessed(texts[:cut], texts[cut:])
    merged, other = guessed(texts[:cut]), guessed(texts[cut:])
    if data.draw(st.booleans()):
        merged, other = other, merged
    merged.merge(other)
    assert in_blocks.type == whole.type
    assert merged.type == whole.type


@pytest.mark.parametrize(
    ("texts", "type"),
    [
        (["9007199254740991", "1.5"], pa.float64()),
        (["9007199254740992", "1.5"], pa.string()),
        (["9007199254740993", "1"], pa.int64()),
        (["1e300", "1"], pa.float64()),
    ],
)
def test_whole_numbers_are_floats_only_where_every_one_is_exact(
    texts: list[str], type: pa.DataType
) -> None:
    """Up to 2**53 each has a float of its own."""
    assert guessed(texts).type == type
    assert guessed(texts[:1], texts[1:]).type == type
    assert guessed(texts[1:], texts[:1]).type == type


@pytest.mark.parametrize(
    ("first", "second", "type"),
    [
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05.123456789", pa.string()),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456Z", pa.string()),
        ("2026-01-02T03:04:05.123456", "2026-01-02T03:04:05.654321", pa.timestamp("us")),
    ],
)
def test_times_have_as_many_digits_in_every_block(
    first: str, second: str, type: pa.DataType
) -> None:
    """They would be written with the digits of their unit."""
    guesses = [guessed([first, second]), guessed([first], [second]), guessed([second], [first])]
    merged = guessed([first])
    merged.merge(guessed([second]))
    assert [guess.type for guess in (*guesses, merged)] == [type] * 4


def test_dates_beside_times_are_texts_in_any_blocks() -> None:
    """As times, the dates would come back with a midnight that they did not have."""
    day, time = "2026-01-02", "2026-01-02T03:04:05"
    assert guessed([day, time]).type == pa.string()
    assert guessed([day], [time]).type == pa.string()
    assert guessed([time], [day]).type == pa.string()


SPELLINGS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.integers(0, 2**62).map(hex),
    st.sampled_from(["007", "-0", "+5", "0xFFFFFFFFFFFF", "true", "True", "2026-01-02"]),
    st.sampled_from(["2026-01-02T03:04:05", "2026-01-02 03:04:05", "2026-01-02T03:04"]),
    st.sampled_from(["2026-01-02T03:04:05.123", "2026-01-02T03:04:05+01", "2026-01-02T03Z"]),
)


@settings(max_examples=300)
@given(st.lists(SPELLINGS, min_size=1, max_size=2, unique=True), st.booleans())
def test_values_are_written_as_they_were_read(texts: list[str], has_null: bool) -> None:
    """A column has a type only where that keeps the spelling of each value."""
    column = pa.array([*texts, None] if has_null else texts)
    guess = Guess()
    values = guess.update(column)
    if values is not None and not pa.types.is_floating(guess.type):
        assert values.type == guess.type
        assert as_text(values).equals(column)


@pytest.mark.parametrize("text", ["00.5", "-00.5", "-007", "nan", "9007199254740993"])
def test_no_float_is_made_of_what_a_float_does_not_keep(text: str) -> None:
    """Zeros in front, no number at all, more digits than a float has."""
    assert guessed(["0.5", "-0.25", text]).type == pa.string()


def read(data: bytes, *, whole: bool = False) -> tuple[pa.Table, int]:
    """The rows that count in the end, and how often those before them were taken back."""
    batches: list[pa.RecordBatch] = []
    taken_back = []

    def take_back() -> None:
        batches.clear()
        taken_back.append(True)

    allowed = None if whole else take_back
    batches.extend(read_batches(io.BytesIO(data), "csv", take_back=allowed))
    return pa.Table.from_batches(batches), len(taken_back)


ROWS = b"1,2.5,true\n" * 250_000  # several blocks


@pytest.mark.parametrize(
    ("last", "times"),
    [
        (b"2,3.5,false\n", 0),
        (b"2,3,false\n", 1),  # whole numbers of b are written without a point
        (b"x,3.5,false\n", 1),
        (b"2.5,x,1\n", 1),
        (b",,\n", 0),
        (b"", 0),
    ],
)
def test_rows_are_taken_back_only_where_a_value_contradicts_their_types_or_spellings(
    last: bytes, times: int
) -> None:
    """What counts in the end is what reading the whole file first gives."""
    table, taken_back = read(b"a,b,c\n" + ROWS + last)
    assert taken_back == times
    whole, _ = read(b"a,b,c\n" + ROWS + last, whole=True)
    assert table.equals(whole)
    assert table.schema.equals(whole.schema, check_metadata=True)


def test_rows_are_taken_back_where_the_encoding_turns_out_to_be_another() -> None:
    """A file that begins like UTF-8 and has a letter of Windows' encoding at its end."""
    data = b"a,b\n" + b"x,1\n" * 600_000 + "Köln,2\n".encode("cp1252")
    table, taken_back = read(data)
    assert taken_back == 1
    assert table.num_rows == 600_001
    assert table.column("a")[-1].as_py() == "Köln"
