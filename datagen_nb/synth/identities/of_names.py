"""Texts that go with the names in the same row: e-mail addresses, user names, whole names.

Kept are the ways in which a name becomes such a text, the number of digits, and the domains that
many addresses have. Where no column has names, addresses are made of those of a language.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pyarrow as pa

from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.maker import Numbers
from datagen_nb.synth.identities.names import NameLists
from datagen_nb.synth.identities.permutation import KEYS, Permutation
from datagen_nb.synth.identities.segments import DIGITS

MIN_NAMED = 0.7
"""Share of the texts that must contain the row's name."""

MAX_WAYS = 12
MAX_TRIES = 4
MIN_DIGITS = 4

PLAIN_DOMAINS = ("example.com", "example.net", "example.org")
"""Reserved by RFC 2606: used where no domain is common."""

_DIGITS = re.compile(r"\d+")
_RUNS = re.compile(r"[^\W\d_]+")

SEPARATORS = "._-"

Name = tuple[str, ...]
"""What the columns of names have in a row: a whole name, or its parts with the family name last."""


def _ways() -> Iterable[tuple[str, tuple[str, ...]]]:
    """The ways in which texts are made of names, and the parts that each has."""
    cases = (str.lower, str.capitalize, str.upper)
    for pair in (("given", "family"), ("first", "last"), ("f", "last"), ("first", "l")):
        one, other = ([case(key) for case in cases] for key in pair)
        for first, second in (*product(one, other), *product(other, one)):
            for between in ("", *SEPARATORS, " ", ", ", ". "):
                yield f"{{{first}}}{between}{{{second}}}", (first, second)
    for key, case in product(("given", "family", "first", "last"), cases):
        yield f"{{{case(key)}}}", (case(key),)


WAYS = tuple(_ways())


@dataclass(frozen=True)
class TextsOfNames:
    """Texts made of the names in other columns.

    Attributes:
        name_columns: One of whole names, or one of given and one of family names.
        ways: Texts with the keys of `_parts` and ``{digits}`` in braces.
        way_counts: How many texts of the input each has.
        digits: How many digits.
        domains: What follows the at sign of addresses; none for other texts.
        domain_counts: How many addresses of the input each has.
        is_plain: Whether accents are left out.
        known: Texts that must not be made: an address, or a text with digits, gets other digits.
        key: Scatters the digits.
        others: Names where those columns are not made for the same rows.
    """

    name_columns: tuple[str, ...]
    ways: tuple[str, ...]
    way_counts: tuple[int, ...]
    digits: int
    domains: tuple[str, ...]
    domain_counts: tuple[int, ...]
    is_plain: bool
    known: KnownValues
    key: int
    others: NameLists

    @property
    def needs(self) -> tuple[str, ...]:
        return self.name_columns

    @property
    def is_unique(self) -> bool:
        return all("{digits}" in way for way in self.ways)

    def rekeyed(self, shift: int) -> TextsOfNames:
        return replace(self, key=(self.key + shift) % KEYS)

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one text for each number; see `Maker`."""
        rows = len(numbers)
        ways = np.array(self.ways, dtype=object)[_drawn(self.way_counts, rows, random)]
        ends = np.full(rows, "", dtype=object)
        if self.domains:
            domains = np.array([f"@{domain}" for domain in self.domains], dtype=object)
            ends = domains[_drawn(self.domain_counts, rows, random)]
        parts = [_parts(name, is_plain=self.is_plain) for name in self._names(rows, given, random)]
        made, left = np.full(rows, "", dtype=object), np.arange(rows)
        for tried in range(MAX_TRIES):
            digits = self._digits(numbers[left], tried)
            chosen = zip(left.tolist(), ways[left], digits, ends[left], strict=True)
            made[left] = [
                way.format(**parts[row], digits=digit) + end for row, way, digit, end in chosen
            ]
            left = left[self.known.contains(pa.array(made[left], pa.string()))]
            if not len(left) or not (self.is_unique or self.domains):
                break
            bare = [way if "{digits}" in way else way + "{digits}" for way in ways[left]]
            ways[left] = np.array(bare, dtype=object)
        return pa.array(made, pa.string())

    def _names(
        self, rows: int, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> Iterable[Name]:
        if self.name_columns and all(name in given for name in self.name_columns):
            return names_of_rows([given[name] for name in self.name_columns])
        lists = (self.others.given, self.others.family)
        drawn = [np.array(one, dtype=object)[random.integers(0, len(one), rows)] for one in lists]
        return zip(*(one.tolist() for one in drawn), strict=True)

    def _digits(self, numbers: Numbers, tried: int) -> list[str]:
        """Digits that differ from number to number: more of them once the width is used up."""
        size = 10**self.digits
        stretch = size // MAX_TRIES
        rounds, within = np.divmod(numbers, stretch)
        scattered = Permutation(size, self.key)(within + tried * stretch)
        return [
            f"{digits:0{self.digits}d}" + (f"{again}" if again else "")
            for digits, again in zip(scattered.tolist(), rounds.tolist(), strict=True)
        ]


def names_of_rows(columns: Sequence[pa.Array | pa.ChunkedArray]) -> list[Name]:
    """The name in each row of some columns; what is null is empty."""
    texts = [[text or "" for text in column.cast(pa.string()).to_pylist()] for column in columns]
    return list(zip(*texts, strict=True))


def fit_texts_of_names(
    texts: Sequence[str],
    names: Sequence[Name],
    *,
    name_columns: tuple[str, ...],
    others: NameLists,
    is_address: bool,
    is_unique: bool,
    known: KnownValues,
    min_count: int,
    seed: int,
) -> TextsOfNames | None:
    """Find out how texts follow from names.

    Args:
        texts: Distinct texts.
        names: The name in the row of each; none if there is no column of names.
        name_columns: Where the names are.
        others: Names of the language.
        is_address: Whether the texts are e-mail addresses.
        is_unique: Whether those of two names differ, unless they are names written out.
        known: Texts that must not be made.
        min_count: So many texts must have a domain, and a way of being made.
        seed: Of the digits.

    Returns:
        None if too few texts contain the name of their row.
    """
    ways: Counter[str] = Counter()
    domains: Counter[str] = Counter()
    widths: Counter[int] = Counter()
    accents = 0
    for place, text in enumerate(texts):
        local, _, domain = text.rpartition("@") if is_address else (text, "", "")
        domains[domain] += 1
        accents += not local.isascii()
        found, width = _way(local, names[place]) if name_columns else _shape(local)
        if found:
            ways[found] += 1
            widths[width] += 1
    if ways.total() < (MIN_NAMED * len(texts) if name_columns else min_count):
        return None
    common = [item for item in ways.most_common(MAX_WAYS) if item[1] >= min_count]
    if not common:
        return None
    if is_unique and not _has_spaces(common):
        # Two persons may have one name: digits tell their addresses apart.
        common = [(way if "{digits}" in way else way + "{digits}", count) for way, count in common]
    shared = [item for item in sorted(domains.items()) if item[1] >= min_count]
    if is_address:
        shared = shared or [(domain, 1) for domain in PLAIN_DOMAINS]
    width = max((width for width, count in widths.items() if count >= min_count), default=0)
    return TextsOfNames(
        name_columns=name_columns,
        ways=tuple(way for way, _ in common),
        way_counts=tuple(count for _, count in common),
        digits=min(max(width, MIN_DIGITS), 17),
        domains=tuple(domain for domain, _ in shared) if is_address else (),
        domain_counts=tuple(count for _, count in shared) if is_address else (),
        is_plain=not accents and not _has_spaces(common),
        known=known,
        key=seed,
        others=others,
    )


def _has_spaces(common: Sequence[tuple[str, int]]) -> bool:
    """Whether the commonest way is one in which names are written out."""
    return " " in common[0][0]


def _way(text: str, name: Name) -> tuple[str, int]:
    """How a text is made of the name, and its number of digits; empty if it is not."""
    stem = text.rstrip(DIGITS)
    width = len(text) - len(stem)
    end = stem[len(stem.rstrip(SEPARATORS)) :] if width else ""
    letters = stem[: len(stem) - len(end)]
    for is_plain in (False, True):
        parts = _parts(name, is_plain=is_plain)
        if not any(parts[key] and parts[key] in letters.lower() for key in ("first", "last")):
            continue
        for way, keys in WAYS:
            if all(parts[key] for key in keys) and way.format(**parts) == letters:
                return way + end + ("{digits}" if width else ""), width
    return "", 0


def _shape(text: str) -> tuple[str, int]:
    """How a text may be made of a name that is not there."""
    runs, digits = _RUNS.findall(text), _DIGITS.findall(text)
    between = re.search(r"[^\W\d_]([._-])[^\W\d_]", text)
    way = "{first}" + between[1] + "{last}" if between and len(runs) == 2 else "{f}{last}"
    return way + "{digits}", max(map(len, digits), default=0)


def _parts(name: Name, *, is_plain: bool) -> dict[str, str]:
    """What texts are made of: the parts of a name, in small letters, as written, in capitals.

    ``given`` and ``family`` are what two columns have, ``first`` and ``last`` their letters, or
    those of the first and the last word of a whole name, ``f`` and ``l`` their initials.
    """
    if is_plain:
        name = tuple(_without_accents(text) for text in name)
    words = name if len(name) > 1 else name[0].split() or ["User"]
    if len(name) == 1 and "," in name[0]:
        words = [*words[1:], words[0]]
    first, last = ("".join(filter(str.isalnum, word)) for word in (words[0], words[-1]))
    given, family = (name[0], name[-1]) if len(name) > 1 else ("", "")
    parts = {"first": first, "last": last, "given": given, "family": family}
    found = {"f": first[:1].lower(), "F": first[:1], "l": last[:1].lower(), "L": last[:1]}
    for key, text in parts.items():
        found |= {key: text.lower(), key.capitalize(): text, key.upper(): text.upper()}
    return found


def _without_accents(text: str) -> str:
    text = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ø", "o"))
    return "".join(sign for sign in text if not unicodedata.combining(sign))


def _drawn(counts: Sequence[int], rows: int, random: np.random.Generator) -> Numbers:
    ends = np.cumsum(counts)
    return np.asarray(np.searchsorted(ends, random.integers(0, ends[-1], rows), side="right"))
