"""Which Arrow types DuckDB reads exactly, and the form in which it reads the others."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from datagen_nb.tables.cells import is_number
from datagen_nb.tables.view.query import QueryError
from datagen_nb.tables.view.values import is_text

MAX_DIGITS = 38
"""Of a decimal in DuckDB; one with more becomes a float when it is read."""

Kind = Literal["number", "text", "boolean", "date", "datetime", "time", "other"]


def is_read_exactly(type_: pa.DataType) -> bool:
    """Whether a value of a Parquet file that DuckDB has read casts back without loss."""
    if pa.types.is_dictionary(type_):
        return is_read_exactly(type_.value_type)
    if pa.types.is_nested(type_):
        fields = _fields(type_)
        if len({field.name.lower() for field in fields}) < len(fields):
            return False  # DuckDB renames fields that differ in case alone
        return all(is_read_exactly(field.type) for field in fields)
    if pa.types.is_decimal(type_):
        return bool(type_.scale >= 0 and type_.precision <= MAX_DIGITS)
    return not (isinstance(type_, pa.BaseExtensionType) or pa.types.is_interval(type_))


def length_of(type_: pa.DataType) -> Literal["strlen", "octet_length", ""]:
    """What counts the bytes of texts or bytes in DuckDB; empty for what has another length."""
    if pa.types.is_dictionary(type_):
        return length_of(type_.value_type)
    if is_text(type_):
        return "strlen"
    is_bytes = pa.types.is_binary(type_) or pa.types.is_large_binary(type_)
    return "octet_length" if is_bytes or pa.types.is_binary_view(type_) else ""


def queryable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as one that DuckDB compares and sorts as what it is.

    Raises:
        QueryError: There is none.
    """
    target = queryable_type(column.type)
    return column if target == column.type else column.cast(target)


def queryable_type(type_: pa.DataType) -> pa.DataType:
    """The type of ``queryable``.

    Raises:
        QueryError: There is none.
    """
    if pa.types.is_duration(type_):
        return pa.int64()
    if pa.types.is_float16(type_):
        return pa.float32()
    if pa.types.is_decimal256(type_) and is_read_exactly(type_):
        return pa.decimal128(type_.precision, type_.scale)
    if not is_read_exactly(type_):
        raise QueryError(f"A column of {type_} cannot be sorted, filtered or counted here.")
    if pa.types.is_nested(type_) and any(
        queryable_type(field.type) != field.type for field in _fields(type_)
    ):
        raise QueryError(f"A column of {type_} cannot be sorted, filtered or counted here.")
    return type_


def kind_of(type_: pa.DataType) -> Kind:
    """What a column holds, as far as filters and headers differ by it."""
    if pa.types.is_dictionary(type_):
        return kind_of(type_.value_type)
    if is_number(type_):
        return "number"
    if is_text(type_):
        return "text"
    if pa.types.is_boolean(type_):
        return "boolean"
    if pa.types.is_date(type_):
        return "date"
    if pa.types.is_timestamp(type_):
        return "datetime"
    return "time" if pa.types.is_time(type_) else "other"


def _fields(type_: pa.DataType) -> list[pa.Field]:
    if pa.types.is_map(type_):
        return [type_.key_field, type_.item_field]
    if isinstance(type_, pa.StructType | pa.UnionType):
        return [type_.field(place) for place in range(type_.num_fields)]
    return [type_.value_field]
