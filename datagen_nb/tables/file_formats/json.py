"""JSON: one array of objects, or one object."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO

from datagen_nb.tables.json_format import JsonFormat
from datagen_nb.tables.table_format import Pieces

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.tables.dialect import Dialect

_COPY = 1 << 20


class Json(JsonFormat):
    """Only the beginning of an array can be read by itself; one object is read whole."""

    name = "json"
    label = "JSON"
    endings = (".json",)
    read_seconds = 3e-6
    has_lines = False

    def check_text(self, text: bytes, name: str) -> None:
        from datagen_nb.tables.input_errors import wrong_format

        if text[:1] == b"{" and b"\n{" in text.replace(b"\r", b""):
            raise wrong_format(name, self, actual="jsonl")

    def join(self, parts: Iterable[BinaryIO], target: BinaryIO, schema: pa.Schema | None) -> None:
        from datagen_nb.tables.json_files import BETWEEN, CLOSE, OPEN

        target.write(OPEN)
        for index, part in enumerate(parts):
            if index:
                target.write(BETWEEN)
            left = part.seek(0, os.SEEK_END) - len(OPEN) - len(CLOSE)
            part.seek(len(OPEN))
            while left > 0:
                chunk = part.read(min(left, _COPY))
                target.write(chunk)
                left -= len(chunk)
        target.write(CLOSE)

    def pieces_of(self, file: BinaryIO) -> Pieces:
        file.seek(0)
        is_object = file.read(64).lstrip()[:1] == b"{"
        return Pieces.NONE if is_object else Pieces.HEAD

    def whole_rows(self, text: str, dialect: Dialect | None) -> str:
        """Up to the last whole object, and the array closed behind it."""
        decode, end = json.JSONDecoder().raw_decode, 0
        at = text.find("[") + 1
        while True:
            while text[at : at + 1] in {" ", "\t", "\r", "\n", ","}:
                at += 1
            try:
                _, at = decode(text, at)
            except (ValueError, RecursionError):
                return f"{text[:end]}]" if end else text
            end = at


FORMAT = Json()
