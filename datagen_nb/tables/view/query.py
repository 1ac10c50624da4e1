"""A view of a table as a value: which rows, in which order, and how their cells are written.

A query is a tree of conditions, several sorts, a search and formats. Its JSON form is what a
browser sends, so that every list, text and depth has a bound. Values are written as the text that
cells show, and are read by the type of their column. Logic has three values as in SQL: a missing
value fits no condition but ``IsNull`` and a ``OneOf`` that names ``None``, and ``Not`` does not
change that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal, TypeAlias

import pyarrow as pa
from pydantic import Field, ValidationError, model_validator

from datagen_nb.core.errors import DatagenError
from datagen_nb.core.wire_model import WireModel

MAX_TEXT_LENGTH = 1_000
MAX_VALUES = 1_000
MAX_CONDITIONS = 100
MAX_DEPTH = 8
MAX_SORTS = 8
MAX_FORMATS = 500
MAX_DECIMALS = 12

Value = Annotated[str, Field(max_length=MAX_TEXT_LENGTH)]
ColumnRef = Annotated[int, Field(ge=0, strict=True)] | Annotated[str, Field(max_length=10_000)]
"""A column by its position, or by its name if no other column has it."""

Style = Literal["plain", "thousands", "percent", "currency", "date", "long_date", "month", "time"]
Fill = Literal["none", "bar", "scale"]


class QueryError(DatagenError, ValueError):
    """Rows cannot be selected or sorted as asked."""

    code = "invalid_query"


class Compare(WireModel):
    """Keep rows whose value stands in an order to another, as ``price > 500``.

    Example:
        ```python
        Compare(column="price", operator=">", value="500")
        ```
    """

    kind: Literal["compare"] = "compare"
    column: ColumnRef
    operator: Literal["=", "!=", "<", "<=", ">", ">="]
    value: Value


class Range(WireModel):
    """Keep rows whose value is from ``low`` to ``high``; an end that is ``None`` is open.

    Attributes:
        low: The least value, included.
        high: The greatest value.
        includes_high: Whether ``high`` itself is in the range; bins of a histogram leave it out.
    """

    kind: Literal["range"] = "range"
    column: ColumnRef
    low: Value | None = None
    high: Value | None = None
    includes_high: bool = True

    @model_validator(mode="after")
    def _has_an_end(self) -> Range:
        if self.low is None and self.high is None:
            raise ValueError("a range needs low or high")
        return self


class OneOf(WireModel):
    """Keep rows whose value is in a set; ``None`` stands for a missing value."""

    kind: Literal["one_of"] = "one_of"
    column: ColumnRef
    values: Annotated[tuple[Value | None, ...], Field(max_length=MAX_VALUES)]


class Text(WireModel):
    """Keep rows by the text that the cell shows.

    Attributes:
        operator: ``matches`` takes a regular expression in the syntax of RE2, which may match
            anywhere; the others take ``value`` literally.
        ignore_case: Compare in lower case.
    """

    kind: Literal["text"] = "text"
    column: ColumnRef
    operator: Literal["contains", "starts_with", "ends_with", "matches"]
    value: Value
    ignore_case: bool = False


class IsNull(WireModel):
    """Keep rows whose value is missing."""

    kind: Literal["is_null"] = "is_null"
    column: ColumnRef


class And(WireModel):
    """Keep rows that fit every condition."""

    kind: Literal["and"] = "and"
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=MAX_CONDITIONS)]


class Or(WireModel):
    """Keep rows that fit any condition."""

    kind: Literal["or"] = "or"
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=MAX_CONDITIONS)]


class Not(WireModel):
    """Keep rows whose value is there and does not fit."""

    kind: Literal["not"] = "not"
    condition: Condition


Leaf: TypeAlias = Compare | Range | OneOf | Text | IsNull
Condition = Annotated[
    Compare | Range | OneOf | Text | IsNull | And | Or | Not, Field(discriminator="kind")
]


class Sort(WireModel):
    """Order rows by a column. Rows that are equal stay in the order of the table.

    Attributes:
        descending: From the greatest value to the least.
        nulls: Where missing values are placed, whatever the direction. NaN stands next to them.
    """

    column: ColumnRef
    descending: bool = False
    nulls: Literal["first", "last"] = "last"


class Format(WireModel):
    """How the cells of one column are written.

    Attributes:
        column: By its position, or by its name.
        style: Of numbers: ``thousands`` in groups of three digits, ``percent`` of a share,
            ``currency``. Of dates and times: ``date`` as 2026-03-01, ``long_date`` as 1 Mar 2026,
            ``month`` as Mar 2026, ``time`` as 09:30. ``plain`` is the text as it is.
        decimals: Digits after the point, so that points stand below each other; ``None`` leaves
            as many as there are, of currencies 2, of shares 1.
        currency: Three letters of ISO 4217.
        fill: Behind a number: a ``bar`` from the least value of the column to the greatest, or
            a colour of a ``scale``.

    Example:
        ```python
        Format(column="price", style="currency", currency="USD", fill="bar")
        ```
    """

    column: ColumnRef
    style: Style = "plain"
    decimals: Annotated[int, Field(ge=0, le=MAX_DECIMALS, strict=True)] | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    fill: Fill = "none"


class Query(WireModel):
    """A view: a filter, sorts (the first one counts most), a search, and formats.

    Attributes:
        filter: Keep rows that fit this; ``None`` keeps all.
        sorts: Columns to sort by.
        search: Keep rows where a cell contains this text, in any case; empty keeps all.
        formats: How cells are written; they change no value and no row.

    Example:
        ```python
        Query(filter=Compare(column="price", operator=">", value="500"),
              sorts=(Sort(column="name"),))
        ```
    """

    filter: Condition | None = None
    sorts: Annotated[tuple[Sort, ...], Field(max_length=MAX_SORTS)] = ()
    search: Value = ""
    formats: Annotated[tuple[Format, ...], Field(max_length=MAX_FORMATS)] = ()

    @model_validator(mode="after")
    def _is_bounded(self) -> Query:
        if self.filter is not None:
            for count, (depth, _) in enumerate(_walk(self.filter, 1), start=1):
                if depth > MAX_DEPTH or count > MAX_CONDITIONS:
                    raise ValueError(
                        f"a filter holds at most {MAX_CONDITIONS} conditions, {MAX_DEPTH} deep"
                    )
        return self

    @property
    def is_whole(self) -> bool:
        """Whether every row is shown in the order of the table."""
        return self.filter is None and not self.sorts and not self.search

    @property
    def rows(self) -> Query:
        """The same rows in the same order, written as they are."""
        return self.model_copy(update={"formats": ()})

    def resolve(self, schema: pa.Schema) -> Query:
        """The same query with every column by its position.

        Raises:
            QueryError: There is no such column, or several have its name.
        """
        return self._with_columns(lambda column: position(column, schema))

    def named(self, schema: pa.Schema) -> Query:
        """The same query with every column by its name, as another table may have it.

        Raises:
            QueryError: There is no such column.
        """
        return self._with_columns(lambda column: schema.names[position(column, schema)])

    def _with_columns(self, other: Callable[[ColumnRef], ColumnRef]) -> Query:
        condition = None if self.filter is None else _renamed(self.filter, other)
        sorts, formats = (
            tuple(one.model_copy(update={"column": other(one.column)}) for one in each)
            for each in (self.sorts, self.formats)
        )
        return self.model_copy(update={"filter": condition, "sorts": sorts, "formats": formats})


def query_from_wire(data: object) -> Query:
    """Read the JSON form of a query; a query is itself.

    Raises:
        QueryError: It is none, or it goes beyond a bound.
    """
    try:
        return Query.model_validate(data)
    except (ValidationError, RecursionError) as error:
        what = str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else "too deep"
        raise QueryError(f"This is not a query: {what}.") from None


def position(column: int | str, schema: pa.Schema) -> int:
    """The position of a column.

    Raises:
        QueryError: There is no such column, or several have its name.
    """
    if isinstance(column, int):
        if column < len(schema):
            return column
        raise QueryError(f"There is no column {column}: the table has {len(schema)}.")
    found = schema.get_all_field_indices(column)
    if len(found) == 1:
        return int(found[0])
    if found:
        raise QueryError(f"{len(found)} columns are called {column!r}. Name one by its position.")
    raise QueryError(f"There is no column {column!r}.")


def conditions_of(condition: Condition) -> Iterator[Leaf]:
    """The conditions on columns within a tree."""
    for _, each in _walk(condition, 1):
        if not isinstance(each, And | Or | Not):
            yield each


def _walk(condition: Condition, depth: int) -> Iterator[tuple[int, Condition]]:
    yield depth, condition
    if isinstance(condition, And | Or):
        for each in condition.conditions:
            yield from _walk(each, depth + 1)
    elif isinstance(condition, Not):
        yield from _walk(condition.condition, depth + 1)


def _renamed(condition: Condition, other: Callable[[ColumnRef], ColumnRef]) -> Condition:
    if isinstance(condition, And | Or):
        inner = tuple(_renamed(each, other) for each in condition.conditions)
        return condition.model_copy(update={"conditions": inner})
    if isinstance(condition, Not):
        return condition.model_copy(update={"condition": _renamed(condition.condition, other)})
    return condition.model_copy(update={"column": other(condition.column)})
