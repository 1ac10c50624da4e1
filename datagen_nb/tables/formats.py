"""The formats of tables, each ⇄ Arrow: read in bounded memory, write a part, join parts.

Reading gives every column one type, found from the whole file. Writing is deterministic: the
same rows give the same bytes.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from datagen_nb.core.config import LEAST_ROWS
from datagen_nb.core.errors import InputError
from datagen_nb.tables import csv_files, json_files
from datagen_nb.tables.csv_files import CsvReader, check_unique
from datagen_nb.tables.json_files import JsonReader
from datagen_nb.tables.sniff import input_error, look_at

BATCH_ROWS = 16_384

_NEVER = (
    pa.types.is_nested,
    pa.types.is_union,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
    pa.types.is_interval,
)

_ROW_GROUP = 1 << 20
_COPY = 1 << 20


def _ignore(_: object) -> None:
    pass


def read_batches(
    file: BinaryIO,
    format: str,
    *,
    name: str = "The input",
    parameters: Mapping[str, Any] | None = None,
    warn: Callable[[str], None] = _ignore,
    progress: Callable[[float], None] = _ignore,
) -> Iterator[pa.RecordBatch]:
    """Read a table in batches of one schema, in bounded memory.

    Args:
        file: Seekable; text formats are read twice, to learn the types first.
        format: ``csv``, ``json``, ``jsonl`` or ``parquet``.
        name: What messages call the input.
        parameters: The job's: ``encoding``, ``delimiter``, ``badLines``.
        warn: Is told in words what was done that one might not expect.
        progress: Is told the share that is done, 0 to 1.

    Raises:
        InputError: The file is not what ``format`` says, or breaks somewhere.
    """
    parameters = parameters or {}
    look_at(file, format, name=name, parameters=parameters)
    try:
        yield from _reader(file, format, name, parameters, warn, progress)
    except OSError as error:
        raise input_error(
            "input_unreadable", name, f"cannot be read: {error}", "Check the disk, then try again."
        ) from error


def read_part(file: BinaryIO, format: str, schema: pa.Schema) -> pa.Table:
    """Read a whole part that ``write_part`` wrote, with the schema it had."""
    file.seek(0)
    if format == "parquet":
        return pq.read_table(file, use_threads=False).cast(schema)
    arguments: dict[str, Any] = {
        "name": "The part",
        "parameters": {},
        "warn": _ignore,
        "progress": _ignore,
    }
    reader = (
        CsvReader(file, **arguments)
        if format == "csv"
        else JsonReader(file, lines=format == "jsonl", **arguments)
    )
    return pa.Table.from_batches(reader.typed(schema), schema)


def write_part(table: pa.Table, format: str, file: BinaryIO) -> None:
    """Write a table; the same table gives the same bytes."""
    if format == "parquet":
        pq.write_table(table, file, compression="zstd", row_group_size=_ROW_GROUP)
    elif format == "csv":
        csv_files.write(table, file)
    else:
        json_files.write(table, file, lines=format == "jsonl")


def assemble(parts: Iterable[BinaryIO], format: str, target: BinaryIO) -> None:
    """Join parts that ``write_part`` wrote into one file; each is read once, in order."""
    join = {"parquet": _join_parquet, "csv": _join_csv, "json": _join_json, "jsonl": _join_lines}
    join[format](parts, target)


def _reader(
    file: BinaryIO,
    format: str,
    name: str,
    parameters: Mapping[str, Any],
    warn: Callable[[str], None],
    progress: Callable[[float], None],
) -> Iterator[pa.RecordBatch]:
    if format == "parquet":
        return _parquet_batches(file, name, progress)
    arguments: dict[str, Any] = {
        "name": name,
        "parameters": parameters,
        "warn": warn,
        "progress": progress,
    }
    if format == "csv":
        return CsvReader(file, **arguments).batches()
    return JsonReader(file, lines=format == "jsonl", **arguments).batches()


def check_rows(rows: int, name: str) -> None:
    """Look whether there is something to learn from.

    Raises:
        InputError: There are too few rows.
    """
    if rows < LEAST_ROWS:
        has = "has no rows" if rows == 0 else "has one row only"
        raise input_error(
            "too_few_rows",
            name,
            f"{has}: there is nothing to learn from",
            f"Give a table of at least {LEAST_ROWS} rows.",
            rows=rows,
        )


def _parquet_batches(
    file: BinaryIO, name: str, progress: Callable[[float], None]
) -> Iterator[pa.RecordBatch]:
    try:
        # A buffer and no pre-buffering: otherwise a whole row group is held in memory.
        source = pq.ParquetFile(file, buffer_size=_COPY, pre_buffer=False)
        check_unique(source.schema_arrow.names, name)
        check_types(source.schema_arrow, name)
        total = max(source.metadata.num_rows, 1)
        done = 0
        for batch in source.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            yield _plain(batch)
            done += batch.num_rows
            progress(done / total)
    except InputError:
        raise
    except (pa.ArrowException, OSError) as error:
        says = " ".join(str(error).split())
        raise input_error(
            "input_broken",
            name,
            f"is a Parquet file that is broken: {says}",
            "Copy or write it again.",
        ) from error


def check_types(schema: pa.Schema, name: str) -> None:
    """Look whether every column is of a type that all formats can hold.

    Raises:
        InputError: One is not.
    """
    for field in schema:
        if isinstance(field.type, pa.BaseExtensionType) or any(_is(field.type) for _is in _NEVER):
            named = getattr(field.type, "extension_name", field.type)
            raise input_error(
                "unsupported_column",
                name,
                f"has a column {field.name!r} of type {named}, which cannot be learnt from",
                "Leave the column out, or turn it into text, numbers or instants.",
                column=field.name,
            )


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Undo dictionary encoding, which differs from batch to batch, and drop foreign metadata."""
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in batch.columns
    ]
    return pa.record_batch(columns, names=batch.schema.names)


def _join_parquet(parts: Iterable[BinaryIO], target: BinaryIO) -> None:
    writer: pq.ParquetWriter | None = None
    try:
        for part in parts:
            source = pq.ParquetFile(part)
            if writer is None:
                writer = pq.ParquetWriter(target, source.schema_arrow, compression="zstd")
            for index in range(source.num_row_groups):
                writer.write_table(source.read_row_group(index, use_threads=False))
    finally:
        if writer is not None:
            writer.close()


def _join_csv(parts: Iterable[BinaryIO], target: BinaryIO) -> None:
    for index, part in enumerate(parts):
        part.seek(0)
        if index:
            part.seek(csv_files.header_length(part))
        shutil.copyfileobj(part, target, _COPY)


def _join_json(parts: Iterable[BinaryIO], target: BinaryIO) -> None:
    target.write(json_files.OPEN)
    for index, part in enumerate(parts):
        if index:
            target.write(json_files.BETWEEN)
        left = part.seek(0, os.SEEK_END) - len(json_files.OPEN) - len(json_files.CLOSE)
        part.seek(len(json_files.OPEN))
        while left > 0:
            chunk = part.read(min(left, _COPY))
            target.write(chunk)
            left -= len(chunk)
    target.write(json_files.CLOSE)


def _join_lines(parts: Iterable[BinaryIO], target: BinaryIO) -> None:
    for part in parts:
        part.seek(0, io.SEEK_SET)
        shutil.copyfileobj(part, target, _COPY)
