"""Tables that are one JSON object: by column, split, or under a key, as pandas and APIs write them.

{"a": [1, 2], "b": ["x", "y"]}                   columns as lists
{"a": {"0": 1, "1": 2}}                          columns by row: orient="columns"
{"columns": ["a"], "data": [[1], [2]]}           orient="split"
{"data": [{"a": 1}, {"a": 2}], …}                rows under a key
"""

from __future__ import annotations

import json
from typing import Any

from datagen_nb.tables.json_lines import Row, standard_decoder

MAX_BYTES = 256 << 20
"""Of a document, which is held in memory whole."""


def rows_of_document(text: str) -> list[Row] | None:
    """The rows of a table that is one object; ``None`` if it is none of the known forms.

    Raises:
        json.JSONDecodeError: The text is not JSON.
    """
    document, end = standard_decoder().raw_decode(text, len(text) - len(text.lstrip()))
    if text[end:].strip():
        raise json.JSONDecodeError("More text after the object", text, end)
    if not isinstance(document, dict):
        return None
    return _split(document) or _under_a_key(document) or _by_column(document)


def _split(document: dict[str, Any]) -> list[Row] | None:
    names, data = document.get("columns"), document.get("data")
    if not isinstance(names, list) or not isinstance(data, list):
        return None
    if not all(isinstance(row, list) and len(row) == len(names) for row in data):
        return None
    return [dict(zip(map(str, names), row, strict=True)) for row in data]


def _under_a_key(document: dict[str, Any]) -> list[Row] | None:
    """Rows under the only key that holds a list of objects."""
    found = [
        value
        for value in document.values()
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value)
    ]
    others = [value for value in document.values() if isinstance(value, list)]
    return found[0] if len(found) == 1 == len(others) else None


def _by_column(document: dict[str, Any]) -> list[Row] | None:
    columns = list(document.values())
    if all(isinstance(column, list) for column in columns):
        lengths = {len(column) for column in columns}
        if len(lengths) != 1 or lengths == {0}:
            return None
        return [dict(zip(document, row, strict=True)) for row in zip(*columns, strict=True)]
    if columns and all(isinstance(column, dict) and column for column in columns):
        index = dict.fromkeys(label for column in columns for label in column)
        return [{name: column.get(label) for name, column in document.items()} for label in index]
    return None
