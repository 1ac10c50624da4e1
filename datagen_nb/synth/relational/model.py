"""The model of several tables: from a slice to its rows.

A table belongs to another by its first key. One that belongs to none is a *root*. Slice *i* of a
root are some of its rows with all rows that belong to them, in all tables: a function of (model,
division, i) alone, which holds nothing of the slices before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from zlib import crc32

import numpy as np
import pyarrow as pa

from datagen_nb.codecs import Codec
from datagen_nb.core.errors import InputError
from datagen_nb.core.quoting import did_you_mean
from datagen_nb.synth import alike, packing
from datagen_nb.synth.drawn import Columns, Drawn, Ints
from datagen_nb.synth.model import Above, Model, Part
from datagen_nb.synth.relational.keys import Key
from datagen_nb.synth.relational.links import Division, Link, Shares, TableModel
from datagen_nb.synth.stage import Given, Streams


@dataclass(frozen=True, slots=True, eq=False)
class _Slice:
    """Rows of a table, and what is known of each."""

    table: pa.Table
    given: Given


@dataclass(frozen=True, slots=True, eq=False)
class _Parents:
    """Rows that rows of another table belong to, and what these have of them."""

    rows: _Slice
    sizes: Ints
    given: Given
    drawn: Columns
    made: Columns

    @classmethod
    def joined(cls, pieces: Sequence[_Parents]) -> _Parents:
        """The rows of several slices."""
        first = pieces[0]
        if len(pieces) == 1:
            return first
        return cls(
            _Slice(
                pa.concat_tables([one.rows.table for one in pieces]),
                _stacked([one.rows.given for one in pieces]),
            ),
            np.concatenate([one.sizes for one in pieces]),
            _stacked([one.given for one in pieces]),
            {name: pa.concat_arrays([one.drawn[name] for one in pieces]) for name in first.drawn},
            {name: pa.concat_arrays([one.made[name] for one in pieces]) for name in first.made},
        )

    def above(self, of: Ints) -> Above:
        """What rows belong to; those of no number belong to none, the last."""
        return Above(of, self.given.with_none(), _with_null(self.drawn), _with_null(self.made))


@dataclass(frozen=True, slots=True, eq=False)
class RelationalModel:
    """What was fitted of several tables.

    Attributes:
        tables: By name, each after those that it has keys to.
        keys: Between them, those that follow from others too.
        seed: Of everything that is drawn.
        warnings: What a user should know, in sentences.
    """

    tables: dict[str, TableModel]
    keys: tuple[Key, ...]
    seed: int
    warnings: tuple[str, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        """The tables that belong to no other."""
        return tuple(name for name, table in self.tables.items() if not table.links)

    def root_of(self, name: str) -> str:
        """The root that a table belongs to, over others."""
        while links := self.tables[name].links:
            name = links[0].key.parent
        return name

    def divisions(self, rows: Mapping[str, int], *, cells: int) -> dict[str, Division]:
        """Divide what is to be made into slices.

        Args:
            rows: Of some roots; of the others as many as the input has.
            cells: Rows times columns of a slice, about, over all of its tables.

        Raises:
            InputError: Rows are asked for of what is no root.

        Example:
            ```python
            divisions = model.divisions({"customers": 5_000}, cells=500_000)
            made = model.generate("customers", 0, divisions)
            ```
        """
        for name in rows:
            self._check_root(name)
        found = {}
        for root in self.roots:
            total = rows.get(root, self.tables[root].input_rows)
            of_root = sum(
                table.rows * len(table.schema)
                for name, table in self.tables.items()
                if self.root_of(name) == root
            )
            each = max(cells * self.tables[root].rows // of_root, 1)
            found[root] = Division(total, min(each, total))
        return found

    def _check_root(self, name: str) -> None:
        if name in self.roots:
            return
        if name in self.tables:
            root = self.root_of(name)
            message = (
                f"How many rows {name!r} has follows from those of {root!r}. Ask for rows of "
                f"{root!r} instead."
            )
        else:
            message = f"There is no table {name!r}. {did_you_mean(name, self.roots)}"
        raise InputError(message, code="unfit_rows", details={"table": name, "retryHelps": False})

    def kinds_of(self, name: str) -> dict[str, str]:
        """Kind of each column of a table; what is copied has that of the other table's."""
        table = self.tables[name]
        found = dict(table.model.kinds) if table.model else {}
        for link in table.links:
            kinds = self.kinds_of(link.key.parent)
            found |= {column: kinds[other] for column, other in link.copies.items()}
        return {field.name: found[field.name] for field in table.schema}

    def codecs_of(self, name: str) -> dict[str, Codec]:
        """How columns of a table are spelled; what is copied as in the other table."""
        table = self.tables[name]
        found = dict(table.model.codecs) if table.model else {}
        for link in table.links:
            codecs = self.codecs_of(link.key.parent)
            found |= {
                column: codecs[other] for column, other in link.copies.items() if other in codecs
            }
        return found

    def generate(
        self, root: str, index: int, divisions: Mapping[str, Division]
    ) -> dict[str, pa.Table]:
        """Make a slice.

        Args:
            root: The table of whose rows it is.
            index: Its number.
            divisions: Of each root.

        Returns:
            By name, the rows of the root and of each table that belongs to it.
        """
        drawing = _Drawing(self, divisions, {})
        return {
            name: drawing.slice(name, index).table
            for name in self.tables
            if self.root_of(name) == root
        }

    def to_bytes(self) -> bytes:
        """Keep the model: the same model gives the same bytes."""
        return packing.to_bytes(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Take up a model that was kept.

        Raises:
            packing.OtherFormat: Another version of the package kept it.
            ValueError: The bytes are damaged, or are no model of several tables.
        """
        model = packing.from_bytes(data)
        if not isinstance(model, cls):
            raise ValueError("it is no model of several tables")
        return model


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Slices while they are made; each is made once."""

    model: RelationalModel
    divisions: Mapping[str, Division]
    made: dict[tuple[str, int], _Slice]

    def slice(self, name: str, index: int) -> _Slice:
        place = name, index
        if place not in self.made:
            self.made[place] = self._drawn(name, index)
        return self.made[place]

    def _drawn(self, name: str, index: int) -> _Slice:
        table, root = self.model.tables[name], self.model.root_of(name)
        division = self.divisions[root]
        if not table.links:
            assert table.model is not None, "a root has columns"  # noqa: S101, of our own
            part = self._part(table.model, root, index)
            drawn, given = part.draw_below((), division.of(index))
            return _Slice(part.table(drawn), given)
        first, *others = table.links
        parents = [self._parents(first, index)]
        owners = [self._belonging(first, parents[0], index)]
        rows = len(owners[0])
        if not rows:
            return _Slice(table.schema.empty_table(), Given.nothing(0))
        for link in others:
            beside, shares = self._beside(link, index)
            parents.append(beside)
            owners.append(self._chosen(link, beside, shares, rows, index))
        above = [one.above(of) for one, of in zip(parents, owners, strict=True)]
        columns: Columns = {}
        given = Given.nothing(rows)
        if table.model is not None:
            part = self._part(table.model, root, index)
            drawn, given = part.draw_below(above, rows)
            made = part.table(drawn, above)
            columns = {name: made[name].combine_chunks() for name in made.column_names}
        else:
            for one in above:
                given = given.beside(one.given.take(one.of))
        for link, parent, of in zip(table.links, parents, owners, strict=True):
            columns |= _copied(link, parent.rows.table, of)
        arrays = [_typed(columns[field.name], field.type) for field in table.schema]
        return _Slice(pa.Table.from_arrays(arrays, schema=table.schema), given)

    def _part(self, model: Model, root: str, index: int) -> Part:
        """Numbers of rows differ over all slices, however many rows each has."""
        return Part(model, index, offset=index, stride=self.divisions[root].count)

    def _parents(self, link: Link, index: int) -> _Parents:
        """A slice of the table of a key, with what depends on the key: alike for all rows."""
        rows = self.slice(link.key.parent, index)
        model, level = self.model.tables[link.key.table].model, link.level
        count = rows.table.num_rows
        if not count:
            return _Parents(rows, np.zeros(0, dtype=np.int64), rows.given, {}, {})
        sizes = link.drawn_sizes(rows.given, self._streams(link, "rows", index))
        if model is None or level is None:
            return _Parents(rows, sizes, rows.given, {}, {})
        known = rows.given.beside(alike.given_of(sizes))
        table, given = level.stage.draw(known, self._streams(link, "level", index))
        own = [name for name in table.column_names if name in level.columns]
        drawn = {name: table[name].combine_chunks() for name in own}
        part = self._part(model, self.model.root_of(link.key.parent), index)
        missing = {name: one for name, one in drawn.items() if name in model.makers}
        made = part.make(level.columns, Drawn(count, {}, missing, ()))
        return _Parents(rows, sizes, given, drawn, made)

    def _belonging(self, link: Link, parents: _Parents, index: int) -> Ints:
        """Hand out rows to those that they belong to, as many to each as is drawn."""
        count = parents.rows.table.num_rows
        of = np.repeat(np.arange(count), parents.sizes)
        random = self._random(link, "order", index)
        alone = int(link.alone * len(of) + random.random())
        of = np.concatenate([of, np.full(alone, count)])
        return of if link.together else random.permutation(of)

    def _chosen(self, link: Link, parents: _Parents, shares: Shares, rows: int, index: int) -> Ints:
        """Draw for each row what else it belongs to."""
        count = parents.rows.table.num_rows
        random = self._random(link, "chosen", index)
        total = shares.sum()
        of = random.choice(count, rows, p=shares / total if total else None)
        if link.alone:
            of[random.random(rows) < link.alone / (1 + link.alone)] = count
        return of

    def _beside(self, link: Link, index: int) -> tuple[_Parents, Shares]:
        """Rows that rows refer to beside those that they belong to, and how often they do.

        They are of the slices that lie at the same share of all slices; if these are empty, of
        the next that is not.
        """
        own = self.divisions[self.model.root_of(link.key.table)].count
        count = self.divisions[self.model.root_of(link.key.parent)].count
        begin = index * count // own
        end = max((index + 1) * count // own, begin + 1)
        wanted = [*range(begin, end), *(place % count for place in range(end, begin + count))]
        pieces: list[_Parents] = []
        shares: list[Shares] = []
        for place in wanted:
            if len(pieces) == end - begin:
                break
            piece = self._parents(link, place)
            if piece.rows.table.num_rows:
                pieces.append(piece)
                shares.append(link.shares(piece.sizes))
        return _Parents.joined(pieces), np.concatenate(shares)

    def _streams(self, link: Link, use: str, index: int) -> Streams:
        return lambda place: self._random(link, f"{use} {place}", index)

    def _random(self, link: Link, use: str, index: int) -> np.random.Generator:
        words = crc32(f"{use} {link.key}".encode())
        return np.random.default_rng([self.model.seed, words, index])


def _stacked(pieces: Sequence[Given]) -> Given:
    return Given(np.vstack([one.codes for one in pieces]), pieces[0].unordered)


def _with_null(columns: Columns) -> Columns:
    return {name: pa.concat_arrays([one, pa.nulls(1, one.type)]) for name, one in columns.items()}


def _copied(link: Link, parents: pa.Table, of: Ints) -> Columns:
    """What rows repeat of those that they belong to; null where they belong to none."""
    places = pa.array(of, mask=of >= parents.num_rows)
    return {name: parents[own].combine_chunks().take(places) for name, own in link.copies.items()}


def _typed(values: pa.Array, type: pa.DataType) -> pa.Array:
    return values if values.type == type else values.cast(type)
