"""What makes names, addresses, identifiers and texts of declared columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import pyarrow as pa

from datagen_nb.core.declaration import DeclaredColumn
from datagen_nb.core.declared_kinds import MARKS
from datagen_nb.synth.declared import places
from datagen_nb.synth.identities import Maker
from datagen_nb.synth.identities.addresses import places_of
from datagen_nb.synth.identities.forms import Form, Pattern
from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.maker import Numbers
from datagen_nb.synth.identities.names import LOCALES as SCRIPTS
from datagen_nb.synth.identities.names import names_of
from datagen_nb.synth.identities.of_columns import TextsOfColumns
from datagen_nb.synth.identities.of_names import PLAIN_DOMAINS, TextsOfNames
from datagen_nb.synth.identities.permutation import KEYS, Permutation
from datagen_nb.synth.identities.segments import (
    DIGITS,
    LOWER,
    Digits,
    Levels,
    Literal,
    Segment,
    Signs,
    Words,
)
from datagen_nb.synth.identities.serial import Counting

_HEX = "0123456789abcdef"
_ALPHABETS = {"#": DIGITS, "?": LOWER.upper(), "^": _HEX}
_UNSPACED = ("zh", "ja", "ko")
"""Languages whose names and sentences have no spaces."""

_WAYS: Mapping[str, int] = {
    "{first}.{last}": 6,
    "{f}.{last}": 2,
    "{first}{last}": 1,
    "{first}.{last}{digits}": 3,
}
_UNIQUE_WAYS: Mapping[str, int] = {"{first}.{last}{digits}": 3, "{f}{last}{digits}": 1}
_USER_WAYS: Mapping[str, int] = {"{f}{last}": 3, "{first}{last}": 1, "{first}{digits}": 2}
_UNIQUE_USER_WAYS: Mapping[str, int] = {"{f}{last}{digits}": 2, "{first}{digits}": 1}

_WORDS = (4, 12)
"""Words of a text, if nothing is said."""


@dataclass(frozen=True, eq=False)
class Distinct:
    """Texts of one form, each of which is made at most once.

    Attributes:
        form: Has at least as many texts as rows are asked for.
        key: Scatters the numbers over them.
    """

    form: Form
    key: int

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    @property
    def is_unique(self) -> bool:
        return True

    def rekeyed(self, shift: int) -> Distinct:
        return replace(self, key=(self.key + shift) % KEYS)

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one text for each number; see `Maker`."""
        del given
        # A block may have more rows than are asked for, of which there need be no text.
        ranks = Permutation(self.form.size, self.key)(numbers % self.form.size)
        return self.form.write(len(numbers), random, ranks)


@dataclass(frozen=True)
class Scattered:
    """Integers between bounds, each of which is made at most once.

    Attributes:
        low: The lowest.
        size: How many there are.
        key: Scatters the numbers over them.
    """

    low: int
    size: int
    key: int

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    @property
    def is_unique(self) -> bool:
        return True

    def rekeyed(self, shift: int) -> Scattered:
        return replace(self, key=(self.key + shift) % KEYS)

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one integer for each number; see `Maker`."""
        del given, random
        return pa.array(self.low + Permutation(self.size, self.key)(numbers % self.size))


def maker_of(column: DeclaredColumn, locale: str, seed: int) -> Maker | None:
    """What makes the values of a column; ``None`` if they are drawn or computed.

    Args:
        column: The column.
        locale: Language of names and places.
        seed: Scatters values that do not repeat.
    """
    key = crc32(f"{seed} {column.name}".encode())
    options = column.options
    match column.kind:
        case "id" if "pattern" not in options:
            return Counting(options.get("start", 1), 1, 2**62, 0, "int64")
        case "integer" if column.is_unique:
            return Scattered(int(options["min"]), column.values or 1, key)
        case "person" if len(column.names) == 2:
            return _joined(column.names, locale, key)
        case "email" | "username":
            return _of_names(column, locale, key)
    forms = _forms(column, locale)
    if not forms:
        return None
    if column.is_unique:
        return Distinct(forms[0], key)
    return Pattern(forms, _nothing(key), key, is_unique=False)


def _forms(column: DeclaredColumn, locale: str) -> tuple[Form, ...]:
    """The forms of the texts of a kind; empty of one that has none."""
    options, names = column.options, names_of(locale)
    match column.kind:
        case "id" | "pattern":
            return (Form(pattern(options["pattern"]), 1),)
        case "uuid":
            return (Form(_uuid(), 1),)
        case "person":
            return (Form(_person(locale), 1),)
        case "first_name":
            return (Form((Words(names.given),), 1),)
        case "last_name":
            return (Form((Words(names.family),), 1),)
        case "phone":
            return tuple(Form(one, 1) for one in places.phones(locale))
        case "iban":
            account = places.IBANS.get(locale, places.IBANS[places.DEFAULT_IBAN])
            return (Form(places.mask(account), 1, "iban"),)
        case "company":
            suffixes = places.COMPANIES.get(locale, places.DEFAULT_COMPANY)
            return (Form((Words(names.family), Levels.of(Counter(suffixes))), 1),)
        case "street":
            return (Form(places.street(locale), 1),)
        case "city":
            return (Form((Words(places_of(locale).cities),), 1),)
        case "postcode":
            return (Form(places.postcode(locale), 1),)
        case "country":
            return (Form((Words(places.countries(locale)),), 1),)
        case "url":
            return (Form(_url(), 1),)
        case "ip":
            byte, host = _up_to(0, 256), _up_to(1, 254)
            dot = Literal(".")
            return (Form((Literal("10."), byte, dot, byte, dot, host), 1),)
        case "text":
            return _sentences(options.get("words", _WORDS), locale)
    return ()


def pattern(text: str) -> tuple[Segment, ...]:
    r"""The segments of a declared pattern; ``\`` takes the sign behind it as it is."""
    found: list[Segment] = []
    signs = iter(text)
    for sign in signs:
        if sign in MARKS:
            found.append(Signs((_ALPHABETS[sign],)))
        else:
            found.append(Literal(next(signs, sign) if sign == "\\" else sign))
    return _merged(found)


def _merged(segments: list[Segment]) -> tuple[Segment, ...]:
    """Segments of which neighbours of one kind are one, at most 12 signs long."""
    found: list[Segment] = []
    for one in segments:
        last = found[-1] if found else None
        if isinstance(one, Literal) and isinstance(last, Literal):
            found[-1] = Literal(last.text + one.text)
        elif isinstance(one, Signs) and isinstance(last, Signs) and len(last.alphabets) < 12:
            found[-1] = Signs(last.alphabets + one.alphabets)
        else:
            found.append(one)
    return tuple(found)


def _joined(names: tuple[str, ...], locale: str, key: int) -> Maker:
    first, last = names
    other = Pattern((Form(_person(locale), 1),), _nothing(key), key, is_unique=False)
    if locale in _UNSPACED:
        return TextsOfColumns((last, first), ("", "", ""), other)
    return TextsOfColumns((first, last), ("", " ", ""), other)


def _of_names(column: DeclaredColumn, locale: str, key: int) -> Maker:
    """Addresses and user names; what is no Latin script has those of English names."""
    is_latin = locale in SCRIPTS["LATIN"]
    is_address = column.kind == "email"
    if is_address:
        ways = _UNIQUE_WAYS if column.is_unique else _WAYS
    else:
        ways = _UNIQUE_USER_WAYS if column.is_unique else _USER_WAYS
    return TextsOfNames(
        name_columns=column.names if is_latin else (),
        ways=tuple(ways),
        way_counts=tuple(ways.values()),
        digits=4 if column.is_unique else 2,
        domains=PLAIN_DOMAINS if is_address else (),
        domain_counts=(1,) * len(PLAIN_DOMAINS) if is_address else (),
        is_plain=True,
        known=_nothing(key),
        key=key,
        others=names_of(locale if is_latin else "en"),
    )


def _person(locale: str) -> tuple[Segment, ...]:
    names = names_of(locale)
    if locale in _UNSPACED:
        return Words(names.family), Words(names.given)
    return Words(names.given), Literal(" "), Words(names.family)


def _uuid() -> tuple[Segment, ...]:
    """Version 4 of RFC 9562."""
    four = Signs((_HEX,) * 4)
    dash = Literal("-")
    return (
        *(Signs((_HEX,) * 8), dash, four, Literal("-4"), Signs((_HEX,) * 3)),
        *(dash, Signs(("89ab", _HEX, _HEX, _HEX)), dash, Signs((_HEX,) * 12)),
    )


def _url() -> tuple[Segment, ...]:
    plain = Words(places.words("en"))
    hosts = Levels.of(Counter(PLAIN_DOMAINS))
    return Literal("https://www."), hosts, Literal("/"), plain, Literal("/"), plain


def _up_to(first: int, size: int) -> Digits:
    return Digits(np.array([first]), np.array([size]), np.array([size]), width=0)


def _sentences(bounds: tuple[int, int], locale: str) -> tuple[Form, ...]:
    """A form for each number of words."""
    plain = places.words(locale)
    first = Words(tuple(word.capitalize() for word in plain))
    between = "" if locale in _UNSPACED else " "
    following: tuple[Segment, ...] = (Literal(between), Words(plain))
    end = Literal("." if between else "。")
    return tuple(
        Form((first, *following * (count - 1), end), 1) for count in range(bounds[0], bounds[1] + 1)
    )


def _nothing(key: int) -> KnownValues:
    """There is no input of which no value may be made."""
    return KnownValues.of(pa.array([], pa.string()), key)
