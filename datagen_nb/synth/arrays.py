"""Columns of Arrow as arrays of numpy, without loss, and made values as columns again."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Codes = npt.NDArray[np.int32]
Values = npt.NDArray[Any]

_EXACT = Context(prec=200)
"""Holds every decimal that Arrow has; the usual context rounds to 28 digits."""


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same values in the type of theirs that Arrow can do most with."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string_view(column.type):
        return column.cast(pa.string())
    if pa.types.is_decimal(column.type) and column.type.bit_width < 128:
        return column.cast(pa.decimal128(column.type.precision, column.type.scale))
    return column


def plain_table(table: pa.Table) -> pa.Table:
    """The same table with every column ``plain``."""
    return pa.Table.from_arrays(
        [plain(column) for column in table.columns], names=table.column_names
    )


def to_values(column: pa.ChunkedArray) -> Values:
    """The non-null values of a column as numpy can sort them, without loss."""
    column = plain(column)
    type = column.type
    column = column.drop_null()
    if pa.types.is_boolean(type):
        return cast("Values", column.to_numpy().astype(np.int8))
    if pa.types.is_decimal(type):
        return _scaled(column)
    if pa.types.is_temporal(type):
        bits = pa.int32() if type.bit_width == 32 else pa.int64()
        return cast("Values", column.cast(bits).to_numpy())
    if pa.types.is_integer(type) or pa.types.is_floating(type):
        return cast("Values", column.to_numpy())
    # Objects: numpy's own strings are all as wide as the longest, and drop final NULs.
    return np.asarray(column.to_pylist(), dtype=object)


def _scaled(column: pa.ChunkedArray) -> Values:
    """Decimals as integers of their last digit; as objects where 64 bits do not hold them."""
    numbers = [int(value.scaleb(column.type.scale, _EXACT)) for value in column.to_pylist()]
    fits = all(-(2**62) < number < 2**62 for number in numbers)
    return np.asarray(numbers, dtype=np.int64 if fits else object)


def to_column(values: Values, nulls: npt.NDArray[np.bool_] | None, type: pa.DataType) -> pa.Array:
    """Made values as an Arrow array of the input's type."""
    if pa.types.is_dictionary(type):
        plain = to_column(values, nulls, type.value_type)
        return plain.dictionary_encode().cast(type)
    if pa.types.is_boolean(type):
        return pa.array(values.astype(np.bool_), mask=nulls)
    if pa.types.is_decimal(type):
        return _unscaled(values, nulls, type)
    if pa.types.is_temporal(type):
        bits = pa.int32() if type.bit_width == 32 else pa.int64()
        return pa.array(values, bits, mask=nulls).cast(type)
    return pa.array(values, type, mask=nulls, from_pandas=False)


def _unscaled(values: Values, nulls: npt.NDArray[np.bool_] | None, type: pa.DataType) -> pa.Array:
    made: list[Decimal | None] = [
        Decimal(int(value)).scaleb(-type.scale, _EXACT) for value in values
    ]
    if nulls is not None:
        made = [None if null else value for value, null in zip(made, nulls, strict=True)]
    return pa.array(made, type)


def null_flags(column: pa.ChunkedArray) -> Codes:
    """1 where a value is null, else 0."""
    return cast("Codes", pc.is_null(column).to_numpy().astype(np.int32))
