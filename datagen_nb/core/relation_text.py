"""Relations as people write them: ``total = quantity * price``, ``city -> state``.

The grammar, in which ``{}`` repeats and ``[]`` may be left out::

    relation   = expression "=" expression
               | expression (">=" | ">" | "<=" | "<") expression
               | column {"," column} "->" column {"," column}
               | column "<-" (column {"," column} | expression | column "is" "null")
               | column "is" ["not"] "null" ("if" | "where") condition
    condition  = column "is" "null" | column "in" "(" value {"," value} ")"
    expression = term {("+" | "-") term}
    term       = factor {("*" | "/") factor}
    factor     = number | column | function "(" expression {"," expression} ")"
               | "(" expression ")" | "-" factor
    column     = a word, or any text in double quotes

An expression is a nested tuple: ``("column", name)``, ``("number", value)``,
``("on", "2024-06-01")``, ``("+", left, right)`` and the other operations, ``(function, argument,
...)``. Nothing of it is run: it is computed column by column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from datagen_nb.core.quoting import brief_repr

Expression = tuple[Any, ...]

MAX_LENGTH = 1_000
MAX_DEPTH = 30
"""Parentheses, functions and signs within each other."""

FUNCTIONS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(("weeks", "days", "hours", "minutes", "seconds", "milliseconds"), (1, 1)),
    **dict.fromkeys(("year", "quarter", "month", "day", "weekday", "day_of_year"), (1, 1)),
    **dict.fromkeys(("hour", "minute", "month_number"), (1, 1)),
    **dict.fromkeys(("date", "month_start", "year_start", "time", "abs", "on"), (1, 1)),
    "years": (2, 2),
    "max": (2, 8),
}
"""How many arguments each function has, at least and at most."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
      | (?P<sign><-|->|>=|<=|==|!=|[-+*/=<>(),])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Equation:
    """Both sides have the same value."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Order:
    """The upper side is not below the lower one; above it if ``strict``."""

    upper: Expression
    lower: Expression
    strict: bool


@dataclass(frozen=True, slots=True)
class Dependency:
    """Columns have one value for each of others, or of an expression.

    Attributes:
        targets: The columns.
        by: Columns that decide them together.
        part: What decides them instead, if it is no plain column.
        by_null: Whether it only counts if the deciding column is null.
    """

    targets: tuple[str, ...]
    by: tuple[str, ...]
    part: Expression | None = None
    by_null: bool = False


@dataclass(frozen=True, slots=True)
class NullRule:
    """A column is null, or is not, where another one is null or has some values.

    Attributes:
        column: The column.
        is_null: Whether it is null there, or never is.
        by: The column that decides.
        values: Its values, as texts; ``None`` for null.
        is_whole: Whether the opposite holds in all other rows.
    """

    column: str
    is_null: bool
    by: str
    values: tuple[str, ...] | None
    is_whole: bool


Statement = Equation | Order | Dependency | NullRule


class Unreadable(ValueError):
    """A text is no relation; the message is the reason, to follow "is no relation: "."""


def parse(text: str) -> Statement:
    """Read a relation.

    Raises:
        Unreadable: It is none.

    Example:
        >>> parse("end >= start")
        Order(upper=('column', 'end'), lower=('column', 'start'), strict=False)
    """
    if len(text) > MAX_LENGTH:
        raise Unreadable(f"it has more than {MAX_LENGTH:,} characters")
    return Parser(text).statement()


def parse_expression(text: str) -> Expression:
    """Read an expression.

    Raises:
        Unreadable: It is none.

    Example:
        >>> parse_expression("quantity * 2")
        ('*', ('column', 'quantity'), ('number', 2.0))
    """
    if len(text) > MAX_LENGTH:
        raise Unreadable(f"it has more than {MAX_LENGTH:,} characters")
    return Parser(text).expression()


def columns_of(statement: Statement) -> tuple[str, ...]:
    """The columns that a relation names, each once."""
    match statement:
        case Equation(left, right) | Order(left, right):
            names = [*_names(left), *_names(right)]
        case Dependency(targets, by, part):
            names = [*targets, *by, *(_names(part) if part else ())]
        case NullRule(column=column, by=by_column):
            names = [column, by_column]
    return tuple(dict.fromkeys(names))


def columns_in(*expressions: Expression) -> tuple[str, ...]:
    """The columns of expressions, each once."""
    return tuple(dict.fromkeys(name for one in expressions for name in _names(one)))


def _names(expression: Expression) -> list[str]:
    if expression[0] == "column":
        return [expression[1]]
    if expression[0] in ("number", "on"):
        return []
    return [name for part in expression[1:] for name in _names(part)]


class Parser:
    """Reads one statement from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        self._depth = 0
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                raise Unreadable(f"{brief_repr(text[place:].strip())} cannot be read")
            kind = found.lastgroup or ""
            self._tokens.append((kind, found[kind]))
            place = found.end()

    def statement(self) -> Statement:
        found = self._statement()
        if self._at < len(self._tokens):
            raise Unreadable(f"{self._next} is left over behind it")
        if not columns_of(found):
            raise Unreadable("it names no column")
        return found

    def expression(self) -> Expression:
        found = self._expression()
        if self._at < len(self._tokens):
            raise Unreadable(f"{self._next} is left over behind it")
        return found

    def _statement(self) -> Statement:
        left = self._expression()
        if self._takes("=") or self._takes("=="):
            return Equation(left, self._expression())
        for sign in (">=", ">", "<=", "<"):
            if self._takes(sign):
                sides = left, self._expression()
                upper, lower = sides if sign.startswith(">") else sides[::-1]
                return Order(upper, lower, strict=len(sign) == 1)
        if self._takes("<-"):
            return self._decided(_column(left))
        if self._takes("is"):
            return self._null_rule(_column(left))
        columns = [_column(left)]
        while self._takes(","):
            columns.append(self._column_name())
        if self._takes("->"):
            targets = self._columns()
            if both := set(targets) & set(columns):
                raise Unreadable(f"{min(both)!r} is on both sides")
            return Dependency(targets, tuple(columns))
        raise Unreadable(f"one of =, >=, >, <=, <, ->, <- has to follow, not {self._next}")

    def _decided(self, target: str) -> Dependency:
        first = self._expression()
        if self._takes("is"):
            self._demand("null")
            return Dependency((target,), (_column(first),), by_null=True)
        if first[0] != "column":
            return Dependency((target,), (), first)
        columns = [_column(first)]
        while self._takes(","):
            columns.append(self._column_name())
        if target in columns:
            raise Unreadable(f"{target!r} is on both sides")
        return Dependency((target,), tuple(columns))

    def _null_rule(self, column: str) -> NullRule:
        is_null = not self._takes("not")
        self._demand("null")
        is_whole = self._takes("if")
        if not is_whole:
            self._demand("where")
        by = self._column_name()
        if self._takes("is"):
            self._demand("null")
            return NullRule(column, is_null, by, None, is_whole)
        self._demand("in")
        return NullRule(column, is_null, by, self._values(), is_whole)

    def _expression(self) -> Expression:
        found = self._term()
        while (sign := self._takes_one("+-")) is not None:
            found = (sign, found, self._term())
        return found

    def _term(self) -> Expression:
        found = self._factor()
        while (sign := self._takes_one("*/")) is not None:
            found = (sign, found, self._factor())
        return found

    def _factor(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable(f"more than {MAX_DEPTH} parts lie within each other")
        try:
            return self._inner()
        finally:
            self._depth -= 1

    def _inner(self) -> Expression:
        if self._takes("-"):
            inner = self._factor()
            return ("number", -inner[1]) if inner[0] == "number" else ("-", ("number", 0.0), inner)
        if self._takes("("):
            found = self._expression()
            self._demand(")")
            return found
        kind, text = self._take()
        if kind == "number":
            return ("number", float(text))
        if kind == "text":
            return ("column", _unquoted(text))
        if kind != "word":
            raise Unreadable(f"a column, a number or a function has to stand before {text}")
        if text in FUNCTIONS and self._takes("("):
            return self._call(text)
        if self._is("("):
            raise Unreadable(f"{text} is no function; there are {', '.join(FUNCTIONS)}")
        return ("column", text)

    def _call(self, name: str) -> Expression:
        if name == "on":
            return self._day()
        arguments = [self._expression()]
        while self._takes(","):
            arguments.append(self._expression())
        self._demand(")")
        least, most = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise Unreadable(f"{name} takes {wanted} values, not {len(arguments)}")
        return (name, *arguments)

    def _day(self) -> Expression:
        kind, text = self._take()
        day = _unquoted(text) if kind == "text" else text
        try:
            date.fromisoformat(day)
        except ValueError:
            raise Unreadable(f'on takes a day as "2024-06-01", not {brief_repr(day)}') from None
        self._demand(")")
        return ("on", day)

    def _columns(self) -> tuple[str, ...]:
        columns = [self._column_name()]
        while self._takes(","):
            columns.append(self._column_name())
        return tuple(columns)

    def _column_name(self) -> str:
        kind, text = self._take()
        if kind == "text":
            return _unquoted(text)
        if kind != "word":
            raise Unreadable(f"a column has to stand where {text} is")
        return text

    def _values(self) -> tuple[str, ...]:
        self._demand("(")
        values = [self._value()]
        while self._takes(","):
            values.append(self._value())
        self._demand(")")
        return tuple(values)

    def _value(self) -> str:
        negative = self._takes("-")
        kind, text = self._take()
        if kind == "sign":
            raise Unreadable(f"a value has to stand where {text} is")
        return ("-" if negative else "") + (_unquoted(text) if kind == "text" else text)

    def _is(self, text: str) -> bool:
        if self._at >= len(self._tokens):
            return False
        kind, found = self._tokens[self._at]
        return kind != "text" and found == text

    def _takes(self, text: str) -> bool:
        is_next = self._is(text)
        self._at += is_next
        return is_next

    def _takes_one(self, signs: str) -> str | None:
        return next((sign for sign in signs if self._takes(sign)), None)

    def _demand(self, text: str) -> None:
        if not self._takes(text):
            raise Unreadable(f"{text} has to follow, not {self._next}")

    def _take(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise Unreadable("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    @property
    def _next(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else "the end"


def _column(expression: Expression) -> str:
    if expression[0] != "column":
        raise Unreadable("a single column has to stand before the arrow or is")
    return str(expression[1])


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), inner)
