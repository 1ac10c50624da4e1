"""The shape of a JSON table: flat columns, keys that objects may lack, whole floats.

A key that is sometimes absent and never ``null`` is left out where its value is missing; all
others are there in every object.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from datagen_nb.tables.json_columns import JsonColumn, Values, restored, values_by_key
from datagen_nb.tables.json_lines import Row
from datagen_nb.tables.json_values import Spelling
from datagen_nb.tables.nested import Nested
from datagen_nb.tables.nested_profile import NestedProfile
from datagen_nb.tables.values import from_text

OMITTED_KEY, BARE_WHOLE_KEY = b"datagen_nb.omitted", b"datagen_nb.bare_whole"


def spelling_of(schema: pa.Schema) -> Spelling:
    """How rows of a table that was read from JSON are written."""
    metadata = schema.metadata or {}
    omitted, bare_whole = (
        frozenset(json.loads(metadata.get(key, b"[]"))) for key in (OMITTED_KEY, BARE_WHOLE_KEY)
    )
    return Spelling(omitted, bare_whole)


class Shapes:
    """Which keys objects lack, and which hold ``null``."""

    def __init__(self) -> None:
        self._all: dict[str, set[str]] = {}
        self._common: dict[str, set[str]] = {}
        self._nulls: set[str] = set()

    def add(self, rows: Sequence[Row], by_key: Mapping[str, Values], prefix: str = "") -> None:
        """Take objects into account, and those within them.

        Args:
            rows: The objects.
            by_key: What ``values_by_key`` gives for them.
            prefix: Of the paths of their keys.
        """
        is_complete = set(map(len, rows)) == {len(by_key)}
        common = set(by_key) if is_complete else set(by_key).intersection(*rows)
        self._all.setdefault(prefix, set()).update(by_key)
        self._common[prefix] = common & self._common.get(prefix, common)
        for key, values in by_key.items():
            kinds = set(map(type, values))
            if type(None) in kinds and (
                key in common or any(key in row and row[key] is None for row in rows)
            ):
                self._nulls.add(prefix + key)
            if dict in kinds:
                inner = [value for value in values if type(value) is dict]
                self.add(inner, values_by_key(inner), f"{prefix}{key}.")

    def omitted(self) -> tuple[str, ...]:
        """Paths of keys that some objects lack, and none has with a null."""
        return tuple(
            prefix + key
            for prefix, every in self._all.items()
            for key in every - self._common[prefix]
            if prefix + key not in self._nulls
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """How the columns of a JSON table become flat ones.

    Attributes:
        schema: Of the flat table.
        raw: Of the nested one, in which times are texts yet; ``None`` for a table that is flat.
    """

    schema: pa.Schema
    raw: Nested | None

    @classmethod
    def of(
        cls, columns: Mapping[str, JsonColumn], profile: NestedProfile, omitted: Iterable[str]
    ) -> Layout:
        """The layout of these columns; how they are written is in its schema's metadata."""
        schema = pa.schema([(key, column.type) for key, column in columns.items()])
        flat, nested = schema, profile.nested(schema)
        if nested is not None:
            times = {
                path: guess.type
                for column in columns.values()
                for path, guess in column.times.items()
            }
            fields = [(each.name, _timed((each.name,), each.type, times)) for each in schema]
            timed = nested.with_schema(pa.schema(fields))
            flat = timed.attach(timed.flat_schema())
        bare_whole = [key for key, column in columns.items() if column.has_bare_whole]
        spelling = {OMITTED_KEY: sorted(omitted), BARE_WHOLE_KEY: bare_whole}
        if texts := {key: json.dumps(paths).encode() for key, paths in spelling.items() if paths}:
            flat = flat.with_metadata((flat.metadata or {}) | texts)
        return cls(flat, nested)

    def flat(self, columns: Sequence[pa.Array]) -> pa.RecordBatch:
        """Rows in flat columns of their final types."""
        if self.raw is None:
            return pa.record_batch(list(columns), schema=self.schema)
        batch = self.raw.flatten(pa.record_batch(list(columns), schema=self.raw.schema))
        made = [
            column if column.type == each.type else from_text(column, each.type)
            for column, each in zip(batch.columns, self.schema, strict=True)
        ]
        return pa.record_batch(made, schema=self.schema)


def read_nested(
    nested: Nested, by_key: Mapping[str, Values], nothing: Values, schema: pa.Schema
) -> pa.RecordBatch:
    """Rows that were written as nested JSON, in flat columns of a schema."""
    columns: list[Any] = []
    for each in nested.schema:
        values = by_key.get(each.name, nothing)
        if pa.types.is_nested(each.type):
            columns.append(pa.array(values, _as_json(each.type)))
        else:
            columns.append(restored(values, each.type))
    batch = nested.flatten(pa.record_batch(columns, names=nested.schema.names))
    made = [
        column.cast(each.type) if not pa.types.is_string(column.type)
        else from_text(column, each.type)
        for column, each in zip(batch.columns, schema, strict=True)
    ]  # fmt: skip
    return pa.record_batch(made, schema=schema)


def _timed(
    path: tuple[str, ...], type: pa.DataType, times: Mapping[tuple[str, ...], pa.DataType]
) -> pa.DataType:
    if pa.types.is_struct(type):
        fields = [(each.name, _timed((*path, each.name), each.type, times)) for each in type]
        return pa.struct(fields)
    return times.get(path, type) if pa.types.is_string(type) else type


def _as_json(type: pa.DataType) -> pa.DataType:
    """The type that values have when they are read from JSON."""
    if pa.types.is_struct(type):
        return pa.struct([(each.name, _as_json(each.type)) for each in type])
    if pa.types.is_nested(type):
        return pa.list_(_as_json(type.value_type))
    checks = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return type if any(check(type) for check in checks) else pa.string()
