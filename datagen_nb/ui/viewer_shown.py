"""What a viewer shows in one epoch, and answers about it; all calls may block."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from datagen_nb.tables.cells import as_text
from datagen_nb.tables.view.chart import Counts, count
from datagen_nb.tables.view.engine import Engine, View
from datagen_nb.tables.view.formats import formats_of, share_of, written
from datagen_nb.tables.view.profile import distinct_values, ends_of, profile
from datagen_nb.tables.view.query import QueryError, position
from datagen_nb.tables.view.search import Search
from datagen_nb.ui.actions import BadRequest
from datagen_nb.ui.viewer_beside import Beside
from datagen_nb.ui.viewer_columns import MOST_SHOWN, cell_texts, tab_separated
from datagen_nb.ui.viewer_requests import (
    CellRequest,
    ChartRequest,
    CopyRequest,
    DistinctRequest,
    FindRequest,
    ProfilesRequest,
    RowsRequest,
    SelectRequest,
)

MAX_CELL_LENGTH = 1_000_000
"""Characters of one cell that are shown when it is opened."""

MOMENT = 0.1
"""Seconds in which headers are counted for one answer, so that the first ones are there at once."""

Ends: TypeAlias = tuple[float, float] | None


class Shown:
    """The rows of a view, which stay what they are; another view has another epoch.

    Args:
        engine: Of the view.
        view: Its rows.
        epoch: Counts the views of a viewer.
        ends: The least and the greatest number of columns, as far as they are known.

    Attributes:
        selection: The cells that are marked.
    """

    def __init__(self, engine: Engine, view: View, epoch: int, ends: dict[int, Ends]) -> None:
        self.engine = engine
        self.view = view
        self.epoch = epoch
        self.ends = ends
        self.selection: SelectRequest | None = None
        self._search: Search | None = None

    def rows(self, wanted: RowsRequest) -> dict[str, Any]:
        """Cells of some rows and columns as text; none if they are of another epoch."""
        columns = self._checked(wanted.columns)
        if wanted.epoch != self.epoch:  # it was on its way when the view changed
            return no_rows(wanted.start)
        numbers = self.view.numbers(wanted.start, wanted.stop)
        table = self.engine.rows(self.view, wanted.start, wanted.stop, columns, most=MOST_SHOWN)
        cells = [cell_texts(column) for column in table.columns]
        found: dict[str, Any] = {"start": wanted.start, "numbers": numbers.tolist()}
        if shares := self._shares(dict(zip(columns, cells, strict=True))):
            found["shares"] = shares
        formats = formats_of(self.view.query)
        types = self.engine.schema.types
        found["cells"] = [
            written(texts, types[place], formats.get(place))
            for place, texts in zip(columns, cells, strict=True)
        ]
        return found

    def _shares(self, cells: Mapping[int, list[str | None]]) -> dict[int, list[float | None]]:
        """Where numbers stand in their columns, of the columns that are filled by it."""
        shares = {}
        for place, format in formats_of(self.view.query).items():
            if format.fill == "none" or place not in cells:
                continue
            if place not in self.ends:
                self.ends[place] = ends_of(self.engine, place)
            if ends := self.ends[place]:
                shares[place] = [share_of(text, *ends) for text in cells[place]]
        return shares

    def cell(self, wanted: CellRequest) -> dict[str, Any]:
        """One cell whole."""
        (column,) = self._checked([wanted.column])
        place = wanted.row
        if wanted.epoch != self.epoch or place >= self.view.num_rows:
            raise BadRequest("This cell is shown no more.")
        table = self.engine.rows(
            self.view, place, place + 1, [column], most=MAX_CELL_LENGTH + 1, lane="cell"
        )
        (text,) = as_text(table.column(0)).to_pylist()
        cut = text if text is None else text[:MAX_CELL_LENGTH]
        number = int(self.view.numbers(place, place + 1)[0])
        return {"text": cut, "number": number, "isCut": cut != text}

    def copy(self, wanted: CopyRequest) -> dict[str, str]:
        """Cells for the clipboard."""
        columns = self._checked(wanted.columns)
        table = self.engine.rows(self.view, wanted.start, wanted.stop, columns, lane="copy")
        return {"text": tab_separated(table, with_header=wanted.headers)}

    def find(self, wanted: FindRequest) -> dict[str, Any]:
        """Begin a search or go on with it."""
        search = self._search
        if search is None or search.text != wanted.text:
            self._search = search = Search(self.engine, self.view, wanted.text)
        match = search.go(wanted.by)
        found: dict[str, Any] = {"count": match.count, "isComplete": match.is_complete}
        if match.row is not None:
            found |= {"row": match.row, "column": match.column}
        return found

    def distinct(self, wanted: DistinctRequest) -> dict[str, Any]:
        """Values of a column, the most frequent first."""
        (column,) = self._checked([wanted.column])
        values, more = distinct_values(self.engine, self.view.query, column, wanted.search)
        return {"values": [asdict(one) for one in values], "more": more}

    def chart(self, wanted: ChartRequest, beside: Beside | None) -> dict[str, Any]:
        """Rows counted over one column or two, of another table too."""
        self._checked([wanted.x] if wanted.y is None else [wanted.x, wanted.y])
        if wanted.epoch != self.epoch:
            raise BadRequest("These rows are shown no more.")
        return asdict(self.count(wanted.x, wanted.y, beside))

    def count(self, x: int | str, y: int | str | None, beside: Beside | None) -> Counts:
        """See ``tables.view.chart.count``."""
        own, schema = (self.engine, self.view.query), self.engine.schema
        columns = [schema.names[position(one, schema)] for one in (x, y) if one is not None]
        others = beside.tables(own, columns) if beside is not None else ()
        return count([own, *others], x, y)

    def profiles(self, wanted: ProfilesRequest) -> list[dict[str, Any] | None]:
        """The first of some columns at a glance: as many as are counted in a moment.

        ``None`` stands for a column that cannot be counted.
        """
        found: list[dict[str, Any] | None] = []
        end = time.monotonic() + MOMENT
        for column in self._checked(wanted.columns):
            try:
                facts = asdict(profile(self.engine, self.view.query, column))
                found.append({name: value for name, value in facts.items() if value != ()})
            except QueryError:
                found.append(None)
            if time.monotonic() > end:
                break
        return found

    def _checked(self, places: Sequence[int]) -> Sequence[int]:
        count = len(self.engine.schema)
        if any(place >= count for place in places):
            raise BadRequest(f"There is no such column: the table has {count:,}.")
        return places


def no_rows(start: int) -> dict[str, Any]:
    """The answer to a request for rows that are shown no more."""
    return {"start": start, "numbers": [], "cells": []}
