"""What a column of a view holds: its most frequent values, its range, how many are missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from datagen_nb.tables.cells import as_text
from datagen_nb.tables.view.connection import Cursor
from datagen_nb.tables.view.engine import Engine, without_column
from datagen_nb.tables.view.query import MAX_TEXT_LENGTH, Query, QueryError
from datagen_nb.tables.view.sql import quoted_text
from datagen_nb.tables.view.types import kind_of

MAX_LISTED = 200
"""Values that a list shows at once."""

BINS = 20
TOP = 5
MAX_COUNTED = 10_000
"""Different values of a column of which the most frequent are counted for its header."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A value as text, and how many rows have it."""

    value: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows with values from ``low`` to ``high``, which the last bin includes."""

    low: str
    high: str
    rows: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A column at a glance.

    Attributes:
        rows: That were counted.
        nulls: Missing values among them.
        distinct: Different values, about.
        bins: Of numbers and times.
        top: The most frequent values of anything else, if they are few enough to count.
    """

    rows: int
    nulls: int
    distinct: int
    bins: tuple[Bin, ...] = ()
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
    listed = [
        one for one in found[:most] if one.value is None or len(one.value) <= MAX_TEXT_LENGTH
    ]
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
        bins: tuple[Bin, ...] = ()
        if facts.low is not None and facts.high is not None:
            edges = edges_between(facts.low, facts.high)
            counts = bin_counts(cursor, engine, query, column, edges)
            texts = edge_texts(edges, type_)
            bins = tuple(
                Bin(texts[place], texts[place + 1], count) for place, count in enumerate(counts)
            )
    top: tuple[Counted, ...] = ()
    if not _axis(type_) and facts.distinct <= MAX_COUNTED and kind_of(type_) != "other":
        top = tuple(frequent_values(engine, query, column, TOP))
    return Profile(facts.rows, facts.rows - facts.valid, facts.distinct, bins, top)


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
    cursor: Cursor, engine: Engine, query: Query, column: int, edges: Sequence[float]
) -> list[int]:
    """Rows of a query with a value in each bin; NaN and what is infinite are in none."""
    type_ = engine.schema.field(column).type
    name = f"c{column}"
    is_valid = f"isfinite({name})" if pa.types.is_floating(type_) else f"{name} IS NOT NULL"
    source, where = engine.bound(cursor, query, [column], only=is_valid)
    number = bin_of(_axis(type_).format(name), edges)
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


def axis_of(type_: pa.DataType, column: str) -> str:
    """A value as the number that it is put into a bin by, in SQL; empty if there is none."""
    return _axis(type_).format(column)


def _axis(type_: pa.DataType) -> str:
    """A value as a number in SQL: a whole one, of which each has a bin, or a float; else empty."""
    if pa.types.is_integer(type_):
        return "{}"
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "({})::DOUBLE"
    if pa.types.is_date(type_):
        return "datediff('day', DATE '1970-01-01', {})"
    return "epoch_us({})" if pa.types.is_timestamp(type_) else ""


def edges_between(low: float, high: float) -> list[float]:
    """Ends of the bins, ascending; one more than there are bins."""
    if isinstance(low, int) and isinstance(high, int):
        width = max(1, math.ceil((high - low + 1) / BINS))
        return [*range(low, high + 1, width), high]
    step = high / BINS - low / BINS
    if step == 0 or not math.isfinite(step):
        return [low, high]
    return [low, *(low + step * place for place in range(1, BINS)), high]


def bin_of(axis: str, edges: Sequence[float]) -> str:
    """The number of a value's bin, in SQL."""
    last = len(edges) - 2
    if last <= 0:
        return "0"
    width = edges[1] - edges[0]
    if isinstance(edges[0], int):
        is_small = all(abs(edge) < 2**62 for edge in edges)
        whole = f"{axis}::{'BIGINT' if is_small else 'HUGEINT'}"
        return f"(({whole} - {edges[0]}) // {width})::INTEGER"
    place = f"floor(({axis} - ({edges[0]!r}::DOUBLE)) / ({width!r}::DOUBLE))"
    return f"greatest(least({place}, {last}), 0)::INTEGER"


def edge_texts(edges: Sequence[float], type_: pa.DataType) -> list[str]:
    """Ends of bins as a filter takes them."""
    if pa.types.is_date(type_):
        values = pa.array(edges, pa.int32()).cast(pa.date32())
    elif pa.types.is_timestamp(type_):
        values = pa.array(edges, pa.int64()).cast(pa.timestamp("us", type_.tz))
    else:
        return [repr(edge) for edge in edges]
    texts: list[str] = as_text(pa.chunked_array([values])).to_pylist()
    return texts
