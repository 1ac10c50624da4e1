"""The engine of a viewer: which rows a query selects, in which order, and their cells.

All calls may block and are safe from any thread. DuckDB answers with row numbers; cells are read
for the rows and columns that are seen alone.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datagen_nb.core.formats import format_of
from datagen_nb.tables import sniff
from datagen_nb.tables.frames import is_frame, to_arrow
from datagen_nb.tables.input_errors import no_format
from datagen_nb.tables.view.code import SqlWriter
from datagen_nb.tables.view.connection import Connection, Cursor, Superseded
from datagen_nb.tables.view.conversion import Conversion, FirstRows, all_rows, converted
from datagen_nb.tables.view.folder import Folder
from datagen_nb.tables.view.objects import BucketObject, object_relation
from datagen_nb.tables.view.parquet_relation import WHOLE, Ids, ParquetRelation
from datagen_nb.tables.view.query import And, Condition, Leaf, Query, Text, conditions_of
from datagen_nb.tables.view.relations import ArrowRelation, Relation, StoredRelation
from datagen_nb.tables.view.sql import quoted_text, sql_keys, sql_leaf
from datagen_nb.tables.view.types import kind_of
from datagen_nb.tables.view.values import is_text

FIRST_ROWS = 1_000
"""Rows of a sorted view that are known before the whole order is."""

SEARCHED_KINDS = ("text", "number", "boolean", "date")
"""What a search looks in: columns whose cells show what DuckDB writes for them."""


@dataclass(frozen=True)
class View:
    """The rows that a query selects.

    Attributes:
        query: With columns by position.
        num_rows: How many it selects.
        first: Numbers of the first rows; ``None`` where the view is the table as it is.
        order: Numbers of all rows, as soon as they are known.
    """

    query: Query
    num_rows: int
    first: Ids | None = None
    order: Future[Ids] = field(default_factory=Future)

    def numbers(self, start: int, stop: int) -> Ids:
        """Numbers in the table of the rows ``start`` to ``stop``; waits for the order if needed.

        Raises:
            Superseded: Another query came before the order was known.
        """
        stop = max(min(stop, self.num_rows), 0)
        start = min(max(start, 0), stop)
        if self.first is None:
            return np.arange(start, stop)
        return (self.first if stop <= len(self.first) else self.whole())[start:stop]

    def whole(self) -> Ids:
        """Numbers of all rows.

        Raises:
            Superseded: Another query came before they were known.
        """
        if self.first is None:
            return np.arange(self.num_rows)
        try:
            return self.order.result()
        except CancelledError:
            raise Superseded("Another query came before the rows were sorted.") from None


class Engine:
    """Views of one table.

    Args:
        data: A table in memory, a path, several paths of Parquet files, an object of a bucket, or
            a source of rows.

    Raises:
        InputError: A file cannot be read.
        ArgumentTypeError: It is none of these.

    Example:
        ```python
        engine = Engine("customers.parquet")
        view = engine.select(Query(sorts=(Sort(column="name"),)))
        engine.rows(view, 0, 50, [0, 1, 2])
        ```
    """

    def __init__(self, data: Any) -> None:
        folder = Folder()
        self.folder = folder.path
        try:
            self.relation = _relation_of(data, self.folder)
            self.connection = Connection(self.folder, self.relation.files)
        except BaseException:
            folder.remove()
            raise
        self._newest: View | None = None
        self._sorting = ThreadPoolExecutor(1, thread_name_prefix="datagen-view-sort")
        self._free = weakref.finalize(
            self, _free, self.connection, self._sorting, self.relation, folder, os.getpid()
        )

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return self.relation.schema

    @property
    def num_rows(self) -> int:
        """Rows of the table."""
        return self.relation.num_rows

    @property
    def whole(self) -> View:
        """The table as it is."""
        return View(Query(), self.num_rows)

    @property
    def is_stale(self) -> bool:
        """Whether a file was changed or removed since it was opened."""
        return self.relation.is_stale

    @property
    def conversion(self) -> Conversion | None:
        """What still reads the file of which these are the first rows; ``None`` if all are here."""
        return self.relation.conversion if isinstance(self.relation, FirstRows) else None

    def complete(self) -> Engine:
        """An engine of all rows, once they are read; this one may be closed then.

        Raises:
            InputError: The file breaks somewhere.
            Superseded: This engine was closed.
        """
        return self if self.conversion is None else Engine(self.conversion)

    def select(self, query: Query) -> View:
        """Find the rows of a query; the query before is given up.

        A sorted view knows its first rows at once and the others later.

        Raises:
            QueryError: A column or a value does not fit.
            Superseded: Another query came meanwhile.
            ViewError: The rows cannot be read.
        """
        query = query.resolve(self.schema)
        self._newest = None
        self.connection.interrupt("view", "order", "search")
        if query.is_whole:
            return View(query, self.num_rows)
        with self.connection.cursor("view") as cursor:
            rows, where = self.bound(cursor, query)
            if not query.sorts:
                found = cursor.ids(f"SELECT _row FROM {rows}{where} ORDER BY _row")
                return _known(query, found)
            count = self.num_rows
            if where:
                (count,) = cursor.row(f"SELECT count(*) FROM {rows}{where}")
            statement = f"SELECT _row FROM {rows}{where} ORDER BY {self.keys(query)}"
            if count <= FIRST_ROWS:
                return _known(query, cursor.ids(statement))
            first = cursor.ids(f"{statement} LIMIT {FIRST_ROWS}")
        self._newest = view = View(query, count, first)
        self._sorting.submit(self._sort, view)
        return view

    def _sort(self, view: View) -> None:
        view.order.set_running_or_notify_cancel()
        try:
            with self.connection.cursor("order") as cursor:
                if self._newest is not view:
                    raise Superseded("Another query came before the rows were sorted.")
                rows, where = self.bound(cursor, view.query)
                keys = self.keys(view.query)
                view.order.set_result(cursor.ids(f"SELECT _row FROM {rows}{where} ORDER BY {keys}"))
        except BaseException as error:  # it belongs to who waits for the rows
            view.order.set_exception(error)

    def rows(
        self,
        view: View,
        start: int,
        stop: int,
        columns: Sequence[int],
        *,
        most: int = WHOLE,
        lane: str = "rows",
    ) -> pa.Table:
        """Rows of a view, in the types of the schema.

        Args:
            view: Of this engine.
            start: The first row, from 0.
            stop: The row after the last; rows that do not exist are left out.
            columns: By position.
            most: Characters of a text that are needed; the rest of it may be missing.
            lane: Whose request before is interrupted.

        Raises:
            Superseded: Another query came before the rows were known.
            ViewError: They cannot be read.
        """
        numbers = view.numbers(start, stop)
        with self.connection.cursor(lane) as cursor:
            if view.first is None:
                start = int(numbers[0]) if len(numbers) else 0
                return self.relation.window(cursor, start, start + len(numbers), columns, most)
            return self.relation.take(cursor, numbers, columns, most)

    def table(self, view: View) -> pa.Table:
        """All rows of a view in memory, in the types of the schema.

        Raises:
            Superseded: Another query came before the rows were known.
            ViewError: They cannot be read.
        """
        places = range(len(self.schema))
        if view.first is None:
            return self.rows(view, 0, view.num_rows, places, lane="table")
        order = pa.array(view.whole())
        with self.connection.cursor("table") as cursor:
            # Column by column: a sort that carries them all would need the memory of all.
            arrays = [
                self.relation.window(cursor, 0, self.num_rows, [place]).column(0).take(order)
                for place in places
            ]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def bound(
        self, cursor: Cursor, query: Query, columns: Sequence[int] = (), *, only: str = ""
    ) -> tuple[str, str]:
        """The table as a relation of SQL on a cursor, and the ``WHERE`` of a query.

        Args:
            cursor: Reads the columns that the query and ``columns`` name.
            query: With columns by position.
            columns: Further ones.
            only: A further condition in SQL.
        """
        used = {*columns, *(int(sort.column) for sort in query.sorts)}
        if query.filter is not None:
            used |= {int(leaf.column) for leaf in conditions_of(query.filter)}
        if query.search:
            used |= set(searched_columns(self.schema))
        parts = [SearchWriter(self.schema).where(query), only]
        where = " AND ".join(f"({part})" for part in parts if part)
        return self.relation.bind(cursor, sorted(used)), f" WHERE {where}" if where else ""

    def keys(self, query: Query) -> str:
        """The ``ORDER BY`` of a query; rows that are equal stay in the order of the table."""
        keys = [
            key
            for sort in query.sorts
            for key in sql_keys(sort, f"c{sort.column}", self.schema.field(sort.column).type)
        ]
        return ", ".join([*keys, "_row"])

    def close(self) -> None:
        """Free memory and files; requests that run end with ``Superseded``."""
        self._free()


def whole_engine(data: Any) -> Engine:
    """An engine of all rows, for which a file of text is read to its end; raises as ``Engine``."""
    engine = Engine(data)
    try:
        whole = engine.complete()
    except BaseException:
        engine.close()
        raise
    if whole is not engine:
        engine.close()
    return whole


class SearchWriter(SqlWriter):
    """Writes conditions on the columns of a relation, and searches more than texts."""

    def __init__(self, schema: pa.Schema) -> None:
        super().__init__(schema, "source")

    def column(self, place: int) -> str:
        return f"c{place}"

    def leaf(self, leaf: Leaf) -> str:
        type_ = self.type_of(int(leaf.column))
        if isinstance(leaf, Text) and not is_text(type_) and kind_of(type_) in SEARCHED_KINDS:
            return sql_leaf(leaf, _cell(self.column(int(leaf.column)), type_), pa.string())
        return super().leaf(leaf)

    def searched(self, text: str) -> str:
        """A condition that some cell of a row contains a text, in any case."""
        value = f"lower({quoted_text(text)})"
        parts = [
            f"contains(lower({_cell(f'c{place}', self._schema.field(place).type)}), {value})"
            for place in searched_columns(self._schema)
        ]
        return self.joined(parts, "or") if parts else self.never()


def _cell(column: str, type_: pa.DataType) -> str:
    """The text of a cell, in SQL."""
    if pa.types.is_floating(type_):
        is_whole = f"{column} = trunc({column}) AND abs({column}) < 1e15"
        whole = f"TRY_CAST({column} AS BIGINT)::VARCHAR"
        return f"CASE WHEN {is_whole} THEN {whole} ELSE {column}::VARCHAR END"
    return f"{column}::VARCHAR"


def searched_columns(schema: pa.Schema) -> list[int]:
    """Positions of the columns that a search looks in."""
    return [place for place, type_ in enumerate(schema.types) if kind_of(type_) in SEARCHED_KINDS]


def without_column(query: Query, column: int) -> Query:
    """A query without the conditions that are about one column alone."""
    if query.filter is None:
        return query
    parts = query.filter.conditions if isinstance(query.filter, And) else (query.filter,)
    others = tuple(
        part for part in parts if {one.column for one in conditions_of(part)} != {column}
    )
    kept: Condition | None = And(conditions=others) if others else None
    return query.model_copy(update={"filter": kept})


def _known(query: Query, rows: Ids) -> View:
    view = View(query, len(rows), rows)
    view.order.set_result(rows)
    return view


def _relation_of(data: Any, folder: Path) -> Relation:
    if isinstance(data, list | tuple) and all(isinstance(one, str | os.PathLike) for one in data):
        return ParquetRelation([_parquet_path(one) for one in data], folder)
    if isinstance(data, str | os.PathLike):
        path = Path(os.path.expanduser(data))
        format = format_of(path.name)
        if format == "parquet":
            return ParquetRelation([_parquet_path(path)], folder)
        if format is None:
            raise no_format(str(path))
        return converted(path, format, folder)
    if isinstance(data, Conversion):
        return all_rows(data, folder)
    if isinstance(data, BucketObject):
        return object_relation(data, folder)
    if not is_frame(data) and all(hasattr(data, name) for name in ("schema", "num_rows", "read")):
        return StoredRelation(data, folder)
    return ArrowRelation(to_arrow(data, for_display=True))


def _parquet_path(path: str | os.PathLike[str]) -> Path:
    found = Path(os.path.expanduser(path))
    sniff.check_file(found, "parquet")
    return found


def _free(
    connection: Connection,
    sorting: ThreadPoolExecutor,
    relation: Relation,
    folder: Folder,
    process: int,
) -> None:
    if os.getpid() != process:  # a process that was forked meanwhile owns none of it
        return
    connection.close()
    sorting.shutdown(wait=False)  # a sort that waits there ends at once, with `Superseded`
    relation.close()
    folder.remove()
