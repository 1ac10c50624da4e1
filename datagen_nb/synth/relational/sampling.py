"""Some rows of several tables: rows of roots, and all that belong to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagen_nb.synth.preparing import MAX_CELLS
from datagen_nb.synth.relational.keys import Key, in_order, rows_of
from datagen_nb.synth.sample import HELD_BACK_SHARE, MIN_ROWS_TO_SPLIT, evenly

Flags = npt.NDArray[np.bool_]
Tables = dict[str, pa.Table]

LESS = 0.8
"""What is left of the rows of a root when too many belong to them."""


def reduced(tables: Mapping[str, pa.Table], keys: Sequence[Key], limit: int, seed: int) -> Tables:
    """At most so many rows of each table, and of no table more cells than can be fitted to.

    Args:
        tables: By name.
        keys: Between them; the first of a table says what its rows belong to.
        limit: Rows of a table.
        seed: Of the choice.
    """
    most = {
        name: min(limit, MAX_CELLS // max(table.num_columns, 1)) for name, table in tables.items()
    }
    ranks = {
        root: np.random.default_rng([seed, 5]).permutation(tables[root].num_rows)
        for root in roots(tables, keys)
    }
    counts = {root: len(one) for root, one in ranks.items()}
    while True:
        kept = with_all(tables, keys, {root: ranks[root] < count for root, count in counts.items()})
        full = {root_of(name, keys) for name, one in kept.items() if one.num_rows > most[name]}
        full = {root for root in full if counts[root] > 2}
        if not full:
            return {name: evenly(one, most[name]) for name, one in kept.items()}
        for root in full:
            counts[root] = max(int(counts[root] * LESS), 2)


def split(tables: Mapping[str, pa.Table], keys: Sequence[Key], seed: int) -> tuple[Tables, Tables]:
    """Part tables into rows to fit to and rows held back for the report.

    What belongs together stays together. Nothing is held back of a root of few rows, nor of one
    that rows of another refer to.
    """
    referred = {root_of(key.parent, keys) for key in keys if _belongs(key.table, keys) != key}
    held: dict[str, Flags] = {}
    for root in roots(tables, keys):
        rows = tables[root].num_rows
        places = np.random.default_rng([seed, 6]).permutation(rows)
        is_split = rows >= MIN_ROWS_TO_SPLIT and root not in referred
        held[root] = places < (rows * HELD_BACK_SHARE if is_split else 0)
    training = with_all(tables, keys, {root: ~one for root, one in held.items()})
    return training, with_all(tables, keys, held, alone=False)


def with_all(
    tables: Mapping[str, pa.Table],
    keys: Sequence[Key],
    chosen: Mapping[str, Flags],
    *,
    alone: bool = True,
) -> Tables:
    """Rows of roots with all rows that belong to them, in their order.

    Args:
        tables: By name.
        keys: Between them.
        chosen: Which rows of each root.
        alone: Whether rows that belong to none are among them, in the share of the root's.
    """
    flags: dict[str, Flags] = dict(chosen)
    for name in in_order(tables, keys):
        if (key := _belongs(name, keys)) is None:
            continue
        of = np.asarray(rows_of(key, tables).fill_null(-1), dtype=np.int64)
        above = flags[key.parent]
        share = float(above.mean()) if alone and len(above) else 0.0
        places = np.arange(len(of)) % 1_000 < 1_000 * share
        flags[name] = np.where(of >= 0, above[of], places)
    return {name: table.filter(pa.array(flags[name])) for name, table in tables.items()}


def roots(tables: Mapping[str, pa.Table], keys: Sequence[Key]) -> list[str]:
    """The tables that belong to no other."""
    return [name for name in tables if _belongs(name, keys) is None]


def root_of(name: str, keys: Sequence[Key]) -> str:
    """The root that a table belongs to, over others."""
    while key := _belongs(name, keys):
        name = key.parent
    return name


def _belongs(name: str, keys: Sequence[Key]) -> Key | None:
    return next((key for key in keys if key.table == name), None)
