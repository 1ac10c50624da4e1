"""Dates, instants and times of day in the spelling of a column.

A date is counted in days since 1970, an instant and a time of day in microseconds. A value is cut
to what the spelling holds: an instant written as ``%Y-%m`` is its month.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs.codec import DAY, Flags, Numbers, join
from datagen_nb.codecs.patterns import (
    DATES,
    ORDINALS,
    TIMES,
    Calendar,
    days_of,
    fields_of,
    microseconds_of,
    split,
)

_FIRST, _LAST = -719_162, 2_932_896
"""Days of 0001-01-01 and 9999-12-31: years have four digits."""

EPOCHS = {"s": 1_000_000, "ms": 1_000, "us": 1}
"""Microseconds of a unit."""


@dataclass(frozen=True, slots=True)
class DateSpelling:
    """A pattern of directives, see ``patterns``.

    Attributes:
        pattern: As ``%d/%m/%Y %H:%M``.
        months: Twelve names.
        weekdays: Seven names, Monday first.
        halves: Before and after noon.
        first_year: Of the hundred years that two digits tell apart.
        digits: Of the fraction of a second.
        offset: Minutes that the clock is ahead of UTC; 0 if all of a column are the same.
    """

    pattern: str
    months: tuple[str, ...] = ()
    weekdays: tuple[str, ...] = ()
    halves: tuple[str, ...] = ("AM", "PM")
    first_year: int = 1969
    digits: int = 0
    offset: int = 0

    @property
    def unit(self) -> str:
        parts = set(split(self.pattern))
        if not parts & TIMES:
            return "date32"
        return "timestamp[us]" if parts & DATES else "time64[us]"

    @property
    def _words(self) -> dict[str, tuple[str, ...]]:
        return {"%b": self.months, "%a": self.weekdays, "%p": self.halves, "%o": ORDINALS}

    def read(self, texts: pa.Array) -> tuple[Numbers, Flags]:
        fields, fits = fields_of(texts, split(self.pattern), self._words, self.digits)
        if not fields:
            return np.zeros(len(texts), np.int64), fits
        if self.unit == "date32":
            return days_of(fields, self.first_year), fits
        numbers = microseconds_of(fields, self.digits)
        if self.unit == "timestamp[us]":
            numbers = numbers + days_of(fields, self.first_year) * DAY - self.offset * 60_000_000
        return numbers, fits

    def write(self, values: Numbers) -> pa.Array:
        if self.unit == "date32":
            instants = np.clip(values, _FIRST, _LAST) * DAY
        elif self.unit == "time64[us]":
            instants = np.clip(values, 0, DAY - 1)
        else:
            local = values + self.offset * 60_000_000
            instants = np.clip(local, _FIRST * DAY, _LAST * DAY + DAY - 1)
        calendar = Calendar(instants)
        parts = [
            calendar.text(part, self._words, self.digits) if part.startswith("%") else part
            for part in split(self.pattern)
        ]
        return join(parts, len(values))


@dataclass(frozen=True, slots=True)
class EpochSpelling:
    """An instant as whole seconds, milliseconds or microseconds since 1970.

    Attributes:
        epoch: A key of ``EPOCHS``.
    """

    epoch: str

    @property
    def unit(self) -> str:
        return "timestamp[us]"

    def read(self, texts: pa.Array) -> tuple[Numbers, Flags]:
        fits = pc.match_substring_regex(texts, r"^-?[0-9]{1,16}$")
        numbers = pc.if_else(fits, texts, "0").cast(pa.int64()).to_numpy()
        return numbers * EPOCHS[self.epoch], fits.to_numpy(zero_copy_only=False)

    def write(self, values: Numbers) -> pa.Array:
        return pa.array(values // EPOCHS[self.epoch]).cast(pa.string())
