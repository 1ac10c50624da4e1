"""What a caller may hand to ``submit`` as its table, and how it gets to the service.

A file that the service can see is named, anything else is put into the customer's bucket
under its digest, so that the same table is sent once.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import re
import tempfile
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

from datagen_nb.client.downloads import download, is_web_address
from datagen_nb.core.cloud_paths import is_cloud_path, split
from datagen_nb.core.config_rules import MAX_TABLES
from datagen_nb.core.errors import ArgumentError, ConfigurationError, InputError, Problem
from datagen_nb.core.formats import format_of, known_endings
from datagen_nb.core.places import DEFAULT_BUCKET, LOCAL_FILES
from datagen_nb.core.ports import Jobs
from datagen_nb.tables import sniff
from datagen_nb.tables.file_sets import files_of, is_file_set, join_files
from datagen_nb.tables.frames import ArrowStream, to_arrow
from datagen_nb.tables.input_errors import input_error
from datagen_nb.tables.table_sets import check_name
from datagen_nb.tables.workbooks import is_workbook, read_workbook

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    Source: TypeAlias = str | os.PathLike[str] | pd.DataFrame | pa.Table | ArrowStream

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class PlacedInput:
    """Where an input lies: ``path`` in ``bucket``, in ``format``; ``name`` is for people."""

    bucket: str
    path: str
    format: str
    name: str


async def place(source: Source, parameters: Mapping[str, Any], jobs: Jobs) -> PlacedInput:
    """Bring a table to where the service can read it; ``parameters`` are the job's.

    Raises:
        InputError: It is not there, is empty, or is not what its name says.
        TypeError: It is nothing that can hold a table.
    """
    if isinstance(source, str | os.PathLike):
        text = os.fspath(source)
        if not text:
            raise ArgumentError("The path of the table is empty. Give the path of a file.")
        if is_cloud_path(text):
            bucket, name = split(text)
            return PlacedInput(bucket, name, _format(text), Path(name).stem)
        if is_web_address(text):
            return await _place_download(text, parameters, jobs)
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
            raise input_error(
                "input_not_found",
                text,
                "is an address, not the path of a file",
                "Download the table and give the path of the file.",
            )
        path = Path(os.path.abspath(os.path.expanduser(text)))
        if await asyncio.to_thread(is_file_set, path):
            return await _place_files(path, parameters, jobs)
        if not is_workbook(path):
            return await _place_file(path, parameters, jobs)
        table = await asyncio.to_thread(read_workbook, path)
        return replace(await place(table, parameters, jobs), name=path.stem)
    with await asyncio.to_thread(tempfile.TemporaryFile) as file:
        await asyncio.to_thread(_write_parquet, source, file)
        sent = await _send(file, "parquet", jobs)
    return PlacedInput(DEFAULT_BUCKET, sent, "parquet", "table")


async def place_tables(
    sources: Mapping[str, Source], parameters: Mapping[str, Any], jobs: Jobs
) -> PlacedInput:
    """Bring several tables to where the service can read them: a ZIP of Parquet files.

    Raises:
        ArgumentError: There is none, or only one.
        InputError: One is not there, is empty, or is not what its name says.
        TypeError: One is nothing that can hold a table.
    """
    if not 2 <= len(sources) <= MAX_TABLES:
        raise ArgumentError(
            f"Give 2 to {MAX_TABLES} tables in a dict, not {len(sources)}; one table alone is "
            "given by itself."
        )
    with await asyncio.to_thread(tempfile.TemporaryFile) as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, source in sources.items():
                check_name(name)
                with await asyncio.to_thread(tempfile.TemporaryFile) as table:
                    await _as_parquet(name, source, parameters, table)
                    await asyncio.to_thread(_add, archive, name, table)
        sent = await _send(cast("BinaryIO", file), "parquet", jobs)
    return PlacedInput(DEFAULT_BUCKET, sent, "parquet", " and ".join(sources)[:100])


async def _as_parquet(
    name: str, source: Source, parameters: Mapping[str, Any], target: BinaryIO
) -> None:
    if not isinstance(source, str | os.PathLike):
        await asyncio.to_thread(_write_parquet, source, target)
        return
    text = os.fspath(source)
    if "://" in text:
        raise input_error(
            "input_not_found",
            f"The table {name!r}",
            "is at an address",
            "Download it, and give the path of the file.",
        )
    path = Path(os.path.abspath(os.path.expanduser(text)))
    if is_workbook(path):
        await asyncio.to_thread(
            _write_parquet, await asyncio.to_thread(read_workbook, path), target
        )
        return
    format = _format(path.name)
    await asyncio.to_thread(sniff.check_file, path, format, parameters)
    await asyncio.to_thread(_convert, path, format, parameters, target)


def _convert(path: Path, format: str, parameters: Mapping[str, Any], target: BinaryIO) -> None:
    """Write a file as Parquet, with the form that it has."""
    import shutil

    import pyarrow.parquet as pq

    from datagen_nb.core.formats import FORMATS
    from datagen_nb.tables.formats import check_rows, read_batches
    from datagen_nb.tables.packed import unpacked

    with sniff.open_file(path) as file:
        if not FORMATS[format].is_text:
            shutil.copyfileobj(file, target)
            return
        with unpacked(file, path.name) as plain:
            rows, writer = 0, None
            for batch in read_batches(plain, format, name=path.name, parameters=parameters):
                writer = writer or pq.ParquetWriter(target, batch.schema, compression="zstd")
                writer.write_batch(batch)
                rows += batch.num_rows
            check_rows(rows, path.name)
            if writer is not None:
                writer.close()


def _add(archive: zipfile.ZipFile, name: str, table: BinaryIO) -> None:
    """Add a table; the same tables make the same bytes, and so are sent once."""
    import shutil

    table.seek(0)
    entry = zipfile.ZipInfo(f"{name}.parquet", date_time=(1980, 1, 1, 0, 0, 0))
    with archive.open(entry, "w", force_zip64=True) as member:
        shutil.copyfileobj(table, member)


async def _place_files(path: Path, parameters: Mapping[str, Any], jobs: Jobs) -> PlacedInput:
    files, format = await asyncio.to_thread(files_of, path)
    with await asyncio.to_thread(tempfile.TemporaryFile) as file:
        await asyncio.to_thread(join_files, files, format, file, parameters)
        sent = await _send(file, format, jobs)
    name = path.name if path.is_dir() else path.parent.name
    return PlacedInput(DEFAULT_BUCKET, sent, format, name or "table")


async def _place_file(path: Path, parameters: Mapping[str, Any], jobs: Jobs) -> PlacedInput:
    format = _format(path.name)
    await asyncio.to_thread(sniff.check_file, path, format, parameters)
    if jobs.shares_files:
        return PlacedInput(LOCAL_FILES, str(path), format, path.stem)
    with await asyncio.to_thread(sniff.open_file, path) as file:
        return PlacedInput(DEFAULT_BUCKET, await _send(file, format, jobs), format, path.stem)


async def _place_download(address: str, parameters: Mapping[str, Any], jobs: Jobs) -> PlacedInput:
    stopped = Event()
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = await asyncio.to_thread(download, address, Path(folder), stopped)
        finally:
            stopped.set()
        if is_workbook(path):
            table = await asyncio.to_thread(read_workbook, path)
            return replace(await place(table, parameters, jobs), name=path.stem)
        format = _format(path.name)
        with await asyncio.to_thread(sniff.open_file, path) as file:
            await asyncio.to_thread(
                sniff.check_open_file, file, format, name=path.name, parameters=parameters
            )
            return PlacedInput(DEFAULT_BUCKET, await _send(file, format, jobs), format, path.stem)


def _format(name: str) -> str:
    format = format_of(name)
    if format is None:
        problem = Problem(
            "source",
            repr(name),
            "has no ending that names a format",
            f"Rename the file to end in one of {known_endings()}, or submit a JobConfiguration.",
        )
        raise ConfigurationError([problem])
    return format


async def _send(file: BinaryIO, format: str, jobs: Jobs) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    digesting = asyncio.to_thread(hashlib.file_digest, cast("io.BufferedRandom", file), "sha256")
    digest = (await digesting).hexdigest()
    file.seek(0)
    return await jobs.upload(digest, format, size, _chunks(file))


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK):
        yield chunk


def _write_parquet(source: Any, file: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from datagen_nb.tables.formats import check_rows
    from datagen_nb.tables.forms import form_of, with_types
    from datagen_nb.tables.parquet_files import check_types

    table = to_arrow(source)
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"The table has two columns named {twice!r}. Rename one of them.",
            code="duplicate_columns",
            details={"column": twice},
        )
    check_types(table.schema, "The table")
    check_rows(table.num_rows if names else 0, "The table")
    table = table.cast(form_of(with_types(table)))
    try:
        pq.write_table(table, file, compression="zstd")
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's
        raise _unwritable(table, error) from error


def _unwritable(table: pa.Table, error: Exception) -> InputError:
    """The error for a table that Parquet cannot hold; names the column that it fails at."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    column = ""
    for column in table.column_names:
        try:
            pq.write_table(table.select([column]), io.BytesIO())
        except (pa.ArrowException, OSError):
            break
    says = " ".join(str(error).split())
    return input_error(
        "unsupported_column",
        "The table",
        f"has a column {column!r} of {table.schema.field(column).type} that cannot be sent: {says}",
        "Convert it, or leave it out.",
        column=column,
    )
