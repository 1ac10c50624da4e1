"""Postal addresses: new ones of the same form, with streets and places of the same language.

The names are from the data of the library mimesis.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from datagen_nb.synth.identities.forms import Pattern
from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.names import LOCALES, script_of
from datagen_nb.synth.identities.phrases import WORD, fit_phrases

_WORDS = re.compile(r"[^\W\d_]{4,}")

MIN_NAMES = 40
"""Different names of streets at least."""


@dataclass(frozen=True)
class PlaceLists:
    """Names of streets and of cities of one language, in order."""

    streets: tuple[str, ...]
    cities: tuple[str, ...]


@lru_cache(maxsize=32)
def places_of(locale: str) -> PlaceLists:
    """The names of streets and cities of a language."""
    file = files("mimesis.datasets") / locale / "address.json"
    data = json.loads(file.read_text("utf-8"))
    streets = {name for name in data["street"]["name"] if not re.search(r"\d", name)}
    cities = {name for name in data["city"] if not re.search(r"\d", name)}
    return PlaceLists(tuple(sorted(streets)), tuple(sorted(cities)))


def fit_addresses(
    texts: Sequence[str], *, known: KnownValues, is_unique: bool, min_count: int, seed: int
) -> Pattern | None:
    """Find the forms of addresses; the arguments are those of `fit_phrases`."""
    places = places_of(_language(texts))

    def names(place: int, before: str, after: str, common: AbstractSet[str]) -> Sequence[str]:
        if place:
            return places.cities
        return _streets(places.streets, common, before, after)

    return fit_phrases(
        texts,
        names,
        known=known,
        is_unique=is_unique,
        min_count=min_count,
        seed=seed,
        is_hyphenated=True,
    )


def _streets(
    names: Sequence[str], common: AbstractSet[str], before: str, after: str
) -> Sequence[str]:
    """Names of streets without the common word that stands before or after them."""
    if after == WORD:
        parts = (name.rpartition(" ") for name in names)
        without = {name for name, _, word in parts if name and word in common}
    elif before == WORD:
        parts = (name.partition(" ") for name in names)
        without = {name for word, _, name in parts if name and word in common}
    else:
        return names
    if len(without) < MIN_NAMES:
        without = {name for name in names if not set(name.split()) & common}
    return sorted(without) if len(without) >= MIN_NAMES else names


def _language(texts: Sequence[str]) -> str:
    """The language whose streets and cities have most of the words."""
    words = {word.lower() for text in texts for word in _WORDS.findall(text)}
    script = script_of(texts)
    locales = LOCALES.get(script, LOCALES["LATIN"])
    shares = {}
    for locale in locales:
        places = places_of(locale)
        known = {word for name in (*places.streets, *places.cities) for word in _words(name)}
        shares[locale] = sum(word in known for word in words)
    return max(shares, key=lambda locale: shares[locale])


def _words(name: str) -> list[str]:
    return name.lower().split()
