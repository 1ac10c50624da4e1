"""Codecs of numbers: every spelling is found, read and written back; codes are left alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.codecs.codec import spell
from datagen_nb.codecs.numbers import NumberSpelling
from tests.unit.codecs.columns import RANDOM, column, detect, found, kind_of

AMOUNTS = [
    round(float(sign * amount), 2)
    for sign, amount in zip(
        np.random.default_rng(1).choice([-1, 1, 1], 200),
        np.exp(np.random.default_rng(2).normal(7, 2, 200)),
        strict=True,
    )
]


def marked(amount: float, group: str, point: str, decimals: int = 2) -> str:
    """An amount with other marks than a comma and a point."""
    return f"{amount:,.{decimals}f}".translate({ord(","): group, ord("."): point})


SPELLINGS: dict[str, Callable[[float], str]] = {
    "dollar": lambda n: f"-${-n:,.2f}" if n < 0 else f"${n:,.2f}",
    "minus after the sign": lambda n: f"$-{-n:,.2f}" if n < 0 else f"${n:,.2f}",
    "brackets": lambda n: f"({-n:,.2f})" if n < 0 else f"{n:,.2f}",
    "brackets after the sign": lambda n: f"$({-n:,.2f})" if n < 0 else f"${n:,.2f}",
    "minus behind": lambda n: f"{-n:,.2f}-" if n < 0 else f"{n:,.2f}",
    "German": lambda n: f"{marked(n, '.', ',')} €",
    "Swiss": lambda n: f"CHF {marked(n, '’', '.')}",
    "apostrophe": lambda n: marked(n, "'", "."),
    "French": lambda n: f"{marked(n, chr(0x202F), ',')} €",
    "space": lambda n: marked(n, " ", ","),
    "no break": lambda n: f"{marked(n, chr(0xA0), ',')}\u00a0€",
    "percent": lambda n: f"{n:.2f}%",
    "percent with a space": lambda n: f"{n:.2f} %",
    "signed": lambda n: f"{n:+.2f}%",
    "true minus": lambda n: f"{n:.2f} °C".replace("-", "−"),
    "code": lambda n: f"{n:,.2f} USD",
    "unit": lambda n: f"{n:.2f} kg",
    "unit without a space": lambda n: f"{n:.2f}km/h",
    "comma": lambda n: marked(n, "", ","),
    "two decimals": lambda n: f"{n:.2f}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_number_is_read_in_any_spelling(spelling: str) -> None:
    """The values are exactly the floats that the digits name."""
    texts = [SPELLINGS[spelling](amount) for amount in AMOUNTS]
    codec = found(texts)
    assert kind_of(texts) == "numeric"
    assert codec.parse(column(texts)).values.to_pylist() == AMOUNTS


@pytest.mark.parametrize(
    "spelled",
    [
        lambda n: f"${abs(n):,.0f}",
        lambda n: f"£{abs(n):.0f}",
        lambda n: f"{n:,.0f}",
        lambda n: f"{abs(n):,.0f}".replace(",", ".") + " €",
        lambda n: f"Rs.{abs(n):,.0f}",
        lambda n: f"{abs(n):.0f} CC",
        lambda n: f"{abs(n):.0f} mm Hg",
        lambda n: f"CHF {abs(n):.0f}.-",
        lambda n: f" {abs(n) % 50:.0f} months",
    ],
)
def test_whole_numbers_are_integers(spelled: Callable[[float], str]) -> None:
    """Without decimals there is no float."""
    texts = [spelled(amount) for amount in AMOUNTS]
    assert found(texts).parse(column(texts)).values.type == pa.int64()


@pytest.mark.parametrize(
    "spelled",
    [
        lambda n: f"{abs(n) % 1:.2f}".lstrip("0"),
        lambda n: f"{round(n, 1):g} kg",
        lambda n: f"{abs(n):.1f}/5",
        lambda n: f"€{abs(n) / 1000:.1f}M" if abs(n) > 1000 else f"€{abs(n):.0f}K",
        lambda n: f"{n / 1000:+.1f}%",
    ],
)
def test_other_spellings_come_back(spelled: Callable[[float], str]) -> None:
    """No zero before the point, zeros cut off, thousands and millions, a sign before zero."""
    found([spelled(amount) for amount in AMOUNTS])


def test_thousands_and_millions_are_one_scale() -> None:
    """A value is the number times what its letter stands for."""
    texts = ["1.5M", "20K", "300K", "2.0M"]
    values = found(texts).parse(column(texts)).values.to_pylist()
    assert values == [1_500_000, 20_000, 300_000, 2_000_000]


def test_groups_of_two_digits() -> None:
    """Lakh and crore."""
    texts = ["₹12,34,567", "₹1,00,000", "₹999", "₹5,43,21,000", "₹1,234"]
    values = found(texts).parse(column(texts)).values.to_pylist()
    assert values == [1_234_567, 100_000, 999, 54_321_000, 1_234]


def test_a_comma_is_judged_by_all_values() -> None:
    """Groups of three if all have three digits, decimals if one has not."""
    thousands = ["1,234 kg", "12,345 kg", "999 kg"]
    decimals = ["1,234 kg", "12,3 kg", "0,999 kg"]
    assert found(thousands).parse(column(thousands)).values[0].as_py() == 1234
    codec = detect("x", column(decimals))
    assert codec is not None
    assert codec.parse(column(decimals)).values[0].as_py() == 1.234


@pytest.mark.parametrize("word", ["NA", "n.a.", "?", "-", ".", "null", ""])
@pytest.mark.parametrize("share", [2, 5, 50])
def test_words_for_a_missing_value_stay(word: str, share: int) -> None:
    """Numbers among which some are unknown are numbers, and the word comes back."""
    texts = [word if at % share == 0 else str(at * 37) for at in range(300)]
    parsed = found(texts).parse(column(texts))
    assert parsed.values.type == pa.int64()
    assert parsed.values.null_count == texts.count(word)


def test_an_odd_text_that_repeats_stays() -> None:
    """It is an entry of its own, whatever it means."""
    texts = ["Free" if at % 10 == 0 else f"${at}.50" for at in range(200)]
    parsed = found(texts).parse(column(texts))
    assert parsed.values.null_count == 20


def test_a_rare_odd_text_is_not_kept() -> None:
    """A text that few rows have may name someone: it becomes a null."""
    texts = [f"${at}.50" for at in range(200)] + ["ask Mrs Zweig"]
    codec = detect("price", column(texts))
    assert codec is not None
    assert "Zweig" not in repr(codec)
    parsed = codec.parse(column(texts))
    assert codec.write(parsed.values, parsed.forms, RANDOM).to_pylist() == [*texts[:-1], None]


def test_too_many_odd_texts_are_no_numbers() -> None:
    """A column of words with some numbers has no codec."""
    texts = [f"word{at}" if at % 4 == 0 else f"{at}.5 kg" for at in range(400)]
    assert detect("x", column(texts)) is None


def test_floats_in_full_come_back_beside_odd_entries() -> None:
    """Sixteen digits are read as the float that they name."""
    texts = [str(x) for x in np.random.default_rng(0).normal(size=100)] + ["NA"] * 9
    assert found(texts).parse(column(texts)).values.type == pa.float64()


def _digits(at: int, size: int) -> int:
    return (at * 7_919 + 12_345) * 104_729 % 10**size


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("phone", lambda n: f"+44 {_digits(n, 4):04d} {_digits(n, 6):06d}"),
        ("x", lambda n: f"+{10**10 + _digits(n, 10)}"),
        ("x", lambda n: f"{100 + _digits(n, 3) % 900} {_digits(n, 6) // 1000:03d} 166"),
        ("x", lambda n: f"0{_digits(n, 9):09d}"),
        ("x", lambda n: f"{_digits(n, 5):05d}"),
        ("zip", lambda n: f"{10_000 + _digits(n, 4)}"),
        ("x", lambda n: f"{10_000 + _digits(n, 4)}"),
        ("x", lambda n: f"{10**12 + _digits(n, 12)}"),
        ("x", lambda n: f"ORD-{_digits(n, 5)}"),
        ("x", lambda n: f"#{_digits(n, 4)}"),
        ("x", lambda n: f"LH {_digits(n, 4)}"),
        ("x", lambda n: f"4111 {_digits(n, 4):04d} 1111 {_digits(n, 4):04d}"),
        ("x", lambda n: f"{1 + n % 90} {['High', 'Oak', 'Elm', 'Mill'][n % 4]} Street"),
        ("x", lambda n: f"{1 + n % 40}{'ABCDEF'[n % 6]}"),
        ("x", lambda n: f"{1 + n % 90}{['', 'a', 'b'][n % 3]}"),
        ("x", lambda n: f"{1000 + n} {'ABCDEFGH'[n % 8]}{'KLMNOP'[n % 6]}"),
        ("version", lambda n: f"{n % 9}.{n % 20}"),
        ("x", lambda n: f"{n % 6}-{n % 5}"),
        ("x", lambda n: f"{n % 7}, {n % 11}"),
        ("x", lambda n: str(n % 4)),
    ],
)
def test_what_is_no_number_has_no_codec(name: str, spelled: Callable[[int], str]) -> None:
    """Phones, postcodes, articles, addresses and the like are left to others."""
    assert detect(name, column([spelled(n) for n in range(300)])) is None


spellings = st.builds(
    lambda sides, group, point, decimals, trims, indian: NumberSpelling(
        positive=sides[0],
        negative=sides[1],
        zero=sides[0],
        group=group if group != point else "",
        is_indian=indian,
        point=point,
        least=0 if trims else decimals,
        most=decimals,
    ),
    st.sampled_from(
        [(("$", ""), ("-$", "")), (("", " €"), ("(", " €)")), (("+", "%"), ("-", "%"))]
    ),
    st.sampled_from(["", ",", ".", " ", "’", "\u202f"]),
    st.sampled_from([".", ","]),
    st.integers(0, 6),
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(spellings, st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=20))
def test_any_number_comes_back_in_any_spelling(spelling: NumberSpelling, counts: list[int]) -> None:
    """A number of so many decimals is written and read without loss."""
    if spelling.unit == "int64":
        values = np.array(counts)
    else:
        values = np.array([float(f"{n}e-{spelling.most}") for n in counts])
    texts = spelling.write(values)
    read, fits = spell(spelling, texts)
    assert fits.all()
    assert (read == values).all()


@settings(max_examples=100, deadline=None)
@given(spellings, st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_any_float_is_written(spelling: NumberSpelling, values: list[float]) -> None:
    """What the spelling does not hold is rounded, or is the largest that it does."""
    assert spell(spelling, spelling.write(np.array(values)))[1].all()


def test_what_is_not_a_number_is_written_as_null() -> None:
    """NaN and infinity have no spelling."""
    texts = [f"{amount:.2f} kg" for amount in AMOUNTS]
    made = found(texts).write(pa.array([1.0, float("nan"), float("inf"), None]), None, RANDOM)
    assert made.to_pylist() == ["1.00 kg", None, None, None]


def test_full_width_currency_signs_are_those_of_numbers() -> None:
    """Files from Japan and Korea have them."""
    for sign in "￥￡￦＄":
        assert kind_of([f"{sign}{n:,}" for n in range(900, 2_000, 7)], name="price") == "numeric"
