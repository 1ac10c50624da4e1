"""A keyed permutation of the first integers, so that consecutive numbers look unlike each other.

A Feistel network of four rounds over the next power of four, walked until it is back in range.
Source: Black and Rogaway, "Ciphers with arbitrary finite domains" (2002). It scatters; it is no
encryption.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

MAX_SIZE = 2**60

KEYS = 2**62
"""Keys there are."""

_ROUNDS = 4


@dataclass(frozen=True)
class Permutation:
    """Maps 0 to ``size`` - 1 onto themselves.

    Attributes:
        size: At most `MAX_SIZE`.
        key: Chooses one of the permutations.
    """

    size: int
    key: int

    def __call__(self, numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """The place of each number, which must be below ``size``."""
        bits = max((self.size - 1).bit_length(), 2)
        half = np.uint64((bits + 1) // 2)
        keys = np.random.default_rng(self.key).integers(0, 2**63, _ROUNDS).astype(np.uint64)
        placed = _scatter(numbers.astype(np.uint64), half, keys)
        outside = np.flatnonzero(placed >= self.size)
        while len(outside):
            placed[outside] = _scatter(placed[outside], half, keys)
            outside = outside[placed[outside] >= self.size]
        return placed.astype(np.int64)


def _scatter(words: Words, half: np.uint64, keys: Words) -> Words:
    mask = np.uint64((1 << int(half)) - 1)
    left, right = words >> half, words & mask
    for key in keys:
        left, right = right, left ^ (_mix(right + key) & mask)
    return (left << half) | right


def _mix(words: Words) -> Words:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
