"""Columns and cells of a viewer as its browser side shows them."""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa

from datagen_nb.core.inert import inert
from datagen_nb.tables.cells import as_text, is_number
from datagen_nb.tables.view.engine import Engine
from datagen_nb.tables.view.formats import formats_of, written
from datagen_nb.tables.view.query import Query
from datagen_nb.tables.view.types import kind_of

MAX_SHOWN_LENGTH = 1_000
"""Characters of a cell in a row; an ellipsis stands for the rest."""

MOST_SHOWN = MAX_SHOWN_LENGTH + 1
"""Characters that are read of it, so that it shows that there are more."""

MAX_NAME_LENGTH = 200
MAX_TYPE_LENGTH = 80

MEASURED_COLUMNS = 100
HEAD_ROWS, TAIL_ROWS = 30, 20
"""Columns and rows whose texts decide how wide a column is at first."""

CHARACTER, PADDING, HEADER = 8.2, 20, 70
MIN_WIDTH, MAX_WIDTH = 72, 320
"""Pixels of a character, around a cell, of what is beside a name, and of a column."""


def columns_of(engine: Engine, query: Query) -> dict[str, Any]:
    """The columns, as wide as the query's formats write them.

    Their form is ``SentColumns`` in ``widgets/src/viewer/protocol.ts``. Ten thousand columns are
    some 200 kB in it: a type is there once, for all that have it.
    """
    longest = _longest(engine, query)
    types: dict[pa.DataType, int] = {}
    columns = [
        (
            inert(field.name, longest=MAX_NAME_LENGTH),
            types.setdefault(field.type, len(types)),
            _width(field.name, longest[place] if place < len(longest) else 8),
        )
        for place, field in enumerate(engine.schema)
    ]
    return {"types": [_described(type_) for type_ in types], "columns": columns}


def _described(type_: pa.DataType) -> dict[str, Any]:
    return {
        "type": shorten(str(type_), MAX_TYPE_LENGTH),
        "kind": kind_of(type_),
        "isNumber": is_number(_values(type_)),
    }


def cell_texts(column: pa.ChunkedArray) -> list[str | None]:
    """The cells of a column as text, the long ones cut."""
    texts = as_text(column).to_pylist()
    return [None if text is None else shorten(text, MAX_SHOWN_LENGTH) for text in texts]


def shorten(text: str, length: int = 40) -> str:
    """A text of at most some characters; an ellipsis stands for the rest."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def tab_separated(table: pa.Table, *, with_header: bool) -> str:
    """Cells as a spreadsheet takes them from the clipboard; a null is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, dialect="excel-tab", lineterminator="\n")
    if with_header:
        writer.writerow(table.column_names)
    columns = [as_text(column).to_pylist() for column in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().removesuffix("\n")


def _longest(engine: Engine, query: Query) -> list[int]:
    """Characters of the longest cell of each column, among the first and the last rows."""
    columns = range(min(len(engine.schema), MEASURED_COLUMNS))
    rows = engine.num_rows
    ends = [(0, HEAD_ROWS)]
    if rows > HEAD_ROWS:
        ends.append((max(HEAD_ROWS, rows - TAIL_ROWS), rows))
    tables = [
        engine.rows(engine.whole, *end, columns, most=MOST_SHOWN, lane="widths") for end in ends
    ]
    formats = formats_of(query)
    types = engine.schema.types
    return [
        max(
            (
                len(text or "null")
                for table in tables
                for text in written(
                    cell_texts(table.column(place)), types[place], formats.get(place)
                )
            ),
            default=0,
        )
        for place in columns
    ]


def _width(name: str, longest: int) -> int:
    text = max(CHARACTER * longest + PADDING, CHARACTER * len(name) + HEADER)
    return round(min(max(MIN_WIDTH, text), MAX_WIDTH))


def _values(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_
