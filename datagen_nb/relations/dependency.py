"""A column that depends on one or two others by a table: ``city <- zip``.

The table has an entry for each level, or pair of levels, of the columns that decide. Which levels
a model makes is not known here: ``made.only_made`` leaves out the others.

Source: Huhtala et al., TANE: an efficient algorithm for discovering functional and approximate
dependencies, 1999 (partitions; here on few columns, by sorting).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.relations.evidence import EXCEPTIONS_OF_CHANCE, is_unlikely
from datagen_nb.relations.expression import quoted
from datagen_nb.relations.numbers import Flags, whole
from datagen_nb.relations.relation import as_flags, known_of, plain, swapped

Codes = npt.NDArray[np.int64]

MIN_ROWS_PER_LEVEL = 2
"""Rows of a level on average, fewer of which are no table that repeats."""

CHUNKS, CHUNK = 16, 32
"""Rows that are looked at first: so many runs of so many rows, in the order of the levels."""


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """A target with one value for each level of one column, or of a pair.

    Attributes:
        target: The column that is dropped.
        operands: One or two columns that decide it.
        keys: The levels of each operand, in no order; null may be one.
        entries: For each entry the places of its levels in ``keys``, as one number.
        values: For each entry the target's value.
        exceptions: Share of rows with another value.
    """

    target: str
    operands: tuple[str, ...]
    keys: tuple[pa.Array, ...]
    entries: Codes
    values: pa.Array
    exceptions: float = 0.0

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.target,)

    @property
    def needs(self) -> tuple[str, ...]:
        return self.operands

    @property
    def adds(self) -> dict[str, str]:
        return {}

    @property
    def nulls(self) -> tuple[str, ...]:
        return ()

    @property
    def alters(self) -> tuple[str, ...]:
        return ()

    @property
    def deciding(self) -> tuple[str, ...]:
        return self.operands

    @property
    def sentence(self) -> str:
        return f"{quoted(self.target)} <- {', '.join(map(quoted, self.operands))}"

    def reduce(self, table: pa.Table) -> pa.Table:
        return table.drop_columns([self.target])

    def rebuild(self, table: pa.Table, random: np.random.Generator) -> pa.Table:
        """Levels without an entry get the value of another row, as an exception does."""
        values, found = self.derive(table)
        if not found.any() and len(found):
            values = self.values.take(pa.array(random.integers(len(self.values), size=len(found))))
        else:
            is_exception = random.random(len(found)) < self.exceptions
            values = swapped(values, ~found | is_exception, found, random)
        return table.append_column(self.target, values)

    def holds(self, table: pa.Table) -> Flags:
        values, found = self.derive(table)
        actual = whole(table[self.target])
        equal = as_flags(pc.equal(plain(values), plain(actual)))
        return ~found | equal | (~known_of(values) & ~known_of(actual))

    def derive(self, table: pa.Table) -> tuple[pa.Array, Flags]:
        """The value of each row's levels, and which rows have an entry."""
        codes = np.zeros(table.num_rows, dtype=np.int64)
        found = np.ones(table.num_rows, dtype=np.bool_)
        for name, keys in zip(self.operands, self.keys, strict=True):
            places = pc.index_in(plain(whole(table[name])), value_set=keys)
            found &= known_of(places)
            codes = codes * len(keys) + places.fill_null(0).to_numpy().astype(np.int64)
        at = np.minimum(np.searchsorted(self.entries, codes), len(self.entries) - 1)
        found &= self.entries[at] == codes
        return self.values.take(pa.array(at)), found

    def only(self, kept: Flags) -> Lookup:
        """With some of the entries.

        Args:
            kept: For each entry, as ``rows`` has them, whether it stays; at least one does.
        """
        again = fit(self.rows().filter(pa.array(kept)), self.target, self.operands)
        return replace(again, exceptions=self.exceptions)

    def rows(self) -> pa.Table:
        """The entries as rows: the levels of the operands, and the value."""
        columns = []
        rest = self.entries
        for keys in reversed(self.keys):
            rest, places = np.divmod(rest, len(keys)) if len(keys) else (rest, rest)
            columns.append(keys.take(pa.array(places)))
        return pa.table([*columns[::-1], self.values], [*self.operands, self.target])


def fit(table: pa.Table, target: str, operands: Sequence[str]) -> Lookup:
    """The table's most frequent value for each level, and the share of rows with another one."""
    codes = np.zeros(table.num_rows, dtype=np.int64)
    keys = []
    for name in operands:
        levels, places = encoded(whole(table[name]))
        codes = codes * len(levels) + places
        keys.append(levels)
    actual = whole(table[target])
    _, wanted = encoded(actual)
    size = int(wanted.max(initial=0)) + 1
    joint, first, counts = np.unique(codes * size + wanted, return_index=True, return_counts=True)
    # Within a level the value of most rows comes first.
    order = np.lexsort([first, -counts, joint // size])
    entries, chosen = np.unique(joint[order] // size, return_index=True)
    kept = int(counts[order][chosen].sum())
    return Lookup(
        target=target,
        operands=tuple(operands),
        keys=tuple(keys),
        entries=entries,
        values=actual.take(pa.array(first[order][chosen])),
        exceptions=1 - kept / table.num_rows if table.num_rows else 0.0,
    )


def encoded(array: pa.Array) -> tuple[pa.Array, Codes]:
    """The levels of a column, null among them, and each row's place in them."""
    coded = plain(array).dictionary_encode(null_encoding="encode")
    return coded.dictionary, coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


@dataclass(frozen=True)
class Coded:
    """A column as numbers of its levels."""

    name: str
    codes: Codes
    levels: int

    @property
    def agreeing(self) -> float:
        """The probability that two random rows have the same value."""
        shares = np.bincount(self.codes, minlength=self.levels) / len(self.codes)
        return float(shares @ shares)


def dependents(
    codes: Codes,
    levels: int,
    others: Sequence[Coded],
    *,
    tolerance: float,
    hypotheses: float,
) -> list[str]:
    """Which columns have one value for each level, so often that it is no chance.

    Args:
        codes: The level of each row.
        levels: How many there are.
        others: The columns.
        tolerance: Largest share of rows with another value.
        hypotheses: How many dependencies are tried.
    """
    if levels * MIN_ROWS_PER_LEVEL > len(codes) or not others:
        return []
    # Sixteen bits are sorted by radix.
    order = np.argsort(codes.astype(np.uint16) if codes.max() < 2**16 else codes, kind="stable")
    follows = codes[order][1:] == codes[order][:-1]
    starts = np.linspace(0, max(len(order) - CHUNK - 1, 0), CHUNKS).astype(np.int64)
    near = np.unique((starts[:, None] + np.arange(CHUNK)).ravel())
    near = near[near < len(follows)]
    found = []
    for other in others:
        differ = other.codes[order[near]] != other.codes[order[near + 1]]
        judged = int(follows[near].sum())
        if (differ & follows[near]).sum() > 2 * tolerance * judged + (2 if tolerance else 0):
            continue
        changed = other.codes[order[1:]] != other.codes[order[:-1]]
        share = float((changed & follows).sum()) / (2 if tolerance else 1) / len(codes)
        agreeing = other.agreeing
        if share > tolerance or share > EXCEPTIONS_OF_CHANCE * (1 - agreeing):
            continue
        if is_unlikely(int(follows.sum()), agreeing, hypotheses):
            found.append(other.name)
    return found
