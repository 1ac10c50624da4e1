"""The viewer: a table of any size, sorted, filtered, searched and counted in the kernel.

The browser has the rows that are seen, as exact text. Each change of the view begins an epoch:
answers that belong to an earlier one are dropped.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from datagen_nb.client.portal import portal
from datagen_nb.client.sync import Dataset
from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.tables.cells import as_text
from datagen_nb.tables.view.code import Dialect, to_code
from datagen_nb.tables.view.connection import Superseded
from datagen_nb.tables.view.engine import Engine, View
from datagen_nb.tables.view.export import export
from datagen_nb.tables.view.profile import distinct_values, profile
from datagen_nb.tables.view.query import Query, query_from_wire
from datagen_nb.tables.view.search import Search
from datagen_nb.ui.protocol import Request
from datagen_nb.ui.viewer_columns import cell_texts, columns_of, tab_separated
from datagen_nb.ui.viewer_requests import (
    EXPORT_FORMATS,
    BadRequest,
    CellRequest,
    CopyRequest,
    DistinctRequest,
    ExportRequest,
    FindRequest,
    ProfileRequest,
    RowsRequest,
    SelectRequest,
    read_body,
)
from datagen_nb.ui.viewer_static import static_forms
from datagen_nb.ui.widget import WidgetBase

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

THREADS = 4
"""Requests of one viewer that are worked on at once."""

CHECK_SECONDS = 4.0
"""Between two checks of whether a file has changed."""

MAX_CELL_LENGTH = 1_000_000
"""Characters of one cell that are shown when it is opened."""


class Viewer(WidgetBase):
    """Shows a table.

    Example:
        ```python
        viewer = dg.view("customers.parquet")
        viewer.query = {"sorts": [{"column": "age", "descending": True}]}
        viewer.frame.head()
        ```
    """

    def __init__(self, data: Any, query: Query | Mapping[str, Any] | None = None) -> None:
        self._data = data
        self._title = _title(data)
        self._engine = Engine(data)
        self._view = self._engine.whole
        self._epoch = 0
        self._asked = 0
        self._stale = ""
        self._search: Search | None = None
        self._selection: SelectRequest | None = None
        self._work = ThreadPoolExecutor(THREADS, thread_name_prefix="datagen-view")
        try:
            if query is not None:
                self._view = self._engine.select(_query(query))
            self._columns = columns_of(self._engine)
        except BaseException:
            self._engine.close()
            raise
        super().__init__("viewer", portal(), self._described())
        self.start_task(self._follow())

    @property
    def query(self) -> Query:
        """The filter, sorts and search of the view; setting it changes what is shown.

        Raises:
            QueryError: A column or a value does not fit.
        """
        return self._view.query

    @query.setter
    def query(self, query: Query | Mapping[str, Any]) -> None:
        self._portal.call(self._change(_query(query)))

    @property
    def frame(self) -> pd.DataFrame:
        """All rows of the view, in its order, in memory."""
        frame: pd.DataFrame = self._engine.table(self._view).to_pandas()
        return frame

    @property
    def selected(self) -> pd.DataFrame:
        """The cells that are marked, with their columns in the order that is seen."""
        selection = self._selection
        columns = [] if selection is None else list(selection.columns)
        start, stop = (0, 0) if selection is None else (selection.top, selection.bottom + 1)
        cells = self._engine.rows(self._view, start, stop, columns, lane="selected")
        frame: pd.DataFrame = cells.to_pandas()
        return frame

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
        return to_code(self._view.query, self._engine.schema, dialect, name=name)

    def export(
        self, path: str | os.PathLike[str], *, overwrite: bool = True, defuse: bool = False
    ) -> Path:
        """Write all rows of the view into a file, in its order, whole or not at all.

        Args:
            path: Ends in ``.csv``, ``.json``, ``.jsonl`` or ``.parquet``.
            overwrite: Whether a file that is there is replaced.
            defuse: Write an apostrophe before texts that a spreadsheet would take as formulas.

        Raises:
            ConfigurationError: The path ends in a format that cannot be written.
            OutputError: It cannot be written.

        Example:
            ```python
            viewer.export("expensive.parquet")
            ```
        """
        return export(self._engine, self._view, path, overwrite=overwrite, defuse=defuse)

    def _described(self) -> dict[str, Any]:
        """The snapshot; its form is ``Snapshot`` in ``widgets/src/viewer/protocol.ts``."""
        return {
            "title": self._title,
            "columns": self._columns,
            "totalRows": self._engine.num_rows,
            "rows": self._view.num_rows,
            "epoch": self._epoch,
            "query": self._view.query.model_dump(mode="json", by_alias=True),
            "isReading": False,
            "isCounting": False,
            "exportFormats": list(EXPORT_FORMATS),
            "stale": self._stale,
        }

    async def act(self, request: Request) -> Any:
        """Do what the browser asks; blocking work is done on threads."""
        try:
            return await self._act(request)
        except Superseded:
            if request.action == "rows":
                return _no_rows(int(request.body["start"]))
            if request.action in ("query", "find"):
                return None  # its answer is awaited no more
            raise

    async def _act(self, request: Request) -> Any:
        body = request.body
        match request.action:
            case "rows":
                return await self._rows(read_body(RowsRequest, body))
            case "query":
                await self._change(query_from_wire(body))
            case "distinct":
                wanted = read_body(DistinctRequest, body)
                column = self._column(wanted.column)
                values, more = await self._run(
                    lambda: distinct_values(self._engine, self.query, column, wanted.search)
                )
                return {"values": [asdict(one) for one in values], "more": more}
            case "profile":
                of = read_body(ProfileRequest, body)
                column = self._column(of.column)
                return asdict(await self._run(lambda: profile(self._engine, self.query, column)))
            case "cell":
                return await self._cell(read_body(CellRequest, body))
            case "copy":
                return await self._copy(read_body(CopyRequest, body))
            case "find":
                return await self._find(read_body(FindRequest, body))
            case "select":
                self._selection = read_body(SelectRequest, body) if body else None
            case "export":
                return await self._export(read_body(ExportRequest, body))
            case "cancel_export":
                self._engine.connection.interrupt("export")
            case "reload":
                await self._reload()
            case action:
                raise BadRequest(f"A viewer cannot {inert(action[:ONE_LINE])}.")
        return None

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._work, call)

    async def _change(self, query: Query) -> None:
        """Select other rows; the newest query that was asked for is shown."""
        self._asked += 1
        asked = self._asked
        view = await self._run(lambda: self._engine.select(query))
        if asked == self._asked:
            self._show(view)

    def _show(self, view: View) -> None:
        self._view = view
        self._epoch += 1
        self._search = self._selection = None
        self.set_snapshot(self._described())

    async def _rows(self, wanted: RowsRequest) -> dict[str, Any]:
        view, columns = self._view, self._checked(wanted.columns)
        if wanted.epoch != self._epoch:  # it was on its way when the view changed
            return _no_rows(wanted.start)

        def read() -> dict[str, Any]:
            numbers = view.numbers(wanted.start, wanted.stop)
            table = self._engine.rows(view, wanted.start, wanted.stop, columns)
            cells = [cell_texts(column) for column in table.columns]
            return {"start": wanted.start, "numbers": numbers.tolist(), "cells": cells}

        return await self._run(read)

    async def _cell(self, wanted: CellRequest) -> dict[str, Any]:
        view, column = self._view, self._column(wanted.column)
        if wanted.epoch != self._epoch or wanted.row >= view.num_rows:
            raise BadRequest("This cell is shown no more.")

        def read() -> dict[str, Any]:
            place = wanted.row
            table = self._engine.rows(view, place, place + 1, [column], lane="cell")
            (text,) = as_text(table.column(0)).to_pylist()
            cut = text if text is None else text[:MAX_CELL_LENGTH]
            number = int(view.numbers(place, place + 1)[0])
            return {"text": cut, "number": number, "isCut": cut != text}

        return await self._run(read)

    async def _copy(self, wanted: CopyRequest) -> dict[str, str]:
        view, columns = self._view, self._checked(wanted.columns)

        def read() -> str:
            table = self._engine.rows(view, wanted.start, wanted.stop, columns, lane="copy")
            return tab_separated(table, with_header=wanted.headers)

        return {"text": await self._run(read)}

    async def _find(self, wanted: FindRequest) -> dict[str, Any]:
        search = self._search
        if search is None or search.text != wanted.text:
            self._search = search = Search(self._engine, self._view, wanted.text)
        match = await self._run(lambda: search.go(wanted.by))
        found: dict[str, Any] = {"count": match.count, "isComplete": match.is_complete}
        if match.row is not None:
            found |= {"row": match.row, "column": match.column}
        return found

    async def _export(self, wanted: ExportRequest) -> dict[str, Any]:
        """Write the view beside the notebook, under a name that is free."""
        view = self._view

        def progress(rows: int) -> None:
            self._portal.loop.call_soon_threadsafe(
                self.view_model.send, {"event": "export", "rows": rows}
            )

        path = await self._run(
            lambda: export(
                self._engine,
                view,
                _free_name(self._data, wanted.format),
                overwrite=False,
                defuse=wanted.defuse,
                progress=progress,
            )
        )
        return {"rows": view.num_rows, "path": str(path)}

    async def _reload(self) -> None:
        """Open the file again, and show what the query selects of it."""
        engine = await self._run(lambda: Engine(self._data))
        try:
            columns = await self._run(lambda: columns_of(engine))
            same = engine.schema.equals(self._engine.schema)
            view = await self._run(lambda: engine.select(self.query)) if same else engine.whole
        except BaseException:
            engine.close()
            raise
        self._engine, before = engine, self._engine
        before.close()
        self._columns, self._stale = columns, ""
        self._show(view)

    async def _follow(self) -> None:
        """Notice that a file changes."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if not self._stale and await self._run(lambda: self._engine.is_stale):
                self._stale = f"{self._title} has changed since it was opened."
                self.set_snapshot(self._described())

    def _column(self, place: int) -> int:
        return self._checked((place,))[0]

    def _checked(self, places: Sequence[int]) -> Sequence[int]:
        count = len(self._engine.schema)
        if any(place >= count for place in places):
            raise BadRequest(f"There is no such column: the table has {count:,}.")
        return places

    @property
    def is_final(self) -> bool:
        """A table stays what it is."""
        return True

    def static_repr(self) -> tuple[str, str]:
        """The first rows."""
        if self.comm is None:
            return "Table, closed", ""
        return static_forms(self._engine, self._view)

    def __repr__(self) -> str:
        if self.comm is None:
            return "<Table, closed>"
        names = inert(", ".join(self._engine.schema.names), longest=ONE_LINE)
        return f"<Table of {self._engine.num_rows:,} rows: {names}>"

    def close(self) -> None:
        """Remove the viewer and release its rows, though a notebook's ``Out`` keeps this."""
        super().close()
        if hasattr(self, "_engine"):
            self._work.shutdown(wait=False, cancel_futures=True)
            self._engine.close()
            del self._engine, self._view, self._data, self._search


def _no_rows(start: int) -> dict[str, Any]:
    return {"start": start, "numbers": [], "cells": []}


def _free_name(data: Any, format: str) -> Path:
    """A name in the working directory that no file has, after the file that is viewed."""
    stem = Path(data).stem if isinstance(data, str | os.PathLike) else "table"
    names = (f"{stem}-view{f'-{place}' if place else ''}.{format}" for place in count())
    return next(path for path in map(Path, names) if not path.exists())


def _query(query: Query | Mapping[str, Any]) -> Query:
    return query if isinstance(query, Query) else query_from_wire(query)


def _title(data: Any) -> str:
    """What a table is called."""
    if isinstance(data, str | os.PathLike):
        return inert(Path(data).name, longest=ONE_LINE)
    if isinstance(data, Dataset):
        return f"of job {data.job_id}"
    if isinstance(data, list | tuple):
        return f"of {len(data):,} files"
    return f"of a {type(data).__name__}"
