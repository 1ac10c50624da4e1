"""Nested columns as flat ones, and back: objects, lists of values, lists of objects.

    user: {"id": 7, "geo": {"lat": 1.5}}   user.id, user.geo.lat
    tags: ["a", "b"]                       tags: '["a", "b"]', where few lists are many rows'
                                           tags.0, tags.1, … otherwise
    cart: {"n": 3} or null                 cart.n, and cart: true or false where no field tells

What is kept are types, lengths and names, no values. A null object differs from an object of
nulls, and a null list from an empty one. Lists with missing elements, maps, and what is nested or
wide beyond the bounds are refused by name.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.tables.json_values import literals

METADATA_KEY = b"datagen_nb.nested"

Columns = dict[str, pa.Array]


@dataclass(frozen=True, slots=True)
class Nested:
    """How the columns of a table are nested.

    Attributes:
        schema: Of the nested table.
        separator: Between the parts of a flat column's name.
        lengths: Elements at most, for each list that is divided; others are kept whole.
        flags: Objects and lists with a flat column of their own, which tells whether they are null.
        anchors: For each other object that may be null, the flat column that is null with it.
        distinct: Divided lists that hold no value twice.
    """

    schema: pa.Schema
    separator: str = "."
    lengths: Mapping[str, int] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    anchors: Mapping[str, str] = field(default_factory=dict)
    distinct: tuple[str, ...] = ()

    @classmethod
    def of(cls, schema: pa.Schema) -> Nested | None:
        """What the metadata of a flat schema carry; ``None`` if the table is flat itself."""
        data = (schema.metadata or {}).get(METADATA_KEY)
        if data is None:
            return None
        found = json.loads(data)
        nested = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(found.pop("schema"))))
        for name in ("flags", "distinct"):
            found[name] = tuple(found[name])
        return cls(schema=nested, **found)

    def attach(self, schema: pa.Schema) -> pa.Schema:
        """A flat schema with this in its metadata."""
        body = {
            "schema": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
            "separator": self.separator,
            "lengths": dict(self.lengths),
            "flags": self.flags,
            "anchors": dict(self.anchors),
            "distinct": self.distinct,
        }
        metadata = {**(schema.metadata or {}), METADATA_KEY: json.dumps(body).encode()}
        return schema.with_metadata(metadata)

    def with_schema(self, schema: pa.Schema) -> Self:
        """The same for a table with other types of values."""
        return replace(self, schema=schema)

    def paths(self) -> list[str]:
        """The columns and the fields of objects, those within lists left out."""
        found: list[str] = []
        for each in self.schema:
            self._add_paths(each.name, each.type, found)
        return found

    def _add_paths(self, path: str, type: pa.DataType, out: list[str]) -> None:
        out.append(path)
        if pa.types.is_struct(type):
            for each in type:
                self._add_paths(self._join(path, each.name), each.type, out)

    def without(self, paths: Collection[str]) -> Self:
        """The same for a table without some of its ``paths``, and objects of which none is left.

        An object that was null with a field which is left out gets a flag.
        """
        fields = [self._pruned(each.name, each, paths) for each in self.schema]
        left = replace(self, schema=pa.schema([each for each in fields if each is not None]))
        kept = left.paths()
        lost = [
            path
            for path, anchor in self.anchors.items()
            if path in kept and anchor in self.paths() and anchor not in kept
        ]
        roots = tuple(f"{path}{self.separator}" for path in paths)

        def is_kept(path: str) -> bool:
            return path not in paths and not path.startswith(roots)

        return replace(
            left,
            lengths={path: one for path, one in self.lengths.items() if is_kept(path)},
            flags=(*filter(is_kept, self.flags), *lost),
            anchors={
                path: one for path, one in self.anchors.items() if is_kept(path) and is_kept(one)
            },
            distinct=tuple(filter(is_kept, self.distinct)),
        )

    def _pruned(self, path: str, field: pa.Field, paths: Collection[str]) -> pa.Field | None:
        if path in paths:
            return None
        if not pa.types.is_struct(field.type) or not field.type.num_fields:
            return field
        fields = [self._pruned(self._join(path, each.name), each, paths) for each in field.type]
        left = [each for each in fields if each is not None]
        return field.with_type(pa.struct(left)) if left else None

    def flat_schema(self) -> pa.Schema:
        """Names and types of the flat columns."""
        return self.flatten(pa.RecordBatch.from_pylist([], self.schema)).schema

    def flatten(self, table: pa.RecordBatch | pa.Table) -> pa.RecordBatch:
        """The same rows in flat columns."""
        columns: Columns = {}
        for each in self.schema:
            column = table.column(table.schema.names.index(each.name))
            if isinstance(column, pa.ChunkedArray):
                column = column.combine_chunks()
            self._flatten(each.name, column, columns)
        return pa.record_batch(list(columns.values()), names=list(columns))

    def rebuild(self, table: pa.Table) -> pa.Table:
        """The nested rows of flat columns that were made anew."""
        flat = {
            name: column.combine_chunks()
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
        columns = [self._rebuild(each.name, each.type, flat) for each in self.schema]
        return pa.Table.from_arrays(columns, schema=self.schema)

    def _flatten(self, path: str, column: pa.Array, out: Columns) -> None:
        type = column.type
        if pa.types.is_struct(type):
            if path in self.flags:
                out[path] = column.is_valid()
            for each, child in zip(type, column.flatten(), strict=True):
                self._flatten(self._join(path, each.name), child, out)
        elif pa.types.is_dictionary(type):
            out[path] = column.dictionary_decode()
        elif not is_list(type):
            out[path] = column
        elif path not in self.lengths:
            out[path] = literals(column)
        else:
            if path in self.flags:
                out[path] = column.is_valid()
            for place in range(self.lengths[path]):
                self._flatten(self._join(path, place), _element(column, place), out)

    def _rebuild(self, path: str, type: pa.DataType, flat: Mapping[str, pa.Array]) -> pa.Array:
        if pa.types.is_struct(type):
            children = [
                self._rebuild(self._join(path, each.name), each.type, flat) for each in type
            ]
            valid = self._valid(path, flat)
            mask = None if valid is None else pc.invert(valid)
            if not children:  # of no fields: its flag is all there is
                return pa.array([None if null else {} for null in mask or ()], type)
            return pa.StructArray.from_arrays(children, fields=list(type), mask=mask)
        if not is_list(type):
            return flat[path].cast(type)
        if path not in self.lengths:
            return _parsed(flat[path], type)
        elements = [
            self._rebuild(self._join(path, place), type.value_type, flat)
            for place in range(self.lengths[path])
        ]
        return _listed(elements, self._valid(path, flat), type, distinct=path in self.distinct)

    def _valid(self, path: str, flat: Mapping[str, pa.Array]) -> pa.Array | None:
        """Whether an object or a list is there; ``None`` if it always is."""
        if path in self.flags:
            return pc.fill_null(flat[path], fill_value=True)
        if path in self.anchors:
            return flat[self.anchors[path]].is_valid()
        return None

    def _join(self, path: str, key: str | int) -> str:
        return f"{path}{self.separator}{key}"


def is_list(type: pa.DataType) -> bool:
    """Whether values of a type are lists, of a fixed length or not."""
    checks = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(check(type) for check in checks)


def is_nested(schema: pa.Schema) -> bool:
    """Whether a table has columns of objects or lists."""
    return any(pa.types.is_struct(type) or is_list(type) for type in schema.types)


def _element(column: pa.Array, place: int) -> pa.Array:
    """The elements at one place of lists; null where a list is shorter."""
    if pa.types.is_fixed_size_list(column.type):
        column = column.cast(pa.list_(column.type.value_type))
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    offsets = column.offsets.to_numpy()[: len(column)]
    there = lengths > place
    rows = pa.array(np.where(there, offsets + place, 0), mask=~there)
    return column.values.take(rows)


def _listed(
    elements: list[pa.Array], valid: pa.Array | None, type: pa.DataType, *, distinct: bool
) -> pa.Array:
    """Lists of the elements that are there."""
    rows = len(elements[0]) if elements else len(valid or ())
    there = np.array([element.is_valid() for element in elements], dtype=bool)
    there = there.reshape(len(elements), rows)
    values = pa.concat_arrays(elements) if elements else pa.array([], type.value_type)
    if distinct and len(elements) > 1 and not pa.types.is_nested(values.type):
        there &= ~_seen_before(values, len(elements), rows)
    if valid is not None:
        there &= valid.to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=0))])
    row, place = np.nonzero(there.T)
    taken = values.take(pa.array(place * rows + row))
    mask = None if valid is None else pc.invert(valid)
    plain = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), taken, mask=mask)
    return plain.cast(type)


def _seen_before(values: pa.Array, places: int, rows: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether a value stands at an earlier place of its row too."""
    codes = values.dictionary_encode().indices.fill_null(-1).to_numpy().reshape(places, rows)
    seen = np.zeros((places, rows), dtype=bool)
    for place in range(1, places):
        seen[place] = (codes[:place] == codes[place]).any(axis=0)
    return seen


def _parsed(texts: pa.Array, type: pa.DataType) -> pa.Array:
    """Lists whose JSON a column holds; a text that is none, as of a pooled value, is empty."""
    encoded = texts.dictionary_encode()
    lists = [_list_of(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(lists, type).take(encoded.indices)


def _list_of(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return found if isinstance(found, list) else []
