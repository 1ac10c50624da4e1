"""CSV: text with a delimiter, in any dialect and encoding."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from datagen_nb.tables.table_format import FileEnds, Opener, Pieces, Reading, TableFormat

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.tables.csv_sniff import SniffedDialect
    from datagen_nb.tables.dialect import Dialect

_COPY = 1 << 20


class Csv(TableFormat):
    """Its dialect is found from the file, and its result is written in the same one."""

    name = "csv"
    label = "CSV"
    endings = (".csv", ".tsv", ".txt")
    read_seconds = 8e-7
    write_seconds = 2e-7
    report_seconds = 1.5e-7
    row_size = 50
    joins_files = True

    def check(self, ends: FileEnds, name: str, parameters: Mapping[str, Any] | None) -> None:
        from datagen_nb.tables.encodings import text_of
        from datagen_nb.tables.input_errors import wrong_format

        text = text_of(ends.head)  # the encoding is judged by the reader
        if text[:1] == b"{":
            raise wrong_format(name, self, actual="jsonl")
        if text.startswith((b"[{", b"[\n", b"[\r\n")):
            raise wrong_format(name, self, actual="json")

    def read(self, file: BinaryIO, reading: Reading) -> Iterator[pa.RecordBatch]:
        from datagen_nb.tables.csv_files import CsvReader

        return CsvReader(
            file,
            name=reading.name,
            parameters=reading.parameters,
            warn=reading.warn,
            note=reading.note,
            progress=reading.progress,
            skipped=reading.skipped,
            dialect=reading.dialect,
            take_back=reading.take_back,
        ).batches()

    def read_part(self, file: BinaryIO, schema: pa.Schema) -> pa.Table:
        import pyarrow as pa

        from datagen_nb.tables.csv_files import CsvReader

        reader = CsvReader(file, name="The part", parameters={})
        return pa.Table.from_batches(reader.typed(schema), schema)

    def write_part(self, table: pa.Table, file: BinaryIO) -> None:
        from datagen_nb.tables import csv_writer

        csv_writer.write(table, file)

    def join(self, parts: Iterable[BinaryIO], target: BinaryIO, schema: pa.Schema | None) -> None:
        from datagen_nb.tables.csv_writer import header_length
        from datagen_nb.tables.dialect import Dialect

        dialect = Dialect.of(schema) if schema is not None else Dialect()
        for index, part in enumerate(parts):
            part.seek(0)
            if index:
                part.seek(header_length(part, dialect))
            shutil.copyfileobj(part, target, _COPY)

    def join_files(
        self,
        files: Sequence[Path],
        target: BinaryIO,
        parameters: Mapping[str, Any],
        open_file: Opener,
    ) -> None:
        from datagen_nb.tables.csv_files import CsvReader
        from datagen_nb.tables.csv_sniff import sniff_dialect
        from datagen_nb.tables.csv_writer import header_length
        from datagen_nb.tables.file_sets import copy_lines, other_form

        first = None
        for path in files:
            with open_file(path) as file:
                dialect = sniff_dialect(file, parameters).dialect
                names = CsvReader(file, name=str(path), parameters={}, dialect=dialect).names()
                plain = replace(dialect, preamble=(), line_end="\n", quoted=(), decimal=".")
                first = first or (plain, names)
                if (plain, names) != first:
                    raise other_form(path, files[0])
                file.seek(0)
                if path != files[0]:
                    file.seek(header_length(file, dialect))
                copy_lines(file, target, dialect.line_end.encode(dialect.encoding))

    def pieces_of(self, file: BinaryIO) -> Pieces:
        return Pieces.ANYWHERE

    def dialect_of(self, file: BinaryIO, parameters: Mapping[str, Any]) -> SniffedDialect:
        from datagen_nb.tables.csv_sniff import sniff_dialect

        return sniff_dialect(file, parameters)

    def whole_rows(self, text: str, dialect: Dialect | None) -> str:
        """Up to the last line's end that lies outside of quotes."""
        quote = '"' if dialect is None else dialect.quote
        if not quote:
            return text[: text.rfind("\n") + 1] or text
        end, quotes = len(text), text.count(quote)
        while (before := text.rfind("\n", 0, end)) >= 0:
            quotes -= text.count(quote, before, end)
            if quotes % 2 == 0:
                return text[: before + 1]
            end = before
        return text


FORMAT = Csv()
