"""What kind each column is of: judged by its type, its name, its values and the whole table."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.synth.arrays import plain
from datagen_nb.synth.profile.columns import ColumnProfile
from datagen_nb.synth.profile.facts import ColumnFacts, facts_of

MIN_ROWS_FOR_ID = 20
"""Distinct values below this count say nothing about being an identifier."""

MANY = 200
"""Distinct values from which on their number tells more than the column's name."""

_ID_NAME = re.compile(
    r"(?i)(^|[\W_])(id|ids|key|uuid|guid|index|row|rownum|number|no|nr)$|[a-z]I[dD]$"
)


def kind_of(name: str, column: pa.ChunkedArray, facts: ColumnFacts | None = None) -> str:
    """Kind of a column by its type, its name and its values.

    Args:
        name: Of the column.
        column: Its values, or those of some rows of the table in their order.
        facts: Of the whole table; by default ``column`` has all of its rows.

    Returns:
        One of ``pipelines.built_in.COLUMN_KINDS``.

    Raises:
        InputError: Nested or binary values (``unsupported_column``).
    """
    check_type(name, column.type)
    facts = facts or facts_of(ColumnProfile.of(name, column))
    values = plain(column).drop_null()
    if facts.distinct <= 1:
        return "constant"
    if pa.types.is_boolean(values.type):
        return "boolean"
    if pa.types.is_temporal(values.type):
        return "datetime"
    if pa.types.is_integer(values.type):
        is_named = _ID_NAME.search(name) is not None
        all_differ = facts.is_unique and facts.present >= MIN_ROWS_FOR_ID
        is_id = all_differ and (is_named or (facts.distinct >= MANY and _counts_up(values)))
        return "id" if is_id else "numeric"
    if pa.types.is_floating(values.type) or pa.types.is_decimal(values.type):
        return "numeric"
    return _kind_of_texts(values, facts)


def _kind_of_texts(values: pa.ChunkedArray, facts: ColumnFacts) -> str:
    if not len(values):  # the table has some, the rows at hand have none
        return "categorical"
    share = facts.distinct / facts.present
    words = pc.mean(pc.add(pc.count_substring_regex(values, r"\s+"), 1)).as_py()
    longest = pc.max(pc.utf8_length(values)).as_py()
    if facts.present < MIN_ROWS_FOR_ID:
        return "text" if share > 0.5 and words >= 4 else "categorical"
    # Most values point at one row each.
    if share > 0.9 or (share > 0.5 and facts.distinct >= MANY):
        return "id" if words == 1 and longest <= 64 else "text"
    return "text" if share > 0.4 and words >= 3 else "categorical"


def _counts_up(values: pa.ChunkedArray) -> bool:
    """Whether each value is greater than the one before, as it is in any rows of such a column."""
    following = values.combine_chunks()
    return bool(pc.all(pc.greater(following[1:], following[:-1])).as_py())


def check_type(name: str, type: pa.DataType) -> None:
    """Look whether a column's values can be fitted.

    Raises:
        InputError: They are nested or binary (``unsupported_column``).
    """
    if pa.types.is_dictionary(type):
        type = type.value_type
    checks = (
        pa.types.is_null,
        pa.types.is_boolean,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_temporal,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
    )
    if pa.types.is_interval(type) or not any(check(type) for check in checks):
        raise InputError(
            f"Column {name!r} holds {type}, which cannot be trained on. "
            "Drop it, or turn it into numbers, instants or text first.",
            code="unsupported_column",
            details={"column": name, "type": str(type), "retryHelps": False},
        )
