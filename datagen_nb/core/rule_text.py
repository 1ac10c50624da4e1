"""Rules that made rows keep, as people write them: ``price >= 0``, ``status in (open, paid)``.

The grammar, in which ``{}`` repeats and ``[]`` may be left out; expressions, columns and values are
those of ``core.relation_text``::

    rule = expression ("=" | "!=" | ">=" | ">" | "<=" | "<") expression
         | expression "between" expression "and" expression
         | column ["not"] "in" "(" value {"," value} ")"
         | column ["not"] "matches" a regular expression in double quotes
         | column "is" "not" "null"
         | "unique" "(" column {"," column} ")"

Each row keeps a rule by itself, but for the last kind, which no two rows may break. A missing value
breaks none but ``is not null``. A regular expression is one of RE2, and has to match the whole
value.
"""

from __future__ import annotations

from dataclasses import dataclass

from datagen_nb.core import relation_text
from datagen_nb.core.relation_text import MAX_LENGTH, Expression, Parser, Unreadable

MAX_PATTERN = 200
"""Characters of a regular expression."""

SIGNS = ("=", "!=", ">=", ">", "<=", "<")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides compare as ``sign``, one of ``SIGNS``, says."""

    left: Expression
    sign: str
    right: Expression


@dataclass(frozen=True, slots=True)
class Range:
    """An expression lies between two others, or is one of them."""

    inner: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class Allowed:
    """A column has one of some values, written as texts; none of them if ``is_not``."""

    column: str
    values: tuple[str, ...]
    is_not: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A regular expression matches a column's whole value; it does not if ``is_not``."""

    column: str
    pattern: str
    is_not: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    """A column is never null."""

    column: str


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows have the same values in some columns; rows with a null there are not compared."""

    columns: tuple[str, ...]


RowRule = Comparison | Range | Allowed | Match | Present
"""What a row keeps or breaks by itself."""

Rule = RowRule | Unique


def parse(text: str) -> Rule:
    """Read a rule.

    Raises:
        Unreadable: It is none.

    Example:
        >>> parse('plate matches "[A-Z]{2}[0-9]+"')
        Match(column='plate', pattern='[A-Z]{2}[0-9]+', is_not=False)
    """
    if len(text) > MAX_LENGTH:
        raise Unreadable(f"it has more than {MAX_LENGTH:,} characters")
    return _RuleParser(text).rule()


def columns_of(rule: Rule) -> tuple[str, ...]:
    """The columns that a rule names, each once."""
    match rule:
        case Comparison(left, _, right):
            return relation_text.columns_in(left, right)
        case Range(inner, low, high):
            return relation_text.columns_in(inner, low, high)
        case Allowed(column=column) | Match(column=column) | Present(column=column):
            return (column,)
        case Unique(columns):
            return columns


class _RuleParser(Parser):
    """Reads one rule from left to right."""

    def rule(self) -> Rule:
        """Read the whole text."""
        found = self._rule()
        if self._at < len(self._tokens):
            raise Unreadable(f"{self._next} is left over behind it")
        if not columns_of(found):
            raise Unreadable("it names no column")
        return found

    def _rule(self) -> Rule:
        if self._tokens[self._at : self._at + 2] == [("word", "unique"), ("sign", "(")]:
            self._at += 2
            return self._unique()
        left = self._expression()
        for sign in ("==", *SIGNS):
            if self._takes(sign):
                return Comparison(left, "=" if sign == "==" else sign, self._expression())
        if self._takes("between"):
            low = self._expression()
            self._demand("and")
            return Range(left, low, self._expression())
        if left[0] != "column":
            raise Unreadable(f"one of {', '.join(SIGNS)}, between has to follow, not {self._next}")
        column = str(left[1])
        if self._takes("is"):
            self._demand("not")
            self._demand("null")
            return Present(column)
        is_not = self._takes("not")
        if self._takes("in"):
            return Allowed(column, self._values(), is_not)
        if self._takes("matches"):
            return Match(column, self._pattern(), is_not)
        raise Unreadable(
            f"one of {', '.join(SIGNS)}, between, in, matches, is not null has to follow, "
            f"not {self._next}"
        )

    def _unique(self) -> Unique:
        if self._takes(")"):
            raise Unreadable("unique names no column; write it as unique(a, b)")
        columns = self._columns()
        self._demand(")")
        if twice := {name for name in columns if columns.count(name) > 1}:
            raise Unreadable(f"unique names {min(twice)!r} twice")
        return Unique(columns)

    def _pattern(self) -> str:
        kind, text = self._take()
        if kind != "text":
            raise Unreadable(f"a regular expression in double quotes has to stand where {text} is")
        pattern = text[1:-1].replace('\\"', '"')
        if len(pattern) > MAX_PATTERN:
            raise Unreadable(f"its pattern has more than {MAX_PATTERN} characters")
        return pattern
