"""Whether rules that hold in the input hold in the result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagen_nb.core.result import RelationFidelity

MAX_ROWS = 50_000

BY_CHANCE = 3.0
"""Standard deviations by which a share may be lower in the result."""


class Relation(Protocol):
    """The part of a relation that a report needs."""

    @property
    def sentence(self) -> str: ...

    def holds(self, table: pa.Table, /) -> npt.NDArray[np.bool_]: ...

    def reduce(self, table: pa.Table, /) -> pa.Table: ...


def compare_relations(
    relations: Iterable[Relation], training: pa.Table, synthetic: pa.Table
) -> tuple[RelationFidelity, ...]:
    """The share of rows that keep each relation, in input and result; broken ones first.

    Each is about the table that those before it leave.
    """
    real, made = training.slice(0, MAX_ROWS), synthetic.slice(0, MAX_ROWS)
    found = []
    for relation in relations:
        found.append(_compare(relation, real, made))
        real, made = relation.reduce(real), relation.reduce(made)
    return tuple(sorted(found, key=lambda one: (one.kept, one.share_synthetic - one.share_input)))


def _compare(relation: Relation, real: pa.Table, made: pa.Table) -> RelationFidelity:
    expected, share = (
        float(np.mean(relation.holds(table))) if table.num_rows else 1.0 for table in (real, made)
    )
    chance = BY_CHANCE * (expected * (1 - expected) / max(made.num_rows, 1)) ** 0.5
    return RelationFidelity(
        sentence=relation.sentence,
        share_input=round(expected, 6),
        share_synthetic=round(share, 6),
        kept=share >= expected - chance,
    )
