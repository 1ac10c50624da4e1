"""Values that must never be copied: identifiers and free text.

Both are functions of the row's number in the whole result, so that identifiers are unique across
parts, whoever makes them and however often.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]

AMPLE = 10**11
"""So many new identifiers are enough for any result."""

DIGITS = "0123456789"
LOWER = "abcdefghijklmnopqrstuvwxyz"
CLASSES = (
    DIGITS,
    "0123456789abcdef",
    "0123456789ABCDEF",
    LOWER,
    LOWER.upper(),
    LOWER + LOWER.upper(),
)
ANY = DIGITS + LOWER + LOWER.upper()
MOST_RANKS = 2**52
ROOM = 1_000
"""So many strings for each of the input's are room enough."""

COMMON_ROWS = 3
"""A word is used again only if so many rows have it: a rarer one may name someone."""

_PLAIN = """
about after again along among another because before between both could every first from have here
into just like little long made make many more most much must never number only other over people
place right same some such than that their them then there these thing this through time under
very water well were what when where which while with word work
"""
PLAIN_WORDS = tuple(_PLAIN.split())
"""Used beside a text's own common words when those are few."""


@dataclass(frozen=True, slots=True)
class CountingIds:
    """Integers that go on where the input's end.

    Attributes:
        first: The first of them.
        step: 1 to count up, -1 to count down.
        room: How many the type has; further rows begin again.
    """

    first: int
    step: int
    room: int

    def make(self, rows: Rows) -> npt.NDArray[Any]:
        kind = np.uint64 if self.first >= 2**63 else np.int64
        offset = (rows % self.room).astype(kind)
        return kind(self.first) + offset if self.step > 0 else kind(self.first) - offset


def learn_counting(values: npt.NDArray[Any]) -> CountingIds:
    """Learn integer identifiers: above the input's if there is room, else where there is most."""
    limits = np.iinfo(values.dtype)
    low, high = max(int(limits.min), -(2**63)), int(limits.max)
    support = [int(value) for value in np.unique(values)]
    above, below = high - support[-1], support[0] - low
    if above >= AMPLE or above >= below > 0:
        return CountingIds(support[-1] + 1, 1, min(above, 2**62))
    if below:
        return CountingIds(support[0] - 1, -1, min(below, 2**62))
    gaps = [after - before - 1 for before, after in pairwise(support)]
    widest = max(range(len(gaps)), key=gaps.__getitem__)
    if gaps[widest]:
        return CountingIds(support[widest] + 1, 1, min(gaps[widest], 2**62))
    return CountingIds(support[0], 1, len(support))


@dataclass(frozen=True, slots=True)
class PatternIds:
    """Strings of the input's commonest form, none of them the input's own.

    Attributes:
        alphabets: For each position the characters it may have; a single one is kept.
        taken: Sorted places, in the order of making, that would give a string of the input.
        factor: Makes neighbours look unlike; prime to the number of strings.
    """

    alphabets: tuple[str, ...]
    taken: tuple[int, ...]
    factor: int

    @property
    def ranks(self) -> int:
        """How many strings the ranked positions can tell apart."""
        return prod(len(self.alphabets[place]) for place in self.ranked)

    @property
    def ranked(self) -> list[int]:
        """The positions, from the right, that number the strings."""
        return _ranked(self.alphabets)

    def make(self, rows: Rows, random: np.random.Generator) -> npt.NDArray[Any]:
        free = self.ranks - len(self.taken)
        block, within = np.divmod(rows, free)
        taken = np.asarray(self.taken, dtype=np.int64)
        place = within + np.searchsorted(taken - np.arange(len(taken)), within, side="right")
        rank = np.array([int(p) * self.factor % self.ranks for p in place], dtype=np.int64)
        columns: list[npt.NDArray[np.str_]] = []
        ranked = set(self.ranked)
        for position in reversed(range(len(self.alphabets))):
            letters = np.array(list(self.alphabets[position]))
            if position in ranked:
                rank, digit = np.divmod(rank, len(letters))
            elif len(letters) > 1:
                digit = random.integers(0, len(letters), len(rows))
            else:
                digit = np.zeros(len(rows), dtype=np.int64)
            columns.append(letters[digit])
        text = columns[-1].astype(object)
        for column in reversed(columns[:-1]):
            text = text + column.astype(object)
        again = block > 0  # every string of this form is used up: number the rounds
        text[again] = text[again] + np.array([f"-{n}" for n in block[again]], dtype=object)
        return text


def learn_pattern(values: npt.NDArray[Any]) -> PatternIds:
    """Learn the form of string identifiers."""
    forms: dict[tuple[Any, ...], list[str]] = {}
    for value in values:
        forms.setdefault(_form(value), []).append(value)
    members = max(forms.values(), key=len)
    alphabets = tuple(_alphabet(set(letters)) for letters in zip(*members, strict=True))
    alphabets = _roomy(alphabets, ROOM * len(values))
    if not _ranked(alphabets):
        alphabets = (*alphabets, "-", DIGITS, DIGITS, DIGITS, DIGITS, DIGITS)
    made = _numbered(alphabets, values)
    if len(made.taken) < made.ranks:
        return made
    # The form has no string left: lengthen it.
    return _numbered((*alphabets, "-", DIGITS, DIGITS, DIGITS, DIGITS, DIGITS), values)


def _numbered(alphabets: tuple[str, ...], values: npt.NDArray[Any]) -> PatternIds:
    ranks = prod(len(alphabets[place]) for place in _ranked(alphabets))
    factor = _prime_to(ranks)
    inverse = pow(factor, -1, ranks) if ranks > 1 else 0
    taken = {
        rank * inverse % ranks for value in values if (rank := _rank(value, alphabets)) is not None
    }
    return PatternIds(alphabets, tuple(sorted(taken)), factor)


def _form(value: str) -> tuple[Any, ...]:
    return len(value), *((at, sign) for at, sign in enumerate(value) if not sign.isalnum())


def _alphabet(letters: set[str]) -> str:
    if len(letters) == 1:
        return letters.pop()
    for alphabet in (*CLASSES, ANY):
        if letters <= set(alphabet):
            return alphabet
    return "".join(sorted(letters | set(ANY)))


def _roomy(alphabets: tuple[str, ...], enough: int) -> tuple[str, ...]:
    """Let digits vary that all values share, as in N00417, until there is room enough."""
    roomy = list(alphabets)
    for position in reversed(range(len(roomy))):
        if prod(len(roomy[place]) for place in _ranked(tuple(roomy))) >= enough:
            break
        if roomy[position] in set(DIGITS):
            roomy[position] = DIGITS
    return tuple(roomy)


def _ranked(alphabets: tuple[str, ...]) -> list[int]:
    ranked: list[int] = []
    size = 1
    for position in reversed(range(len(alphabets))):
        letters = len(alphabets[position])
        if letters > 1 and size * letters <= MOST_RANKS:
            ranked.append(position)
            size *= letters
    return ranked


def _rank(value: str, alphabets: tuple[str, ...]) -> int | None:
    if len(value) != len(alphabets):
        return None
    ranked = set(_ranked(alphabets))
    rank = 0
    for position, (sign, letters) in enumerate(zip(value, alphabets, strict=True)):
        found = letters.find(sign)
        if found < 0:
            return None
        if position in ranked:
            rank = rank * len(letters) + found
    return rank


def _prime_to(ranks: int) -> int:
    from math import gcd

    factor = max(int(ranks * 0.618), 1) | 1
    while gcd(factor, ranks) != 1:
        factor += 2
    return factor


@dataclass(frozen=True, slots=True)
class FreshText:
    """Sentences of common words, of the input's lengths, none of them the input's own.

    Attributes:
        words: Words to use.
        weights: How often each, adding up to 1.
        lengths: Numbers of words, each as often as in the input.
        taken: Digests of the input's own texts.
    """

    words: tuple[str, ...]
    weights: tuple[float, ...]
    lengths: tuple[int, ...]
    taken: frozenset[str]

    def make(self, rows: int, random: np.random.Generator) -> npt.NDArray[Any]:
        words = np.array(self.words, dtype=object)
        lengths = random.choice(np.array(self.lengths), rows)
        ends = np.cumsum(lengths)
        drawn = words[random.choice(len(words), int(ends[-1]) if rows else 0, p=self.weights)]
        texts = np.empty(rows, dtype=object)
        for row, (end, length) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True)):
            text = " ".join(drawn[end - length : end])
            while digest(text) in self.taken:
                text = f"{text} {words[random.integers(len(words))]}"
            texts[row] = text
        return texts


def learn_text(values: npt.NDArray[Any]) -> FreshText:
    """Learn the common words and the lengths of texts."""
    texts = [str(value) for value in values]
    rows_with: Counter[str] = Counter()
    lengths = []
    for text in texts:
        words = re.findall(r"\w[\w'-]*", text.lower())
        rows_with.update(set(words))
        lengths.append(max(len(words), 1))
    common = {word: count for word, count in rows_with.items() if count >= COMMON_ROWS}
    common = dict(sorted(common.items(), key=lambda item: (-item[1], item[0]))[:2_000])
    if len(common) < 20:
        common |= dict.fromkeys((word for word in PLAIN_WORDS if word not in common), 1)
    total = sum(common.values())
    weights = tuple(count / total for count in common.values())
    lengths = sorted(lengths)[:: max(len(lengths) // 200, 1)]
    taken = frozenset(digest(text) for text in texts)
    return FreshText(tuple(common), weights, tuple(lengths), taken)


def digest(text: str) -> str:
    """What a text is known by without keeping it."""
    from hashlib import blake2b

    return blake2b(text.strip().lower().encode(), digest_size=8).hexdigest()
