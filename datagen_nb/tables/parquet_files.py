"""Tables in Parquet: read in bounded memory, some rows from all over a file, parts joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagen_nb.core.errors import InputError
from datagen_nb.tables.column_names import check_columns, check_unique
from datagen_nb.tables.forms import flattened, form_of, plain, with_types
from datagen_nb.tables.input_errors import input_error
from datagen_nb.tables.nested import Nested, is_list, is_nested
from datagen_nb.tables.nested_profile import NestedProfile
from datagen_nb.tables.sniff import check_open_file

BATCH_ROWS = 16_384

SPREAD_GROUPS = 16
SPREAD_FIRST = 20
SPREAD_CELLS = 20_000_000
"""Row groups that a spread is read from, the rows at the begin of each that are all kept, and the
rows times columns that are read for it at most."""

_NEVER = (
    pa.types.is_nested,
    pa.types.is_union,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
    pa.types.is_interval,
    pa.types.is_run_end_encoded,
)

_COPY = 1 << 20


def read(file: BinaryIO, name: str, progress: Callable[[float], None]) -> Iterator[pa.RecordBatch]:
    """Read a file in batches of one schema."""
    with _parquet(file, name) as source:
        total = max(source.metadata.num_rows, 1)
        done = 0
        for batch in _checked(source, name, _nested(source, name)):
            yield batch
            done += batch.num_rows
            progress(done / total)


def parquet_spread(
    file: BinaryIO, name: str, *, max_cells: int, cells: int
) -> tuple[list[pa.RecordBatch], int, bool]:
    """Rows of a Parquet file in order, how many it has, and whether they are from all over it.

    Args:
        file: Open and seekable.
        name: What messages call it.
        max_cells: Rows times columns of a table that is read whole.
        cells: Rows times columns to read of a larger one, about.

    Raises:
        InputError: The file is broken, or has a column of a type that is not read.
    """
    with _parquet(file, name) as source:
        rows, columns = source.metadata.num_rows, len(source.schema_arrow)
        if rows * columns <= max_cells:
            return list(_checked(source, name, _nested(source, name))), rows, True
        groups = source.metadata.num_row_groups
        chosen = sorted(set(np.linspace(0, groups - 1, SPREAD_GROUPS).astype(int).tolist()))
        each = max(cells // columns // len(chosen), 1)
        most = max(SPREAD_CELLS // columns // len(chosen), each)
        nested = _nested(source, name, chosen)
        batches: list[pa.RecordBatch] = []
        for group in chosen:
            batches += _spread_group(source, group, each, most, name, nested)
        return batches, rows, len(chosen) > 1 or rows <= most


def _spread_group(
    source: pq.ParquetFile, group: int, rows: int, most: int, name: str, nested: Nested | None
) -> Iterator[pa.RecordBatch]:
    """About so many rows of a row group, evenly from its first ``most``, and its very first."""
    stride = max(min(source.metadata.row_group(group).num_rows, most) // rows, 1)
    seen = 0
    for batch in _checked(source, name, nested, [group]):
        places = np.arange(batch.num_rows)
        keep = (places + seen) % stride == 0
        if not seen:
            keep |= places < SPREAD_FIRST
        yield batch.filter(pa.array(keep))
        seen += batch.num_rows
        if seen >= most:
            return


def _checked(
    source: pq.ParquetFile, name: str, nested: Nested | None, groups: list[int] | None = None
) -> Iterator[pa.RecordBatch]:
    done, form = 0, None
    for batch in source.iter_batches(BATCH_ROWS, row_groups=groups, use_threads=False):
        if form is None:
            form = form_of(with_types(batch))
        made = plain(batch, form)
        if nested is not None:
            made = flattened(made, nested)
        _check_text(made, name, done)
        yield made
        done += batch.num_rows


def _nested(source: pq.ParquetFile, name: str, groups: list[int] | None = None) -> Nested | None:
    """How the columns are nested, from all rows of these row groups."""
    schema = source.schema_arrow
    found = NestedProfile(name)
    names = [field.name for field in schema if is_nested(pa.schema([field]))]
    if names:
        for batch in source.iter_batches(
            BATCH_ROWS, columns=names, row_groups=groups, use_threads=False
        ):
            found.add(batch)
    return found.nested(schema)


@contextmanager
def _parquet(file: BinaryIO, name: str) -> Iterator[pq.ParquetFile]:
    """An open Parquet file with readable columns; errors of Arrow become ours."""
    check_open_file(file, "parquet", name=name)
    try:
        # A buffer and no pre-buffering: otherwise a whole row group is held in memory.
        source = pq.ParquetFile(file, buffer_size=_COPY, pre_buffer=False)
        check_columns(len(source.schema_arrow.names), name)
        check_unique(source.schema_arrow.names, name)
        check_types(source.schema_arrow, name)
        yield source
    except MemoryError:
        raise  # also Arrow's, which is an ArrowException
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise parquet_broken(name, error) from error


def parquet_broken(name: str, error: Exception) -> InputError:
    """The error for a Parquet file that Arrow cannot read."""
    says = " ".join(str(error).split())[:300]
    return input_error(
        "input_broken", name, f"is a Parquet file that is broken: {says}", "Copy or write it again."
    )


def check_types(schema: pa.Schema, name: str) -> None:
    """Look whether every column is of a type that all formats can hold.

    Raises:
        InputError: One is not.
    """
    for field in schema:
        if any(_is_refused(type) for type in _types_within(field.type)):
            named = getattr(field.type, "extension_name", field.type)
            raise input_error(
                "unsupported_column",
                name,
                f"has a column {field.name!r} of type {named}, which cannot be trained on",
                "Leave the column out, or turn it into text, numbers or instants.",
                column=field.name,
            )


def _types_within(type: pa.DataType) -> Iterator[pa.DataType]:
    """The types of the values of a type, within objects and lists."""
    if pa.types.is_dictionary(type):
        type = type.value_type
    if pa.types.is_struct(type):
        for field in type:
            yield from _types_within(field.type)
    elif is_list(type):
        yield from _types_within(type.value_type)
    else:
        yield type


def _is_refused(type: pa.DataType) -> bool:
    return isinstance(type, pa.BaseExtensionType) or any(_is(type) for _is in _NEVER)


def _check_text(batch: pa.RecordBatch, name: str, rows_before: int) -> None:
    """Look whether texts are UTF-8, which Parquet does not see to.

    Raises:
        InputError: One is not.
    """
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if not _is_text(field.type):
            continue
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            raise input_error(
                "input_wrong_encoding",
                name,
                f"has a column {field.name!r} whose text is not UTF-8, in rows "
                f"{rows_before + 1:,} to {rows_before + batch.num_rows:,}",
                "Write it again with the text decoded, or leave the column out.",
                column=field.name,
            ) from error


def _is_text(type: pa.DataType) -> bool:
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(check(type) for check in checks)


def join(parts: Iterable[BinaryIO], target: BinaryIO) -> None:
    """Join files of one schema, row group by row group."""
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
