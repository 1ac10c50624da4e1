"""Keys that repeat: a customer with several orders, an account with many bookings.

A key stands for an entity. What depends on it (its name, address, city) is drawn once for each
entity and is the same in all of its rows; the rows of an entity are as many as in the input. Keys
may depend on keys: each order belongs to one customer and has several lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int64]

MIN_EVIDENCE = 10.0
"""Disagreements that would be expected of columns that do not depend on a key, at least."""

MAX_EXCEPTIONS = 0.005
"""Share of the rows of a key that may differ in what depends on it."""

MIN_ROWS_PER_KEY = 1.05
"""A key with fewer rows on average counts as one of single rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Entities of one key, within those of the level before.

    Attributes:
        key: The column that tells the entities apart.
        columns: What depends on it and on no level before, the key among them.
        sizes: How many entities of the next level, or rows, each entity has; one of these for
            each entity that was seen.
        together: Whether the rows of an entity follow each other.
    """

    key: str
    columns: tuple[str, ...]
    sizes: Ints
    together: bool


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Levels that depend on each other, from the coarsest to the finest."""

    levels: tuple[Level, ...]


def find(
    keys: Mapping[str, Codes],
    columns: Mapping[str, Codes],
    *,
    entity: str | None = None,
    sizes: Mapping[str, Ints] | None = None,
    sources: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Group, ...]:
    """Find the keys of a table and what depends on them.

    Args:
        keys: Columns that identify something, as codes of their values; -1 where null.
        columns: All columns in the same form, the keys among them.
        entity: The key that is to come first; by default that of which most depends.
        sizes: For keys of which these rows are a sample: how many rows each of some entities has
            in the whole table.
        sources: For keys that are made of other columns, these: an address that persons of
            several names have, as that of their team, tells no entities apart.
    """
    whole, made_of = sizes or {}, sources or {}
    repeating = {
        name: entities_of(codes)
        for name, codes in keys.items()
        if name == entity or _repeats(codes, whole.get(name))
    }
    repeating = {
        name: codes
        for name, codes in repeating.items()
        if name == entity
        or all(depends(columns[one], on=codes) for one in made_of.get(name, ()) if one in columns)
    }
    groups, free = [], set(columns)
    while repeating:
        determined = {
            name: frozenset(
                other for other in free if other != name and depends(columns[other], on=codes)
            )
            for name, codes in repeating.items()
        }
        first = max(
            repeating,
            key=lambda name: (name == entity, len(determined[name]), -list(keys).index(name)),
        )
        chain = _chain(first, repeating, determined)
        levels, taken = [], set[str]()
        for name in chain:
            own = ({name} | determined[name]) & free - taken
            levels.append((name, tuple(column for column in columns if column in own)))
            taken |= own
        groups.append(Group(tuple(_levels(levels, repeating, whole))))
        free -= taken
        repeating = {name: codes for name, codes in repeating.items() if name in free}
    return tuple(groups)


def depends(codes: Codes, *, on: Codes) -> bool:
    """Whether a column has one value for each entity, beyond chance.

    Rows of the same entity are compared with each other; a column that rarely varies agrees in
    them whether it depends on the key or not, and is no evidence.
    """
    order = np.argsort(on, kind="stable")
    same = np.diff(on[order]) == 0
    ordered = codes[order]
    differ = (np.diff(ordered) != 0)[same]
    if not len(differ):
        return False
    shares = np.bincount(codes + 1) / len(codes)
    expected = len(differ) * (1.0 - float((shares**2).sum()))
    return expected >= MIN_EVIDENCE and float(differ.mean()) <= min(
        MAX_EXCEPTIONS, 0.1 * expected / len(differ)
    )


def _repeats(codes: Codes, sizes: Ints | None) -> bool:
    if sizes is not None:
        return bool(sizes.mean() >= MIN_ROWS_PER_KEY)
    known = codes[codes >= 0]
    return len(known) >= MIN_ROWS_PER_KEY * max(len(np.unique(known)), 1)


def entities_of(codes: Codes) -> Codes:
    """The entity of each row, from 0; a row without a key is one by itself."""
    missing = codes < 0
    found = codes.copy()
    found[missing] = codes.max(initial=-1) + 1 + np.arange(missing.sum())
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _chain(
    first: str, repeating: Mapping[str, Codes], determined: Mapping[str, frozenset[str]]
) -> list[str]:
    """Keys from the coarsest to the finest, of which each determines those before it."""
    chain = [first]
    for name in sorted(repeating, key=lambda one: int(repeating[one].max())):
        equivalent = any(name in determined[one] and one in determined[name] for one in chain)
        if name == first or equivalent:
            continue
        below = [one for one in chain if one in determined[name]]
        above = [one for one in chain if name in determined[one]]
        if len(below) + len(above) == len(chain) and chain == below + above:
            chain.insert(len(below), name)
    return chain


def _levels(
    chain: Sequence[tuple[str, tuple[str, ...]]],
    repeating: Mapping[str, Codes],
    whole: Mapping[str, Ints],
) -> list[Level]:
    found = []
    for place, (name, columns) in enumerate(chain):
        entities = repeating[name]
        if place + 1 < len(chain):
            members = first_rows(repeating[chain[place + 1][0]])
            sizes = np.bincount(entities[members])
        else:
            sizes = whole.get(name, np.bincount(entities))
        runs = 1 + int((np.diff(entities) != 0).sum())
        together = runs <= 1.1 * (int(entities.max()) + 1)
        found.append(Level(name, columns, sizes[sizes > 0].astype(np.int64), together))
    return found


def first_rows(entities: Codes) -> Ints:
    """For each entity, the number of its first row."""
    return np.unique(entities, return_index=True)[1]


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """Which entity each row belongs to.

    Attributes:
        of: For each row, or entity of the next level, the number of its entity.
        count: How many entities there are.
        sizes: How many members each has.
    """

    of: Ints
    count: int
    sizes: Ints


def draw_members(level: Level, rows: int, random: np.random.Generator) -> Members:
    """Hand out rows to new entities, as many to each as entities of the input have."""
    sizes, total = [], 0
    while total < rows:  # every size once before any comes again: less chance than drawing
        sizes.append(random.permutation(level.sizes))
        total += int(level.sizes.sum())
    drawn = np.concatenate(sizes) if sizes else np.zeros(0, np.int64)
    ends = np.cumsum(drawn)
    count = int(np.searchsorted(ends, rows)) + 1 if rows else 0
    drawn = drawn[:count].copy()
    if count:
        drawn[-1] -= int(ends[count - 1]) - rows
    of = np.repeat(np.arange(count), drawn)
    return Members(of if level.together else random.permutation(of), count, drawn)


def codes_of(column: Any) -> Codes:
    """A column as codes of its distinct values, -1 where it is null."""
    encoded = column.combine_chunks().dictionary_encode()
    indices = encoded.indices.fill_null(-1)
    return np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int64)
