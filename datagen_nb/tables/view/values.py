"""The values of a query, which are texts, read by the type of their column."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.tables.cells import PER_SECOND, is_number
from datagen_nb.tables.view.query import QueryError

_WIDE = pa.decimal256(76, 20)
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})(?::(\d{2}))?$")
_LATE = re.compile(r"(\d{5,6}-\d\d-\d\d)[ T]([\d:]+)(?:\.(\d+))?")


def read_value(text: str, type_: pa.DataType) -> pa.Scalar:
    """A value of a type that has an order, or a number between two values of it.

    A time without an offset is a clock of the column's zone.

    Raises:
        QueryError: It is not a value of that type.
    """
    try:
        return _read(text.strip(), type_)
    except (pa.ArrowException, ValueError, OverflowError):
        what = "a number" if is_number(type_) else "a time, as 2026-03-01 09:30"
        raise QueryError(f"{text!r} is not {what}.") from None


def _read(text: str, type_: pa.DataType) -> pa.Scalar:
    typed = pa.scalar(text)
    if pa.types.is_integer(type_):
        try:
            return typed.cast(type_)
        except pa.ArrowInvalid:
            return typed.cast(_WIDE)  # 5.5, or beyond the type: there is an order all the same
    if pa.types.is_decimal(type_):
        return typed.cast(_WIDE)
    if pa.types.is_floating(type_):
        return typed.cast(pa.float64()).cast(type_)
    if pa.types.is_timestamp(type_) and type_.tz is not None:
        if (offset := _OFFSET.search(text)) is not None:
            return _instant(text[: offset.start()], offset, type_)
        try:
            return typed.cast(type_)
        except pa.ArrowInvalid:
            return pc.assume_timezone(typed.cast(pa.timestamp(type_.unit)), type_.tz)
    if pa.types.is_time(type_):  # Arrow reads no text as one
        unit = type_.unit
        return pa.scalar(f"1970-01-01 {text}").cast(pa.timestamp(unit)).cast(type_)
    return typed.cast(type_)


def _instant(clock: str, offset: re.Match[str], type_: pa.DataType) -> pa.Scalar:
    """An instant of an offset, which may have seconds: Arrow reads none that has."""
    sign, hours, minutes, seconds = offset.groups(default="0")
    ahead = 3600 * int(hours) + 60 * int(minutes) + int(seconds)
    local = _clock(clock, type_.unit) - int(f"{sign}{ahead}") * PER_SECOND[type_.unit]
    return pa.scalar(local, type_)


def _clock(text: str, unit: str) -> int:
    """Ticks since 1970; Arrow reads no year of five digits, which the last hours UTC may have."""
    late = _LATE.fullmatch(text)
    if late is None:
        return int(pa.scalar(text).cast(pa.timestamp(unit)).value)
    day, time, fraction = late.groups(default="")
    seconds = int(np.datetime64(f"{day}T{time}", "s").astype(np.int64))
    digits = len(str(PER_SECOND[unit])) - 1
    return seconds * PER_SECOND[unit] + int(fraction.ljust(digits, "0")[:digits] or "0")


def is_text(type_: pa.DataType) -> bool:
    """Whether values are texts, in any layout."""
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(check(type_) for check in checks)


def is_time(type_: pa.DataType) -> bool:
    """Whether values are dates, times of day or instants."""
    checks = (pa.types.is_timestamp, pa.types.is_date, pa.types.is_time)
    return any(check(type_) for check in checks)
