"""Types of columns that can be fitted."""

from __future__ import annotations

import pyarrow as pa

from datagen_nb.core.errors import InputError


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
