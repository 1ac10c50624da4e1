"""What a caller may hand to ``submit`` as its table, and how it gets to the service.

A file that the service can see is named, anything else is put into the customer's bucket
under its digest, so that the same table is sent once.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

from datagen_nb.core.config import DEFAULT_BUCKET, FORMATS, LOCAL_FILES, format_of
from datagen_nb.core.errors import ConfigurationError, InputError, Problem
from datagen_nb.core.ports import Jobs
from datagen_nb.tables import sniff

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    Source: TypeAlias = str | os.PathLike[str] | pd.DataFrame | pa.Table

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
        if text.startswith("gs://"):
            bucket, _, path = text.removeprefix("gs://").partition("/")
            return PlacedInput(bucket, path, _format(text), Path(path).stem)
        return await _place_file(Path(os.path.abspath(os.path.expanduser(text))), parameters, jobs)
    with tempfile.TemporaryFile() as file:
        await asyncio.to_thread(_write_parquet, source, file)
        path = await _send(file, "parquet", jobs)
    return PlacedInput(DEFAULT_BUCKET, path, "parquet", "table")


async def _place_file(path: Path, parameters: Mapping[str, Any], jobs: Jobs) -> PlacedInput:
    format = _format(path.name)
    sniff.look(path, format, parameters)
    if jobs.shares_files:
        return PlacedInput(LOCAL_FILES, str(path), format, path.stem)
    with path.open("rb") as file:
        return PlacedInput(DEFAULT_BUCKET, await _send(file, format, jobs), format, path.stem)


def _format(name: str) -> str:
    format = format_of(name)
    if format is None:
        endings = ", ".join(ending for endings in FORMATS.values() for ending in endings)
        problem = Problem(
            "inputFormat",
            repr(name),
            "has no ending that names a format",
            f"Rename the file to end in one of {endings}, or submit a JobConfiguration.",
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
    while chunk := file.read(CHUNK):
        yield chunk


def _write_parquet(source: Any, file: BinaryIO) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from datagen_nb.tables.formats import check_rows, check_types

    table = source
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        table = _from_pandas(source)
    if not isinstance(table, pa.Table):
        raise TypeError(
            f"cannot take a table from {type(source).__name__}: "
            "give a path, a pandas DataFrame, a pyarrow Table or a JobConfiguration"
        )
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
    pq.write_table(table, file, compression="zstd")


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    frame = frame if frame.index.names == [None] else frame.reset_index()
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    if not frame.columns.is_unique:
        twice = str(frame.columns[frame.columns.duplicated()][0])
        raise InputError(
            f"The table has two columns named {twice!r}. Rename one of them.",
            code="duplicate_columns",
            details={"column": twice},
        )
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, UnicodeError) as error:
        column = next((name for name, values in frame.items() if not _converts(values)), "")
        what, remedy = f"of mixed or unknown types: {error.args[0]}", "with .astype(str)"
        if isinstance(error, UnicodeError):
            what, remedy = f"whose text is not Unicode: {error}", "by decoding it anew"
        raise sniff.input_error(
            "unsupported_column",
            "The table",
            f"has a column {column!r} {what}",
            f"Convert it, for example {remedy}.",
            column=column,
        ) from error
    return table.replace_schema_metadata(None)


def _converts(values: pd.Series[Any]) -> bool:
    import pyarrow as pa

    try:
        pa.Array.from_pandas(values)
    except (pa.ArrowException, UnicodeError):
        return False
    return True
