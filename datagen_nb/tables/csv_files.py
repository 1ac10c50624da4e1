"""Tables in CSV of any dialect: read in bounded memory with one type per column.

An empty field is a missing value; a quoted empty field is an empty text. In a table of one
column, where an empty field would be an empty line, it is the quoted one that is missing. A word
as ``NA`` is a missing value among numbers, dates or truth values, and then among the texts of the
same file.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from datagen_nb.core.errors import InputError
from datagen_nb.tables.column_names import named
from datagen_nb.tables.csv_columns import TextColumn, without
from datagen_nb.tables.csv_sniff import (
    HEAD,
    encoding_doubt,
    likely_delimiter,
    rows_of,
    sniff_dialect,
)
from datagen_nb.tables.csv_writer import is_text
from datagen_nb.tables.decoded import Decoded
from datagen_nb.tables.dialect import Dialect
from datagen_nb.tables.encodings import sniff_encoding
from datagen_nb.tables.input_errors import input_error
from datagen_nb.tables.values import from_text, without_empty

BLOCK = 4 << 20
"""Bytes that Arrow parses at a time; a row has to fit in one."""

BLOCK_ROWS = 20_000

Warn = Callable[[str], None]
Progress = Callable[[float], None]


def _ignore(_: object) -> None:
    pass


class CsvReader:
    """Reads one file, with one type for each column that fits all of its values.

    Where rows may be taken back, they are read once, with the types that the rows so far have; a
    value that contradicts these takes them back. Otherwise, and then, the file is read to its end
    for the types, and again for the rows.

    Args:
        file: Seekable.
        name: What messages call it.
        parameters: The job's: ``encoding``, ``delimiter``, ``quote``, ``header``, ``badLines``.
        warn: Is called with what may be wrong.
        note: Is called with what was assumed of the file's form.
        progress: Is called with the share that is done.
        skipped: Is called with how many lines were left out, if any were.
        dialect: The file's form; by default it is judged by the first lines.
        take_back: Is called when the rows so far do not count: all come again, with other types.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        name: str,
        parameters: Mapping[str, Any],
        warn: Warn = _ignore,
        note: Warn = _ignore,
        progress: Progress = _ignore,
        skipped: Callable[[int], None] = _ignore,
        dialect: Dialect | None = None,
        take_back: Callable[[], None] | None = None,
    ) -> None:
        self._file = file
        self._name = name
        self._parameters = parameters
        self._skips = parameters.get("badLines") == "skip"
        self._warn = warn
        self._note = note
        self._progress = progress
        self._skipped = skipped
        self._take_back = take_back
        self._done = 0.0
        self._size = max(file.seek(0, io.SEEK_END), 1)
        self._is_judged = dialect is None
        self._dialect = dialect or Dialect()
        self._bad: list[tuple[int, int]] = []

    def names(self) -> list[str]:
        """Names of the columns, from the header alone."""
        return named(self._read_header(), self._name, self._warn)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, typed; the dialect is in the metadata of their schema."""
        doubts: tuple[str, ...] = ()
        if self._is_judged:
            sniffed = sniff_dialect(self._file, self._parameters)
            self._dialect, doubts = sniffed.dialect, sniffed.doubts
            for note in sniffed.notes:
                self._note(note)
        try:
            types, are_read = yield from self._guess_types()
        except InputError as error:
            if not self._mistook_encoding(error):
                raise
            if self._take_back is not None:
                self._take_back()
            types, are_read = yield from self._guess_types()
        for doubt in doubts:
            self._warn(doubt)
        if self._bad:
            self._warn(self._skipped_message())
            self._skipped(len(self._bad))
        if are_read:
            return
        schema = self._schema(types)
        batch = None
        for batch in self._texts(len(schema)):
            arrays = [
                column.typed(texts)
                for column, texts in zip(types.values(), batch.columns, strict=True)
            ]
            yield pa.record_batch(arrays, schema=schema)
            self._report(0.5 + 0.5 * self._file.tell() / self._size)
        if batch is None:  # names alone are a table too
            yield pa.RecordBatch.from_pylist([], schema)

    def _schema(self, columns: Mapping[str, TextColumn]) -> pa.Schema:
        fields = [(name, column.type) for name, column in columns.items()]
        nulls = tuple(column.null_word for column in columns.values())
        truths = tuple(column.true_word for column in columns.values())
        decimals = tuple(column.decimals for column in columns.values())
        dialect = replace(
            self._dialect,
            null_words=nulls if any(nulls) else (),
            true_words=truths if any(truths) else (),
            decimals=decimals if any(decimals) else (),
            bare_whole=tuple(
                place for place, column in enumerate(columns.values()) if column.has_bare_whole
            ),
        )
        return dialect.without_comments().attach(pa.schema(fields))

    def _report(self, done: float) -> None:
        self._done = max(self._done, done)
        self._progress(self._done)

    def typed(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a file that ``write`` wrote, with the types they had."""
        self._dialect = Dialect.of(schema)
        self._header = schema.names
        for batch in self._texts(len(schema)):
            columns = [
                self._value(column, field.type, self._dialect.null_word(place))
                for place, (field, column) in enumerate(zip(schema, batch.columns, strict=True))
            ]
            yield pa.record_batch(columns, schema=schema)

    def _value(self, texts: pa.Array, type: pa.DataType, null_word: str) -> pa.Array:
        if null_word:
            texts = without(texts, null_word)
        if is_text(type):
            return from_text(texts, type)
        if pa.types.is_floating(type) and self._dialect.decimal != ".":
            texts = pc.replace_substring(texts, self._dialect.decimal, ".")
        return from_text(without_empty(texts), type)

    def _guess_types(self) -> Generator[pa.RecordBatch, None, tuple[dict[str, TextColumn], bool]]:
        """Names and types of the columns, from all rows, and whether these rows were yielded."""
        self._header = self._read_header()
        names = named(self._header, self._name, self._warn)
        if len(names) == 1:
            self._refuse_one_column()
        columns = {name: TextColumn(self._dialect.decimal) for name in names}
        schema, is_yielding = None, self._take_back is not None
        for batch in self._texts(len(names)):
            if batch.num_rows == 0:
                continue
            arrays = [
                column.update(texts)
                for column, texts in zip(columns.values(), batch.columns, strict=True)
            ]
            if is_yielding and self._take_back is not None:
                found = self._schema(columns)
                if schema is not None and not found.equals(schema, check_metadata=True):
                    is_yielding = False
                    self._take_back()
                else:
                    yield pa.record_batch(arrays, schema=found)
                schema = found
            share = self._file.tell() / self._size
            self._report(share if is_yielding else 0.5 * share)
        if schema is None and self._take_back is not None:
            yield pa.RecordBatch.from_pylist([], self._schema(columns))
        words = {column.null_word for column in columns.values()} - {""}
        if len(words) == 1 and self._share_null_word(columns, words.pop()):
            if is_yielding and self._take_back is not None:
                self._take_back()
            is_yielding = False
        return columns, is_yielding

    def _share_null_word(self, columns: Mapping[str, TextColumn], word: str) -> bool:
        """Read texts that are the word of numbers as missing too; whether there may be any."""
        used = [column.use_word_of_others(word) for column in columns.values()]
        return any(used)

    def _mistook_encoding(self, error: InputError) -> bool:
        """Whether a file begins like UTF-8 and is not; and judge it where it breaks."""
        if error.code != "input_wrong_encoding" or not self._is_judged:
            return False
        if "encoding" in self._parameters or self._dialect.encoding != "utf-8":
            return False
        self._file.seek(max(error.details["byte"] - HEAD // 2, 0))
        found = sniff_encoding(self._file.read(HEAD))
        if found.name == "utf-8" or self._dialect.has_mark:
            return False
        self._dialect = replace(self._dialect, encoding=found.name)
        self._warn(encoding_doubt(found))
        return True

    def _refuse_one_column(self) -> None:
        lines = [",".join(row) for row in itertools.islice(self._lines(), 20) if row]
        if len(lines) < 3 or (other := likely_delimiter(lines)) is None:
            return
        raise input_error(
            "one_column",
            self._name,
            f"has one column only, but {other!r} in every line",
            f'If it separates the fields, set parameters={{"delimiter": {other!r}}}.',
            delimiter=other,
        )

    def _read_header(self) -> list[str]:
        """Names of the columns: what stands in the first line, or their positions."""
        try:
            first = next(self._lines(), [])
        except csv.Error as error:
            raise self._broken(f"has a header that cannot be read: {error}") from error
        if self._dialect.ends_with_delimiter and len(first) > 1:
            first = first[:-1]
        if not self._dialect.has_header:
            return [f"column{position}" for position in range(1, len(first) + 1)]
        return [name.strip() if self._dialect.space_after else name for name in first]

    def _lines(self) -> Iterator[list[str]]:
        """The rows as Python's reader sees them, the header first; blank lines have no fields."""
        text = io.TextIOWrapper(io.BufferedReader(self._decoded()), encoding="utf-8", newline="")
        csv.field_size_limit(BLOCK)
        self._rows = rows_of(iter(lambda: text.readline(BLOCK), ""), self._dialect)
        return self._rows

    def _decoded(self) -> Decoded:
        return Decoded(
            self._file,
            name=self._name,
            encoding=self._dialect.encoding,
            skip=sum(map(len, self._dialect.preamble)),
        )

    def _texts(self, columns: int) -> Iterator[pa.RecordBatch]:
        """The rows as texts, without what stands behind a last delimiter."""
        dialect = self._dialect
        fields = columns + dialect.ends_with_delimiter
        for batch in (self._spaced if dialect.space_after else self._fields)(fields):
            if dialect.ends_with_delimiter:
                self._check_last(batch.column(columns))
                batch = batch.select(range(columns))
            yield batch

    def _check_last(self, column: pa.Array) -> None:
        if column.null_count < len(column):
            value = column.drop_null()[0].as_py()
            raise input_error(
                "ragged_row",
                self._name,
                f"is ragged: its first lines end with {self._dialect.delimiter!r}, but a later one "
                f"has {value!r} behind it",
                "Correct the line.",
                expected=len(self._header),
            )

    def _spaced(self, fields: int) -> Iterator[pa.RecordBatch]:
        """The rows where a space follows each delimiter, which Arrow knows no way to leave out."""
        self._bad = []
        rows = itertools.islice(self._lines(), int(self._dialect.has_header), None)
        names = [str(index) for index in range(fields)]
        above = int(self._dialect.has_header)
        try:
            while block := [row for row in itertools.islice(rows, BLOCK_ROWS) if row]:
                whole = []
                for number, row in enumerate(block, above + 1):
                    if len(row) == fields:
                        whole.append(row)
                        continue
                    self._bad.append((number, len(row)))
                    if not self._skips:
                        raise self._ragged()
                above += len(block)
                columns = list(zip(*whole, strict=True)) if whole else [()] * fields
                texts = [pa.array(column, pa.string()) for column in columns]
                empty = pa.scalar(None, pa.string())
                texts = [pc.if_else(pc.equal(column, ""), empty, column) for column in texts]
                yield pa.record_batch(texts, names=names)
        except csv.Error as error:
            raise self._broken(f"cannot be read as CSV: {error}") from error

    def _fields(self, fields: int) -> Iterator[pa.RecordBatch]:
        decoded = self._decoded()
        dialect = self._dialect
        self._bad = []
        keys = [str(index) for index in range(fields)]
        try:
            reader = pacsv.open_csv(
                decoded,
                read_options=pacsv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK,
                    column_names=keys,
                    skip_rows_after_names=int(dialect.has_header),
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=dialect.delimiter,
                    quote_char=dialect.quote or False,
                    newlines_in_values=True,
                    invalid_row_handler=self._on_bad_row,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(keys, pa.string()),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=fields == 1,
                    null_values=[""],
                    check_utf8=False,  # what was decoded is
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
                raise self._ragged() from error
            raise self._as_input_error(error) from error

    def _on_bad_row(self, row: pacsv.InvalidRow) -> str:
        self._bad.append((row.number, row.actual_columns))
        return "skip" if self._skips else "error"

    def _ragged(self) -> InputError:
        number, fields = self._bad[0]
        line = self._line_of(number)
        remedy = 'Correct the line, or leave such lines out with parameters={"bad_lines": "skip"}.'
        if len(self._header) == 1:
            remedy = f'If another character is used, set parameters={{"delimiter": ";"}}. {remedy}'
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

    def _skipped_message(self) -> str:
        (number, _), count = self._bad[0], len(self._bad)
        lines = "1 line was" if count == 1 else f"{count:,} lines were"
        return (
            f"{lines} left out because the number of fields differs from the header's; "
            f"the first is line {self._line_of(number):,}."
        )

    def _line_of(self, number: int) -> int:
        """Turn a row's number, blank lines not counted, into the line it begins on."""
        above = sum(line.count("\n") or line.count("\r") for line in self._dialect.preamble)
        seen, begin = 0, above + 1
        for row in self._lines():
            seen += bool(row)
            if seen == number:
                return begin
            begin = above + self._rows.line_num + 1
        return begin

    def _as_input_error(self, error: Exception) -> InputError:
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
