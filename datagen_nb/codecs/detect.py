"""Whether a column has a codec, and which.

A few thousand distinct values propose it, all of the column confirm it. Texts that fit no
spelling are odd entries if they are few: the usual words for a missing value, and others that
repeat; an odd text of fewer than ``MIN_ODD_ROWS`` rows is not kept and becomes a null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs.booleans import guess_boolean
from datagen_nb.codecs.codec import Codec, TextCodec, spell
from datagen_nb.codecs.counts import Counts, count
from datagen_nb.codecs.dates import DateSpelling
from datagen_nb.codecs.digits import IntegerCodec, guess_digits, padded
from datagen_nb.codecs.guess_dates import guess_date, spelling_of
from datagen_nb.codecs.guess_numbers import are_numbers, guess_number, scales
from datagen_nb.codecs.patterns import WIDTHS, split

HEAD = 3_000
"""Distinct values that propose a codec."""

MAX_SPELLINGS = 24
MAX_ODD = 20
MAX_ODD_SHARE = 0.2
"""Of the rows, not counting the usual words for a missing value."""

MIN_ODD_ROWS = 5
_RARE = 0.01
_LENIENT_SHARE = 0.5

_ZEROS_IN_FRONT = re.compile(r"-?0\d+")
"""Of a code, not of a number."""

_NO_DIGITS = frozenset(
    [digit * width for digit in "09" for width in range(1, 19)] + ["2400", "240000"]
)
"""Numbers that stand for no date or time among those that do, or for midnight."""


@dataclass(frozen=True)
class Written:
    """A column as it is written, for which a codec is looked for.

    Attributes:
        name: Its name; it helps where the values alone do not decide.
        column: Texts, integers, or floats that are all whole. Others need no codec.
        is_wanted: Whether the user says of which kind it is: then up to half of the values may be
            odd entries.
        pattern: How dates are written, as ``%d/%m/%Y``; then nothing is guessed.
    """

    name: str
    column: pa.ChunkedArray
    is_wanted: bool = False
    pattern: str | None = None

    @property
    def is_text(self) -> bool:
        """Whether its values are texts."""
        return bool(
            pa.types.is_string(self.column.type) or pa.types.is_large_string(self.column.type)
        )

    @property
    def max_odd_share(self) -> float:
        """Share of the rows that may be odd entries."""
        return _LENIENT_SHARE if self.is_wanted else MAX_ODD_SHARE

    @cached_property
    def counts(self) -> Counts:
        """Its distinct texts, but for the usual words for a missing value."""
        return self._all.of(~self._all.are_missing())

    @cached_property
    def missing(self) -> Counts:
        """The usual words for a missing value that it has."""
        return self._all.of(self._all.are_missing())

    @cached_property
    def head(self) -> tuple[list[str], list[int]]:
        """Some distinct texts, and how many rows have each."""
        head = self.counts.head(HEAD)
        return head.texts.to_pylist(), head.rows.tolist()

    @cached_property
    def _all(self) -> Counts:
        return count(self.column)


def booleans(column: Written) -> Codec | None:
    """The codec of truth values in words; ``None`` for a column that has none."""
    if not column.is_text:
        return None
    texts = column.head[0]
    found = guess_boolean(texts) if len(texts) == 2 else None
    return None if found is None else _of_texts(column, (found,), max_odd_share=0)


def dates(column: Written) -> Codec | None:
    """The codec of dates, instants and times of day, in words, in digits or as integers."""
    if not column.is_text:
        return _of_integers(column) if _is_whole(column.column) else None
    if column.pattern and len(column.counts):
        spellings: tuple[Any, ...] = (chosen_spelling(column.pattern, column.counts),)
    else:
        spellings = _dates(*column.head, column.name)
    return _of_texts(column, spellings, max_odd_share=column.max_odd_share)


def numbers(column: Written) -> Codec | None:
    """The codec of numbers with their signs and units.

    Example:
        >>> codec = numbers(Written("paid", pa.chunked_array([["$1,234.50", "$99.00", "n.a."]])))
        >>> codec.parse(pa.chunked_array([["$12.00"]])).values.to_pylist()
        [12.0]
    """
    if not column.is_text:
        return None
    spellings = _numbers(*column.head, column.name)
    return _of_texts(column, spellings, max_odd_share=column.max_odd_share, is_code=_ZEROS_IN_FRONT)


def _of_texts(
    column: Written,
    spellings: tuple[Any, ...],
    *,
    max_odd_share: float,
    is_code: re.Pattern[str] | None = None,
) -> Codec | None:
    """The codec of spellings; an odd text that matches ``is_code`` shows that there is none."""
    if not spellings or len(column.counts) < 2:
        return None
    codec = TextCodec(spellings, (), _unit(spellings), str(column.column.type))
    odd = _odd(codec, column.counts, max_odd_share, is_code)
    if odd is None:
        return None
    return replace(codec, odd=(odd + column.missing).commonest())


def chosen_spelling(pattern: str, counts: Counts) -> DateSpelling:
    """The spelling of a pattern that a user chose.

    As for ``strptime``, ``%d`` also stands for a day without a zero in front, and so do ``%m``,
    ``%H`` and ``%I``, if more of the texts are written so.

    Raises:
        ValueError: A directive that is not known.
    """
    head = counts.head(HEAD).texts
    strict, loose = (
        spelling_of(one, head.to_pylist())
        for one in (pattern, re.sub(r"%([dmHI])", r"%-\1", pattern))
    )
    fitting = [int(counts.rows[spell(one, counts.texts)[1]].sum()) for one in (strict, loose)]
    return loose if fitting[1] > fitting[0] else strict


def _of_integers(column: Written) -> Codec | None:
    type = str(column.column.type)
    values = column.column.cast(pa.int64())
    if column.pattern is not None:
        return _of_chosen_digits(values, type, column.pattern)
    if (pc.max(values).as_py() or 0) < 100:
        return None
    for width in _widths(values):
        counts = count(padded(values, width))
        texts = counts.head(HEAD).texts.to_pylist()
        usual = [
            text
            for text in texts
            if text.isdigit() and len(text) == width and text not in _NO_DIGITS
        ]
        spelling = guess_digits(usual, column.name, width, is_certain=column.is_wanted)
        if spelling is None:
            continue
        codec = TextCodec((spelling,), (), spelling.unit, "string")
        odd = _odd(codec, counts, MAX_ODD_SHARE)
        if odd is not None:
            return IntegerCodec(replace(codec, odd=odd.commonest()), width, type)
    return None


def _of_chosen_digits(values: pa.ChunkedArray, type: str, pattern: str) -> Codec | None:
    spelling = spelling_of(pattern, [])
    width = sum(WIDTHS.get(part, len(part)) for part in split(pattern))
    counts = count(padded(values, width))
    codec = TextCodec((spelling,), (), spelling.unit, "string")
    odd = _odd(codec, counts, _LENIENT_SHARE)
    if odd is None:
        return None
    return IntegerCodec(replace(codec, odd=odd.commonest()), width, type)


def _widths(values: pa.ChunkedArray) -> list[int]:
    """Numbers of digits that integers may have, with zeros in front: of most, and one more."""
    sizes = pc.utf8_length(values.drop_null().cast(pa.string()))
    common = pc.mode(sizes, n=2).field("mode").to_pylist()
    longest = max(common)
    return [longest, longest + 1] if longest in {7, 5, 3} else [longest]


def _is_whole(column: pa.ChunkedArray) -> bool:
    if pa.types.is_integer(column.type):
        return not pa.types.is_uint64(column.type)
    if not pa.types.is_floating(column.type) or column.null_count == len(column):
        return False
    if pa.types.is_float16(column.type):  # holds no date
        return False
    head = column.drop_null().slice(0, 1_000)
    return _are_whole(head) and _are_whole(column.drop_null())


def _are_whole(values: pa.ChunkedArray) -> bool:
    is_whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), 2.0**53))
    return bool(pc.all(is_whole).as_py())


def _odd(
    codec: TextCodec, counts: Counts, most: float, is_code: re.Pattern[str] | None = None
) -> Counts | None:
    """Texts that fit no spelling and are kept; ``None`` if they are too many, or are codes."""
    _, forms = codec.parse_distinct(counts.texts)
    odd = counts.of(forms == 0)
    share = odd.rows.sum() / counts.rows.sum()
    if share > most or (len(odd) > MAX_ODD and share > _RARE):
        return None
    texts = odd.texts.to_pylist()
    if is_code is not None and any(map(is_code.fullmatch, texts)):
        return None
    are_digits = np.array([text in _NO_DIGITS for text in texts], np.bool_)
    return odd.of(are_digits | (odd.rows >= MIN_ODD_ROWS))


def _unit(spellings: Sequence[Any]) -> str:
    units: set[str] = {spelling.unit for spelling in spellings}
    return next(unit for unit in ("timestamp[us]", "double", *units) if unit in units)


def _dates(texts: list[str], rows: list[int], name: str) -> tuple[Any, ...]:
    if all(text.isdigit() and text.isascii() for text in texts):
        widths = {len(text) for text in texts}
        digits = guess_digits(texts, name, widths.pop()) if len(widths) == 1 else None
        return (digits,) if digits else ()
    if not _have_digits(texts):
        return ()
    found = _collect(texts, rows, lambda left, of, like: guess_date(left, of, name, like))
    times = [spelling for spelling in found if spelling.unit == "time64[us]"]
    dates = [spelling for spelling in found if spelling.unit != "time64[us]"]
    return _with_offsets(times if found and found[0] in times else dates)


_OFFSET = re.compile(r"(?:([+-])(\d\d):?(\d\d)?|Z|UTC|GMT)$")


def _with_offsets(spellings: Sequence[DateSpelling]) -> tuple[DateSpelling, ...]:
    """Count in UTC if a column has several offsets from it, so that its instants have one order."""
    found = [_OFFSET.search(spelling.pattern) for spelling in spellings]
    if len({match and match.group() for match in found}) < 2 or None in found:
        return tuple(spellings)
    minutes = [
        (-1 if match[1] == "-" else 1) * (int(match[2] or 0) * 60 + int(match[3] or 0))
        for match in found
        if match is not None
    ]
    return tuple(
        replace(spelling, offset=offset)
        for spelling, offset in zip(spellings, minutes, strict=True)
    )


def _numbers(texts: list[str], rows: list[int], name: str) -> tuple[Any, ...]:
    if not _have_digits(texts):
        return ()
    own = scales(texts)
    found = _collect(texts, rows, lambda left, of, _: guess_number(left, of, own))
    return found if found and are_numbers(texts, name, found) else ()


def _have_digits(texts: Sequence[str]) -> bool:
    return 2 * sum(any(map(str.isdecimal, text)) for text in texts) > len(texts)


def _collect(texts: list[str], rows: list[int], guess: Callable[..., Any]) -> tuple[Any, ...]:
    """Spellings, each of the most rows of those texts that have none yet."""
    found: list[Any] = []
    while texts and len(found) < MAX_SPELLINGS:
        spelling = guess(texts, rows, found[0] if found else None)
        if spelling is None:
            break
        _, fits = spell(spelling, pa.array(texts, pa.string()))
        if not fits.any():
            break
        found.append(spelling)
        left = np.flatnonzero(~fits).tolist()
        texts, rows = [texts[place] for place in left], [rows[place] for place in left]
    return tuple(found)
