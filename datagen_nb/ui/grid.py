"""The grid: ipydatagrid over the engine of the viewer, which shows the values that are there.

ipydatagrid's own model casts 64-bit integers to 32, drops microseconds and moves zones. Here every
cell travels as exact text, and only the rows in view travel. The overridden names are private to
ipydatagrid: its version is pinned and a test holds them.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import count
from typing import Any

import anywidget
import ipywidgets
import pandas as pd
import traitlets
from ipydatagrid import StreamingDataGrid, TextRenderer, VegaExpr
from traitlets import observe, validate

from datagen_nb.client.portal import portal
from datagen_nb.core.errors import DatagenError
from datagen_nb.tables.view.connection import Superseded
from datagen_nb.tables.view.engine import Engine, View, whole_engine
from datagen_nb.tables.view.profile import distinct_values
from datagen_nb.tables.view.query import Query, QueryError
from datagen_nb.ui.grid_query import Transform, in_words, query_of
from datagen_nb.ui.inbox import answer_at_once
from datagen_nb.ui.located import located
from datagen_nb.ui.modules import built
from datagen_nb.ui.viewer_columns import MOST_SHOWN, cell_texts, columns_of
from datagen_nb.ui.viewer_requests import MAX_COLUMNS, MAX_ROWS
from datagen_nb.ui.viewer_static import static_forms, table_in_words
from datagen_nb.ui.widget import close_children, close_tree, display_bundle

MAX_DISTINCT = 1_000
"""Different values of a column that are listed to choose from."""

WIDEST = "1080px"
"""As wide as the other widgets: they have one right edge."""

ROW = 24
REQUEST_AFTER_MS = 16
"""Without a further scroll, until rows are asked for: a frame. ipydatagrid waits ten of them."""

WINDOWS = 2
"""Requests for rows that are kept and answered at once: a grid may be displayed twice."""

KEY, GUID = "#", "\u2063row"  # a mark that is not typed: no user's column has this name

_FONT = "12px system-ui, sans-serif"
_NULL = "cell.value === null"


class Grid(StreamingDataGrid):  # type: ignore[misc]
    """A window on the rows of an engine. All of its state changes on the portal's loop.

    Args:
        engine: Whose rows; closed with the grid.
        report: Called with what the grid shows or why it cannot, after each change.
    """

    def __init__(self, engine: Engine, report: Callable[[Grid, str], None]) -> None:
        self._report = report
        self._portal = portal()
        self._arranged = 0
        self._asked = 0
        self._refusal = ""
        self._wanted: deque[Mapping[str, Any]] = deque(maxlen=WINDOWS)
        self._free_windows = asyncio.Semaphore(WINDOWS)
        self._lanes = count()
        self._names = [f"c{place}" for place in range(len(engine.schema))]
        described = columns_of(engine, Query())
        columns = list(zip(self._names, described["columns"], strict=True))
        style = {
            "missing": "null",
            "text_color": VegaExpr(value=f"{_NULL} ? '#8a9099' : default_value"),
            "font": VegaExpr(value=f"{_NULL} ? 'italic {_FONT}' : '{_FONT}'"),
        }
        left = TextRenderer(**style)
        right = TextRenderer(horizontal_alignment="right", **style)
        super().__init__(
            engine,
            base_row_size=ROW,
            base_row_header_size=max(56, 8 * len(f"{engine.num_rows:,}") + 24),
            base_column_header_size=26,
            default_renderer=left,
            renderers={
                name: right
                for name, (_, type_, _) in columns
                if described["types"][type_]["isNumber"]
            },
            column_widths={name: width for name, (_, _, width) in columns},
            selection_mode="cell",
            _debounce_delay=REQUEST_AFTER_MS,
            layout={"height": f"{ROW * min(engine.num_rows + 2, 16) + 16}px", "margin": "0"},
        )
        # DataGrid's own handler raises KeyError on every request of a streaming grid.
        self.on_msg(self._DataGrid__handle_custom_msg, remove=True)
        answer_at_once(self, self._portal)

    def close(self) -> None:
        """Take the grid away and let go of its rows."""
        if self.comm is not None:
            super().close()
            self._engine.close()
            del self._engine, self._view

    @property
    def data(self) -> Engine:
        """Whose rows they are."""
        return self._engine

    @data.setter
    def data(self, engine: Engine) -> None:
        self._engine = engine
        self._show(engine.whole)

    @property
    def rows_shown(self) -> int:
        """How many rows fit the filters."""
        return self._view.num_rows

    @property
    def arrangement(self) -> str:
        """Which rows are shown and in which order, in words; empty for all in their own order."""
        return in_words(self._transforms, self._names, self._engine.schema.names)

    def clear(self) -> None:
        """Show all rows in their own order again, soon."""
        self._portal.loop.call_soon_threadsafe(self._clear_transforms)

    def _clear_transforms(self) -> None:
        self._transforms: list[Transform] = []

    def _show(self, view: View) -> None:
        """Have the browser forget the rows it keeps: they may stand elsewhere now."""
        self._view = view
        self._arranged += 1
        self._row_count = view.num_rows
        # Empty columns, not none: the browser's model asks the first one for its length.
        nothing = pd.Series(dtype="float64")
        columns = dict.fromkeys([KEY, *self._names, GUID], nothing)
        headers = _distinct_headers(self._engine.schema.names)
        self._data = {"data": columns, **self._schema_of(self._names, headers)}

    def _schema_of(self, names: Sequence[str], headers: Sequence[str]) -> dict[str, Any]:
        """Columns: each has a name of its own for the grid, and any name for people."""
        schema = {
            "fields": [{"name": name, "type": "string"} for name in (KEY, *headers, GUID)],
            "primaryKey": [KEY, GUID],
            "primaryKeyUuid": GUID,
            "arranged": self._arranged,
        }
        return {"schema": schema, "fields": [{name: None} for name in (KEY, *names, GUID)]}

    def _handle_msg(self, msg: Any) -> None:
        """Hand what comes from the browser to the portal's loop, whichever thread receives it."""
        self._portal.loop.call_soon_threadsafe(super()._handle_msg, msg)

    def _handle_comm_msg(self, _widget: Any, content: Any, _buffers: Any) -> None:
        self._portal.start(self._answer(content))

    async def _answer(self, request: Mapping[str, Any]) -> None:
        try:
            match request.get("type"):
                case "data-request":
                    self._wanted.append(request)
                    async with self._free_windows:
                        if self._wanted:
                            await self._answer_window(self._wanted.popleft())
                case "unique-values-request":
                    await self._answer_distinct(request["column"])
        except Superseded:
            pass  # the browser asks anew for what it shows now
        except DatagenError as error:
            self._report(self, str(error))

    async def _answer_window(self, request: Mapping[str, Any]) -> None:
        """Send rows of the columns that are seen, unless others are shown meanwhile."""
        view, first, left = self._view, max(int(request["r1"]), 0), max(int(request["c1"]), 0)
        end = min(int(request["r2"]) + 1, view.num_rows, first + MAX_ROWS)
        right = min(int(request["c2"]) + 1, len(self._names), left + MAX_COLUMNS)
        if first >= end or left >= right:
            return
        lane = f"window {next(self._lanes)}"
        texts = await asyncio.to_thread(
            _window, self._engine, view, range(first, end), range(left, right), lane
        )
        if view is self._view:
            seen = self._names[left:right]
            # A bare list is taken as it is; a "raw" one would have "$NaN$" and its like translated.
            data = dict(zip([KEY, *seen, GUID], texts, strict=True))
            value = {"data": data, **self._schema_of(seen, seen)}
            corners = {"r1": first, "r2": end - 1, "c1": left, "c2": right - 1}
            self.send({"event_type": "data-reply", "value": value, **corners})

    async def _answer_distinct(self, name: str) -> None:
        """List a column's values, or none, and say so, when they are too many."""
        few: list[str | None] = []
        try:
            found, has_more = await asyncio.to_thread(
                distinct_values,
                self._engine,
                self._view.query,
                self._names.index(name),
                most=MAX_DISTINCT,
            )
            if has_more:
                raise QueryError(
                    f"More than {MAX_DISTINCT:,} different values are too many to list: filter by "
                    "a condition."
                )
            few = [one.value for one in found]
        except QueryError as error:
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
        self._portal.start(self._select(change["new"]))

    async def _select(self, transforms: Sequence[Transform]) -> None:
        """Show other rows, unless others still are asked for meanwhile."""
        self._asked += 1
        asked = self._asked
        try:
            query = query_of(transforms, self._names)
            view = await asyncio.to_thread(self._engine.select, query)
        except Superseded:
            return
        except DatagenError as error:
            if asked == self._asked:
                self._refusal = str(error)
                # The header must not say sorted when the rows are not.
                self._clear_transforms()
            return
        if asked == self._asked:
            refusal, self._refusal = self._refusal, ""
            self._show(view)
            self.tick()
            self._report(self, refusal)


def _window(
    engine: Engine, view: View, rows: range, columns: range, lane: str
) -> list[Sequence[Any]]:
    """Numbers of rows for people, their cells by column, and their numbers in the table."""
    table = engine.rows(view, rows.start, rows.stop, columns, most=MOST_SHOWN, lane=lane)
    numbers = view.numbers(rows.start, rows.stop).tolist()
    shown = [f"{number + 1:,}" for number in numbers]
    return [shown, *(cell_texts(column) for column in table.columns), numbers]


def _distinct_headers(names: Sequence[str]) -> list[str]:
    """Headers for people; a name that was there before gets a number."""
    seen: Counter[str] = Counter()
    headers = []
    for name in names:
        seen[name] += 1
        headers.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return headers


class Painting(anywidget.AnyWidget):
    """Has the grid paint faster, and anew when the page changes its theme.

    Attributes:
        grid: The model that is painted.
    """

    _esm = built("grid.js")

    grid = traitlets.Unicode().tag(sync=True)


class GridView(ipywidgets.VBox):  # type: ignore[misc]
    """A grid and a line below it; as text or HTML, the first rows."""

    def __init__(self, engine: Engine) -> None:
        self._line = ipywidgets.HTML()
        self._clear = ipywidgets.Button(
            description="Clear",
            tooltip="Show all rows in their own order",
            layout={"width": "64px"},
        )
        self._clear.on_click(self._clear_pressed)
        self.grid = Grid(engine, self._report)
        foot = ipywidgets.HBox([self._line, self._clear])
        painting = Painting(grid=self.grid.model_id)
        # ipydatagrid cannot paint a table without columns.
        shown = [self.grid, foot, painting] if len(engine.schema) else [self._line]
        super().__init__(shown, layout={"max_width": WIDEST})
        self._report(self.grid, "")

    def _clear_pressed(self, _button: Any) -> None:
        self.grid.clear()

    def _report(self, grid: Grid, refusal: str) -> None:
        rows, columns = grid.data.num_rows, len(grid.data.schema)
        shown = grid.rows_shown
        size = f"{rows:,} rows" if shown == rows else f"{shown:,} of {rows:,} rows"
        line = refusal or f"{size} x {columns} columns · {grid.arrangement or 'exact values'}"
        self._clear.layout.display = None if grid.arrangement else "none"
        self._line.value = f'<span role="status" style="opacity:.75">{escape(line)}</span>'

    def close(self) -> None:
        """Take the grid away and let go of its rows, though a notebook's ``Out`` keeps this."""
        if self.comm is not None:
            close_tree(self.grid)
            close_children(self)
            super().close()

    _ipython_display_ = None

    def __repr__(self) -> str:
        return "<Table, closed>" if self.comm is None else f"<{table_in_words(self.grid.data)}>"

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        if self.comm is None:
            return {"text/plain": "Table, closed"}, {}
        text, html = static_forms(self.grid.data, self.grid.data.whole)
        return display_bundle(self, {"text/plain": text, "text/html": html})


def grid_view(data: Any) -> GridView:
    """Show rows in ipydatagrid; a file of text is read whole at first.

    Args:
        data: As ``renderers.view`` takes it, but for a job.

    Raises:
        InputError: The file cannot be read.
        ArgumentTypeError: It is no table.
    """
    engine = whole_engine(located(data))
    try:
        return GridView(engine)
    except BaseException:
        engine.close()
        raise
