"""What follows from dates: their parts, lengths of time between them, ages.

``period = month_start(at)``, ``name <- weekday(at)``, ``end = start + minutes(duration)``,
``stay = days(discharge - admission)``, ``age = years(birth, on("2024-06-01"))``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagen_nb.relations import dependency
from datagen_nb.relations.expression import (
    PARTS,
    UNITS,
    Columns,
    Expression,
    completed_years,
    compute,
    names_of,
    quoted,
    text_of,
)
from datagen_nb.relations.formula import are_equal, best_rounding, rounded
from datagen_nb.relations.numbers import DAY, NUMBER, SPAN, Flags, Floats, Grid, Numbers
from datagen_nb.relations.relation import Derived

STARTS = ("date", "month_start", "year_start")
LABELLED = ("weekday", "month", "quarter", "hour", "day")
"""Parts that may be written as names, or as numbers of another start."""

MAX_INSTANTS = 12
"""Columns of dates that are compared with each other."""

FEW_ROWS, SOME_ROWS = 240, 2_000
YEAR_DAYS = (365.25, 365.2425, 365.0)

CALENDAR: Mapping[float, Callable[[Expression], Expression]] = {
    DAY: lambda column: ("date", column),
    30.436875 * DAY: lambda column: ("month_number", column),
    365.2425 * DAY: lambda column: ("year", column),
}
"""Lengths of a day, a month and a year, and what is counted for the number between two dates."""


@dataclass(frozen=True, kw_only=True)
class Labels(Derived):
    """A target that names a part of a date.

    Attributes:
        part: The part, as an expression.
        entries: Its numbers, ascending.
        values: The target's value for each; other numbers get the nearest one's.
    """

    part: Expression
    entries: npt.NDArray[np.int64]
    values: pa.Array

    @property
    def needs(self) -> tuple[str, ...]:
        return names_of(self.part)

    @property
    def sentence(self) -> str:
        return f"{quoted(self.target)} <- {text_of(self.part)}"

    @property
    def rest_kind(self) -> str:
        return "categorical"

    def derive(self, table: pa.Table) -> tuple[pa.Array, Flags]:
        numbers, _ = compute(self.part, Columns(table))
        known = ~np.isnan(numbers)
        safe = np.where(known, numbers, self.entries[0])
        distance = np.abs(np.arange(64)[:, None] - self.entries[None])
        nearest = distance.argmin(axis=1)[np.clip(safe, 0, 63).astype(np.int64)]
        return self.values.take(pa.array(nearest, mask=~known)), known


def labels_of(target: str, part: Expression, columns: Columns, tolerance: float) -> Labels | None:
    """A column as names of a part of a date; whether that is chance is not judged here."""
    numbers, _ = compute(part, columns)
    known = ~np.isnan(numbers)
    rows = pa.table({"part": numbers[known].astype(np.int64)})
    rows = rows.append_column(target, columns.table[target].filter(pa.array(known)))
    lookup = dependency.fit(rows, target, ["part"])
    if lookup.exceptions > tolerance:
        return None
    levels = lookup.keys[0].to_numpy()[lookup.entries]
    order = np.argsort(levels)
    return Labels(
        target=target,
        type=columns.table.schema.field(target).type,
        part=part,
        entries=levels[order],
        values=lookup.values.take(pa.array(order)),
    )


def starts(at: str) -> Iterator[Expression]:
    """A column's day, month and year, as points in time."""
    for start in STARTS:
        yield (start, ("column", at))


def part_numbers(at: str) -> Iterator[Expression]:
    """A column's parts as numbers; the month also as in 202406."""
    column = ("column", at)
    for part in PARTS:
        if part != "month_number":
            yield (part, column)
    yield ("+", ("*", ("year", column), ("number", 100.0)), ("month", column))


def lengths(
    instants: Mapping[str, Numbers], numbers: Mapping[str, Numbers]
) -> Iterator[tuple[str, Expression]]:
    """Targets and what may give them, where a number is the time between two dates.

    Args:
        instants: Columns of dates.
        numbers: Columns of numbers or lengths of time.

    Yields:
        The later date where the number gives it exactly, else the number.
    """
    for start, end in permutations(instants, 2):
        first, last = instants[start], instants[end]
        rows = np.arange(0, len(first.values), max(len(first.values) // SOME_ROWS, 1))
        elapsed = last.values[rows] - first.values[rows]
        for name, number in numbers.items():
            judged = np.flatnonzero(~np.isnan(elapsed) & ~np.isnan(number.values[rows]))
            if len(judged) < 2:
                continue
            few = judged[np.unique(np.linspace(0, len(judged) - 1, FEW_ROWS).astype(np.int64))]
            actual = number.values[rows[few]]
            for unit, offset in _units(elapsed[few], actual, number.grid):
                length = (unit, ("column", name)) if unit else ("column", name)
                if not offset and _is_exact(elapsed[judged], number.values[rows[judged]], unit):
                    yield end, ("+", ("column", start), length)
                difference: Expression = ("-", ("column", end), ("column", start))
                given = (unit, difference) if unit else difference
                yield name, ("+", given, ("number", offset)) if offset else given
            if number.grid.family == NUMBER and number.grid.decimals == 0:
                yield from ((name, form) for form in _counted(start, end, elapsed[few], actual))
            years = completed_years(first.values[rows[few]], last.values[rows[few]])
            if number.grid.family == NUMBER and _agree(years, actual, number.grid):
                yield name, ("years", ("column", start), ("column", end))


def by_the_clock(
    clocks: Mapping[str, Numbers], numbers: Mapping[str, Numbers]
) -> Iterator[tuple[str, Expression]]:
    """Times of day that a number of hours, minutes or seconds parts, perhaps across midnight.

    Args:
        clocks: Columns of times of day.
        numbers: Columns of numbers or lengths of time.

    Yields:
        The one time, and what may give it.
    """
    for start, end in permutations(clocks, 2):
        elapsed = clocks[end].values - clocks[start].values
        for name, number in numbers.items():
            judged = np.flatnonzero(~np.isnan(elapsed) & ~np.isnan(number.values))
            if len(judged) < 2:
                continue
            few = judged[np.unique(np.linspace(0, len(judged) - 1, FEW_ROWS).astype(np.int64))]
            for unit in ("hours", "minutes", "seconds") if number.grid.family == NUMBER else ("",):
                counted = number.values[few] * (UNITS[unit] if unit else 1.0)
                if ((counted - elapsed[few]) % DAY != 0).mean() <= 0.01:
                    length: Expression = ("column", name)
                    yield end, ("+", ("column", start), (unit, length) if unit else length)


def _counted(start: str, end: str, elapsed: Floats, actual: Floats) -> Iterator[Expression]:
    """Days, months and years as a calendar counts them, which may be the number."""
    for length, read in CALENDAR.items():
        for offset in (0.0, 1.0):
            # By the clock it is less than one more or less, and of months of other lengths.
            if (np.abs(elapsed / length + offset - actual) > 1.1).any():
                continue
            one, other = read(("column", end)), read(("column", start))
            counted: Expression = ("-", one, other)
            if length == DAY:
                counted = ("days", counted)
            yield ("+", counted, ("number", offset)) if offset else counted


def ages(
    instants: Mapping[str, Numbers], numbers: Mapping[str, Numbers]
) -> Iterator[tuple[str, Expression]]:
    """Numbers that may be ages, or days, at a day that is the same in all rows."""
    for at, instant in instants.items():
        for name, number in numbers.items():
            if number.grid.family != NUMBER or number.grid.decimals is None:
                continue
            judged = instant.known & number.known
            births, counted = instant.values[judged], number.values[judged]
            if len(births) < 2 or not _falls(births, counted):
                continue
            yield from ((name, form) for form in _at_a_day(at, births, counted, number))


def _falls(births: Floats, counted: Floats) -> bool:
    """Whether the number falls steadily as the date rises."""
    some = slice(None, None, max(len(births) // 500, 1))
    x, y = births[some] - births[some].mean(), counted[some] - counted[some].mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return norm > 0 and float(x @ y) / norm < -0.9


def _at_a_day(at: str, births: Floats, counted: Floats, number: Numbers) -> Iterator[Expression]:
    column: Expression = ("column", at)
    if number.grid.decimals == 0:
        known = births.astype(np.int64).astype("M8[us]")
        months = known.astype("M8[M]")
        days = known.astype("M8[D]") - months.astype("M8[D]")
        first = (months + 12 * counted.astype(np.int64)).astype("M8[D]") + days
        for missed in (0, len(first) // 200):
            day = _between(first.astype(np.int64), 365.0, missed)
            if day is not None:
                yield ("years", column, ("on", str(np.datetime64(day, "D"))))
                break
    for year in (*YEAR_DAYS, 1.0):
        width = year * number.grid.unit
        # Rounded or cut off: the day lies within a unit after, or half of one around.
        for shift in (0.0, width / 2):
            first_days = births / DAY + counted * year - shift
            day = _between(first_days, width, 0)
            if day is None:
                continue
            on = ("on", str(np.datetime64(day, "D")))
            elapsed: Expression = ("days", ("-", on, column))
            yield elapsed if year == 1 else ("/", elapsed, ("number", year))
            break


def _between(first: npt.NDArray[np.generic], width: float, missed: int) -> int | None:
    """A whole day within all spans that begin on the given days, but for some that are missed."""
    ordered = np.sort(first.astype(np.float64))
    day = np.ceil(ordered[len(ordered) - 1 - missed])
    return int(day) if day < ordered[missed] + width else None


def _units(elapsed: Floats, actual: Floats, grid: Grid) -> list[tuple[str, float]]:
    """The units in which the number may be the time, and what is added to it."""
    if grid.family == SPAN:
        return [("", 0.0)] if _agree(elapsed, actual, grid) else []
    return [
        (unit, offset)
        for unit, micros in UNITS.items()
        for offset in (0.0, 1.0)
        if _agree(elapsed / micros + offset, actual, grid)
    ]


def _agree(computed: Floats, actual: Floats, grid: Grid) -> bool:
    near = np.abs(computed - actual) <= (grid.unit or 1e-9 * np.abs(actual))
    if (~near).sum() > len(near) // 100:
        return False
    rounding = best_rounding(computed, actual, grid)
    same = are_equal(rounded(computed, grid, rounding), actual, grid)
    return bool((~same).sum() <= len(same) // 100)


def _is_exact(elapsed: Floats, counted: Floats, unit: str) -> bool:
    return bool((elapsed != counted * (UNITS[unit] if unit else 1.0)).mean() <= 0.005)
