"""How a column of one table differs from the column of that name in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datagen_nb.tables.view.bins import edges_between
from datagen_nb.tables.view.engine import Engine, View
from datagen_nb.tables.view.profile import MAX_COUNTED, bin_counts, facts_of, value_counts
from datagen_nb.tables.view.query import position
from datagen_nb.tables.view.types import Kind, kind_of


@dataclass(frozen=True, slots=True)
class Difference:
    """A column in two tables.

    Attributes:
        column: Its name.
        nulls: Shares of missing values, 0 to 1.
        distinct: Different values, about.
        distance: The share of rows, 0 to 1, by which the distributions differ (total variation):
            over some 20 ranges of numbers and times, else over values. ``None`` where values have
            another type in the other table or are too many to be counted, or a table has no rows.
    """

    column: str
    nulls: tuple[float, float]
    distinct: tuple[int, int]
    distance: float | None


def difference(column: str, tables: Sequence[tuple[Engine, View]]) -> Difference:
    """Compare a column among the rows of two views.

    Raises:
        QueryError: The column is not in both, or has a type that cannot be counted.
        Superseded: An engine was closed, or a newer comparison came.
        ViewError: The rows cannot be read.
    """
    (one, one_view), (other, other_view) = tables
    places = position(column, one.schema), position(column, other.schema)
    with (
        one.connection.cursor("difference") as one_cursor,
        other.connection.cursor("difference") as other_cursor,
    ):
        sides = (
            (one_cursor, one, one_view.query, places[0]),
            (other_cursor, other, other_view.query, places[1]),
        )
        facts = [facts_of(*side) for side in sides]
        kinds = {kind_of(side[1].schema.field(side[3]).type) for side in sides}
        ends = [end for fact in facts for end in (fact.low, fact.high) if end is not None]
        counts = None
        if len(kinds) == 1 and ends:
            edges = edges_between(min(ends), max(ends), one.schema.field(places[0]).type)
            counts = [bin_counts(*side, edges) for side in sides]
        elif _is_countable(kinds, max(fact.distinct for fact in facts)):
            found = [value_counts(*side) for side in sides]
            values = list(found[0].keys() | found[1].keys())
            counts = [[each.get(value, 0) for value in values] for each in found]
    distance = None
    rows = [fact.rows for fact in facts]
    if counts is not None and all(rows):
        missing = [fact.rows - sum(each) for fact, each in zip(facts, counts, strict=True)]
        pairs = zip((*counts[0], missing[0]), (*counts[1], missing[1]), strict=True)
        distance = sum(abs(a / rows[0] - b / rows[1]) for a, b in pairs) / 2
    nulls = [(fact.rows - fact.valid) / max(fact.rows, 1) for fact in facts]
    return Difference(
        column, (nulls[0], nulls[1]), (facts[0].distinct, facts[1].distinct), distance
    )


def _is_countable(kinds: set[Kind], distinct: int) -> bool:
    return len(kinds) == 1 and kinds != {"other"} and distinct <= MAX_COUNTED
