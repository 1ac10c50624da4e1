"""A bounded, seeded sample of a table that is read once, split for training and for the report."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

SAMPLE_BYTES = 128 << 20
"""Past this many bytes of long texts, fewer rows are kept."""

HELD_BACK_SHARE = 0.2
MIN_ROWS_TO_SPLIT = 20
"""Below this many rows all are needed for training."""

OFFSET_BYTES = 8
"""Of each text, beside its characters."""

Numbers = npt.NDArray[np.uint64]
Sizes = npt.NDArray[np.int64]

_LAYOUTS = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}


class Sample:
    """Each row has a key, a function of the seed and its number; rows of the smallest are kept.

    Kept are the rows of the smallest keys, as many as the limit allows and as fit into
    ``SAMPLE_BYTES`` together. That is a property of the set of rows, so a sample depends neither
    on how the rows were batched nor on who read which of them: ``merge`` of the samples of two
    pieces is the sample of both.
    Source: Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006; Steele, Lea
    and Flood, Fast splittable pseudorandom number generators, 2014, for the keys.

    Args:
        limit: Rows to keep, at most.
        seed: Of the keys.

    Attributes:
        rows: How many rows were added.
    """

    def __init__(self, limit: int, seed: int) -> None:
        self._limit = limit
        self._start = np.random.default_rng([seed, 1]).integers(2**64, dtype=np.uint64)
        self._threshold = np.uint64(2**64 - 1)
        self._tables: list[pa.RecordBatch] = []
        self._numbers: list[Numbers] = []
        self._sizes: list[Sizes] = []
        self.rows = 0

    def add(self, batch: pa.RecordBatch, *, first: int | None = None) -> None:
        """Take rows into account.

        Args:
            batch: The rows.
            first: Number of the first in the whole table; by default they follow those before.
        """
        batch = _takeable(batch)
        begin = self.rows if first is None else first
        numbers = np.arange(begin, begin + batch.num_rows, dtype=np.uint64)
        self.rows += batch.num_rows
        chosen = np.flatnonzero(self._keys(numbers) <= self._threshold)
        if len(chosen) < batch.num_rows:
            batch = batch.take(pa.array(chosen))
        self._keep([batch], numbers[chosen], _row_sizes(batch))

    def merge(self, other: Sample) -> None:
        """Take the rows of another sample of the same table, limit and seed into account."""
        self.rows += other.rows
        self._threshold = min(self._threshold, other._threshold)
        self._keep(other._tables, _joined(other._numbers), _joined(other._sizes))

    def take(self) -> pa.Table:
        """The sample, in the table's order."""
        self._prune()
        table = pa.Table.from_batches(self._tables)
        numbers = _joined(self._numbers)
        if np.all(numbers[1:] >= numbers[:-1]):
            return table
        return table.take(pa.array(np.argsort(numbers)))

    def _keep(self, batches: list[pa.RecordBatch], numbers: Numbers, sizes: Sizes) -> None:
        self._tables += batches
        self._numbers.append(numbers)
        self._sizes.append(sizes)
        rows = sum(len(each) for each in self._numbers)
        if rows > 2 * self._limit or sum(each.sum() for each in self._sizes) > 2 * SAMPLE_BYTES:
            self._prune()

    def _prune(self) -> None:
        numbers, sizes = _joined(self._numbers), _joined(self._sizes)
        keys = self._keys(numbers)
        order = np.argsort(keys)
        fitting = int(np.searchsorted(np.cumsum(sizes[order]), SAMPLE_BYTES, side="right"))
        count = max(min(self._limit, fitting), 1)
        if count >= len(numbers):
            return
        self._threshold = keys[order[count - 1]]
        chosen = np.sort(order[:count])
        table = pa.Table.from_batches(self._tables).combine_chunks().take(pa.array(chosen))
        self._tables = table.combine_chunks().to_batches()
        self._numbers, self._sizes = [numbers[chosen]], [sizes[chosen]]

    def _keys(self, numbers: Numbers) -> Numbers:
        """SplitMix64 at these counters: a bijection, so no two rows have the same key."""
        with np.errstate(over="ignore"):
            mixed = self._start + (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _joined(pieces: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.concatenate(pieces) if pieces else np.zeros(0, np.uint64)


def _row_sizes(batch: pa.RecordBatch) -> Sizes:
    """Bytes that each row takes, by its values alone."""
    sizes = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            lengths = pc.fill_null(pc.binary_length(column), 0)
            sizes += lengths.to_numpy(zero_copy_only=False) + OFFSET_BYTES
        elif not pa.types.is_null(column.type):
            sizes += max(column.type.bit_width // 8, 1)
    return sizes


def _takeable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows in layouts that Arrow can choose rows of; of views, as Polars has, not."""
    for place, field in enumerate(batch.schema):
        layout = _LAYOUTS.get(field.type)
        if layout is not None:
            column = batch.column(place).cast(layout)
            batch = batch.set_column(place, field.with_type(layout), column)
    return batch


def split(sample: pa.Table, seed: int) -> tuple[pa.Table, pa.Table]:
    """Split a sample at random into rows to train on and rows held back for the report."""
    rows = sample.num_rows
    held_back = int(rows * HELD_BACK_SHARE) if rows >= MIN_ROWS_TO_SPLIT else 0
    order = np.random.default_rng([seed, 2]).permutation(rows)
    return (
        sample.take(pa.array(np.sort(order[held_back:]))),
        sample.take(pa.array(np.sort(order[:held_back]))),
    )


def evenly(table: pa.Table, rows: int) -> pa.Table:
    """At most so many rows of a table, from begin to end."""
    if table.num_rows <= rows:
        return table
    return table.take(pa.array(np.linspace(0, table.num_rows - 1, rows).astype(np.int64)))


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
