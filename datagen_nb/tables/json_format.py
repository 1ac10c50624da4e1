"""What JSON and JSON Lines have in common as formats of tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from datagen_nb.tables.table_format import FileEnds, Reading, TableFormat

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.tables.json_files import JsonReader


class JsonFormat(TableFormat):
    """Rows are objects; ``has_lines`` says whether each has a line of its own."""

    has_lines: ClassVar[bool]

    def check(self, ends: FileEnds, name: str, parameters: Mapping[str, Any] | None) -> None:
        from datagen_nb.tables.encodings import check_encoding, text_of

        if parameters is not None:
            check_encoding(ends.head, name, parameters.get("encoding"))
        self.check_text(text_of(ends.head), name)

    @abstractmethod
    def check_text(self, text: bytes, name: str) -> None:
        """Refuse the beginning of a text that is visibly of the other format.

        Raises:
            InputError: It is.
        """
        ...

    def read(self, file: BinaryIO, reading: Reading) -> Iterator[pa.RecordBatch]:
        return self._reader(file, reading).batches()

    def read_part(self, file: BinaryIO, schema: pa.Schema) -> pa.Table:
        import pyarrow as pa

        reader = self._reader(file, Reading(name="The part"))
        return pa.Table.from_batches(reader.typed(schema), schema)

    def write_part(self, table: pa.Table, file: BinaryIO) -> None:
        from datagen_nb.tables import json_files

        json_files.write(table, file, lines=self.has_lines)

    def _reader(self, file: BinaryIO, reading: Reading) -> JsonReader:
        from datagen_nb.tables.json_files import JsonReader

        return JsonReader(
            file,
            lines=self.has_lines,
            name=reading.name,
            parameters=reading.parameters,
            warn=reading.warn,
            progress=reading.progress,
            skipped=reading.skipped,
        )
