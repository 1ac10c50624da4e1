"""What a column of a view holds: its most frequent values, its range, how many are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from datagen_nb.tables.cells import as_text
from datagen_nb.tables.view.bins import bin_of, edges_between
from datagen_nb.tables.view.connection import Cursor
from datagen_nb.tables.view.engine import Engine, without_column
from datagen_nb.tables.view.query import MAX_TEXT_LENGTH, Query, QueryError
from datagen_nb.tables.view.sql import quoted_text
from datagen_nb.tables.view.types import kind_of

MAX_LISTED = 200
"""Values that a list shows at once."""

TOP = 5
MAX_COUNTED = 10_000
"""Different values of a column of which the most frequent are counted for its header."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A value as text, and how many rows have it."""

    value: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A column at a glance.

    Attributes:
        rows: That were counted.
        nulls: Missing values among them.
        distinct: Different values, about.
        edges: Of numbers and times, the ends of the ranges in which they are counted.
        counts: Rows in each range, one less than there are ends.
        top: The most frequent values of anything else, if they are few enough to count.
    """

    rows: int
    nulls: int
    distinct: int
    edges: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    top: tuple[Counted, ...] = ()


def distinct_values(
    engine: Engine, query: Query, column: int, search: str = "", *, most: int = MAX_LISTED
) -> tuple[list[Counted], bool]:
    """Count the values of a column, the most frequent first, among the rows that others keep.

    Args:
        engine: Whose table.
        query: Conditions on the column itself do not count.
        column: By position.
        search: List values that contain this text, in any case.
        most: How many are listed at most.

    Returns:
        The values, and whether there are more.

    Raises:
        QueryError: Values of this type cannot be listed.
        Superseded: A newer request came.
    """
    _check_listed(engine.schema.field(column).type)
    query = without_column(query, column)
    only = f"contains(lower(c{column}::VARCHAR), lower({quoted_text(search)}))" if search else ""
    found = _counted(engine, query, column, most + 1, only=only, lane="distinct")
    listed = [one for one in found[:most] if one.value is None or len(one.value) <= MAX_TEXT_LENGTH]
    return listed, len(listed) < len(found)


def profile(engine: Engine, query: Query, column: int) -> Profile:
    """Describe a column among the rows of a query.

    Raises:
        QueryError: The column has a type that cannot be counted.
        Superseded: A newer request came.
    """
    type_ = engine.schema.field(column).type
    with engine.connection.cursor("profile") as cursor:
        facts = facts_of(cursor, engine, query, column)
        edges: list[str] = []
        counts: list[int] = []
        if facts.low is not None and facts.high is not None:
            edges = edges_between(facts.low, facts.high, type_)
            counts = bin_counts(cursor, engine, query, column, edges)
    top: tuple[Counted, ...] = ()
    if not _axis(type_) and facts.distinct <= MAX_COUNTED and kind_of(type_) != "other":
        top = tuple(frequent_values(engine, query, column, TOP))
    nulls = facts.rows - facts.valid
    return Profile(facts.rows, nulls, facts.distinct, tuple(edges), tuple(counts), top)


class Facts(NamedTuple):
    """What one pass over a column counts; its ends as numbers, if its values have an order."""

    rows: int
    valid: int
    distinct: int
    low: float | None
    high: float | None


def facts_of(cursor: Cursor, engine: Engine, query: Query, column: int) -> Facts:
    """Count the values of a column among the rows of a query.

    Raises:
        QueryError: The column has a type that cannot be counted.
    """
    type_ = engine.schema.field(column).type
    name, axis = f"c{column}", _axis(type_)
    only = f" FILTER (isfinite({name}))" if pa.types.is_floating(type_) else ""
    ends = [axis.format(f"{end}({name}){only}") if axis else "NULL" for end in ("min", "max")]
    source, where = engine.bound(cursor, query, [column])
    rows, valid, distinct, low, high = cursor.row(
        f"SELECT count(*), count({name}), approx_count_distinct({name}), {ends[0]}, {ends[1]} "
        f"FROM {source}{where}"
    )
    return Facts(rows, valid, min(distinct, valid), low, high)


def ends_of(engine: Engine, column: int) -> tuple[float, float] | None:
    """The least and the greatest number of a column, among all rows; ``None`` if it has none.

    Raises:
        QueryError: The column has a type that cannot be counted.
    """
    return ends_among([(engine, Query(), column)])


def ends_among(sides: Sequence[tuple[Engine, Query, int]]) -> tuple[float, float] | None:
    """The least and the greatest number of a column of several tables.

    Raises:
        QueryError: The column has a type that cannot be counted.
    """
    ends: list[float] = []
    for engine, query, column in sides:
        with engine.connection.cursor("ends") as cursor:
            facts = facts_of(cursor, engine, query, column)
        ends += [end for end in (facts.low, facts.high) if end is not None]
    return (min(ends), max(ends)) if ends else None


def bin_counts(
    cursor: Cursor, engine: Engine, query: Query, column: int, edges: Sequence[str]
) -> list[int]:
    """Rows of a query with a value in each bin; NaN and what is infinite are in none."""
    type_ = engine.schema.field(column).type
    name = f"c{column}"
    is_valid = f"isfinite({name})" if pa.types.is_floating(type_) else f"{name} IS NOT NULL"
    source, where = engine.bound(cursor, query, [column], only=is_valid)
    number = bin_of(name, edges, type_)
    counts = cursor.table(
        f"SELECT {number} AS bin, count(*) AS n FROM {source}{where} GROUP BY bin"
    ).to_pydict()
    by_bin = dict(zip(counts["bin"], counts["n"], strict=True))
    return [by_bin.get(place, 0) for place in range(len(edges) - 1)]


def value_counts(cursor: Cursor, engine: Engine, query: Query, column: int) -> dict[str, int]:
    """How many rows of a query have each value, by its text; of more than ``MAX_COUNTED``, some."""
    source, where = engine.bound(cursor, query, [column], only=f"c{column} IS NOT NULL")
    found = cursor.table(
        f"SELECT c{column} AS value, count(*) AS n FROM {source}{where} "
        f"GROUP BY value ORDER BY n DESC LIMIT {2 * MAX_COUNTED}"
    )
    texts = as_text(found.column("value")).to_pylist()
    return dict(zip(texts, found.column("n").to_pylist(), strict=True))


def frequent_values(engine: Engine, query: Query, column: int, most: int) -> list[Counted]:
    """The most frequent values of a column among the rows of a query.

    Raises:
        QueryError: The column has a type that cannot be counted.
    """
    return _counted(engine, query, column, most, only=f"c{column} IS NOT NULL")


def _check_listed(type_: pa.DataType) -> None:
    if kind_of(type_) == "other":
        raise QueryError(f"The values of a column of {type_} cannot be listed.")


def _counted(
    engine: Engine, query: Query, column: int, most: int, *, only: str, lane: str = "profile"
) -> list[Counted]:
    with engine.connection.cursor(lane) as cursor:
        source, where = engine.bound(cursor, query, [column], only=only)
        found = cursor.table(
            f"SELECT c{column} AS value, count(*) AS n FROM {source}{where} "
            f"GROUP BY value ORDER BY n DESC, value LIMIT {most}"
        )
    values = found.column("value")
    type_ = engine.schema.field(column).type
    if not pa.types.is_dictionary(type_):
        values = values.cast(type_)
    texts = as_text(values).to_pylist()
    return [Counted(*pair) for pair in zip(texts, found.column("n").to_pylist(), strict=True)]


def _axis(type_: pa.DataType) -> str:
    """A value that has an order as a number in SQL, to find the ends by; else empty."""
    if pa.types.is_integer(type_):
        return "{}"
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "({})::DOUBLE"
    if pa.types.is_date(type_):
        return "datediff('day', DATE '1970-01-01', {})"
    return "epoch_us({})" if pa.types.is_timestamp(type_) else ""
