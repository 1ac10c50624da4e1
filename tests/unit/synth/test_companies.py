"""Names of companies: new ones of the same form."""

import re

import pytest

from datagen_nb.synth.identities.names import names_of
from tests.unit.synth.test_identities import made, makers, random

ROWS = 1_200
FORM = re.compile(r"\w+( (Systems|Foods))? (Ltd|Inc|GmbH)|\w+-\w+|\w+, \w+ and \w+|\w+ & Sons")


def companies() -> list[str]:
    chance, family = random(), names_of("en").family
    found = []
    for number in range(ROWS):
        one, two, three = chance.choice(family, 3)
        kind, end = chance.choice(["Systems ", "Foods ", ""]), chance.choice(["Ltd", "Inc", "GmbH"])
        forms = (
            f"{one} {kind}{end}",
            f"{one}-{two}",
            f"{one}, {two} and {three}",
            f"{one} & Sons",
        )
        found.append(forms[number % 4])
    return found


@pytest.mark.parametrize("column", ["company", "employer", "Firma", "supplier_name"])
def test_names_of_companies_keep_their_forms_and_are_new(column):
    """The words that many have stay, and the names are others."""
    real = companies()
    fresh = made(makers({column: real})[column], 1_000)
    assert all(FORM.fullmatch(name) for name in fresh)
    assert not set(fresh) & set(real)
    assert abs(sum("-" in name for name in fresh) / 1_000 - 0.25) < 0.06


def test_a_name_that_few_companies_have_is_not_used():
    """Neither as a whole nor in part."""
    real = [*companies(), "Quackenbush & Sons", "Zweig Foods Ltd"]
    fresh = made(makers({"company": real})["company"], 3_000)
    words = {word for name in fresh for word in re.findall(r"\w+", name)}
    assert not words & {"Quackenbush", "Zweig"}
