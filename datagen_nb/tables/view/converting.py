"""Makes Parquet of a text file: the program of the process that ``Conversion`` starts.

It parses what may be hostile, so it may use little memory. It writes lines of JSON to its output:
``{"first": name}`` when the first rows are there, ``{"whole": name}`` when all are, or ``{"error":
…}``. It ends when its input is closed.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from datagen_nb.core.errors import InputError
from datagen_nb.processes import limit_this_process
from datagen_nb.tables import sniff
from datagen_nb.tables.beginning import whole_rows
from datagen_nb.tables.formats import read_batches
from datagen_nb.tables.input_errors import input_error
from datagen_nb.tables.packed import unpacked
from datagen_nb.tables.table_format import Pieces, table_format

MEMORY = 1 << 30
"""Bytes that this process may allocate."""

SMALL = 2 << 20
"""Bytes of a file that is read whole before anything of it is shown."""

HEAD = 1 << 18
"""Bytes of a larger one whose rows are shown first."""

GROUP_ROWS, GROUP_BYTES = 100_000, 4 << 20
"""Rows of a row group at most, and bytes, about: a window reads no less than one."""

Report = Callable[[dict[str, Any]], None]


def main(path: str, format: str, folder: str) -> None:
    """Convert a file, and report it."""
    limit_this_process(MEMORY)
    threading.Thread(target=_end_with_input, daemon=True).start()

    def report(message: dict[str, Any]) -> None:
        print(json.dumps(message), flush=True)  # noqa: T201, this is how it reports

    try:
        convert(Path(path), format, Path(folder), report)
    except InputError as error:
        facts = {"message": error.message, "code": error.code, "details": error.details}
        report({"error": json.loads(json.dumps(facts, default=str))})


def convert(path: Path, format: str, folder: Path, report: Report) -> None:
    """Write the rows of a file as Parquet, the first ones by themselves if it is large.

    Raises:
        InputError: The file cannot be read, or needs too much memory.
    """
    try:
        with sniff.open_file(path) as packed:
            sniff.check_open_file(packed, format, name=str(path))
            first = _first_rows(packed, format, path)
            if first is not None:
                pq.write_table(first.replace_schema_metadata(None), folder / "first")
                report({"first": "first"})
            is_text = table_format(format).is_text
            with unpacked(packed, str(path)) if is_text else nullcontext(packed) as file:
                writer = _Writer(folder / "whole")
                for batch in read_batches(file, format, name=str(path), take_back=writer.begin):
                    writer.write(batch)
                writer.close()
        report({"whole": "whole"})
    except MemoryError as error:  # Arrow's and numpy's derive from it
        raise input_error(
            "out_of_memory",
            str(path),
            "needs more memory to read than a viewer may use",
            "Split it, or write it as Parquet.",
        ) from error


def _first_rows(packed: BinaryIO, format: str, path: Path) -> pa.Table | None:
    """Rows from a file's beginning; ``None`` where all of it has to be read."""
    head = io.BytesIO(_head(packed, SMALL + 1))
    kind = table_format(format)
    if len(head.getvalue()) <= SMALL or kind.pieces_of(head) is Pieces.NONE:
        return None
    sniffed = kind.dialect_of(head, {})
    dialect = sniffed.dialect if sniffed else None
    encoding = dialect.encoding if dialect else "utf-8"
    rows, _, is_decoded = whole_rows(head, format, HEAD, encoding, dialect)
    if not is_decoded:
        return None
    if dialect is not None:
        dialect = replace(dialect, encoding="utf-8")
    with suppress(InputError):
        batches = read_batches(io.BytesIO(rows), format, name=str(path), dialect=dialect)
        return pa.Table.from_batches(batches)
    return None


def _head(packed: BinaryIO, size: int) -> bytes:
    packed.seek(0)
    if packed.read(len(sniff.GZIP)) != sniff.GZIP:
        packed.seek(0)
        return packed.read(size)
    packed.seek(0)
    with suppress(EOFError, OSError, ValueError):  # what unpacks all of it reports why
        with gzip.GzipFile(fileobj=packed) as plain:
            return plain.read(size)
    return b""


class _Writer:
    """Writes row groups of bounded size.

    Args:
        target: The file; written anew with ``begin``.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._pending: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        self._file: pq.ParquetWriter | None = None

    def begin(self) -> None:
        """Forget what was written so far."""
        self._pending, self._rows, self._bytes = [], 0, 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def write(self, batch: pa.RecordBatch) -> None:
        self._pending.append(batch.replace_schema_metadata(None))
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        if self._file is not None:
            self._file.close()

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.Table.from_batches(self._pending)
        if self._file is None:
            self._file = pq.ParquetWriter(self._target, table.schema)
        self._file.write_table(table, row_group_size=GROUP_ROWS)
        self._pending, self._rows, self._bytes = [], 0, 0


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(1)
