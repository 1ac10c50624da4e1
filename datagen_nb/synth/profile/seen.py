"""Which values all rows of a column have, as a set that can only be asked.

A bitmap has one bit for each beginning of a hash. It says yes to every value of the column, and to
some others; it cannot be read back. It depends neither on batches nor on the order of merging.
Source: Whang, Vander-Zanden and Taylor, A linear-time probabilistic counting algorithm, 1990.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from datagen_nb.synth.profile.hashing import Hashes

SPARE_BITS = 6
"""Bits for each value of a set of a known size: one of 64 other values is taken for one of it."""

MAX_DENSITY = 0.5
"""A set in which more bits are set says yes too often to be of use."""


_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1)
"""Set bits of each byte."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A set of hashes.

    Attributes:
        bits: How many bits of a hash are looked at.
        flags: The bitmap, eight bits a byte.
    """

    bits: int
    flags: npt.NDArray[np.uint8]

    @classmethod
    def none(cls, bits: int) -> Self:
        """The empty set."""
        return cls(bits, np.zeros(1 << max(bits - 3, 0), dtype=np.uint8))

    @classmethod
    def of(cls, hashes: Hashes) -> Self:
        """A set as large as these hashes need."""
        bits = max(len(hashes), 1).bit_length() + SPARE_BITS
        return cls.none(bits).with_hashes(hashes)

    @property
    def density(self) -> float:
        """Share of the bits that are set: of other values, so many are taken for one of these."""
        return float(np.bincount(self.flags, minlength=256) @ _ONES) / 2.0**self.bits

    def with_hashes(self, hashes: Hashes) -> Self:
        """With further hashes."""
        flags = self.flags.copy()
        places, masks = self._places(hashes)
        while len(places):  # of bits of one byte the last is set, the others in further rounds
            flags[places] |= masks
            is_left = (flags[places] & masks) == 0
            places, masks = places[is_left], masks[is_left]
        return type(self)(self.bits, flags)

    def merged(self, other: Seen) -> Self:
        """With all of another set of as many bits."""
        return type(self)(self.bits, self.flags | other.flags)

    def contains(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """For each hash, whether it is one of the set, or one that is taken for one."""
        places, masks = self._places(hashes)
        return np.asarray((self.flags[places] & masks) != 0, dtype=np.bool_)

    def _places(self, hashes: Hashes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint8]]:
        begins = hashes >> np.uint64(64 - self.bits)
        places = (begins >> np.uint64(3)).astype(np.intp)
        return places, np.left_shift(1, (begins & np.uint64(7))).astype(np.uint8)
