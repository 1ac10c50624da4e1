"""Values of the input that must not come back, and those that do.

Any value of an identifier or a text belongs to a person or a thing; any other value that few rows
have points at one. Numbers and instants meet by chance: of them as many are expected as rows held
back repeat.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.result import ReturnedValues
from datagen_nb.synth.quality.columns import LEVELS, ORDERED, Tables

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
        if kind in ORDERED and len(held_back) < MIN_HELD_BACK:
            continue
        # Of numbers, what rows held back repeat of the training rows is what chance does.
        known = training if kind in ORDERED else _joined(training, held_back)
        counts = pc.value_counts(known.drop_null())
        values = counts.field("values")
        if kind in ORDERED | LEVELS or name in shared:
            rare = pc.less(counts.field("counts"), min_count / sampled)
            values = values.filter(rare)
        if not len(values):
            continue
        found = synthetic.drop_null()
        back = found.filter(pc.is_in(found, values))
        returned = pc.count_distinct(back).as_py()
        yield ReturnedValues(
            column=name,
            kind=kind,
            values=len(values),
            returned=returned,
            expected=round(_expected(values, held_back, found, back, returned), 1)
            if kind in ORDERED
            else 0.0,
        )


def _expected(
    values: pa.Array,
    held_back: pa.ChunkedArray,
    found: pa.ChunkedArray,
    back: pa.ChunkedArray,
    returned: int,
) -> float:
    """How many values came back by chance: by the share of rows held back that repeat one."""
    fresh = held_back.drop_null()
    if not len(back) or not len(fresh):
        return 0.0
    share = float(np.mean(pc.is_in(fresh, values).to_numpy()))
    return returned * min(share * len(found) / len(back), 1.0)


def _joined(*columns: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([piece for column in columns for piece in column.chunks])


def _comparable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Half floats as single ones, of which Arrow can find values."""
    return column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
