"""Keys between tables: stated, or found by names and values; and the order that they give.

A key is a column of one table whose values are those of a unique column of another. Of the keys
of a table the first says what its rows *belong* to, the others what they also refer to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.core.quoting import did_you_mean
from datagen_nb.synth.arrays import plain

MAX_ORPHANS = 0.01
"""Share of the values of a key that the other table may not have."""

MIN_VALUES = 20
"""Distinct texts that are evidence of a key whatever its name is."""

GENERIC = frozenset({"", "id", "key", "no", "nr", "num", "number", "code", "uuid", "guid", "ref"})
"""What columns of any table are called; after a table's name they are its key."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of one table to another.

    Attributes:
        table: Whose rows belong to rows of the other.
        column: Its column.
        parent: The other table.
        parent_column: Its unique column.
    """

    table: str
    column: str
    parent: str
    parent_column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column} -> {self.parent}.{self.parent_column}"


def parse_keys(texts: Iterable[str], tables: Mapping[str, pa.Table]) -> tuple[Key, ...]:
    """Read keys as a user states them, and check them against the tables.

    Args:
        texts: Each as ``"orders.customer_id -> customers.id"``.
        tables: By name.

    Returns:
        As ``find_keys`` does.

    Raises:
        InputError: One is not written so, names what is not there, is composite, or leads to a
            column that is not unique or has too few of the values.
    """
    found: list[Key] = []
    for text in texts:
        key = _parsed(text, tables)
        for other in found:
            if (other.table, other.column) == (key.table, key.column):
                raise _error(
                    "ambiguous_key",
                    f"The column {key.table}.{key.column} is a key to two tables, in {str(other)!r}"
                    f" and {str(key)!r}. Leave one of them out.",
                )
        _check(key, tables)
        found.append(key)
    return _belonging_first(found, tables)


def find_keys(tables: Mapping[str, pa.Table]) -> tuple[Key, ...]:
    """Find the keys between tables, by the names of columns and by texts that both have.

    A table's key to itself is not looked for.

    Returns:
        Of each table first that by which fewest rows belong to one: lines belong to orders, and
        refer to products.
    """
    unique = {
        name: [column for column in table.column_names if _is_unique(table[column])]
        for name, table in tables.items()
    }
    found = []
    for name, table in tables.items():
        for column in table.column_names:
            candidates = [
                Key(name, column, parent, own)
                for parent in tables
                if parent != name
                for own in unique[parent]
            ]
            if best := _best(candidates, tables, unique[name]):
                found.append(best)
    return _belonging_first(found, tables)


def in_order(tables: Iterable[str], keys: Sequence[Key]) -> tuple[str, ...]:
    """The tables, each after those that it belongs to.

    Raises:
        InputError: They belong to each other in a circle.
    """
    sorter = TopologicalSorter(
        {name: [key.parent for key in keys if key.table == name] for name in tables}
    )
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise _error(
            "cyclic_keys",
            f"The tables belong to each other in a circle: {circle}. State in parameters.keys "
            "those keys that are to be kept, and leave out one of the circle.",
        ) from None


def rows_of(key: Key, tables: Mapping[str, pa.Table]) -> pa.Array:
    """For each row of a key's table the number of the row that it belongs to.

    Null where the key is null, -1 where the other table has no such value.
    """
    parent = plain(tables[key.parent][key.parent_column]).combine_chunks()
    own = _as(plain(tables[key.table][key.column]).combine_chunks(), parent.type)
    if own is None:
        return pa.array([-1] * tables[key.table].num_rows, pa.int64())
    places = pc.fill_null(pc.index_in(own, value_set=parent), -1).cast(pa.int64())
    return pc.if_else(pc.is_null(own), pa.scalar(None, pa.int64()), places)


def orphans_of(key: Key, tables: Mapping[str, pa.Table]) -> int:
    """Rows of a key's table whose value the other table does not have."""
    return int(pc.sum(pc.equal(rows_of(key, tables), -1)).as_py() or 0)


def _belonging_first(keys: Sequence[Key], tables: Mapping[str, pa.Table]) -> tuple[Key, ...]:
    counts = {key: pc.count_distinct(plain(tables[key.table][key.column])).as_py() for key in keys}
    return tuple(sorted(keys, key=lambda key: -counts[key]))


def _parsed(text: str, tables: Mapping[str, pa.Table]) -> Key:
    sides = [side.strip() for side in text.split("->")]
    if len(sides) != 2:
        raise _error(
            "unreadable_key",
            f"parameters.keys has {text!r}. Write each as 'orders.customer_id -> customers.id'.",
        )
    if any(re.search(r"[(,+]", side) and _column(side, tables) is None for side in sides):
        raise _error(
            "composite_key",
            f"parameters.keys has {text!r}; a key of several columns is not supported. Give a "
            "key of one column, or add one to both tables that stands for them.",
        )
    places = []
    for side in sides:
        if (place := _column(side, tables)) is None:
            known = [
                f"{name}.{one}" for name, table in tables.items() for one in table.schema.names
            ]
            raise _error(
                "unknown_column",
                f"parameters.keys has {text!r}, but there is no {side!r}. "
                f"{did_you_mean(side, known)}",
            )
        places.append(place)
    [(table, column), (parent, own)] = places
    if table == parent:
        raise _error(
            "cyclic_keys",
            f"parameters.keys has {text!r}: a table cannot belong to itself. Leave it out.",
        )
    return Key(table, column, parent, own)


def _column(side: str, tables: Mapping[str, pa.Table]) -> tuple[str, str] | None:
    for name, table in tables.items():
        column = side.removeprefix(f"{name}.")
        if column != side and column in table.column_names:
            return name, column
    return None


def _check(key: Key, tables: Mapping[str, pa.Table]) -> None:
    if not _is_unique(tables[key.parent][key.parent_column]):
        raise _error(
            "repeated_key",
            f"The key {str(key)!r} cannot be kept: values of {key.parent}.{key.parent_column} "
            "are missing or repeat. Give the column in which each row has a value of its own.",
        )
    orphans, rows = orphans_of(key, tables), tables[key.table].num_rows
    if tables[key.table][key.column].null_count == rows:
        raise _error(
            "empty_key",
            f"The key {str(key)!r} cannot be kept: {key.table}.{key.column} has no values. "
            "Leave it out.",
        )
    if orphans > MAX_ORPHANS * rows:
        raise _error(
            "orphan_keys",
            f"The key {str(key)!r} cannot be kept: {orphans:,} of {rows:,} rows of "
            f"{key.table!r} have a value that {key.parent!r} does not have. Add the missing rows "
            f"to {key.parent!r}, or leave these out.",
            orphans=orphans,
        )


def _best(
    candidates: Sequence[Key], tables: Mapping[str, pa.Table], unique: Sequence[str]
) -> Key | None:
    """The key that a column is: one by its name before one by its values."""
    ranked: list[tuple[bool, int, int, int, Key]] = []
    names = list(tables)
    for key in candidates:
        table, parent = tables[key.table], tables[key.parent]
        column = plain(table[key.column])
        is_named = refers(key.column, key.parent, key.parent_column)
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        if not (is_named or is_text) or column.null_count == len(column):
            continue
        if key.column in unique:  # one row each: the table with more of them, or the first
            sizes = table.num_rows, parent.num_rows
            later = names.index(key.table) > names.index(key.parent)
            if not is_named or sizes[0] > sizes[1] or (sizes[0] == sizes[1] and not later):
                continue
        if not is_named and pc.count_distinct(column).as_py() < MIN_VALUES:
            continue
        orphans = orphans_of(key, tables)
        if orphans <= MAX_ORPHANS * len(column):
            ranked.append((not is_named, orphans, parent.num_rows, len(ranked), key))
    return min(ranked)[-1] if ranked else None


def refers(column: str, parent: str, parent_column: str) -> bool:
    """Whether a column's name says that it is a key to a column of another table."""
    own, key = _word(column), _word(parent_column)
    tables = {_word(parent), *_singulars(_word(parent))}
    if key not in GENERIC:
        return own.endswith(key)
    return any(own.endswith(table + rest) for table in tables for rest in GENERIC)


def _word(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _singulars(word: str) -> Iterator[str]:
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            yield word.removesuffix(ending) + instead


def _is_unique(column: pa.ChunkedArray) -> bool:
    column = plain(column)
    type = column.type
    is_key = pa.types.is_integer(type) or pa.types.is_string(type) or pa.types.is_large_string(type)
    if not is_key or column.null_count or not len(column):
        return False
    return bool(pc.count_distinct(column).as_py() == len(column))


def _as(column: pa.Array, type: pa.DataType) -> pa.Array | None:
    """The column in another's type; ``None`` if it has other values."""
    try:
        return column.cast(type)
    except pa.ArrowException:
        return None


def _error(code: str, message: str, **details: int) -> InputError:
    return InputError(message, code=code, details={**details, "retryHelps": False})
