"""Counts of rows to be drawn: over one column, or over two as a heat map, of one table or several.

Numbers are counted in ranges, times by a unit of the calendar, anything else by its most frequent
values. Tables that are drawn beside each other share their axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from datagen_nb.tables.view.bins import bin_of, clock, edges_between
from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.profile import ends_among, frequent_values
from datagen_nb.tables.view.query import Query, QueryError, position
from datagen_nb.tables.view.sql import quoted_text
from datagen_nb.tables.view.types import kind_of

MAX_BUCKETS = 60
MAX_VALUES = 20
"""Of times, and of values that are no numbers; the others are counted together."""

OTHERS = "others"

UNITS = {
    "s": "second",
    "m": "minute",
    "h": "hour",
    "D": "day",
    "M": "month",
    "Y": "year",
    "10Y": "decade",
}
"""Units of numpy, from short to long, and DuckDB's names for them."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What rows are counted by.

    Attributes:
        column: Its name.
        kind: ``range`` of numbers, ``time``, or ``value``.
        labels: Of ranges their ends, one more than there are ranges; else what each stands for.
    """

    column: str
    kind: Literal["range", "time", "value"]
    labels: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many places it has."""
        return max(0, len(self.labels) - (self.kind == "range"))


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of one or several tables, counted over the same axes.

    Attributes:
        x: The first axis.
        y: The second one, if there are two.
        series: Of each table, for each place of ``x``, the rows at each place of ``y`` (one, if
            there is no ``y``).
    """

    x: Axis
    y: Axis | None
    series: tuple[tuple[tuple[int, ...], ...], ...]


def count(tables: Sequence[tuple[Engine, Query]], x: int | str, y: int | str | None) -> Counts:
    """Count the rows of queries over one column or two; missing values are left out.

    Args:
        tables: Queries have columns by position; a column given by its position is found in the
            other tables by its name.
        x: A column of the first one.
        y: A second one.

    Raises:
        QueryError: A column has a type that cannot be counted, or is not in every table.
        Superseded: A newer request came.
        ViewError: The rows cannot be read.
    """
    schema = tables[0][0].schema
    names = [schema.names[position(one, schema)] for one in (x, y) if one is not None]
    keys = [_Keys(tables, name) for name in names]
    series = []
    for engine, query in tables:
        places = [position(name, engine.schema) for name in names]
        columns = [
            key.sql(place, engine.schema.field(place).type)
            for key, place in zip(keys, places, strict=True)
        ]
        valid = " AND ".join(f"{column} IS NOT NULL" for column in columns)
        with engine.connection.cursor("chart") as cursor:
            source, where = engine.bound(cursor, query, places, only=valid)
            listed = ", ".join(f"{column} AS k{at}" for at, column in enumerate(columns))
            grouped = ", ".join(f"k{at}" for at in range(len(columns)))
            found = cursor.table(
                f"SELECT {listed}, count(*) AS n FROM {source}{where} GROUP BY {grouped}"
            )
        counts = np.zeros([keys[0].axis.size, keys[1].axis.size if y is not None else 1], int)
        at = [key.places(found.column(f"k{number}")) for number, key in enumerate(keys)]
        counts[at[0], at[1] if y is not None else 0] = found.column("n").to_numpy()
        series.append(tuple(tuple(row) for row in counts.tolist()))
    return Counts(keys[0].axis, keys[1].axis if y is not None else None, tuple(series))


class _Keys:
    """How the values of a column are put into places, in SQL and back."""

    def __init__(self, tables: Sequence[tuple[Engine, Query]], name: str) -> None:
        self._sides = [(engine, query, position(name, engine.schema)) for engine, query in tables]
        types = [engine.schema.field(place).type for engine, _, place in self._sides]
        kinds = {kind_of(type_) for type_ in types}
        if len(kinds) > 1 or kinds == {"other"} or kinds == {"time"}:
            raise QueryError(f"Rows cannot be counted over {name!r} of {types[-1]}.")
        self._type = types[0]
        self._buckets: list[int] = []
        ends = ends_among(self._sides)
        if kinds & {"date", "datetime"}:
            labels = self._calendar(ends)
            self.axis = Axis(name, "time", labels)
        elif kinds == {"number"}:
            edges = edges_between(*ends, self._type) if ends else []
            self.axis = Axis(name, "range", tuple(edges))
        else:
            self.axis = Axis(name, "value", self._frequent())

    def sql(self, place: int, type_: pa.DataType) -> str:
        """What the rows of a table are grouped by, in SQL; null of what is left out."""
        column = f"c{place}"
        if self.axis.kind == "time":
            return f"epoch_us(date_trunc('{self._unit}', {self._local(column)}))"
        if self.axis.kind == "value":
            listed = ", ".join(quoted_text(value) for value in self._values)
            found = f"list_position([{listed}]::VARCHAR[], {column}::VARCHAR)"
            place_of = f"coalesce({found} - 1, {len(self._values)})"
            return f"CASE WHEN {column} IS NOT NULL THEN {place_of} END"
        is_valid = f"isfinite({column})" if pa.types.is_floating(type_) else f"{column} IS NOT NULL"
        return f"CASE WHEN {is_valid} THEN {bin_of(column, self.axis.labels, type_)} END"

    def places(self, keys: pa.ChunkedArray) -> np.ndarray[Any, Any]:
        """Which place each key is."""
        found: np.ndarray[Any, Any] = keys.to_numpy().astype(np.int64)
        return np.searchsorted(self._buckets, found) if self.axis.kind == "time" else found

    def _local(self, column: str) -> str:
        if pa.types.is_timestamp(self._type) and self._type.tz is not None:
            return f"timezone({quoted_text(self._type.tz)}, {column})"
        return f"{column}::TIMESTAMP"

    def _calendar(self, ends: tuple[float, float] | None) -> tuple[str, ...]:
        """The unit in which the times are few enough, and what each bucket is called."""
        self._unit = "decade"
        if ends is None:
            return ()
        first, last = (clock(int(end), self._type).astype("M8[us]") for end in ends)
        for unit, self._unit in UNITS.items():
            begin, end = first.astype(f"M8[{unit}]"), last.astype(f"M8[{unit}]")
            if (end - begin).astype(int) < MAX_BUCKETS or unit == "10Y":
                break
        buckets = np.arange(begin, end + 1)
        self._buckets = buckets.astype("M8[us]").astype(np.int64).tolist()
        shown = {"h": "m", "10Y": "Y"}.get(unit, unit)
        texts = np.datetime_as_string(buckets.astype(f"M8[{shown}]"))
        return tuple(str(text).replace("T", " ") for text in texts)

    def _frequent(self) -> tuple[str, ...]:
        counted: dict[str, int] = {}
        has_more = False
        for engine, query, place in self._sides:
            found = frequent_values(engine, query, place, MAX_VALUES + 1)
            has_more |= len(found) > MAX_VALUES
            for one in found:
                counted[str(one.value)] = counted.get(str(one.value), 0) + one.rows
        ordered = sorted(counted, key=lambda value: -counted[value])
        self._values = ordered[:MAX_VALUES]
        has_more |= len(ordered) > MAX_VALUES
        return (*self._values, OTHERS) if has_more else tuple(self._values)


def specification(counts: Counts, names: Sequence[str]) -> dict[str, Any]:
    """A chart in the language of Vega-Lite, which Altair writes.

    Args:
        counts: What is drawn; of each table as shares, if there are several.
        names: Of the tables.
    """
    values = [
        record
        for name, series in zip(names, counts.series, strict=True)
        for record in _records(counts, name, series)
    ]
    encoding: dict[str, Any] = {"x": _channel(counts.x, "x")}
    amount = "share" if len(names) > 1 else "rows"
    if counts.y is None:
        encoding["y"] = {"field": amount, "type": "quantitative"}
        encoding |= {"x2": {"field": "x2"}} if counts.x.kind == "range" else {}
        if len(names) > 1:
            encoding |= {"color": {"field": "table", "type": "nominal"}, "opacity": {"value": 0.6}}
            encoding["y"]["stack"] = None
    else:
        encoding |= {"y": _channel(counts.y, "y")}
        encoding["color"] = {"field": amount, "type": "quantitative"}
        for end, axis in (("x2", counts.x), ("y2", counts.y)):
            encoding |= {end: {"field": end}} if axis.kind == "range" else {}
        if len(names) > 1:
            encoding["column"] = {"field": "table", "type": "nominal"}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": values},
        "mark": {"type": "bar" if counts.y is None else "rect", "tooltip": True},
        "encoding": encoding,
    }


def _records(counts: Counts, name: str, series: Any) -> list[dict[str, Any]]:
    total = max(1, sum(map(sum, series)))
    records = []
    for at, row in enumerate(series):
        for level, rows in enumerate(row):
            record = {"table": name, "rows": rows, "share": rows / total, **_at(counts.x, "x", at)}
            records.append(record | (_at(counts.y, "y", level) if counts.y else {}))
    return records


def _at(axis: Axis, channel: str, place: int) -> dict[str, Any]:
    if axis.kind != "range":
        return {channel: axis.labels[place]}
    ends = (float(axis.labels[place]), float(axis.labels[place + 1]))
    return {channel: ends[0], f"{channel}2": ends[1]}


def _channel(axis: Axis, channel: str) -> dict[str, Any]:
    if axis.kind == "range":
        return {"field": channel, "type": "quantitative", "bin": "binned", "title": axis.column}
    return {"field": channel, "type": "ordinal", "sort": None, "title": axis.column}
