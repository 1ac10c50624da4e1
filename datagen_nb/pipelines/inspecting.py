"""What a table's columns are: kinds, missing values, small histograms."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.core.inspection import (
    LONGEST_VALUE,
    MOST_BARS,
    MOST_COLUMNS,
    MOST_SAMPLED,
    SAMPLE_ROWS,
    UNSUPPORTED,
    Bar,
    InspectedColumn,
    Inspection,
)
from datagen_nb.synth.margins import plain
from datagen_nb.synth.profile import kind_of
from datagen_nb.tables.formats import write_part

MOST_VALUES = 10
"""Bars of a categorical column."""


def inspected(table: pa.Table, *, rows: int, exact: bool, size: int) -> Inspection:
    """Describe a table by its first rows.

    Args:
        table: These rows.
        rows: How many there are in all.
        exact: Whether that is so, or about so.
        size: Bytes of the file.
    """
    notes = []
    if table.num_columns > MOST_COLUMNS:
        notes.append(f"Shows the first {MOST_COLUMNS:,} of {table.num_columns:,} columns.")
        table = table.select(range(MOST_COLUMNS))
    if table.num_rows < rows:
        notes.append(f"Looked at the first {table.num_rows:,} rows.")
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        made, note = _inspected(field.name, column)
        columns.append(made)
        notes += note
    return Inspection(
        rows=rows,
        exact=exact,
        size=size,
        looked_at=table.num_rows,
        columns=tuple(columns),
        sample=_sample(table, [column.kind for column in columns]),
        notes=tuple(notes),
    )


def _inspected(name: str, column: pa.ChunkedArray) -> tuple[InspectedColumn, list[str]]:
    facts: dict[str, Any] = {"name": name, "type": str(column.type), "nulls": column.null_count}
    try:
        kind = kind_of(name, column)
    except InputError as error:
        return InspectedColumn(**facts, kind=UNSUPPORTED, distinct=0), [str(error)]
    values = plain(column).drop_null()
    distinct = pc.count_distinct(values).as_py()
    bars: list[Bar] = []
    if kind in {"numeric", "datetime"}:
        bars = _ranges(values)
    elif kind in {"boolean", "categorical", "constant"}:
        bars = _most_frequent(values)
    others = len(values) - sum(bar.count for bar in bars) if bars else 0
    return InspectedColumn(
        **facts, kind=kind, distinct=distinct, bars=tuple(bars), others=others
    ), []


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
    counts, edges = np.histogram(numbers, bins=np.unique(np.linspace(low, high, MOST_BARS + 1)))
    return [
        Bar(label=f"{_said(low, type)} to {_said(high, type)}", count=int(count))
        for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True)
    ]


def _said(edge: float, type: pa.DataType) -> str:
    if not pa.types.is_temporal(type):
        return f"{edge:,.4g}" if abs(edge) < 10_000 else f"{edge:,.0f}"
    whole = pa.array([int(edge)], pa.int32() if type.bit_width == 32 else pa.int64())
    return str(whole.cast(type).cast(pa.string())[0])


def _most_frequent(values: pa.ChunkedArray) -> list[Bar]:
    counted = values.value_counts()
    found, counts = counted.field("values"), counted.field("counts").to_numpy()
    order = np.argsort(-counts, kind="stable")[:MOST_VALUES]
    return [Bar(label=_cut(_word(found[int(at)].as_py())), count=int(counts[at])) for at in order]


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sample(table: pa.Table, kinds: Sequence[str]) -> tuple[tuple[Any, ...], ...]:
    table = table.select(range(min(table.num_columns, MOST_SAMPLED))).slice(0, SAMPLE_ROWS)
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
    return f"{text[:LONGEST_VALUE]}…" if len(text) > LONGEST_VALUE else value
