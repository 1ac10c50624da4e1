"""Columns drawn after each other; what is kept of a table is noisy counts and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagen_nb.synth.marginals.axes import Axis
from datagen_nb.synth.marginals.pairs import Codes, Masses
from datagen_nb.synth.stage import Given, Streams


@dataclass(frozen=True, slots=True, eq=False)
class ColumnCounts:
    """One column.

    Attributes:
        name: Of the column.
        axis: What its codes stand for.
        masses: Rows of each code, by noisy counts; none is below 0.
        group: Of each code the group that it is counted in, together with other columns. The codes
            of a group need not be next to each other.
        order: The codes, those of a group next to each other.
        starts: Where each group begins among the summed masses of ``order``; one more at the end.
    """

    name: str
    axis: Axis
    masses: Masses
    group: Codes
    order: Codes
    starts: Masses

    @classmethod
    def of(cls, name: str, axis: Axis, masses: Masses, group: Codes) -> ColumnCounts:
        """What follows from masses and groups."""
        order = np.argsort(group, kind="stable")
        starts = np.concatenate([[0.0], np.cumsum(np.bincount(group, weights=masses))])
        return cls(name, axis, masses, group, order, starts)

    @property
    def margin(self) -> Masses:
        """Rows of each group."""
        return np.diff(self.starts)

    def codes(self, groups: Codes, random: np.random.Generator) -> Codes:
        """A code for each group, by the masses of its codes."""
        sums = np.cumsum(self.masses[self.order])
        inside = self.starts[groups] + random.random(len(groups)) * self.margin[groups]
        places = np.searchsorted(sums, inside, side="right")
        found: Codes = self.order[np.minimum(places, len(self.order) - 1)]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """How a column is drawn.

    Attributes:
        column: Place of the column.
        parents: Places of the columns that it is drawn given; none for the first.
        sizes: How many groups each of these has.
        sums: Rows of each group of the column and those before, for each combination of groups of
            the parents (one line without parents); the last is 1.
    """

    column: int
    parents: tuple[int, ...]
    sizes: tuple[int, ...]
    sums: npt.NDArray[np.float64]

    @classmethod
    def of(cls, column: int, parents: Sequence[int], counts: Masses) -> Link:
        """By the counts of each combination: an axis for each parent, the last for the column."""
        lines = counts.reshape(-1, counts.shape[-1])
        total = lines.sum(axis=1, keepdims=True)
        shares = np.where(total > 0, lines / np.maximum(total, 1e-300), 1 / lines.shape[1])
        sums = np.cumsum(shares, axis=1)
        return cls(column, tuple(parents), counts.shape[:-1], sums / sums[:, -1:])

    def groups(self, drawn: Mapping[int, Codes], rows: int, random: np.random.Generator) -> Codes:
        """A group for each row, given the groups of the columns before."""
        line = np.zeros(rows, np.int64)
        for parent, size in zip(self.parents, self.sizes, strict=True):
            line = line * size + drawn[parent]
        # A line after the other in one row of numbers, which is searched once.
        flat = (self.sums + np.arange(len(self.sums))[:, None]).ravel()
        place = np.searchsorted(flat, line + random.random(rows), side="right")
        found: Codes = np.clip(place - line * self.sums.shape[1], 0, self.sums.shape[1] - 1)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class CountedStage:
    """All columns of a table, each drawn given some of those before; a ``Drawing``.

    Attributes:
        schema: Names and types of the columns.
        columns: What each column is drawn from.
        links: In the order in which columns are drawn.
    """

    schema: pa.Schema
    columns: tuple[ColumnCounts, ...]
    links: tuple[Link, ...]

    def draw(self, given: Given, streams: Streams) -> tuple[pa.Table, Given]:
        """Draw a row for each row of ``given``, which says nothing about them."""
        rows = len(given.codes)
        drawn: dict[int, Codes] = {}
        arrays: dict[int, Any] = {}
        for link in self.links:
            random, column = streams(link.column), self.columns[link.column]
            drawn[link.column] = link.groups(drawn, rows, random)
            codes = column.codes(drawn[link.column], random)
            type = self.schema.field(column.name).type
            arrays[link.column] = column.axis.written(codes, type, random)
        table = pa.Table.from_arrays(
            [arrays[place] for place in range(len(self.columns))], schema=self.schema
        )
        return table, given
