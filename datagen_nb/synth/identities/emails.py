"""E-mail addresses that go with the name in the same row, where the input's do.

Kept are the ways in which a name becomes an address, the number of digits, and the domains that
many addresses have.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.maker import Numbers
from datagen_nb.synth.identities.permutation import Permutation

MIN_NAMED = 0.7
"""Share of the addresses that must contain the row's name."""

MAX_WAYS = 12
MAX_TRIES = 4

_DIGITS = re.compile(r"\d+")
_WORDS = re.compile(r"[^\W\d_]{2,}")

PLAIN_DOMAINS = ("example.com", "example.net", "example.org")
"""Reserved by RFC 2606: used where no domain is common."""


@dataclass(frozen=True)
class NamedEmails:
    """Addresses made of the names in another column.

    Attributes:
        name_column: The column of names, also made anew.
        ways: Texts with ``{first}``, ``{last}``, ``{f}``, ``{l}`` and ``{digits}``.
        way_counts: How many addresses of the input each has.
        digits: How many digits.
        domains: What follows the at sign.
        domain_counts: How many addresses of the input each has.
        is_plain: Whether accents are left out.
        known: Addresses that must not be made.
        key: Scatters the digits.
    """

    name_column: str
    ways: tuple[str, ...]
    way_counts: tuple[int, ...]
    digits: int
    domains: tuple[str, ...]
    domain_counts: tuple[int, ...]
    is_plain: bool
    known: KnownValues
    key: int

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.name_column,)

    @property
    def is_unique(self) -> bool:
        return True

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one address for each number; see `Maker`."""
        rows = len(numbers)
        ways = np.array(self.ways, dtype=object)[_drawn(self.way_counts, rows, random)]
        domains = np.array(self.domains, dtype=object)[_drawn(self.domain_counts, rows, random)]
        parts = [
            _parts(name or "", is_plain=self.is_plain)
            for name in given[self.name_column].to_pylist()
        ]
        made, left = np.full(rows, "", dtype=object), np.arange(rows)
        for tried in range(MAX_TRIES):
            digits = self._digits(numbers[left], tried)
            chosen = zip(left.tolist(), ways[left], digits, domains[left], strict=True)
            made[left] = [
                way.format(**parts[row], digits=digit) + "@" + domain
                for row, way, digit, domain in chosen
            ]
            left = left[self.known.contains(pa.array(made[left], pa.string()))]
            if not len(left):
                break
        return pa.array(made, pa.string())

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


def fit_named_emails(
    emails: Sequence[str],
    names: Sequence[str | None],
    *,
    name_column: str,
    known: KnownValues,
    min_count: int,
    seed: int,
) -> NamedEmails | None:
    """Find out how addresses follow from names.

    Args:
        emails: Distinct addresses.
        names: The name in the row of each.
        name_column: Where the names are.
        known: Addresses that must not be made.
        min_count: So many addresses must have a domain, and a way of being made.
        seed: Of the digits.

    Returns:
        None if too few addresses contain the name of their row.
    """
    ways: Counter[str] = Counter()
    domains: Counter[str] = Counter()
    widths: Counter[int] = Counter()
    accents = 0
    for email, name in zip(emails, names, strict=True):
        local, _, domain = email.rpartition("@")
        domains[domain] += 1
        accents += not local.isascii()
        way, width = _way(local.lower(), name or "")
        if way:
            ways[way] += 1
            widths[width] += 1
    if ways.total() < MIN_NAMED * len(emails):
        return None
    common = [item for item in ways.most_common(MAX_WAYS) if item[1] >= min_count]
    shared = [item for item in sorted(domains.items()) if item[1] >= min_count]
    shared = shared or [(domain, 1) for domain in PLAIN_DOMAINS]
    # Two persons may have one name: digits tell their addresses apart.
    common = [(way if "{digits}" in way else way + "{digits}", count) for way, count in common]
    if not common:
        return None
    width = max((width for width, count in widths.items() if count >= min_count), default=0)
    return NamedEmails(
        name_column=name_column,
        ways=tuple(way for way, _ in common),
        way_counts=tuple(count for _, count in common),
        digits=min(max(width, 4), 17),
        domains=tuple(domain for domain, _ in shared),
        domain_counts=tuple(count for _, count in shared),
        is_plain=not accents,
        known=known,
        key=seed,
    )


def _way(local: str, name: str) -> tuple[str, int]:
    """How the local part is made of the name, and its number of digits; empty if it is not."""
    for is_plain in (False, True):
        parts = _parts(name, is_plain=is_plain)
        text = local.replace("{", "").replace("}", "")
        # Long names first, so that an initial is not found within one.
        for key in ("last", "first"):
            text = text.replace(parts[key], "{" + key + "}", 1) if parts[key] else text
        if "{last}" in text and "{first}" not in text:
            text = re.sub(rf"^{re.escape(parts['f'])}(?=[._-]?\{{last)", "{f}", text)
        if "{first}" in text and "{last}" not in text and parts["l"]:
            text = re.sub(rf"(?<=\}})([._-]?){re.escape(parts['l'])}(?=\d|$)", r"\1{l}", text)
        digits = _DIGITS.findall(text)
        plain = re.sub(r"\{\w+\}|\d+|[._+-]", "", text)
        if not plain and len(digits) <= 1 and ("{first}" in text or "{last}" in text):
            return _DIGITS.sub("{digits}", text), len(digits[0]) if digits else 0
    return "", 0


def _parts(name: str, *, is_plain: bool) -> dict[str, str]:
    if is_plain:
        name = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("ø", "o"))
        name = "".join(sign for sign in name if not unicodedata.combining(sign))
    words = _WORDS.findall(name.lower()) or [name.lower().strip() or "user"]
    if "," in name:
        words = [*words[1:], words[0]]
    first, last = words[0], words[-1]
    return {"first": first, "last": last, "f": first[0], "l": last[0]}


def _drawn(counts: Sequence[int], rows: int, random: np.random.Generator) -> Numbers:
    ends = np.cumsum(counts)
    return np.asarray(np.searchsorted(ends, random.integers(0, ends[-1], rows), side="right"))
