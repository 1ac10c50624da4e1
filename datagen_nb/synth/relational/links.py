"""What was fitted of one table and of its keys, and how rows of a root are divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagen_nb.synth.drawn import Ints
from datagen_nb.synth.fitting import Level
from datagen_nb.synth.model import Model
from datagen_nb.synth.relational.keys import Key
from datagen_nb.synth.stage import Given, Stage, Streams

Shares = npt.NDArray[np.float64]

ROWS = "rows"
"""The column of a stage that draws how many rows belong to one."""


@dataclass(frozen=True, slots=True)
class Division:
    """How the rows of a root are divided into slices.

    Attributes:
        rows: All of them.
        slice_rows: Of each slice but the last.
    """

    rows: int
    slice_rows: int

    @property
    def count(self) -> int:
        """How many slices there are."""
        return -(-self.rows // self.slice_rows)

    def of(self, index: int) -> int:
        """Rows of one slice."""
        return min(self.slice_rows, self.rows - index * self.slice_rows)


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """What was fitted of a key.

    Attributes:
        key: The key.
        copies: Columns that repeat one of the other table in each row, the key among them.
        level: What else is the same in all rows that belong to one of the other table; ``None``
            if the table has only keys.
        counts: Draws how many rows belong to a row of the other table, given what is known of it.
        sizes: How many did in the input, in their order; of many some, evenly.
        alone: Rows whose key is null, for each that has one.
        together: Whether the rows that belong to one follow each other.
    """

    key: Key
    copies: dict[str, str]
    level: Level | None
    counts: Stage
    sizes: Ints
    alone: float
    together: bool

    def drawn_sizes(self, given: Given, streams: Streams) -> Ints:
        """How many rows belong to each row of the other table."""
        table, _ = self.counts.draw(given, streams)
        sizes: Ints = np.maximum(table[ROWS].to_numpy().astype(np.int64), 0)
        return sizes

    def shares(self, sizes: Ints) -> Shares:
        """How often each row of the other table is chosen: as often as in the input, by rank."""
        ranks = np.argsort(np.argsort(sizes, kind="stable"), kind="stable")
        places = (ranks + 0.5) / len(ranks) * len(self.sizes)
        return self.sizes[places.astype(np.int64)].astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class TableModel:
    """What was fitted of one table.

    Attributes:
        schema: Names and types of its columns, the input's.
        rows: How many rows it was fitted to.
        input_rows: How many the input has.
        links: Of its keys to other tables, of which the first says to what its rows belong.
        model: Of its other columns; ``None`` if it has only these keys.
    """

    schema: pa.Schema
    rows: int
    input_rows: int
    links: tuple[Link, ...]
    model: Model | None
