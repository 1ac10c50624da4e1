"""The viewer: a table of any size, sorted, filtered, searched and counted in the kernel.

The browser has the rows that are seen, as exact text. Each change of the view begins an epoch:
answers that belong to an earlier one are dropped.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from datagen_nb.client.portal import portal
from datagen_nb.client.sync import Dataset
from datagen_nb.core.errors import InputError
from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.tables.frames import to_pandas
from datagen_nb.tables.view.code import Dialect, to_code
from datagen_nb.tables.view.connection import Superseded
from datagen_nb.tables.view.conversion import Conversion
from datagen_nb.tables.view.engine import Engine, View
from datagen_nb.tables.view.export import export, export_formats
from datagen_nb.tables.view.query import Query, QueryError, query_from_wire
from datagen_nb.ui.actions import BadRequest
from datagen_nb.ui.located import located
from datagen_nb.ui.modules import load_module
from datagen_nb.ui.protocol import Request
from datagen_nb.ui.viewer_beside import Beside, JobInput
from datagen_nb.ui.viewer_chart import Chart
from datagen_nb.ui.viewer_columns import columns_of
from datagen_nb.ui.viewer_export import export_beside
from datagen_nb.ui.viewer_requests import (
    CellRequest,
    ChartRequest,
    CopyRequest,
    DistinctRequest,
    ExportRequest,
    FindRequest,
    ProfilesRequest,
    RowsRequest,
    SelectRequest,
    read_body,
)
from datagen_nb.ui.viewer_shown import Shown, no_rows
from datagen_nb.ui.viewer_static import static_forms, table_in_words, title_of
from datagen_nb.ui.widget import WidgetBase

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

THREADS = 4
"""Requests of one viewer that are worked on at once."""

CHECK_SECONDS = 4.0
"""Between two checks of whether a file has changed."""


class Viewer(WidgetBase):
    """Shows a table.

    Example:
        ```python
        viewer = dg.view("customers.parquet")
        viewer.query = {"sorts": [{"column": "age", "descending": True}]}
        viewer.frame.head()
        ```

    Attributes:
        shown: The rows that are shown now.
        beside: Another table that charts show, if there is one.
    """

    def __init__(self, data: Any, query: Query | Mapping[str, Any] | None = None) -> None:
        self._data = data = located(data)
        self._title = title_of(data)
        self.beside: Beside | None = JobInput(data) if isinstance(data, Dataset) else None
        self._asked = 0
        self._schema = 0
        self._stale = ""
        self._reading: Future[None] | None = None
        self._work = ThreadPoolExecutor(THREADS, thread_name_prefix="datagen-view")
        engine = Engine(data)
        try:
            view = engine.whole
            if query is not None:
                view = engine.select(query_from_wire(query))
            self.shown = Shown(engine, view, 0, {})
            self._columns = columns_of(engine, view.query)
        except BaseException:
            engine.close()
            raise
        super().__init__("viewer", portal(), self._described())
        self.start_task(self._follow())
        self._read_on()

    @property
    def query(self) -> Query:
        """The filter, sorts, search and formats of the view; setting it changes what is shown.

        Raises:
            QueryError: A column or a value does not fit.
        """
        return self.shown.view.query

    @query.setter
    def query(self, query: Query | Mapping[str, Any]) -> None:
        self._portal.call(self.change(query_from_wire(query)))

    @property
    def frame(self) -> pd.DataFrame:
        """All rows of the view, in its order, in memory; waits until the file is read.

        Raises:
            InputError: The file breaks somewhere.
        """
        shown = self._whole()
        return to_pandas(shown.engine.table(shown.view))

    @property
    def selected(self) -> pd.DataFrame:
        """The cells that are marked, with their columns in the order that is seen."""
        shown = self.shown
        selection = shown.selection
        columns = [] if selection is None else list(selection.columns)
        start, stop = (0, 0) if selection is None else (selection.top, selection.bottom + 1)
        cells = shown.engine.rows(shown.view, start, stop, columns, lane="selected")
        return to_pandas(cells)

    def to_code(self, dialect: Dialect = "pandas", *, name: str = "frame") -> str:
        """Write the view as code that selects the same rows in the same order.

        Args:
            dialect: ``pandas``, ``polars`` or ``sql`` (DuckDB).
            name: What the table is called in the code.

        Raises:
            QueryError: A column has a type, or a name, that the dialect has no literal for.

        Example:
            ```python
            print(viewer.to_code("polars"))
            ```
        """
        shown = self.shown
        return to_code(shown.view.query, shown.engine.schema, dialect, name=name)

    def chart(self, x: str, y: str | None = None) -> Chart:
        """Count the rows of the view over a column, or over two as a heat map.

        Numbers are counted in ranges, times by a unit of the calendar, anything else by its most
        frequent values. A comparison counts both tables; rows of a job, those that they were made
        after as well, where these can be read here.

        Args:
            x: A column.
            y: Another one.

        Raises:
            QueryError: There is no such column, or its values cannot be counted.

        Example:
            ```python
            viewer.chart("price", "cut")
            ```
        """
        beside = self.beside
        counts = self._whole().count(x, y, beside)
        return Chart(counts, beside.names if beside and counts.series[1:] else (self._title,))

    def export(
        self, path: str | os.PathLike[str], *, overwrite: bool = True, defuse: bool = False
    ) -> Path:
        """Write all rows of the view into a file, in its order, whole or not at all.

        Waits until the file is read that is viewed.

        Args:
            path: Ends in ``.csv``, ``.json``, ``.jsonl``, ``.parquet``, or ``.xlsx``, which takes
                the extra ``excel``.
            overwrite: Whether a file that is there is replaced.
            defuse: Write an apostrophe before texts that a spreadsheet would take as formulas.

        Raises:
            ConfigurationError: The path ends in a format that cannot be written.
            OutputError: It cannot be written.
            ViewError: The format cannot hold the rows.
            InputError: The file that is viewed breaks somewhere.

        Example:
            ```python
            viewer.export("expensive.parquet")
            ```
        """
        shown = self._whole()
        return export(shown.engine, shown.view, path, overwrite=overwrite, defuse=defuse)

    def _described(self) -> dict[str, Any]:
        """The snapshot; its form is ``Snapshot`` in ``widgets/src/viewer/protocol.ts``."""
        shown = self.shown
        return {
            "title": self._title,
            "schema": self._schema,
            "columnCount": len(shown.engine.schema),
            "totalRows": shown.engine.num_rows,
            "rows": shown.view.num_rows,
            "epoch": shown.epoch,
            "query": shown.view.query.model_dump(mode="json", by_alias=True),
            "isPartial": shown.engine.conversion is not None,
            "isReading": shown.engine.conversion is not None and not self._stale,
            "isCounting": False,
            "exportFormats": export_formats(),
            "stale": self._stale,
        }

    async def act(self, request: Request) -> Any:
        """Do what the browser asks; blocking work is done on threads."""
        try:
            return await self._act(request)
        except Superseded:
            if request.action == "rows":
                return no_rows(int(request.body["start"]))
            if request.action in ("query", "find"):
                return None  # its answer is awaited no more
            raise

    async def _act(self, request: Request) -> Any:
        body, shown = request.body, self.shown
        match request.action:
            case "columns":
                return self._columns
            case "tools":
                return load_module("viewer-tools").packed
            case "rows":
                return await self._run(shown.rows, read_body(RowsRequest, body))
            case "query":
                await self.change(query_from_wire(body))
            case "distinct":
                return await self._run(shown.distinct, read_body(DistinctRequest, body))
            case "profiles":
                return await self._run(shown.profiles, read_body(ProfilesRequest, body))
            case "chart":
                return await self._run(shown.chart, read_body(ChartRequest, body), self.beside)
            case "cell":
                return await self._run(shown.cell, read_body(CellRequest, body))
            case "copy":
                return await self._run(shown.copy, read_body(CopyRequest, body))
            case "find":
                return await self._run(shown.find, read_body(FindRequest, body))
            case "select":
                shown.selection = read_body(SelectRequest, body) if body else None
            case "export":
                return await self._export(read_body(ExportRequest, body))
            case "cancel_export":
                shown.engine.connection.interrupt("export")
            case "reload":
                await self._exchange(await self._run(Engine, self._data))
                self._read_on()
            case action:
                raise BadRequest(f"A viewer cannot {inert(action[:ONE_LINE])}.")
        return None

    async def _run(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._work, call, *arguments)

    async def change(self, query: Query) -> None:
        """Select other rows, on the portal's loop; the newest query that was asked for is shown."""
        self._asked += 1
        asked = self._asked
        while asked == self._asked:
            engine, before = self.shown.engine, self.shown.view
            columns = self._columns
            try:
                query = query.resolve(engine.schema)
                if query.rows == before.query.rows:  # written otherwise at most
                    view = replace(before, query=query)
                else:
                    view = await self._run(engine.select, query)
                if query.formats != before.query.formats:
                    columns = await self._run(columns_of, engine, query)
            except Superseded:
                if engine is self.shown.engine:
                    raise
                continue  # all rows of the file are there now
            if asked == self._asked and engine is self.shown.engine:
                self._set_columns(columns)
                self._show(engine, view)
                return

    def _set_columns(self, columns: dict[str, Any]) -> None:
        if columns != self._columns:
            self._columns = columns
            self._schema += 1

    def _show(self, engine: Engine, view: View) -> None:
        before = self.shown
        ends = before.ends if before.engine is engine else {}
        self.shown = Shown(engine, view, before.epoch + 1, ends)
        self.set_snapshot(self._described())

    async def _export(self, wanted: ExportRequest) -> dict[str, Any]:
        """Write the view beside the notebook, under a name that is free."""
        if self._reading is not None:
            await self._read(self._reading)
        shown = self.shown

        def progress(rows: int) -> None:
            self._portal.loop.call_soon_threadsafe(
                self.view_model.send, {"event": "export", "rows": rows}
            )

        return await self._run(export_beside, shown, self._data, wanted, progress)

    async def _exchange(self, engine: Engine) -> None:
        """Show what the query selects of another engine; all of it if it does not fit."""
        before = self.shown.engine
        try:
            view = await self._same_view(engine)
            columns = await self._run(columns_of, engine, view.query)
        except BaseException:
            engine.close()
            raise
        self._set_columns(columns)
        self._stale = ""
        self._show(engine, view)
        before.close()

    async def _same_view(self, engine: Engine) -> View:
        """What the query selects of another engine."""
        while engine.schema.names == self.shown.engine.schema.names:
            query = self.query
            try:
                view = await self._run(engine.select, query)
            except QueryError:
                break
            if query == self.query:
                return view
        return engine.whole

    def _read_on(self) -> None:
        """Show all rows of a file as soon as they are read, if these are the first ones."""
        self._reading = None
        if self.shown.engine.conversion is not None:
            self._reading = self.start_task(self._complete(self.shown.engine.conversion))

    async def _complete(self, conversion: Conversion) -> None:
        try:
            await asyncio.wrap_future(conversion.whole)
            await self._exchange(await self._run(self.shown.engine.complete))
        except InputError as error:
            self._stale = error.message
            self.set_snapshot(self._described())
            raise

    def _whole(self) -> Shown:
        """What is shown, once all rows are read."""
        if self._reading is not None:
            self._portal.call(self._read(self._reading))
        return self.shown

    async def _read(self, reading: Future[None]) -> None:
        await asyncio.shield(asyncio.wrap_future(reading))

    async def _follow(self) -> None:
        """Notice that a file changes."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if not self._stale and await self._run(lambda: self.shown.engine.is_stale):
                self._stale = f"{self._title} has changed since it was opened."
                self.set_snapshot(self._described())

    @property
    def is_final(self) -> bool:
        """Whether all rows are shown; a table stays what it is."""
        return self._reading is None or self._reading.done()

    def static_repr(self) -> tuple[str, str]:
        """The first rows."""
        if self.comm is None:
            return "Table, closed", ""
        return static_forms(self.shown.engine, self.shown.view)

    def __repr__(self) -> str:
        if self.comm is None:
            return "<Table, closed>"
        return f"<{table_in_words(self.shown.engine)}>"

    def close(self) -> None:
        """Remove the viewer and release its rows, though a notebook's ``Out`` keeps this."""
        super().close()
        if hasattr(self, "shown"):
            self._work.shutdown(wait=False, cancel_futures=True)
            self.shown.engine.close()
            if self.beside:
                self.beside.close()
            del self.shown, self._data
