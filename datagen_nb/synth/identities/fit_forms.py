"""Finds the forms of a column: its texts cut into runs of digits, words and other signs."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from datagen_nb.synth.identities.checked import scheme_of, without_check
from datagen_nb.synth.identities.forms import Form, Pattern
from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.segments import (
    MAX_DIGITS,
    Digits,
    Levels,
    Literal,
    Segment,
    Signs,
    all_digits,
    distinct_digits,
    drawn_digits,
    is_dense,
    up_to,
)
from datagen_nb.synth.identities.words import UNSPACED

MAX_FORMS = 24
"""Values of more forms than this have none."""

MIN_COVERED = 0.95
"""Share of the values that the forms must have, and that common texts must have in a place."""

AMPLE = 50
"""So many values of a form for each of the input's leave the choice of a new one free."""

ENOUGH = 3
"""With fewer values of a form for each of the input's, its numbers get a digit more."""

MAX_TEXTS = 20_000
"""Forms are found in so many values at most."""

MAX_LEVELS = 200
"""Common texts in one place at most."""

_RUNS = re.compile(rf"[0-9]{{1,{MAX_DIGITS}}}|[^\W\d_]+(?:[ '’][^\W\d_]+)*|.", re.DOTALL)
_TOKENS = re.compile(r"[^\W_]+|.", re.DOTALL)

CHANGING = 0.3
"""In random signs at least so many are followed by one of another kind: large, small, a digit."""

_CHANGES = re.compile(r"[a-z](?=[A-Z0-9])|[A-Z](?=[a-z0-9])|[0-9](?=[A-Za-z])")

MAX_SIGNS = 256
"""Signs of a code at most."""

MAX_OCTET = 255
"""The largest of the four numbers of an address of the Internet."""

Parts: TypeAlias = list[tuple[Segment, ...] | None]
"""The segments of each place of a form; none where no text may be drawn."""

MAX_CODED = 10
"""So many letters and digits are counted by an integer of 64 bits."""


def fit_pattern(
    texts: Sequence[str],
    *,
    known: KnownValues,
    distinct: int,
    is_unique: bool,
    is_integer: bool = False,
    min_count: int,
    seed: int,
) -> Pattern | None:
    """Find the forms of a column.

    Args:
        texts: Its values: distinct ones where values are to be distinct, those of rows else.
        known: Values that must not be made.
        distinct: Distinct values in the whole table.
        is_unique: Whether distinct numbers are to give distinct values.
        is_integer: Whether the texts are those of integers.
        min_count: So many texts must have what is kept of them.
        seed: Of the order of the made values.

    Returns:
        None if the values have no form, or too many.
    """
    texts = texts[:: len(texts) // MAX_TEXTS + 1]
    min_count = min(min_count, len(texts))
    scheme = "" if is_integer else scheme_of(pa.array(texts[:1000]))
    if scheme:
        texts = without_check(scheme, pa.array(texts)).to_pylist()
    for cut in (_runs, _runs_by_length, _tokens):
        groups = _groups(texts, cut, min_count, by_prefix=scheme == "iban")
        if groups is None:
            continue
        forms = []
        for runs in groups:
            share = len(runs)
            if is_integer and sum(map(len, runs[0])) > MAX_DIGITS:
                forms.append(Form(_long_integers(runs), share))
                continue
            needed = max(distinct * share // len(texts), 1) if is_unique else 0
            segments = _segments(runs, needed, min_count, is_integer=is_integer)
            if segments is None:
                break
            forms.append(Form(segments, share, scheme))
        else:
            return Pattern(tuple(forms), known, seed, is_unique, is_integer)
    if not is_integer and (tokens := _random_tokens(texts, min_count)):
        return Pattern(tokens, known, seed, is_unique)
    if is_integer:  # numbers of many lengths: new ones are as long as the longest
        width = max(len(text.lstrip("-")) for text in texts)
        widened = _widened([["9" * min(width, MAX_DIGITS)]], 1, distinct, is_integer=True)
        return Pattern((Form(widened, 1),), known, seed, is_unique, is_integer)
    return None


def _random_tokens(texts: Sequence[str], min_count: int) -> tuple[Form, ...]:
    """Forms of texts of random signs, as in Base64, by their lengths; none if they are others."""
    changing = [len(_CHANGES.findall(text)) / max(len(text) - 1, 1) for text in texts]
    if np.median(changing) < CHANGING or any(" " in text for text in texts):
        return ()
    by_length: dict[int, list[str]] = defaultdict(list)
    for text in texts:
        by_length[len(text)].append(text)
    common = sorted(by_length.values(), key=lambda one: (-len(one), len(one[0])))[:MAX_FORMS]
    forms = []
    for same in common:
        signs = _signs(same) if len(same) >= min_count else None
        if signs is not None:
            forms.append(Form(signs, len(same)))
    return tuple(forms)


Runs = list[str]
"""The runs of one text: digits, words or tokens, each preceded and followed by single signs."""


def _runs(text: str) -> tuple[str, Runs]:
    runs = _RUNS.findall(text)
    return "".join(map(_class, runs)), runs


def _runs_by_length(text: str) -> tuple[str, Runs]:
    runs = _RUNS.findall(text)
    return " ".join(f"{_class(run)}{len(run)}" for run in runs), runs


def _tokens(text: str) -> tuple[str, Runs]:
    runs = _TOKENS.findall(text)
    return " ".join(f"X{len(run)}" if run[0].isalnum() else run for run in runs), runs


def _class(run: str) -> str:
    if run[0] in "0123456789":
        return "9"
    return "A" if run[0].isalpha() else run


def _groups(
    texts: Sequence[str],
    cut: Callable[[str], tuple[str, Runs]],
    min_count: int,
    *,
    by_prefix: bool,
) -> list[list[Runs]] | None:
    """The runs of the texts of each form; none if there are too many forms."""
    found: dict[str, list[Runs]] = defaultdict(list)
    for text in texts:
        signature, runs = cut(text)
        key = f"{text[:2]} {len(text)} {signature}" if by_prefix else signature
        found[key].append(runs)
    common = [runs for _, runs in sorted(found.items()) if len(runs) >= min_count]
    is_covered = sum(map(len, common)) >= MIN_COVERED * len(texts)
    return common if is_covered and len(common) <= MAX_FORMS else None


def _segments(
    group: Sequence[Runs], needed: int, min_count: int, *, is_integer: bool
) -> tuple[Segment, ...] | None:
    """The segments of a form with room for new values; ``needed`` is 0 if they may repeat."""
    columns = [list(column) for column in zip(*group, strict=True)]
    octets = _octets(columns)
    if not needed:
        drawn = [_drawn(column, min_count) for column in columns]
        return _joined(_without_larger(drawn, octets))
    varies = [len(set(column)) > 1 for column in columns]
    # First within the ranges seen, then with all digits of what varies most, so that a year beside
    # a number stays one, then of all that varies, last of what does not.
    for is_open in ([False] * len(columns), varies, [True] * len(columns)):
        parts = [
            _distinct(column, min_count, needed, is_open=each)
            for column, each in zip(columns, is_open, strict=True)
        ]
        segments = _joined(_without_larger(parts, octets))
        if segments is None:
            return None
        if _room(segments) >= AMPLE * needed:
            return segments
        kept = None if any(is_open) or octets else _with_levels(columns, min_count)
        if kept is not None and _room(kept) >= AMPLE * needed:
            return kept
    if segments is not None and octets and _room(segments) >= ENOUGH * needed:
        return segments
    return _widened(columns, min_count, needed, is_integer=is_integer)


def _with_levels(columns: Sequence[list[str]], min_count: int) -> tuple[Segment, ...] | None:
    """The form with all digits of what varies most, and the common texts of all other places."""
    most = max(len(set(runs)) for runs in columns)
    parts: Parts = []
    for runs in columns:
        is_free = most > 1 and len(set(runs)) == most and _is_digits(runs)
        common = None if is_free else _common_texts(runs, min_count)
        if is_free and len(set(map(len, runs))) == 1:
            is_padded = any(run[0] == "0" for run in runs)
            parts.append((all_digits(len(runs[0]), is_padded=is_padded),))
        elif common is not None:
            parts.append((common,))
        else:
            return None
    return _joined(parts)


def _octets(columns: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """The places of the four numbers of an address of the Internet; none for another form."""
    places = (0, 2, 4, 6)
    has_points = [set(column) for column in columns[1:7:2]] == [{"."}] * 3
    has_fifth = len(columns) > 7 and columns[7][0] == "."
    if len(columns) < 7 or not has_points or has_fifth:
        return ()
    fit = (_is_digits(columns[at]) and max(map(int, columns[at])) <= MAX_OCTET for at in places)
    return places if all(fit) else ()


def _without_larger(parts: Parts, octets: Sequence[int]) -> Parts:
    """The parts; those of octets without numbers that none has."""
    return [
        tuple(up_to(one, MAX_OCTET) if isinstance(one, Digits) else one for one in part)
        if part and place in octets and not isinstance(part[0], Literal)
        else part
        for place, part in enumerate(parts)
    ]


def _long_integers(group: Sequence[Runs]) -> tuple[Segment, ...]:
    """Integers of 19 digits, all of which 64 bits hold."""
    leads = {runs[0][0] for runs in group} & set("12345678") or {"1"}
    return Signs(("".join(sorted(leads)),)), all_digits(MAX_DIGITS, is_padded=True)


def _joined(parts: Sequence[tuple[Segment, ...] | None]) -> tuple[Segment, ...] | None:
    joined: list[Segment] = []
    for part in parts:
        if part is None:
            return None
        for segment in part:
            if isinstance(segment, Literal) and joined and isinstance(joined[-1], Literal):
                joined[-1] = Literal(joined[-1].text + segment.text)
            else:
                joined.append(segment)
    return tuple(joined)


def _room(segments: Sequence[Segment]) -> int:
    return Form(tuple(segments), 1).size


def _common_texts(runs: Sequence[str], min_count: int) -> Segment | None:
    """The common texts of a place, if nearly all are common."""
    counts = Counter(runs)
    if len(counts) == 1:
        return Literal(runs[0])
    common = Counter({text: count for text, count in counts.items() if count >= min_count})
    is_covered = sum(common.values()) >= MIN_COVERED * len(runs)
    return Levels.of(common) if is_covered and len(common) <= MAX_LEVELS else None


def _signs(runs: Sequence[str]) -> tuple[Segment, ...] | None:
    """Signs at their places, for codes; words of several lengths have no such form."""
    length = len(runs[0])
    is_code = length <= MAX_SIGNS and all(len(run) == length and " " not in run for run in runs)
    if not is_code or any(map(UNSPACED.search, runs)):
        return None
    return tuple(
        Signs.of([run[place : place + MAX_CODED] for run in runs])
        for place in range(0, length, MAX_CODED)
    )


def _drawn(runs: Sequence[str], min_count: int) -> tuple[Segment, ...] | None:
    common = _common_texts(runs, min_count)
    if common is not None:
        return (common,)
    if not _is_digits(runs):
        return _signs(runs)
    place = _cut(runs, min_count)
    if not place:
        return (drawn_digits(runs, min_count=min_count),)
    front = _common_texts([run[:place] for run in runs], min_count)
    rest = _drawn([run[place:] for run in runs], min_count)
    return None if front is None or rest is None else (front, *rest)


def _cut(runs: Sequence[str], min_count: int) -> int:
    """Where digits of one width fall into two parts, such as a state and a county; 0 for nowhere.

    There are far fewer pairs of two such parts than numbers of the width.
    """
    width = len(runs[0])
    if any(len(run) != width for run in runs):
        return 0
    least, best = 0.7 * _support(runs), 0
    for place in range(1, width):
        fronts, rests = {run[:place] for run in runs}, [run[place:] for run in runs]
        pairs = len(fronts) * _support(rests)
        is_common = _common_texts([run[:place] for run in runs], min_count) is not None
        if is_common and pairs < least:
            least, best = pairs, place
    return best


def _support(runs: Sequence[str]) -> int:
    numbers = np.array([int(run) for run in runs], dtype=np.int64)
    if is_dense(numbers):
        return int(np.ptp(numbers)) + 1
    return int(10 ** len(runs[0]))


def _distinct(
    runs: Sequence[str], min_count: int, needed: int, *, is_open: bool
) -> tuple[Segment, ...] | None:
    """A part of a value that tells values apart; an open one keeps no digits in common."""
    is_digits = _is_digits(runs)
    common = _common_texts(runs, min_count)
    if common is not None and not (is_digits and is_open and isinstance(common, Levels)):
        return (common,)
    if not is_digits:
        return _signs(runs)
    front = 0 if is_open else _shared_front(runs)
    digits = distinct_digits(
        [run[front:] for run in runs], least=AMPLE * needed, min_count=min_count
    )
    return (Literal(runs[0][:front]), digits) if front else (digits,)


def _shared_front(runs: Sequence[str]) -> int:
    """How many digits all runs have in common in front, if they have the same length."""
    low, high = min(runs), max(runs)
    if len(set(map(len, runs))) > 1:
        return 0
    return next(place for place in range(len(low)) if low[place] != high[place])


def _widened(
    columns: Sequence[list[str]], min_count: int, needed: int, *, is_integer: bool
) -> tuple[Segment, ...]:
    """The form with all numbers of its width, and a digit more if that leaves too few."""
    for more, keeps in ((0, True), (0, False), (1, False), (2, False)):
        parts: list[tuple[Segment, ...] | None] = []
        last = max((place for place, runs in enumerate(columns) if _is_digits(runs)), default=-1)
        for place, runs in enumerate(columns):
            if not _is_digits(runs):
                parts.append(_distinct(runs, min_count, needed, is_open=True))
                continue
            if keeps and len(set(runs)) == 1:
                parts.append((Literal(runs[0]),))
                continue
            width = max(map(len, runs)) + (more if place == last else 0)
            is_padded = not is_integer and any(run[0] == "0" for run in runs)
            parts.append((all_digits(min(width, MAX_DIGITS), is_padded=is_padded),))
        segments = _joined(parts) or ()
        if last >= 0 and _room(segments) >= (AMPLE if keeps else ENOUGH) * needed:
            return segments
    return (*segments, Literal("-"), all_digits(6, is_padded=True))


def _is_digits(runs: Sequence[str]) -> bool:
    return _class(runs[0]) == "9" and all(map(str.isdecimal, runs))
