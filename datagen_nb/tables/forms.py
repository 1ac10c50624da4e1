"""What a table is apart from its values: the types of a frame, the dialect of a file, its nesting.

While rows are made a table is plain: flat columns of simple types. Its form travels in the
metadata of the Arrow schema, and is given to the rows when they are written or handed out.

    schema.metadata[b"pandas"]               types of pandas that Arrow does not have
    schema.metadata[b"datagen_nb.csv"]       see ``dialect``
    schema.metadata[b"datagen_nb.nested"]    see ``nested``
    schema.metadata[b"datagen_nb.omitted"]   see ``json_shapes``, as of the next
    schema.metadata[b"datagen_nb.bare_whole"]
    field.metadata[b"datagen_nb.levels"]     categories of a column, in their order
    field.metadata[b"datagen_nb.unit"]       seconds, which Parquet has not
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.arrow_streams import read_table
from datagen_nb.tables.nested import Nested

PANDAS_KEY = b"pandas"
LEVELS_KEY = b"datagen_nb.levels"
ORDERED_KEY = b"datagen_nb.ordered"

UNIT_KEY = b"datagen_nb.unit"

MAX_LEVELS = 10_000
"""Categories of a column that are kept; one of more is a column of plain values."""


def form_of(schema: pa.Schema) -> pa.Schema:
    """A schema with what pandas needs as metadata, and nothing else there.

    Pandas' own metadata hold attributes of the frame, which may be anything, how long its index
    is and how many categories a column has; all are left out.
    """
    kept = _pandas_metadata((schema.metadata or {}).get(PANDAS_KEY, b""), schema.names)
    return schema.with_metadata({PANDAS_KEY: kept} if kept else None)


def with_form(schema: pa.Schema, form: pa.Schema) -> pa.Schema:
    """A schema of the same columns with the form of another one."""
    fields = [
        field.with_metadata(form.field(field.name).metadata)
        if field.name in form.names
        else field.remove_metadata()
        for field in schema
    ]
    return pa.schema(fields, metadata=form.metadata)


def plain(batch: pa.RecordBatch, form: pa.Schema) -> pa.RecordBatch:
    """A batch whose categories are plain values, with a form."""
    columns = [_plain(column, field) for column, field in zip(batch.columns, form, strict=True)]
    fields = [
        pa.field(name, column.type, metadata=form.field(place).metadata)
        for place, (name, column) in enumerate(zip(batch.schema.names, columns, strict=True))
    ]
    return pa.record_batch(columns, schema=pa.schema(fields, metadata=form.metadata))


def flattened(batch: pa.RecordBatch, nested: Nested) -> pa.RecordBatch:
    """A nested batch in flat columns, with its form."""
    flat = nested.flatten(batch)
    schema = nested.attach(with_form(flat.schema, batch.schema))
    return pa.record_batch(flat.columns, schema=schema)


def presented(table: pa.Table) -> pa.Table:
    """A plain table as its input was: nested, with categories, and without our metadata."""
    form = form_of(table.schema)
    if (nested := Nested.of(table.schema)) is not None:
        rebuilt = nested.rebuild(table)
        table = rebuilt.cast(with_form(rebuilt.schema, table.schema))
    table = categorical(table)
    fields = [field.remove_metadata() for field in table.schema]
    return table.cast(pa.schema(fields, metadata=form.metadata))


def _plain(column: pa.Array, field: pa.Field) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    if UNIT_KEY in (field.metadata or {}) and pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("s", column.type.tz))
    return column


def with_types(table: pa.Table | pa.RecordBatch) -> pa.Schema:
    """The schema of a table with what Parquet would lose of its types as metadata."""
    schema = table.schema
    for place, field in enumerate(schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "s":
            schema = schema.set(place, field.with_metadata({UNIT_KEY: b"s"}))
        if not pa.types.is_dictionary(field.type) or LEVELS_KEY in (field.metadata or {}):
            continue
        column = table.column(place)
        if isinstance(column, pa.ChunkedArray):
            column = column.unify_dictionaries()
            if not column.num_chunks:
                continue
            column = column.chunk(0)
        levels = column.dictionary
        if len(levels) <= MAX_LEVELS and not pa.types.is_nested(levels.type):
            schema = schema.set(place, _with_levels(field, levels, ordered=field.type.ordered))
    return schema


def categorical(table: pa.Table) -> pa.Table:
    """A plain table with its columns of categories as dictionaries, in the order of the form."""
    for place, field in enumerate(table.schema):
        levels = levels_of(field)
        if levels is None or pa.types.is_dictionary(field.type):
            continue
        values = table.column(place).cast(levels.type)
        others = pc.unique(values.drop_null()).filter(
            pc.invert(pc.is_in(pc.unique(values.drop_null()), levels))
        )
        if len(others):  # made anew, or pooled
            others = others.take(pc.sort_indices(others))
            levels = pa.concat_arrays([levels, others])
        is_ordered = ORDERED_KEY in (field.metadata or {})
        made = [
            pa.DictionaryArray.from_arrays(pc.index_in(chunk, levels), levels, ordered=is_ordered)
            for chunk in values.chunks
        ]
        type = pa.dictionary(pa.int32(), levels.type, ordered=is_ordered)
        column = pa.chunked_array(made, type)
        table = table.set_column(place, field.with_type(type), column)
    return table


def levels_of(field: pa.Field) -> pa.Array | None:
    """The categories that a field carries."""
    data = (field.metadata or {}).get(LEVELS_KEY)
    if data is None:
        return None
    return read_table(data).column(0).combine_chunks()


def _with_levels(field: pa.Field, levels: pa.Array, *, ordered: bool) -> pa.Field:
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([levels], names=["levels"])
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    metadata = {LEVELS_KEY: sink.getvalue().to_pybytes()}
    return field.with_metadata(metadata | ({ORDERED_KEY: b"1"} if ordered else {}))


class LevelCounts:
    """How many rows each category has, over all rows.

    A category that a form declares is kept where no row has it, or enough do: one that few have
    would give away that they are there.
    """

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Any]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows into account."""
        for field, column in zip(batch.schema, batch.columns, strict=True):
            if LEVELS_KEY in (field.metadata or {}):
                found = column.value_counts()
                pairs = zip(*(part.to_pylist() for part in found.flatten()), strict=True)
                self._counts.setdefault(field.name, Counter()).update(dict(pairs))

    def without_rare(self, schema: pa.Schema, least: int) -> pa.Schema:
        """The schema without the categories that some rows have, and fewer than ``least``."""
        for place, field in enumerate(schema):
            levels = levels_of(field)
            if levels is None:
                continue
            counts = self._counts.get(field.name, Counter())
            kept = [not 0 < counts[level] < least for level in levels.to_pylist()]
            if not all(kept):
                ordered = ORDERED_KEY in field.metadata
                schema = schema.set(
                    place, _with_levels(field, levels.filter(pa.array(kept)), ordered=ordered)
                )
        return schema


def without_levels(schema: pa.Schema) -> pa.Schema:
    """The schema whose columns of categories declare none: those of the rows are found in them."""
    for place, field in enumerate(schema):
        if (levels := levels_of(field)) is not None:
            ordered = ORDERED_KEY in field.metadata
            # An empty slice would be written with the length of the texts that it is cut from.
            none = pa.array([], levels.type)
            schema = schema.set(place, _with_levels(field, none, ordered=ordered))
    return schema


def _pandas_metadata(data: bytes, names: list[str]) -> bytes | None:
    """What says how columns were typed in pandas; ``None`` if it is not what pandas writes."""
    try:
        found = json.loads(data)
        columns = [_typed(one) for one in found["columns"] if one["field_name"] in names]
        index = [name for name in found["index_columns"] if name in names]
        kept = {
            "index_columns": index,
            "column_indexes": found["column_indexes"],
            "columns": columns,
            "pandas_version": found["pandas_version"],
        }
    except (ValueError, KeyError, TypeError):
        return None
    return json.dumps(kept).encode()


def _typed(column: dict[str, Any]) -> dict[str, Any]:
    """What pandas keeps of a column, but for how many categories it has."""
    if column["pandas_type"] != "categorical":
        return column
    return {**column, "numpy_type": "object", "metadata": None}
