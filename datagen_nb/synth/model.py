"""The model of a table: fitted once to a sample, then a pure function from part to rows.

A table goes through layers, each of which is fitted once and can be turned round:

1. *codecs* read the value behind a spelling, and write it again;
2. *identities* name columns that are made anew (keys, names, free text);
3. *relations* leave out what follows from other columns, and compute it again;
4. *keys* part what belongs to an entity from what belongs to a row;
5. *stages* draw the rest: margins for values, trees for what depends on what.

``Model.generate`` makes part *i* from (model, seed, i) alone: the same bytes with one worker or
many. A model is kept as plain arrays and one JSON header (``packing``), nothing that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth import keys, packing
from datagen_nb.synth.codecs import Codec
from datagen_nb.synth.identities import Maker
from datagen_nb.synth.keys import Group
from datagen_nb.synth.relations import Relations
from datagen_nb.synth.stage import Given, Stage

FORM = "\x1fform"
"""Behind a column's name: which of its spellings a value has."""

Columns = dict[str, pa.Array]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What was fitted of a table.

    Attributes:
        schema: Names and Arrow types, the input's, with the form of the input.
        rows: How many rows it was fitted to.
        kinds: Kind of each column.
        warnings: What a user should know, in sentences.
        seed: Of everything that is drawn.
        codecs: How columns are spelled, by name.
        makers: What makes the columns that are made anew, in an order in which they can be made.
        missing: For those of these where a text stands for a missing value, that text.
        relations: What is left out and computed.
        groups: Keys and what depends on them.
        stages: One for each level of each group, and last that of the rows.
        dictionaries: Levels of columns that Arrow holds as dictionaries.
    """

    schema: pa.Schema
    rows: int
    kinds: dict[str, str]
    warnings: tuple[str, ...]
    seed: int
    codecs: dict[str, Codec]
    makers: dict[str, Maker]
    missing: dict[str, str]
    relations: Relations
    groups: tuple[Group, ...]
    stages: tuple[Stage, ...]
    dictionaries: dict[str, pa.Array]

    def generate(self, index: int, rows: int, *, offset: int) -> pa.Table:
        """Make one part.

        Args:
            index: Number of the part.
            rows: How many.
            offset: Number of the part's first row in the whole result.
        """
        part = _Part(self, index, rows, offset)
        table = part.table()
        table = self.relations.rebuild(table, part.stream("relations"))
        arrays = [self._column(field, table, part) for field in self.schema]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _column(self, field: pa.Field, table: pa.Table, part: _Part) -> pa.Array:
        name = field.name
        if name in part.made:
            made, missing = part.made[name], self.missing.get(name)
            return self._typed(field, made if missing is None else pc.fill_null(made, missing))
        if name not in table.schema.names:
            return pa.nulls(part.rows, field.type)
        values = table[name].combine_chunks()
        if (codec := self.codecs.get(name)) is not None:
            forms = table[form] if (form := name + FORM) in table.schema.names else None
            codes = None if forms is None else forms.to_numpy().astype(np.int32)
            values = codec.write(values, codes, part.stream("codec", name))
        return self._typed(field, values)

    def _typed(self, field: pa.Field, values: pa.Array) -> pa.Array:
        """Values in the input's type; in its dictionary, where that is kept."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if not pa.types.is_dictionary(field.type):
            return values.cast(field.type)
        levels = self.dictionaries.get(field.name)
        plain = values.cast(field.type.value_type)
        if levels is None:
            return plain.dictionary_encode().cast(field.type)
        indices = pc.index_in(plain, levels).cast(field.type.index_type)
        return pa.DictionaryArray.from_arrays(indices, levels, ordered=field.type.ordered)

    def to_bytes(self) -> bytes:
        """Keep the model: the same model gives the same bytes."""
        return packing.to_bytes(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Take up a model that was kept.

        Raises:
            packing.OtherFormat: Another version of the package kept it.
            ValueError: The bytes are damaged, or are no model.
        """
        model = packing.from_bytes(data)
        if not isinstance(model, cls):
            raise ValueError("it is no model")
        return model


@dataclass(slots=True)
class _Part:
    """One part while it is made; ``made`` holds the columns that are made anew."""

    model: Model
    index: int
    rows: int
    offset: int
    made: Columns = field(default_factory=dict)

    def stream(self, use: str, name: str = "") -> np.random.Generator:
        """Random numbers of their own for each use and column."""
        return np.random.default_rng([self.model.seed, self.index, crc32(f"{use} {name}".encode())])

    def table(self) -> pa.Table:
        """All columns that are drawn; those that are made anew go to ``made``."""
        stages = iter(self.model.stages)
        given, drawn = Given.nothing(self.rows), dict[str, pa.Array]()
        number = 0
        for group in self.model.groups:
            members = self._members(group)
            known, parents = Given.nothing(members[0].count), None
            for place, (level, own) in enumerate(zip(group.levels, members, strict=True)):
                known = known if parents is None else known.take(parents)
                table, known = next(stages).draw(known, self._streams(number))
                of_rows = _rows_of(members[place:])
                for name in table.schema.names:
                    drawn[name] = table[name].combine_chunks().take(pa.array(of_rows))
                self._make(level.columns, table, own.count, of_rows)
                parents, number = own.of, number + 1
            given = given.beside(known.take(members[-1].of))
        table, _ = next(stages).draw(given, self._streams(number))
        drawn |= {name: table[name].combine_chunks() for name in table.schema.names}
        grouped = {
            name for group in self.model.groups for one in group.levels for name in one.columns
        }
        own_rows = [name for name in self.model.makers if name not in grouped]
        self._make(own_rows, table, self.rows, None)
        kept = {name: one for name, one in drawn.items() if name not in self.model.makers}
        return pa.table(kept) if kept else pa.table({"": pa.nulls(self.rows)})

    def _members(self, group: Group) -> list[keys.Members]:
        """Who belongs to whom, from the finest level up."""
        members, rows = [], self.rows
        for level in reversed(group.levels):
            random = self.stream("members", level.key)
            members.append(keys.draw_members(level, rows, random))
            rows = members[-1].count
        return members[::-1]

    def _make(self, names: Sequence[str], table: pa.Table, count: int, of_rows: Any | None) -> None:
        """Make the columns of a level anew, each value once, and hand them to the rows."""
        numbers = np.arange(self.offset, self.offset + count, dtype=np.int64)
        known: Columns = {name: table[name].combine_chunks() for name in table.schema.names}
        for name, maker in self.model.makers.items():
            if name not in names:
                continue
            values = maker.make(numbers, known, self.stream("make", name))
            if name in table.schema.names:  # holds whether it is null
                values = pc.if_else(table[name], pa.scalar(None, values.type), values)
                values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
            known[name] = values
            self.made[name] = values if of_rows is None else values.take(pa.array(of_rows))

    def _streams(self, stage: int) -> Callable[[int], np.random.Generator]:
        return lambda place: np.random.default_rng([self.model.seed, self.index, stage, place])


def _rows_of(members: Sequence[keys.Members]) -> Any:
    """For each row the number of its entity of the first of some levels."""
    found = members[-1].of
    for one in reversed(members[:-1]):
        found = one.of[found]
    return found
