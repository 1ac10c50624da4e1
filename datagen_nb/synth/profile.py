"""What kind of column each column is: judged by its type, its values and its name."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.synth.margins import plain

LEAST_FOR_ID = 20
"""Distinct values below this count say nothing about being an identifier."""

MANY = 200
"""Distinct values from which on their number tells more than the column's name."""

_ID_NAME = re.compile(
    r"(?i)(^|[\W_])(id|ids|key|uuid|guid|index|row|rownum|number|no|nr)$|[a-z]I[dD]$"
)


def kind_of(name: str, column: pa.ChunkedArray) -> str:
    """Tell the kind of a column, one of ``core.config.COLUMN_KINDS``.

    Raises:
        InputError: Nested or binary values (``unsupported_column``).
    """
    if column.null_count == len(column) and pa.types.is_null(column.type):
        return "constant"
    column = plain(column)
    values = column.drop_null()
    distinct = pc.count_distinct(values).as_py() if _is_plain(name, column.type) else 0
    if distinct <= 1:
        return "constant"
    if pa.types.is_boolean(column.type):
        return "boolean"
    if pa.types.is_temporal(column.type):
        return "datetime"
    all_differ = distinct == len(values) >= LEAST_FOR_ID
    if pa.types.is_integer(column.type):
        is_named = _ID_NAME.search(name) is not None
        is_id = all_differ and (is_named or (distinct >= MANY and _counts_up(values)))
        return "id" if is_id else "numeric"
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return "numeric"
    return _kind_of_strings(values, distinct)


def _kind_of_strings(values: pa.ChunkedArray, distinct: int) -> str:
    share = distinct / len(values)
    words = pc.mean(pc.add(pc.count_substring_regex(values, r"\s+"), 1)).as_py()
    longest = pc.max(pc.utf8_length(values)).as_py()
    if len(values) < LEAST_FOR_ID:
        return "text" if share > 0.5 and words >= 4 else "categorical"
    if share > 0.9 or (share > 0.5 and distinct >= MANY):  # most values point at one row each
        return "id" if words == 1 and longest <= 64 else "text"
    return "text" if share > 0.4 and words >= 3 else "categorical"


def _counts_up(values: pa.ChunkedArray) -> bool:
    following = values.combine_chunks()
    return bool(pc.all(pc.greater(following[1:], following[:-1])).as_py())


def _is_plain(name: str, type: pa.DataType) -> bool:
    checks = (
        pa.types.is_null,
        pa.types.is_boolean,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_temporal,
        pa.types.is_string,
        pa.types.is_large_string,
    )
    if pa.types.is_interval(type) or not any(check(type) for check in checks):
        raise InputError(
            f"Column {name!r} holds {type}, which cannot be learnt. "
            "Drop it, or turn it into numbers, instants or text first.",
            code="unsupported_column",
            details={"column": name, "type": str(type), "retryHelps": False},
        )
    return True
