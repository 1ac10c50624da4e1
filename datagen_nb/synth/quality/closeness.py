"""How close made rows are to the training rows, against how close fresh real rows are.

All training rows take part: against a sample of them, most copies would find no original.
That they are more than the rows held back is allowed for. Distances are those of a space with a
number's range as its unit and two unlike categories at distance 1.
Source: Platzer and Reutterer, Holdout-based empirical assessment of mixed-type synthetic data,
2021, for the share; the allowance for unequal numbers follows from exchangeability.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.spatial import cKDTree

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

AXES = 16
"""Categories up to this number have an axis each; more share so many, nearly at right angles."""

TREE_COLUMNS = 10
"""With more columns a tree would look at every row after all, and slowly."""

TREE_QUERIES = 4_000
PLAIN_QUERIES = 1_200
FRESH_QUERIES = 500
CHUNK = 128
"""Rows that are compared with all others at once: bounds the memory."""

NEAR = 1e-5
"""Squared distances in single precision that may be equal."""

EQUAL = 1e-9

Space = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Closeness:
    """What ``closeness`` finds.

    Attributes:
        share: 0.5 where made rows are as close as fresh ones, 1 where each has an original.
        noise: Two standard errors of the share, if made rows are as close as fresh ones.
        distance: Median distance of made rows to the closest training row.
        distance_expected: The same of rows held back.
    """

    share: float
    noise: float
    distance: float
    distance_expected: float


def closeness(
    known: pa.Table,
    fresh: pa.Table,
    made: pa.Table,
    ordered: Collection[str],
    independent: Sequence[int] | None = None,
) -> Closeness:
    """Compare made rows with training rows (``known``) and rows held back (``fresh``).

    All three are plain tables, as ``arrays.plain_table`` makes them.

    Args:
        known: Training rows.
        fresh: Rows held back.
        made: Made rows.
        ordered: The columns whose values have an order.
        independent: Of each of the three, how many things in it are independent of each other, if
            rows are not.
    """
    rows, held_back, queries = spaces_of([known, fresh, made], ordered)
    is_plain = known.num_columns > TREE_COLUMNS
    training, others = (index_of(part, known.num_columns) for part in (rows, held_back))
    queries = _some(queries, PLAIN_QUERIES if is_plain else TREE_QUERIES)
    near, other = training.nearest(queries), others.nearest(queries)
    won = (near < other).astype(np.float64)
    tied = np.flatnonzero(np.abs(near - other) < EQUAL)
    if len(tied):  # several are equally close: what counts is how many of them are known
        one, two = (part.within(queries[tied], near[tied] + EQUAL) for part in (training, others))
        won[tied] = one / (one + two)
    counts = [len(rows), len(held_back), len(queries)]
    if independent is not None:  # what is closest is of one of these
        counts = [min(count, most) for count, most in zip(counts, independent, strict=True)]
    expected = counts[0] / (counts[0] + counts[1])
    return Closeness(
        share=_allowed(float(won.mean()), expected),
        noise=_noise(expected, counts[2], counts[1]),
        distance=float(np.median(near)),
        distance_expected=float(np.median(training.nearest(_some(held_back, FRESH_QUERIES)))),
    )


class Tree:
    """Rows of few columns: what is far away is not looked at."""

    def __init__(self, rows: Space) -> None:
        self._tree = cKDTree(rows, balanced_tree=False)

    def nearest(self, queries: Space) -> Floats:
        """Distance of each query to its closest row."""
        return np.asarray(self._tree.query(queries)[0], dtype=np.float64)

    def within(self, queries: Space, radius: Floats) -> Ints:
        """How many rows lie within the radius of each query, at least 1."""
        found = self._tree.query_ball_point(queries, radius, return_length=True)
        return np.maximum(np.asarray(found, dtype=np.int64), 1)


class Plain:
    """Rows of many columns: there every row is looked at, in one product of matrices."""

    def __init__(self, rows: Space) -> None:
        self._rows = rows
        self._turned = np.ascontiguousarray(-2 * rows.T)
        self._lengths = np.einsum("ij,ij->i", rows, rows)

    def nearest(self, queries: Space) -> Floats:
        """Distance of each query to its closest row."""
        closest = [squares.argmin(axis=1) for _, squares in self._squares(queries)]
        gaps = queries.astype(np.float64) - self._rows[np.concatenate(closest)]
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", gaps, gaps)))

    def within(self, queries: Space, radius: Floats) -> Ints:
        """How many rows lie within the radius of each query, at least 1."""
        own = np.einsum("ij,ij->i", queries, queries)
        found = [
            (squares <= (radius[part] ** 2 - own[part] + NEAR)[:, None]).sum(axis=1)
            for part, squares in self._squares(queries)
        ]
        return np.maximum(np.concatenate(found).astype(np.int64), 1)

    def _squares(self, queries: Space) -> Iterator[tuple[slice, Space]]:
        """Squared distances to all rows but for each query's own length, which orders nothing."""
        for start in range(0, len(queries), CHUNK):
            part = slice(start, start + CHUNK)
            squares: Space = queries[part] @ self._turned
            squares += self._lengths
            yield part, squares


def index_of(rows: Space, columns: int) -> Tree | Plain:
    """What finds the closest of some rows, which have so many columns."""
    return Plain(rows) if columns > TREE_COLUMNS else Tree(rows)


def _allowed(share: float, expected: float) -> float:
    """Bring what fresh rows would show to 0.5, nothing to 0 and all to 1."""
    if share < expected:
        return share / expected / 2
    return 0.5 + (share - expected) / (1 - expected) / 2


def _noise(expected: float, queries: int, held_back: int) -> float:
    """Two standard errors: of the rows that were made, and of those that were held back.

    What a row held back is closest to varies about as an exponential variable does.
    """
    fresh = 1 - expected
    variance = expected * fresh / queries + expected * fresh**2 / held_back
    return _allowed(min(expected + 2 * math.sqrt(variance), 1.0), expected) - 0.5


def _some(rows: Space, most: int) -> Space:
    return rows[:: max(len(rows) // most, 1)][:most]


def spaces_of(tables: list[pa.Table], ordered: Collection[str]) -> list[Space]:
    """The rows of plain tables with the same columns as points of one space."""
    axes: list[npt.NDArray[Any]] = []
    for name in tables[0].column_names:
        columns = [table[name] for table in tables]
        if name in ordered:
            values = np.concatenate([floats(column) for column in columns])
            gone = np.isnan(values)
            axes.append(_scaled(values, gone)[:, None])
            if gone.any():
                axes.append(gone[:, None])
        else:
            axes.append(_apart(codes_of(columns)))
    space = np.concatenate([axis.astype(np.float32) for axis in axes], axis=1)
    return np.split(space, np.cumsum([table.num_rows for table in tables])[:-1])


def _scaled(values: Floats, gone: npt.NDArray[np.bool_]) -> Floats:
    if gone.all():
        return np.zeros(len(values))
    low, middle, high = np.quantile(values[~gone], [0.01, 0.5, 0.99])
    width = high - low if np.isfinite(high - low) and high > low else 1.0
    return np.clip(np.where(gone, 0.0, (values - middle) / width), -100, 100)


def _apart(codes: Ints) -> npt.NDArray[Any]:
    """Points of which any two unlike are 1 apart, null being like null."""
    levels = int(codes.max(initial=0)) + 2
    if levels <= AXES:
        points = np.eye(levels)
    else:
        signs = np.random.default_rng(levels).integers(0, 2, (levels, AXES))
        points = (2 * signs - 1) / np.sqrt(AXES)
    return np.asarray((points / np.sqrt(2))[codes + 1])


def floats(column: pa.ChunkedArray) -> Floats:
    """A column as floats; NaN for null and infinity."""
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    values = column.cast(pa.float64(), safe=False).to_numpy()
    return np.where(np.isinf(values), np.nan, values)


def codes_of(chunks: list[pa.ChunkedArray]) -> Ints:
    """Codes of equal values over several columns of one type; -1 for null."""
    pieces = [piece for column in chunks for piece in column.chunks]
    joined = pa.chunked_array(pieces, type=chunks[0].type)
    encoded = joined.combine_chunks().dictionary_encode()
    return np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), np.int64)
