"""Names of months and weekdays, as the Unicode CLDR has them (by Babel), in a column's own way.

A column writes ``jul``, ``JUL`` or ``Jul.``: the names it shows are kept as they are, and those
of other months are written alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from babel import Locale

LOCALES = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "sk", "hu", "ro",
    "tr", "ru", "uk", "bg", "el", "hr", "sl", "sr", "lt", "lv", "et", "id", "he", "ar",
    "fa", "zh", "ja", "ko",
)  # fmt: skip
"""Tried in this order: a language with the words of a column is used."""

_MORE_ENGLISH = {"sept": 8, "tues": 1, "thur": 3, "thurs": 3, "weds": 2}
_HALVES = (("am", "pm"), ("a.m.", "p.m."), ("a. m.", "p. m."), ("a", "p"))


@dataclass(frozen=True, slots=True)
class Calendar:
    """The names of one language: all in lower case, without a point at their end.

    Attributes:
        months: The number of each, from 0; a name may be written in several ways.
        weekdays: The same of weekdays, Monday being 0.
        lists: The names of each width, to write those that a column does not show.
    """

    months: dict[str, int]
    weekdays: dict[str, int]
    lists: dict[str, tuple[tuple[str, ...], ...]]

    def complete(self, what: str, shown: Iterable[str]) -> tuple[str, ...]:
        """All months' (or weekdays') names, as shown where they are."""
        numbers = self.months if what == "months" else self.weekdays
        own = {numbers[plain(text)]: text for text in shown}
        names = max(self.lists[what], key=lambda names: _alike(names, own))
        style = _style(own)
        return tuple(own.get(number) or style(name) for number, name in enumerate(names))


def plain(word: str) -> str:
    """A name as it is looked up."""
    return word.lower().rstrip(".")


@cache
def calendar(locale: str) -> Calendar:
    """The names of a language."""
    names = Locale.parse(locale)
    lists: dict[str, tuple[tuple[str, ...], ...]] = {}
    numbers: dict[str, dict[str, int]] = {}
    for what, source, keys in (
        ("months", names.months, range(1, 13)),
        ("weekdays", names.days, range(7)),
    ):
        lists[what] = tuple(
            tuple(str(source[context][width][key]) for key in keys)
            for width in ("abbreviated", "wide")
            for context in ("format", "stand-alone")
        )
        numbers[what] = {
            plain(name): number for each in lists[what] for number, name in enumerate(each)
        }
    if locale == "en":
        numbers["months"] |= {"sept": 8}
        numbers["weekdays"] |= {
            word: number for word, number in _MORE_ENGLISH.items() if word != "sept"
        }
    return Calendar(numbers["months"], numbers["weekdays"], lists)


def find_calendar(words: Iterable[str]) -> Calendar:
    """The language that knows the most of some words; English if none knows more."""
    known = {plain(word) for word in words}
    best, most = calendar("en"), -1
    for locale in LOCALES:
        names = calendar(locale)
        count = len(known & (names.months.keys() | names.weekdays.keys()))
        if count > most:
            best, most = names, count
        if count == len(known):
            break
    return best


def _alike(names: tuple[str, ...], own: dict[int, str]) -> int:
    return sum(plain(names[number]) == plain(text) for number, text in own.items())


def _style(own: dict[int, str]) -> Callable[[str], str]:
    texts = list(own.values())
    case: Callable[[str], str] = str
    if all(text.isupper() for text in texts):
        case = str.upper
    elif all(text.islower() for text in texts):
        case = str.lower
    elif all(text[:1].isupper() for text in texts):
        case = str.capitalize
    if any(text.endswith(".") for text in texts):
        return lambda name: case(name.rstrip(".")) + "."
    return lambda name: case(name.rstrip("."))


def is_half(word: str) -> bool:
    """Whether a word is a half of the day."""
    return any(word.lower() in pair for pair in _HALVES)


def halves(shown: Iterable[str]) -> tuple[str, str]:
    """Both halves of the day, written as those shown."""
    some = next(iter(shown))
    pair = next(pair for pair in _HALVES if some.lower() in pair)
    before, after = (half.upper() if some.isupper() else half for half in pair)
    if some[0].isupper() and not some.isupper():
        before, after = before.capitalize(), after.capitalize()
    return before, after
