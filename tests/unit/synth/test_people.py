"""Names and what goes with them: new ones of the same language and form."""

import re

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.synth import packing
from datagen_nb.synth.identities.names import names_of
from tests.unit.synth.test_identities import made, makers, random


def full_names(locale: str, count: int, form: str = "{} {}") -> list[str]:
    lists, choose = names_of(locale), random(3).choice
    pairs = zip(choose(lists.given[:60], count), choose(lists.family[:90], count), strict=True)
    return [form.format(*pair) for pair in pairs]


SCRIPTS = {
    "de": r"[A-Za-zÀ-ž'-]+ [A-Za-zÀ-ž'-]+",
    "ru": r"[А-яЁё-]+ [А-яЁё-]+",
    "el": r"[\u0370-\u03ff]+ [\u0370-\u03ff]+",
}


@pytest.mark.parametrize("locale", SCRIPTS)
def test_names_keep_their_script_and_are_new(locale):
    """Given and family name, none of the input's persons."""
    real = full_names(locale, 2_000)
    fresh = made(makers({"patient_name": real})["patient_name"], 2_000)
    assert all(re.fullmatch(SCRIPTS[locale], name) for name in fresh)
    assert not set(fresh) & set(real)


COMMON = {
    "en": ("James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth",
           "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Wilson"),
    "fr": ("Jean Marie Pierre Sophie Lucas Camille Nicolas Julie Antoine Claire",
           "Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon"),
    "es": ("Maria Jose Ana Juan Carmen Luis Antonio Laura Carlos Marta",
           "Garcia Rodriguez Gonzalez Fernandez Lopez Martinez Sanchez Perez Gomez Ruiz Alonso"),
}  # fmt: skip


@pytest.mark.parametrize("locale", COMMON)
def test_common_names_are_of_their_language(locale):
    """Smith and Thomas are on the lists of French too."""
    given, family = (names.split() for names in COMMON[locale])
    real = [f"{family[n % len(family)]}, {given[n % len(given)]}" for n in range(500)]
    fresh = made(makers({"name": real})["name"], 400)
    own = {*names_of(locale).given, *names_of(locale).family}
    words = [word for name in fresh for word in name.split(", ")]
    assert sum(word in own for word in words) > 0.9 * len(words)


def test_names_without_spaces_are_names():
    """A Chinese name is a family name and a given one."""
    lists = names_of("zh")
    real = [
        random(n).choice(lists.family[:200]) + random(n + 1).choice(lists.given[:200])
        for n in range(1_000)
    ]
    fresh = made(makers({"姓名": real})["姓名"], 1_000)
    assert all(re.fullmatch(r"[\u4e00-\u9fff]{2,5}", name) for name in fresh)
    assert not set(fresh) & set(real)


def test_the_form_of_names_is_kept():
    """Initials with a point, capitals, the family name first, titles in their share."""
    initials = [
        name.replace(" ", f" {'ABCDE'[n % 5]}. ") for n, name in enumerate(full_names("en", 1_000))
    ]
    fresh = made(makers({"full_name": initials})["full_name"], 500)
    assert all(re.fullmatch(r"\w+ [A-Z]\. \w+", name) for name in fresh)
    shouted = [
        f"{family.upper()}, {'Dr. ' if n % 4 == 0 else ''}{given}"
        for n, (given, family) in enumerate(name.split() for name in full_names("de", 1_000))
    ]
    fresh = made(makers({"patient_name": shouted})["patient_name"], 2_000)
    assert all(re.fullmatch(r"[^\Wa-z]+, (Dr\. )?[^\W\d]+", name) for name in fresh)
    assert abs(sum("Dr." in name for name in fresh) / 2_000 - 0.25) < 0.06


def test_a_name_that_few_have_is_not_used():
    """Neither as a whole nor in part."""
    real = [*full_names("en", 1_000), "Zebediah Quackenbush", "Alice Zweig"]
    fresh = made(makers({"full_name": real})["full_name"], 5_000)
    words = {word for name in fresh for word in name.split()}
    assert not words & {"Zebediah", "Quackenbush", "Zweig"}


@pytest.mark.parametrize("column", ["customer", "Kunde", "patient", "owner"])
def test_persons_have_names_though_their_column_does_not_say_so(column):
    """Read by their words: a company under the same heading stays one."""
    fresh = made(makers({column: full_names("en", 1_000)})[column], 500)
    listed = {*names_of("en").given, *names_of("en").family}
    assert all(word in listed for name in fresh for word in name.split())
    companies = [f"{name.split()[1]} Gears" for name in full_names("en", 1_000)]
    assert column not in makers({column: companies})


def test_things_and_few_names_are_no_persons():
    """The name of a product, and five names that all rows share."""
    products = random().choice([f"Green Tea {a}{b}" for a in "ABCDE" for b in "ABCDE"], 2_000)
    few = random().choice(["Ada Q", "Bob Z", "Cy U", "Dee V", "Eli M"], 2_000)
    assert not makers({"product_name": products, "name": few})


@pytest.mark.parametrize("column", ["customer_name", "customer"])
def test_an_address_goes_with_the_name(column):
    """Where the input's do; never one of the input's, and never the same for two persons."""
    names = full_names("fr", 1_500)
    emails = [
        f"{name.lower().replace(' ', '.')}{number}@{domain}"
        for name, number, domain in zip(
            names,
            random().integers(100_000, 999_999, 1_500),
            random().choice(["example.org", "mail.fr"], 1_500),
            strict=True,
        )
    ]
    found = makers({"email": emails, column: names})
    assert set(found) == {column, "email"}
    assert found["email"].needs == (column,)
    fresh_names = found[column].make(np.arange(1_000), {}, random())
    fresh = made(found["email"], 1_000, **{column: fresh_names})
    for email, name in zip(fresh, fresh_names.to_pylist(), strict=True):
        assert re.fullmatch(r"[^@\s]+\d{6}@(example\.org|mail\.fr)", email)
        assert email.startswith(name.lower().replace(" ", "."))
    assert len(set(fresh)) == 1_000
    assert not set(fresh) & set(emails)


def test_a_domain_that_few_have_is_not_used():
    """It may be a person's own."""
    emails = [f"user{n}@mail.example" for n in range(500)] + ["me@zebediah.example"]
    fresh = made(makers({"email": emails})["email"], 2_000)
    assert all(email.endswith("@mail.example") for email in fresh)


def test_makers_are_kept_and_taken_up_again():
    """All of them, as bytes."""
    names = full_names("en", 600)
    table = {
        "id": list(range(1, 601)),
        "full_name": names,
        "email": [
            f"{n.lower().replace(' ', '.')}{i + 1000}@a.example" for i, n in enumerate(names)
        ],
        "code": [f"K-{n:07d}" for n in random().choice(10**7, 600, replace=False)],
        "note": [
            " ".join(random(n).choice(["the", "parcel", "came", "late", "again", "today"], 9))
            for n in range(600)
        ],
    }
    found = makers(table)
    assert set(found) == set(table)
    for name, maker in found.items():
        again = packing.from_bytes(packing.to_bytes(maker))
        given = {need: found[need].make(np.arange(50), {}, random()) for need in maker.needs}
        assert made(again, 50, **given) == made(maker, 50, **given), name
        assert again.needs == maker.needs
        assert isinstance(
            maker.make(np.arange(3), {k: v[:3] for k, v in given.items()}, random()), pa.Array
        )
