"""On which days the dates of a column fall.

Those of a stock exchange fall on no weekend, those of monthly figures on the first or last day of a
month; dates that are made anew move between their neighbours, and would fall on any day. A rule is
found where so many distinct dates keep it that chance would not: few enough weekdays, months, or
days of the month.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Values = npt.NDArray[Any]
Days = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CHANCE = 1e-4
"""Probability below which it is no chance that dates keep a rule."""

MAX_DAYS = 4
"""Days of the month at most: the first, or the 1st and the 15th."""

LAST = 0
"""Stands for the last day of a month, whatever its number."""

MAX_SPAN = 366_000
"""Days between the first and the last date, of those that have a rule."""

_A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


@dataclass(frozen=True, slots=True)
class CalendarDays:
    """The days on which dates fall.

    Attributes:
        day: How many units of the column's values a day has.
        weekdays: Monday is 0; all seven where there is no rule.
        months: 1 to 12.
        days: Days of the month, or ``LAST`` alone; none where there is no rule.
        first: The first of the dates; none before it is made.
    """

    day: int
    weekdays: tuple[int, ...]
    months: tuple[int, ...]
    days: tuple[int, ...]
    first: int

    @classmethod
    def of(cls, dates: Values, type: pa.DataType) -> CalendarDays | None:
        """The rule that distinct dates keep.

        Args:
            dates: As ``arrays.to_values`` gives them, at least one.
            type: Of their column; times without dates, and instants of a zone, keep none.

        Returns:
            ``None`` where they fall on any day.
        """
        day = _units_of_a_day(type)
        if day is None:
            return None
        days = np.unique(dates.astype(np.int64) // day)
        if days[-1] - days[0] > MAX_SPAN:
            return None
        weekdays = _few(_weekdays(days), range(7), len(days))
        months = _few(_months(days), range(1, 13), len(days))
        of_month = _few(_days_of_month(days), range(1, 32), len(days))
        if _are_last(days).all() and 12 ** -len(days) < CHANCE:
            of_month = (LAST,)
        elif len(of_month) > MAX_DAYS:
            of_month = ()
        if len(weekdays) == 7 and len(months) == 12 and not of_month:
            return None
        return cls(day, weekdays, months, of_month, int(dates.min()))

    @property
    def has_months(self) -> bool:
        """Whether dates fall in some months, or on some days of the month only."""
        return len(self.months) < 12 or bool(self.days)

    def moved(self, dates: Values) -> Values:
        """Move dates to the nearest such day before them, at the same time of day.

        Args:
            dates: Between the first and the last of those that the rule was found of.

        Returns:
            The dates; those on such a day as they are.
        """
        days = dates.astype(np.int64) // self.day
        every = np.arange(self.first // self.day, days.max(initial=self.first // self.day) + 1)
        found = every[self._hold(every)]
        nearest = found[np.searchsorted(found, days, side="right") - 1]
        moved = dates.astype(np.int64) + (nearest - days) * self.day
        return cast("Values", np.maximum(moved, self.first).astype(dates.dtype))

    def _hold(self, days: Days) -> Flags:
        kept = np.isin(_weekdays(days), self.weekdays) & np.isin(_months(days), self.months)
        if self.days == (LAST,):
            return kept & _are_last(days)
        return kept & np.isin(_days_of_month(days), self.days) if self.days else kept


def _few(found: Days, all_of: range, count: int) -> tuple[int, ...]:
    """The distinct numbers, if so many dates have as few by no chance; else all there are."""
    distinct = np.unique(found)
    share = len(distinct) / len(all_of)
    if math.comb(len(all_of), len(distinct)) * share**count < CHANCE:
        return tuple(distinct.tolist())
    return tuple(all_of)


def _units_of_a_day(type: pa.DataType) -> int | None:
    if pa.types.is_date32(type):
        return 1
    if pa.types.is_date64(type):
        return _A_DAY["ms"]
    return _A_DAY[type.unit] if pa.types.is_timestamp(type) and type.tz is None else None


def _weekdays(days: Days) -> Days:
    return (days + 3) % 7  # 1970-01-01 was a Thursday


def _as_months(days: Days) -> Days:
    """Months since 1970-01."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _months(days: Days) -> Days:
    return _as_months(days) % 12 + 1


def _days_of_month(days: Days) -> Days:
    first = _as_months(days).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return days - first + 1


def _are_last(days: Days) -> Flags:
    return cast("Flags", _as_months(days) != _as_months(days + 1))
