"""Tables in JSON (one array of objects) and JSON Lines: read in bounded memory, and written.

A column is what one key holds over all objects; a key that is absent is a missing value.
Values of mixed types, and nested ones, become text.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.tables.csv_files import WRITE_ROWS, check_unique, write_texts
from datagen_nb.tables.decoded import Decoded
from datagen_nb.tables.sniff import input_error
from datagen_nb.tables.values import Guess, as_text, from_text

CHUNK = 1 << 20
LARGEST_ROW = 16 << 20
"""Characters of one object at most; past them a bracket is taken to be missing."""

BATCH_ROWS = 10_000

_INT64 = range(-(2**63), 2**63)
_EXACT_IN_FLOAT = range(-(2**53), 2**53 + 1)

OPEN, CLOSE, BETWEEN = b"[\n", b"\n]\n", b",\n"
"""How ``write`` lays out an array, so that parts can be joined byte by byte."""

Row = dict[str, Any]


class JsonReader:
    """Reads one file twice: to learn columns and types from all of it, then its rows."""

    def __init__(
        self,
        file: BinaryIO,
        *,
        lines: bool,
        name: str,
        parameters: Mapping[str, Any],
        warn: Callable[[str], None],
        progress: Callable[[float], None],
    ) -> None:
        self._file = file
        self._name = name
        self._encoding = parameters.get("encoding")
        self._skips = parameters.get("badLines") == "skip" and lines
        self._rows = self._line_rows if lines else self._array_rows
        self._warn = warn
        self._progress = progress
        self._size = max(file.seek(0, io.SEEK_END), 1)
        self._decode = json.JSONDecoder().raw_decode
        self._skipped: list[int] = []

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, typed."""
        columns: dict[str, _Column] = {}
        for rows in self._batched():
            for key in dict.fromkeys(key for row in rows for key in row):
                column = columns.setdefault(key, _Column())
                column.see([row.get(key) for row in rows])
            self._progress(0.5 * self._file.tell() / self._size)
        if not columns:
            raise input_error(
                "input_empty", self._name, "holds no rows", "Give a table of at least two rows."
            )
        if self._skipped:
            self._warn(
                f"{len(self._skipped):,} lines that are no JSON objects were left out; "
                f"the first is line {self._skipped[0]:,}."
            )
        for key, column in columns.items():
            if column.is_mixed:
                self._warn(f"Column {key!r} holds values of mixed or nested types; kept as text.")
        schema = pa.schema([(key, column.type) for key, column in columns.items()])
        for rows in self._batched():
            arrays = [
                column.array([row.get(key) for row in rows]) for key, column in columns.items()
            ]
            yield pa.record_batch(arrays, schema=schema)
            self._progress(0.5 + 0.5 * self._file.tell() / self._size)

    def typed(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a file that ``write`` wrote, with the types they had."""
        self._decode = json.JSONDecoder(parse_float=Decimal).raw_decode
        for rows in self._batched():
            yield pa.record_batch(
                [_restored([row[field.name] for row in rows], field.type) for field in schema],
                schema=schema,
            )

    def _batched(self) -> Iterator[list[Row]]:
        batch: list[Row] = []
        self._skipped = []
        for row in self._rows():
            batch.append(row)
            if len(batch) == BATCH_ROWS:
                yield batch
                batch = []
        if batch:
            yield batch

    def _text(self) -> io.TextIOWrapper:
        decoded = Decoded(self._file, name=self._name, encoding=self._encoding)
        return io.TextIOWrapper(io.BufferedReader(decoded, CHUNK), encoding="utf-8", newline="\n")

    def _line_rows(self) -> Iterator[Row]:
        text = self._text()
        for number, line in enumerate(iter(lambda: text.readline(LARGEST_ROW), ""), 1):
            if line.isspace():
                continue
            try:
                row, end = self._decode(line, len(line) - len(line.lstrip()))
                if not isinstance(row, dict) or line[end:].strip():
                    raise self._no_object(number, line)
            except (json.JSONDecodeError, RecursionError, InputError) as error:
                if self._skips:
                    self._skipped.append(number)
                    continue
                if isinstance(error, json.JSONDecodeError):
                    raise self._malformed(error.msg, number, error.pos + 1) from error
                if isinstance(error, RecursionError):
                    raise self._malformed("nested too deeply", number, 1) from error
                raise
            yield row

    def _array_rows(self) -> Iterator[Row]:
        scan = _Scan(self._text())
        if scan.skip_space() != "[":
            raise input_error(
                "input_wrong_format",
                self._name,
                "is not one JSON array of objects",
                'Write it as [{"a": 1}, {"a": 2}], or as JSON Lines.',
            )
        scan.at += 1
        if scan.skip_space() == "]":
            scan.at += 1
        else:
            while True:
                yield self._object(scan)
                mark = scan.skip_space()
                scan.at += 1
                if mark == "]":
                    break
                if mark != ",":
                    line, column = scan.where(scan.at - 1)
                    raise self._malformed("Expecting ',' or ']'", line, column, ended=not mark)
                scan.skip_space()
        if scan.skip_space():
            line, column = scan.where(scan.at)
            raise self._malformed("More text after the array", line, column)

    def _object(self, scan: _Scan) -> Row:
        while True:
            try:
                row, end = self._decode(scan.buffer, scan.at)
                break
            except json.JSONDecodeError as error:
                if len(scan.buffer) - scan.at < LARGEST_ROW and scan.more():
                    continue
                line, column = scan.where(error.pos)
                raise self._malformed(error.msg, line, column, ended=scan.ended) from error
            except RecursionError as error:
                line, column = scan.where(scan.at)
                raise self._malformed("nested too deeply", line, column) from error
        if not isinstance(row, dict):
            line, column = scan.where(scan.at)
            raise self._malformed("a row has to be an object {…}", line, column)
        scan.at = end
        return row

    def _no_object(self, number: int, line: str) -> InputError:
        return self._malformed(f"a line has to be one object, not {line.strip()[:40]}", number, 1)

    def _malformed(self, says: str, line: int, column: int, *, ended: bool = False) -> InputError:
        cut = "; the file may be cut short" if ended else ""
        return input_error(
            "input_broken",
            self._name,
            f"is not valid JSON at line {line:,}, column {column:,}: {says}{cut}",
            "Check how the file was written.",
            line=line,
            column=column,
        )


class _Scan:
    """A text read piece by piece, with a place in it that can be told as line and column."""

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


class _Column:
    """What is known of one key's values, and the Arrow type that holds them all."""

    def __init__(self) -> None:
        self._kinds: set[type] = set()
        self._guess = Guess(times_only=True)
        self._is_long = False
        self._is_inexact = False

    def see(self, values: Sequence[Any]) -> None:
        kinds = set(map(type, values)) - {type(None)}
        self._kinds |= kinds
        if int in kinds:
            numbers = [value for value in values if type(value) is int]
            self._is_long |= min(numbers) not in _INT64 or max(numbers) not in _INT64
            self._is_inexact |= (
                min(numbers) not in _EXACT_IN_FLOAT or max(numbers) not in _EXACT_IN_FLOAT
            )
        if kinds == {str}:
            self._guess.see(_strings(values))

    @property
    def type(self) -> pa.DataType:
        if self._kinds == {bool}:
            return pa.bool_()
        if self._kinds == {int} and not self._is_long:
            return pa.int64()
        if self._kinds and self._kinds <= {int, float} and not self._is_inexact:
            return pa.float64()
        if self._kinds == {str}:
            return self._guess.type
        return pa.string()

    @property
    def is_mixed(self) -> bool:
        return self.type == pa.string() and not self._kinds <= {str}

    def array(self, values: Sequence[Any]) -> pa.Array:
        type = self.type
        if self._kinds == {str}:
            texts = _strings(values)
            return texts if pa.types.is_string(type) else from_text(texts, type)
        if pa.types.is_string(type):
            return _strings([_told(value) for value in values])
        # NaN is no JSON; a writer that puts it there means a missing value.
        return pa.array(values, type, from_pandas=True)


def _strings(values: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # JSON can escape half of a surrogate pair, which is no character
        whole = [v if v is None else v.encode(errors="replace").decode() for v in values]
        return pa.array(whole, pa.string())


def _told(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _restored(values: Sequence[Any], type: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(type) or pa.types.is_integer(type):
        return pa.array(values, type)
    if pa.types.is_floating(type):
        return pa.array([None if v is None else float(v) for v in values], pa.float64()).cast(type)
    texts = [None if value is None else str(value) for value in values]
    return from_text(pa.array(texts, pa.string()), type)


def write(table: pa.Table, file: BinaryIO, *, lines: bool) -> None:
    """Write one object a row, in an array or one a line; what is missing is ``null``."""
    check_unique(table.column_names, "The table")
    keys = [json.dumps(name, ensure_ascii=False) + ": " for name in table.column_names]
    if not lines:
        file.write(OPEN)
    is_first = True
    for batch in table.to_batches(max_chunksize=WRITE_ROWS):
        pieces: list[Any] = ["{"]
        for index, (key, column) in enumerate(zip(keys, batch.columns, strict=True)):
            pieces += [f", {key}" if index else key, _literals(column)]
        if lines:
            write_texts(pc.binary_join_element_wise(*pieces, "}\n", ""), file)
            continue
        rows = pc.binary_join_element_wise(BETWEEN.decode(), *pieces, "}", "")
        if is_first:
            head = pc.utf8_slice_codeunits(rows.slice(0, 1), len(BETWEEN))
            write_texts(head, file)
            rows = rows.slice(1)
        is_first = False
        write_texts(rows, file)
    if not lines:
        file.write(CLOSE)


def _literals(column: pa.Array) -> pa.Array:
    type = column.type
    if pa.types.is_dictionary(type):
        return _literals(column.dictionary_decode())
    texts = as_text(column)
    if pa.types.is_floating(type):
        # JSON has no infinity; the widest float stands for it when read.
        texts = pc.replace_substring(texts, "inf", "1e999")
    elif not (pa.types.is_boolean(type) or pa.types.is_integer(type) or pa.types.is_decimal(type)):
        texts = _escaped(texts)
    return pc.fill_null(texts, "null")


def _escaped(texts: pa.Array) -> pa.Array:
    special = pc.match_substring_regex(texts, '["\\\\\x00-\x1f]')
    if pc.any(special).as_py():
        plain = [
            None if text is None else json.dumps(text, ensure_ascii=False)[1:-1]
            for text in texts.filter(special).to_pylist()
        ]
        texts = pc.replace_with_mask(
            texts, special.fill_null(fill_value=False), pa.array(plain, pa.string())
        )
    return pc.binary_join_element_wise('"', texts, '"', "")
