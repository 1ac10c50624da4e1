"""The grid: ipydatagrid with a data model of our own, which shows the values that are there.

ipydatagrid's own model casts 64-bit integers to 32, drops microseconds and moves zones. Here every
cell travels as exact text, and only the rows in view travel. The overridden names are private to
ipydatagrid: its version is pinned and a test holds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from ipydatagrid import StreamingDataGrid, TextRenderer

from datagen_nb.tables.source import (
    Filter,
    Sort,
    Source,
    TableSource,
    arrange,
    as_text,
    source_of,
)
from datagen_nb.ui.static_html import table_html

MOST_ARRANGED = 2_000_000
"""Rows that are sorted and filtered at most: they are taken into memory for it."""

MOST_DISTINCT = 1_000
STILL_ROWS = 10
ROW, KEY, GUID = 24, "#", "ipydguuid"


class Grid(StreamingDataGrid):  # type: ignore[misc]
    """A window on a source.

    Args:
        source: Whose rows.
        refuse: Told, in a sentence, why something cannot be shown; ``""`` takes it back.
    """

    def __init__(self, source: Source, refuse: Any) -> None:
        self._source = source
        self._shown: Source = source
        self._refuse = refuse
        self._names = _distinct_names(source.schema.names)
        columns = {name: pd.Series(dtype=object) for name in self._names}
        right = TextRenderer(horizontal_alignment="right", missing="null")
        left = TextRenderer(missing="null")
        super().__init__(
            pd.DataFrame(columns, index=pd.RangeIndex(0)),
            index_name=KEY,
            base_row_size=ROW,
            base_column_size=110,
            base_row_header_size=76,
            base_column_header_size=26,
            renderers={
                name: right if _is_number(field.type) else left
                for name, field in zip(self._names, source.schema, strict=True)
            },
            column_widths=self._widths(),
            selection_mode="cell",
            layout={"height": f"{ROW * min(source.num_rows + 2, 16) + 16}px"},
        )
        self._row_count = source.num_rows

    def window(self, start: int, stop: int, columns: slice) -> dict[str, list[str | None]]:
        """Rows ``start`` to ``stop`` of the chosen columns, as the texts that are painted."""
        rows = self._shown.read(start, stop)
        chosen = list(enumerate(self._names))[columns]
        return {name: as_text(rows.column(place)).to_pylist() for place, name in chosen}

    def _widths(self) -> dict[str, int]:
        first = self._source.read(0, 50)
        widths = {}
        for place, name in enumerate(self._names):
            texts = as_text(first.column(place)).to_pylist()
            longest = max([len(name) + 3, *(len(text or "null") for text in texts)])
            widths[name] = min(max(64, 8 * longest + 12), 320)
        return widths

    def _handle_comm_msg(self, _widget: Any, content: Any, _buffers: Any) -> None:
        match content.get("type"):
            case "data-request":
                self._answer_window(content)
            case "unique-values-request":
                self._answer_distinct(content["column"])

    def _answer_window(self, request: Any) -> None:
        start, stop = request["r1"], min(request["r2"] + 1, self._shown.num_rows)
        columns = slice(request["c1"], request["c2"] + 1)
        texts = self.window(start, stop, columns)
        reply = {key: request[key] for key in ("r1", "r2", "c1", "c2")}
        value = self._value(texts, start, max(stop - start, 0))
        self.send({"event_type": "data-reply", "value": value, **reply})

    def _answer_distinct(self, name: str) -> None:
        rows = self._source.read(0, MOST_ARRANGED)
        texts = pc.unique(as_text(rows.column(self._names.index(name)))).drop_null()
        few = sorted(texts.to_pylist())[:MOST_DISTINCT]
        value = self._value({name: few}, 0, len(few))
        self.send({"event_type": "unique-values-reply", "column": name, "value": value})

    def _value(self, texts: dict[str, list[str | None]], start: int, rows: int) -> dict[str, Any]:
        numbers = {KEY: list(range(start + 1, start + rows + 1)), GUID: list(range(rows))}
        ordered = {KEY: numbers[KEY], **texts, GUID: numbers[GUID]}
        types = {KEY: "integer", GUID: "integer"}
        return {
            "data": {name: {"value": values, "type": "raw"} for name, values in ordered.items()},
            "schema": {
                "fields": [{"name": name, "type": types.get(name, "string")} for name in ordered],
                "primaryKey": [KEY, GUID],
                "primaryKeyUuid": GUID,
            },
            "fields": [{name: None} for name in ordered],
        }

    def _on_transforms_changed(self, change: Any) -> None:
        filters, sorts = _understood(change["new"], self._names)
        self._shown = self._source
        self._refuse("")
        if filters or sorts:
            if self._source.num_rows > MOST_ARRANGED:
                self._refuse(
                    f"Sorting and filtering work up to {MOST_ARRANGED:,} rows; "
                    f"this table has {self._source.num_rows:,}."
                )
            else:
                whole = self._source.read(0, self._source.num_rows)
                try:
                    self._shown = TableSource(arrange(whole, filters, sorts))
                except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
                    self._refuse(f"This cannot be sorted or filtered so: {error}")
        self._row_count = self._shown.num_rows
        self.tick()


def _understood(transforms: Sequence[Any], names: Sequence[str]) -> tuple[list[Filter], list[Sort]]:
    filters, sorts = [], []
    for transform in transforms:
        place = names.index(transform["column"]) if transform["column"] in names else None
        if place is None:
            continue  # the row numbers: they are always in order
        if transform["type"] == "sort":
            sorts.append(Sort(place, bool(transform.get("desc"))))
        elif transform["type"] == "filter":
            filters.append(Filter(place, transform["operator"], transform.get("value")))
    return filters, sorts


def _distinct_names(names: Sequence[str]) -> list[str]:
    """Names as the grid needs them: all different, none of its own."""
    taken = {KEY, GUID}
    made = []
    for name in names:
        candidate, number = name, 2
        while candidate in taken:
            candidate, number = f"{name} ({number})", number + 1
        taken.add(candidate)
        made.append(candidate)
    return made


def _is_number(type: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type)
    )


class Viewer(ipywidgets.VBox):  # type: ignore[misc]
    """A grid and a line below it; as text or HTML, the first rows."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._line = ipywidgets.HTML()
        self.grid = Grid(source, self._tell)
        super().__init__([self.grid, self._line])
        self._tell("")

    def _tell(self, refusal: str) -> None:
        size = f"{self.source.num_rows:,} rows x {len(self.source.schema)} columns · exact values"
        self._line.value = f'<span style="opacity:.7">{refusal or size}</span>'

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        rows = self.source.read(0, STILL_ROWS)
        texts = [as_text(column).to_pylist() for column in rows.columns]
        cells = [
            ["null" if cell is None else cell for cell in row] for row in zip(*texts, strict=True)
        ]
        names = self.source.schema.names
        still = {
            "text/plain": f"Table of {self.source.num_rows:,} rows: {', '.join(names)}",
            "text/html": table_html(names, cells, self.source.num_rows),
        }
        return {**(data or {}), **still}, metadata


def view(data: Any) -> Viewer:
    """Look at rows in a grid.

    Args:
        data: A pandas DataFrame, a pyarrow Table, a path to a CSV, JSON, JSON Lines or Parquet
            file, or a ``Dataset``.

    Raises:
        InputError: The file cannot be read.
        TypeError: It is none of these.

    Example:
        ```python
        dg.view("data/diamonds.parquet")
        ```
    """
    return Viewer(source_of(data))
