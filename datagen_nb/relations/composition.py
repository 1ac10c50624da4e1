"""Parts that add up to a constant, such as shares of 1 or percentages of 100, or to a column.

The last part follows from the others. So that it is never negative, each part but the first is
kept as its share of what the parts before it leave; a first part of .4 and half of the rest make
.4, .3 and .3. This is called stick-breaking.

Source: Aitchison, The Statistical Analysis of Compositional Data, 1986.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datagen_nb.relations.expression import number_text, quoted
from datagen_nb.relations.numbers import NUMBER, Flags, Floats, Grid, values_of, whole, write

MIN_SUMMED, MAX_SUMMED = 3, 12
"""Columns of a sum that is found this way; sums of two are found as copies."""

MAX_COLUMNS = 60
ZERO = 1e-9
"""Relative size of a singular value that is none."""


@dataclass(frozen=True, kw_only=True)
class Composition:
    """Columns of which none is negative, and that add up to a constant or to another column.

    Attributes:
        parts: The columns; with a constant, the first one stays.
        shares: Own columns: of each part that is dropped, but for the last, its share of the rest.
        types: Types of the parts.
        whole: The column that they add up to, if there is one, which follows from others.
        total: The constant otherwise.
        decimals: Digits after the point of all parts.
    """

    parts: tuple[str, ...]
    shares: tuple[str, ...]
    types: tuple[pa.DataType, ...]
    whole: str = ""
    total: float = 0.0
    decimals: int
    exceptions: float = 0.0

    @property
    def targets(self) -> tuple[str, ...]:
        return self.parts if self.whole else self.parts[1:]

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.whole,) if self.whole else self.parts[:1]

    @property
    def adds(self) -> dict[str, str]:
        return dict.fromkeys(self.shares, "numeric")

    @property
    def nulls(self) -> tuple[str, ...]:
        return ()

    @property
    def alters(self) -> tuple[str, ...]:
        return () if self.whole else self.parts[:1]

    @property
    def deciding(self) -> tuple[str, ...]:
        return ()

    @property
    def sentence(self) -> str:
        total = quoted(self.whole) if self.whole else number_text(self.total)
        return f"{' + '.join(map(quoted, self.parts))} = {total}"

    def reduce(self, table: pa.Table) -> pa.Table:
        left = self._whole(table)
        if not self.whole:
            left = left - self._ticks(table, self.parts[0])
        shares = []
        for part in self.targets[:-1]:
            ticks = self._ticks(table, part)
            zeros = np.where(np.isnan(ticks), np.nan, 0.0)
            shares.append(np.divide(ticks, left, out=zeros, where=left > 0))
            left = left - ticks
        table = table.drop_columns(list(self.targets))
        for name, values in zip(self.shares, shares, strict=True):
            table = table.append_column(name, pa.array(values, pa.float64(), from_pandas=True))
        return table

    def rebuild(self, table: pa.Table, random: np.random.Generator) -> pa.Table:  # noqa: ARG002, the protocol's
        left = self._whole(table)
        made = []
        if not self.whole:
            made.append(np.clip(self._ticks(table, self.parts[0]), 0, left))
            left = left - made[0]
        for share in self.shares:
            drawn = np.nan_to_num(values_of(table[share]), nan=0.0)
            made.append(np.rint(np.clip(drawn, 0, 1) * left))
            left = left - made[-1]
        made.append(left)
        kept = () if self.whole else self.parts[:1]
        table = table.drop_columns([*kept, *self.shares])
        grid = Grid(NUMBER, decimals=self.decimals)
        for part, type, ticks in zip(self.parts, self.types, made, strict=True):
            table = table.append_column(part, write(ticks / self._scale, grid, type))
        return table

    def holds(self, table: pa.Table) -> Flags:
        added = np.sum([self._ticks(table, part) for part in self.parts], axis=0)
        return np.asarray(np.isnan(added) | (added == self._whole(table)))

    def _whole(self, table: pa.Table) -> Floats:
        if self.whole:
            return self._ticks(table, self.whole)
        return np.full(table.num_rows, float(round(self.total * self._scale)))

    @property
    def _scale(self) -> float:
        return 10.0**self.decimals

    def _ticks(self, table: pa.Table, part: str) -> Floats:
        return np.asarray(np.rint(values_of(table[part]) * self._scale))


def can_compose(parts: Sequence[str], table: pa.Table) -> bool:
    """Whether parts are null in the same rows, and never negative."""
    columns = [values_of(table[part]) for part in parts]
    known = ~np.isnan(columns[0])
    if any((np.isnan(column) == known).any() for column in columns):
        return False
    return all((column[known] >= 0).all() for column in columns)


def sums(names: Sequence[str], rows: Floats) -> Iterator[tuple[dict[str, int], float]]:
    """Sums of columns that are the same in all rows, as signs of the columns, and the constant.

    Args:
        names: The columns.
        rows: Their values, one column a row; no value is null.
    """
    if not rows.size:
        return
    distinct = _distinct(rows)
    names, rows = [names[place] for place in distinct], rows[distinct]
    if not len(names) or rows.shape[1] <= len(names) + 8:
        return
    scale = np.maximum(np.abs(rows).max(axis=1), 1e-300)
    matrix = np.vstack([rows / scale[:, None], np.ones(rows.shape[1])]).T
    _, sizes, directions = np.linalg.svd(matrix, full_matrices=False)
    null = directions[sizes <= ZERO * sizes[0]] / np.append(scale, 1.0)
    for row in _reduced(null):
        used = np.flatnonzero(np.abs(row[:-1]) > 1e-6)
        signs = np.rint(row[used])
        if not MIN_SUMMED <= len(used) <= MAX_SUMMED or (np.abs(signs) != 1).any():
            continue
        if (np.abs(row[used] - signs) < 1e-6).all():
            yield (
                {names[int(at)]: int(sign) for at, sign in zip(used, signs, strict=True)},
                -float(row[-1]),
            )


def _distinct(rows: Floats) -> list[int]:
    """The columns without constants, and those that only rescale an earlier one."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    norms = np.sqrt((centred**2).sum(axis=1))
    kept: list[int] = []
    for place in np.flatnonzero(norms > 0):
        cosines = centred[kept] @ centred[place] / (norms[kept] * norms[place])
        if not (np.abs(cosines) > 1 - 1e-13).any():
            kept.append(int(place))
    return kept


def _reduced(matrix: Floats) -> Floats:
    """The reduced row echelon form, each row's leading number its largest."""
    matrix = matrix.copy()
    for place in range(len(matrix)):
        column = int(np.abs(matrix[place, :-1]).argmax())
        if abs(matrix[place, column]) < 1e-300:
            continue
        matrix[place] /= matrix[place, column]
        for other in range(len(matrix)):
            if other != place:
                matrix[other] -= matrix[other, column] * matrix[place]
    return matrix


def complete_rows(names: Sequence[str], table: pa.Table, most: int) -> tuple[list[str], Floats]:
    """The columns that are nearly always known, and some rows in which all of them are."""
    kept = [name for name in names if whole(table[name]).null_count * 10 <= table.num_rows][
        :MAX_COLUMNS
    ]
    if not kept:
        return [], np.empty((0, 0))
    values = np.stack([values_of(table[name]) for name in kept])
    places = np.flatnonzero(~np.isnan(values).any(axis=0))
    if len(places) > most:
        places = places[np.linspace(0, len(places) - 1, most).astype(np.int64)]
    return kept, values[:, places]
