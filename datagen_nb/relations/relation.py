"""What a relation is: a column that follows from others, dropped before training, rebuilt after.

A relation keeps how a column follows, the share of exceptions, and which rows cannot follow. It
keeps no value of a row, but for tables such as ``city <- zip``, whose entries a model must not
hold longer than it makes their keys (``made.only_made``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, Self, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.relations.numbers import Flags, whole


@runtime_checkable
class Relation(Protocol):
    """A rule that nearly all rows keep; a frozen dataclass of plain fields."""

    @property
    def sentence(self) -> str:
        """The rule as one may write it into ``parameters.relations``."""
        ...

    @property
    def targets(self) -> tuple[str, ...]:
        """Columns that ``reduce`` drops and ``rebuild`` restores."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns of the reduced table that ``rebuild`` reads, own ones left out."""
        ...

    @property
    def adds(self) -> Mapping[str, str]:
        """Own columns of the reduced table, which ``rebuild`` removes, and their kinds."""
        ...

    @property
    def nulls(self) -> tuple[str, ...]:
        """Columns of the reduced table whose nulls ``rebuild`` decides.

        A value is to be drawn in every row of them.
        """
        ...

    @property
    def alters(self) -> tuple[str, ...]:
        """Columns of the reduced table that stay, and of which ``rebuild`` may change values."""
        ...

    @property
    def deciding(self) -> tuple[str, ...]:
        """Columns of the reduced table of which no value may be made that the input has not."""
        ...

    @property
    def exceptions(self) -> float:
        """Share of the input's rows that break the rule; as many made rows will."""
        ...

    def reduce(self, table: pa.Table) -> pa.Table:
        """The table without the targets, with the own columns at its end."""
        ...

    def rebuild(self, table: pa.Table, random: np.random.Generator) -> pa.Table:
        """A reduced table with the targets at its end, without the own columns."""
        ...

    def holds(self, table: pa.Table) -> Flags:
        """Whether each row of a whole table keeps the rule; rows it does not apply to do."""
        ...


@dataclass(frozen=True, kw_only=True)
class Derived(ABC):
    """Base of relations with one target that is computed from other columns.

    Attributes:
        target: The column that is dropped.
        type: Its type.
        exceptions: Share of the rows in which the computed value is not the target's. Such a row
            gets the computed value of another row.
        flag: Own column: the target is null although it could be computed.
        rest: Own column: values of the target in rows where it cannot be computed.
    """

    target: str
    type: pa.DataType
    exceptions: float = 0.0
    flag: str = ""
    rest: str = ""

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.target,)

    @property
    @abstractmethod
    def needs(self) -> tuple[str, ...]: ...

    @property
    def adds(self) -> dict[str, str]:
        added = {self.flag: "boolean"} if self.flag else {}
        return added | ({self.rest: self.rest_kind} if self.rest else {})

    @property
    def rest_kind(self) -> str:
        """Kind of the column ``rest``."""
        return "numeric"

    @property
    def nulls(self) -> tuple[str, ...]:
        return ()

    @property
    def alters(self) -> tuple[str, ...]:
        return ()

    @property
    def deciding(self) -> tuple[str, ...]:
        return ()

    @property
    @abstractmethod
    def sentence(self) -> str: ...

    @abstractmethod
    def derive(self, table: pa.Table) -> tuple[pa.Array, Flags]:
        """The computed target, and in which rows it can be computed."""

    def reduce(self, table: pa.Table) -> pa.Table:
        _, derivable = self.derive(table)
        actual = whole(table[self.target])
        table = table.drop_columns([self.target])
        if self.flag:
            missing = derivable & ~known_of(actual)
            table = table.append_column(self.flag, pa.array(missing))
        if self.rest:
            rest = pc.if_else(pa.array(derivable), pa.scalar(None, actual.type), actual)
            table = table.append_column(self.rest, rest)
        return table

    def rebuild(self, table: pa.Table, random: np.random.Generator) -> pa.Table:
        values, derivable = self.derive(table)
        if self.exceptions and derivable.any():
            chosen = derivable & (random.random(len(values)) < self.exceptions)
            values = swapped(values, chosen, derivable, random)
        if self.flag:
            flags = pa.array(as_flags(table[self.flag]))
            values = pc.if_else(flags, pa.scalar(None, values.type), values)
        if self.rest:
            values = pc.if_else(pa.array(derivable), values, whole(table[self.rest]))
        return table.drop_columns(list(self.adds)).append_column(self.target, values)

    def holds(self, table: pa.Table) -> Flags:
        values, derivable = self.derive(table)
        actual = whole(table[self.target])
        return ~derivable | ~known_of(actual) | self.is_same(values, actual)

    def is_same(self, computed: pa.Array, actual: pa.Array) -> Flags:
        """Whether values that are both known are equal, row by row."""
        return as_flags(pc.equal(plain(computed), plain(actual)))

    def settled(self, table: pa.Table, tolerance: float, taken: Collection[str]) -> Self | None:
        """The relation with exceptions and nulls as a table has them.

        Args:
            table: All rows to judge by.
            tolerance: Largest share of exceptions.
            taken: Names that own columns must not have.

        Returns:
            ``None`` if the table does not keep the rule, or in fewer than half of its rows with
            a target.
        """
        values, derivable = self.derive(table)
        actual = whole(table[self.target])
        known = known_of(actual)
        judged = derivable & known
        if judged.sum() * 2 < max(int(known.sum()), 1):
            return None
        wrong = int((judged & ~self.is_same(values, actual)).sum())
        exceptions = wrong / int(judged.sum())
        if exceptions > tolerance:
            return None
        flag = rest = ""
        if (derivable & ~known & known_of(values)).any():
            flag = unused(f"{self.target} is null", taken)
        if (known & ~derivable).any():
            rest = unused(f"{self.target} otherwise", [*taken, flag])
        return replace(self, exceptions=exceptions, flag=flag, rest=rest)


@dataclass(frozen=True)
class Relations:
    """The relations of a table, in the order in which they are reduced.

    Each works on the table that those before it leave: what it needs may be the target of a
    later one, never of an earlier one. They are rebuilt in the reverse order.

    Attributes:
        relations: The relations.
        notes: What was not searched, or not kept, in sentences.
        refused: Relations that a user stated and that are not kept, and the reason of each.
    """

    relations: tuple[Relation, ...] = ()
    notes: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Relation]:
        return iter(self.relations)

    def __len__(self) -> int:
        return len(self.relations)

    @property
    def adds(self) -> dict[str, str]:
        """The columns of the reduced table that are not the input's, and their kinds."""
        added: dict[str, str] = {}
        for relation in self.relations:
            added = {name: kind for name, kind in added.items() if name not in relation.targets}
            added |= relation.adds
        return added

    @property
    def targets(self) -> tuple[str, ...]:
        """The input's columns that the reduced table does not have."""
        added: set[str] = set()
        targets: list[str] = []
        for relation in self.relations:
            targets += [name for name in relation.targets if name not in added]
            added |= set(relation.adds)
        return tuple(targets)

    @property
    def nulls(self) -> tuple[str, ...]:
        """Columns of the reduced table whose nulls are decided by ``rebuild``."""
        return tuple(name for relation in self.relations for name in relation.nulls)

    @property
    def deciding(self) -> frozenset[str]:
        """Columns of the reduced table of which no value may be made that the input has not."""
        return frozenset(name for relation in self.relations for name in relation.deciding)

    def reduce(self, table: pa.Table) -> pa.Table:
        """The table without what follows from other columns.

        Args:
            table: A table with the columns of the one that was searched.
        """
        for relation in self.relations:
            table = relation.reduce(table)
        return table

    def rebuild(self, table: pa.Table, random: np.random.Generator) -> pa.Table:
        """The whole table of a reduced one; the order of its columns is not kept."""
        for relation in reversed(self.relations):
            table = relation.rebuild(table, random)
        return table

    def shares(self, table: pa.Table) -> dict[str, float]:
        """Share of a whole table's rows that keep each rule, by its sentence."""
        shares: dict[str, float] = {}
        for relation in self.relations:
            kept = relation.holds(table)
            shares[relation.sentence] = float(kept.mean()) if len(kept) else 1.0
            # The next one is about what this one leaves.
            table = relation.reduce(table)
        return shares


def known_of(array: pa.Array) -> Flags:
    """Which values are not null."""
    return as_flags(array.is_valid())


def as_flags(array: pa.Array | pa.ChunkedArray) -> Flags:
    """Booleans as numpy's; null is false."""
    filled = pc.fill_null(whole(array), pa.scalar(value=False))
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.bool_)


def plain(array: pa.Array) -> pa.Array:
    """The same values in a type that Arrow compares: no dictionary, wider than half floats."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.float32()) if pa.types.is_float16(array.type) else array


def swapped(
    values: pa.Array, chosen: Flags, donors: Flags, random: np.random.Generator
) -> pa.Array:
    """Values, where the chosen rows have that of a random row among the donors."""
    if not chosen.any() or not donors.any():
        return values
    places = np.arange(len(values))
    places[chosen] = random.choice(np.flatnonzero(donors), int(chosen.sum()))
    return values.take(pa.array(places))


def unused(name: str, taken: Collection[str]) -> str:
    """A name that no column has."""
    while name in taken:
        name += "'"
    return name
