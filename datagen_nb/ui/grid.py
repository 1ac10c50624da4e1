"""The grid: ipydatagrid with a data model of our own, which shows the values that are there.

ipydatagrid's own model casts 64-bit integers to 32, drops microseconds and moves zones. Here every
cell travels as exact text, and only the rows in view travel. The overridden names are private to
ipydatagrid: its version is pinned and a test holds them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import anywidget
import ipywidgets
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import traitlets
from ipydatagrid import StreamingDataGrid, TextRenderer, VegaExpr
from traitlets import observe, validate

from datagen_nb.core.errors import DatagenError
from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.tables.cells import as_text, is_number
from datagen_nb.tables.source import CannotArrange, Filter, Sort, Source, source_of
from datagen_nb.ui.arranged import Arranged
from datagen_nb.ui.modules import built
from datagen_nb.ui.static_html import table_html
from datagen_nb.ui.widget import close_children, display_bundle

MAX_DISTINCT = 1_000
"""Different values of a column that are listed to choose from."""

LONGEST = 1_000
"""Characters of a cell that are painted; an ellipsis stands for the rest."""

WIDEST = "1080px"
"""As wide as the other widgets: they have one right edge."""

STATIC_ROWS = 10
STATIC_COLUMNS = 20
ROW = 24
REQUEST_AFTER_MS = 16
"""Without a further scroll, until rows are asked for: a frame. ipydatagrid waits ten of them."""

KEY, GUID = "#", "\u2063row"  # a mark that is not typed: no user's column has this name

_FONT = "12px system-ui, sans-serif"
_NULL = "cell.value === null"


class Grid(StreamingDataGrid):  # type: ignore[misc]
    """A window on a source.

    Args:
        source: Whose rows.
        report: Called with what the grid shows or why it cannot, after each change.
    """

    def __init__(self, source: Source, report: Callable[[Grid, str], None]) -> None:
        self._report = report
        self._arranged = 0
        self._names = [f"c{place}" for place in range(len(source.schema))]
        style = {
            "missing": "null",
            "text_color": VegaExpr(value=f"{_NULL} ? '#8a9099' : default_value"),
            "font": VegaExpr(value=f"{_NULL} ? 'italic {_FONT}' : '{_FONT}'"),
        }
        left = TextRenderer(**style)
        right = TextRenderer(horizontal_alignment="right", **style)
        super().__init__(
            source,
            base_row_size=ROW,
            base_row_header_size=max(56, 8 * len(f"{source.num_rows:,}") + 24),
            base_column_header_size=26,
            default_renderer=left,
            renderers={
                name: right
                for name, field in zip(self._names, source.schema, strict=True)
                if is_number(field.type)
            },
            column_widths=self._widths(source),
            selection_mode="cell",
            _debounce_delay=REQUEST_AFTER_MS,
            layout={"height": f"{ROW * min(source.num_rows + 2, 16) + 16}px", "margin": "0"},
        )
        # DataGrid's own handler raises KeyError on every request of a streaming grid.
        self.on_msg(self._DataGrid__handle_custom_msg, remove=True)

    def close(self) -> None:
        """Take the grid away and let go of its rows."""
        if self.comm is not None:
            super().close()
            del self._rows

    @property
    def data(self) -> Source:
        """Whose rows they are."""
        return self._rows.source

    @data.setter
    def data(self, source: Source) -> None:
        self._rows = Arranged(source)
        self._show_anew()

    @property
    def rows_shown(self) -> int:
        """How many rows fit the filters."""
        return self._rows.num_rows

    @property
    def arrangement(self) -> str:
        """Which rows are shown and in which order, in words; empty for all in their own order."""
        columns = self._rows.source.schema.names
        filters, sorts = _parsed(self._transforms, self._names)
        words = [
            f"sorted by {columns[one.column]} {'↓' if one.descending else '↑'}" for one in sorts
        ]
        if filters:
            conditions = [_condition(columns[one.column], one) for one in filters]
            words.append(f"where {' and '.join(conditions)}")
        return " · ".join(words)

    def clear(self) -> None:
        """Show all rows in their own order again."""
        self._transforms: list[dict[str, Any]] = []

    def _show_anew(self) -> None:
        """Have the browser forget the rows it keeps: they may stand elsewhere now."""
        self._arranged += 1
        self._row_count = self._rows.num_rows
        # Empty columns, not none: the browser's model asks the first one for its length.
        nothing = pd.Series(dtype="float64")
        columns = dict.fromkeys([KEY, *self._names, GUID], nothing)
        self._data = {"data": columns, **self._described()}

    def _described(self) -> dict[str, Any]:
        """The columns: each has a name of its own for the grid, and any name for people."""
        return self._schema_of(self._names, _distinct_headers(self._rows.source.schema.names))

    def _schema_of(self, names: Sequence[str], headers: Sequence[str]) -> dict[str, Any]:
        schema = {
            "fields": [{"name": name, "type": "string"} for name in (KEY, *headers, GUID)],
            "primaryKey": [KEY, GUID],
            "primaryKeyUuid": GUID,
            "arranged": self._arranged,
        }
        return {"schema": schema, "fields": [{name: None} for name in (KEY, *names, GUID)]}

    def _widths(self, source: Source) -> dict[str, int]:
        first = source.read(0, 50)
        widths = {}
        for place, (name, shown) in enumerate(zip(self._names, first.schema.names, strict=True)):
            longest = max(map(len, _painted(first.column(place))), default=0)
            header = len(shown) + 3
            widths[name] = min(max(64, 8 * max(longest, header) + 20), 320)
        return widths

    def _handle_comm_msg(self, _widget: Any, content: Any, _buffers: Any) -> None:
        try:
            match content.get("type"):
                case "data-request":
                    self._answer_window(content)
                case "unique-values-request":
                    self._answer_distinct(content["column"])
        except (DatagenError, CannotArrange, OSError, pa.ArrowException) as error:
            self._report(self, str(error))

    def _answer_window(self, request: Mapping[str, Any]) -> None:
        first, last = max(int(request["r1"]), 0), max(int(request["c1"]), 0)
        numbers, rows = self._rows.window(first, int(request["r2"]) + 1)
        end = min(int(request["c2"]) + 1, len(self._names))
        # A bare list is taken as it is; a "raw" one would have "$NaN$" and its like translated.
        seen = self._names[last:end]
        # The browser's model takes the names of all columns from each reply.
        texts: dict[str, list[Any]] = {name: [] for name in (KEY, *self._names, GUID)}
        texts[KEY] = [f"{number + 1:,}" for number in numbers]
        texts[GUID] = list(numbers)
        for place, name in enumerate(seen, start=last):
            texts[name] = _cells(rows.column(place))
        if not numbers or not seen:
            return
        value = {"data": texts, **self._schema_of(seen, seen)}
        corners = {"r1": first, "r2": first + len(numbers) - 1, "c1": last, "c2": end - 1}
        self.send({"event_type": "data-reply", "value": value, **corners})

    def _answer_distinct(self, name: str) -> None:
        """List a column's values, or none, and say so, when they are too many."""
        few: list[Any] = []
        try:
            column = self._rows.whole().column(self._names.index(name))
            texts = pc.unique(as_text(column))
            if len(texts) > MAX_DISTINCT:
                raise CannotArrange(
                    f"{len(texts):,} different values are too many to list: filter by a condition."
                )
            few = texts.to_pylist()
        except CannotArrange as error:
            self._report(self, str(error))
        value = {"data": {name: few}, **self._schema_of([name], [name])}
        self.send({"event_type": "unique-values-reply", "column": name, "value": value})

    @validate("_transforms")
    def _validate_transforms(self, proposal: Any) -> Any:
        return proposal["value"]

    @validate("_data")
    def _validate_data(self, proposal: Any) -> Any:
        return proposal["value"]

    @observe("_transforms")
    def _on_transforms_changed(self, change: Any) -> None:
        filters, sorts = _parsed(change["new"], self._names)
        refusal = ""
        try:
            self._rows.arrange(filters, sorts)
        except (DatagenError, CannotArrange, OSError, pa.ArrowException) as error:
            refusal = str(error)
            self._rows.arrange((), ())
            # The header must not say sorted when the rows are not.
            self.clear()
        self._show_anew()
        self.tick()
        self._report(self, refusal)


def _parsed(transforms: Sequence[Any], names: Sequence[str]) -> tuple[list[Filter], list[Sort]]:
    filters, sorts = [], []
    for transform in transforms:
        if transform["column"] not in names:
            continue  # the row numbers: they say where a row stands in the source
        place = names.index(transform["column"])
        if transform["type"] == "sort":
            sorts.append(Sort(place, bool(transform.get("desc"))))
        elif transform["type"] == "filter":
            filters.append(Filter(place, transform["operator"], transform.get("value")))
    return filters, sorts


_IN_WORDS = {
    "=": "is", "!=": "is not", "in": "is", "empty": "is null", "notempty": "is not null",
    "startswith": "starts with", "endswith": "ends with", "!contains": "does not contain",
}  # fmt: skip
LISTED = 3
MAX_MESSAGE_LENGTH = 40


def _condition(column: str, filter: Filter) -> str:
    """A filter as it is read: ``price > 500``, ``cut is Ideal or Good``."""
    verb = _IN_WORDS.get(filter.operator, filter.operator)
    if filter.operator in {"empty", "notempty"}:
        return f"{column} {verb}"
    values = filter.value if isinstance(filter.value, list) else [filter.value]
    shown = ["null" if one is None else str(one)[:MAX_MESSAGE_LENGTH] for one in values[:LISTED]]
    if more := len(values) - len(shown):
        shown.append(f"{more:,} more")
    return f"{column} {verb} {(' and ' if filter.operator == 'between' else ' or ').join(shown)}"


def _distinct_headers(names: Sequence[str]) -> list[str]:
    """Headers for people; a name that was there before gets a number."""
    seen: Counter[str] = Counter()
    headers = []
    for name in names:
        seen[name] += 1
        headers.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return headers


def _cells(column: pa.ChunkedArray) -> list[str | None]:
    return [
        text if text is None or len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
        for text in as_text(column).to_pylist()
    ]


def _painted(column: pa.ChunkedArray) -> list[str]:
    return ["null" if cell is None else cell for cell in _cells(column)]


class Painting(anywidget.AnyWidget):
    """Has the grid paint faster, and anew when the page changes its theme.

    Attributes:
        grid: The model that is painted.
    """

    _esm = built("grid.js")

    grid = traitlets.Unicode().tag(sync=True)


class GridView(ipywidgets.VBox):  # type: ignore[misc]
    """A grid and a line below it; as text or HTML, the first rows."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._line = ipywidgets.HTML()
        self._clear = ipywidgets.Button(
            description="Clear",
            tooltip="Show all rows in their own order",
            layout={"width": "64px"},
        )
        self._clear.on_click(self._clear_pressed)
        self.grid = Grid(source, self._report)
        foot = ipywidgets.HBox([self._line, self._clear])
        painting = Painting(grid=self.grid.model_id)
        # ipydatagrid cannot paint a table without columns.
        shown = [self.grid, foot, painting] if len(source.schema) else [self._line]
        super().__init__(shown, layout={"max_width": WIDEST})
        self._report(self.grid, "")

    def _clear_pressed(self, _button: Any) -> None:
        self.grid.clear()

    def _report(self, grid: Grid, refusal: str) -> None:
        rows, columns = self.source.num_rows, len(self.source.schema)
        shown = grid.rows_shown
        size = f"{rows:,} rows" if shown == rows else f"{shown:,} of {rows:,} rows"
        line = refusal or f"{size} x {columns} columns · {grid.arrangement or 'exact values'}"
        self._clear.layout.display = None if grid.arrangement else "none"
        self._line.value = f'<span role="status" style="opacity:.75">{escape(line)}</span>'

    def close(self) -> None:
        """Take the grid away and let go of its rows, though a notebook's ``Out`` keeps this."""
        if self.comm is not None:
            close_children(self)
            super().close()
            del self.source

    _ipython_display_ = None

    def __repr__(self) -> str:
        if self.comm is None:
            return "<Table, closed>"
        names = inert(", ".join(self.source.schema.names), longest=ONE_LINE)
        return f"<Table of {self.source.num_rows:,} rows: {names}>"

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        if self.comm is None:
            return {"text/plain": "Table, closed"}, {}
        schema, num_rows = self.source.schema, self.source.num_rows
        first = self.source.read(0, STATIC_ROWS)
        texts = [_painted(column) for column in first.columns[:STATIC_COLUMNS]]
        html = table_html(
            schema.names[:STATIC_COLUMNS],
            list(zip(*texts, strict=True)),
            numbers=[is_number(type_) for type_ in schema.types[:STATIC_COLUMNS]],
            num_rows=num_rows,
            num_columns=len(schema),
        )
        names = inert(", ".join(schema.names), longest=ONE_LINE)
        text = f"Table of {num_rows:,} rows: {names}"
        return display_bundle(self, {"text/plain": text, "text/html": html})


def grid_view(data: Any) -> GridView:
    """Show rows in ipydatagrid.

    Args:
        data: As ``renderers.view`` takes it, but for a job.

    Raises:
        InputError: The file cannot be read.
        ArgumentTypeError: It is no table.
    """
    return GridView(source_of(data))
