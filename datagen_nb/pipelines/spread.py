"""Rows of a table from all over it: whole if it is small, else pieces from begin to end.

Tables are sorted more often than not, so the first rows tell little of the others. Parquet is read
by row group; in CSV and JSON Lines pieces begin at byte offsets and are cut where rows end; of one
JSON array only the beginning can be read.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from datagen_nb.core.config import JobConfiguration
from datagen_nb.tables.beginning import whole_rows
from datagen_nb.tables.csv_sniff import rows_of
from datagen_nb.tables.dialect import Dialect
from datagen_nb.tables.excluding import without
from datagen_nb.tables.formats import check_rows, read_batches
from datagen_nb.tables.table_format import Pieces, table_format

MAX_CELLS = 1_000_000
"""Rows times columns of a Parquet file that is read whole."""

SPREAD_CELLS = 200_000
"""Rows times columns that are read of a larger one, about."""

SMALL = 4 << 20
"""Bytes of a text file that is read whole, and so counted exactly."""

HEADS = (1 << 18, 1 << 24)
"""Bytes from the beginning of a larger one; the second when the first holds few rows."""

FEW_ROWS = 100
PIECES = 8
PIECE = 1 << 16
"""How many pieces of how many bytes are read behind the beginning."""

TRIES = 8
"""Lines of a piece that are tried as the begin of a record: a field may hold line ends."""

_EVERY_BYTE = {"utf-8", "ascii", "latin-1", "iso8859-1", "cp1252"}
"""Encodings whose line ends can be found from any byte on."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Rows of a table in its order, the first ones among them.

    Attributes:
        table: These rows.
        rows: How many the whole table has.
        exact: Whether they were counted, or are about so many.
        from_all_over: Whether the rows are not the first ones only.
        size: Bytes of the file.
        notes: What was assumed of the file's form.
    """

    table: pa.Table
    rows: int
    exact: bool
    from_all_over: bool
    size: int
    notes: tuple[str, ...] = ()


def spread(file: BinaryIO, config: JobConfiguration) -> Spread:
    """Read rows of an open input, without the columns that the configuration excludes.

    Raises:
        InputError: It is not in the stated format, has too few rows, or lacks an excluded column.
    """
    found = _spread(file, config)
    excluded = config.parameters.get("exclude", ())
    return replace(found, table=without(found.table, excluded, config.input_title))


def _spread(file: BinaryIO, config: JobConfiguration) -> Spread:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    format = table_format(config.input_format)
    sample = format.sample(file, config.input_title, max_cells=MAX_CELLS, cells=SPREAD_CELLS)
    if sample is not None:
        batches, rows, from_all_over = sample
        check_rows(rows, config.input_title)
        table = pa.Table.from_batches(batches)
        return Spread(table, rows, exact=True, from_all_over=from_all_over, size=size)
    notes: list[str] = []
    if size <= SMALL or format.pieces_of(file) is Pieces.NONE:
        table = _read(file, config, config.parameters, notes)
        return _whole(table, size, notes)
    dialect = None
    if (sniffed := format.dialect_of(file, config.parameters)) is not None:
        dialect, notes = sniffed.dialect, [*sniffed.notes, *sniffed.doubts]
    encoding = dialect.encoding if dialect else _encoding(config)
    for head in HEADS:
        text, used, decoded = whole_rows(file, config.input_format, head, encoding, dialect)
        table = _read_pieces([text], config, decoded, dialect, notes)
        if used >= size or table.num_rows >= FEW_ROWS:
            break
    if used >= size:
        return _whole(table, size, notes)
    pieces = list(_pieces(file, config, used, size, table.schema.names, encoding, dialect))
    if pieces:
        table = _read_pieces([text, *pieces], config, decoded, dialect, notes)
        used += sum(len(piece) for piece in pieces)
    rows = round(table.num_rows * size / used)
    return Spread(
        table, rows, exact=False, from_all_over=bool(pieces), size=size, notes=tuple(notes)
    )


def _whole(table: pa.Table, size: int, notes: list[str]) -> Spread:
    return Spread(
        table, table.num_rows, exact=True, from_all_over=True, size=size, notes=tuple(notes)
    )


def _read(
    file: BinaryIO,
    config: JobConfiguration,
    parameters: Mapping[str, Any],
    notes: list[str],
    dialect: Dialect | None = None,
) -> pa.Table:
    batches = list(
        read_batches(
            file,
            config.input_format,
            name=config.input_title,
            parameters=parameters,
            note=notes.append,
            warn=notes.append,
            dialect=dialect,
        )
    )
    check_rows(sum(batch.num_rows for batch in batches), config.input_title)
    return pa.Table.from_batches(batches)


def _read_pieces(
    pieces: list[bytes],
    config: JobConfiguration,
    decoded: bool,  # noqa: FBT001
    dialect: Dialect | None,
    notes: list[str],
) -> pa.Table:
    """Read pieces of a file, as UTF-8 if they were decoded."""
    parameters = config.parameters
    if decoded:
        parameters = {key: value for key, value in parameters.items() if key != "encoding"}
        if dialect is not None:
            dialect = replace(dialect, encoding="utf-8")
    found: list[str] = []
    table = _read(io.BytesIO(b"".join(pieces)), config, parameters, found, dialect)
    notes += [note for note in found if note not in notes]
    return table


def _encoding(config: JobConfiguration) -> str:
    return codecs.lookup(config.parameters.get("encoding") or "utf-8").name


def _pieces(
    file: BinaryIO,
    config: JobConfiguration,
    begin: int,
    size: int,
    names: list[str],
    encoding: str,
    dialect: Dialect | None,
) -> Iterator[bytes]:
    """Whole rows from places between ``begin`` and the end, as UTF-8; none where none is found."""
    format = table_format(config.input_format)
    is_cut = format.pieces_of(file) is Pieces.ANYWHERE
    if not is_cut or codecs.lookup(encoding).name not in _EVERY_BYTE:
        return
    for place in np.linspace(begin, max(size - PIECE, begin), PIECES).astype(np.int64).tolist():
        file.seek(place)
        raw = file.read(PIECE)
        try:
            text = raw[raw.find(b"\n") + 1 : raw.rfind(b"\n") + 1].decode(encoding)
        except UnicodeDecodeError:
            continue
        if dialect is None:
            if text and _are_objects(text):
                yield text.encode()
            continue
        for _ in range(TRIES):
            records = format.whole_rows(text, dialect)
            if records and _are_records(records, dialect, len(names)):
                yield records.encode()
                break
            _, _, text = text.partition("\n")


def _are_objects(text: str) -> bool:
    try:
        return all(isinstance(json.loads(line), dict) for line in text.splitlines() if line.strip())
    except (ValueError, RecursionError):
        return False


def _are_records(text: str, dialect: Dialect, columns: int) -> bool:
    """Whether lines are whole records; a piece that begins inside of quotes shows by its fields."""
    fields = columns + dialect.ends_with_delimiter
    try:
        return all(len(row) == fields for row in rows_of(text, dialect, strict=True) if row)
    except csv.Error:
        return False
