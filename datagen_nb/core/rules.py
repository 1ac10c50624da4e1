"""Rules for fields: a test of the value, and the words of the problem when it fails."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datagen_nb.core.errors import MAX_PROBLEMS, Problem
from datagen_nb.core.quoting import brief_repr, did_you_mean
from datagen_nb.core.words import duration


@dataclass(frozen=True, slots=True)
class Rule:
    """What the values of a field have to be.

    Attributes:
        is_kept: Whether a value keeps the rule.
        requirement: What it has to be, as ``has to be …``.
        remedy: What to do.
        choices: Listed behind both when a problem is described; they may grow until then.
    """

    is_kept: Callable[[Any], bool]
    requirement: str
    remedy: str
    choices: Collection[str] = ()

    def problem(self, name: str, value: Any) -> Problem:
        """The problem of a value that breaks the rule."""
        return Problem(name, brief_repr(value), self._listed(self.requirement), self.instruction)

    @property
    def instruction(self) -> str:
        """The remedy as a sentence."""
        return f"{self._listed(self.remedy)}." if self.choices else self.remedy

    def _listed(self, words: str) -> str:
        return f"{words} {', '.join(self.choices)}" if self.choices else words


def is_int(value: Any) -> bool:
    """Whether it is a whole number; ``True`` is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether it is a number; NaN is none."""
    return is_int(value) or (isinstance(value, float) and value == value)


def is_text(value: Any) -> bool:
    """Whether it can be written as UTF-8: half of a surrogate pair cannot."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


TRUE_OR_FALSE = Rule(
    lambda value: isinstance(value, bool), "has to be true or false", "Write true."
)


def one_of(choices: Collection[str]) -> Rule:
    """The rule of a choice."""
    return Rule(
        lambda value: isinstance(value, str) and value in choices,
        "has to be one of",
        "Write one of",
        choices,
    )


def whole(low: int, high: int, remedy: str) -> Rule:
    """The rule of a whole number between two bounds, which it may have."""
    return Rule(
        lambda value: is_int(value) and low <= value <= high,
        f"has to be a whole number from {low:,} to {high:,}",
        remedy,
    )


def text(longest: int, *, empty: bool, what: str) -> Rule:
    """The rule of a text up to a length; ``what`` names it in messages."""
    least = 0 if empty else 1
    return Rule(
        lambda value: is_text(value) and least <= len(value) <= longest and "\0" not in value,
        f"has to be {what} of {least} to {longest:,} characters",
        f"Give {what}.",
    )


def text_rule(longest: int) -> Rule:
    """The rule of any text up to a length."""
    return text(longest, empty=True, what="a text")


def seconds(longest: int) -> Rule:
    """The rule of a time of 1 second or more."""
    return Rule(
        lambda value: is_number(value) and 1 <= value <= longest,
        f"has to be seconds from 1 to {longest:,} ({duration(longest)})",
        f"Give a number of seconds, at most {longest:,}.",
    )


def broken(name: str, value: Any, rule: Rule) -> Iterator[Problem]:
    """The problem of a value that breaks its rule."""
    if not rule.is_kept(value):
        yield rule.problem(name, value)


def unknown_names(
    prefix: str, given: Mapping[str, Any], known: Collection[str]
) -> Iterator[Problem]:
    """The problem of each name that is not known; the remedy is the nearest that is."""
    names = [name for name in given if name not in known]
    for number, name in enumerate(names):
        # Those that are only counted need no remedy, and a near name takes time to find.
        remedy = did_you_mean(str(name), known) if number < MAX_PROBLEMS else ""
        yield Problem(f"{prefix}{name}", brief_repr(given[name]), "is not known", remedy)
