"""Tables of any format ⇄ Arrow: read in bounded memory, write a part, join parts.

Reading gives every column one type, found from the whole file. Writing is deterministic: the
same rows give the same bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.config_rules import MIN_ROWS
from datagen_nb.core.formats import FORMATS
from datagen_nb.tables.cells import PER_SECOND
from datagen_nb.tables.dialect import BYTE_ORDER_MARK, Dialect
from datagen_nb.tables.input_errors import input_error
from datagen_nb.tables.sniff import check_open_file
from datagen_nb.tables.table_format import Reading, table_format

_DAY = 86_400
_YEAR_1, _YEAR_10000 = -62_135_596_800, 253_402_300_800
"""Seconds from 1970 to the begin of these years."""


def _ignore(_: object) -> None:
    pass


def read_batches(
    file: BinaryIO,
    format: str,
    *,
    name: str = "The input",
    parameters: Mapping[str, Any] | None = None,
    warn: Callable[[str], None] = _ignore,
    note: Callable[[str], None] = _ignore,
    progress: Callable[[float], None] = _ignore,
    skipped: Callable[[int], None] = _ignore,
    dialect: Dialect | None = None,
    take_back: Callable[[], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Read a table in batches of one schema, in bounded memory.

    The form of the file, which its result gets again, is in the metadata of the schema.

    Args:
        file: Seekable; text formats are read twice, to find the types first, but as below.
        format: Its name, of ``core.formats.FORMATS``.
        name: What messages call the input.
        parameters: The job's: ``encoding``, ``delimiter``, ``quote``, ``header``, ``badLines``.
        warn: Is called with a sentence about anything unexpected that was done.
        note: Is called with a sentence about what was assumed of the file's form.
        progress: Is called with the share that is done, 0 to 1.
        skipped: Is called with how many lines were left out, if any were.
        dialect: Of a CSV file; by default it is judged by the file's first lines.
        take_back: Is called when the batches so far do not count: all come again, with other
            types. A caller who allows it has a CSV file read only once, mostly.

    Raises:
        InputError: The file is not what ``format`` says, or breaks somewhere.
    """
    parameters = parameters or {}
    check_open_file(file, format, name=name, parameters=parameters)
    reading = Reading(name, parameters, warn, note, progress, skipped, dialect, take_back)
    try:
        yield from table_format(format).read(file, reading)
    except OSError as error:
        raise input_error(
            "input_unreadable", name, f"cannot be read: {error}", "Check the disk, then try again."
        ) from error


def read_part(file: BinaryIO, format: str, schema: pa.Schema) -> pa.Table:
    """Read a whole part that ``write_part`` wrote, with the schema it had."""
    return table_format(format).read_part(file, schema)


def write_part(table: pa.Table, format: str, file: BinaryIO) -> None:
    """Write a table; the same table gives the same bytes."""
    table_format(format).write_part(table, file)


def assemble(
    parts: Iterable[BinaryIO], format: str, target: BinaryIO, *, schema: pa.Schema | None = None
) -> None:
    """Join parts that ``write_part`` wrote into one file; each is read once, in order.

    Args:
        parts: Open files.
        format: Of the parts and of the file.
        target: The file.
        schema: Of the rows; it may carry the dialect of CSV.
    """
    table_format(format).join(parts, target, schema)


def schema_as_text(schema: pa.Schema) -> str:
    """A schema and its metadata as text, for a manifest."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def schema_from_text(text: str) -> pa.Schema:
    """What ``schema_as_text`` wrote."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def csv_text(data: bytes, schema: pa.Schema) -> str:
    """The text of a CSV file whose schema carries its dialect, without a byte order mark."""
    return data.decode(Dialect.of(schema).encoding).removeprefix(BYTE_ORDER_MARK)


def check_rows(rows: int, name: str) -> None:
    """Look whether there is something to learn from.

    Raises:
        InputError: There are too few rows.
    """
    if rows < MIN_ROWS:
        has = "has no rows" if rows == 0 else "has one row only"
        raise input_error(
            "too_few_rows",
            name,
            f"{has}: there is nothing to train on",
            f"Give a table of at least {MIN_ROWS} rows.",
            rows=rows,
        )


def check_writable(table: pa.Table, format: str, name: str) -> None:
    """Look whether a format can hold the values of a table.

    Texts of times have four digits for the year, and are read back within the range of the type.

    Raises:
        InputError: A column has values that it cannot.
    """
    if not FORMATS[format].is_text:
        return
    for field, column in zip(table.schema, table.columns, strict=True):
        type = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        bounds = _text_bounds(type)
        if bounds is None:
            continue
        ticks = column.cast(type).cast(pa.int32() if type.bit_width == 32 else pa.int64())
        ends = pc.min_max(ticks).as_py()
        if ends["min"] is not None and not bounds[0] <= ends["min"] <= ends["max"] <= bounds[1]:
            raise input_error(
                "unwritable_values",
                name,
                f"has a column {field.name!r} of {field.type} with values that {format} cannot "
                "hold: it holds the years 1 to 9999 and times of one day",
                'Choose format="parquet", or leave the column out.',
                column=field.name,
            )


def _text_bounds(type: pa.DataType) -> tuple[int, int] | None:
    """The least and the greatest count of a type's unit that has a text; ``None`` for no bounds."""
    if pa.types.is_date32(type):
        return _YEAR_1 // _DAY, _YEAR_10000 // _DAY - 1
    if pa.types.is_date64(type):
        return _YEAR_1 * 1_000, _YEAR_10000 * 1_000 - 1
    if pa.types.is_time(type):
        return 0, _DAY * PER_SECOND[type.unit] - 1
    if pa.types.is_timestamp(type):
        per_second = PER_SECOND[type.unit]
        least = max(_YEAR_1, -(2**63) // per_second + 1)
        return least * per_second, min(_YEAR_10000 * per_second, 2**63 - per_second) - 1
    return None
