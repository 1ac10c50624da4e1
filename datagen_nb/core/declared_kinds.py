"""Kinds of declared columns: the options of each, and what each option may be.

``core.declaration`` reads whole declarations; here is what can be said of one column by itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from datagen_nb.core.errors import Problem
from datagen_nb.core.quoting import brief_repr
from datagen_nb.core.rules import (
    TRUE_OR_FALSE,
    Rule,
    is_int,
    is_number,
    is_text,
    one_of,
    text,
    whole,
)

Options = Mapping[str, Any]
Check = Callable[[str, Options], Iterator[Problem]]
"""Finds what is wrong between the options of a column, each of which keeps its own rule."""

LOCALES = (
    *("en", "de", "fr", "es", "it", "nl", "pt", "pt-br", "pl", "cs", "sv", "da", "no", "fi"),
    *("hu", "tr", "hr", "ru", "uk", "el", "ar", "fa", "ko", "zh", "ja"),
)
"""Languages of names and places."""

DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {
    "uniform": ("min", "max"),
    "normal": ("mean", "sd"),
    "lognormal": ("mean", "sd"),
    "exponential": ("mean",),
    "poisson": ("mean",),
}
"""What each distribution takes."""

DATE_PARTS = ("%Y", "%y", "%m", "%-m", "%d", "%-d")
TIME_PARTS = ("%H", "%-H", "%M", "%S")
"""Directives of a format: those of ``strftime``; ``%-d`` has no zero in front."""

MARKS: Mapping[str, int] = {"#": 10, "?": 26, "^": 16}
"""What stands for a digit, a capital and a hexadecimal digit in a pattern; how many there are."""

MAX_VALUES = 10_000
MAX_TEXT = 1_000
MAX_NUMBER = 10**15
MAX_DECIMALS = 9
MAX_PER_KEY = 1_000
MAX_WORDS = 50

MAX_POISSON = 10**6
"""Largest mean of a Poisson distribution."""

MAX_SPREAD = 1_000
"""So many times its mean the standard deviation of a lognormal distribution may be."""

FAR = 6.0
"""So many standard deviations from its mean a distribution has nothing that could be drawn."""

_SUM = 1e-6
"""How far shares may be from adding up to 1."""


@dataclass(frozen=True, slots=True)
class DeclaredKind:
    """A kind of declared columns.

    Attributes:
        options: The rule of each option of its own.
        required: Those that have to be given.
        check: What has to hold between them.
        is_drawn: Whether its values are drawn, so that formulas can use them; others are made.
        can_be_unique: Whether ``unique`` can be asked of it.
    """

    options: Mapping[str, Rule] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    check: Check | None = None
    is_drawn: bool = False
    can_be_unique: bool = False


def number_of(value: Any) -> bool:
    """Whether it is a finite number that float64 counts exactly."""
    return is_number(value) and abs(value) <= MAX_NUMBER


_NUMBER = Rule(
    number_of, f"has to be a number up to {MAX_NUMBER:,}", "Give a number, as 12 or 0.5."
)
_POSITIVE = Rule(
    lambda value: number_of(value) and value > 0, "has to be a number above 0", "Give one, as 1.5."
)
SHARE = Rule(
    lambda value: is_number(value) and 0 <= value <= 1,
    "has to be a share from 0 to 1",
    "Give a share, as 0.05 for 5 %.",
)
NAME = text(200, empty=False, what="the name of a column")


def _is_scalar(value: Any) -> bool:
    return isinstance(value, bool) or number_of(value) or (is_text(value) and len(value) < MAX_TEXT)


def _is_values(value: Any) -> bool:
    if isinstance(value, Mapping):
        are_texts = all(is_text(key) and len(key) < MAX_TEXT for key in value)
        return are_texts and 1 <= len(value) <= MAX_VALUES
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_VALUES:
        return False
    if not all(map(_is_scalar, value)):
        return False
    families = {
        bool if isinstance(one, bool) else str if isinstance(one, str) else float for one in value
    }
    return len(families) == 1 and len(set(value)) == len(value)


_VALUES = Rule(
    _is_values,
    f"has to be a list of 1 to {MAX_VALUES:,} different texts or numbers, or to map texts to "
    "shares",
    "Write [small, large] or {open: 0.2, paid: 0.8}, with quotes around numbers and true or false "
    "before a colon.",
)
_SHARES = Rule(
    lambda value: isinstance(value, list | tuple) and all(map(SHARE.is_kept, value)),
    "has to be a list of shares from 0 to 1",
    "Give one for each of the values, as [0.2, 0.8].",
)
_SCALAR = Rule(
    _is_scalar, "has to be a text, a number, true or false", "Give the value of each row."
)
_PATTERN = Rule(
    lambda value: is_text(value) and 0 < len(value) <= 200 and any(map(value.count, MARKS)),
    "has to be a text of 1 to 200 characters with # for a digit, ? for a capital or ^ for a "
    "hexadecimal digit",
    'Write for example "ORD-######".',
)


def _is_count(value: Any) -> bool:
    if isinstance(value, Mapping):
        if set(value) != {"min", "max"} or not all(map(is_int, value.values())):
            return False
        return bool(1 <= value["min"] <= value["max"] <= MAX_PER_KEY)
    return is_number(value) and 1 <= value <= MAX_PER_KEY


_PER_KEY = Rule(
    _is_count,
    f"has to be how many rows a key has on average, 1 to {MAX_PER_KEY:,}, or their bounds",
    "Write 3 or {min: 1, max: 5}.",
)


def _is_words(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(map(is_int, value))
        and 1 <= value[0] <= value[1] <= MAX_WORDS
    )


_WORDS = Rule(
    _is_words,
    f"has to be the fewest and the most words, 1 to {MAX_WORDS}",
    "Write for example [4, 12].",
)


def _is_names(value: Any) -> bool:
    names = [value] if isinstance(value, str) else value
    return isinstance(names, list | tuple) and 1 <= len(names) <= 2 and all(map(is_text, names))


_NAMES = Rule(
    _is_names,
    "has to be a column of whole names, or a list of one of first and one of last names",
    "Write for example of: customer, or of: [first_name, last_name].",
)


def _parses(read: Callable[[str], object]) -> Callable[[Any], bool]:
    def is_read(value: Any) -> bool:
        try:
            read(value)
        except (TypeError, ValueError):
            return False
        return isinstance(value, str)

    return is_read


def _instant(value: str) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is not None:
        raise ValueError("it has a time zone")
    return found


def _clock(value: str) -> time:
    found = time.fromisoformat(value)
    if found.tzinfo is not None:
        raise ValueError("it has a time zone")
    return found


READERS: Mapping[str, Callable[[str], Any]] = {
    "date": date.fromisoformat,
    "datetime": _instant,
    "time": _clock,
}
"""What reads the bounds of each kind of dates and times."""

_BOUNDS = {
    "date": Rule(_parses(READERS["date"]), "has to be a day", "Write it as 2024-06-01."),
    "datetime": Rule(
        _parses(READERS["datetime"]),
        "has to be an instant without a time zone",
        "Write it as 2024-06-01T08:30.",
    ),
    "time": Rule(_parses(READERS["time"]), "has to be a time of day", "Write it as 08:30."),
}


def _format(*directives: str) -> Rule:
    def is_format(value: Any) -> bool:
        if not is_text(value) or len(value) > 100:
            return False
        found = re.findall(r"%(?:-?[A-Za-z]|.?)", value)
        return bool(found) and all(one in directives for one in found)

    return Rule(is_format, "has to be a text with", "Use of strftime", directives)


def _check_numbers(field: str, given: Options) -> Iterator[Problem]:
    distribution = distribution_of(given)
    wanted = DISTRIBUTIONS[distribution]
    for name in wanted:
        if name not in given:
            rule = f"is required for distribution {distribution}"
            yield Problem(f"{field}.{name}", "(missing)", rule, "Give a number.")
    for name in ("mean", "sd"):
        if name in given and name not in wanted:
            rule = f"is not for distribution {distribution}"
            remedy = "Leave it out, or choose another distribution."
            yield Problem(f"{field}.{name}", brief_repr(given[name]), rule, remedy)
    if "sd" in given and not _POSITIVE.is_kept(given["sd"]):
        yield _POSITIVE.problem(f"{field}.sd", given["sd"])
        return
    if distribution not in ("uniform", "normal") and "mean" in given and given["mean"] <= 0:
        yield _POSITIVE.problem(f"{field}.mean", given["mean"])
        return
    if distribution == "poisson" and given.get("mean", 0) > MAX_POISSON:
        rule, remedy = f"has to be at most {MAX_POISSON:,}", "Use distribution normal."
        yield Problem(f"{field}.mean", brief_repr(given["mean"]), rule, remedy)
        return
    if distribution == "lognormal" and given.get("sd", 0) > MAX_SPREAD * given.get("mean", 1):
        rule = f"has to be at most {MAX_SPREAD:,} times mean"
        yield Problem(f"{field}.sd", brief_repr(given["sd"]), rule, "Give a smaller one.")
        return
    yield from _check_range(field, given, distribution)


def _check_range(field: str, given: Options, distribution: str) -> Iterator[Problem]:
    low, high = given.get("min", -math.inf), given.get("max", math.inf)
    if low > high:
        rule = f"has to be at most max, {high:,}"
        yield Problem(f"{field}.min", brief_repr(low), rule, "Exchange them.")
        return
    digits = given.get("decimals", 0 if given.get("kind") == "integer" else None)
    if digits is not None and not _has_between(low, high, digits):
        rule = f"leaves no number of {digits} decimals from min to max"
        yield Problem(f"{field}.max", brief_repr(high), rule, "Widen the bounds.")
        return
    if any(name not in given for name in DISTRIBUTIONS[distribution]):
        return
    least, most = _reach(distribution, given.get("mean", 0.0), given.get("sd", 1.0))
    if distribution != "uniform" and (low > most or high < least):
        name = "min" if low > most else "max"
        rule = f"leaves nothing of a {distribution} distribution with this mean"
        remedy = "Move the bound, or change mean."
        yield Problem(f"{field}.{name}", brief_repr(given[name]), rule, remedy)


def _has_between(low: float, high: float, digits: int) -> bool:
    """Whether any number of so many digits after the point lies between two others."""
    if math.isinf(low) or math.isinf(high):
        return True
    return on_grid(low, digits, ROUND_CEILING) <= on_grid(high, digits, ROUND_FLOOR)


def on_grid(value: float, digits: int, rounding: str) -> float:
    """The nearest number of so many digits after the point, above or below as written.

    Example:
        >>> on_grid(0.07, 2, ROUND_CEILING)
        0.07
    """
    if math.isinf(value):
        return value
    return float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), rounding))


def _reach(distribution: str, mean: float, sd: float) -> tuple[float, float]:
    """Between what nearly all values of a distribution lie."""
    if distribution == "normal":
        return mean - FAR * sd, mean + FAR * sd
    if distribution == "lognormal":
        location, scale = log_scale(mean, sd)
        return math.exp(location - FAR * scale), math.exp(location + FAR * scale)
    if distribution == "exponential":
        return 0.0, 20 * mean
    width = FAR * math.sqrt(mean)
    return math.floor(mean - width), math.ceil(mean + width + FAR)


def log_scale(mean: float, sd: float) -> tuple[float, float]:
    """Mean and standard deviation of the logarithms of lognormal values that have these."""
    variance = math.log1p((sd / mean) ** 2)
    return math.log(mean) - variance / 2, math.sqrt(variance)


def distribution_of(given: Options) -> str:
    """The distribution of a column of numbers: that which is named, or follows from the rest."""
    return str(given.get("distribution", "normal" if {"mean", "sd"} & set(given) else "uniform"))


def _check_category(field: str, given: Options) -> Iterator[Problem]:
    values, shares = given["values"], given.get("shares")
    if isinstance(values, Mapping):
        for name, share in values.items():
            if not SHARE.is_kept(share):
                yield SHARE.problem(f"{field}.values.{name}", share)
                return
        if shares is not None:
            remedy = "Leave it out, or write values as a list."
            yield Problem(f"{field}.shares", brief_repr(shares), "is in values already", remedy)
            return
        yield from _check_sum(f"{field}.values", list(values.values()))
    elif shares is not None:
        if len(shares) != len(values):
            rule = f"has to have {len(values):,} shares, one for each of the values"
            yield Problem(f"{field}.shares", brief_repr(shares), rule, "Write one for each.")
            return
        yield from _check_sum(f"{field}.shares", list(shares))


def _check_sum(field: str, shares: list[float]) -> Iterator[Problem]:
    total = math.fsum(shares)
    if abs(total - 1) > _SUM:
        remedy = "Change them, or leave the shares out for equal ones."
        yield Problem(field, brief_repr(shares), f"has to add up to 1, not {total:g}", remedy)


def _check_dates(field: str, given: Options) -> Iterator[Problem]:
    read = READERS[given["kind"]]
    if read(given["from"]) > read(given["to"]):
        rule = f"has to be at most to, {given['to']}"
        yield Problem(f"{field}.from", brief_repr(given["from"]), rule, "Exchange them.")


def _dates(kind: str, *directives: str) -> DeclaredKind:
    bounds = {"from": _BOUNDS[kind], "to": _BOUNDS[kind]}
    return DeclaredKind(
        {**bounds, "format": _format(*directives)}, ("from", "to"), _check_dates, is_drawn=True
    )


def _check_id(field: str, given: Options) -> Iterator[Problem]:
    if "start" in given and "pattern" in given:
        remedy = "Leave one of them out."
        yield Problem(f"{field}.start", brief_repr(given["start"]), "is not for a pattern", remedy)


def _numbers(distributions: tuple[str, ...], **more: Rule) -> DeclaredKind:
    options = {"distribution": one_of(distributions), "mean": _NUMBER, "sd": _NUMBER}
    return DeclaredKind(
        {**options, "min": _NUMBER, "max": _NUMBER, **more},
        check=_check_numbers,
        is_drawn=True,
        can_be_unique=not more,
    )


_TEXT = DeclaredKind()
_UNIQUE_TEXT = DeclaredKind(can_be_unique=True)
_OF_NAMES = DeclaredKind({"of": _NAMES}, can_be_unique=True)
DECIMALS = whole(0, MAX_DECIMALS, "Give the digits after the point, as 2.")

DECLARED_KINDS: Mapping[str, DeclaredKind] = {
    "number": _numbers(
        tuple(name for name in DISTRIBUTIONS if name != "poisson"), decimals=DECIMALS
    ),
    "integer": _numbers(tuple(DISTRIBUTIONS)),
    "boolean": DeclaredKind({"share": SHARE}, is_drawn=True),
    "category": DeclaredKind(
        {"values": _VALUES, "shares": _SHARES}, ("values",), _check_category, is_drawn=True
    ),
    "constant": DeclaredKind({"value": _SCALAR}, ("value",), is_drawn=True),
    "date": _dates("date", *DATE_PARTS),
    "datetime": _dates("datetime", *DATE_PARTS, *TIME_PARTS),
    "time": _dates("time", *TIME_PARTS),
    "id": DeclaredKind(
        {
            "start": whole(0, 10**15, "Give the first number, as 1000."),
            "pattern": _PATTERN,
            "rows_per_key": _PER_KEY,
        },
        check=_check_id,
    ),
    "uuid": DeclaredKind({"rows_per_key": _PER_KEY}),
    "pattern": DeclaredKind({"pattern": _PATTERN}, ("pattern",), can_be_unique=True),
    "person": DeclaredKind({"of": _NAMES}),
    "first_name": _TEXT,
    "last_name": _TEXT,
    "email": _OF_NAMES,
    "username": _OF_NAMES,
    "phone": _UNIQUE_TEXT,
    "iban": _UNIQUE_TEXT,
    "company": _TEXT,
    "street": _TEXT,
    "city": _TEXT,
    "postcode": _TEXT,
    "country": _TEXT,
    "url": _TEXT,
    "ip": _TEXT,
    "text": DeclaredKind({"words": _WORDS}),
    "formula": DeclaredKind(
        {"formula": text(MAX_TEXT, empty=False, what="an expression"), "decimals": DECIMALS},
        ("formula",),
        is_drawn=True,
    ),
}
"""Every kind by its name; a column with a formula is of the kind ``formula``."""

COMMON: Mapping[str, Rule] = {
    "kind": one_of(DECLARED_KINDS),
    "nulls": SHARE,
    "unique": TRUE_OR_FALSE,
    "per": NAME,
}
"""Options of every kind."""
