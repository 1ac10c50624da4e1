"""Expressions over columns, such as ``quantity * unit_price``: written, read and computed.

``core.relation_text`` describes expressions, and reads what is written here. They are computed in
float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core import relation_text
from datagen_nb.relations.numbers import (
    CLOCK,
    DAY,
    INSTANT,
    NUMBER,
    SPAN,
    Floats,
    family_of,
    values_of,
    whole,
)

Expression = relation_text.Expression

UNITS: Mapping[str, float] = {
    "weeks": 7 * DAY,
    "days": DAY,
    "hours": DAY / 24,
    "minutes": DAY / 1440,
    "seconds": 1e6,
    "milliseconds": 1e3,
}
"""Functions between a length of time and its number in a unit, and the unit's microseconds."""

PARTS: Mapping[str, Callable[[npt.NDArray[np.datetime64]], npt.NDArray[Any]]] = {
    "year": lambda at: at.astype("M8[Y]").astype(np.int64) + 1970,
    "quarter": lambda at: at.astype("M8[M]").astype(np.int64) % 12 // 3 + 1,
    "month": lambda at: at.astype("M8[M]").astype(np.int64) % 12 + 1,
    "day": lambda at: (at.astype("M8[D]") - at.astype("M8[M]")).astype(np.int64) + 1,
    "weekday": lambda at: (at.astype("M8[D]").astype(np.int64) + 3) % 7,
    "day_of_year": lambda at: (at.astype("M8[D]") - at.astype("M8[Y]")).astype(np.int64) + 1,
    "hour": lambda at: (at - at.astype("M8[D]")).astype("m8[h]").astype(np.int64),
    "minute": lambda at: (at - at.astype("M8[h]")).astype("m8[m]").astype(np.int64),
    "month_number": lambda at: at.astype("M8[M]").astype(np.int64),
}
"""Numbers that are parts of a date; the weekday counts from Monday, 0."""

STARTS: Mapping[str, str] = {"date": "M8[D]", "month_start": "M8[M]", "year_start": "M8[Y]"}
"""Points of time that are the start of one's day, month or year."""


class Columns:
    """The columns of a table as numbers, each read once."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._values: dict[str, Floats] = {}

    def values(self, name: str) -> Floats:
        if name not in self._values:
            self._values[name] = values_of(self.table[name])
        return self._values[name]

    def family(self, name: str) -> str:
        return family_of(self.table.schema.field(name).type) or ""

    def local(self, name: str) -> Floats:
        """Points in time as their zone's clocks show them."""
        type = self.table.schema.field(name).type
        if not pa.types.is_timestamp(type) or type.tz in (None, "UTC"):
            return self.values(name)
        try:
            return values_of(pc.local_timestamp(whole(self.table[name])))
        except pa.ArrowInvalid:  # a zone that this machine does not know
            return self.values(name)


def compute(expression: Expression, columns: Columns) -> tuple[Floats, str]:
    """The values of an expression, NaN where they have none, and what they are.

    Raises:
        ValueError: The operation is not one of these operands.
    """
    operation, *arguments = expression
    if operation == "column":
        return columns.values(arguments[0]), columns.family(arguments[0])
    if operation == "number":
        return np.full(columns.table.num_rows, float(arguments[0])), NUMBER
    if operation == "on":
        at = np.datetime64(arguments[0], "us").astype(np.int64)
        return np.full(columns.table.num_rows, float(at)), INSTANT
    if operation in PARTS or operation in STARTS or operation == "time":
        return _part(operation, arguments[0], columns)
    computed = [compute(argument, columns) for argument in arguments]
    values, families = [one for one, _ in computed], [family for _, family in computed]
    if operation in UNITS and len(values) == 1:
        if families == [NUMBER]:
            return values[0] * UNITS[operation], SPAN
        if families == [SPAN]:
            return values[0] / UNITS[operation], NUMBER
    elif operation == "max" and len(set(families)) == 1:
        return np.asarray(np.max(values, axis=0)), families[0]
    elif operation == "abs" and families in ([NUMBER], [SPAN]):
        return np.abs(values[0]), families[0]
    elif operation == "years" and families == [INSTANT, INSTANT]:
        return completed_years(*values), NUMBER
    elif len(values) == 2 and (family := _FAMILIES.get((operation, *families))):
        found = _OPERATIONS[operation](*values)
        # A clock goes on after midnight.
        return (found % DAY if family == CLOCK else found), family
    raise ValueError(f"{operation} of {' and '.join(families) or 'nothing'} has no meaning")


def completed_years(start: Floats, end: Floats) -> Floats:
    """Years from one date to another, as ages are counted."""
    known = ~np.isnan(start) & ~np.isnan(end)
    first, last = (_at(np.where(known, one, 0.0)) for one in (start, end))
    months = (last.astype("M8[M]") - first.astype("M8[M]")).astype(np.int64)
    earlier = PARTS["day"](last) < PARTS["day"](first)
    return np.asarray(np.where(known, (months - earlier) // 12, np.nan))


def names_of(expression: Expression) -> tuple[str, ...]:
    """The columns of an expression, in the order of their first use."""
    if expression[0] == "column":
        return (expression[1],)
    if expression[0] in ("number", "on"):
        return ()
    return tuple(dict.fromkeys(name for part in expression[1:] for name in names_of(part)))


def text_of(expression: Expression, within: int = 0) -> str:
    """An expression as one writes it.

    Example:
        >>> text_of(("*", ("column", "quantity"), ("column", "unit price")))
        'quantity * "unit price"'
    """
    operation, *arguments = expression
    if operation == "column":
        return quoted(arguments[0])
    if operation == "number":
        return number_text(arguments[0])
    if operation == "on":
        return f'on("{arguments[0]}")'
    if operation in _OPERATIONS:
        strength = 1 if operation in "+-" else 2
        left = text_of(arguments[0], strength)
        right = text_of(arguments[1], strength + (operation in "-/"))
        text = f"{left} {operation} {right}"
        return f"({text})" if strength < within else text
    return f"{operation}({', '.join(text_of(argument) for argument in arguments)})"


def quoted(name: str) -> str:
    """A column's name, in quotation marks unless it is a plain word."""
    if (
        name.isidentifier()
        and name.isascii()
        and name not in relation_text.FUNCTIONS
        and name not in _WORDS
    ):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def number_text(value: float) -> str:
    """A number in few digits."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


_WORDS = {"is", "null", "and", "or", "not", "if", "else", "in", "for", "from", "class", "def",
          "as", "with", "lambda", "import", "pass", "True", "False", "None", "return", "while",
          "try", "del", "global", "assert", "async", "await", "break", "continue", "elif",
          "except", "finally", "nonlocal", "raise", "yield"}  # fmt: skip

_OPERATIONS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: _divided(left, right),
}

_FAMILIES: Mapping[tuple[str, ...], str] = {
    **{(operation, NUMBER, NUMBER): NUMBER for operation in "+-*/"},
    **{(operation, SPAN, SPAN): SPAN for operation in "+-"},
    **{(operation, family, SPAN): family for operation in "+-" for family in (INSTANT, CLOCK)},
    **{("-", family, family): SPAN for family in (INSTANT, CLOCK)},
    ("+", SPAN, INSTANT): INSTANT,
    ("*", SPAN, NUMBER): SPAN,
    ("*", NUMBER, SPAN): SPAN,
    ("/", SPAN, NUMBER): SPAN,
    ("/", SPAN, SPAN): NUMBER,
}


def _divided(left: Floats, right: Floats) -> Floats:
    """The quotient; what is divided by zero has none."""
    out = np.full(len(left), math.nan)
    return np.asarray(np.divide(left, right, out=out, where=right != 0))


def _part(operation: str, argument: Expression, columns: Columns) -> tuple[Floats, str]:
    if argument[0] != "column":
        raise ValueError(f"{operation} has to be that of a column")
    if columns.family(argument[1]) != INSTANT:
        raise ValueError(f"{operation} of {argument[1]}, which holds no dates, has no meaning")
    values = columns.local(argument[1])
    known = ~np.isnan(values)
    safe = np.where(known, values, 0.0)
    if operation == "time":
        return np.where(known, safe % DAY, np.nan), CLOCK
    if operation in STARTS:
        at = _at(safe).astype(STARTS[operation]).astype("M8[us]").astype(np.int64)
        return np.where(known, at.astype(np.float64), np.nan), INSTANT
    return np.where(known, PARTS[operation](_at(safe)), np.nan), NUMBER


def _at(values: Floats) -> npt.NDArray[np.datetime64]:
    return np.clip(values, -6e16, 2.6e17).astype(np.int64).astype("M8[us]")
