"""The table that charts of a viewer show beside its own: real data beside synthetic data."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol, TypeAlias

from datagen_nb.client.sync import Dataset
from datagen_nb.core.errors import DatagenError
from datagen_nb.tables.view.engine import Engine, whole_engine
from datagen_nb.tables.view.query import Query, QueryError, position
from datagen_nb.tables.view.types import kind_of
from datagen_nb.ui.located import located

Table: TypeAlias = tuple[Engine, Query]


class Beside(Protocol):
    """Another table that charts show.

    Attributes:
        names: Of the viewer's own table, and of the other one.
    """

    names: tuple[str, str]

    def tables(self, own: Table, columns: Sequence[str]) -> Sequence[Table]:
        """The other one, with the same query, or none; may block.

        Args:
            own: What is shown.
            columns: What is to be counted.
        """
        ...

    def close(self) -> None:
        """Free what was opened for it."""
        ...


class JobInput:
    """The table that the rows of a job were made after, beside these.

    It is opened when a chart is drawn first. There is none where this process cannot read it.

    Args:
        data: The rows of the job.
    """

    names = ("synthetic", "real")

    def __init__(self, data: Dataset) -> None:
        self._data: Dataset | None = data
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def tables(self, own: Table, columns: Sequence[str]) -> Sequence[Table]:
        engine = self._opened()
        if engine is None:
            return []
        schema = own[0].schema
        try:
            query = own[1].named(schema).resolve(engine.schema)
            places = [(position(name, schema), position(name, engine.schema)) for name in columns]
        except QueryError:  # a column has been left out, or is of the synthetic table alone
            return []
        kinds = [(kind_of(schema.types[a]), kind_of(engine.schema.types[b])) for a, b in places]
        return [(engine, query)] if all(a == b for a, b in kinds) else []

    def _opened(self) -> Engine | None:
        with self._lock:
            data, self._data = self._data, None
            if data is not None:
                with suppress(DatagenError, OSError):
                    path = data.input_path()
                    self._engine = None if path is None else whole_engine(located(path))
            return self._engine

    def close(self) -> None:
        with self._lock:
            self._data = None
            if self._engine is not None:
                self._engine.close()
