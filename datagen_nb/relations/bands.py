"""A category that is decided by the size of a number: debit below 0, ``A`` from 90 points on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datagen_nb.relations.affine import simplest
from datagen_nb.relations.dependency import Coded
from datagen_nb.relations.evidence import chance, is_unlikely
from datagen_nb.relations.expression import quoted
from datagen_nb.relations.numbers import Flags, Floats, Numbers, values_of, whole
from datagen_nb.relations.relation import Derived

MAX_BANDS = 24
MAX_LEVELS = 16
MIN_DISTINCT = 20
"""Values of a number, fewer of which decide by a table."""

NATS_OF_A_BOUND = 9.0
"""Evidence that each bound between bands uses up: it could lie anywhere."""


@dataclass(frozen=True, kw_only=True)
class Bands(Derived):
    """A target with one value between each two neighbouring bounds of a number.

    Attributes:
        number: The column of numbers.
        bounds: Where a new band begins, ascending.
        values: The target's value in each band, one more than bounds.
    """

    number: str
    bounds: Floats
    values: pa.Array

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.number,)

    @property
    def sentence(self) -> str:
        return f"{quoted(self.target)} <- {quoted(self.number)}"

    @property
    def rest_kind(self) -> str:
        return "categorical"

    def derive(self, table: pa.Table) -> tuple[pa.Array, Flags]:
        numbers = values_of(table[self.number])
        known = ~np.isnan(numbers)
        places = np.searchsorted(self.bounds, np.where(known, numbers, 0.0), side="right")
        return self.values.take(pa.array(places, mask=~known)), known


def bands_of(
    target: Coded, number: str, numbers: Numbers, table: pa.Table, *, hypotheses: float
) -> Bands | None:
    """The bands of a column, if a number decides it and that is no chance.

    Args:
        target: The column as numbers of its levels; known where the number is.
        number: The column of numbers.
        numbers: Its values.
        table: All rows.
        hypotheses: How many pairs were tried.
    """
    known = np.flatnonzero(numbers.known & whole(table[target.name]).is_valid().to_numpy(
        zero_copy_only=False))  # fmt: skip
    if len(known) < MIN_DISTINCT:
        return None
    some = known[np.linspace(0, len(known) - 1, min(len(known), 240)).astype(np.int64)]
    for rows in (some, known):
        values, codes = numbers.values[rows], target.codes[rows]
        order = np.argsort(values, kind="stable")
        values, codes = values[order], codes[order]
        changes = np.flatnonzero(codes[1:] != codes[:-1])
        if not 0 < len(changes) <= MAX_BANDS or (values[changes] == values[changes + 1]).any():
            return None
    distinct = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    evidence = len(distinct) - 1 - len(changes)
    agreeing = chance(codes[distinct], codes[distinct])
    tried = np.log(max(hypotheses, 1.0)) + NATS_OF_A_BOUND * len(changes)
    if len(distinct) < MIN_DISTINCT or not is_unlikely(evidence, agreeing, float(np.exp(tried))):
        return None
    bounds = [_bound(values[at], values[at + 1]) for at in changes]
    firsts = known[order[np.append(0, changes + 1)]]
    actual = whole(table[target.name])
    return Bands(
        target=target.name,
        type=actual.type,
        number=number,
        bounds=np.array(bounds),
        values=actual.take(pa.array(firsts)),
    )


def _bound(below: float, above: float) -> float:
    """A simple number above one value and not above the next."""
    margin = (above - below) * 1e-6
    simple = simplest(below + margin, above)
    return above if simple is None else simple
