"""Conditions and sorts of a query in the SQL of DuckDB; names and values are quoted."""

from __future__ import annotations

import pyarrow as pa

from datagen_nb.tables.view.query import Compare, IsNull, Leaf, OneOf, QueryError, Range, Sort
from datagen_nb.tables.view.values import is_text, is_time, read_value

_SQL_FLOATS = {"float": "FLOAT"}


def quoted_name(name: str) -> str:
    """A name as SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """A text as SQL quotes it.

    Raises:
        QueryError: It has the character NUL, which SQL has no text for.
    """
    if "\0" in text:
        raise QueryError("A condition cannot hold the character NUL.")
    return "'" + text.replace("'", "''") + "'"


def sql_leaf(leaf: Leaf, column: str, type_: pa.DataType) -> str:
    """A condition on a column as SQL."""
    if isinstance(leaf, IsNull):
        return f"{column} IS NULL"
    # NaN is the greatest value to DuckDB, and above nothing here, as in pandas and Arrow.
    number = f" AND NOT isnan({column})" if pa.types.is_floating(type_) and keeps_nan(leaf) else ""
    if isinstance(leaf, Compare):
        sign = leaf.operator.replace("!=", "<>")
        return f"{column} {sign} {sql_literal(leaf.value, type_)}{number}"
    if isinstance(leaf, Range):
        ends = [(">=", leaf.low), ("<=" if leaf.includes_high else "<", leaf.high)]
        return " AND ".join(
            f"{column} {sign} {sql_literal(text, type_)}{number}"
            for sign, text in ends
            if text is not None
        )
    if isinstance(leaf, OneOf):
        values = [sql_literal(one, type_) for one in leaf.values if one is not None]
        inside = f"{column} IN ({', '.join(values)})" if values else f"({column} IS NULL AND false)"
        return f"({inside} OR {column} IS NULL)" if None in leaf.values else inside
    if not is_text(type_):
        raise QueryError(f"There is no code for a condition on the text of {type_}.")
    if leaf.operator == "matches":
        options = ", 'i'" if leaf.ignore_case else ""
        return f"regexp_matches({column}, {quoted_text(leaf.value)}{options})"
    subject, value = column, quoted_text(leaf.value)
    if leaf.ignore_case:
        subject, value = f"lower({column})", f"lower({value})"
    return f"{leaf.operator}({subject}, {value})"


def keeps_nan(leaf: Leaf) -> bool:
    """Whether a condition would hold for a value that is greater than any other."""
    if isinstance(leaf, Compare):
        return leaf.operator in (">", ">=")
    return isinstance(leaf, Range) and leaf.high is None


def sql_literal(text: str, type_: pa.DataType) -> str:
    """A value of a column as SQL.

    Raises:
        QueryError: It is not a value of that type, or the type has no literal.
    """
    if is_text(type_):
        return quoted_text(text)
    if pa.types.is_boolean(type_):
        return str(text.strip().lower() == "true").lower()
    if pa.types.is_integer(type_) or pa.types.is_decimal(type_):
        value = read_value(text, type_).as_py()
        digits = str(value) if isinstance(value, int) else format(value, "f")
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    if pa.types.is_floating(type_):
        return f"'{read_value(text, type_).as_py()!r}'::{_SQL_FLOATS.get(str(type_), 'DOUBLE')}"
    if is_time(type_):
        value = read_value(text, type_)
        if not pa.types.is_timestamp(type_):
            kind = "DATE" if pa.types.is_date(type_) else "TIME"
            kind = "TIME_NS" if str(type_) == "time64[ns]" else kind
            return f"'{value.cast(pa.string())}'::{kind}"
        utc = value.cast(pa.timestamp(type_.unit, "UTC" if type_.tz else None))
        kind = "TIMESTAMPTZ" if type_.tz else "TIMESTAMP_NS" if type_.unit == "ns" else "TIMESTAMP"
        return f"'{utc.cast(pa.string())}'::{kind}"
    raise QueryError(f"There is no code for a condition on a column of {type_}.")


def sql_keys(sort: Sort, column: str, type_: pa.DataType) -> list[str]:
    """A sort as keys of ``ORDER BY``."""
    nulls = f"NULLS {sort.nulls.upper()}"
    direction = "DESC" if sort.descending else "ASC"
    keys = [f"{column} {direction} {nulls}"]
    # NaN is the greatest value to DuckDB, so that it often stands next to the nulls by itself.
    if pa.types.is_floating(type_) and sort.descending != (sort.nulls == "first"):
        keys.insert(0, f"isnan({column}) {'DESC' if sort.nulls == 'first' else 'ASC'} {nulls}")
    return keys
