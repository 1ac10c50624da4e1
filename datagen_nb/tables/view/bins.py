"""Ranges in which values are counted: about twenty, with round ends that a filter takes as text.

A value is in the last range whose lower end it has reached, by the same comparison that a filter
makes: what a histogram shows is what a filter by one of its bars keeps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.tables.cells import as_text
from datagen_nb.tables.view.sql import sql_literal

BINS = 20
MOST = BINS + 2
"""Ranges, with those in which the least and the greatest value stand."""

_CALENDAR = (
    *(
        (unit, count * power)
        for unit in ("us", "ms")
        for power in (1, 10, 100)
        for count in (1, 2, 5)
    ),
    *(("s", count) for count in (1, 2, 5, 10, 30)),
    *(("m", count) for count in (1, 2, 5, 10, 30)),
    *(("h", count) for count in (1, 2, 3, 6, 12)),
    *(("D", count) for count in (1, 2, 7)),
    *(("M", count) for count in (1, 3, 6)),
    *(("Y", count * power) for power in (1, 10, 100, 1_000, 10_000) for count in (1, 2, 5)),
)
"""Lengths of ranges of times, in units of numpy, from short to long."""

_ORIGINS = {("D", 7): 4, "Y": -1970}
"""Where lengths are counted from: weeks from a Monday, years from the year 0."""

_YEAR_1, _YEAR_9999 = np.datetime64("0001-01-01"), np.datetime64("9999-12-31")


def edges_between(low: float, high: float, type_: pa.DataType) -> list[str]:
    """Ends of the ranges, ascending, as texts; one more than there are ranges.

    Args:
        low: The least value: a number, days or microseconds since 1970.
        high: The greatest one, which the last range includes.
        type_: Of the column.
    """
    if pa.types.is_date(type_) or pa.types.is_timestamp(type_):
        return _texts(_times(int(low), int(high), type_), type_)
    if isinstance(low, int) and isinstance(high, int):
        width = max(1, int(_round_up(Decimal(high - low) / BINS)))
        return [str(width * place) for place in range(low // width, high // width + 2)]
    step = _round_up((Decimal(high) - Decimal(low)) / BINS)
    if step == 0 or not math.isfinite(high - low):
        return [repr(float(low)), repr(float(high))]
    first = int((Decimal(low) / step).to_integral_value(ROUND_FLOOR))
    last = int((Decimal(high) / step).to_integral_value(ROUND_CEILING))
    edges = [float(step * place) for place in range(first, last + 1)]
    return [repr(edge) for edge in dict.fromkeys(edges)]


def bin_of(column: str, edges: Sequence[str], type_: pa.DataType) -> str:
    """The number of a value's range, in SQL: found by halving the ranges."""

    def among(first: int, end: int) -> str:
        if end - first <= 1:
            return str(first)
        middle = (first + end) // 2
        reached = f"{column} >= {sql_literal(edges[middle], type_)}"
        return f"CASE WHEN {reached} THEN {among(middle, end)} ELSE {among(first, middle)} END"

    return among(0, len(edges) - 1)


def clock(moment: int, type_: pa.DataType) -> np.datetime64:
    """Days or microseconds since 1970 as the calendar and the clock of the column's zone."""
    if pa.types.is_date(type_):
        return np.datetime64(moment, "D")
    instant = pa.scalar(moment, pa.timestamp("us", type_.tz))
    local = pc.local_timestamp(instant) if type_.tz else instant
    return np.datetime64(local.cast(pa.int64()).as_py(), "us")


def _round_up(least: Decimal) -> Decimal:
    """The first of 1, 2, 5, 10, 20, 50 …, or of their tenths, that is not less."""
    if least == 0:
        return least
    power = Decimal(1).scaleb(least.adjusted())
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least)


def _times(low: int, high: int, type_: pa.DataType) -> np.ndarray[Any, Any]:
    """Ends of ranges of times, by the clock of the column's zone."""
    first, last = clock(low, type_), clock(high, type_)
    of_clock = str(first.dtype).removeprefix("datetime64")[1:-1]
    for unit, length in _CALENDAR:
        if of_clock == "D" and unit not in "DMY":
            continue
        origin = _ORIGINS.get((unit, length), _ORIGINS.get(unit, 0))
        begin, end = (
            (int(one.astype(f"M8[{unit}]").astype(int)) - origin) // length for one in (first, last)
        )
        if end - begin < MOST:
            break
    places = np.arange(begin, end + 2) * length + origin
    edges = places.astype(f"M8[{unit}]").astype(f"M8[{of_clock}]")
    within: np.ndarray[Any, Any] = np.clip(edges, min(first, _YEAR_1), max(last, _YEAR_9999))
    return within


def _texts(edges: np.ndarray[Any, Any], type_: pa.DataType) -> list[str]:
    if pa.types.is_date(type_):
        values = pa.array(edges.astype(int).astype(np.int32)).cast(pa.date32())
    else:
        values = pa.array(edges.astype(np.int64)).cast(pa.timestamp("us"))
        if type_.tz:
            values = pc.assume_timezone(
                values, type_.tz, ambiguous="earliest", nonexistent="latest"
            )
    texts: list[str] = as_text(pa.chunked_array([values])).to_pylist()
    return list(dict.fromkeys(texts))
