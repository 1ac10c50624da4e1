"""The model of a table of series: entities, and how the rows of each follow each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.synth.arrays import to_column, to_values
from datagen_nb.synth.drawn import Columns, Drawn
from datagen_nb.synth.model import Model, Part, Selected
from datagen_nb.synth.selection import Selection
from datagen_nb.synth.series.axis import Axis
from datagen_nb.synth.series.rows import Rows
from datagen_nb.synth.series.schedule import Members, Schedule
from datagen_nb.synth.series.uniforms import Draws, of_entities, streams_of, uniform
from datagen_nb.synth.stage import Given
from datagen_nb.synth.uniqueness import Seen

START, FIRST, MEAN = "\x1fstart", "\x1ffirst ", "\x1fmean "
"""Columns of an entity that are none of the table: where it begins, the first value of a rising
column, the mean of another."""

TOGETHER = 256
"""Entities whose identities are made at the same time."""

MAX_ENDLESS = 2_000_000
"""Rows of one series without entities, which is held in memory while it is made."""

ENTITIES = 3
"""Use of random numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class SeriesModel(Model):
    """What was fitted of series. The one stage is that of the entities.

    Attributes:
        axis: What makes series of the rows.
        schedule: How many rows entities have.
        rows_of: How the rows of an entity follow each other.
        order_type: Of the order, as it is drawn.
        by_order: Whether the rows of all entities are in one order, and not entity after entity.
        of_entity: Columns that are the same in all rows of an entity.
    """

    axis: Axis
    schedule: Schedule
    rows_of: Rows
    order_type: pa.DataType
    by_order: bool
    of_entity: tuple[str, ...]

    @property
    def is_sequence(self) -> bool:
        return True

    @property
    def keys(self) -> dict[str, str]:
        entity = self.axis.entity
        return {} if entity is None else dict.fromkeys(self.of_entity, entity)

    def independent(self, rows: pa.Table) -> int:
        entity = self.axis.entity
        return 1 if entity is None else max(int(pc.count_distinct(rows[entity]).as_py()), 1)

    def part_rows(self, rows: int) -> int:
        """Of one series all of them, since each row is drawn after those before.

        Raises:
            InputError: One series cannot have so many rows.
        """
        if not self.schedule.is_endless:
            return 1
        if rows > MAX_ENDLESS:
            raise InputError(
                f"One series has at most {MAX_ENDLESS:,} rows, {rows:,} are asked for. Ask for "
                "fewer, or name a column that identifies each of several series in "
                "parameters.entity.",
                code="series_too_long",
                details={"rows": rows, "retryHelps": False},
            )
        return rows

    def generate(self, index: int, rows: int, *, offset: int) -> pa.Table:
        """Make one part: entities are the same whatever the parts are."""
        members = self.schedule.between(offset, offset + rows, self.seed)
        entities, known = self._entities(members)
        calendar = self.rows_of.gaps.calendar
        starts = calendar.counted(to_values(pa.chunked_array([entities[START]])), self.order_type)
        places, drawn = self.rows_of.draw(
            self.seed,
            members.numbers,
            members.steps,
            known,
            starts,
            {
                name: to_values(pa.chunked_array([entities[FIRST + name]]))
                for name in self.rows_of.rising
            },
        )
        of_rows = np.repeat(np.arange(len(members.numbers)), members.steps)[members.skipped :]
        drawn = {name: one.slice(members.skipped) for name, one in drawn.items()}
        placed = calendar.values(places[members.skipped :], self.order_type)
        drawn[self.axis.order] = to_column(placed, None, self.order_type)
        owners = pa.array(of_rows)
        own = {name: entities[name].take(owners) for name in self.of_entity if name in entities}
        table = self._written(index, offset, drawn | own, members, of_rows)
        if not self.by_order:
            return table
        return table.take(pa.array(np.argsort(placed, kind="stable")))

    def select(
        self,
        index: int,
        rows: int,
        *,
        offset: int,
        selection: Selection,
        earlier: Sequence[Seen] = (),
    ) -> Selected:
        """Refuse: rows that are left out would leave holes.

        Raises:
            InputError: Always (``unfit_rule``).
        """
        del index, rows, offset, selection, earlier
        raise _not_selected()

    def check(self, selection: Selection) -> list[str]:
        """Refuse, as ``select`` does.

        Raises:
            InputError: Always (``unfit_rule``).
        """
        del selection
        raise _not_selected()

    def _entities(self, members: Members) -> tuple[Columns, Any]:
        """The columns of entities, and what rows are given of them."""
        [stage] = self.stages
        count = len(self.schedule.sizes)

        def stream(place: int) -> np.random.Generator:
            def numbers() -> Any:
                found = np.empty(len(members.numbers))
                words = of_entities(
                    streams_of(self.seed, place + 1, ENTITIES)[place], members.numbers
                )
                inside = uniform(words, 0)
                for block in np.unique(members.blocks):
                    own = members.blocks == block
                    random = np.random.default_rng([self.seed, 9, place, int(block)])
                    ranks = random.permutation(count)[members.places[own]]
                    found[own] = (ranks + inside[own]) / count
                return found

            return cast("np.random.Generator", Draws(numbers))

        table, known = stage.draw(given_of(members.lengths), cast("Callable[[int], Any]", stream))
        columns = {name: table[name].combine_chunks() for name in table.column_names}
        return columns, known.codes

    def _written(
        self, index: int, offset: int, drawn: Columns, members: Members, of_rows: Any
    ) -> pa.Table:
        part = Part(self, index, offset)
        missing = {name: one for name, one in drawn.items() if name in self.makers}
        kept = {name: one for name, one in drawn.items() if name not in missing}
        whole = self.relations.rebuild(pa.table(kept), part.stream("relations"))
        columns = {
            field.name: part.column(field, whole, 0)
            for field in self.schema
            if field.name not in self.makers
        }
        of_entity = [name for name in self.makers if name in self.of_entity]
        others = [name for name in self.makers if name not in of_entity]
        made = self._identities(of_entity, members, of_rows, missing)
        rest = part.make(others, Drawn(len(of_rows), columns | made, missing, ()))
        return self.written(columns | made | rest)

    def _identities(
        self, names: list[str], members: Members, of_rows: Any, missing: Columns
    ) -> Columns:
        """What is made anew of entities: the same for an entity in whatever part it is made."""
        if not names:
            return {}
        groups = np.unique(members.numbers // TOGETHER)
        found: dict[str, list[Any]] = {name: [] for name in names}
        for group in groups.tolist():
            part = Part(self, group, group * TOGETHER)
            nothing_missing = Drawn(TOGETHER, {}, {}, ())
            for name, one in part.make(names, nothing_missing).items():
                found[name].append(one)
        places = pa.array(members.numbers[of_rows] - int(groups[0]) * TOGETHER)
        made = {}
        for name, pieces in found.items():
            values = pa.chunked_array(pieces).combine_chunks().take(places)
            if name in missing:
                absent = self.missing.get(name)
                values = pc.if_else(missing[name], pa.scalar(absent, values.type), values)
            made[name] = values
        return made


def _not_selected() -> InputError:
    remedy = "Leave parameters.rules and parameters.condition out."
    return InputError(
        f"Rules and conditions select single rows, which would leave holes in series. {remedy}",
        code="unfit_rule",
        details={"remedy": remedy, "retryHelps": False},
    )


def given_of(lengths: Any) -> Given:
    """What entities are drawn given: the logarithm of their rows."""
    return Given(np.log(np.maximum(lengths, 1))[:, None].astype(np.float32))
