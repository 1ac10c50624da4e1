"""How each language writes phone numbers, postcodes, streets, bank accounts and companies.

Masks and lists are from the data of the library mimesis; the form of a bank account is that of
the IBAN registry (ISO 13616).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from datagen_nb.synth.identities.addresses import places_of
from datagen_nb.synth.identities.segments import (
    DIGITS,
    LOWER,
    Digits,
    Literal,
    Segment,
    Signs,
    Words,
)

IBANS: Mapping[str, str] = {
    "en": "GB00@@@@" + "#" * 14,
    "de": "DE00" + "#" * 18,
    "fr": "FR00" + "#" * 23,
    "es": "ES00" + "#" * 20,
    "it": "IT00@" + "#" * 22,
    "nl": "NL00@@@@" + "#" * 10,
    "pt": "PT00" + "#" * 21,
    "pl": "PL00" + "#" * 24,
    "cs": "CZ00" + "#" * 20,
    "sv": "SE00" + "#" * 20,
    "da": "DK00" + "#" * 14,
    "no": "NO00" + "#" * 11,
    "fi": "FI00" + "#" * 14,
    "hu": "HU00" + "#" * 24,
    "tr": "TR00" + "#" * 22,
    "hr": "HR00" + "#" * 17,
    "uk": "UA00" + "#" * 25,
    "el": "GR00" + "#" * 23,
    "ar": "SA00" + "#" * 20,
    "fa": "IR00" + "#" * 22,
}
"""The account of a language's largest country; others have that of ``DEFAULT_IBAN``."""

DEFAULT_IBAN = "de"

COMPANIES: Mapping[str, tuple[str, ...]] = {
    "en": (" Inc", " LLC", " Ltd"),
    "de": (" GmbH", " AG", " KG"),
    "fr": (" SA", " SARL", " SAS"),
    "es": (" SA", " SL"),
    "it": (" SpA", " Srl"),
    "nl": (" BV", " NV"),
    "pt": (" SA", " Lda"),
    "pt-br": (" SA", " Ltda"),
    "pl": (" SA", " sp. z o.o."),
    "cs": (" a.s.", " s.r.o."),
    "sv": (" AB",),
    "da": (" A/S", " ApS"),
    "no": (" AS", " ASA"),
    "fi": (" Oy", " Oyj"),
    "hu": (" Kft.", " Zrt."),
    "tr": (" A.Ş.", " Ltd. Şti."),
    "hr": (" d.d.", " d.o.o."),
    "ko": ("주식회사",),
    "zh": ("有限公司",),
    "ja": ("株式会社",),
}
"""Legal forms behind a family name; others have that of ``DEFAULT_COMPANY``."""

DEFAULT_COMPANY = (" Ltd",)

MAX_PHONES = 8
"""Forms of phone numbers, so that each is a good share."""

MIN_WORDS = 50

_PART = re.compile(r"\{(\w*)\}|([^{}]+)")


def mask(text: str) -> tuple[Segment, ...]:
    """The segments of a mask, in which ``#`` is a digit and ``@`` a capital."""
    found: list[Segment] = []
    for run in re.findall(r"#{1,12}|@{1,12}|[^#@]+", text):
        if run[0] == "#":
            found.append(Signs((DIGITS,) * len(run)))
        elif run[0] == "@":
            found.append(Signs((LOWER.upper(),) * len(run)))
        else:
            found.append(Literal(run))
    return tuple(found)


def phones(locale: str) -> list[tuple[Segment, ...]]:
    """Some forms of phone numbers."""
    return [mask(text) for text in _listed(_data(locale, "person")["telephone_fmt"])[:MAX_PHONES]]


def postcode(locale: str) -> tuple[Segment, ...]:
    """The form of a postcode."""
    return mask(_listed(_data(locale, "address")["postal_code_fmt"])[0])


def street(locale: str) -> tuple[Segment, ...]:
    """A street and the number of a house."""
    return tuple(_street(locale))


def countries(locale: str) -> tuple[str, ...]:
    """Names of countries."""
    return tuple(sorted(set(_data(locale, "address")["country"]["name"])))


def words(locale: str) -> tuple[str, ...]:
    """Plain words; a language of which few are listed has those of English."""
    listed = _data(locale, "text")["words"]
    if len(listed) < MIN_WORDS:
        return words("en")
    return tuple(sorted({word for word in listed if word.isalpha() and word == word.lower()}))


def _street(locale: str) -> Iterator[Segment]:
    data, names = _data(locale, "address"), places_of(locale).streets
    number = Digits(np.array([1]), np.array([199]), np.array([199]), width=0)
    positional = iter((Words(names), number, number, number))
    for name, between in _PART.findall(data["address_fmt"]):
        if between:
            yield Literal(between)
        elif name == "st_sfx":
            yield Words(tuple(sorted(set(data["street"]["suffix"]))))
        elif name == "st_name":
            yield Words(names)
        else:
            yield number if name else next(positional)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


@lru_cache(maxsize=16)
def _data(locale: str, name: str) -> Any:
    """The data of a language; what that of a country leaves out is its language's."""
    file = files("mimesis.datasets") / locale / f"{name}.json"
    own = json.loads(file.read_text("utf-8"))
    language, _, country = locale.partition("-")
    return _merged(_data(language, name), own) if country else own


def _merged(whole: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(whole[key], one) if _is_map(one) and _is_map(whole.get(key)) else one
        for key, one in own.items()
    }
    return {**whole, **both}
