"""A table without some of its columns: neither they nor what its form says of them remain."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

import pyarrow as pa

from datagen_nb.core.quoting import brief_repr, did_you_mean
from datagen_nb.tables.dialect import Dialect
from datagen_nb.tables.input_errors import input_error
from datagen_nb.tables.nested import Nested

Rows = TypeVar("Rows", pa.RecordBatch, pa.Table)


def without(rows: Rows, excluded: Sequence[str], name: str) -> Rows:
    """Rows without some columns.

    Args:
        rows: As ``read_batches`` gives them.
        excluded: Names of columns; of a nested table also paths, as ``user.geo``.
        name: What messages call the table.

    Raises:
        InputError: It has no such column (``unknown_column``), or no other (``no_columns``).

    Example:
        >>> without(pa.table({"a": [1], "b": [2]}), ["b"], "t.csv").column_names
        ['a']
    """
    if not excluded:
        return rows
    nested = Nested.of(rows.schema)
    known = dict.fromkeys(rows.schema.names if nested is None else nested.paths())
    for one in excluded:
        if one not in known:
            raise input_error(
                "unknown_column",
                name,
                f"has no column {brief_repr(one)}, which parameters.exclude names",
                did_you_mean(one, known),
                column=one,
            )
    paths = frozenset(excluded)
    kept = _flat(rows, paths) if nested is None else _nested(rows, nested, paths)
    if not kept.schema.names:
        raise input_error(
            "no_columns",
            name,
            "has no column that parameters.exclude does not name",
            "Leave one out of it.",
        )
    return kept


def _flat(rows: Rows, excluded: Collection[str]) -> Rows:
    places = [place for place, one in enumerate(rows.schema.names) if one not in excluded]
    fields = [rows.schema.field(place) for place in places]
    dialect = Dialect.of(rows.schema).of_columns(places)
    schema = dialect.attach(pa.schema(fields, metadata=rows.schema.metadata))
    return type(rows).from_arrays([rows.column(place) for place in places], schema=schema)


def _nested(rows: Rows, nested: Nested, excluded: Collection[str]) -> Rows:
    left = nested.without(excluded)
    names = rows.schema.names
    columns, fields = [], []
    for each in left.flat_schema():
        if each.name in names:
            columns.append(rows.column(each.name))
            fields.append(rows.schema.field(each.name))
        else:  # an object that was null with a field which is gone
            anchor = rows.column(nested.anchors[each.name])
            columns.append(anchor.is_valid())
            fields.append(each)
    schema = left.attach(pa.schema(fields, metadata=rows.schema.metadata))
    return type(rows).from_arrays(columns, schema=schema)
