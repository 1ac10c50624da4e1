"""Whether the values of a column have the pattern that a user chose for them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datagen_nb.codecs.counts import count
from datagen_nb.core.errors import InputError
from datagen_nb.core.quoting import brief_repr
from datagen_nb.synth.column_kind import ColumnKind

MAX_OTHERS = 0.05
"""Share of the values that may be written otherwise."""


def check_pattern(name: str, column: pa.ChunkedArray, kind: ColumnKind, pattern: str) -> None:
    """Check a pattern against the values of its column.

    Raises:
        InputError: ``wrong_pattern``: the kind has none, the pattern cannot be read, or too many
            values do not have it; one of these is in the message.
    """
    if pa.types.is_temporal(column.type):
        rule = f"is for a column of {column.type}. Leave the pattern out."
        raise _wrong(name, pattern, rule)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    counts = count(column)
    counts = counts.of(~counts.are_missing())
    if not len(counts):
        return
    try:
        fits = kind.fits(pattern, counts)
    except ValueError as error:
        raise _wrong(name, pattern, str(error)) from None
    if counts.rows[~fits].sum() > MAX_OTHERS * counts.rows.sum():
        value = counts.texts[int(np.flatnonzero(~fits)[0])].as_py()
        rule = f"does not fit {brief_repr(value)}. Write it as the values are, or leave it out."
        raise _wrong(name, pattern, rule, value=value)


def _wrong(name: str, pattern: str, rule: str, **details: str) -> InputError:
    return InputError(
        f"The pattern {brief_repr(pattern)} of column {name!r} {rule}",
        code="wrong_pattern",
        details={"column": name, "pattern": pattern, "retryHelps": False, **details},
    )
