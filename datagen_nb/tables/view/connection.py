"""A DuckDB of its own for every viewer: capped memory, one folder to read, requests that end early.

Each request runs on a cursor in a lane. The newest request of a lane wins: the one before is
interrupted, since nothing waits for its answer any more.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from datagen_nb.core.errors import DatagenError
from datagen_nb.tables.view.sql import quoted_text

MEMORY_LIMIT = "512MB"
"""Memory of DuckDB's own; what does not fit is written to a temporary folder."""


class ViewError(DatagenError):
    """The rows of a view cannot be read or computed."""

    code = "view_unreadable"


class Superseded(ViewError):
    """A newer request made this one needless."""

    code = "view_superseded"


class Cursor:
    """Runs the statements of one request.

    Args:
        connection: Whose settings hold.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._cursor = connection.cursor()
        self._is_interrupted = False

    def table(self, statement: str) -> pa.Table:
        """Run a statement and return its rows.

        Raises:
            Superseded: The request was interrupted.
            ViewError: It cannot be run.
        """
        with self._errors():
            return self._cursor.sql(statement).to_arrow_table()

    def ids(self, statement: str) -> np.ndarray[Any, Any]:
        """Run a statement and return its only column, without nulls.

        Raises:
            Superseded: The request was interrupted.
            ViewError: It cannot be run.
        """
        with self._errors():
            (column,) = self._cursor.execute(statement).fetchnumpy().values()
            return np.asarray(column)

    def row(self, statement: str) -> tuple[Any, ...]:
        """Run a statement and return its only row as Python values.

        Raises:
            Superseded: The request was interrupted.
            ViewError: It cannot be run.
        """
        with self._errors():
            (found,) = self._cursor.execute(statement).fetchall()
            return tuple(found)

    def batches(self, statement: str, rows: int) -> Iterator[pa.RecordBatch]:
        """Run a statement and yield its rows, some at a time.

        Raises:
            Superseded: The request was interrupted.
            ViewError: It cannot be run.
        """
        with self._errors():
            reader = self._cursor.sql(statement).to_arrow_reader(rows)
        while True:
            try:
                with self._errors():
                    batch = reader.read_next_batch()
            except StopIteration:
                return
            yield batch

    def check(self) -> None:
        """Raise ``Superseded`` if the request was interrupted."""
        if self._is_interrupted:
            raise _superseded()

    def register(self, name: str, table: pa.Table) -> None:
        """Let the statements of this cursor read an Arrow table."""
        with self._errors():
            self._cursor.register(name, table)

    def interrupt(self) -> None:
        """End the statement that runs now, and refuse later ones; from any thread."""
        self._is_interrupted = True
        self._cursor.interrupt()

    def close(self) -> None:
        """Free what the statements hold."""
        self._cursor.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        self.check()
        try:
            yield
        except duckdb.InterruptException:
            raise _superseded() from None
        except duckdb.OutOfMemoryException as error:
            raise ViewError(
                f"This needs more than the {MEMORY_LIMIT} of memory that a viewer may use. Filter "
                "the rows first, or choose fewer columns.",
                code="view_memory",
            ) from error
        except duckdb.Error as error:
            if self._is_interrupted:
                raise _superseded() from None
            first = str(error).strip().partition("\n")[0]
            raise ViewError(f"The rows cannot be read: {first}") from error
        except pa.ArrowException as error:
            self.check()
            raise ViewError(f"The rows cannot be read: {error}") from error
        self.check()


def _superseded() -> Superseded:
    return Superseded("A newer request made this one needless.")


class Connection:
    """A DuckDB in memory that reads what it is given and nothing else.

    Args:
        folder: Whose files it may read, and where it may write what exceeds its memory.
        files: Others that it may read, to which the folder has links.
    """

    def __init__(self, folder: Path, files: Sequence[Path] = ()) -> None:
        self._connection = duckdb.connect()
        self._lock = threading.Lock()
        self._newest: dict[str, Cursor] = {}
        self._running: set[Cursor] = set()
        self._is_closed = False
        threads = max(2, (os.cpu_count() or 2) // 2)
        for setting in (
            f"memory_limit = '{MEMORY_LIMIT}'",
            f"threads = {threads}",
            "TimeZone = 'UTC'",
            "parquet_can_have_nan = true",
            "parquet_metadata_cache = true",
            "enable_external_file_cache = false",
            "python_enable_replacements = false",
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            f"temp_directory = {quoted_text(str(folder / 'spilled'))}",
            # From here on in this order: each forbids what the ones before need.
            f"allowed_directories = [{quoted_text(str(folder))}]",
            f"allowed_paths = [{', '.join(quoted_text(os.path.realpath(one)) for one in files)}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self._connection.execute(f"SET {setting}")

    @contextmanager
    def cursor(self, lane: str) -> Iterator[Cursor]:
        """A cursor for one request; the request before it in the lane is interrupted.

        Raises:
            Superseded: The viewer was closed.
        """
        with self._lock:
            if self._is_closed:
                raise _superseded()
            cursor = Cursor(self._connection)
            self._running.add(cursor)
            before, self._newest[lane] = self._newest.get(lane), cursor
            if before is not None:
                before.interrupt()
        try:
            yield cursor
        finally:
            with self._lock:
                if self._newest.get(lane) is cursor:
                    del self._newest[lane]
                self._running.remove(cursor)
                cursor.close()
                self._close_if_idle()

    def interrupt(self, *lanes: str) -> None:
        """End the requests of these lanes."""
        with self._lock:
            for lane in lanes:
                if lane in self._newest:
                    self._newest[lane].interrupt()

    def close(self) -> None:
        """End every request, and free all memory with the last of them; safe to call twice."""
        with self._lock:
            self._is_closed = True
            for cursor in self._running:
                cursor.interrupt()
            self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._is_closed and not self._running:
            self._connection.close()
