"""What a table's columns are: kinds, missing values, small histograms."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs import part_names
from datagen_nb.core.errors import InputError
from datagen_nb.core.inspection import (
    MAX_BARS,
    MAX_COLUMNS,
    MAX_SAMPLED,
    MAX_VALUE_LENGTH,
    SAMPLE_ROWS,
    UNSUPPORTED,
    Bar,
    FoundSeries,
    InspectedColumn,
    Inspection,
)
from datagen_nb.core.kinds import KINDS, Scale
from datagen_nb.pipelines.spread import Spread
from datagen_nb.synth.arrays import plain
from datagen_nb.synth.decisions import Decisions, decide
from datagen_nb.synth.profile import Profile, check_type
from datagen_nb.synth.sample import evenly
from datagen_nb.synth.series.axis import suggested
from datagen_nb.tables.cells import as_text
from datagen_nb.tables.formats import write_part

MAX_CELLS = 1_000_000
MIN_ROWS_JUDGED = 100
"""Rows times columns that are judged, about, and the rows of however wide a table."""

DECIDED_CELLS = 200_000
MIN_ROWS_DECIDED = 200
"""Rows times columns whose spellings and forms are tried, about; what is counted, is in all."""

MAX_VALUES = 10
"""Bars of a categorical column."""


def inspected(found: Spread) -> Inspection:
    """Describe a table by some of its rows."""
    table, notes = found.table.replace_schema_metadata(None), [*found.notes]
    if table.num_columns > MAX_COLUMNS:
        notes.append(f"Shows the first {MAX_COLUMNS:,} of {table.num_columns:,} columns.")
        table = table.select(range(MAX_COLUMNS))
    first = table.slice(0, SAMPLE_ROWS)
    table = evenly(table, max(MAX_CELLS // max(table.num_columns, 1), MIN_ROWS_JUDGED))
    if table.num_rows < found.rows:
        which = "rows from all over the table" if found.from_all_over else "of its first rows"
        notes.append(f"Judged by {table.num_rows:,} {which}.")
    unsupported = {field.name: error for field in table.schema if (error := _unsupported(field))}
    judged = table.drop_columns(list(unsupported))
    profile = Profile.of(judged, total=found.rows)
    few = max(DECIDED_CELLS // max(judged.num_columns, 1), MIN_ROWS_DECIDED)
    decided = decide(profile, evenly(judged, few), {})
    notes += unsupported.values()
    columns = [
        InspectedColumn(
            **_facts(name, table[name]),
            kind=UNSUPPORTED,
            distinct=0,
        )
        if name in unsupported
        else _inspected(name, table[name], decided)
        for name in table.column_names
    ]
    series = _series(judged, decided)
    if series is not None:
        several = f", one for each {series.entity!r}" if series.entity is not None else ""
        notes.append(
            f"The rows are series in the order of {series.order!r}{several}: "
            "data_type='timeseries' keeps how they follow each other."
        )
    return Inspection(
        rows=found.rows,
        exact=found.exact,
        size=found.size,
        looked_at=table.num_rows,
        columns=tuple(columns),
        sample=_sample(first, [column.kind for column in columns]),
        notes=tuple(notes),
        series=series,
    )


def _series(table: pa.Table, decided: Decisions) -> FoundSeries | None:
    """What makes series of the rows, if they most likely are."""
    axis = suggested(table, decided)
    return None if axis is None else FoundSeries(entity=axis.entity, order=axis.order)


def _unsupported(field: pa.Field) -> str | None:
    """Why a column cannot be fitted; ``None`` if it can."""
    try:
        check_type(field.name, field.type)
    except InputError as error:
        return str(error)
    return None


def _facts(name: str, column: pa.ChunkedArray) -> dict[str, Any]:
    return {"name": name, "type": str(column.type), "nulls": column.null_count}


def _inspected(name: str, column: pa.ChunkedArray, decided: Decisions) -> InspectedColumn:
    known, kind = _facts(name, column), decided.kinds[name]
    if column.null_count == len(column):
        return InspectedColumn(**known, kind=kind, distinct=0)
    values = plain(column).drop_null()
    distinct = pc.count_distinct(values).as_py()
    bars: list[Bar] = []
    scale = KINDS[kind].scale
    if scale is Scale.ORDERED:
        codec = decided.codecs.get(name)
        if codec is not None:
            values = pa.chunked_array([codec.parse(column).values]).drop_null()
        bars = (
            _most_frequent(plain(column).drop_null())
            if part_names(name, codec)
            else _ranges(values)
        )
    elif scale.has_levels:
        bars = _most_frequent(values)
    others = len(values) - sum(bar.count for bar in bars) if bars else 0
    return InspectedColumn(**known, kind=kind, distinct=distinct, bars=tuple(bars), others=others)


def _ranges(values: pa.ChunkedArray) -> list[Bar]:
    """Equal ranges from the least to the greatest; what is not finite has none."""
    type = values.type
    if pa.types.is_temporal(type):
        whole = values.cast(pa.int32() if type.bit_width == 32 else pa.int64())
        numbers = whole.to_numpy().astype(np.float64)
    else:
        numbers = values.cast(pa.float64(), safe=False).to_numpy()
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return []
    low, high = float(numbers.min()), float(numbers.max())
    if not np.isfinite(high - low):  # a histogram has no bins so wide
        return []
    if low == high:
        return [Bar(label=_said(low, type), count=len(numbers))]
    # Between two numbers that are close there are fewer numbers than bars.
    counts, edges = np.histogram(numbers, bins=np.unique(np.linspace(low, high, MAX_BARS + 1)))
    return [
        Bar(label=f"{_said(low, type)} to {_said(high, type)}", count=int(count))
        for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
    ]


def _said(edge: float, type: pa.DataType) -> str:
    if not pa.types.is_temporal(type):
        return f"{edge:,.4g}" if abs(edge) < 10_000 else f"{edge:,.0f}"
    # An edge as a float may lie a little beyond the last integer.
    bits = type.bit_width - 1
    ticks = min(max(int(edge), -(2**bits)), 2**bits - 1)
    whole = pa.chunked_array([pa.array([ticks], pa.int32() if bits < 32 else pa.int64())])
    return str(as_text(whole.cast(type, safe=False))[0])


def _most_frequent(values: pa.ChunkedArray) -> list[Bar]:
    counted = values.value_counts()
    found, counts = counted.field("values"), counted.field("counts").to_numpy()
    order = np.argsort(-counts, kind="stable")[:MAX_VALUES]
    labels = as_text(pa.chunked_array([found.take(order)])).to_pylist()
    return [
        Bar(label=_cut(label), count=int(counts[at]))
        for label, at in zip(labels, order, strict=True)
    ]


def _sample(table: pa.Table, kinds: Sequence[str]) -> tuple[tuple[Any, ...], ...]:
    table = table.select(range(min(table.num_columns, MAX_SAMPLED))).slice(0, SAMPLE_ROWS)
    for at, name in enumerate(table.schema.names):
        if kinds[at] == UNSUPPORTED:
            texts = [None if value is None else str(value) for value in table[at].to_pylist()]
            table = table.set_column(at, name, pa.array(texts, pa.string()))
    file = io.BytesIO()
    write_part(table, "jsonl", file)
    names = table.schema.names
    rows = [json.loads(line) for line in file.getvalue().splitlines()]
    return tuple(tuple(_cut(row.get(name)) for name in names) for row in rows)


def _cut(value: Any) -> Any:
    if not isinstance(value, str | list | dict):
        return value
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{text[:MAX_VALUE_LENGTH]}…" if len(text) > MAX_VALUE_LENGTH else value
