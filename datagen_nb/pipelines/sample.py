"""A bounded, seeded sample of a table that is read once, split for learning and for judging."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

SAMPLE_ROWS = 50_000
SAMPLE_BYTES = 128 << 20
"""Past this many bytes of long texts, fewer rows are kept."""

HELD_BACK_SHARE = 0.2
LEAST_TO_SPLIT = 20
"""Below this many rows all are needed for learning."""

_LAYOUTS = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}


class Sample:
    """Each row draws a number; the rows with the smallest are kept, in the input's order.

    Which rows are kept depends on the seed and their positions, not on how they were batched.
    Source: Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006.
    """

    def __init__(self, limit: int, seed: int) -> None:
        self._limit = limit
        self._random = np.random.default_rng([seed, 1])
        self._threshold = 1.0
        self._tables: list[pa.RecordBatch] = []
        self._keys: list[np.ndarray] = []
        self._kept = 0
        self._nbytes = 0
        self.rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows into account."""
        batch = _takeable(batch)
        keys = self._random.random(batch.num_rows)
        self.rows += batch.num_rows
        chosen = np.flatnonzero(keys < self._threshold)
        if len(chosen) < batch.num_rows:
            batch = batch.take(pa.array(chosen))
        self._tables.append(batch)
        self._keys.append(keys[chosen])
        self._kept += len(chosen)
        self._nbytes += batch.nbytes
        if self._kept > 2 * self._limit or self._nbytes > 2 * SAMPLE_BYTES:
            self._prune()

    def take(self) -> pa.Table:
        """The sample: at most the limit's rows, in the input's order."""
        self._prune()
        return pa.Table.from_batches(self._tables)

    def _prune(self) -> None:
        if not self._tables:
            return
        table = pa.Table.from_batches(self._tables).combine_chunks()
        keys = np.concatenate(self._keys)
        if table.nbytes > SAMPLE_BYTES:
            fitting = int(len(keys) * SAMPLE_BYTES / table.nbytes)
            self._limit = max(min(self._limit, fitting), 1)
        if len(keys) > self._limit:
            self._threshold = float(np.partition(keys, self._limit)[self._limit])
            chosen = np.flatnonzero(keys < self._threshold)
            table = table.take(pa.array(chosen))
            keys = keys[chosen]
        self._tables = table.combine_chunks().to_batches()
        self._keys = [keys]
        self._kept = len(keys)
        self._nbytes = sum(int(batch.nbytes) for batch in self._tables)


def _takeable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows in layouts that Arrow can choose rows of; of views, as Polars has, not."""
    for place, field in enumerate(batch.schema):
        layout = _LAYOUTS.get(field.type)
        if layout is not None:
            column = batch.column(place).cast(layout)
            batch = batch.set_column(place, field.with_type(layout), column)
    return batch


def split(sample: pa.Table, seed: int) -> tuple[pa.Table, pa.Table]:
    """Part a sample at random into rows to learn from and rows held back to judge by."""
    rows = sample.num_rows
    held_back = int(rows * HELD_BACK_SHARE) if rows >= LEAST_TO_SPLIT else 0
    order = np.random.default_rng([seed, 2]).permutation(rows)
    return (
        sample.take(pa.array(np.sort(order[held_back:]))),
        sample.take(pa.array(np.sort(order[:held_back]))),
    )


def to_bytes(table: pa.Table) -> bytes:
    """Keep a table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def from_bytes(data: bytes) -> pa.Table:
    """Read what ``to_bytes`` kept."""
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.read_all()
