"""A query as code: an expression of pandas or polars, or a statement of SQL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import pyarrow as pa

from datagen_nb.tables.cells import is_number
from datagen_nb.tables.view.query import (
    And,
    Compare,
    Condition,
    IsNull,
    Leaf,
    Not,
    OneOf,
    Or,
    Query,
    QueryError,
    Range,
    Sort,
    Text,
    conditions_of,
)
from datagen_nb.tables.view.sql import keeps_nan, quoted_name, sql_keys, sql_leaf, sql_literal
from datagen_nb.tables.view.values import is_text, is_time, read_value

Dialect = Literal["pandas", "polars", "sql"]


def to_code(query: Query, schema: pa.Schema, dialect: Dialect, *, name: str = "frame") -> str:
    """Write a query as code that selects the same rows in the same order.

    Args:
        query: The view.
        schema: Of the table.
        dialect: ``pandas``, ``polars`` or ``sql`` (DuckDB).
        name: What the table is called in the code.

    Raises:
        QueryError: A column has a type, or a name, that the dialect has no literal for.

    Example:
        ```python
        to_code(Query(sorts=(Sort(column="a"),)), schema, "sql", name="t")
        ```
    """
    query = query.resolve(schema)
    writers: dict[Dialect, type[_Pandas | _Polars | SqlWriter]] = {
        "pandas": _Pandas,
        "polars": _Polars,
        "sql": SqlWriter,
    }
    return writers[dialect](schema, name).statement(query)


class _Writer(ABC):
    def __init__(self, schema: pa.Schema, name: str) -> None:
        self._schema = schema
        self._name = name

    @abstractmethod
    def statement(self, query: Query) -> str: ...

    @abstractmethod
    def leaf(self, leaf: Leaf) -> str: ...

    def joined(self, parts: Sequence[str], word: Literal["and", "or"]) -> str:
        return f" {'&' if word == 'and' else '|'} ".join(f"({part})" for part in parts)

    def negated(self, part: str) -> str:
        return f"~({part})"

    def condition(self, condition: Condition) -> str:
        if isinstance(condition, And | Or):
            parts = [self.condition(each) for each in condition.conditions]
            return self.joined(parts, condition.kind)
        if isinstance(condition, Not):
            inner = condition.condition
            absent = [
                self.present(_place(leaf))
                for leaf in conditions_of(inner)
                if not isinstance(leaf, IsNull) and None not in getattr(leaf, "values", ())
            ]
            negated = self.negated(self.condition(inner))
            return self.joined([negated, *dict.fromkeys(absent)], "and") if absent else negated
        return self.leaf(condition)

    @abstractmethod
    def present(self, place: int) -> str: ...

    def where(self, query: Query) -> str:
        parts = [] if query.filter is None else [self.condition(query.filter)]
        if query.search:
            parts.append(self.searched(query.search))
        return self.joined(parts, "and") if len(parts) > 1 else "".join(parts)

    def searched(self, text: str) -> str:
        texts = [
            self.leaf(Text(column=i, operator="contains", value=text, ignore_case=True))
            for i, type_ in enumerate(self._schema.types)
            if is_text(type_)
        ]
        return self.joined(texts, "or") if texts else self.never()

    @abstractmethod
    def never(self) -> str: ...

    def type_of(self, place: int) -> pa.DataType:
        return self._schema.types[place]

    @abstractmethod
    def value(self, text: str, type_: pa.DataType) -> str: ...


class _Python(_Writer):
    @abstractmethod
    def column(self, place: int) -> str: ...

    def value(self, text: str, type_: pa.DataType) -> str:
        """A literal of Python."""
        if is_text(type_):
            return repr(text)
        if pa.types.is_boolean(type_):
            return str(text.strip().lower() == "true")
        value = read_value(text, type_) if is_number(type_) or is_time(type_) else None
        if value is None:
            raise QueryError(f"There is no code for a condition on a column of {type_}.")
        if pa.types.is_decimal(type_):
            return f"Decimal({text.strip()!r})"
        if pa.types.is_integer(type_):
            return text.strip()
        if pa.types.is_floating(type_):
            return f"float({text.strip()!r})"
        return self.time(value, type_)

    @abstractmethod
    def time(self, value: pa.Scalar, type_: pa.DataType) -> str: ...

    def leaf(self, leaf: Leaf) -> str:
        column, type_ = self.column(_place(leaf)), self.type_of(_place(leaf))
        if isinstance(leaf, Compare):
            written = f"{column} {_PYTHON.get(leaf.operator, leaf.operator)} " + self.value(
                leaf.value, type_
            )
            if self.orders_nan and pa.types.is_floating(type_) and keeps_nan(leaf):
                return self.joined([written, f"{column}.is_not_nan()"], "and")
            # A missing value is unequal to everything in pandas.
            return (
                f"({written}) & {self.present(_place(leaf))}" if leaf.operator == "!=" else written
            )
        if isinstance(leaf, Range):
            high = "<=" if leaf.includes_high else "<"
            ends = [(">=", leaf.low), (high, leaf.high)]
            parts = [f"{column} {sign} {self.value(v, type_)}" for sign, v in ends if v is not None]
            if self.orders_nan and pa.types.is_floating(type_) and keeps_nan(leaf):
                parts.append(f"{column}.is_not_nan()")
            return self.joined(parts, "and")
        if isinstance(leaf, IsNull):
            return self.null(_place(leaf))
        if isinstance(leaf, OneOf):
            values = ", ".join(self.value(one, type_) for one in leaf.values if one is not None)
            inside = f"{column}.{self.is_in}([{values}])"
            if None not in leaf.values:
                return inside
            return self.joined([inside, self.null(_place(leaf))], "or")
        if not is_text(type_):
            raise QueryError(f"There is no code for a condition on the text of {type_}.")
        return self.text(column, leaf)

    is_in = ""
    orders_nan = False

    @abstractmethod
    def null(self, place: int) -> str: ...

    @abstractmethod
    def text(self, column: str, leaf: Text) -> str: ...


class _Pandas(_Python):
    is_in = "isin"

    def column(self, place: int) -> str:
        name = self._schema.names[place]
        if self._schema.names.count(name) > 1:
            return f"rows.iloc[:, {place}]"
        return f"rows[{name!r}]"

    def present(self, place: int) -> str:
        return f"{self.column(place)}.notna()"

    def null(self, place: int) -> str:
        return f"{self.column(place)}.isna()"

    def never(self) -> str:
        return "[False] * len(rows)"

    def time(self, value: pa.Scalar, type_: pa.DataType) -> str:
        if pa.types.is_date(type_):
            return f"date.fromisoformat({str(value)!r})"
        if pa.types.is_timestamp(type_):
            zone = f", tz={type_.tz!r}" if type_.tz else ""
            return f"pd.Timestamp({_ticks(value)}, unit={type_.unit!r}{zone})"
        return f"time.fromisoformat({str(value)!r})"

    def text(self, column: str, leaf: Text) -> str:
        if leaf.operator == "matches":
            case = not leaf.ignore_case
            return f"{column}.str.contains({leaf.value!r}, regex=True, case={case}, na=False)"
        subject, value = column, leaf.value
        if leaf.ignore_case:
            subject, value = f"{column}.str.lower()", value.lower()
        if leaf.operator == "contains":
            return f"{subject}.str.contains({value!r}, regex=False, na=False)"
        return f"{subject}.str.{leaf.operator.replace('_', '')}({value!r}, na=False)"

    def statement(self, query: Query) -> str:
        written = self._name
        where = self.where(query)
        if where:
            written += f".loc[lambda rows: {where}]"
        for sort in reversed(query.sorts):
            name = self._schema.names[_sorted(sort)]
            if self._schema.names.count(name) > 1:
                raise QueryError(f"pandas cannot sort by {name!r}, which several columns have.")
            written += (
                f".sort_values({name!r}, ascending={not sort.descending}, "
                f'kind="stable", na_position={sort.nulls!r})'
            )
        return written


class _Polars(_Python):
    is_in = "is_in"
    orders_nan = True  # as the greatest value

    def column(self, place: int) -> str:
        return f"pl.col({self._schema.names[place]!r})"

    def present(self, place: int) -> str:
        return f"{self.column(place)}.is_not_null()"

    def null(self, place: int) -> str:
        return f"{self.column(place)}.is_null()"

    def never(self) -> str:
        return "pl.lit(False)"

    def time(self, value: pa.Scalar, type_: pa.DataType) -> str:
        if pa.types.is_date(type_):
            return f"pl.lit({str(value)!r}).str.to_date()"
        if pa.types.is_timestamp(type_):
            unit = "ms" if type_.unit == "s" else type_.unit
            ticks = _ticks(value) * (1_000 if type_.unit == "s" else 1)
            written = f"pl.lit({ticks}).cast(pl.Datetime({unit!r}))"
            if type_.tz:
                written += f".dt.replace_time_zone('UTC').dt.convert_time_zone({type_.tz!r})"
            return written
        return f"pl.lit({str(value)!r}).str.to_time()"

    def text(self, column: str, leaf: Text) -> str:
        if leaf.operator == "matches":
            pattern = f"(?i){leaf.value}" if leaf.ignore_case else leaf.value
            return f"{column}.str.contains({pattern!r})"
        subject, value = column, leaf.value
        if leaf.ignore_case:
            subject, value = f"{column}.str.to_lowercase()", value.lower()
        if leaf.operator == "contains":
            return f"{subject}.str.contains({value!r}, literal=True)"
        return f"{subject}.str.{leaf.operator}({value!r})"

    def statement(self, query: Query) -> str:
        if len(set(self._schema.names)) < len(self._schema):
            raise QueryError("polars has no tables whose columns have one name twice.")
        written = self._name
        where = self.where(query)
        if where:
            written += f".filter({where})"
        keys: list[tuple[str, bool, bool]] = []
        for sort in query.sorts:
            column, last = self.column(_sorted(sort)), sort.nulls == "last"
            if pa.types.is_floating(self.type_of(_sorted(sort))):
                keys.append((f"{column}.is_nan()", not last, last))
            keys.append((column, sort.descending, last))
        if keys:
            written += (
                f".sort([{', '.join(key for key, _, _ in keys)}], "
                f"descending={[key[1] for key in keys]}, nulls_last={[key[2] for key in keys]}, "
                "maintain_order=True)"
            )
        return written


class SqlWriter(_Writer):
    """Writes conditions and statements in the SQL of DuckDB."""

    def column(self, place: int) -> str:
        name = self._schema.names[place]
        if [other.lower() for other in self._schema.names].count(name.lower()) > 1:
            raise QueryError(f"SQL cannot name {name!r}: another column has that name.")
        return quoted_name(name)

    def present(self, place: int) -> str:
        return f"{self.column(place)} IS NOT NULL"

    def joined(self, parts: Sequence[str], word: Literal["and", "or"]) -> str:
        return f" {word.upper()} ".join(f"({part})" for part in parts)

    def negated(self, part: str) -> str:
        return f"NOT ({part})"

    def never(self) -> str:
        return "false"

    def value(self, text: str, type_: pa.DataType) -> str:
        return sql_literal(text, type_)

    def leaf(self, leaf: Leaf) -> str:
        return sql_leaf(leaf, self.column(_place(leaf)), self.type_of(_place(leaf)))

    def statement(self, query: Query) -> str:
        written = f"SELECT * FROM {quoted_name(self._name)}"
        where = self.where(query)
        if where:
            written += f" WHERE {where}"
        keys = [
            key
            for sort in query.sorts
            for key in sql_keys(sort, self.column(_sorted(sort)), self.type_of(_sorted(sort)))
        ]
        return f"{written} ORDER BY {', '.join(keys)}" if keys else written


_PYTHON = {"=": "=="}


def _place(leaf: Leaf) -> int:
    return int(leaf.column)


def _sorted(sort: Sort) -> int:
    return int(sort.column)


def _ticks(value: pa.Scalar) -> int:
    return int(value.cast(pa.int64()).as_py())
