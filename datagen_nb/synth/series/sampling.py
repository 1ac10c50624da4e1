"""Rows of whole entities: a sample of series, of a table that is read once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.synth.data_type import FitOptions
from datagen_nb.synth.keys import codes_of
from datagen_nb.synth.sample import HELD_BACK_SHARE
from datagen_nb.synth.series.axis import find

MIN_ENTITIES = 20
"""Below this many entities all are needed for training."""


class SeriesSample:
    """Keeps entities with all of their rows, and of one that has too many its first rows.

    Args:
        limit: Rows to keep, at most.
        options: What the user says; the entity is found once there are more rows.

    Attributes:
        rows: How many rows were added.
    """

    def __init__(self, limit: int, options: FitOptions) -> None:
        self._limit = limit
        self._options = options
        self._tables: list[pa.RecordBatch] = []
        self._entity: str | None = None
        self._refused: pa.Array | None = None
        self._kept = 0
        self.rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows into account, which follow those before."""
        self.rows += batch.num_rows
        if self._refused is not None and self._entity is None:
            return
        if self._refused is not None and len(self._refused):
            values = batch.column(batch.schema.get_field_index(self._entity))
            is_refused = pc.is_in(values, value_set=self._refused)
            batch = batch.filter(pc.invert(is_refused))
        self._tables.append(batch)
        self._kept += batch.num_rows
        if self._kept > 2 * self._limit:
            self._prune()

    def take(self) -> pa.Table:
        """The sample, in the table's order."""
        if self._kept > self._limit:
            self._prune()
        return pa.Table.from_batches(self._tables)

    def _prune(self) -> None:
        table = pa.Table.from_batches(self._tables)
        if self._refused is None:
            try:
                options = self._options
                self._entity = find(table, entity=options.entity, order=options.order).entity
            except InputError:  # the fit says so, of the same rows
                self._entity = None
            self._refused = pa.array([])
        if self._entity is None:
            kept = table.slice(0, self._limit)
        else:
            column = table[self._entity]
            places, refused = _whole(codes_of(column), self._limit, self._options.seed)
            values = pc.unique(column.take(pa.array(refused)))
            known = [] if not len(self._refused) else [self._refused]
            self._refused = pa.concat_arrays([*known, _plain(values)])
            kept = table.take(pa.array(places))
        self._tables = kept.combine_chunks().to_batches()
        self._kept = kept.num_rows


def few(table: pa.Table, count: int, options: FitOptions) -> pa.Table:
    """At most so many rows, of whole entities as far as possible."""
    if table.num_rows <= count:
        return table
    entity = find(table, entity=options.entity, order=options.order).entity
    if entity is None:
        return table.slice(0, count)
    places, _ = _whole(codes_of(table[entity]), count, options.seed)
    return table.take(pa.array(places))


def split(table: pa.Table, options: FitOptions) -> tuple[pa.Table, pa.Table]:
    """Hold a fifth of the entities back, where there are enough of them."""
    entity = find(table, entity=options.entity, order=options.order).entity
    nothing = table.slice(0, 0)
    if entity is None:
        return table, nothing
    codes = codes_of(table[entity])
    count = int(codes.max(initial=-1)) + 1
    if count < MIN_ENTITIES:
        return table, nothing
    chosen = np.random.default_rng([options.seed, 2]).permutation(count)
    is_back = np.isin(codes, chosen[: int(count * HELD_BACK_SHARE)])
    return table.filter(pa.array(~is_back)), table.filter(pa.array(is_back))


def _whole(codes: Any, limit: int, seed: int) -> tuple[Any, Any]:
    """Rows of some entities that are all of theirs, and rows of the others."""
    count = int(codes.max(initial=0)) + 1
    order = np.random.default_rng([seed, 11]).permutation(count)
    sizes = np.bincount(codes[codes >= 0], minlength=count)
    most = max(int(np.searchsorted(np.cumsum(sizes[order]), limit, side="right")), 1)
    is_kept = np.isin(codes, order[:most])
    return np.flatnonzero(is_kept)[:limit], np.flatnonzero(~is_kept & (codes >= 0))


def _plain(values: pa.Array) -> pa.Array:
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
