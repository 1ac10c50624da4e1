"""The parts of a form: text that stays, common texts, numbers and signs at a place.

Each part numbers what it can write, from 0 to its ``size`` - 1, in the shares of the input, and
writes those numbers as a column of text. None keeps a value of its own unless many rows have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Codes = npt.NDArray[np.int64]

MAX_DIGITS = 18
"""So many digits always fit in a signed integer of 64 bits."""

_CODES = 10**12
"""Codes over which the shares of blocks are spread where numbers may repeat."""

DIGITS = "0123456789"
LOWER = "abcdefghijklmnopqrstuvwxyz"
ALPHABETS = (
    DIGITS,
    "0123456789abcdef",
    "0123456789ABCDEF",
    LOWER,
    LOWER.upper(),
    LOWER + LOWER.upper(),
    DIGITS + LOWER,
    DIGITS + LOWER.upper(),
    DIGITS + LOWER + LOWER.upper(),
)


@dataclass(frozen=True)
class Literal:
    """A text that all values have."""

    text: str

    @property
    def size(self) -> int:
        return 1

    def write(self, codes: Codes) -> pa.Array:
        return pa.array([self.text]).take(pa.array(np.zeros(len(codes), dtype=np.int64)))


@dataclass(frozen=True, eq=False)
class Levels:
    """One of a few texts, each of which many rows have.

    Attributes:
        texts: All of them.
        ends: Cumulated shares, in codes; the last is the size.
    """

    texts: tuple[str, ...]
    ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, counts: Counter[str]) -> Levels:
        """The texts in their shares."""
        texts = tuple(sorted(counts))
        return cls(texts, np.cumsum([counts[text] for text in texts]))

    @property
    def size(self) -> int:
        return int(self.ends[-1])

    def write(self, codes: Codes) -> pa.Array:
        places = np.searchsorted(self.ends, codes, side="right")
        return pa.array(self.texts).take(pa.array(places))


@dataclass(frozen=True)
class Signs:
    """Signs that each come from an alphabet, such as three capitals or eight hexadecimal digits."""

    alphabets: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Signs:
        """The narrowest alphabet of each place; all texts have the same length."""
        return cls(tuple(_alphabet(set(signs), len(texts)) for signs in zip(*texts, strict=True)))

    @property
    def size(self) -> int:
        return prod(map(len, self.alphabets))

    def write(self, codes: Codes) -> pa.Array:
        matrix = np.empty((len(codes), len(self.alphabets)), dtype=np.uint32)
        for place in reversed(range(len(self.alphabets))):
            signs = np.array([ord(sign) for sign in self.alphabets[place]], dtype=np.uint32)
            codes, which = np.divmod(codes, len(signs))
            matrix[:, place] = signs[which]
        return _text_of(matrix)


@dataclass(frozen=True)
class Words:
    """One of many words that are not the input's, such as the names of a language."""

    texts: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.texts)

    def write(self, codes: Codes) -> pa.Array:
        return pa.array(self.texts).take(pa.array(codes))


@dataclass(frozen=True, eq=False)
class Digits:
    """A number, with zeros in front or without.

    It lies in one of some blocks, such as 100 to 199, each as often as in the input. A block that
    has more numbers than its share of codes gives evenly spaced ones.

    Attributes:
        firsts: The first number of each block.
        sizes: How many numbers each block has.
        ends: Cumulated counts of codes; the last is the size.
        width: Digits to fill up with zeros to; 0 for none.
    """

    firsts: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    width: int

    @property
    def size(self) -> int:
        return int(self.ends[-1])

    def write(self, codes: Codes) -> pa.Array:
        starts = np.concatenate([[0], self.ends[:-1]])
        strides = np.maximum(self.sizes // (self.ends - starts), 1)
        block = np.searchsorted(self.ends, codes, side="right")
        within = (codes - starts[block]) * strides[block] % self.sizes[block]
        numbers = self.firsts[block] + within
        if not self.width:
            return pa.array(numbers).cast(pa.string())
        matrix = np.empty((len(codes), self.width), dtype=np.uint32)
        for place in reversed(range(self.width)):
            numbers, digit = np.divmod(numbers, 10)
            matrix[:, place] = digit + ord("0")
        return _text_of(matrix)


def up_to(digits: Digits, most: int) -> Digits:
    """The same numbers without those that are larger."""
    fits = digits.firsts <= most
    firsts, counts = digits.firsts[fits], np.diff(digits.ends, prepend=0)[fits]
    sizes = np.minimum(digits.sizes[fits], most + 1 - firsts)
    is_drawn = (np.diff(digits.ends, prepend=0) > digits.sizes).any()
    counts = counts if is_drawn else np.minimum(counts, sizes)
    return Digits(firsts, sizes, np.cumsum(counts), digits.width)


Segment: TypeAlias = Literal | Levels | Signs | Words | Digits


@dataclass(frozen=True)
class _Block:
    first: int
    size: int
    texts: int


def distinct_digits(texts: Sequence[str], *, least: int, min_count: int) -> Digits:
    """Numbers of which each code has its own: for identifiers that all differ.

    Args:
        texts: Runs of at most `MAX_DIGITS` digits.
        least: So many codes are wanted; a block that is small for its share has fewer.
        min_count: A block that fewer texts have is left out.
    """
    blocks, width = _blocks(texts, min_count)
    total = sum(block.texts for block in blocks)
    wanted = max(least, min(block.size * total // block.texts for block in blocks))
    counts = [min(max(wanted * block.texts // total, 1), block.size) for block in blocks]
    return _digits(blocks, counts, width)


def drawn_digits(texts: Sequence[str], *, min_count: int) -> Digits:
    """Numbers that may repeat, in the shares of the input."""
    blocks, width = _blocks(texts, min_count)
    total = sum(block.texts for block in blocks)
    return _digits(blocks, [max(_CODES * block.texts // total, 1) for block in blocks], width)


def is_dense(numbers: npt.NDArray[np.int64]) -> bool:
    """Whether nearly all numbers from the least to the largest are there, several times each."""
    span = int(np.ptp(numbers)) + 1
    return len(numbers) >= 2 * span and len(np.unique(numbers)) >= 0.8 * span


def all_digits(width: int, *, is_padded: bool) -> Digits:
    """Every number of so many digits."""
    first = 0 if is_padded else 10 ** (width - 1)
    size = 10**width - first
    return Digits(_column([first]), _column([size]), _column([size]), width if is_padded else 0)


def _blocks(texts: Sequence[str], min_count: int) -> tuple[list[_Block], int]:
    """Numbers of equal length and first digit, and the width that all are filled up to.

    A block ends where the input's numbers do if the input has nearly all of its numbers, several
    times each: octets end at 255, counties at 199.
    """
    is_padded = any(text[0] == "0" and len(text) > 1 for text in texts)
    width = max(map(len, texts)) if is_padded else 0
    counts = Counter(_block_of(text.lstrip("0")) for text in texts)
    common = {key: count for key, count in counts.items() if count >= min_count} or counts
    numbers = np.array([int(text) for text in texts], dtype=np.int64)
    blocks = []
    for (unit, lead), count in sorted(common.items()):
        first, size = (lead * unit, unit) if unit else (0, 10)
        found = numbers[(numbers >= first) & (numbers < first + size)]
        if is_dense(found):
            first, size = int(found.min()), int(np.ptp(found)) + 1
        elif not unit and not width and found.min() > 0:
            first, size = 1, 9
        blocks.append(_Block(first, size, count))
    return blocks, width


def _block_of(significant: str) -> tuple[int, int]:
    if len(significant) < 2:
        return 0, 0
    return 10 ** (len(significant) - 1), int(significant[0])


def _digits(blocks: Sequence[_Block], counts: Sequence[int], width: int) -> Digits:
    return Digits(
        _column([block.first for block in blocks]),
        _column([block.size for block in blocks]),
        np.cumsum(_column(counts)),
        width,
    )


def _column(values: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def _alphabet(signs: set[str], texts: int) -> str:
    """The narrowest alphabet that holds the signs, or just the signs if many texts had others."""
    whole = next((one for one in ALPHABETS if signs <= set(one)), "")
    is_narrow = len(signs) == 1 or texts >= 20 * len(whole)
    return whole if whole and not is_narrow else "".join(sorted(signs))


def _text_of(matrix: npt.NDArray[np.uint32]) -> pa.Array:
    rows, width = matrix.shape
    if not rows:
        return pa.array([], pa.string())
    return pa.array(np.ascontiguousarray(matrix).view(f"<U{width}").ravel())
