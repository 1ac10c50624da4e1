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

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs import Codec, part_names
from datagen_nb.relations import Relations
from datagen_nb.relations.numbers import Flags
from datagen_nb.synth import keys, packing
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.choosing import choose
from datagen_nb.synth.drawn import FORM, Columns, Drawn, Ints
from datagen_nb.synth.identities import Maker
from datagen_nb.synth.identities.permutation import KEYS
from datagen_nb.synth.keys import Group
from datagen_nb.synth.narrowing import Drawable
from datagen_nb.synth.profile.hashing import Hashes
from datagen_nb.synth.selection import Selection
from datagen_nb.synth.stage import NOTHING_ASKED, Drawing, Given, Possible, Stage
from datagen_nb.synth.uniqueness import Seen

CHECKED_ROWS, CHECKED_CELLS = 5_000, 200_000
"""Rows that are made to look whether a selection is for them, and rows times columns, at most."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A part whose rows were selected.

    Attributes:
        table: The rows.
        drawn: How many were drawn to take these among them.
        hashes: For each rule of uniqueness, those of the combinations that the rows have.
    """

    table: pa.Table
    drawn: int
    hashes: tuple[Hashes, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Above:
    """Rows of another table that the rows of this one belong to.

    Attributes:
        of: For each row the number of the one that it belongs to.
        given: What is known of each of these.
        drawn: What was drawn for each, and is the same in all rows that belong to it.
        made: What was made anew for each.
    """

    of: Ints
    given: Given
    drawn: Columns
    made: Columns


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
    stages: tuple[Drawing, ...]
    dictionaries: dict[str, pa.Array]

    @property
    def is_sequence(self) -> bool:
        """Whether a row says something about the next."""
        return False

    @property
    def keys(self) -> dict[str, str]:
        """By column, the key of the entities that have one value of it each."""
        levels = [level for group in self.groups for level in group.levels]
        return {name: level.key for level in levels for name in level.columns if name != level.key}

    def independent(self, rows: pa.Table) -> int:
        """How many of some rows are independent of each other: all, or as many as have series."""
        return int(rows.num_rows)

    @property
    def privacy(self) -> str:
        """What is guaranteed about the rows it was fitted to; empty if nothing is."""
        return ""

    def part_rows(self, rows: int) -> int:
        """Rows of a part at least, of so many rows of a result.

        Raises:
            InputError: There cannot be so many.
        """
        del rows
        return 1

    def reseeded(self, seed: int) -> Self:
        """The same model with another seed: other rows, with other identifiers.

        With its own seed it is this one, also after others.
        """
        shift = _key_of(seed) - _key_of(self.seed)
        makers = {name: maker.rekeyed(shift) for name, maker in self.makers.items()}
        return replace(self, seed=seed, makers=makers)

    def generate(self, index: int, rows: int, *, offset: int) -> pa.Table:
        """Make one part.

        Args:
            index: Number of the part.
            rows: How many.
            offset: Number of the part's first row in the whole result.
        """
        part = Part(self, index, offset)
        return part.table(part.draw(rows))

    def select(
        self,
        index: int,
        rows: int,
        *,
        offset: int,
        selection: Selection,
        earlier: Sequence[Seen] = (),
    ) -> Selected:
        """Make one part of rows that a selection takes.

        The rows are those of a larger result that keep its rules: where an entity has several,
        others of them may be left out.

        Args:
            index: Number of the part.
            rows: How many.
            offset: Number of the part's first row in the whole result.
            selection: Which rows are taken.
            earlier: For each rule of uniqueness, the combinations that the parts before have.

        Raises:
            InputError: So few rows keep its rules that they would take too many draws, or there
                are not so many combinations.
        """
        part = Part(self, index, offset)
        chosen = choose(selection, part, rows, offset=offset, earlier=earlier)
        return Selected(part.table(chosen.rows), chosen.drawn, chosen.hashes)

    def check(self, selection: Selection) -> list[str]:
        """Look whether a selection is for its rows, by some that it makes.

        Args:
            selection: Its columns are columns of the model.

        Returns:
            What a user should know, in sentences.

        Raises:
            InputError: It is not (``unfit_rule``, ``unfit_condition``).
        """
        count = min(CHECKED_ROWS, CHECKED_CELLS // len(self.schema))
        rows = plain_table(self.generate(0, count, offset=0))
        return selection.check(rows, self.codecs, self.makers, has_all_levels=False, owner="model")

    def written(self, columns: Columns) -> pa.Table:
        """Columns as a table in the input's types."""
        arrays = [self._typed(field, columns[field.name]) for field in self.schema]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _typed(self, field: pa.Field, values: pa.Array) -> pa.Array:
        """Values in the input's type; in its dictionary, where that is kept."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if values.type == field.type:
            return values
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


@dataclass(frozen=True, slots=True)
class Part:
    """One part while it is made.

    Attributes:
        model: That makes it.
        index: Its number.
        offset: Number of its first row in the whole result.
        stride: From the number of a row to that of the next.
    """

    model: Model
    index: int
    offset: int
    stride: int = 1

    @property
    def codecs(self) -> Mapping[str, Codec]:
        """How columns are spelled."""
        return self.model.codecs

    @property
    def entities(self) -> dict[str, int]:
        """Of columns that are made anew once for each entity, the place of its owners."""
        levels = [level for group in self.model.groups for level in group.levels]
        return {name: place for place, one in enumerate(levels) for name in one.columns}

    def draw(self, rows: int, turn: int = 0, possible: Possible = NOTHING_ASKED) -> Drawn:
        """Draw rows, all but what is made anew; another turn has others.

        Args:
            rows: How many.
            turn: Of draws of the same part.
            possible: Rows with other codes are dropped as soon as these are drawn.
        """
        if not possible:
            return self.draw_below((), rows, turn)[0]
        stage = self._only_stage
        assert stage is not None  # noqa: S101, else nothing is asked
        table, known = stage.draw(Given.nothing(rows), self._streams(0, turn), possible)
        return self._rebuilt(len(known.codes), columns_of(table), (), turn)

    def possible(self, selection: Selection, wanted: Flags) -> Possible:
        """The codes with which a row may still be taken; nothing is asked where keys repeat.

        Args:
            selection: Which rows are taken.
            wanted: Of each class of its shares, whether rows of it are.
        """
        if (stage := self._only_stage) is None:
            return NOTHING_ASKED
        model = self.model
        drawable = Drawable(stage, model.relations, model.codecs, model.makers)
        return drawable.possible(selection, wanted)

    def depth(self, possible: Possible) -> int:
        """How many variables are drawn in each row until these columns are known."""
        return 0 if self._only_stage is None else self._only_stage.depth(possible)

    @property
    def _only_stage(self) -> Stage | None:
        """What draws all columns, one row after the other."""
        first, *others = self.model.stages
        return first if isinstance(first, Stage) and not others else None

    def draw_below(self, above: Sequence[Above], rows: int, turn: int = 0) -> tuple[Drawn, Given]:
        """The same for rows that belong to rows of other tables, with all that is known of them."""
        stages = iter(self.model.stages)
        given, drawn = Given.nothing(rows), dict[str, pa.Array]()
        owners: list[Ints] = []
        number = 0
        for one in above:
            given = given.beside(one.given.take(one.of))
            drawn |= {name: values.take(pa.array(one.of)) for name, values in one.drawn.items()}
        for group in self.model.groups:
            members = self._members(group, rows, turn)
            known, parents = Given.nothing(members[0].count), None
            for place in range(len(group.levels)):
                known = known if parents is None else known.take(parents)
                table, known = next(stages).draw(known, self._streams(number, turn))
                of_rows = _rows_of(members[place:])
                for name in table.schema.names:
                    drawn[name] = table[name].combine_chunks().take(pa.array(of_rows))
                owners.append(of_rows)
                parents, number = members[place].of, number + 1
            given = given.beside(known.take(members[-1].of))
        table, known = next(stages).draw(given, self._streams(number, turn))
        return self._rebuilt(rows, drawn | columns_of(table), tuple(owners), turn), known

    def _rebuilt(self, rows: int, drawn: Columns, owners: tuple[Ints, ...], turn: int) -> Drawn:
        """Drawn columns as they are written, with those that follow from others."""
        missing = {name: one for name, one in drawn.items() if name in self.model.makers}
        kept = {name: one for name, one in drawn.items() if name not in missing}
        reduced = pa.table(kept) if kept else pa.table({"": pa.nulls(rows)})
        whole = self.model.relations.rebuild(reduced, self.stream("relations", turn=turn))
        columns = {
            field.name: self.column(field, whole, turn)
            for field in self.model.schema
            if field.name not in self.model.makers
        }
        return Drawn(rows, columns, missing, owners)

    def table(self, drawn: Drawn, above: Sequence[Above] = ()) -> pa.Table:
        """Drawn rows as a table, with what is made anew."""
        return self.model.written(self.made(drawn, above))

    def made(self, drawn: Drawn, above: Sequence[Above] = ()) -> Columns:
        """All columns of drawn rows: what is made anew, each entity's values once, is added."""
        columns, grouped = dict(drawn.columns), set[str]()
        for one in above:
            columns |= {name: values.take(pa.array(one.of)) for name, values in one.made.items()}
            grouped |= set(one.made)
        levels = [level for group in self.model.groups for level in group.levels]
        for level, owner in zip(levels, drawn.owners, strict=True):
            _, first, of_rows = np.unique(owner, return_index=True, return_inverse=True)
            entities = replace(drawn, columns=self._needed(level.columns, columns)).take(first)
            made = self.make(level.columns, entities)
            columns |= {name: one.take(pa.array(of_rows)) for name, one in made.items()}
            grouped |= set(level.columns)
        own = [name for name in self.model.makers if name not in grouped]
        return columns | self.make(own, replace(drawn, columns=self._needed(own, columns)))

    def _needed(self, names: Collection[str], columns: Columns) -> Columns:
        """Those of some columns that what is made anew must agree with."""
        needed = {
            need
            for name in names
            if name in self.model.makers
            for need in self.model.makers[name].needs
        }
        return {name: columns[name] for name in needed if name in columns}

    def column(self, field: pa.Field, table: pa.Table, turn: int) -> pa.Array:
        """A column as it is written, from the values behind its spellings."""
        name, codec = field.name, self.model.codecs.get(field.name)
        parts = part_names(name, codec)
        if parts:
            numbers = [table[part].combine_chunks() for part in parts]
            values = pa.StructArray.from_arrays(numbers, parts)
        elif name in table.schema.names:
            values = table[name].combine_chunks()
        else:
            return pa.nulls(table.num_rows, field.type)
        if codec is None:
            return values
        forms = table[form] if (form := name + FORM) in table.schema.names else None
        codes = None if forms is None else forms.to_numpy().astype(np.int32)
        return codec.write(values, codes, self.stream("codec", name, turn))

    def _members(self, group: Group, rows: int, turn: int) -> list[keys.Members]:
        """Who belongs to whom, from the finest level up."""
        members = []
        for level in reversed(group.levels):
            random = self.stream("members", level.key, turn)
            members.append(keys.draw_members(level, rows, random))
            rows = members[-1].count
        return members[::-1]

    def make(self, names: Collection[str], drawn: Drawn) -> Columns:
        """Make columns anew for entities, or for rows; columns that they need may be given."""
        numbers = self.offset + self.stride * np.arange(drawn.count, dtype=np.int64)
        known: Columns = dict(drawn.columns)
        for name, maker in self.model.makers.items():
            if name not in names:
                continue
            values = maker.make(numbers, known, self.stream("make", name))
            if name in drawn.missing:
                values = pc.if_else(drawn.missing[name], pa.scalar(None, values.type), values)
                values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
            known[name] = values
        texts = self.model.missing
        return {
            name: pc.fill_null(one, texts[name]) if name in texts else one
            for name, one in known.items()
            if name in names
        }

    def stream(self, use: str, name: str = "", turn: int = 0) -> np.random.Generator:
        """Random numbers of their own for each use and column."""
        return self._random(turn, crc32(f"{use} {name}".encode()))

    def _streams(self, stage: int, turn: int) -> Callable[[int], np.random.Generator]:
        return lambda place: self._random(turn, stage, place)

    def _random(self, turn: int, *words: int) -> np.random.Generator:
        entropy = [self.model.seed, self.index, *words]
        if not turn:
            return np.random.default_rng(entropy)
        return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(turn,)))


def columns_of(table: pa.Table) -> Columns:
    """The columns of a table, each in one piece."""
    return {name: table[name].combine_chunks() for name in table.schema.names}


def _key_of(seed: int) -> int:
    return int(np.random.default_rng([seed, crc32(b"key")]).integers(KEYS))


def _rows_of(members: Sequence[keys.Members]) -> Any:
    """For each row the number of its entity of the first of some levels."""
    found = members[-1].of
    for one in reversed(members[:-1]):
        found = one.of[found]
    return found
