"""Numbers, plain or with signs and units."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from datagen_nb.core.kinds import Scale
from datagen_nb.synth.column_kind import ColumnKind

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.codecs import Codec, Written
    from datagen_nb.synth.identities import Candidate

MIN_ROWS_FOR_KEY = 20
"""Distinct values below this count say nothing about being a key."""

MANY = 200
"""Distinct values from which on their number says more than the column's name."""

_KEY_NAME = re.compile(
    r"(?i)(^|[\W_])(id|ids|key|uuid|guid|index|row|rownum|number|no|nr)$|[a-z]I[dD]$"
)


class Numeric(ColumnKind):
    """Numbers."""

    name = "numeric"
    label = "numeric"
    scale = Scale.ORDERED
    priority = 30

    def holds(self, type: pa.DataType) -> bool:
        from datagen_nb.synth.identities import is_text

        return is_text(type) or _is_number(type)

    def codec(self, column: Written) -> Codec | None:
        from datagen_nb.codecs import numbers, several_numbers
        from datagen_nb.synth.identities.meaning import may_point

        found = numbers(column)
        if found is not None or not column.is_text:
            return found
        return None if may_point(column.name, column.counts.texts) else several_numbers(column)

    def draws(self, column: Candidate) -> bool:
        return _is_number(column.column.type) and (column.is_wanted or not _is_key(column))


def _is_number(type: pa.DataType) -> bool:
    import pyarrow as pa

    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(check(type) for check in checks)


def _is_key(column: Candidate) -> bool:
    """Whether integers are labels of rows, though nothing else than rows has them."""
    import pyarrow as pa

    facts = column.facts
    if not pa.types.is_integer(column.column.type) or not facts.is_unique:
        return False
    if facts.present < MIN_ROWS_FOR_KEY:
        return False
    is_named = _KEY_NAME.search(column.name) is not None
    return is_named or (facts.distinct >= MANY and _counts_up(column.column))


def _counts_up(column: pa.ChunkedArray) -> bool:
    """Whether each value is greater than the one before, as it is in any rows of such a column."""
    import pyarrow.compute as pc

    values = column.drop_null().combine_chunks()
    return bool(pc.all(pc.greater(values[1:], values[:-1])).as_py())


KIND = Numeric()
