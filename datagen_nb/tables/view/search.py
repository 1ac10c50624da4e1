"""Search in a view: the first match at once, the number of matches while they are counted."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from datagen_nb.tables.cells import as_text
from datagen_nb.tables.view.engine import Engine, SearchWriter, View, searched_columns
from datagen_nb.tables.view.parquet_relation import Ids

FIRST_ROWS, MAX_ROWS = 20_000, 2_000_000
"""Rows that are searched at first, and at most at once: each piece is twice the one before."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where a search stands.

    Attributes:
        count: Rows that were found, so far.
        is_complete: Whether all rows were searched.
        row: Of the view, of the match that was gone to; ``None`` if there is none.
        column: The first one that has the text there.
    """

    count: int
    is_complete: bool
    row: int | None = None
    column: int | None = None


class Search:
    """Finds the rows of a view that contain a text, in any case, on a thread of its own.

    It ends early when the engine selects other rows or another search begins.

    Args:
        engine: Of the view.
        view: Which rows.
        text: In any cell of text, numbers, booleans or dates.
    """

    def __init__(self, engine: Engine, view: View, text: str) -> None:
        self.view = view
        self.text = text
        self._engine = engine
        self._progress = threading.Condition()
        self._found: list[Ids] = []
        self._is_complete = False
        self._error: Exception | None = None
        self._at = -1
        threading.Thread(target=self._run, name="datagen-view-search", daemon=True).start()

    def go(self, by: int) -> Match:
        """Go to a match: 1 to the next, -1 to the one before, 0 to where the search stands.

        Behind the last match the first follows. Waits until the match is found.

        Raises:
            Superseded: The search has ended early.
            ViewError: The rows cannot be read.
        """
        with self._progress:
            while True:
                if self._error is not None:
                    raise self._error
                rows = self._positions()
                row = self._next(rows, by)
                if row is not None or self._is_complete:
                    break
                self._progress.wait()
            complete = self._is_complete
        if row is None:
            return Match(0, complete)
        self._at = row
        return Match(len(rows), complete, row, self._column(row))

    def _next(self, rows: Ids, by: int) -> int | None:
        if len(rows) == 0:
            return None
        if by >= 0:
            place = int(np.searchsorted(rows, max(self._at, 0) if by == 0 else self._at + 1))
            if place == len(rows):
                return int(rows[0]) if self._is_complete else None
            return int(rows[place])
        place = int(np.searchsorted(rows, self._at)) - 1
        if place < 0 and not self._is_complete:
            return None
        return int(rows[place])

    def _positions(self) -> Ids:
        """Where in the view the rows that were found stand, ascending."""
        found = np.concatenate([np.empty(0, np.int64), *self._found])
        self._found = [found]
        return found

    def _run(self) -> None:
        try:
            self._search()
        except Exception as error:  # it belongs to who asks for a match
            with self._progress:
                self._error = error
                self._progress.notify_all()

    def _search(self) -> None:
        engine, view = self._engine, self.view
        condition = SearchWriter(engine.schema).searched(self.text)
        columns = searched_columns(engine.schema)
        is_found = np.zeros(engine.num_rows if view.query.sorts else 0, bool)
        start, size = 0, FIRST_ROWS
        with engine.connection.cursor("search") as cursor:
            while start < engine.num_rows:
                only = f"_row >= {start} AND _row < {start + size} AND ({condition})"
                source, where = engine.bound(cursor, view.query, columns, only=only)
                rows = cursor.ids(f"SELECT _row FROM {source}{where} ORDER BY _row").astype(
                    np.int64
                )
                if not view.query.sorts:
                    self._add(rows if view.first is None else np.searchsorted(view.first, rows))
                else:
                    is_found[rows] = True
                start, size = start + size, min(2 * size, MAX_ROWS)
        if view.query.sorts:
            self._add(np.flatnonzero(is_found[view.whole()]))
        with self._progress:
            self._is_complete = True
            self._progress.notify_all()

    def _add(self, rows: Ids) -> None:
        with self._progress:
            self._found.append(rows)
            self._progress.notify_all()

    def _column(self, row: int) -> int | None:
        columns = searched_columns(self._engine.schema)
        sought = self.text.lower()
        table = self._engine.rows(self.view, row, row + 1, columns, lane="match")
        for place, column in zip(columns, table.columns, strict=True):
            (text,) = as_text(column).to_pylist()
            if text is not None and sought in text.lower():
                return place
        return columns[0] if columns else None
