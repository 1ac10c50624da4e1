"""Values of the input that must not come back, and those that do.

Any value of an identifier or a text belongs to a person or a thing; any other value that few rows
have points at one. Numbers and instants meet by chance: a value that a single row has may as well
be of a row held back, so of both as many come back if nothing is memorised.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.kinds import Scale, scale_of
from datagen_nb.core.result import ReturnedValues
from datagen_nb.synth.quality.columns import Tables

MIN_HELD_BACK = 30
"""With fewer rows held back, what chance does cannot be seen."""


def returned_values(
    tables: Tables,
    kinds: Mapping[str, str],
    *,
    min_count: int,
    sampled: float,
    shared: Collection[str] = (),
) -> Iterator[ReturnedValues]:
    """Count the values that came back, by column.

    Args:
        tables: With their texts as they are.
        kinds: Kind of each column.
        min_count: A value that fewer rows of the input have is rare.
        sampled: Rows of the input for each row of training and held-back rows, 1 or more.
        shared: Columns whose made values may repeat, as versions and sizes do; of these only rare
            values are counted.
    """
    for name, kind in kinds.items():
        training, held_back, synthetic = (_comparable(table[name]) for table in tables)
        if pa.types.is_nested(training.type) or pa.types.is_null(training.type):
            continue
        scale = scale_of(kind)
        is_ordered = scale is Scale.ORDERED
        if is_ordered and len(held_back) < MIN_HELD_BACK:
            continue
        # Of numbers, what rows held back repeat of the training rows is what chance does.
        known = training if is_ordered else _joined(training, held_back)
        counts = pc.value_counts(known.drop_null())
        values = counts.field("values")
        if scale not in {Scale.NEW, None} or name in shared:
            rare = pc.less(counts.field("counts"), min_count / sampled)
            values = values.filter(rare)
        if not len(values):
            continue
        found = synthetic.drop_null()
        returned = pc.sum(pc.is_in(values, found)).as_py()
        yield ReturnedValues(
            column=name,
            kind=kind,
            values=len(values),
            returned=returned,
            expected=round(returned * _share_by_chance(training, held_back, found), 1)
            if is_ordered
            else 0.0,
        )


def _share_by_chance(
    training: pa.ChunkedArray, held_back: pa.ChunkedArray, made: pa.ChunkedArray
) -> float:
    """Of training values that came back, the share that would if the row were not fitted to.

    Of the values that one row of both has, it was chance in which its row lies. Those held back
    come back by chance; how many, few rows show only about: the answer is two standard errors
    above it.
    Source: Agresti and Coull, The American Statistician 52(2), 1998.
    """
    counts = pc.value_counts(_joined(training, held_back).drop_null())
    single = counts.field("values").filter(pc.equal(counts.field("counts"), 1))
    is_back = pc.is_in(single, made)
    is_fresh = pc.is_in(single, held_back)
    fitted_back = pc.sum(pc.and_not(is_back, is_fresh)).as_py() or 0
    fresh_back = pc.sum(pc.and_(is_back, is_fresh)).as_py() or 0
    fresh = (pc.sum(is_fresh).as_py() or 0) + 4
    fitted = len(single) - fresh + 4
    if not fitted_back:
        return 1.0
    share = (fresh_back + 2) / fresh
    share += 2 * float(np.sqrt(share * (1 - share) / fresh))
    return min(share * fitted / fitted_back, 1.0)


def _joined(*columns: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([piece for column in columns for piece in column.chunks])


def _comparable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Half floats as single ones, of which Arrow can find values."""
    return column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
