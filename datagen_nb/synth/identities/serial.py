"""Identifiers of no form that could be kept: integers of a small type, and texts all unlike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.maker import Numbers

AMPLE = 10**11
"""So many new identifiers are enough for any result."""

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True)
class Counting:
    """Integers outside of the input's, as many as their type has room for.

    Attributes:
        first: The one next to the input's.
        step: 1 to count up from it, -1 to count down.
        room: How many the type has; further rows begin again.
        start: Where counting begins, by chance: the first would give the input's largest away.
        type: Name of the Arrow type.
    """

    first: int
    step: int
    room: int
    start: int
    type: str

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    @property
    def is_unique(self) -> bool:
        return True

    def rekeyed(self, shift: int) -> Counting:
        return replace(self, start=(self.start + shift) % self.room)

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one value for each number; see `Maker`."""
        del given, random
        word = np.uint64 if self.first >= 2**63 else np.int64
        offset = ((numbers + self.start) % self.room).astype(word)
        made = word(self.first) + offset if self.step > 0 else word(self.first) - offset
        return pa.array(made).cast(self.type)


def fit_counting(values: pa.Array, seed: int) -> Counting:
    """Count above the input's integers if there is room, else where there is most."""
    limits = np.iinfo(values.type.to_pandas_dtype())
    low, high = max(int(limits.min), -(2**63)), int(limits.max)
    support = sorted(pc.unique(values).to_pylist())
    above, below = high - support[-1], support[0] - low
    gaps = [after - before - 1 for before, after in pairwise(support)] or [0]
    widest = max(range(len(gaps)), key=gaps.__getitem__)
    if above >= AMPLE or above >= below > 0:
        first, step, room = support[-1] + 1, 1, above
    elif below:
        first, step, room = support[0] - 1, -1, below
    elif gaps[widest]:
        first, step, room = support[widest] + 1, 1, gaps[widest]
    else:  # the input has every integer of the type
        first, step, room = support[0], 1, len(support)
    room = min(room, 2**62)
    start = int(np.random.default_rng(seed).integers(room))
    return Counting(first, step, room, start, str(values.type))


@dataclass(frozen=True)
class Serial:
    """A letter and a number.

    Attributes:
        letter: The first sign.
        width: Digits of the number.
        known: The input's values.
    """

    letter: str
    width: int
    known: KnownValues

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    @property
    def is_unique(self) -> bool:
        return True

    def rekeyed(self, shift: int) -> Serial:
        return replace(self, letter=LETTERS[(LETTERS.index(self.letter) + shift) % len(LETTERS)])

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one value for each number; see `Maker`."""
        del given, random
        texts = [f"{self.letter}{number:0{self.width}d}" for number in numbers.tolist()]
        made = pa.array(texts, pa.string())
        while (taken := self.known.contains(made)).any():
            longer = pc.binary_join_element_wise(made, pa.scalar("x"), "")
            made = pc.if_else(pa.array(taken), longer, made)
        return made


def fit_serial(values: pa.Array, known: KnownValues, seed: int) -> Serial:
    """Fit how long such texts are."""
    letter = LETTERS[int(np.random.default_rng(seed).integers(len(LETTERS)))]
    usual = pc.approximate_median(pc.utf8_length(values)).as_py() or 8
    return Serial(letter, min(max(int(usual) - 1, 6), 18), known)
