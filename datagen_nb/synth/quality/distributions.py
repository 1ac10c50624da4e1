"""How the columns are distributed, in a form that nothing rare is in.

Ranges and categories have ``least`` rows of the input or more, of values that are made anew only
lengths are counted. Rows that the synthesizer was fitted to stand for the input.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.distribution import Distribution
from datagen_nb.synth.keys import entities_of, first_rows
from datagen_nb.synth.quality.closeness import Floats, codes_of
from datagen_nb.synth.quality.columns import Column, Samples, Tables
from datagen_nb.synth.quality.ranges import ranges_of

MOST_LABELS = 12
LONGEST_LABEL = 60
"""Characters of a label."""

MIN_LEAST = 5
"""Rows of the input in a range or a category, if fewer are allowed in the result too."""

_Of = Literal["numbers", "instants", "times", "lengths"]

_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def distribution(
    column: Column, tables: Tables, min_count: int, key: str | None = None
) -> Distribution:
    """Count the values of a column.

    Args:
        column: The column.
        tables: ``typed`` ones that it is of.
        min_count: A value that fewer rows of the input have is rare.
        key: The column that identifies entities, if each has one value: these are counted, so that
            a value of one entity with many rows is rare all the same.
    """
    if key is not None:
        column, tables = _of_entities(column, tables, key)
    least = max(min_count, MIN_LEAST)
    real, made = (table[column.name] for table in (tables.training, tables.synthetic))
    if column.texts:
        lengths = [_lengths(column.texts[place]) for place in (0, 2)]
        return _of_ranges("lengths", *lengths, least=least)
    if column.is_ordered:
        return _of_numbers(column, real.type, least)
    return _of_categories(real, made, least)


def _of_entities(column: Column, tables: Tables, key: str) -> tuple[Column, Tables]:
    """The column in the first row of each entity."""
    rows = [first_rows(entities_of(codes_of([table[key]]))) for table in tables]
    numbers = [values[places] for values, places in zip(column.numbers, rows, strict=True)]
    texts = [text.take(pa.array(places)) for text, places in zip(column.texts, rows, strict=False)]
    first = [
        table.select([column.name]).take(pa.array(places))
        for table, places in zip(tables, rows, strict=True)
    ]
    return replace(column, numbers=Samples(*numbers), texts=tuple(texts)), Tables(*first)


def _of_numbers(column: Column, type: pa.DataType, least: int) -> Distribution:
    real, made = column.numbers.training, column.numbers.synthetic
    if not pa.types.is_temporal(type):
        return _of_ranges("numbers", real, made, least=least)
    unit = 1 / 86_400 if pa.types.is_date32(type) else _PER_SECOND[getattr(type, "unit", "ms")]
    is_instant = pa.types.is_date(type) or pa.types.is_timestamp(type)
    return _of_ranges("instants" if is_instant else "times", real / unit, made / unit, least=least)


def _of_ranges(of: _Of, real: Floats, made: Floats, *, least: int) -> Distribution:
    known, others = real[~np.isnan(real)], made[~np.isnan(made)]
    ranges = ranges_of(known, others, least, are_times=of in {"instants", "times"})
    missing = (len(real) - len(known), len(made) - len(others))
    if ranges is None:
        counted = Distribution(of=of, others=len(known), others_synthetic=len(others), least=least)
    else:
        counted = Distribution(
            of=of,
            edges=tuple(ranges.edges.tolist()),
            input=tuple(ranges.counts(known).tolist()),
            synthetic=tuple(ranges.counts(others).tolist()),
            is_logarithmic=ranges.is_logarithmic,
            least=least,
        )
    return counted.model_copy(update={"missing": missing[0], "missing_synthetic": missing[1]})


def _of_categories(real: pa.ChunkedArray, made: pa.ChunkedArray, least: int) -> Distribution:
    counts, counts_made = _counts(real), _counts(made)
    common = [label for label, count in counts.items() if count >= least and label is not None]
    common = sorted(common, key=lambda label: (-counts[label], str(label)))[:MOST_LABELS]
    shown, shown_made = ([each.get(label, 0) for label in common] for each in (counts, counts_made))
    missing, missing_made = (each.get(None, 0) for each in (counts, counts_made))
    return Distribution(
        of="categories",
        labels=tuple(_cut(str(label)) for label in common),
        input=tuple(shown),
        synthetic=tuple(shown_made),
        others=len(real) - sum(shown) - missing,
        others_synthetic=len(made) - sum(shown_made) - missing_made,
        missing=missing,
        missing_synthetic=missing_made,
        least=least,
    )


def _counts(column: pa.ChunkedArray) -> dict[object, int]:
    counts = pc.value_counts(column)
    values, found = counts.field("values"), counts.field("counts")
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp(values.type.unit))
    if pa.types.is_temporal(values.type):  # Python has no instants beyond the year 9999
        values = values.cast(pa.string())
    return dict(zip(values.to_pylist(), found.to_pylist(), strict=True))


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"


def _lengths(texts: pa.ChunkedArray) -> Floats:
    return np.asarray(pc.utf8_length(texts).cast(pa.float64()).to_numpy(), np.float64)
