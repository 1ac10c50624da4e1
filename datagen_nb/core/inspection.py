"""What a table is, told before a job is made of it: its columns, and its first rows."""

from __future__ import annotations

from typing import Any

from datagen_nb.core.wire_model import WireModel

SAMPLE_ROWS = 20
MOST_COLUMNS = 2_000
MOST_SAMPLED = 200
"""Columns of the sample."""

LONGEST_VALUE = 200
"""Characters of a text that are told."""

MOST_BARS = 20

UNSUPPORTED = "unsupported"
"""The kind of a column that nothing can be learnt from."""


class Bar(WireModel):
    """One bar of a histogram: a range or a value, and how many rows it has."""

    label: str
    count: int


class InspectedColumn(WireModel):
    """One column, judged by the rows that were looked at.

    Args:
        name: As the table has it.
        type: Its Arrow type.
        kind: What it would be learnt as, one of ``core.config.COLUMN_KINDS``, or ``UNSUPPORTED``.
        nulls: Missing values.
        distinct: Different values.
        bars: Of numbers and instants ranges in their order, at most ``MOST_BARS``; of categories
            the most frequent values. None of what has a value for every row.
        others: Rows whose value has no bar.
    """

    name: str
    type: str
    kind: str
    nulls: int
    distinct: int
    bars: tuple[Bar, ...] = ()
    others: int = 0


class Inspection(WireModel):
    """A quick look at the beginning of a table.

    Args:
        rows: Rows that it has.
        exact: Whether its file says so; otherwise they are about so many.
        size: Bytes of the file.
        looked_at: Rows that the columns were judged by.
        columns: In their order, the first ``MOST_COLUMNS``.
        sample: The first rows, of the first ``MOST_SAMPLED`` columns; values as the JSON format
            has them, long texts cut.
        notes: What was left out or is in the way of a job, in words.
    """

    rows: int
    exact: bool
    size: int
    looked_at: int
    columns: tuple[InspectedColumn, ...]
    sample: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()
