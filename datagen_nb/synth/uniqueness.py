"""Combinations of columns that no two rows of a result have, as rules ``unique(a, b)`` ask for.

They are compared by 64-bit hashes. Two that differ may have the same hash: then a row is dropped
that need not be, and never is a combination there twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs import Codec
from datagen_nb.relations.numbers import Flags
from datagen_nb.relations.relation import as_flags, known_of
from datagen_nb.synth.profile.hashing import Hashes, can_hash, hash_rows
from datagen_nb.synth.rules import Unfit, values_behind

MAX_RUN = 1 << 21
"""Hashes of a run that is still joined with another one."""


@dataclass(frozen=True, slots=True)
class Uniqueness:
    """No two rows have the same values in some columns; a row with a null in one is not compared.

    Attributes:
        text: The rule as the user wrote it.
        columns: The columns, each once.
    """

    text: str
    columns: tuple[str, ...]

    def hashes(
        self, written: Mapping[str, pa.Array], codecs: Mapping[str, Codec]
    ) -> tuple[Hashes, Flags]:
        """A hash of each row's combination, and which rows are compared; those of others are 0.

        Args:
            written: The columns, as they are written; equal values are equal however spelled.
            codecs: How columns are spelled, by name.

        Raises:
            Unfit: Values of such a type are not compared.
        """
        values = {name: values_behind(written[name], codecs.get(name)) for name in self.columns}
        for name, one in values.items():
            if not can_hash(one.type):
                raise Unfit(f"{name!r} holds {one.type}, which is not compared")
        compared = np.logical_and.reduce([_present(one) for one in values.values()])
        mask = pa.array(compared)
        hashes = np.zeros(len(compared), dtype=np.uint64)
        hashes[compared] = hash_rows([one.filter(mask) for one in values.values()])
        return hashes, compared

    def share_repeated(self, written: Mapping[str, pa.Array], codecs: Mapping[str, Codec]) -> float:
        """Share of rows that have a combination of a row before them.

        Raises:
            Unfit: Values of such a type are not compared.
        """
        hashes, compared = self.hashes(written, codecs)
        repeated = int(compared.sum()) - len(np.unique(hashes[compared]))
        return repeated / max(len(compared), 1)


@dataclass(slots=True)
class Seen:
    """Hashes that are there already, 8 bytes each; looked up in sorted runs."""

    _runs: list[Hashes] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def add(self, hashes: Hashes) -> None:
        """Add hashes; runs of about the same size become one, so that there are few."""
        runs = self._runs
        runs.append(np.sort(hashes))
        while len(runs) > 1 and len(runs[-2]) <= len(runs[-1]) <= MAX_RUN:
            # Both are sorted, and merged in one go.
            runs[-2:] = [np.sort(np.concatenate(runs[-2:]), kind="stable")]

    def all(self) -> Hashes:
        """The hashes, in an order that follows from those in which they were added."""
        return np.concatenate([np.zeros(0, dtype=np.uint64), *self._runs])

    def has(self, hashes: Hashes) -> Flags:
        """For each hash, whether it is there."""
        found = np.zeros(len(hashes), dtype=np.bool_)
        for run in self._runs:
            if len(run):
                places = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
                found |= run[places] == hashes
        return found


def first_ones(hashes: Hashes) -> Flags:
    """For each hash, whether no equal one stands before it."""
    found = np.zeros(len(hashes), dtype=np.bool_)
    found[np.unique(hashes, return_index=True)[1]] = True
    return found


def _present(values: pa.Array) -> Flags:
    """Which values are neither null nor NaN."""
    present = known_of(values)
    return present & ~as_flags(pc.is_nan(values)) if pa.types.is_floating(values.type) else present
