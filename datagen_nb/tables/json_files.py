"""Tables in JSON (one array of objects) and JSON Lines: read in bounded memory, and written.

A column is what one key holds over all objects; a key that is absent is a missing value.
Objects and lists become flat columns (``nested``), values of mixed types become text.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.tables.column_names import check_columns, check_unique
from datagen_nb.tables.csv_writer import WRITE_ROWS, write_texts
from datagen_nb.tables.decoded import Decoded
from datagen_nb.tables.input_errors import input_error
from datagen_nb.tables.json_columns import JsonColumn, cast, restored, values_by_key
from datagen_nb.tables.json_documents import MAX_BYTES, rows_of_document
from datagen_nb.tables.json_lines import (
    CHUNK,
    MAX_OBJECT,
    JsonLines,
    Row,
    malformed,
    standard_decoder,
)
from datagen_nb.tables.json_shapes import Layout, Shapes, read_nested, spelling_of
from datagen_nb.tables.json_values import objects
from datagen_nb.tables.nested import Nested
from datagen_nb.tables.nested_profile import NestedProfile

BATCH_ROWS = 10_000
BATCH_CELLS = 500_000

MAX_KEPT = 64 << 20
"""Bytes of a file whose values are kept in memory, so that it need not be parsed again."""

OPEN, CLOSE, BETWEEN = b"[\n", b"\n]\n", b",\n"
"""How ``write`` lays out an array, so that parts can be joined byte by byte."""

Decode = Callable[[str, int], tuple[Any, int]]


def _ignore(_: object) -> None:
    pass


class JsonReader:
    """Reads one file twice: to learn columns and types from all of it, then its rows."""

    def __init__(
        self,
        file: BinaryIO,
        *,
        lines: bool,
        name: str,
        parameters: Mapping[str, Any],
        warn: Callable[[str], None] = _ignore,
        progress: Callable[[float], None] = _ignore,
        skipped: Callable[[int], None] = _ignore,
    ) -> None:
        self._file = file
        self._name = name
        self._encoding = parameters.get("encoding")
        self._skips = parameters.get("badLines") == "skip" and lines
        self._is_lines = lines
        self._warn = warn
        self._progress = progress
        self._skipped = skipped
        self._size = max(file.seek(0, io.SEEK_END), 1)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, typed."""
        columns: dict[str, JsonColumn] = {}
        shapes, profile = Shapes(), NestedProfile(self._name)
        skipped: list[int] = []
        kept: list[tuple[int, dict[str, pa.Array]]] = []
        keeps = True
        for rows in self._batched(skipped=skipped):
            by_key = values_by_key(rows)
            shapes.add(rows, by_key)
            check_columns(len(columns.keys() | by_key.keys()), self._name)
            arrays = {}
            for key, values in by_key.items():
                column = columns.setdefault(key, JsonColumn(key, profile))
                arrays[key] = column.update(values, keep=keeps)
            keeps = keeps and self._file.tell() <= MAX_KEPT and None not in arrays.values()
            if keeps:
                kept.append((len(rows), arrays))
            else:
                kept.clear()
            self._progress(0.5 * self._file.tell() / self._size)
        if not columns:
            raise input_error(
                "input_empty", self._name, "holds no rows", "Give a table of at least two rows."
            )
        if skipped:
            self._warn(
                f"{len(skipped):,} lines that are no JSON objects were left out; "
                f"the first is line {skipped[0]:,}."
            )
            self._skipped(len(skipped))
        for key in columns:
            if not key.isprintable() and key.encode(errors="replace").decode() != key:
                raise self._half_a_character(key)
        for key, column in columns.items():
            if column.is_mixed:
                self._warn(f"Column {key!r} holds values of mixed types; kept as text.")
        layout = Layout.of(columns, profile, shapes.omitted())
        if keeps and not any(column.is_mixed for column in columns.values()):
            for count, arrays in kept:
                missing = pa.nulls(count)
                yield pa.record_batch(
                    [cast(arrays.get(field.name, missing), field.type) for field in layout.schema],
                    schema=layout.schema,
                )
            self._progress(1.0)
            return
        for rows in self._batched(len(layout.schema)):
            by_key = values_by_key(rows)
            nothing = [None] * len(rows)
            try:
                made = [column.array(by_key.get(key, nothing)) for key, column in columns.items()]
            except RecursionError as error:
                raise input_error(
                    "input_broken",
                    self._name,
                    "holds lists or objects that are nested too deeply",
                    "Write their content as columns, or leave them out.",
                ) from error
            yield layout.flat(made)
            self._progress(0.5 + 0.5 * self._file.tell() / self._size)

    def typed(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a file that ``write`` wrote, with the types they had."""
        decimals = any(pa.types.is_decimal(type) for type in schema.types)
        nested = Nested.of(schema)
        for rows in self._batched(decimals=decimals):
            by_key = values_by_key(rows)
            nothing = [None] * len(rows)
            if nested is not None:
                yield read_nested(nested, by_key, nothing, schema)
                continue
            columns = [restored(by_key.get(each.name, nothing), each.type) for each in schema]
            yield pa.record_batch(columns, schema=schema)

    def _batched(
        self, columns: int = 0, *, decimals: bool = False, skipped: list[int] | None = None
    ) -> Iterator[list[Row]]:
        """Rows, few at a time where they have many keys between them: each key becomes a column."""
        if not self._is_lines:
            decode = standard_decoder(decimals=decimals).raw_decode
            for rows in _gathered(self._array_rows(decode)):
                yield from _split(rows, columns)
            return
        lines = JsonLines(
            self._file,
            name=self._name,
            encoding=self._encoding,
            skip_bad=self._skips,
            decimals=decimals,
        )
        for rows in lines:
            yield from _split(rows, columns)
        if skipped is not None:
            skipped += lines.skipped

    def _array_rows(self, decode: Decode) -> Iterator[Row]:
        decoded = Decoded(self._file, name=self._name, encoding=self._encoding)
        scan = _Scan(io.TextIOWrapper(io.BufferedReader(decoded, CHUNK), "utf-8", newline="\n"))
        begin = scan.skip_space()
        if begin == "{" and (rows := self._document()) is not None:
            yield from rows
            return
        if begin != "[":
            raise input_error(
                "input_wrong_format",
                self._name,
                "is not one JSON array of objects",
                'Write it as [{"a": 1}, {"a": 2}], as {"a": [1, 2]}, or as JSON Lines.',
            )
        scan.at += 1
        if scan.skip_space() == "]":
            scan.at += 1
        else:
            while True:
                yield self._object(scan, decode)
                mark = scan.skip_space()
                scan.at += 1
                if mark == "]":
                    break
                if mark != ",":
                    line, column = scan.where(scan.at - 1)
                    raise malformed(
                        self._name, "Expecting ',' or ']'", line, column, at_end=not mark
                    )
                scan.skip_space()
        if scan.skip_space():
            line, column = scan.where(scan.at)
            raise malformed(self._name, "More text after the array", line, column)

    def _document(self) -> list[Row] | None:
        """The rows of a table that is one object, if it is of a known form."""
        if self._size > MAX_BYTES:
            raise input_error(
                "input_too_large",
                self._name,
                f"is one JSON object of more than {MAX_BYTES:,} bytes",
                "Write it as JSON Lines.",
            )
        decoded = Decoded(self._file, name=self._name, encoding=self._encoding)
        text = io.TextIOWrapper(io.BufferedReader(decoded, CHUNK), "utf-8", newline="\n").read()
        try:
            return rows_of_document(text)
        except json.JSONDecodeError as error:
            raise malformed(self._name, error.msg, error.lineno, error.colno) from error
        except RecursionError as error:
            raise malformed(self._name, "nested too deeply", 1, 1) from error

    def _object(self, scan: _Scan, decode: Decode) -> Row:
        while True:
            try:
                row, end = decode(scan.buffer, scan.at)
                break
            except json.JSONDecodeError as error:
                if len(scan.buffer) - scan.at < MAX_OBJECT and scan.more():
                    continue
                line, column = scan.where(error.pos)
                raise malformed(self._name, error.msg, line, column, at_end=scan.ended) from error
            except RecursionError as error:
                line, column = scan.where(scan.at)
                raise malformed(self._name, "nested too deeply", line, column) from error
        if not isinstance(row, dict):
            line, column = scan.where(scan.at)
            raise malformed(self._name, "a row has to be an object {…}", line, column)
        scan.at = end
        return row

    def _half_a_character(self, key: str) -> InputError:
        return input_error(
            "input_broken",
            self._name,
            f"has a key {key!r}, which holds half a character",
            "Rename it; a column's name has to be text.",
        )


class _Scan:
    """A text read piece by piece, with a position that can be given as line and column."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._line = 1
        self._column = 1
        self.buffer = ""
        self.at = 0
        self.ended = False

    def more(self) -> bool:
        self._line, self._column = self.where(self.at)
        rest = len(self.buffer) - self.at
        # Growing with what is left keeps the work linear when one object is large.
        piece = self._text.read(max(CHUNK, rest))
        self.buffer = self.buffer[self.at :] + piece
        self.at = 0
        self.ended = not piece
        return bool(piece)

    def skip_space(self) -> str:
        while True:
            while self.at < len(self.buffer):
                if self.buffer[self.at] not in " \t\r\n":
                    return self.buffer[self.at]
                self.at += 1
            if not self.more():
                return ""

    def where(self, position: int) -> tuple[int, int]:
        lines = self.buffer.count("\n", 0, position)
        if lines:
            return self._line + lines, position - self.buffer.rfind("\n", 0, position)
        return self._line, self._column + position


def _gathered(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Lists of so many rows as have a bounded number of values."""
    batch: list[Row] = []
    values = 0
    for row in rows:
        batch.append(row)
        values += len(row)
        if len(batch) == BATCH_ROWS or values >= BATCH_CELLS:
            yield batch
            batch, values = [], 0
    if batch:
        yield batch


def _split(rows: list[Row], columns: int) -> Iterator[list[Row]]:
    """The same rows in lists so short that a column for each key takes bounded memory."""
    keys = set(chain.from_iterable(set(map(tuple, rows))))
    fits = len(rows) <= BATCH_ROWS and len(rows) * max(len(keys), columns) <= BATCH_CELLS
    if fits or len(rows) == 1:
        yield rows
    else:
        half = len(rows) // 2
        yield from _split(rows[:half], columns)
        yield from _split(rows[half:], columns)


def write(table: pa.Table, file: BinaryIO, *, lines: bool) -> None:
    """Write one object a row, in an array or one a line.

    What is missing is ``null``, or has no key if the input is written so.
    """
    spelling = spelling_of(table.schema)
    if (nested := Nested.of(table.schema)) is not None:
        table = nested.rebuild(table)
    check_unique(table.column_names, "The table")
    between = BETWEEN.decode()
    before, after = ("", "\n") if lines else (between, "")
    if not lines:
        file.write(OPEN)
    is_first = not lines
    for batch in table.to_batches(max_chunksize=WRITE_ROWS):
        rows = objects(table.column_names, batch.columns, spelling, before=before, after=after)
        if is_first and batch.num_rows:
            write_texts(pc.utf8_slice_codeunits(rows.slice(0, 1), len(between)), file)
            rows = rows.slice(1)
            is_first = False
        write_texts(rows, file)
    if not lines:
        file.write(CLOSE)
