"""JSON Lines: an object a line."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from datagen_nb.tables.json_format import JsonFormat
from datagen_nb.tables.table_format import Opener, Pieces

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.tables.dialect import Dialect

_COPY = 1 << 20


class JsonLines(JsonFormat):
    """Rows can be read from any line on."""

    name = "jsonl"
    label = "JSON Lines"
    endings = (".jsonl", ".ndjson")
    has_lines = True
    joins_files = True

    def check_text(self, text: bytes, name: str) -> None:
        from datagen_nb.tables.input_errors import wrong_format

        if text[:1] == b"[":
            raise wrong_format(name, self, actual="json", what="one JSON array")

    def join(self, parts: Iterable[BinaryIO], target: BinaryIO, schema: pa.Schema | None) -> None:
        for part in parts:
            part.seek(0)
            shutil.copyfileobj(part, target, _COPY)

    def join_files(
        self,
        files: Sequence[Path],
        target: BinaryIO,
        parameters: Mapping[str, Any],
        open_file: Opener,
    ) -> None:
        from datagen_nb.tables.file_sets import copy_lines

        for path in files:
            with open_file(path) as file:
                copy_lines(file, target, b"\n")

    def pieces_of(self, file: BinaryIO) -> Pieces:
        return Pieces.ANYWHERE

    def whole_rows(self, text: str, dialect: Dialect | None) -> str:
        """Up to the last line's end."""
        return text[: text.rfind("\n") + 1] or text


FORMAT = JsonLines()
