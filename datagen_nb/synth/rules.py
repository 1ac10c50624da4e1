"""Which rows keep a rule that a user states; ``core.rule_text`` reads its text.

Numbers and dates compare by their values, also where they are written as texts; allowed values and
regular expressions mean what is written. Expressions are computed in float64.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs import Codec, part_names
from datagen_nb.core.quoting import brief_repr
from datagen_nb.core.rule_text import (
    Allowed,
    Comparison,
    Match,
    Present,
    Range,
    RowRule,
    columns_of,
)
from datagen_nb.relations.expression import Columns, Expression, compute
from datagen_nb.relations.formula import CLOSE
from datagen_nb.relations.numbers import NUMBER, Flags, family_of
from datagen_nb.relations.relation import as_flags, known_of, plain
from datagen_nb.synth.identities import is_text

_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}

_EXACT: Mapping[str, Callable[[pa.Array, pa.Array], pa.Array]] = {
    "=": pc.equal,
    "!=": pc.not_equal,
    ">=": pc.greater_equal,
    ">": pc.greater,
    "<=": pc.less_equal,
    "<": pc.less,
}


class Unfit(Exception):
    """A rule is not for these columns; the message is the reason."""


def kept(rule: RowRule, written: Mapping[str, pa.Array], codecs: Mapping[str, Codec]) -> Flags:
    """For each row, whether it keeps a rule; a missing value breaks none but ``is not null``.

    Args:
        rule: The rule.
        written: The columns that it names, as they are written.
        codecs: How columns are spelled, by name.

    Raises:
        Unfit: The rule is not for columns of these types.

    Example:
        >>> kept(parse("a >= 2"), {"a": pa.array([1, 2, None])}, {}).tolist()
        [False, True, True]
    """
    match rule:
        case Allowed(column, wanted, is_not):
            return _allowed(column, plain(written[column]), wanted, is_not=is_not)
        case Match(column, pattern, is_not):
            return _matching(column, plain(written[column]), pattern, is_not=is_not)
    values = {name: values_behind(written[name], codecs.get(name)) for name in columns_of(rule)}
    match rule:
        case Present(column):
            return known_of(values[column])
        case Comparison(left, sign, right):
            return _compared(left, sign, right, pa.table(values))
        case Range(inner, low, high):
            table = pa.table(values)
            return _compared(low, "<=", inner, table) & _compared(inner, "<=", high, table)


def check_pattern(pattern: str) -> None:
    """Look whether a regular expression can be read; RE2 takes bounded time and memory for it.

    Raises:
        Unfit: It cannot.
    """
    nothing = pa.array([""])
    for text in (pattern, _whole(pattern)):
        try:
            pc.match_substring_regex(nothing, pattern=text)
        except pa.ArrowInvalid as error:
            raise Unfit(f"RE2 does not read its pattern: {str(error).partition(': ')[2]}") from None


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


def values_behind(column: pa.Array, codec: Codec | None) -> pa.Array:
    """The values behind what is written."""
    if codec is None or part_names("", codec):
        return plain(column)
    return codec.parse(pa.chunked_array([column])).values


def _compared(left: Expression, sign: str, right: Expression, table: pa.Table) -> Flags:
    if left[0] == right[0] == "column":
        one, two = (table[name].combine_chunks() for name in (left[1], right[1]))
        if one.type == two.type and not pa.types.is_null(one.type):
            return as_flags(pc.fill_null(_EXACT[sign](one, two), fill_value=True))
    for name in table.column_names:
        if family_of(table.schema.field(name).type) is None:
            raise Unfit(f"{name!r} holds no numbers or dates")
    try:
        (one, of_one), (two, of_two) = (compute(side, Columns(table)) for side in (left, right))
    except ValueError as error:  # an operation of operands that it is not for
        raise Unfit(str(error)) from error
    if of_one != of_two:
        raise Unfit(f"{of_one} and {of_two} cannot be compared")
    with np.errstate(invalid="ignore"):  # the difference of two infinite values
        near = (np.abs(one - two) <= CLOSE * np.abs(one)) & np.isfinite(one)
    unknown = np.isnan(one) | np.isnan(two)
    return np.asarray(_SIGNS[sign](one, np.where(near, one, two)) | unknown, dtype=np.bool_)


def _allowed(name: str, column: pa.Array, values: tuple[str, ...], *, is_not: bool) -> Flags:
    if family_of(column.type) == NUMBER:
        column = column.cast(pa.float64(), safe=False)
        wanted = pa.array([_number(name, value) for value in values])
    else:
        try:
            wanted = pa.array(values, pa.string()).cast(column.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            listed = ", ".join(map(brief_repr, values[:3]))
            raise Unfit(f"{name!r} holds {column.type}, and not all of {listed} are") from None
    found = as_flags(pc.is_in(column, value_set=wanted))
    return np.asarray((found != is_not) | ~known_of(column), dtype=np.bool_)


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise Unfit(f"{name!r} holds numbers, and {brief_repr(value)} is none") from None


def _matching(name: str, column: pa.Array, pattern: str, *, is_not: bool) -> Flags:
    if not is_text(column.type):
        raise Unfit(f"{name!r} holds {column.type}; a regular expression is for texts")
    found = as_flags(pc.match_substring_regex(column, pattern=_whole(pattern)))
    return np.asarray((found != is_not) | ~known_of(column), dtype=np.bool_)
