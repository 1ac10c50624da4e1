"""How the rows of a series follow each other: each is drawn given the one before and its entity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagen_nb.synth.arrays import to_column
from datagen_nb.synth.margin import Margin
from datagen_nb.synth.series.calendar import Calendar
from datagen_nb.synth.series.uniforms import Draws, of_entities, streams_of, uniform
from datagen_nb.synth.stage import Variable
from datagen_nb.synth.trees import Conditional

Ints = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float32]

GAPS, VALUES, DECODED = range(3)
"""Uses of random numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """How far the rows of an entity lie apart.

    Attributes:
        margin: The distances; of a regular grid one.
        tree: How a distance depends on the entity, the calendar and the one before.
        calendar: What is looked at of instants.
        decimals: Of an order of floats; ``None`` for no grid.
    """

    margin: Margin
    tree: Conditional
    calendar: Calendar
    decimals: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Rising:
    """A column that never falls, or never rises, within an entity: its steps are drawn.

    Attributes:
        sign: 1 or -1.
        type: Of the column.
        decimals: Of floats; ``None`` for no grid.
    """

    sign: int
    type: pa.DataType
    decimals: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What was fitted of rows that follow each other.

    A row is drawn given, in this order: what is known of its entity, the calendar, its distance
    from the row before, its number, all variables of the row before, and those drawn before it.

    Attributes:
        schema: Names and types of the columns that are drawn.
        margins: One a column.
        variables: In the order in which they are drawn.
        trees: One a variable.
        before: For each variable, how its codes, -1 first, stand in the row after.
        gaps: How far rows lie apart.
        rising: The columns of which steps are drawn.
    """

    schema: pa.Schema
    margins: dict[str, Margin]
    variables: tuple[Variable, ...]
    trees: tuple[Conditional, ...]
    before: tuple[Matrix, ...]
    gaps: Gaps
    rising: dict[str, Rising]

    def draw(
        self,
        seed: int,
        numbers: Ints,
        steps: Ints,
        known: Matrix,
        starts: Any,
        firsts: Mapping[str, Any],
    ) -> tuple[Any, dict[str, pa.Array]]:
        """Draw the rows of entities, one after the other.

        Args:
            seed: Of all random numbers.
            numbers: Of the entities.
            steps: How many rows of each.
            known: Entities x what is known of them.
            starts: The first place of each in the order.
            firsts: For each rising column, the first value of each entity.

        Returns:
            The place of each row in the order, and the columns.
        """
        lots = _Lots(numbers, steps)
        places, gap_codes, features = self._placed(seed, lots, known, starts)
        codes = self._codes(seed, lots, known, gap_codes, features)
        nulls, columns = {}, {}
        words = streams_of(seed, len(self.schema), DECODED)
        for variable, drawn in zip(self.variables, codes, strict=True):
            if variable.role == "null":
                nulls[variable.column] = drawn.astype(np.bool_)
        drawn_of = {
            variable.column: drawn
            for variable, drawn in zip(self.variables, codes, strict=True)
            if variable.role == "value"
        }
        for place, field in enumerate(self.schema):
            draws = Draws(lambda place=place: lots.uniform(words[place]))  # type: ignore[misc]
            values = self.margins[field.name].decode(drawn_of[field.name], _as_random(draws))
            if field.name in self.rising:
                values = _risen(self.rising[field.name], values, firsts[field.name], lots)
            columns[field.name] = to_column(values, nulls.get(field.name), field.type)
        return places, columns

    def _placed(
        self, seed: int, lots: _Lots, known: Matrix, starts: Any
    ) -> tuple[Any, npt.NDArray[np.int32], Matrix]:
        """The place of each row, the code of its distance from the row before, its calendar."""
        gaps = self.gaps
        codes = np.full(lots.rows, -1, dtype=np.int32)
        if len(gaps.margin.support) == 1 and not gaps.margin.is_smooth:
            codes[lots.step > 0] = 0
            places = starts[lots.owner] + lots.step * gaps.margin.support[0]
            places = places if gaps.decimals is None else np.round(places, gaps.decimals)
            return places, codes, gaps.calendar.features(places)
        places = np.empty(lots.rows, dtype=starts.dtype)
        words = of_entities(streams_of(seed, 2, GAPS), lots.numbers[:, None])
        width = known.shape[1]
        given = np.empty((len(lots.numbers), width + gaps.calendar.width + 2), np.float32)
        given[:, :width] = known[lots.longest]
        now = starts[lots.longest]
        last = np.full(len(now), -1, dtype=np.int32)
        for step, rows in lots:
            count = len(rows)
            if step:
                numbers = uniform(words[lots.longest[:count]], step)
                given[:count, width:-2] = gaps.calendar.features(now[:count])
                given[:count, -2] = step
                given[:count, -1] = gaps.tree.seen(last[:count])
                last = gaps.tree.draw(given[:count], _fixed(numbers[:, 0]))
                now = now[:count] + gaps.margin.decode(last, _fixed(numbers[:, 1]))
                now = now if gaps.decimals is None else np.round(now, gaps.decimals)
            places[rows] = now[:count]
            codes[rows] = last[:count]
        return places, codes, gaps.calendar.features(places)

    def _codes(
        self,
        seed: int,
        lots: _Lots,
        known: Matrix,
        gap_codes: npt.NDArray[np.int32],
        features: Matrix,
    ) -> list[npt.NDArray[np.int32]]:
        """For each variable a code for each row."""
        count = len(self.variables)
        codes = [np.empty(lots.rows, dtype=np.int32) for _ in range(count)]
        words = of_entities(streams_of(seed, count, VALUES), lots.numbers[:, None])[lots.longest]
        entity, calendar = known.shape[1], features.shape[1]
        lags = entity + calendar + 2
        given = np.empty((len(lots.numbers), lags + 2 * count), dtype=np.float32)
        given[:, :entity] = known[lots.longest]
        given[:, lags : lags + count] = [each[0] for each in self.before]
        seen_gaps = self.gaps.tree.seen(gap_codes)
        after = np.empty((len(lots.numbers), count), dtype=np.float32)
        nulls: dict[str, Any] = {}
        for step, rows in lots:
            here = given[: len(rows)]
            here[:, entity : entity + calendar] = features[rows]
            here[:, lags - 2] = seen_gaps[rows]
            here[:, lags - 1] = step
            numbers = uniform(words[: len(rows)], step)
            for place, (variable, tree) in enumerate(zip(self.variables, self.trees, strict=True)):
                width = lags + count + place
                made = tree.draw(here[:, :width], _fixed(numbers[:, place]))
                codes[place][rows] = made
                if variable.role == "null":
                    nulls[variable.column] = made.astype(np.bool_)
                elif variable.column in nulls:
                    made = np.where(nulls[variable.column], np.int32(-1), made)
                here[:, width] = tree.seen(made)
                after[: len(rows), place] = self.before[place].take(made + 1)
            here[:, lags : lags + count] = after[: len(rows)]
        return codes


class _Lots:
    """Rows of entities, those of each together, and which of them are drawn at the same time."""

    def __init__(self, numbers: Ints, steps: Ints) -> None:
        self.numbers = numbers
        self.rows = int(steps.sum())
        self.begins = np.cumsum(steps) - steps
        self.owner = np.repeat(np.arange(len(steps)), steps)
        self.step = np.arange(self.rows) - self.begins[self.owner]
        self.longest = np.argsort(-steps, kind="stable")
        self._steps = steps[self.longest]

    def __iter__(self) -> Any:
        """Each step with the rows at it, of the entities with most rows first."""
        begins = self.begins[self.longest]
        for step in range(int(self._steps[0])):
            count = int(np.searchsorted(-self._steps, -step, side="left"))
            yield step, begins[:count] + step

    def uniform(self, stream: Any) -> Any:
        """A number for each row."""
        return uniform(of_entities(stream, self.numbers)[self.owner], self.step)


def _risen(rising: Rising, steps: Any, firsts: Any, lots: _Lots) -> Any:
    """The sums of steps, from the first value of each entity on."""
    is_first = lots.step == 0
    steps = np.where(is_first, 0, steps)
    sums = np.cumsum(steps)
    sums = sums - sums[lots.begins][lots.owner]
    values = firsts[lots.owner] + rising.sign * sums
    return values if rising.decimals is None else np.round(values, rising.decimals)


def _fixed(numbers: Any) -> np.random.Generator:
    return _as_random(Draws(lambda: numbers))


def _as_random(draws: Draws) -> np.random.Generator:
    return cast("np.random.Generator", draws)
