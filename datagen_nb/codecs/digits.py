"""Dates and times in digits alone: ``20190703``, ``738`` for 07:38, seconds since 1970.

Two in three such numbers are no date, so all of a column must be one, and more of them than
chance would give, unless the column's name speaks of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs.codec import DAY, Forms, Parsed, TextCodec, spell
from datagen_nb.codecs.dates import DateSpelling, EpochSpelling
from datagen_nb.codecs.guess_dates import first_year, is_about_time

_PATTERNS = {
    14: (("%Y%m%d%H%M%S", 0.01),),
    12: (("%Y%m%d%H%M", 0.02),),
    8: (("%Y%m%d", 0.04), ("%d%m%Y", 0.01), ("%m%d%Y", 0.01)),
    6: (("%Y%m", 0.1), ("%H%M%S", 0.1), ("%y%m%d", 0.1), ("%d%m%y", 0.1), ("%m%d%y", 0.1)),
    4: (("%H%M", 0.6),),
}
"""By the number of digits: patterns, and the share of other numbers that they fit by chance."""

_ONLY_BY_NAME = {"%H%M%S", "%y%m%d", "%d%m%y", "%m%d%y"}
_EPOCHS = {10: "s", 13: "ms", 16: "us"}
_CHANCE = 1e-6
_MIN_DISTINCT = 5
_YEARS = (1900, 2100)
_EPOCH_YEARS = (1995, 2045)
_FEW = 0.01


@dataclass(frozen=True, slots=True)
class IntegerCodec:
    """A column of integers whose digits are dates or times.

    Attributes:
        texts: Reads and writes the digits.
        width: To which they are filled with zeros in front.
        type: The column's own type.
    """

    texts: TextCodec
    width: int
    type: str

    def parse(self, column: pa.ChunkedArray) -> Parsed:
        return self.texts.parse(padded(column, self.width))

    def write(self, values: pa.Array, forms: Forms | None, random: np.random.Generator) -> pa.Array:
        written = self.texts.write(values, forms, random)
        return written.cast(pa.int64()).cast(pa.type_for_alias(self.type))


def padded(column: pa.ChunkedArray, width: int) -> pa.ChunkedArray:
    """Integers as digits, with zeros in front up to a width."""
    whole = column.cast(pa.int64())
    texts = whole.cast(pa.string())
    return pc.if_else(pc.less(whole, 0), texts, pc.utf8_lpad(texts, width, "0"))


def guess_digits(
    texts: Sequence[str], name: str, width: int, *, is_certain: bool = False
) -> DateSpelling | EpochSpelling | None:
    """The spelling of texts of digits; ``None`` if they are not all dates or times.

    Args:
        texts: Distinct digits, filled with zeros up to the width.
        name: Of the column.
        width: How many digits they have.
        is_certain: Whether it is known that they are dates.
    """
    is_named = is_certain or is_about_time(name)
    for pattern, chance in _PATTERNS.get(width, ()):
        if pattern in _ONLY_BY_NAME and not is_named:
            continue
        spelling = DateSpelling(pattern, first_year=_first_year(pattern, texts, name))
        if _reads_all(spelling, texts, chance, _YEARS, is_named=is_named):
            return spelling
    if width in _EPOCHS and is_named:
        epoch = EpochSpelling(_EPOCHS[width])
        if _reads_all(epoch, texts, 1, _EPOCH_YEARS, is_named=True):
            return epoch
    return None


def _first_year(pattern: str, texts: Sequence[str], name: str) -> int:
    if "%y" not in pattern:
        return 1969
    at = 0 if pattern.startswith("%y") else 4
    return first_year([int(text[at : at + 2]) for text in texts if text.isdigit()], name)


def _reads_all(
    spelling: DateSpelling | EpochSpelling,
    texts: Sequence[str],
    chance: float,
    years: tuple[int, int],
    *,
    is_named: bool,
) -> bool:
    numbers, fits = spell(spelling, pa.array(texts, pa.string()))
    if not fits.all():
        return False
    if spelling.unit == "time64[us]":
        telling = (numbers >= 3_600_000_000).sum()  # 59 and below are any small number
        return bool(telling >= (_MIN_DISTINCT if is_named else np.log(_CHANCE) / np.log(chance)))
    if len(texts) < 2 or (not is_named and chance ** len(texts) > _CHANCE):
        return False
    days = numbers if spelling.unit == "date32" else numbers // DAY
    found = days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    outside = ((found < years[0]) | (found > years[1])) & (found != 9999)
    return bool(outside.sum() <= _FEW * len(texts))
