"""Tables in CSV (RFC 4180): read in bounded memory with one type per column, and written.

An empty field is a missing value; a quoted empty field is an empty text. In a table of one
column, where an empty field would be an empty line, it is the quoted one that is missing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from datagen_nb.core.errors import InputError
from datagen_nb.tables.decoded import Decoded
from datagen_nb.tables.sniff import input_error
from datagen_nb.tables.values import Guess, as_text, from_text, without_spelled_nulls

BLOCK = 4 << 20
"""Bytes that Arrow parses at a time; a row has to fit in one."""

WRITE_ROWS = 20_000

Warn = Callable[[str], None]
Progress = Callable[[float], None]


class CsvReader:
    """Reads one file twice: to learn the type of each column from all of it, then its rows."""

    def __init__(
        self,
        file: BinaryIO,
        *,
        name: str,
        parameters: Mapping[str, Any],
        warn: Warn,
        progress: Progress,
    ) -> None:
        self._file = file
        self._name = name
        self._encoding = parameters.get("encoding")
        self._delimiter = parameters.get("delimiter", ",")
        self._skips = parameters.get("badLines") == "skip"
        self._warn = warn
        self._progress = progress
        self._size = max(file.seek(0, io.SEEK_END), 1)
        self._bad: list[tuple[int, int]] = []

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, typed."""
        self._header = self._read_header()
        names = named(self._header, self._name, self._warn)
        guesses = [Guess() for _ in names]
        for batch in self._texts(names):
            for guess, column in zip(guesses, batch.columns, strict=True):
                guess.see(column)
            self._progress(0.5 * self._file.tell() / self._size)
        if self._bad:
            self._warn(self._told_skipped())
        schema = pa.schema([(name, guess.type) for name, guess in zip(names, guesses, strict=True)])
        for batch in self._texts(names):
            columns = [
                _typed(column, guess) for guess, column in zip(guesses, batch.columns, strict=True)
            ]
            yield pa.record_batch(columns, schema=schema)
            self._progress(0.5 + 0.5 * self._file.tell() / self._size)

    def typed(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a file that ``write`` wrote, with the types they had."""
        self._header = self._read_header()
        for batch in self._texts(schema.names):
            columns = [
                from_text(
                    column if _is_text(field.type) else without_spelled_nulls(column), field.type
                )
                for field, column in zip(schema, batch.columns, strict=True)
            ]
            yield pa.record_batch(columns, schema=schema)

    def _read_header(self) -> list[str]:
        lines = self._lines()
        try:
            return next((row for row in lines if row), [])
        except csv.Error as error:
            raise self._broken(f"has a header that cannot be read: {error}") from error

    def _lines(self) -> Iterator[list[str]]:
        decoded = Decoded(self._file, name=self._name, encoding=self._encoding)
        text = io.TextIOWrapper(io.BufferedReader(decoded), encoding="utf-8", newline="")
        csv.field_size_limit(BLOCK)
        self._rows = csv.reader(text, delimiter=self._delimiter)
        return self._rows

    def _texts(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        decoded = Decoded(self._file, name=self._name, encoding=self._encoding)
        self._bad = []
        keys = [str(index) for index in range(len(names))]
        try:
            reader = pacsv.open_csv(
                decoded,
                read_options=pacsv.ReadOptions(
                    use_threads=False, block_size=BLOCK, column_names=keys, skip_rows_after_names=1
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=self._delimiter,
                    newlines_in_values=True,
                    invalid_row_handler=self._on_bad_row,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(keys, pa.string()),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=len(names) == 1,
                    null_values=[""],
                ),
            )
            with reader:
                yield from reader
        except InputError:
            raise
        except (pa.ArrowInvalid, OSError) as error:
            if decoded.error is not None:
                raise decoded.error from error
            if self._bad and not self._skips:
                raise self._told_ragged() from error
            raise self._untold(error) from error

    def _on_bad_row(self, row: pacsv.InvalidRow) -> str:
        self._bad.append((row.number, row.actual_columns))
        return "skip" if self._skips else "error"

    def _told_ragged(self) -> InputError:
        number, fields = self._bad[0]
        line = self._line_of(number)
        remedy = 'Mend the line, or say parameters={"badLines": "skip"} to leave such lines out.'
        if len(self._header) == 1:
            remedy = (
                f'If another character separates, say parameters={{"delimiter": ";"}}. {remedy}'
            )
        have = f"{fields} field{'s' * (fields != 1)}"
        return input_error(
            "ragged_row",
            self._name,
            f"is ragged: line {line:,} has {have}, the header has {len(self._header)}",
            remedy,
            line=line,
            fields=fields,
            expected=len(self._header),
        )

    def _told_skipped(self) -> str:
        (number, _), count = self._bad[0], len(self._bad)
        lines = "1 line was" if count == 1 else f"{count:,} lines were"
        return (
            f"{lines} left out because the number of fields differs from the header's; "
            f"the first is line {self._line_of(number):,}."
        )

    def _line_of(self, number: int) -> int:
        """Turn a row's number, blank lines not counted, into the line it begins on."""
        seen = 0
        begin = 1
        for row in self._lines():
            seen += bool(row)
            if seen == number:
                return begin
            begin = self._rows.line_num + 1
        return begin

    def _untold(self, error: Exception) -> InputError:
        text = str(error)
        if "straddling" in text:
            return self._broken(
                f"has a row of more than {BLOCK:,} bytes, or a quote that is never closed"
            )
        if "Empty CSV" in text:
            return input_error(
                "input_empty",
                self._name,
                "holds no table",
                "Give a header line and at least two rows.",
            )
        return self._broken(f"cannot be read as CSV: {text}")

    def _broken(self, what: str) -> InputError:
        return input_error("input_broken", self._name, what, "Check how the file was written.")


def named(header: Sequence[str], name: str, warn: Warn) -> list[str]:
    """Names of columns from a header line; a nameless column gets its position's.

    Raises:
        InputError: Two columns have the same name, or there is none.
    """
    if not header:
        raise input_error(
            "input_empty", name, "holds no table", "Give a header line and at least two rows."
        )
    names = [text or f"column_{position}" for position, text in enumerate(header, 1)]
    if nameless := [position for position, text in enumerate(header, 1) if not text]:
        warn(f"Column {nameless[0]} has no name in the header; it is called column_{nameless[0]}.")
    check_unique(names, name)
    if len(names) == 1 and (other := next((c for c in ";\t|" if c in names[0]), None)):
        warn(
            f"The table has one column. If {other!r} separates its fields, "
            f'say parameters={{"delimiter": {other!r}}}.'
        )
    return names


def check_unique(names: Sequence[str], name: str) -> None:
    """Refuse two columns of one name: nobody could tell which is meant.

    Raises:
        InputError: There are two.
    """
    positions: dict[str, int] = {}
    for position, column in enumerate(names, 1):
        if column in positions:
            raise input_error(
                "duplicate_columns",
                name,
                f"has two columns named {column!r}: number {positions[column]} and {position}",
                "Rename one of them.",
                column=column,
            )
        positions[column] = position


def write(table: pa.Table, file: BinaryIO) -> None:
    """Write a header and rows: a field is quoted where it must be, a missing one is empty."""
    header = pa.array(table.column_names, pa.string())
    file.write(",".join(_quoted(header).to_pylist()).encode() + b"\n")
    for batch in table.to_batches(max_chunksize=WRITE_ROWS):
        fields = [_fields(column) for column in batch.columns]
        if len(fields) == 1:
            fields = [pc.fill_null(fields[0], '""')]
        lines = pc.binary_join_element_wise(
            *fields, ",", null_handling="replace", null_replacement=""
        )
        write_texts(pc.binary_join_element_wise(lines, "\n", ""), file)


def write_texts(texts: pa.Array, file: BinaryIO) -> None:
    """Write texts without a null, one right after the other: Arrow has them so in memory."""
    begin = texts.offset
    _, offsets, data = texts.buffers()
    ends = pa.Array.from_buffers(pa.int32(), begin + len(texts) + 1, [None, offsets])
    first, last = ends[begin].as_py(), ends[begin + len(texts)].as_py()
    file.write(memoryview(data)[first:last])


def header_length(file: BinaryIO) -> int:
    """Bytes of the header line, its end counted, in a file that ``write`` wrote."""
    quoted = False
    length = 0
    for line in iter(file.readline, b""):
        length += len(line)
        quoted ^= line.count(b'"') % 2 == 1
        if not quoted:
            break
    return length


def _fields(column: pa.Array) -> pa.Array:
    texts = as_text(column)
    return _quoted(texts) if _is_text(column.type) else texts


def _quoted(texts: pa.Array) -> pa.Array:
    needs = pc.match_substring_regex(texts, '[",\r\n]|^$|^\\s|\\s$')
    if not pc.any(needs).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', doubled, '"', ""), texts)


def _is_text(type: pa.DataType) -> bool:
    if pa.types.is_dictionary(type):
        return _is_text(type.value_type)
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type))


def _typed(texts: pa.Array, guess: Guess) -> pa.Array:
    if _is_text(guess.type):
        return texts
    return from_text(without_spelled_nulls(texts) if guess.spelled else texts, guess.type)
