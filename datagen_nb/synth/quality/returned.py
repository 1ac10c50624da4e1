"""Values of the input that must not come back, and those that do.

Any value of an identifier or a text belongs to a person or a thing; any other value that few rows
have points at one. Numbers and instants meet by chance: a value that a single row has may as well
be of a row held back, so of both as many come back if nothing is memorised.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import gammaln

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
        all_counts = pc.value_counts(_joined(training, held_back).drop_null())
        counts = pc.value_counts(known.drop_null())
        values = counts.field("values")
        if scale not in {Scale.NEW, None} or name in shared:
            rare = pc.less(counts.field("counts"), min_count / sampled)
            values = values.filter(rare)
        if not len(values):
            continue
        found = synthetic.drop_null()
        returned = pc.sum(pc.is_in(values, found)).as_py()
        share, chance = _by_chance(all_counts, held_back, found) if is_ordered else (0.0, 0.0)
        singletons = _present(values, _single(all_counts)) if sampled == 1 else values[:0]
        extremes = _present(values, _ends(known, min_count - 1)) if is_ordered else values[:0]
        yield ReturnedValues(
            column=name,
            kind=kind,
            values=len(values),
            returned=returned,
            expected=round(returned * share, 1),
            chance=chance,
            singletons=len(singletons),
            singletons_returned=len(_present(singletons, found)),
            extremes=len(extremes),
            extremes_returned=len(_present(extremes, found)),
        )


def _present(values: pa.Array, among: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The values that are among others."""
    return values.filter(pc.is_in(values, among))


def _single(counts: pa.StructArray) -> pa.Array:
    """The values that one row has."""
    return counts.field("values").filter(pc.equal(counts.field("counts"), 1))


def _ends(column: pa.ChunkedArray, rows: int) -> pa.Array:
    """The values of the lowest and the highest rows; none of texts, whose order is another one."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pa.array([], column.type)
    known = column.drop_null().combine_chunks()
    order = pc.sort_indices(known)
    places = pa.concat_arrays([order[:rows], order[max(len(order) - rows, 0) :]])
    return known.take(places).unique()


def _by_chance(
    counts: pa.StructArray, held_back: pa.ChunkedArray, made: pa.ChunkedArray
) -> tuple[float, float]:
    """Of training values that came back, the share that would if their rows were not fitted to.

    Of the values that one row of both has, it was chance in which its row lies. Those held back
    come back by chance.
    Source: Fisher, The logic of inductive inference, Journal of the Royal Statistical Society
    98(1), 1935, for the exact test.

    Returns:
        The share, and the probability that as many or more of those that came back are training
        rows' if nothing is memorised; both 1 where no row held back has such a value.
    """
    single = _single(counts)
    is_back = pc.is_in(single, made)
    is_fresh = pc.is_in(single, held_back)
    fresh, back = (pc.sum(flags).as_py() or 0 for flags in (is_fresh, is_back))
    fresh_back = pc.sum(pc.and_(is_back, is_fresh)).as_py() or 0
    fitted, fitted_back = len(single) - fresh, back - fresh_back
    if not fresh or not fitted_back:
        return 1.0, 1.0
    share = min(fresh_back / fresh * fitted / fitted_back, 1.0)
    return share, _chance(fitted_back, back, fitted=fitted, fresh=fresh)


def _chance(least: int, back: int, *, fitted: int, fresh: int) -> float:
    """The probability that ``least`` or more of those that are ``back`` are ``fitted``."""
    several = np.arange(least, min(back, fitted) + 1)
    ways = _log_ways(fitted, several) + _log_ways(fresh, back - several)
    chance = float(np.exp(ways - _log_ways(fitted + fresh, back)).sum())
    return min(round(chance, 6), 1.0)


def _log_ways(size: int, chosen: Any) -> Any:
    return gammaln(size + 1) - gammaln(chosen + 1) - gammaln(size - chosen + 1)


def _joined(*columns: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([piece for column in columns for piece in column.chunks])


def _comparable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Half floats as single ones, of which Arrow can find values."""
    return column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
