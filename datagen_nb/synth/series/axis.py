"""Which column identifies the series of a table, and which one gives their rows an order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs import Codec
from datagen_nb.core.errors import InputError
from datagen_nb.core.kinds import KINDS, Scale
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.decisions import Decisions, decide
from datagen_nb.synth.keys import codes_of
from datagen_nb.synth.profile import Profile

Floats = npt.NDArray[np.float64]

MIN_STEPS = 3
"""Rows of an entity on average, at least."""

MAX_REPEATED = 0.01
"""Share of the rows that may have the instant of the one before."""

IN_ORDER, REGULAR, FOLLOWING = 0.99, 0.5, 0.5
"""A table is suggested to be a series if so many rows are in order, and if so many gaps are the
same or a column is so much like in the row before."""

MAX_ORDERS, MAX_ENTITIES = 6, 12
"""Columns that are tried."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What makes series of the rows of a table.

    Attributes:
        entity: The column whose values identify the series; ``None`` for one series.
        order: The column by which the rows of a series follow each other.
    """

    entity: str | None
    order: str


@dataclass(frozen=True, slots=True)
class _Tried:
    axis: Axis
    repeated: float
    regular: float
    in_order: float
    is_instant: bool
    is_identity: bool

    @property
    def score(self) -> float:
        preferred = 0.1 * self.is_instant + 0.05 * self.is_identity
        return preferred + self.regular + self.in_order - 2 * self.repeated


def find(
    table: pa.Table,
    *,
    decided: Decisions | None = None,
    entity: str | None = None,
    order: str | None = None,
) -> Axis:
    """Find the axis of a table, as far as a user has not named it.

    Args:
        table: Rows in their order.
        decided: What its columns are, if that is known.
        entity: The column that identifies each series, if it is known.
        order: The column that orders them, if it is known.

    Raises:
        InputError: ``no_series``: nothing orders the rows; ``wrong_order``: what is named does not.
    """
    table = plain_table(table)
    decided = decided or decide(Profile.of(table), table, {})
    if order is not None and numbers_of(table[order], decided.codecs.get(order)) is None:
        raise InputError(
            f"parameters.order names {order!r}, which gives rows no order: its values are no "
            "instants or numbers. Name a column of those.",
            code="wrong_order",
            details={"column": order, "retryHelps": False},
        )
    tried = list(_tried(table, decided, entity, order))
    usable = [one for one in tried if one.repeated <= MAX_REPEATED]
    if usable or (tried and (entity or order)):
        return max(usable or tried, key=lambda one: one.score).axis
    if order is not None:
        return Axis(entity, order)
    raise InputError(
        "No column was found by which the rows follow each other. Name one of instants or numbers "
        "in parameters.order, and in parameters.entity the one that identifies each of several "
        "series; or use dataType tabular.",
        code="no_series",
        details={"retryHelps": False},
    )


def suggested(table: pa.Table, decided: Decisions) -> Axis | None:
    """The axis of a table whose rows are most likely series; ``None`` if they are none."""
    table = plain_table(table)
    found = []
    for one in _tried(table, decided, None, None):
        if one.repeated > MAX_REPEATED or one.in_order < IN_ORDER:
            continue
        if one.regular >= REGULAR or _follows(table, decided, one.axis):
            found.append(one)
    return max(found, key=lambda one: one.score).axis if found else None


def numbers_of(column: pa.ChunkedArray, codec: Codec | None) -> Floats | None:
    """A column as numbers in its order, NaN for nulls; ``None`` if it has none."""
    if codec is not None:
        column = pa.chunked_array([codec.parse(column).values])
    if pa.types.is_temporal(column.type) and not pa.types.is_duration(column.type):
        column = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if not is_number or column.null_count == len(column):
        return None
    return cast("Floats", column.cast(pa.float64(), safe=False).to_numpy())


def _tried(
    table: pa.Table, decided: Decisions, entity: str | None, order: str | None
) -> Iterator[_Tried]:
    orders = [order] if order is not None else _orders(table, decided)
    entities = [entity] if entity is not None else [None, *_entities(table, decided)]
    owners = {
        name: np.zeros(table.num_rows, np.int64) if name is None else codes_of(table[name])
        for name in entities
    }
    for by in orders:
        values = numbers_of(table[by], decided.codecs.get(by))
        if values is None:
            continue
        for name in entities:
            if name != by:
                yield _judged(Axis(name, by), values, owners[name], table, decided)


def _judged(axis: Axis, values: Floats, owners: Any, table: pa.Table, decided: Decisions) -> _Tried:
    known = np.flatnonzero(~np.isnan(values) & (owners >= 0))
    values, owners = values[known], owners[known]
    as_read = np.argsort(owners, kind="stable")
    same = np.diff(owners[as_read]) == 0
    in_order = (np.diff(values[as_read])[same] >= 0).mean() if same.any() else 0.0
    ordered = np.lexsort((values, owners))
    gaps = np.diff(values[ordered])[same]
    counts = np.unique(gaps, return_counts=True)[1] if len(gaps) else np.zeros(1, np.int64)
    type = table[axis.order].type
    kind = None if axis.entity is None else KINDS[decided.kinds[axis.entity]]
    is_first = axis.entity is not None and kind is not None and kind.scale is Scale.NEW
    return _Tried(
        axis,
        repeated=float((gaps == 0).mean()) if len(gaps) else 1.0,
        regular=float(counts.max() / max(len(gaps), 1)),
        in_order=float(in_order),
        is_instant=pa.types.is_temporal(type) or axis.order in decided.codecs,
        is_identity=is_first,
    )


def _orders(table: pa.Table, decided: Decisions) -> list[str]:
    """Columns that may order rows: instants first, then numbers that count."""
    instants, counts = [], []
    for name in table.column_names:
        type, codec = table[name].type, decided.codecs.get(name)
        if codec is not None and codec.parse(table[name].slice(0, 1)).values.type != type:
            type = codec.parse(table[name].slice(0, 1)).values.type
        if pa.types.is_timestamp(type) or pa.types.is_date(type):
            instants.append(name)
        elif pa.types.is_integer(type):
            counts.append(name)
    return [*instants, *counts][:MAX_ORDERS]


def _entities(table: pa.Table, decided: Decisions) -> list[str]:
    """Columns of whose values each has several rows: identities first, then those with most."""
    found = {}
    for name in table.column_names:
        scale = KINDS[decided.kinds[name]].scale
        is_code = pa.types.is_integer(table[name].type) or scale in {Scale.NOMINAL, Scale.NEW}
        levels = pc.count_distinct(table[name]).as_py() if is_code else 0
        if 2 <= levels <= table.num_rows / MIN_STEPS:
            found[name] = (scale is Scale.NEW, levels)
    return sorted(found, key=lambda name: found[name], reverse=True)[:MAX_ENTITIES]


def _follows(table: pa.Table, decided: Decisions, axis: Axis) -> bool:
    """Whether a column is much like in the row before."""
    owners, order = owners_of(table, axis, decided.codecs)
    rows = np.lexsort((order, owners))
    same = np.diff(owners[rows]) == 0
    for name in table.column_names:
        if (
            name in {axis.entity, axis.order}
            or KINDS[decided.kinds[name]].scale is not Scale.ORDERED
        ):
            continue
        values = numbers_of(table[name], decided.codecs.get(name))
        if values is None:
            continue
        before, after = values[rows][:-1][same], values[rows][1:][same]
        known = ~np.isnan(before) & ~np.isnan(after)
        before, after = before[known], after[known]
        varies = len(before) > MIN_STEPS and before.std() > 0 and after.std() > 0
        if varies and np.corrcoef(before, after)[0, 1] >= FOLLOWING:
            return True
    return False


def owners_of(table: pa.Table, axis: Axis, codecs: Mapping[str, Codec]) -> tuple[Any, Floats]:
    """For each row the number of its entity, -1 for none, and its place in the order."""
    values = numbers_of(plain_table(table.select([axis.order]))[axis.order], codecs.get(axis.order))
    owners = np.zeros(table.num_rows, np.int64)
    if axis.entity is not None:
        owners = codes_of(plain_table(table.select([axis.entity]))[axis.entity])
    return owners, np.zeros(table.num_rows) if values is None else values
