"""Nulls that follow from another column: no ship date exactly if cancelled.

Where a column of two levels only repeats whether another one is known, it is dropped. Otherwise
nothing is dropped: the rule decides which made values are null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.relations.evidence import is_unlikely
from datagen_nb.relations.expression import quoted
from datagen_nb.relations.numbers import Flags, whole
from datagen_nb.relations.relation import Derived, as_flags, known_of, plain, swapped

MAX_LEVELS = 50
"""Of a column that decides nulls; others are too many to list."""


@dataclass(frozen=True, kw_only=True)
class Presence(Derived):
    """A target of two values: one where another column is null, one where it is known.

    Attributes:
        of: The other column.
        values: The target's value where it is null, and where it is known.
    """

    of: str
    values: pa.Array

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.of,)

    @property
    def sentence(self) -> str:
        return f"{quoted(self.target)} <- {quoted(self.of)} is null"

    def derive(self, table: pa.Table) -> tuple[pa.Array, Flags]:
        known = known_of(whole(table[self.of]))
        return self.values.take(pa.array(known.astype(np.int64))), np.ones_like(known)


@dataclass(frozen=True, kw_only=True)
class NullRule:
    """Which values of a column are null, as another column decides.

    Attributes:
        column: The column with nulls.
        by: The column that decides.
        null_at: Its values at which the column is null, always; null may be one.
        known_at: Its values at which the column is known, always.
        by_null: Whether only counts if the other column is null: its values are then booleans.
        is_whole: Whether every row is decided.
        typical: One value of the column, for the case that no made row has any.
    """

    column: str
    by: str
    null_at: pa.Array
    known_at: pa.Array
    by_null: bool
    is_whole: bool
    typical: pa.Array
    exceptions: float = 0.0

    @property
    def targets(self) -> tuple[str, ...]:
        return ()

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.column, self.by)

    @property
    def adds(self) -> Mapping[str, str]:
        return {}

    @property
    def nulls(self) -> tuple[str, ...]:
        return (self.column,) if self.is_whole else ()

    @property
    def alters(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def deciding(self) -> tuple[str, ...]:
        return () if self.by_null else (self.by,)

    @property
    def sentence(self) -> str:
        word = "if" if self.is_whole else "where"
        if self.by_null:
            return f"{quoted(self.column)} is null {word} {quoted(self.by)} is null"
        levels = ", ".join(_text(value) for value in self.null_at.to_pylist())
        if not len(self.null_at):
            known = ", ".join(_text(value) for value in self.known_at.to_pylist())
            return f"{quoted(self.column)} is not null {word} {quoted(self.by)} in ({known})"
        return f"{quoted(self.column)} is null {word} {quoted(self.by)} in ({levels})"

    def reduce(self, table: pa.Table) -> pa.Table:
        return table

    def rebuild(self, table: pa.Table, random: np.random.Generator) -> pa.Table:
        column = whole(table[self.column])
        null, known = self._decided(table)
        present = known_of(column)
        missing = known & ~present
        if not missing.any() and not (null & present).any():
            return table
        if missing.any() and not present.any():
            column = pc.if_else(pa.array(missing), self.typical[0], column)
        else:
            column = swapped(column, missing, present, random)
        column = pc.if_else(pa.array(null), pa.scalar(None, column.type), column)
        return table.set_column(table.column_names.index(self.column), self.column, column)

    def holds(self, table: pa.Table) -> Flags:
        null, known = self._decided(table)
        present = known_of(whole(table[self.column]))
        return ~(null & present) & ~(known & ~present)

    def _decided(self, table: pa.Table) -> tuple[Flags, Flags]:
        by = plain(whole(table[self.by]))
        if self.by_null:
            by = by.is_null()
        null, known = (
            as_flags(pc.is_in(by, value_set=levels)) for levels in (self.null_at, self.known_at)
        )
        return null, known


def presence_of(
    target: str, flags: Flags, of: str, table: pa.Table, *, tolerance: float, hypotheses: float
) -> Presence | None:
    """The rule that a column of two values repeats whether another one is null.

    Args:
        target: The column of two values.
        flags: Whether each row has the second of them.
        of: The other column.
        table: All rows.
        tolerance: Largest share of exceptions.
        hypotheses: How many pairs were tried.
    """
    known = known_of(whole(table[of]))
    share = float((flags == known).mean())
    if min(share, 1 - share) > tolerance:
        return None
    agreeing = 1 - 2 * float(known.mean()) * (1 - float(known.mean()))
    exceptions = min(share, 1 - share)
    if exceptions > 0.02 * (1 - agreeing) or not is_unlikely(len(known), agreeing, hypotheses):
        return None
    values = whole(table[target])
    places = [int(np.argmax(flags == (side == (share > 0.5)))) for side in (False, True)]
    return Presence(
        target=target,
        type=values.type,
        of=of,
        values=values.take(pa.array(places)),
        exceptions=exceptions,
    )


def rule_of(
    column: str,
    by: str,
    levels: pa.Array,
    codes: npt.NDArray[np.int64],
    table: pa.Table,
    *,
    by_null: bool,
    hypotheses: float,
) -> NullRule | None:
    """The rule by which a column's nulls follow from another one's values.

    Args:
        column: The column with nulls.
        by: The other one.
        levels: Its values, or false and true for whether it is null.
        codes: The place of each row's value in ``levels``.
        table: All rows.
        by_null: Whether the levels are those of being null.
        hypotheses: How many rules were tried.
    """
    values = whole(table[column])
    nulls = ~known_of(values)
    share = float(nulls.mean())
    rows = np.bincount(codes, minlength=len(levels))
    null_rows = np.bincount(codes[nulls], minlength=len(levels))
    always, never = (rows > 0) & (null_rows == rows), (rows > 0) & (null_rows == 0)
    agreeing = share**2 + (1 - share) ** 2
    is_whole = bool((always | never | (rows == 0)).all())
    if is_whole and not is_unlikely(len(codes) - len(levels), agreeing, hypotheses):
        return None
    if not is_whole:
        for flags, chance in ((always, share), (never, 1 - share)):
            for place in np.flatnonzero(flags):
                flags[place] = is_unlikely(int(rows[place]), chance, hypotheses)
        if not always.any():
            return None
    return NullRule(
        column=column,
        by=by,
        null_at=levels.filter(pa.array(always)),
        known_at=levels.filter(pa.array(never)),
        by_null=by_null,
        is_whole=is_whole,
        typical=middle_of(values),
    )


def middle_of(values: pa.Array) -> pa.Array:
    """One value of a column, that of the middle of those it has."""
    known = values.drop_null()
    return known.take(pc.sort_indices(known)[len(known) // 2 : len(known) // 2 + 1])


def _text(value: object) -> str:
    return quoted(value) if isinstance(value, str) else str(value)
