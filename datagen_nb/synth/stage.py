"""Columns that are drawn together, a row each, given what was drawn before.

A stage holds the margins of its columns and a tree for each of its variables: whether a column
is null, and its value. A plain table has one stage; one with keys has a stage for its entities
(a customer has one address) and one for its rows, which is drawn given the entities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagen_nb.core.kinds import KINDS, Scale
from datagen_nb.synth import margin_fitting
from datagen_nb.synth.arrays import null_flags, to_column, to_values
from datagen_nb.synth.calendar_days import CalendarDays
from datagen_nb.synth.endings import Endings, endings_of
from datagen_nb.synth.kinds import categorical
from datagen_nb.synth.margin import Codes, Flags, Margin
from datagen_nb.synth.margin_fitting import MIN_COUNT, Pooled
from datagen_nb.synth.smoothing import smooth
from datagen_nb.synth.trees import Conditional, grow, order_levels
from datagen_nb.synth.trees.linear import NO_VALUE

Matrix = npt.NDArray[np.float32]
Streams = Callable[[int], np.random.Generator]
"""The generator of random numbers for a place in the stage."""

Possible = Mapping[str, Flags]
"""For columns, which of their codes a row may have to be wanted; the last flag is that of null."""

NOTHING_ASKED: Possible = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Variable:
    """Something that is drawn: whether a column is null (``"null"``), or its value."""

    column: str
    role: str


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Variables that are known before a stage is drawn.

    Attributes:
        codes: Rows x variables.
        unordered: Which of these are categories, whose codes have no order.
    """

    codes: Matrix
    unordered: tuple[int, ...] = ()

    @classmethod
    def nothing(cls, rows: int) -> Given:
        """No variable is known."""
        return cls(np.zeros((rows, 0), dtype=np.float32))

    def beside(self, other: Given) -> Given:
        """The variables of both."""
        width = self.codes.shape[1]
        codes = np.hstack([self.codes, other.codes])
        return Given(codes, self.unordered + tuple(width + one for one in other.unordered))

    def take(self, rows: Any) -> Given:
        """The rows of these numbers."""
        return Given(self.codes[rows], self.unordered)

    def with_none(self) -> Given:
        """A row more, at the end, of which nothing is known; its number is -1 too."""
        nothing = np.full((1, self.codes.shape[1]), NO_VALUE, dtype=np.float32)
        nothing[:, list(self.unordered)] = -1
        return Given(np.vstack([self.codes, nothing]), self.unordered)


class Drawing(Protocol):
    """What draws columns of a model; a frozen dataclass of plain fields, as all that is kept."""

    def draw(self, given: Given, streams: Streams) -> tuple[pa.Table, Given]:
        """Draw a row for each row of ``given``.

        Returns:
            The columns, and all variables that are known now.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What was fitted of some columns.

    Attributes:
        schema: Names and types of the columns.
        margins: One a column.
        calendars: Of columns whose dates fall on some days only.
        endings: Of columns whose numbers or times prefer to end in some way.
        variables: In the order in which they are drawn.
        trees: One a variable.
        unordered: Of all variables known after the stage, those whose codes have no order.
    """

    schema: pa.Schema
    margins: dict[str, Margin]
    calendars: dict[str, CalendarDays]
    endings: dict[str, tuple[Endings, ...]]
    variables: tuple[Variable, ...]
    trees: tuple[Conditional, ...]
    unordered: tuple[int, ...]

    def draw(
        self, given: Given, streams: Streams, possible: Possible = NOTHING_ASKED
    ) -> tuple[pa.Table, Given]:
        """Draw a row for each row of ``given``.

        Args:
            given: What is known of each row.
            streams: Random numbers for each place.
            possible: Rows with other codes are dropped as soon as these are drawn.

        Returns:
            The columns, and all variables that are known now, of the rows that are left.
        """
        known = given.codes.shape[1]
        ends = [place for place, one in enumerate(self.variables, 1) if one.column in possible]
        ends.append(len(self.variables))
        codes = _widened(given.codes, known + ends.pop(0))
        nulls: dict[str, Any] = {}
        drawn: dict[str, Any] = {}
        for place, (variable, tree) in enumerate(zip(self.variables, self.trees, strict=True)):
            made = tree.draw(codes[:, : known + place], streams(place))
            if variable.role == "null":
                nulls[variable.column] = made.astype(np.bool_)
            else:
                drawn[variable.column] = made
                if variable.column in nulls:
                    made = np.where(nulls[variable.column], -1, made)
            codes[:, known + place] = tree.seen(made)
            if (flags := possible.get(variable.column)) is not None:
                kept = np.flatnonzero(_further(flags, variable, made))
                nulls = {name: one[kept] for name, one in nulls.items()}
                drawn = {name: one[kept] for name, one in drawn.items()}
                codes = _widened(codes[kept], known + ends.pop(0))
        arrays = [
            to_column(
                self._values(field.name, drawn[field.name], streams(len(self.variables) + place)),
                nulls.get(field.name),
                field.type,
            )
            for place, field in enumerate(self.schema)
        ]
        table = pa.Table.from_arrays(arrays, schema=self.schema)
        return table.select(self.schema.names), Given(codes, self.unordered)

    def depth(self, possible: Possible) -> int:
        """How many variables are drawn in each row, until all these columns are known."""
        return max(
            (place for place, one in enumerate(self.variables, 1) if one.column in possible),
            default=0,
        )

    def _values(self, name: str, codes: Any, random: np.random.Generator) -> Any:
        margin, calendar = self.margins[name], self.calendars.get(name)
        values = margin.decode(codes, random)
        endings = self.endings.get(name, ())
        if calendar is None and not endings:
            return values
        moving = margin.moving[codes]
        moved, codes = values[moving], codes[moving]
        if calendar is not None:
            moved = calendar.moved(moved)
        for one in endings:
            moved = one.given(moved, codes, margin.support[0], margin.support[-1])
        values[moving] = moved
        return values


def _widened(codes: Matrix, width: int) -> Matrix:
    """Codes with room for further variables."""
    wide = np.empty((len(codes), width), dtype=np.float32)
    wide[:, : codes.shape[1]] = codes
    return wide


def _further(flags: Flags, variable: Variable, made: Codes) -> Flags:
    """Which rows may be wanted, after a variable of a column whose codes are asked for."""
    if variable.role == "null":
        return np.where(made, flags[-1], flags[:-1].any())
    return flags[made]


@dataclass(slots=True)
class Fit:
    """How a stage is fitted.

    Attributes:
        kinds: Kind of each column.
        seed: Of all that is random.
        min_count: A value that fewer rows have is not used as it is.
        counts: For some columns, the rows of each value in the whole table.
        deciding: Columns that decide others, of which no level is made that no row shows.
        never_null: Columns that are drawn in every row, since others decide where they are null.
        predict: Whether predictions are tried beside the trees.
        pooled: Filled in: for each column, which of its values are not used.
        on_progress: Called with the share done, 0 to 1.
    """

    kinds: Mapping[str, str]
    seed: int
    min_count: int = MIN_COUNT
    counts: Mapping[str, Mapping[Any, int]] = field(default_factory=dict)
    deciding: frozenset[str] = frozenset()
    never_null: frozenset[str] = frozenset()
    predict: bool = True
    pooled: dict[str, Pooled] = field(default_factory=dict)
    on_progress: Callable[[float], None] = lambda _: None

    def stage(self, table: pa.Table, given: Given, number: int) -> tuple[Stage, Given]:
        """Fit the columns of a table.

        Args:
            table: The rows; no column holds only nulls.
            given: What is known of each row before.
            number: Of the stage.

        Returns:
            The stage, and all that is known of each row with it.
        """
        found: dict[str, Margin] = {}
        smoothed: dict[str, Margin] = {}
        variables: list[tuple[Variable, Codes]] = []
        for place, name in enumerate(table.schema.names):
            random = np.random.default_rng([self.seed, 4, number, place])
            found[name], codes = self.margin(name, table[name], random)
            smoothed[name] = smooth(found[name], codes[codes >= 0])
            if table[name].null_count and name not in self.never_null:
                flags = null_flags(table[name])
                variables.append((Variable(name, "null"), flags))
            variables.append((Variable(name, "value"), codes))
        # Fewest levels first, but never a value before its own nulls, which would follow from it.
        variables.sort(key=lambda one: max(int(one[1].max(initial=0)), 1))
        rows, known = given.codes.shape
        codes_of = np.empty((rows, known + len(variables)), dtype=np.float32)
        codes_of[:, :known] = given.codes
        is_ordered = [self.is_ordered(found[one.column], one) for one, _ in variables]
        levels = order_levels([codes for _, codes in variables], is_ordered)
        unordered, trees = list(given.unordered), []
        for place, (variable, codes) in enumerate(variables):
            trees.append(
                grow(
                    codes_of[:, : known + place],
                    codes,
                    ordered=is_ordered[place],
                    unordered=unordered,
                    seed=int(np.random.default_rng([self.seed, 3, number, place]).integers(2**32)),
                    levels=levels[place],
                    predict=self.predict,
                )
            )
            if not is_ordered[place] and levels[place] is None and variable.role == "value":
                unordered.append(known + place)
            codes_of[:, known + place] = trees[-1].seen(codes)
            self.on_progress((place + 1) / len(variables))
        calendars = _calendars(found, table.schema)
        stage = Stage(
            schema=table.schema.remove_metadata(),
            margins=smoothed,
            calendars=calendars,
            endings=_endings(found, table.schema, calendars, self.min_count),
            variables=tuple(variable for variable, _ in variables),
            trees=tuple(trees),
            unordered=tuple(unordered),
        )
        return stage, Given(codes_of, stage.unordered)

    def is_ordered(self, margin: Margin, variable: Variable) -> bool:
        """Whether nearness of a variable's codes means something."""
        is_nominal = KINDS[self._kind(variable.column)].scale is Scale.NOMINAL
        return variable.role == "value" and margin.is_ordered and not is_nominal

    def _kind(self, name: str) -> str:
        return self.kinds.get(name, categorical.KIND.name)

    def margin(
        self, name: str, column: pa.ChunkedArray, random: np.random.Generator
    ) -> tuple[Margin, Codes]:
        """A column's margin, and a code for each row; -1 where it is null."""
        margin, codes, pooled = margin_fitting.fit(
            to_values(column),
            self._kind(name),
            random=random,
            min_count=self.min_count,
            counts=self.counts.get(name),
            is_open=name not in self.deciding,
        )
        if pooled.values:
            self.pooled[name] = pooled
        if not column.null_count:
            return margin, codes
        whole = np.full(len(column), -1, dtype=np.int32)
        whole[null_flags(column) == 0] = codes
        return margin, whole


def _calendars(found: Mapping[str, Margin], schema: pa.Schema) -> dict[str, CalendarDays]:
    """On which days dates fall that move; those that come back as they are need no rule."""
    calendars = {}
    for name, margin in found.items():
        type = schema.field(name).type
        dates = margin.inner
        if pa.types.is_temporal(type) and len(dates) and (days := CalendarDays.of(dates, type)):
            calendars[name] = days
    return calendars


def _endings(
    found: Mapping[str, Margin],
    schema: pa.Schema,
    calendars: Mapping[str, CalendarDays],
    min_count: int,
) -> dict[str, tuple[Endings, ...]]:
    """What numbers and times end in; a day of the week only where no other rule has the day."""
    endings = {}
    for name, margin in found.items():
        one = endings_of(margin, schema.field(name).type, min_count)
        if name in calendars and calendars[name].has_months:
            one = tuple(each for each in one if each.unit < calendars[name].day)
        if one:
            endings[name] = one
    return endings
