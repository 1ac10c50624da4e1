"""Looks at an input before it becomes a job: how large and what it is, what rows would come of it.

Only the beginning of a file is read, and nothing is kept. Runs in whatever process it is called.
"""

from __future__ import annotations

import codecs
import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from datagen_nb.core.config import FORMATS, JobConfiguration
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.plans import PREVIEW_ROWS, Preview, PreviewColumn
from datagen_nb.core.ports import Look
from datagen_nb.pipelines.inspecting import inspected
from datagen_nb.pipelines.worker import check_columns, opened
from datagen_nb.synth import model as models
from datagen_nb.tables.formats import check_rows, read_batches, write_part

HEAD_ROWS = 2_000
HEAD_CELLS = 100_000
"""Rows times columns to look at, about."""

MOST_COLUMNS = 200

WINDOWS = (1 << 18, 1 << 24)
"""Bytes of a text file to look at; the second when the first holds few rows."""

FEW_ROWS = 100


@dataclass(frozen=True, slots=True)
class _Head:
    """The first rows of a table, and how many there are in all, about."""

    table: pa.Table
    rows: int
    size: int


def answer(what: str, look: Look) -> Any:
    """Do a look, or tell as a value why it cannot be done."""
    do: Mapping[str, Callable[[Look], Any]] = {
        "measure": measure,
        "inspect": inspect,
        "preview": preview,
    }
    try:
        return do[what](look)
    except DatagenError as error:
        return error


def measure(look: Look) -> TableFacts:
    """Tell how large a table is, and how large its rows are in every format."""
    head = _head(look)
    table = _narrowed(head.table)
    few = table.slice(0, max(table.num_rows // 10, 1))
    fixed, each = {}, {}
    for format in FORMATS:
        whole, part = _written(table, format), _written(few, format)
        more = max(table.num_rows - few.num_rows, 1)
        each[format] = max((whole - part) / more, whole / table.num_rows / 20)
        fixed[format] = max(whole - each[format] * table.num_rows, 0.0)
    return TableFacts(
        rows=head.rows,
        columns=table.num_columns,
        size=head.size,
        bytes_fixed=fixed,
        bytes_per_row=each,
    )


def inspect(look: Look) -> Inspection:
    """Tell what a table is: its columns and its first rows."""
    head = _head(look)
    exact = look.config.input_format == "parquet" or head.table.num_rows == head.rows
    return inspected(_narrowed(head.table), rows=head.rows, exact=exact, size=head.size)


def preview(look: Look) -> Preview:
    """Learn from the first rows, and make a few."""
    config, table = look.config, _head(look).table
    notes = []
    if table.num_columns > MOST_COLUMNS:
        notes.append(f"Shows the first {MOST_COLUMNS} of {table.num_columns:,} columns.")
        table = table.select(range(MOST_COLUMNS))
    table = _narrowed(table)
    notes.append(f"Learnt from the first {table.num_rows:,} rows; a job learns from more.")
    names = table.schema.names
    kinds = config.parameters.get("columns", {})
    model = models.fit(
        table,
        seed=config.parameters.get("seed", 0),
        columns={name: kind for name, kind in kinds.items() if name in names},
        on_progress=lambda _: None,
    )
    made = model.generate(0, min(PREVIEW_ROWS, config.data_size), offset=0)
    written = io.BytesIO()
    write_part(made, "jsonl", written)
    rows = [json.loads(line) for line in written.getvalue().splitlines()]
    return Preview(
        columns=tuple(
            PreviewColumn(name=field.name, type=str(field.type), kind=model.kinds[field.name])
            for field in model.schema
        ),
        rows=tuple(tuple(row.get(name) for name in names) for row in rows),
        learnt_rows=table.num_rows,
        notes=(*notes, *model.warnings),
    )


def _narrowed(table: pa.Table) -> pa.Table:
    """Fewer rows of a wide table, so that a look takes no longer."""
    return table.slice(0, max(HEAD_CELLS // table.num_columns, FEW_ROWS))


def _written(table: pa.Table, format: str) -> int:
    file = io.BytesIO()
    write_part(table, format, file)
    return file.tell()


def _head(look: Look) -> _Head:
    config = look.config
    with opened(config, look.source) as file:
        size = file.seek(0, io.SEEK_END)
        if config.input_format == "parquet":
            table = _rows(file, config, config.parameters, most=HEAD_ROWS)
            file.seek(0)
            rows = int(pq.ParquetFile(file).metadata.num_rows)
        else:
            for window in WINDOWS:
                piece, used, parameters = _beginning(file, config, window)
                table = _rows(io.BytesIO(piece), config, parameters)
                if used >= size or table.num_rows >= FEW_ROWS:
                    break
            rows = round(table.num_rows * size / max(used, 1))
    check_columns(config, table.schema.names)
    return _Head(table.slice(0, HEAD_ROWS), rows, size)


def _rows(
    file: BinaryIO,
    config: JobConfiguration,
    parameters: Mapping[str, Any],
    *,
    most: float = math.inf,
) -> pa.Table:
    """The rows of a file; when there are more than ``most`` not all of them."""
    batches: list[pa.RecordBatch] = []
    reading = read_batches(
        file, config.input_format, name=config.input_title, parameters=parameters
    )
    for batch in reading:
        batches.append(batch)
        if sum(one.num_rows for one in batches) >= most:
            break
    check_rows(sum(one.num_rows for one in batches), config.input_title)
    return pa.Table.from_batches(batches)


def _beginning(
    file: BinaryIO, config: JobConfiguration, window: int
) -> tuple[bytes, int, Mapping[str, Any]]:
    """Whole rows from a file's beginning, the bytes of it that they take, and how to read them."""
    file.seek(0)
    raw = file.read(window)
    ended = len(raw) < window
    encoding = codecs.lookup(config.parameters.get("encoding") or "utf-8").name
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    try:
        text = decoder.decode(raw, final=ended)
    except UnicodeDecodeError:  # whoever reads it tells where
        return raw, len(raw), config.parameters
    cut = {"csv": _cut_csv, "jsonl": _cut_lines, "json": _cut_array}[config.input_format]
    kept = text if ended else cut(text)
    share = len(kept.encode(errors="replace")) / max(len(text.encode(errors="replace")), 1)
    parameters = {key: value for key, value in config.parameters.items() if key != "encoding"}
    return kept.encode(errors="replace"), int(len(raw) * share), parameters


def _cut_lines(text: str) -> str:
    return text[: text.rfind("\n") + 1] or text


def _cut_csv(text: str) -> str:
    """Up to the last line's end that lies outside of quotes."""
    end, quotes = len(text), text.count('"')
    while (before := text.rfind("\n", 0, end)) >= 0:
        quotes -= text.count('"', before, end)
        if quotes % 2 == 0:
            return text[: before + 1]
        end = before
    return text


def _cut_array(text: str) -> str:
    """Up to the last whole object, and the array closed behind it."""
    decode, end = json.JSONDecoder().raw_decode, 0
    at = text.find("[") + 1
    while True:
        while text[at : at + 1] in {" ", "\t", "\r", "\n", ","}:
            at += 1
        try:
            _, at = decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            return f"{text[:end]}]" if end else text
        end = at
