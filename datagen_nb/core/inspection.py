"""The inspection of an input table: its columns and first rows."""

from __future__ import annotations

from typing import Any

from datagen_nb.core.summary import Summarized, Summary, Table, count
from datagen_nb.core.wire_model import WireModel
from datagen_nb.core.words import size as in_bytes

SAMPLE_ROWS = 20
MAX_COLUMNS = 2_000
MAX_SAMPLED = 200
"""Columns of the sample."""

MAX_VALUE_LENGTH = 200
"""Characters of a text that are shown."""

MAX_BARS = 20

UNSUPPORTED = "unsupported"
"""The kind of a column that cannot be trained on."""


class Bar(WireModel):
    """A bar of a histogram: a range or a value, and its number of rows."""

    label: str
    count: int


class InspectedColumn(WireModel):
    """A column of the inspected rows.

    Args:
        name: Its name in the table.
        type: Its Arrow type.
        kind: How it would be synthesised, one of the pipeline's column kinds; or ``unsupported``.
        nulls: Number of missing values.
        distinct: Number of distinct values.
        bars: A histogram of at most 20 bars: ranges of numbers and instants, or the most frequent
            categories. Empty if every row has a value of its own.
        others: Rows whose value has no bar.
    """

    name: str
    type: str
    kind: str
    nulls: int
    distinct: int
    bars: tuple[Bar, ...] = ()
    others: int = 0


class FoundSeries(WireModel):
    """What makes series of the rows of a table.

    Args:
        entity: The column that identifies each series; ``None`` for one series.
        order: The column by which the rows of each follow each other.
    """

    entity: str | None = None
    order: str


class FoundTable(WireModel):
    """One of several tables.

    Args:
        name: Of the table.
        rows: Number of rows.
    """

    name: str
    rows: int


class Inspection(Summarized, WireModel):
    """Summary of an input table.

    Args:
        rows: Number of rows.
        exact: Whether ``rows`` was counted; otherwise it is an estimate.
        size: Bytes of the file.
        looked_at: Number of rows that were inspected: all of a small table, otherwise a sample;
            of a large JSON array the first ones.
        columns: The first 2,000 columns.
        sample: The first rows, with the first 200 columns; values as in the JSON format, long
            texts cut.
        notes: What was left out, and what would prevent a job.
        series: If the rows follow each other: how ``dataType`` ``timeseries`` would see them.
        tables: Several tables, whose columns have its name before theirs, as ``orders.amount``.
        keys: Between them, as ``orders.customer_id -> customers.id``.
    """

    rows: int
    exact: bool
    size: int
    looked_at: int
    columns: tuple[InspectedColumn, ...]
    sample: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()
    series: FoundSeries | None = None
    tables: tuple[FoundTable, ...] = ()
    keys: tuple[str, ...] = ()

    def _summary(self) -> Summary:
        rows = f"{'' if self.exact else 'about '}{count(self.rows, 'row')}"
        shape = f"{rows} x {count(len(self.columns), 'column')}"
        judged = f"of {self.looked_at:,} rows"
        table = Table(
            ("column", "kind", "type", f"nulls {judged}", f"distinct {judged}"),
            [
                (one.name, one.kind, one.type, f"{one.nulls:,}", f"{one.distinct:,}")
                for one in self.columns
            ],
            numbers=(False, False, False, True, True),
        )
        facts = [(f"{one.name}", count(one.rows, "row")) for one in self.tables]
        facts += [("key", key) for key in self.keys]
        return Summary("Inspection", f"{shape}, {in_bytes(self.size)}", facts, table, self.notes)
