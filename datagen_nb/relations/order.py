"""A column that is never below another one: ``end >= start``, ``ask >= bid``.

Where the two lie close together, the upper one is replaced by the difference: it is at least 0,
and keeps its own frequent values, such as 0, 1, 2, 3, 5, 8 and 13 days. Where they rarely
overlap, both stay, and a made value that is too low is raised to the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.relations.evidence import EXCEPTIONS_OF_CHANCE, is_unlikely
from datagen_nb.relations.expression import (
    UNITS,
    Columns,
    Expression,
    compute,
    names_of,
    quoted,
    text_of,
)
from datagen_nb.relations.formula import CLOSE, rounded
from datagen_nb.relations.last_digits import LastDigits, preferred
from datagen_nb.relations.numbers import (
    DAY,
    INSTANT,
    MAX_EXACT,
    NUMBER,
    Flags,
    Floats,
    Grid,
    Numbers,
    values_of,
    whole,
    write,
)
from datagen_nb.relations.relation import Derived, unused

MIN_OVERLAP = 0.2
"""Share of random pairs in the wrong order from which on a difference replaces the column."""

MIN_WRONG = 0.001
"""Share of random pairs in the wrong order under which the order says nothing."""

MAX_SPREAD = 0.95
"""Of the difference, as a part of the column's own."""

MAX_ORDERED = 60
"""Columns that are compared with each other."""

MAX_BASES = 3
"""Columns of which the highest is the base of a difference."""

PAIRED_ROWS = 2_000


@dataclass(frozen=True, kw_only=True)
class Gap(Derived):
    """A target that is another column and a difference, which takes its place.

    Attributes:
        bases: Columns that the target is not below, or their dates.
        gap: Own column: the difference, in units.
        unit: Of the difference, in what the column's numbers are: microseconds, or plain ones.
        least: Lowest difference in units; ``None`` when exceptions are lower.
        lowest: Below it an exception is none: the row keeps the rule.
        grid: What the target's values are multiples of.
        digits: The last digits that the target prefers; ``None`` where it prefers none.
        ending: Own column: which of them the target has, -1 for none.
    """

    bases: tuple[Expression, ...]
    gap: str
    unit: float
    least: float | None
    lowest: float
    grid: Grid
    digits: LastDigits | None = None
    ending: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(name for base in self.bases for name in names_of(base))

    @property
    def adds(self) -> dict[str, str]:
        added = {self.gap: "numeric"}
        if self.ending:
            added[self.ending] = "categorical"
        return added | super().adds

    @property
    def sentence(self) -> str:
        return f"{quoted(self.target)} {'>' if self.least else '>='} {self._base_text}"

    @property
    def rest_kind(self) -> str:
        return "numeric" if self.grid.family == NUMBER else "datetime"

    @property
    def _base_text(self) -> str:
        texts = [text_of(base) for base in self.bases]
        return texts[0] if len(texts) == 1 else f"max({', '.join(texts)})"

    def _base(self, table: pa.Table) -> Floats:
        columns = Columns(table)
        return np.asarray(np.max([compute(base, columns)[0] for base in self.bases], axis=0))

    def reduce(self, table: pa.Table) -> pa.Table:
        base = self._base(table)
        difference = values_of(table[self.target]) - base
        if self.grid.family == NUMBER:
            whole_numbers = self.grid.decimals == 0
            grid = Grid(NUMBER, decimals=self.grid.decimals)
            gaps = write(difference, grid, pa.int64() if whole_numbers else pa.float64())
        else:
            gaps = write(difference / self.unit, Grid(NUMBER, decimals=0), pa.int64())
        rest = whole(table[self.target])
        ticks = self._ticks(values_of(table[self.target]))
        table = table.drop_columns([self.target]).append_column(self.gap, gaps)
        if self.digits is not None:
            table = table.append_column(self.ending, pa.array(self.digits.of(ticks)))
        if self.rest:
            null = pa.scalar(None, rest.type)
            table = table.append_column(
                self.rest, pc.if_else(pa.array(~np.isnan(base)), null, rest)
            )
        return table

    def derive(self, table: pa.Table) -> tuple[pa.Array, Flags]:
        base = self._base(table)
        known = ~np.isnan(base)
        if self.gap not in table.column_names:  # a whole table: only what the rule is about
            return whole(table[self.target]), known
        gaps = values_of(table[self.gap])
        if self.least is not None:
            gaps = np.where(gaps < self.least, self.least, gaps)
        scale = 1.0 if self.grid.family == NUMBER else self.unit
        values = rounded(base + gaps * scale, self.grid, "even")
        if self.least is not None:
            # The type's range, and a grid that is coarser than the base's, are kept upwards.
            low = values < base
            values = np.where(low, rounded(np.maximum(values, base), self.grid, "ceil"), values)
        else:
            values = np.where(values < self.lowest, np.maximum(base, self.lowest), values)
        if self.digits is not None:
            values = self._ended(self.digits, values, base + (self.least or 0.0), table)
        return write(values, self.grid, self.type), known

    def _ended(self, digits: LastDigits, values: Floats, lowest: Floats, table: pa.Table) -> Floats:
        """Values with the last digits that were drawn for them, none below the lowest."""
        ending = np.nan_to_num(values_of(table[self.ending]), nan=-1.0).astype(np.int64)
        ended = self._ticks(values) // digits.modulus * digits.modulus + ending
        low = ended < self._ticks(lowest)
        made = rounded((ended + low * digits.modulus) * self.grid.unit, self.grid, "even")
        return np.where((ending >= 0) & (values >= lowest), made, values)

    def _ticks(self, values: Floats) -> npt.NDArray[np.int64]:
        unit = self.grid.unit or 1.0
        return np.rint(np.nan_to_num(values) / unit).astype(np.int64)

    def holds(self, table: pa.Table) -> Flags:
        base = self._base(table)
        values = values_of(table[self.target])
        least = (self.least or 0.0) * (self.unit if self.grid.family != NUMBER else 1.0)
        judged = ~np.isnan(base) & ~np.isnan(values)
        slack = 1e-9 * np.abs(np.where(judged, values, 0.0))
        kept = np.where(judged, values, 0.0) - np.where(judged, base, 0.0) >= least - slack
        return np.asarray(~judged | kept)


@dataclass(frozen=True, kw_only=True)
class Floor:
    """A column that stays, and is raised to another one where it is below it.

    Attributes:
        column: The upper column.
        base: The lower one.
        grid: What the upper column's values are multiples of.
    """

    column: str
    base: str
    grid: Grid
    exceptions: float = 0.0

    @property
    def targets(self) -> tuple[str, ...]:
        return ()

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.column, self.base)

    @property
    def adds(self) -> Mapping[str, str]:
        return {}

    @property
    def nulls(self) -> tuple[str, ...]:
        return ()

    @property
    def alters(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def deciding(self) -> tuple[str, ...]:
        return ()

    @property
    def sentence(self) -> str:
        return f"{quoted(self.column)} >= {quoted(self.base)}"

    def reduce(self, table: pa.Table) -> pa.Table:
        return table

    def rebuild(self, table: pa.Table, random: np.random.Generator) -> pa.Table:  # noqa: ARG002, the protocol's
        low = ~self.holds(table)
        if not low.any():
            return table
        place = table.column_names.index(self.column)
        column = whole(table[self.column])
        raised = rounded(values_of(table[self.base]), self.grid, "ceil")
        values = pc.if_else(pa.array(low), write(raised, self.grid, column.type), column)
        return table.set_column(place, self.column, values)

    def holds(self, table: pa.Table) -> Flags:
        upper, lower = values_of(table[self.column]), values_of(table[self.base])
        return np.asarray(~(upper < lower))


def wrong_by_chance(upper: Floats, lower: Floats) -> float:
    """Share of random pairs of two columns in which the upper one is below the lower one."""
    some = np.sort(upper[:: max(len(upper) // PAIRED_ROWS, 1)])
    below = np.searchsorted(some, lower[:: max(len(lower) // PAIRED_ROWS, 1)], side="left")
    return float(below.mean()) / max(len(some), 1)


def gap_over(
    target: str,
    bases: Sequence[str],
    numbers: Mapping[str, Numbers],
    columns: Columns,
    *,
    tolerance: float,
    taken: Collection[str],
) -> Gap | None:
    """A column as the difference from the highest of others that it is not below.

    Args:
        target: The upper column.
        bases: The lower ones, of which each alone is near.
        numbers: Of all columns.
        columns: The table.
        tolerance: Largest share of exceptions.
        taken: Names that new columns must not have.
    """
    upper = numbers[target]
    pairs = [_base_of(base, (upper, numbers[base]), columns) for base in bases]
    return gap_of(target, pairs, upper, columns, tolerance=tolerance, taken=taken)


def gap_of(
    target: str,
    bases: Sequence[tuple[Expression, Floats]],
    upper: Numbers,
    columns: Columns,
    *,
    tolerance: float,
    taken: Collection[str],
) -> Gap | None:
    """A column as the difference from the highest of some expressions.

    Args:
        target: The column.
        bases: The expressions, and their values.
        upper: The column's numbers.
        columns: The table.
        tolerance: Largest share of exceptions.
        taken: Names that new columns must not have.
    """
    grid = upper.grid
    lows = np.max([values for _, values in bases], axis=0)
    judged = upper.known & ~np.isnan(lows)
    above, below = upper.values[judged], lows[judged]
    if not len(above) or len(above) * 2 < upper.known.sum():
        return None
    difference = above - below
    difference[np.abs(difference) <= CLOSE * np.abs(above)] = 0.0
    exceptions = float((difference < 0).mean())
    rebuilt = rounded(below + rounded(difference, grid, "even"), grid, "even")
    if exceptions > tolerance or (grid.unit and (rebuilt != above).any()):
        return None
    unit = _unit(difference, grid)
    least: float | None = None
    if not exceptions:
        least = 0.0 if (difference <= 0).any() or (grid.family == NUMBER and not unit) else 1.0
        least *= unit if grid.family == NUMBER else 1.0
    gap = unused(f"{target} - {text_of(bases[0][0])}", taken)
    digits = None
    if grid.family == NUMBER and grid.unit and np.abs(above).max() < MAX_EXACT * grid.unit:
        digits = preferred(np.unique(np.rint(above / grid.unit).astype(np.int64)))
    has_rest = bool((upper.known & np.isnan(lows)).any())
    return Gap(
        target=target,
        type=columns.table.schema.field(target).type,
        bases=tuple(expression for expression, _ in bases),
        gap=gap,
        unit=unit,
        least=least,
        lowest=float(above.min()),
        grid=grid,
        exceptions=exceptions,
        digits=digits,
        ending="" if digits is None else unused(f"ending of {target}", [*taken, gap]),
        rest=unused(f"{target} otherwise", [*taken, gap]) if has_rest else "",
    )


def is_above(
    upper: Numbers,
    lower: Numbers,
    base: str,
    columns: Columns,
    *,
    tolerance: float,
    hypotheses: float,
) -> bool | None:
    """Whether a column is never below another one: close above it, or far; ``None`` if it is not.

    Args:
        upper: The upper column.
        lower: The lower one.
        base: Its name.
        columns: The table.
        tolerance: Largest share of exceptions.
        hypotheses: How many pairs were tried.
    """
    _, lows = _base_of(base, (upper, lower), columns)
    judged = upper.known & lower.known
    above, below = upper.values[judged], lows[judged]
    if len(above) < 2:
        return None
    exceptions = float((above < below).mean())
    wrong = wrong_by_chance(above, below)
    if exceptions > tolerance or exceptions > EXCEPTIONS_OF_CHANCE * wrong or wrong < MIN_WRONG:
        return None
    if not is_unlikely(len(above), 1 - wrong, hypotheses):
        return None
    return is_near(above, below)


def is_near(above: Floats, below: Floats) -> bool:
    """Whether a difference says more than the upper column itself does."""
    return bool(
        wrong_by_chance(above, below) >= MIN_OVERLAP
        and _spread(above - below) <= MAX_SPREAD * _spread(above)
    )


def _base_of(
    base: str, numbers: tuple[Numbers, Numbers], columns: Columns
) -> tuple[Expression, Floats]:
    """The lower column, or its date where the upper one has only dates."""
    upper, lower = numbers
    column: Expression = ("column", base)
    if upper.grid.family != INSTANT:
        return column, lower.values
    highs, lows = upper.values[upper.known], lower.values[lower.known]
    if (highs % DAY == 0).all() and (lows % DAY != 0).any():
        return ("date", column), compute(("date", column), columns)[0]
    return column, lower.values


def _unit(difference: Floats, grid: Grid) -> float:
    """The largest unit that all differences are multiples of; 0 when there is none."""
    if grid.family == NUMBER:
        return grid.unit
    units = (DAY, UNITS["hours"], UNITS["minutes"], UNITS["seconds"], 1e3)
    return next((unit for unit in units if (difference % unit == 0).all()), 1.0)


def _spread(values: Floats) -> float:
    return float(np.abs(values - np.median(values)).mean())
