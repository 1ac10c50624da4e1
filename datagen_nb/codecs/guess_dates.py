"""Which pattern the dates of a column have: all its values together decide what each part is.

Texts are grouped by their shape, as ``12 / 12 / 1234``. For a shape there are a few patterns, and
the one that reads the most values is meant: in ``07/13/2019`` the day can only be in the middle.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from datagen_nb.codecs.dates import DateSpelling
from datagen_nb.codecs.month_names import Calendar, find_calendar, halves, is_half, plain
from datagen_nb.codecs.patterns import DATES, ORDINALS, TIMES, split
from datagen_nb.codecs.rank_dates import best_spelling
from datagen_nb.codecs.vocabulary import WITHIN_DATES

_TOKEN = re.compile(
    r"(?i)[ap]\. ?m\.(?![^\W\d_])|\d{1,2}(?:st|nd|rd|th)\b|\d+"
    r"|[日月火水木金土]曜日?|[월화수목금토일]요일|[年月日時分秒년월일시분초]|[^\W\d_]+\.?|\s+|."
)
_SHORT = {"%A": "%a", "%B": "%b"}
_AFTER_NUMBERS = frozenset("年月日時分秒년월일시분초")
_NO_NAMES = frozenset({"am", "pm", "t", "z", "utc", "gmt"}) | WITHIN_DATES
_ZONE = re.compile(r"Z|UTC|GMT|[A-Z]{3,4}")
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})?$")
_LONGEST = 60

MAX_SHAPES = 8
"""Shapes that are tried, those of the most rows."""


def guess_date(
    texts: Sequence[str], weights: Sequence[int], name: str, like: DateSpelling | None = None
) -> DateSpelling | None:
    """The spelling of the commonest shape of some texts; ``None`` if they are no dates.

    Args:
        texts: Distinct texts, in the order of the column.
        weights: How many rows have each.
        name: Of the column.
        like: The spelling of most of the column, whose order of day and month is likelier.
    """
    tokens = [tuple(_TOKEN.findall(text)) if len(text) <= _LONGEST else () for text in texts]
    names = find_calendar(_words(tokens))
    groups: dict[tuple[str, ...], list[int]] = {}
    rows: Counter[tuple[str, ...]] = Counter()
    for place, of_text in enumerate(tokens):
        kinds = _kinds(of_text, names)
        groups.setdefault(kinds, []).append(place)
        rows[kinds] += weights[place]
    for kinds, _ in rows.most_common(MAX_SHAPES):
        places = groups[kinds]
        members = [tokens[place] for place in places]
        candidates = [
            _spelling(pattern, members, kinds, names, name)
            for pattern in _patterns(kinds, members, name)
        ]
        best = best_spelling(
            candidates,
            [texts[place] for place in places],
            [weights[place] for place in places],
            like,
        )
        if best is not None:
            return best
    return None


def _words(tokens: Sequence[tuple[str, ...]]) -> set[str]:
    words = {plain(token) for of_text in tokens for token in of_text if token[0].isalpha()}
    return words - _NO_NAMES


def _kinds(tokens: tuple[str, ...], names: Calendar) -> tuple[str, ...]:
    kinds = []
    has_month = False
    ends_at = _offset_at(tokens)
    for place, token in enumerate(tokens):
        if place >= ends_at:
            kinds.append(token)
        elif token.isdecimal() and token.isascii():
            kinds.append(f"%#{max(len(token), 2)}")
        elif token[0].isdecimal():
            kinds.append("%o" if token.lower() in ORDINALS else token)
        elif token in _AFTER_NUMBERS:
            kinds.append(token)
        elif plain(token) in names.weekdays and not (
            plain(token) in names.months and (has_month or not _has_month(tokens, names, place))
        ):
            kinds.append("%a")
        elif plain(token) in names.months:
            kinds.append("%b")
            has_month = True
        elif is_half(token):
            kinds.append("%p")
        else:
            kinds.append(token)
    return tuple(kinds)


def _has_month(tokens: tuple[str, ...], names: Calendar, but: int) -> bool:
    return any(plain(token) in names.months for at, token in enumerate(tokens) if at != but)


def _offset_at(tokens: tuple[str, ...]) -> int:
    """The place from which tokens are an offset from UTC, which is kept as it is written."""
    text = "".join(tokens)
    found = _OFFSET.search(text)
    if found is None or ":" not in text[: found.start()]:
        return len(tokens)
    at = 0
    for place, token in enumerate(tokens):
        if at == found.start():
            return place
        at += len(token)
    return len(tokens)


def _patterns(
    kinds: tuple[str, ...], members: Sequence[tuple[str, ...]], name: str
) -> list[list[str]]:
    """The patterns that a shape may have, the likelier first."""
    parts, clock = _with_time(kinds)
    zone_from = max(clock, default=0)
    for place, part in enumerate(parts):
        if part == "%":
            return []
        if not part[:1].isalpha():
            continue
        is_zone = (clock or "%#8" in parts) and place > zone_from and _ZONE.fullmatch(part)
        if not is_zone and part.lower() not in WITHIN_DATES:
            return []
    numbers = [place for place, part in enumerate(parts) if part.startswith("%#")]
    found = []
    for directives in _dates(parts, numbers, members, name, has_time=bool(clock)):
        pattern = list(parts)
        for place, directive in zip(numbers, directives, strict=True):
            pattern[place] = directive
        found.append(pattern)
    return found


def _with_time(kinds: tuple[str, ...]) -> tuple[list[str], list[int]]:
    """A shape with the parts of its time named, and where they are."""
    parts = list(kinds)
    clock: list[int] = []
    for place in range(len(parts) - 2):
        if parts[place : place + 3] == ["%#2", ":", "%#2"] and not clock:
            clock = [place, place + 2]
            if parts[place + 3 : place + 5] == [":", "%#2"]:
                clock.append(place + 4)
                if parts[place + 5 : place + 6] in (["."], [","]) and parts[
                    place + 6 : place + 7
                ] in ([f"%#{n}"] for n in range(2, 7)):
                    clock.append(place + 6)
    half = parts.index("%p") if "%p" in parts else None
    if half is not None and not clock:
        before = half - 1 if half and parts[half - 1] == "%#2" else half - 2
        clock = [before] if before >= 0 and parts[before] == "%#2" else []
    hour = "%H" if half is None else "%I"
    for place, directive in zip(clock, (hour, "%M", "%S", "%f"), strict=False):
        parts[place] = directive
    return parts, clock + ([half] if half is not None and clock else [])


_OF_WEEK: dict[tuple[int, ...], list[tuple[str, ...]]] = {
    (4, 2): [("%G", "%V")],
    (2, 4): [("%V", "%G")],
    (4, 2, 2): [("%G", "%V", "%u")],
}


def _dates(
    parts: list[str],
    numbers: list[int],
    members: Sequence[tuple[str, ...]],
    name: str,
    *,
    has_time: bool,
) -> list[tuple[str, ...]]:
    """What the numbers of a date may be, the likelier first."""
    lengths = [int(parts[place][2:]) for place in numbers]
    between = parts[numbers[0] + 1] if numbers and numbers[0] + 1 < len(parts) else ""
    words = {part.lower() for part in parts}
    if not numbers:
        return [()] if has_time ^ ("%b" in parts and "%o" in parts) else []
    if "q" in words:
        return _of_quarter(lengths, parts, numbers, members)
    if words & {"w", "week", "kw", "cw"}:
        return _OF_WEEK.get(tuple(lengths), [])
    if "%b" in parts:
        return _of_named_month(lengths, parts, numbers, members)
    match lengths:
        case [4, 2, 2]:
            return [("%Y", "%m", "%d"), ("%Y", "%d", "%m")]
        case [2, 2, 4] | [2, 2, 2]:
            year = "%Y" if lengths[2] == 4 else "%y"
            orders: list[tuple[str, ...]] = [("%m", "%d", year), ("%d", "%m", year)]
            if between != "/":
                orders.reverse()
            return orders if year == "%Y" else [*orders, ("%y", "%m", "%d")]
        case [4, 2] if between != "." or is_about_time(name):
            return [("%Y", "%m")]
        case [2, 4] if between != "." or is_about_time(name):
            return [("%m", "%Y")]
        case [2, 2] if between in "/-" and is_about_time(name):
            return [("%m", "%y")]
        case [4, 3] if is_about_time(name):
            return [("%Y", "%j")]
        case [8, 6] | [8, 4] | [8] if has_time or len(lengths) == 2:
            clock = {6: "%H%M%S", 4: "%H%M"}
            rest = [clock[length] for length in lengths[1:]]
            return [(day, *rest) for day in ("%Y%m%d", "%d%m%Y", "%m%d%Y")]
    return []


def _of_quarter(
    lengths: list[int], parts: list[str], numbers: list[int], members: Sequence[tuple[str, ...]]
) -> list[tuple[str, ...]]:
    if len(lengths) != 2:
        return []
    at = next(place for place, part in enumerate(parts) if part.lower() == "q")
    for quarter, year in ((numbers[0], numbers[1]), (numbers[1], numbers[0])):
        is_beside = abs(quarter - at) == 1 and all(len(member[quarter]) == 1 for member in members)
        if is_beside and parts[year] in {"%#4", "%#2"}:
            directive = "%Y" if parts[year] == "%#4" else "%y"
            return [("%q", directive) if quarter < year else (directive, "%q")]
    return []


_WITH_ORDINAL: dict[tuple[int, ...], list[tuple[str, ...]]] = {
    (4,): [("%Y",)],
    (2,): [("%y",)],
}


def _of_named_month(
    lengths: list[int], parts: list[str], numbers: list[int], members: Sequence[tuple[str, ...]]
) -> list[tuple[str, ...]]:
    month = parts.index("%b")
    if "%o" in parts:
        return _WITH_ORDINAL.get(tuple(lengths), [])
    match lengths:
        case [4]:
            return [("%Y",)]
        case [2]:
            values = {int(member[numbers[0]]) for member in members}
            is_year = (
                max(values) > 31
                or 0 in values
                or (numbers[0] > month and parts[month + 1] in {"-", "'", " '", "/"})
            )
            return [("%y",)] if is_year else [("%d",)]
        case [2, 4]:
            return [("%d", "%Y")]
        case [4, 2]:
            return [("%Y", "%d")]
        case [2, 2]:
            return [("%d", "%y"), ("%y", "%d")]
    return []


_TIME_NAME = re.compile(
    r"(?i)date|time|datum|zeit|fecha|jour|dato|data(?![a-z])|day|month|monat|mois|mes(?![a-z])|year"
    r"|period|week|hour|clock|stamp|when|created|updated|modified|birth|dob|born|expir|valid|since"
    r"|until|start|end(?!er)|begin|due|epoch|hhmm|yyyy|(^|[\W_])(ts|at|on|dt|exp|dep|arr)($|[\W_])"
)


def is_about_time(name: str) -> bool:
    """Whether a column's name suggests dates or times."""
    return _TIME_NAME.search(name) is not None


def _spelling(
    pattern: list[str],
    members: Sequence[tuple[str, ...]],
    kinds: tuple[str, ...],
    names: Calendar,
    name: str,
) -> DateSpelling:
    loose = {
        place
        for place, part in enumerate(pattern)
        if part in {"%d", "%m", "%H", "%I"} and any(len(member[place]) == 1 for member in members)
    }
    written = [
        part.replace("%", "%-") if place in loose else part for place, part in enumerate(pattern)
    ]
    shown = {
        part: {member[place] for member in members}
        for place, part in enumerate(pattern)
        if part in {"%b", "%a", "%p"}
    }
    digits = next((int(kinds[place][2:]) for place, part in enumerate(pattern) if part == "%f"), 0)
    if digits == 2:  # one digit has the shape of two
        digits = len(members[0][pattern.index("%f")])
    years = [
        int(member[place])
        for place, part in enumerate(pattern)
        if part == "%y"
        for member in members
    ]
    return DateSpelling(
        "".join(written),
        months=names.complete("months", shown["%b"]) if "%b" in shown else (),
        weekdays=names.complete("weekdays", shown["%a"]) if "%a" in shown else (),
        halves=halves(shown["%p"]) if "%p" in shown else ("AM", "PM"),
        first_year=first_year(years, name) if years else 1969,
        digits=digits,
    )


def first_year(years: Sequence[int], name: str) -> int:
    """The first of the hundred years that two digits stand for, so that a column has no gap.

    A column that begins at 60 and ends at 75 is of the twentieth century, one from 95 to 05 goes
    over into the next; births are in the past.
    """
    used = sorted({year % 100 for year in years})
    gaps = [
        ((after - before) % 100 or 100, after)
        for before, after in zip([used[-1], *used[:-1]], used, strict=True)
    ]
    _, first = max(gaps)
    last = first + (used[used.index(first) - 1] - first) % 100
    is_past = re.search(r"(?i)birth|born|dob|geb|naiss|nac", name) is not None
    latest = 2025 if is_past else 2050
    return (2000 if 2000 + last <= latest else 1900) + first


def spelling_of(pattern: str, texts: Sequence[str]) -> DateSpelling:
    """The spelling of a pattern that is given; ``%B`` and ``%A`` are names in full.

    Raises:
        ValueError: A directive that is not known.
    """
    names = find_calendar(_words([tuple(_TOKEN.findall(text)) for text in texts]))
    parts = [_SHORT.get(part, part) for part in split(pattern)]
    unknown = {part for part in parts if part.startswith("%")} - TIMES - DATES
    if unknown:
        raise ValueError(f"{pattern!r} has {min(unknown)}, which is not known")
    return DateSpelling(
        "".join(parts),
        months=names.lists["months"][2 if "%B" in pattern else 0] if "%b" in parts else (),
        weekdays=names.lists["weekdays"][2 if "%A" in pattern else 0] if "%a" in parts else (),
        digits=6 if "%f" in parts else 0,
    )
