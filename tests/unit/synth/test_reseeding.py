"""A model under another seed has other identifiers, none of them the input's."""

from __future__ import annotations

import uuid
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.synth.fitting import fit
from datagen_nb.synth.identities.forms import Pattern
from datagen_nb.synth.identities.integers import RowNumbers
from datagen_nb.synth.identities.of_names import TextsOfNames
from datagen_nb.synth.identities.serial import Counting, Serial
from datagen_nb.synth.model import Model

ROWS = 1_500
SEED = 3
GIVEN = ["Anna", "Peter", "Maria", "John", "Laura", "Paul", "Emma", "James", "Sarah", "David"]
FAMILY = ["Miller", "Smith", "Jones", "Brown", "Taylor", "Wilson", "Clark", "Lewis", "Young"]


def persons() -> pa.Table:
    random = np.random.default_rng(1)
    given_names, family = random.choice(GIVEN, ROWS), random.choice(FAMILY, ROWS)
    signs = list("abcdefghijkmnpqrstuvwxyz0123456789-._ ")
    mails = [
        f"{one.lower()}.{other.lower()}{row}@mail.example"
        for row, (one, other) in enumerate(zip(given_names, family, strict=True))
    ]
    return pa.table(
        {
            "row": np.arange(1, ROWS + 1),
            "order": [f"ORD-{row * 7 % 1_000_003:06d}" for row in range(1, ROWS + 1)],
            "short": pa.array(random.permutation(30_000)[:ROWS] - 15_000, pa.int16()),
            "uuid": [str(uuid.UUID(bytes=random.bytes(16))) for _ in range(ROWS)],
            "any": ["".join(random.choice(signs, random.integers(5, 30))) for _ in range(ROWS)],
            "customer": [f"C{one:05d}" for one in np.sort(random.integers(0, 400, ROWS))],
            "given_name": given_names,
            "family_name": family,
            "email": mails,
            "price": random.gamma(2, 9, ROWS).round(2),
        }
    )


OWN = ["order", "short", "uuid", "any", "email"]
"""Columns with a value of its own in each row."""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return persons()


@pytest.fixture(scope="module")
def model(table) -> Model:
    return fit(table, seed=SEED, columns={"short": "id", "any": "id"})


def rows_of(model: Model, parts: int = 2) -> pa.Table:
    return pa.concat_tables(
        model.generate(part, ROWS // 2, offset=part * (ROWS // 2)) for part in range(parts)
    )


def values(table: pa.Table, name: str) -> list[object]:
    return table[name].to_pylist()


def test_the_table_has_columns_of_each_way_in_which_keys_are_made(model):
    """So that the rules below are looked at for each."""
    kinds = {type(maker) for maker in model.makers.values()}
    assert {Pattern, Counting, Serial, RowNumbers, TextsOfNames} <= kinds
    assert set(OWN) <= set(model.makers)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_identifiers_of_any_seed_are_new_and_differ(model, table, seed):
    """From the input's, and from each other: as those of the fit's seed are."""
    made = rows_of(model.reseeded(seed))
    for name in OWN:
        found = values(made, name)
        assert len(set(found)) == len(found), name
        assert not set(found) & set(values(table, name)), name
    assert not set(values(made, "customer")) & set(values(table, "customer"))


@pytest.mark.parametrize("name", [*OWN, "customer"])
def test_two_seeds_share_few_identifiers(model, name):
    """No more than two draws of as many from the same values do; no row has the same one."""
    one, other = (values(rows_of(model.reseeded(seed)), name) for seed in (7, 8))
    same = [left == right for left, right in zip(one, other, strict=True)]
    assert np.mean(same) < 0.01
    if name != "short":  # which has too few values to keep apart
        assert len(set(one) & set(other)) < 0.05 * len(set(one))


def test_row_numbers_stay(model):
    """A row has its number in any result."""
    assert values(rows_of(model.reseeded(8)), "row") == values(rows_of(model), "row")


def test_the_seed_of_the_fit_gives_the_rows_of_the_fit(model):
    """To the byte, also after another one, and whatever was kept meanwhile."""
    kept = Model.from_bytes(model.to_bytes())
    other = Model.from_bytes(model.reseeded(9).to_bytes())

    assert model.reseeded(SEED).to_bytes() == model.to_bytes()
    assert other.reseeded(SEED).to_bytes() == kept.to_bytes()
    assert rows_of(other.reseeded(SEED)).equals(rows_of(model))
    assert rows_of(other).equals(rows_of(model.reseeded(9)))
    assert not rows_of(other).equals(rows_of(replace(model, seed=9)))


def test_rows_of_an_entity_keep_its_key_under_another_seed(model):
    """A customer has as many rows as before, under another name."""
    made = rows_of(model.reseeded(11), parts=1)
    before = rows_of(replace(model, seed=11), parts=1)
    for one in (made, before):
        assert len(set(values(one, "customer"))) < ROWS // 3
    renamed = set(zip(values(before, "customer"), values(made, "customer"), strict=True))
    assert (
        len(renamed) == len(set(values(before, "customer"))) == len(set(values(made, "customer")))
    )
