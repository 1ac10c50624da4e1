"""Which of the drawn rows a result has: those that keep rules, in shares that a user gives.

Rows that are not taken are replaced by others of further turns, each with random numbers of its
own, so that a part stays a pure function of its number. A selection that takes too few of them ends
with an error that says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from datagen_nb.codecs import Codec
from datagen_nb.core.errors import InputError
from datagen_nb.core.quoting import brief_repr, did_you_mean
from datagen_nb.core.rule_text import Allowed, Match, Present, Rule, columns_of, parse
from datagen_nb.relations.numbers import Flags
from datagen_nb.relations.relation import known_of
from datagen_nb.synth.drawn import Columns, Drawn, Ints
from datagen_nb.synth.identities import Maker
from datagen_nb.synth.rules import Unfit, check_pattern, kept

MAX_DRAWS = 100
"""Rows that are drawn for each row of a part, at most."""

MIN_CELLS = 2_000_000
"""Rows times columns that are drawn before a selection is given up, for however few rows."""

TURN_CELLS, TURN_ROWS = 500_000, 1_000
"""Rows times columns of a further turn at most, unless a part has more, and its rows at least."""

GOLDEN = (math.sqrt(5) - 1) / 2

MANY = 0.05
"""Share of the input's rows that break a rule from which on it is worth a warning."""

MAX_COMPARED = 1_000
"""Levels that are compared with one that is not there."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What each row of a result keeps.

    Attributes:
        parameter: That states it: ``rules`` or ``condition``.
        text: As the user wrote it.
        rule: What it means.
    """

    parameter: str
    text: str
    rule: Rule

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
            found[_condition(self.column, level).holds(columns, {})] = number
        return found


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are taken.

    Attributes:
        requirements: What each of them keeps.
        shares: How the values of a column are shared out over them; ``None``: as they are drawn.
    """

    requirements: tuple[Requirement, ...]
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
        found = [Requirement("rules", text, parse(text)) for text in rules]
        shares = []
        for column, value in (condition or {}).items():
            if isinstance(value, Mapping):
                shares.append(Shares(column, tuple(value), tuple(map(float, value.values()))))
            else:
                found.append(_condition(column, _text(value)))
        for one in found:
            if isinstance(one.rule, Match):
                check_pattern(one.rule.pattern)
        if len(shares) > 1:
            raise Unfit("only one column can have shares")
        if shares and not 0 < sum(shares[0].shares) <= 1 + 1e-9:
            raise Unfit(f"the shares of {shares[0].column!r} have to add up to at most 1")
        return cls(tuple(found), shares[0] if shares else None)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, each once."""
        named = [name for one in self.requirements for name in columns_of(one.rule)]
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
        if self.shares is not None:
            for level in self.shares.levels:
                requirement = _condition(self.shares.column, level)
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
                raise _unfit(one, f"the values of {name!r} are made anew", remedy)
            if written[name].null_count == len(written[name]):
                raise _unfit(one, f"{name!r} holds only nulls")
        try:
            return float(one.holds(written, codecs).mean())
        except Unfit as why:
            raise _unfit(one, str(why)) from None

    def chosen(
        self,
        draw: Callable[[int, int], Drawn],
        rows: int,
        *,
        offset: int,
        codecs: Mapping[str, Codec],
    ) -> tuple[Drawn, int]:
        """Take rows of as many turns as it needs; return them, and how many were drawn.

        Args:
            draw: Draws so many rows of a turn, which are numbered from 0.
            rows: How many to take.
            offset: Number of the first of them in the whole result.
            codecs: How columns are spelled.

        Raises:
            InputError: ``unmet_rule`` or ``unmet_condition``: they would take too many draws.
        """
        wanted = np.zeros(rows, dtype=np.int64)
        if self.shares is not None:
            wanted = self.shares.wanted(rows, offset)
        quotas = np.bincount(wanted, minlength=len(self.shares.levels) + 1 if self.shares else 1)
        left = quotas.copy()
        met, turns, classes_taken = np.zeros_like(left), list[Drawn](), list[Ints]()
        counts = np.zeros(len(self.requirements), dtype=np.int64)
        size, drawn, most, widest = rows, 0, rows, rows
        while not turns or left.any():
            if drawn and drawn >= most:
                raise self._unmet(met, quotas, counts, drawn)
            found = draw(size, len(turns))
            if not turns:
                width = max(len(found.columns) + len(found.missing), 1)
                most = max(MAX_DRAWS * rows, MIN_CELLS // width)
                widest = max(rows, TURN_CELLS // width, TURN_ROWS)
            drawn += found.count
            keeps = np.ones(found.count, dtype=np.bool_)
            columns = _judged(found, self.columns)
            for place, one in enumerate(self.requirements):
                own = one.holds(columns, codecs)
                counts[place] += own.sum()
                keeps &= own
            classes = np.zeros(found.count, dtype=np.int64)
            if self.shares is not None:
                classes = self.shares.classes(columns)
            candidates = np.flatnonzero(keeps)
            met += np.bincount(classes[candidates], minlength=len(left))
            taken = candidates[_first(classes[candidates], left)]
            left = left - np.bincount(classes[taken], minlength=len(left))
            turns.append(found.take(taken))
            classes_taken.append(classes[taken])
            rate = (met + 0.5) / max(drawn, 1)
            needed = float(np.max(left / rate)) * 1.1
            size = int(min(max(math.ceil(needed), TURN_ROWS), widest))
        whole = Drawn.joined(turns)
        if self.shares is not None and not whole.owners:
            order = np.empty(rows, dtype=np.int64)
            order[np.argsort(wanted, kind="stable")] = np.argsort(
                np.concatenate(classes_taken), kind="stable"
            )
            whole = whole.take(order)
        return whole, drawn

    def _unmet(self, met: Ints, quotas: Ints, counts: Ints, drawn: int) -> InputError:
        """The error that names what the fewest rows have."""
        lacking = int(np.argmax(np.where(quotas > 0, quotas / (met + 0.5), 0)))
        if self.shares is not None and (not len(counts) or met.sum() >= quotas.sum()):
            level = self.shares.levels[lacking - 1] if lacking else "any other value"
            one, share = _condition(self.shares.column, level), met[lacking] / drawn
        else:
            least = int(np.argmin(counts))
            one, share = self.requirements[least], counts[least] / drawn
        remedy = f"Widen it, or leave it out of parameters.{one.parameter}."
        return InputError(
            f"Of {drawn:,} rows that were drawn, {met.sum():,} keep all rules and conditions, too "
            f"few for the result; the fewest, {_percent(share)}, keep {one.text!r}. {remedy}",
            code="unmet_rule" if one.parameter == "rules" else "unmet_condition",
            details={
                "rule": one.text,
                "share": float(share),
                "drawn": drawn,
                "remedy": remedy,
                "retryHelps": False,
            },
        )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _condition(column: str, level: str) -> Requirement:
    return Requirement("condition", f"{column} = {level}", Allowed(column, (level,)))


def _judged(drawn: Drawn, names: Sequence[str]) -> Columns:
    """The columns of these names; of one that is made anew, whether it has a value."""
    found = {name: drawn.columns[name] for name in names if name in drawn.columns}
    for name in names:
        if name not in found:
            flags = drawn.missing.get(name)
            mask = None if flags is None else flags.to_numpy(zero_copy_only=False)
            found[name] = pa.array(np.ones(drawn.count), mask=mask)
    return found


def _first(classes: Ints, left: Ints) -> Ints:
    """The places of the first rows of each class, as many as are left of it, in their order."""
    order = np.argsort(classes, kind="stable")
    sizes = np.bincount(classes, minlength=len(left))
    ranks = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[ranks < np.repeat(left, sizes)])


def _check_level(column: str, level: str, written: Mapping[str, pa.Array]) -> None:
    if _condition(column, level).holds(written, {}).any():
        return
    levels = written[column].unique().drop_null().slice(0, MAX_COMPARED).cast(pa.string())
    remedy = did_you_mean(level, levels.to_pylist()[:MAX_COMPARED])
    raise InputError(
        f"parameters.condition names {brief_repr(level)}, which no row has in column {column!r}. "
        f"{remedy}",
        code="unknown_level",
        details={"column": column, "value": level, "remedy": remedy, "retryHelps": False},
    )


def _unfit(one: Requirement, why: str, remedy: str = "") -> InputError:
    noun = "rule" if one.parameter == "rules" else "condition"
    remedy = remedy or f"Correct it, or leave it out of parameters.{one.parameter}."
    return InputError(
        f"The {noun} {one.text!r} cannot be kept: {why}. {remedy}",
        code=f"unfit_{noun}",
        details={noun: one.text, "remedy": remedy, "retryHelps": False},
    )
