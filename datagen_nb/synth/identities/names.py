"""Names of persons, by language, from the data of the library mimesis.

They are read as lists, since its providers make one value a call. Imported only where a column of
names is found.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_LATIN = (
    *("en", "de", "fr", "es", "it", "nl", "pt", "pt-br", "pl", "cs", "sv", "da", "no", "fi"),
    *("hu", "tr", "hr"),
)
LOCALES: Mapping[str, tuple[str, ...]] = {
    "LATIN": _LATIN,
    "CYRILLIC": ("ru", "uk"),
    "GREEK": ("el",),
    "ARABIC": ("ar", "fa"),
    "HANGUL": ("ko",),
    "CJK": ("zh", "ja"),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
}
"""The languages of each script, the likelier first."""

CLEARLY = 0.1
"""So much more of the words are names of another language than the likeliest of the script."""

UNSPACED_SCRIPTS = frozenset({"CJK", "HIRAGANA", "HANGUL"})
"""The family name comes first, without a space."""


@dataclass(frozen=True)
class NameLists:
    """Given and family names of one language, in order."""

    given: tuple[str, ...]
    family: tuple[str, ...]

    def __contains__(self, word: str) -> bool:
        return word in self._all

    @property
    def _all(self) -> frozenset[str]:
        return _lowered(self)


@lru_cache(maxsize=32)
def _lowered(lists: NameLists) -> frozenset[str]:
    return frozenset(name.lower() for name in (*lists.given, *lists.family))


@lru_cache(maxsize=32)
def names_of(locale: str) -> NameLists:
    """The names of a language; one without data has those of English."""
    file = files("mimesis.datasets") / locale / "person.json"
    try:
        data = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return names_of("en")
    return NameLists(_flat(data["names"]), _flat(data["surnames"]))


@lru_cache(maxsize=8)
def all_names(script: str) -> NameLists:
    """The names of all languages of a script."""
    lists = [names_of(locale) for locale in LOCALES.get(script, _LATIN)]
    given = {name for one in lists for name in one.given}
    return NameLists(
        tuple(sorted(given)), tuple(sorted({name for one in lists for name in one.family} - given))
    )


def _flat(names: Mapping[str, Sequence[str]] | Sequence[str]) -> tuple[str, ...]:
    lists = names.values() if isinstance(names, Mapping) else [names]
    # What has a space or a bracket is a note of the data, or several names.
    return tuple(sorted({name for one in lists for name in one if name.isalpha()}))


def script_of(texts: Sequence[str]) -> str:
    """The script of most letters, by its name in Unicode."""
    letters = Counter(sign for text in texts[:500] for sign in text if sign.isalpha())
    scripts: Counter[str] = Counter()
    for sign, count in letters.items():
        scripts[unicodedata.name(sign, "LATIN").split()[0]] += count
    if scripts["HIRAGANA"] + scripts["KATAKANA"] > 0.1 * scripts.total():
        return "HIRAGANA"
    return scripts.most_common(1)[0][0] if scripts else "LATIN"


def language_of(words: Sequence[str], script: str) -> tuple[NameLists, float]:
    """The language whose names most words are, and the share of those words.

    It is the likeliest of the script unless another has clearly more: the lists of French have
    the commonest names of English too.
    """
    some = [word.lower() for word in words[:2_000]]
    locales = LOCALES.get(script, _LATIN)
    shares = {
        locale: sum(_has_name(word, names_of(locale), script) for word in some) / max(len(some), 1)
        for locale in locales
    }
    best = max(locales, key=shares.__getitem__)
    if shares[best] < shares[locales[0]] + CLEARLY:
        best = locales[0]
    return names_of(best), shares[best]


def _has_name(word: str, lists: NameLists, script: str) -> bool:
    """Whether a word is a name, or begins with a family name where names have no space."""
    if script in UNSPACED_SCRIPTS:
        return any(word[:length] in lists for length in (1, 2, 3))
    return word in lists
