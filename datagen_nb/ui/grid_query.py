"""What a reader chose in ipydatagrid's menus: as a query, and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from datagen_nb.tables.view.query import Query, QueryError, query_from_wire

Transform: TypeAlias = Mapping[str, Any]
"""A filter or a sort as ipydatagrid describes it."""

OPERATORS = (
    "=", "!=", "<", "<=", ">", ">=", "in", "between", "empty", "notempty",
    "startswith", "endswith", "contains", "!contains",
)  # fmt: skip

_TEXT = {
    "startswith": "starts_with",
    "endswith": "ends_with",
    "contains": "contains",
    "stringContains": "contains",
}
_IN_WORDS = {
    "=": "is", "!=": "is not", "in": "is", "empty": "is null", "notempty": "is not null",
    "startswith": "starts with", "endswith": "ends with", "!contains": "does not contain",
}  # fmt: skip

LISTED = 3
MAX_MESSAGE_LENGTH = 40


def query_of(transforms: Sequence[Transform], names: Sequence[str]) -> Query:
    """The query that transforms are.

    Args:
        transforms: Those of columns that the grid alone knows are left out.
        names: What the grid calls the columns.

    Raises:
        QueryError: An operator is unknown, or a value goes beyond a bound.
    """
    filters, sorts = [], []
    for place, transform in _placed(transforms, names):
        if transform["type"] == "sort":
            sorts.append({"column": place, "descending": bool(transform.get("desc"))})
        elif transform["type"] == "filter":
            filters.append(_condition(place, transform["operator"], transform.get("value")))
    condition = {"kind": "and", "conditions": filters} if filters else None
    return query_from_wire({"filter": condition, "sorts": sorts})


def in_words(transforms: Sequence[Transform], names: Sequence[str], columns: Sequence[str]) -> str:
    """Which rows are shown and in which order; empty for all in their own order.

    Args:
        transforms: As ``query_of`` takes them.
        names: What the grid calls the columns.
        columns: What people call them.
    """
    placed = list(_placed(transforms, names))
    words = [
        f"sorted by {columns[place]} {'↓' if one.get('desc') else '↑'}"
        for place, one in placed
        if one["type"] == "sort"
    ]
    conditions = [
        _condition_in_words(columns[place], one["operator"], one.get("value"))
        for place, one in placed
        if one["type"] == "filter"
    ]
    return " · ".join([*words, *([f"where {' and '.join(conditions)}"] if conditions else [])])


def _placed(
    transforms: Sequence[Transform], names: Sequence[str]
) -> Iterator[tuple[int, Transform]]:
    for transform in transforms:
        if transform["column"] in names:  # not the row numbers, which the grid has as a column
            yield names.index(transform["column"]), transform


def _condition(column: int, operator: str, value: Any) -> dict[str, Any]:
    is_null = {"kind": "is_null", "column": column}
    match operator:
        case "empty":
            return is_null
        case "notempty":
            return {"kind": "not", "condition": is_null}
        case "in":
            return {"kind": "one_of", "column": column, "values": list(value or ())}
        case "between":
            low, high = map(str, value)
            return {"kind": "range", "column": column, "low": low, "high": high}
        case "!contains":
            return {"kind": "not", "condition": _condition(column, "contains", value)}
        case "startswith" | "endswith" | "contains" | "stringContains":
            return {
                "kind": "text",
                "column": column,
                "operator": _TEXT[operator],
                "value": str(value),
                "ignoreCase": _TEXT[operator] == "contains",
            }
        case "=" | "!=" | "<" | "<=" | ">" | ">=":
            return {
                "kind": "compare",
                "column": column,
                "operator": operator,
                "value": str(value).strip(),
            }
    raise QueryError(f"There is no operator {operator!r}; operators are {', '.join(OPERATORS)}.")


def _condition_in_words(column: str, operator: str, value: Any) -> str:
    """A filter as it is read: ``price > 500``, ``cut is Ideal or Good``."""
    verb = _IN_WORDS.get(operator, operator)
    if operator in {"empty", "notempty"}:
        return f"{column} {verb}"
    values = value if isinstance(value, list) else [value]
    shown = ["null" if one is None else str(one)[:MAX_MESSAGE_LENGTH] for one in values[:LISTED]]
    if more := len(values) - len(shown):
        shown.append(f"{more:,} more")
    return f"{column} {verb} {(' and ' if operator == 'between' else ' or ').join(shown)}"
