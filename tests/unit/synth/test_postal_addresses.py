"""Postal addresses: new ones of the same form, whole ones put together of their parts."""

import re

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.synth.fitting import fit
from datagen_nb.synth.identities.addresses import places_of
from datagen_nb.synth.identities.names import names_of
from tests.unit.synth.test_identities import made, makers, random

ROWS = 1_500


def streets(form: str, locale: str = "en") -> list[str]:
    names = random(2).choice(names_of(locale).family[:800], ROWS)
    ends = random(3).choice(["Street", "Road", "Ave."], ROWS)
    numbers = random(4).integers(1, 140, ROWS)
    return [
        form.format(name=name, end=end, number=number)
        for name, end, number in zip(names, ends, numbers, strict=True)
    ]


FORMS = {
    "{number} {name} {end}": r"\d{1,3} [^\d]+ (Street|Road|Ave\.)",
    "{name} {end} {number}a": r"[^\d]+ (Street|Road|Ave\.) \d{1,3}[a-h]",
    "{number} {name} {end}, Apt {number}": r"\d{1,3} [^\d]+ (Street|Road|Ave\.), Apt \d{1,3}",
    "{name} {end}": r"[^\d]+ (Street|Road|Ave\.)",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_addresses_is_kept(form):
    """The order, the common words and the range of numbers; the names are others."""
    real = streets(form)
    fresh = made(makers({"address": real})["address"], 1_000)
    assert all(re.fullmatch(FORMS[form], text) for text in fresh)
    assert not set(fresh) & set(real)
    numbers = [int(number) for text in fresh for number in re.findall(r"\d+", text)]
    assert max(numbers, default=0) < 200
    listed, words = (
        {word for text in texts for word in re.findall(r"[^\W\d]+", text)}
        for texts in (places_of("en").streets, fresh)
    )
    assert words - {"Street", "Road", "Ave", "Apt", *"abcdefgh"} <= listed


def test_streets_are_of_the_language():
    """A German street is one word, or its name stands before the common word."""
    names = places_of("de").streets[::9][:ROWS]
    real = [f"{name} {n % 90 + 1}" for n, name in enumerate(names)]
    fresh = made(makers({"Straße": real})["Straße"], 500)
    listed = set(places_of("de").streets)
    found = [text.rstrip(" 0123456789") in listed for text in fresh]
    assert np.mean(found) > 0.8


def test_a_whole_address_is_put_together_of_its_parts():
    """As written in other columns, whether they are made anew or drawn."""
    street = streets("{number} {name} {end}")
    which = random().integers(0, 20, ROWS)
    city = [f"{'ABCDE'[n // 4]}ville {'NSEW'[n % 4]}" for n in which]
    code = [f"{n * 731 + 10_000}" for n in which]
    whole = [f"{a}, {b} ({c})" for a, b, c in zip(street, code, city, strict=True)]
    table = pa.table({"full": whole, "street": street, "zip": code, "city": city})
    for row in fit(table, seed=2).generate(0, 500, offset=0).to_pylist():
        assert row["full"] == f"{row['street']}, {row['zip']} ({row['city']})"


def test_texts_that_hold_a_column_by_chance_are_not_put_together():
    """Two columns of digits that most texts happen to contain are no parts."""
    notes = [" ".join(random(n).choice(["call", "back", "later", "10"], 9)) for n in range(ROWS)]
    table = {"note": notes, "a": ["call"] * ROWS, "b": np.resize(["1", "10"], ROWS).tolist()}
    assert makers(table)["note"].needs == ()
