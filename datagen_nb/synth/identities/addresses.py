"""Postal addresses: new ones of the same form, with streets and places of the same language.

Kept are the order of names and numbers, and the words that many rows have, such as ``Street`` or
``Apt``. The other names are those of a language, from the data of the library mimesis.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from datagen_nb.synth.identities.forms import Form, Pattern
from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.names import LOCALES, script_of
from datagen_nb.synth.identities.segments import (
    Levels,
    Literal,
    Segment,
    Signs,
    Words,
    drawn_digits,
)

MAX_FORMS = 12
MIN_NAMES = 40
"""Different names of streets and places at least."""

COMMON_SHARE = 0.01
"""Share of the texts that must have a word for it to stay."""

MIN_FORMED = 0.5
"""Share of the texts that must be of one of the forms that are kept."""

MAX_DIGITS = 6

NAME, WORD, NUMBER, LOWER, UPPER = "<name>", "<word>", "<number>", "<letter>", "<LETTER>"
"""What tokens may be; others are themselves."""

_TOKENS = re.compile(r"\d+|[^\W\d_]+(?:['’.-]*[^\W\d_]+)*\.?|.", re.DOTALL)


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
    """Find the forms of addresses.

    Args:
        texts: The values: distinct ones where values are to be distinct, those of rows else.
        known: Values that must not be made.
        is_unique: Whether distinct numbers are to give distinct values, if there are enough.
        min_count: So many texts must have a form, and a word that stays.
        seed: Scatters the values.

    Returns:
        None if too few texts have a form that many have.
    """
    cut = [_TOKENS.findall(text) for text in texts]
    counts = Counter(token for tokens in cut for token in set(tokens) if token[0].isalpha())
    least = max(min_count, COMMON_SHARE * len(texts))
    common = {token for token, count in counts.items() if count >= least}
    forms: dict[tuple[str, ...], list[list[str]]] = defaultdict(list)
    for tokens in cut:
        form, parts = _form(tokens, common)
        forms[form].append(parts)
    kept = sorted(forms.items(), key=lambda item: (-len(item[1]), item[0]))[:MAX_FORMS]
    kept = [(form, parts) for form, parts in kept if len(parts) >= min_count and NAME in form]
    if sum(len(parts) for _, parts in kept) < MIN_FORMED * len(texts):
        return None
    lists = places_of(_language(texts, counts))
    made = tuple(
        Form(_segments(form, parts, lists, common, min_count), len(parts)) for form, parts in kept
    )
    return Pattern(made, known, seed, is_unique and all(one.size >= len(texts) for one in made))


def _form(tokens: Sequence[str], common: set[str]) -> tuple[tuple[str, ...], list[str]]:
    """What the tokens of a text are, and those that are a common word or digits."""
    form: list[str] = []
    parts: list[str] = []
    for token in tokens:
        if token.isdigit() and len(token) <= MAX_DIGITS:
            form.append(NUMBER)
            parts.append(token)
        elif token in common:
            form.append(WORD)
            parts.append(token)
        elif len(token) == 1 and token.isalpha():
            form.append(LOWER if token.islower() else UPPER)
        elif not token[0].isalpha():
            form.append(token)
        elif form[-2:] == [NAME, " "]:
            form.pop()  # names of several words are one
        else:
            form.append(NAME)
    return tuple(form), parts


def _segments(
    form: tuple[str, ...],
    parts: Sequence[Sequence[str]],
    lists: PlaceLists,
    common: set[str],
    min_count: int,
) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    part, names = 0, 0
    for place, token in enumerate(form):
        if token == NAME:
            before, after = form[max(place - 2, 0)], form[min(place + 2, len(form) - 1)]
            streets = _streets(lists.streets, common, before, after)
            segments.append(Words(tuple(lists.cities if names else streets)))
            names += 1
        elif token in (WORD, NUMBER):
            texts = [one[part] for one in parts]
            is_word = token == WORD
            segments.append(
                Levels.of(Counter(texts)) if is_word else drawn_digits(texts, min_count=min_count)
            )
            part += 1
        elif token in (LOWER, UPPER):
            segments.append(Signs(("ABCDEFGH" if token == UPPER else "abcdefgh",)))
        else:
            segments.append(Literal(token))
    return tuple(segments)


def _streets(names: Sequence[str], common: set[str], before: str, after: str) -> Sequence[str]:
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


def _language(texts: Sequence[str], counts: Counter[str]) -> str:
    """The language whose streets and cities have most of the words."""
    words = [word.lower() for word in counts if len(word) > 3]
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
