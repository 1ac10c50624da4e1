"""All rows of a view into a file: CSV, Parquet, JSON, JSON Lines or Excel, in bounded memory."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.formats import ending_of, written_format
from datagen_nb.core.quoting import brief_repr
from datagen_nb.files import write_atomically
from datagen_nb.tables.cells import as_text
from datagen_nb.tables.formats import assemble, write_part
from datagen_nb.tables.view.connection import ViewError
from datagen_nb.tables.view.engine import Engine, View
from datagen_nb.tables.view.parquet_relation import typed
from datagen_nb.tables.view.query import QueryError
from datagen_nb.tables.view.types import kind_of
from datagen_nb.tables.view.values import is_text
from datagen_nb.tables.view.workbook import ENDING, check_sheet, is_installed, write_workbook

PIECE_ROWS = 50_000
"""Rows that are read and written at once."""

WORKBOOK = "xlsx"

_FORMULA = r"^[=+\-@\t\r]"


def export(
    engine: Engine,
    view: View,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    overwrite: bool = True,
    defuse: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Path:
    """Write the rows of a view in its order, whole or not at all.

    Args:
        engine: Of the view.
        view: Its rows.
        path: The file; only a regular one is replaced.
        format: ``csv``, ``json``, ``jsonl``, ``parquet`` or ``xlsx``; by default what the ending
            says.
        overwrite: Whether a file that is there is replaced.
        defuse: Write an apostrophe before texts that a spreadsheet would take as formulas.
        progress: Is called with the number of rows that were written so far.

    Raises:
        ConfigurationError: The path ends in a format that cannot be written.
        OutputError: It cannot be written.
        Superseded: The export was interrupted, by ``engine.connection.interrupt("export")``.
        ViewError: The rows cannot be read, or the format cannot hold them.
    """
    target = Path(os.path.abspath(os.path.expanduser(path)))
    format = _written_format(target.name, format)
    twice = [name for name, count in Counter(engine.schema.names).items() if count > 1]
    if twice and format in ("json", "jsonl"):
        raise ViewError(
            f"JSON cannot hold two columns of the name {twice[0]!r}. Choose csv or parquet.",
            code="unwritable_columns",
        )
    if format == WORKBOOK:
        check_sheet(engine.schema, view.num_rows)
        with write_atomically(target, overwrite=overwrite) as file:
            tables = _counted(engine, view, format, defuse=defuse, progress=progress)
            write_workbook(tables, engine.schema.names, file, engine.folder)
        return target
    with write_atomically(target, overwrite=overwrite) as file:
        parts = _parts(engine, view, format, defuse=defuse, progress=progress)
        try:
            assemble(parts, format, file, schema=engine.schema)
        except pa.ArrowException as error:
            raise ViewError(f"These rows cannot be written as {format}: {error}") from error
    return target


def export_formats() -> list[str]:
    """The formats that can be written here, the most usual first."""
    return ["csv", "parquet", "jsonl", "json", *([WORKBOOK] if is_installed() else [])]


def _written_format(name: str, format: str | None) -> str:
    has_ending = ending_of(name) == ENDING
    if format == WORKBOOK or (format is None and has_ending):
        if not has_ending:
            raise ConfigurationError(
                [
                    Problem(
                        "output",
                        brief_repr(name),
                        "is no name of an Excel workbook",
                        f"Name a file that ends in {ENDING}.",
                    )
                ]
            )
        return WORKBOOK
    return written_format(name, format, "csv")


def _parts(
    engine: Engine, view: View, format: str, *, defuse: bool, progress: Callable[[int], None]
) -> Iterator[BinaryIO]:
    for table in _counted(engine, view, format, defuse=defuse, progress=progress):
        with tempfile.TemporaryFile(dir=engine.folder) as part:
            write_part(table, format, part)
            part.seek(0)
            yield part


def _counted(
    engine: Engine, view: View, format: str, *, defuse: bool, progress: Callable[[int], None]
) -> Iterator[pa.Table]:
    """The rows of a view as a format holds them, some at a time; at least one table."""
    done = 0
    empty = engine.schema.empty_table()
    for table in _pieces(engine, view) if view.num_rows else iter([empty]):
        yield _writable(table, format, defuse=defuse)
        done += table.num_rows
        progress(done)


def _pieces(engine: Engine, view: View) -> Iterator[pa.Table]:
    """The rows of a view in order, some at a time; with one cursor, so that they can be ended."""
    places = range(len(engine.schema))
    with engine.connection.cursor("export") as cursor:
        if view.first is None:
            for start in range(0, view.num_rows, PIECE_ROWS):
                stop = min(start + PIECE_ROWS, view.num_rows)
                cursor.check()
                yield engine.relation.window(cursor, start, stop, places)
            return
        try:
            source, where = engine.bound(cursor, view.query, places)
        except QueryError:  # a column that only Arrow reads: row by row
            for start in range(0, view.num_rows, PIECE_ROWS):
                cursor.check()
                numbers = view.numbers(start, start + PIECE_ROWS)
                yield engine.relation.take(cursor, numbers, places)
            return
        names = ", ".join(f"c{place}" for place in places)
        statement = f"SELECT {names} FROM {source}{where} ORDER BY {engine.keys(view.query)}"
        for batch in cursor.batches(statement, PIECE_ROWS):
            table = pa.Table.from_batches([batch])
            arrays = [typed(*pair) for pair in zip(table.columns, engine.schema.types, strict=True)]
            yield pa.Table.from_arrays(arrays, schema=engine.schema)


def _writable(table: pa.Table, format: str, *, defuse: bool) -> pa.Table:
    """The columns as a format holds them; what it has no form for becomes the text of the cell."""
    if format == "parquet":
        return table
    arrays = []
    for column in table.columns:
        type_ = column.type
        is_native = format not in ("csv", WORKBOOK) and (
            pa.types.is_list(type_) or pa.types.is_struct(type_)
        )
        if kind_of(type_) == "other" and not is_native and not pa.types.is_null(type_):
            column = as_text(column)
        if defuse and is_text(column.type):
            texts = as_text(column)
            marked = pc.binary_join_element_wise("'", texts, "")
            column = pc.if_else(pc.match_substring_regex(texts, _FORMULA), marked, texts)
        arrays.append(column)
    return pa.Table.from_arrays(arrays, names=table.column_names)
