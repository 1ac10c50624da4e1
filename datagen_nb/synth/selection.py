"""Which of the drawn rows a result has: those that keep rules, in shares that a user gives.

``choosing`` draws rows until as many are taken as a part has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from datagen_nb.codecs import Codec
from datagen_nb.core.errors import InputError
from datagen_nb.core.quoting import brief_repr, did_you_mean
from datagen_nb.core.rule_text import (
    Allowed,
    Match,
    Present,
    RowRule,
    Unique,
    columns_of,
    parse,
)
from datagen_nb.relations.numbers import Flags
from datagen_nb.relations.relation import known_of
from datagen_nb.synth.drawn import Ints
from datagen_nb.synth.identities import Maker
from datagen_nb.synth.rules import Unfit, check_pattern, kept
from datagen_nb.synth.uniqueness import Uniqueness

GOLDEN = (math.sqrt(5) - 1) / 2

MANY = 0.05
"""Share of the input's rows that break a rule from which on it is worth a warning."""

MAX_COMPARED = 1_000
"""Levels that are compared with one that is not there."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What each row of a result keeps by itself.

    Attributes:
        parameter: That states it: ``rules`` or ``condition``.
        text: As the user wrote it.
        rule: What it means.
    """

    parameter: str
    text: str
    rule: RowRule

    def holds(self, written: Mapping[str, pa.Array], codecs: Mapping[str, Codec]) -> Flags:
        """For each row, whether it keeps this; a missing value keeps rules, but no condition.

        Raises:
            Unfit: It is not for columns of these types.
        """
        flags = kept(self.rule, written, codecs)
        if self.parameter == "condition":
            for name in columns_of(self.rule):
                flags = flags & known_of(written[name])
        return flags


@dataclass(frozen=True, slots=True)
class Shares:
    """How a column's values are shared out over the rows of a result.

    Attributes:
        column: The column.
        levels: Values as they are written.
        shares: Of each of these; what is left to 1 is for all other values.
    """

    column: str
    levels: tuple[str, ...]
    shares: tuple[float, ...]

    def wanted(self, rows: int, offset: int) -> Ints:
        """The class of each row of a part: its level's number from 1, 0 for other values.

        The rows of each level lie evenly among the others, in any part: multiples of the golden
        ratio fill an interval so.
        """
        ends = np.cumsum(self.shares)
        if math.isclose(ends[-1], 1.0):
            ends[-1] = 1.0
        places = np.arange(offset, offset + rows) * GOLDEN % 1.0
        found = np.searchsorted(ends, places, side="right") + 1
        return np.asarray(np.where(found > len(ends), 0, found), dtype=np.int64)

    def classes(self, columns: Mapping[str, pa.Array]) -> Ints:
        """The class that each row has."""
        found = np.zeros(len(columns[self.column]), dtype=np.int64)
        for number, level in enumerate(self.levels, 1):
            found[condition_of(self.column, level).holds(columns, {})] = number
        return found


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are taken.

    Attributes:
        requirements: What each of them keeps by itself.
        unique: What no two of them have.
        shares: How the values of a column are shared out over them; ``None``: as they are drawn.
    """

    requirements: tuple[Requirement, ...]
    unique: tuple[Uniqueness, ...] = ()
    shares: Shares | None = None

    @classmethod
    def of(cls, rules: Sequence[str], condition: Mapping[str, Any] | None = None) -> Self:
        """Read what a user states.

        Args:
            rules: Texts of rules.
            condition: For columns a value, or a dict of values and their shares.

        Raises:
            Unreadable: A text is no rule.
            Unfit: A regular expression cannot be read, or shares are none.

        Example:
            >>> Selection.of(["price >= 0"], {"segment": {"B": 0.5}}).shares
            Shares(column='segment', levels=('B',), shares=(0.5,))
        """
        found, unique, shares = list[Requirement](), list[Uniqueness](), list[Shares]()
        for text in rules:
            rule = parse(text)
            if isinstance(rule, Unique):
                unique.append(Uniqueness(text, rule.columns))
            else:
                found.append(Requirement("rules", text, rule))
        for column, value in (condition or {}).items():
            if isinstance(value, Mapping):
                shares.append(Shares(column, tuple(value), tuple(map(float, value.values()))))
            else:
                found.append(condition_of(column, _text(value)))
        for one in found:
            if isinstance(one.rule, Match):
                check_pattern(one.rule.pattern)
        if len(shares) > 1:
            raise Unfit("only one column can have shares")
        if shares and not 0 < sum(shares[0].shares) <= 1 + 1e-9:
            raise Unfit(f"the shares of {shares[0].column!r} have to add up to at most 1")
        return cls(tuple(found), tuple(unique), shares[0] if shares else None)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, each once."""
        named = [name for one in self.requirements for name in columns_of(one.rule)]
        named += [name for one in self.unique for name in one.columns]
        return tuple(dict.fromkeys([*named, *([self.shares.column] if self.shares else [])]))

    def check(
        self,
        sample: pa.Table,
        codecs: Mapping[str, Codec],
        makers: Mapping[str, Maker],
        *,
        has_all_levels: bool = True,
        owner: str = "input",
    ) -> list[str]:
        """Look whether it is for a table; return what a user should know, in sentences.

        Args:
            sample: Rows of the table, in plain types.
            codecs: How columns are spelled.
            makers: Of columns that are made anew.
            has_all_levels: Whether a value that no row has is none that could be made.
            owner: Of the rows, in messages: ``input``, or ``model`` if it made them.

        Raises:
            InputError: ``unfit_rule``, ``unfit_condition`` or ``unknown_level``.
        """
        written = {name: sample[name].combine_chunks() for name in self.columns}
        warnings = []
        for one in self.requirements:
            share = self._share_kept(one, written, codecs, makers)
            if one.parameter == "rules" and share < 1 - MANY:
                warnings.append(
                    f"{1 - share:.0%} of the {owner}'s rows break the rule {one.text!r}; rows like "
                    "them are drawn again."
                )
            if has_all_levels and one.parameter == "condition" and isinstance(one.rule, Allowed):
                _check_level(one.rule.column, one.rule.values[0], written)
        for rule in self.unique:
            share = _share_repeated(rule, written, codecs, makers)
            if share > 0:
                warnings.append(
                    f"{percent(share)} of the input's rows break the rule {rule.text!r}: they "
                    "repeat others. No made row does."
                )
        if self.shares is not None:
            for level in self.shares.levels:
                requirement = condition_of(self.shares.column, level)
                self._share_kept(requirement, written, codecs, makers)
                if has_all_levels:
                    _check_level(self.shares.column, level, written)
        return warnings

    def _share_kept(
        self,
        one: Requirement,
        written: Mapping[str, pa.Array],
        codecs: Mapping[str, Codec],
        makers: Mapping[str, Maker],
    ) -> float:
        for name in columns_of(one.rule):
            if name in makers and not isinstance(one.rule, Present):
                remedy = "Leave it out; parameters.columns can give an identifier a pattern."
                raise _unfit(
                    one.parameter, one.text, f"the values of {name!r} are made anew", remedy
                )
            if written[name].null_count == len(written[name]):
                raise _unfit(one.parameter, one.text, f"{name!r} holds only nulls")
        try:
            return float(one.holds(written, codecs).mean())
        except Unfit as why:
            raise _unfit(one.parameter, one.text, str(why)) from None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def percent(share: float) -> str:
    """A share with two digits."""
    return f"{100 * share:.2g} %"


def condition_of(column: str, level: str) -> Requirement:
    """A column has this value in each row."""
    return Requirement("condition", f"{column} = {level}", Allowed(column, (level,)))


def _check_level(column: str, level: str, written: Mapping[str, pa.Array]) -> None:
    if condition_of(column, level).holds(written, {}).any():
        return
    levels = written[column].unique().drop_null().slice(0, MAX_COMPARED).cast(pa.string())
    remedy = did_you_mean(level, levels.to_pylist()[:MAX_COMPARED])
    raise InputError(
        f"parameters.condition names {brief_repr(level)}, which no row has in column {column!r}. "
        f"{remedy}",
        code="unknown_level",
        details={"column": column, "value": level, "remedy": remedy, "retryHelps": False},
    )


def _share_repeated(
    rule: Uniqueness,
    written: Mapping[str, pa.Array],
    codecs: Mapping[str, Codec],
    makers: Mapping[str, Maker],
) -> float:
    for name in rule.columns:
        if name in makers and not makers[name].is_unique:
            remedy = "Leave it out; parameters.columns can make it an identifier."
            why = f"the values of {name!r} are made anew, and two of them may be the same"
            raise _unfit("rules", rule.text, why, remedy)
        if written[name].null_count == len(written[name]):
            raise _unfit("rules", rule.text, f"{name!r} holds only nulls")
    try:
        return rule.share_repeated(written, codecs)
    except Unfit as why:
        raise _unfit("rules", rule.text, str(why)) from None


def _unfit(parameter: str, text: str, why: str, remedy: str = "") -> InputError:
    noun = "rule" if parameter == "rules" else "condition"
    remedy = remedy or f"Correct it, or leave it out of parameters.{parameter}."
    return InputError(
        f"The {noun} {text!r} cannot be kept: {why}. {remedy}",
        code=f"unfit_{noun}",
        details={noun: text, "remedy": remedy, "retryHelps": False},
    )
