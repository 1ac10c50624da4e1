"""The parts of a date or time: how each is found in a text, and how it is written.

A pattern is written with the directives of ``strptime``, and some more: ``%-d`` without a zero in
front (also ``%-m``, ``%-H``, ``%-I``), ``%o`` a day as ``3rd``, ``%q`` the quarter. ``%b`` is a
month's name in whatever words the spelling has, ``%a`` a weekday's, ``%p`` the half of the day.
"""

from __future__ import annotations

import re
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs.codec import DAY, Numbers, table

WIDTHS = {
    "%Y": 4, "%y": 2, "%m": 2, "%d": 2, "%H": 2, "%I": 2, "%M": 2, "%S": 2, "%q": 1, "%G": 4,
    "%V": 2, "%u": 1, "%j": 3,
}  # fmt: skip
"""Digits of the parts that always have the same number."""

_LOOSE = {"%-d", "%-m", "%-H", "%-I"}
_NAMES = {"%b", "%a", "%p", "%o"}
TIMES = {"%H", "%-H", "%I", "%-I", "%M", "%S", "%f", "%p"}
DATES = {"%Y", "%y", "%m", "%-m", "%d", "%-d", "%b", "%o", "%q", "%G", "%V", "%u", "%j", "%a"}

ORDINALS = tuple(
    f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
    for day in range(1, 32)
)
_TWO = tuple(f"{number:02d}" for number in range(100))
_ONE = tuple(str(number) for number in range(100))

DEFAULT_YEAR = 2000
"""Of a date that has none: a leap year."""


def split(pattern: str) -> list[str]:
    """A pattern as its directives and the texts between them."""
    return [part for part in re.split(r"(%-?[A-Za-z])", pattern) if part]


def fields_of(texts: pa.Array, parts: list[str], words: dict[str, tuple[str, ...]], digits: int
    ) -> tuple[dict[str, Numbers], npt.NDArray[np.bool_]]:  # fmt: skip
    """The number of each part in texts, and which texts have all of them."""
    expressions = [_expression(part, words, digits) for part in parts]
    pattern = "^" + "".join(expressions) + "$"
    matches = pc.match_substring_regex(texts, pattern)
    fits = matches.to_numpy(zero_copy_only=False)
    if not fits.any():
        return {}, fits
    found = texts if fits.all() else texts.filter(matches)
    fields: dict[str, Numbers] = {}
    for part, field in zip(
        (part for part in parts if part.startswith("%")),
        _cut(found, parts, pattern, digits),
        strict=True,
    ):
        numbers = np.zeros(len(texts), np.int64)
        numbers[fits] = _number(part, field, words)
        fields[part] = numbers
    return fields, fits


def _expression(part: str, words: dict[str, tuple[str, ...]], digits: int) -> str:
    if not part.startswith("%"):
        return re.escape(part)
    if part in WIDTHS:
        return f"([0-9]{{{WIDTHS[part]}}})"
    if part == "%f":
        return f"([0-9]{{{digits}}})"
    if part in _LOOSE:
        return "([0-9]{1,2})"
    longest_first = sorted(set(words[part]), key=len, reverse=True)
    return "(" + "|".join(map(re.escape, longest_first)) + ")"


def _cut(texts: pa.Array, parts: list[str], pattern: str, digits: int) -> list[pa.Array]:
    """The text of each part: by its place where all places are fixed, which is far faster."""
    widths = WIDTHS | {"%f": digits}
    if all(part in widths or not part.startswith("%") for part in parts):
        cuts, at = [], 0
        for part in parts:
            width = widths.get(part, len(part))
            if part.startswith("%"):
                cuts.append(pc.utf8_slice_codeunits(texts, at, at + width))
            at += width
        return cuts
    groups = iter(range(len(parts)))
    named = re.sub(r"(?<!\\)\((?!\?)", lambda _: f"(?P<f{next(groups)}>", pattern)
    return cast("list[pa.Array]", pc.extract_regex(texts, named).flatten())


def _number(part: str, field: pa.Array, words: dict[str, tuple[str, ...]]) -> Numbers:
    if part in _NAMES:
        place = pc.index_in(field, value_set=pa.array(words[part], pa.string()))
        return cast("Numbers", pc.fill_null(place, 0).cast(pa.int64()).to_numpy())
    return cast("Numbers", field.cast(pa.int64()).to_numpy())


def days_of(fields: dict[str, Numbers], first_year: int) -> Numbers:
    """Days since 1970 of the parts of dates; parts that are out of range go over to the next."""
    if "%G" in fields:
        fourth = _start_of_year(fields["%G"]) + 3  # 4 January is always in week 1
        first = fourth - _weekday(fourth) + 7 * (fields["%V"] - 1)
        return np.asarray(first + _first(fields, "%u", default=1) - 1)
    year = _first(fields, "%Y", default=DEFAULT_YEAR)
    if "%y" in fields:
        year = first_year + (fields["%y"] - first_year) % 100
    if "%j" in fields:
        return _start_of_year(year) + fields["%j"] - 1
    month = _first(fields, "%m", "%-m", default=1)
    if "%b" in fields:
        month = fields["%b"] + 1
    if "%q" in fields:
        month = 3 * fields["%q"] - 2
    day = _first(fields, "%d", "%-d", default=1)
    if "%o" in fields:
        day = fields["%o"] + 1
    months = np.asarray((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64) + day - 1


def microseconds_of(fields: dict[str, Numbers], digits: int) -> Numbers:
    """Microseconds since midnight of the parts of times."""
    hour = _first(fields, "%H", "%-H", default=0)
    if "%p" in fields:
        hour = _first(fields, "%I", "%-I", default=0) % 12 + 12 * fields["%p"]
    seconds = hour * 3_600 + fields.get("%M", 0) * 60 + fields.get("%S", 0)
    fraction = fields.get("%f", np.int64(0)) * 10 ** (6 - digits)
    return np.asarray(seconds * 1_000_000 + fraction)


def _first(fields: dict[str, Numbers], *names: str, default: int) -> Numbers:
    return next((fields[name] for name in names if name in fields), np.asarray(default))


def _start_of_year(year: Numbers) -> Numbers:
    years = np.asarray(year - 1970).astype("datetime64[Y]")
    return years.astype("datetime64[D]").astype(np.int64)


def _weekday(days: Numbers) -> Numbers:
    return (days + 3) % 7  # 0 is Monday; 1970 began on a Thursday


class Calendar:
    """The parts of instants, which are microseconds since 1970."""

    def __init__(self, instants: Numbers) -> None:
        self.days, self.within = np.divmod(instants, DAY)
        dates = self.days.astype("datetime64[D]")
        months = dates.astype("datetime64[M]")
        since = months.astype(np.int64)
        self.year, self.month = since // 12 + 1970, since % 12
        self.day = (dates - months.astype("datetime64[D]")).astype(np.int64)

    def text(self, part: str, words: dict[str, tuple[str, ...]], digits: int) -> pa.Array:
        """A part of each instant as it is written."""
        match part:
            case "%Y":
                return _years(self.year)
            case "%y":
                return table(_TWO, self.year % 100)
            case "%m" | "%-m":
                return table(_TWO if part == "%m" else _ONE, self.month + 1)
            case "%b":
                return table(words[part], self.month)
            case "%d" | "%-d":
                return table(_TWO if part == "%d" else _ONE, self.day + 1)
            case "%o":
                return table(ORDINALS, self.day)
            case "%a":
                return table(words[part], _weekday(self.days))
            case "%q":
                return table(_ONE, self.month // 3 + 1)
            case "%j":
                return table(
                    tuple(f"{n:03d}" for n in range(367)),
                    self.days - _start_of_year(self.year) + 1,
                )
            case "%G" | "%V" | "%u":
                return self._of_week(part)
        return self._of_day(part, words, digits)

    def _of_week(self, part: str) -> pa.Array:
        weekday = _weekday(self.days)
        if part == "%u":
            return table(_ONE, weekday + 1)
        thursday = self.days - weekday + 3
        year = thursday.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        if part == "%G":
            return _years(year)
        return table(_TWO, (thursday - _start_of_year(year)) // 7 + 1)

    def _of_day(self, part: str, words: dict[str, tuple[str, ...]], digits: int) -> pa.Array:
        hour = self.within // 3_600_000_000
        match part:
            case "%H" | "%-H":
                return table(_TWO if part == "%H" else _ONE, hour)
            case "%I" | "%-I":
                return table(_TWO if part == "%I" else _ONE, (hour + 11) % 12 + 1)
            case "%p":
                return table(words[part], hour // 12)
            case "%M":
                return table(_TWO, self.within // 60_000_000 % 60)
            case "%S":
                return table(_TWO, self.within // 1_000_000 % 60)
        fraction = self.within % 1_000_000 // 10 ** (6 - digits)
        return pc.utf8_lpad(pa.array(fraction).cast(pa.string()), digits, "0")


def _years(years: Numbers) -> pa.Array:
    if not len(years):
        return pa.array([], pa.string())
    first, last = int(years.min()), int(years.max())
    return table([f"{year:04d}" for year in range(first, last + 1)], years - first)
