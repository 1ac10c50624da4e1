"""A viewer where no kernel is: the first rows, in a few kilobytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from datagen_nb.client.sync import Dataset
from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.tables.cells import is_number
from datagen_nb.tables.view.engine import Engine, View
from datagen_nb.tables.view.formats import formats_of, written
from datagen_nb.tables.view.objects import BucketObject
from datagen_nb.ui.static_html import table_html
from datagen_nb.ui.viewer_columns import MOST_SHOWN, cell_texts, shorten

ROWS, COLUMNS = 10, 20
MAX_LENGTH = 25_000
"""Of the HTML that a saved notebook keeps of a table."""


def table_in_words(engine: Engine) -> str:
    """How many rows a table has, and its columns; one line."""
    first = "first " if engine.conversion is not None else ""
    names = inert(", ".join(engine.schema.names), longest=ONE_LINE)
    return f"Table of {first}{engine.num_rows:,} rows: {names}"


def static_forms(engine: Engine, view: View) -> tuple[str, str]:
    """The first rows as text, one stable line, and as HTML."""
    names = engine.schema.names
    text = table_in_words(engine)
    shown = range(min(len(names), COLUMNS))
    table = engine.rows(view, 0, ROWS, shown, most=MOST_SHOWN, lane="static")
    formats, types = formats_of(view.query), engine.schema.types
    cells = [
        [
            "null" if one is None else shorten(one)
            for one in written(cell_texts(column), types[place], formats.get(place))
        ]
        for place, column in enumerate(table.columns)
    ]
    rows = list(zip(*cells, strict=True))
    while True:
        html = table_html(
            [shorten(name) for name in names[:COLUMNS]],
            rows,
            numbers=[is_number(type_) for type_ in engine.schema.types[:COLUMNS]],
            num_rows=view.num_rows,
            num_columns=len(names),
        )
        if len(html) <= MAX_LENGTH or not rows:
            return text, html
        rows.pop()


def is_named(data: Any) -> bool:
    """Whether a table has a name of its own: that of a file or an object."""
    return isinstance(data, str | os.PathLike | BucketObject)


def title_of(data: Any) -> str:
    """What a table is called."""
    if is_named(data):
        path = data.path if isinstance(data, BucketObject) else data
        return inert(Path(path).name, longest=ONE_LINE)
    if isinstance(data, Dataset):
        return f"of job {data.job_id}"
    if isinstance(data, list | tuple):
        return f"of {len(data):,} files"
    return f"of a {type(data).__name__}"
