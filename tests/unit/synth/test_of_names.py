"""Addresses, user names and whole names go with the names in the same row."""

import re

import numpy as np
import pyarrow as pa
import pytest

from datagen_nb.synth.fitting import fit
from datagen_nb.synth.identities.names import names_of
from tests.unit.synth.test_identities import made, makers, random

ROWS = 1_500


def persons(given: int, family: int, locale: str = "en") -> tuple[list[str], list[str]]:
    """Given and family names of rows, of so many different ones."""
    lists, choose = names_of(locale), random(3).choice
    return (
        choose(lists.given[:given], ROWS).tolist(),
        choose(lists.family[:family], ROWS).tolist(),
    )


def generated(table: dict[str, list[str]]) -> list[dict[str, str]]:
    return fit(pa.table(table), seed=5).generate(0, 800, offset=0).to_pylist()


@pytest.mark.parametrize("given", [8, 400], ids=["few given names", "many given names"])
def test_an_address_goes_with_names_in_two_columns(given):
    """Whether the given names are drawn, because many rows have each, or made anew."""
    first, last = persons(given, 500)
    emails = [
        f"{a}.{b}{n + 1_000}@{'ab'[n % 2]}.example".lower()
        for n, (a, b) in enumerate(zip(first, last, strict=True))
    ]
    rows = generated({"email": emails, "first_name": first, "last_name": last})
    for row in rows:
        expected = f"{row['first_name']}.{row['last_name']}".lower()
        assert re.fullmatch(expected + r"\d{4}@[ab]\.example", row["email"])
    assert len({row["email"] for row in rows}) == len(rows)
    assert not {row["email"] for row in rows} & set(emails)


def test_a_whole_name_and_a_user_name_are_those_of_the_row():
    """Neither has digits where the input's have none."""
    first, last = persons(400, 500)
    table = {
        "display": [f"{b.upper()}, {a}" for a, b in zip(first, last, strict=True)],
        "username": [f"{a[0]}{b}".lower() for a, b in zip(first, last, strict=True)],
        "first_name": first,
        "last_name": last,
    }
    for row in generated(table):
        assert row["display"] == f"{row['last_name'].upper()}, {row['first_name']}"
        assert row["username"] == f"{row['first_name'][0]}{row['last_name']}".lower()


def test_a_name_that_many_rows_have_gives_its_address():
    """Twelve agents are categories; their rows have addresses of their own."""
    first, last = persons(3, 4)
    names = [f"{a} {b}" for a, b in zip(first, last, strict=True)]
    emails = [f"{name.replace(' ', '_')}{n}@desk.example" for n, name in enumerate(names)]
    for row in generated({"agent": names, "email": emails}):
        local = row["email"].partition("@")[0]
        assert local.rstrip("0123456789") == row["agent"].replace(" ", "_")


def test_the_name_of_an_entity_gives_the_address_of_an_entity():
    """A customer has one address in all of its rows, and it is of its name."""
    first, last = persons(400, 500)
    which = random().integers(0, 500, ROWS)
    table = {
        "customer_id": [f"C-{n:06d}" for n in which],
        "customer_name": [f"{first[n]} {last[n]}" for n in which],
        "email": [f"{first[n]}.{last[n]}{n}@mail.example".lower() for n in which],
    }
    addresses: dict[str, set[str]] = {}
    for row in generated(table):
        assert row["email"].startswith(row["customer_name"].lower().replace(" ", "."))
        addresses.setdefault(row["customer_id"], set()).add(row["email"])
    assert all(len(one) == 1 for one in addresses.values())
    assert len(addresses) < 800


def test_addresses_without_names_are_addresses():
    """Of names of a language, none of the input's."""
    first, last = persons(400, 500)
    emails = [
        f"{a}.{b}@mail.example".lower().replace("'", "") for a, b in zip(first, last, strict=True)
    ]
    fresh = made(makers({"email": emails})["email"], 1_000)
    assert all(re.fullmatch(r"[^\W\d_]+\.[^\W\d_]+\d{4}@mail\.example", email) for email in fresh)
    assert len(set(fresh)) == 1_000
    assert not set(fresh) & set(emails)


@pytest.mark.parametrize("column", ["display", "assigned_to", "Ansprechpartner"])
def test_whole_names_are_read_as_such_under_any_heading(column):
    """By their given and family names; things of two words are none."""
    real = [f"{a} {b}" for a, b in zip(*persons(200, 300), strict=True)]
    fresh = made(makers({column: real})[column], 500)
    listed = {*names_of("en").given, *names_of("en").family}
    assert all(word in listed for name in fresh for word in name.split())
    assert not set(fresh) & set(real)
    letters = "abcdefghijklmnopqrst"
    things = [f"Amber Chair{letters[n // 20]}{letters[n % 20]}" for n in range(400)]
    fresh = made(makers({column: things})[column], 500)
    assert not any(name.split()[-1] in listed for name in fresh)


def test_what_only_some_addresses_share_with_names_is_no_rule():
    """Addresses that have nothing to do with the names keep their own form."""
    first, _ = persons(400, 500)
    emails = [f"user{n}@mail.example" for n in np.arange(ROWS) + 10_000]
    found = makers({"first_name": first, "email": emails})
    assert found["email"].needs == ()
    assert all(re.fullmatch(r"user\d+@mail\.example", text) for text in made(found["email"], 200))
