"""The text of table values, exact: every digit, every fraction of a second, the zone's offset.

A browser's numbers hold 53 bits and its dates milliseconds, so what is to be seen goes there as
text. A missing value stays missing: null is none of the texts.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
MINUTES_SINCE = 63_676_800
"""Since 8 January 1972 offsets of zones are whole minutes; Liberia's was the last that was not."""

_OFFSET = r"(Z|[+-]\d{4})?$"


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each value of a column as it is to be seen, as strings; whatever a hostile file holds."""
    try:
        return _as_text(column)
    except (pa.ArrowException, ArithmeticError, ValueError, TypeError, KeyError):
        return pa.chunked_array([pa.array([_shown(value) for value in column], pa.string())])


def _shown(value: pa.Scalar) -> str | None:
    """A value of a column that has one which Arrow or Python cannot write."""
    if not value.is_valid:
        return None
    try:
        return str(_plain(value.as_py()))
    except (pa.ArrowException, ArithmeticError, ValueError, TypeError, KeyError):
        return f"({value.type} that cannot be shown)"


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    type_ = column.type
    if isinstance(type_, pa.ExtensionType):
        return _as_text(column.cast(type_.storage_type))
    if pa.types.is_dictionary(type_):
        return _as_text(column.cast(type_.value_type))
    if pa.types.is_string(type_):
        return _whole_characters(column)
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return _whole_characters(column).cast(pa.string())
    if pa.types.is_timestamp(type_):
        return _instants(column)
    if pa.types.is_time(type_):
        return _without_idle_zeros(column.cast(pa.string()))
    if pa.types.is_floating(type_):
        return pc.replace_substring_regex(column.cast(pa.string()), r"^(-?)nan$", "NaN")
    if pa.types.is_duration(type_):
        return _written(column.cast(pa.int64()), lambda ticks: f"{_seconds(ticks, type_.unit)} s")
    if pa.types.is_decimal(type_):
        return _written(column, lambda value: format(value, "f"))
    if pa.types.is_nested(type_):
        return _written(column, lambda value: json.dumps(_plain(value), ensure_ascii=False))
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        return _written(column, repr)
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # a type that Arrow cannot write
        return _written(column, str)


def _whole_characters(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same texts; bytes that are no UTF-8 become replacement characters."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return _written(column.cast(pa.large_binary()), lambda raw: raw.decode(errors="replace"))
    return column


def is_number(type_: pa.DataType) -> bool:
    """Whether values of a type are amounts."""
    return bool(
        pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
    )


def _written(column: pa.ChunkedArray, write: Any) -> pa.ChunkedArray:
    texts = [None if value is None else write(value) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _instants(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        texts = column.cast(pa.string())
    except pa.ArrowInvalid:  # a zone that this machine does not know: as UTC, which the text states
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
        texts = column.cast(pa.string())
    texts = _without_idle_zeros(texts)
    if column.type.tz is None:
        return texts
    texts = pc.replace_substring_regex(texts, r"([+-]\d{2})(\d{2})$", r"\1:\2")
    return _with_seconds_of_offset(texts, column)


def _with_seconds_of_offset(texts: pa.ChunkedArray, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """``+00:53`` becomes ``+00:53:28`` where that was the zone's offset, as Berlin's until 1893."""
    per_second = PER_SECOND[column.type.unit]
    instants = column.cast(pa.int64())
    if not pc.any(pc.less(instants, MINUTES_SINCE * per_second)).as_py():
        return texts
    local = pc.local_timestamp(column).cast(pa.int64())
    offset = pc.abs(pc.divide(pc.subtract(local, instants), per_second))
    seconds = pc.subtract(offset, pc.multiply(pc.divide(offset, 60), 60))
    digits = pc.utf8_lpad(seconds.cast(pa.string()), 2, "0")
    longer = pc.binary_join_element_wise(texts, digits, ":")
    return pc.if_else(pc.greater(seconds, 0), longer, texts)


def _without_idle_zeros(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """``12.500000`` is ``12.5`` and ``12.000`` is ``12``: the zeros come from the type alone."""
    texts = pc.replace_substring_regex(texts, rf"\.0+{_OFFSET}", r"\1")
    return pc.replace_substring_regex(texts, rf"(\.\d*[1-9])0+{_OFFSET}", r"\1\2")


def _seconds(ticks: int, unit: str) -> str:
    whole, rest = divmod(abs(ticks), PER_SECOND[unit])
    digits = f"{rest:0{len(str(PER_SECOND[unit])) - 1}d}".rstrip("0") if rest else ""
    return f"{'-' if ticks < 0 else ''}{whole}{'.' if digits else ''}{digits}"


def _plain(value: Any) -> Any:
    """A nested value in terms of JSON; what JSON has no form for becomes text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)
