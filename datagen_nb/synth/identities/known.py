"""Recognises the values of the input without keeping them.

Kept are keyed digests of so few bits that one of a thousand other values has the same one:
trying all phone numbers against them finds millions, and does not show which were there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.profile.hashing import hash_values
from datagen_nb.synth.profile.seen import MAX_DENSITY, Seen

_MAX_DIGITS = 18
"""Numbers of as many signs or more may be too large for 64 bits."""

_SPARE_BITS = 10
"""One of 2 ** 10 foreign values is taken for one of the input's."""


@dataclass(frozen=True, eq=False)
class KnownValues:
    """The values of a column, as a set that can only be asked.

    Attributes:
        digests: Sorted.
        bits: How many of each digest are kept.
        key: Of the hash function.
        whole: The set of all values of the whole table, of which ``digests`` are those of some
            rows; ``None`` where it is not known, or says yes too often.
        density: Share of other values that this set takes for one of its own.
        is_integer: Whether these values are integers.
    """

    digests: npt.NDArray[np.uint64]
    bits: int
    key: str
    whole: Seen | None = None
    density: float = 0.0
    is_integer: bool = False

    @classmethod
    def of(
        cls,
        values: pa.Array | pa.ChunkedArray,
        seed: int,
        *,
        whole: Seen | None = None,
        is_integer: bool = False,
    ) -> Self:
        """The set of all values; case and outer spaces do not tell values apart.

        Args:
            values: Of some rows of a column.
            seed: Of the hash function.
            whole: The set of the values of all rows, which must be the same to the letter.
            is_integer: Whether the column holds integers.
        """
        density = 0.0 if whole is None else whole.density
        if density > MAX_DENSITY:
            whole, density = None, 0.0
        key = hashlib.blake2b(str(seed).encode(), digest_size=8).hexdigest()
        bits = max(len(values), 1).bit_length() + _SPARE_BITS
        return cls(np.unique(_digest(values, bits, key)), bits, key, whole, density, is_integer)

    def share_of(self, size: int) -> float:
        """Share of the values of a form of some size that are, or are taken for, the input's."""
        if self.whole is None:
            return len(self.digests) / size
        return self.density * (1 + 2.0**self.whole.bits / size)

    def contains(self, values: pa.Array) -> npt.NDArray[np.bool_]:
        """For each value, whether the input has it (or, rarely, one of the same digest)."""
        found = self._in_whole(values)
        if not len(self.digests):
            return found
        digests = _digest(values, self.bits, self.key)
        places = np.searchsorted(self.digests, digests).clip(max=len(self.digests) - 1)
        return np.asarray(found | (self.digests[places] == digests), dtype=np.bool_)

    def _in_whole(self, values: pa.Array) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(values), dtype=np.bool_)
        if self.whole is None:
            return found
        if not self.is_integer:
            return self.whole.contains(hash_values(values.cast(pa.large_string())))
        is_word = pc.less(pc.utf8_length(values.cast(pa.string())), _MAX_DIGITS)
        words = np.flatnonzero(is_word.to_numpy(zero_copy_only=False))
        found[words] = self.whole.contains(
            hash_values(values.take(pa.array(words)).cast(pa.int64()))
        )
        return found


def _digest(values: pa.Array | pa.ChunkedArray, bits: int, key: str) -> npt.NDArray[np.uint64]:
    """SipHash of pandas, keyed, the upper bits of it."""
    text = pc.utf8_trim_whitespace(pc.utf8_lower(pc.cast(values, pa.large_string())))
    whole = pd.util.hash_array(text.to_numpy(zero_copy_only=False), hash_key=key, categorize=False)
    return np.asarray(whole >> np.uint64(64 - bits), dtype=np.uint64)
