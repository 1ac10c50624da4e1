"""Whole rows from the beginning of a large text file."""

from __future__ import annotations

import codecs
from typing import BinaryIO

from datagen_nb.tables.dialect import Dialect
from datagen_nb.tables.table_format import table_format


def whole_rows(
    file: BinaryIO, format: str, size: int, encoding: str, dialect: Dialect | None
) -> tuple[bytes, int, bool]:
    """Read rows from a file's beginning.

    Args:
        file: Seekable.
        format: A text format.
        size: Bytes that are read.
        encoding: As ``codecs`` calls it.
        dialect: Of CSV.

    Returns:
        The rows, the bytes that they take in the file, and whether they are UTF-8 now; text that
        the encoding does not allow is left as it is.
    """
    file.seek(0)
    raw = file.read(size)
    ended = len(raw) < size
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    try:
        text = decoder.decode(raw, final=ended)
    except UnicodeDecodeError:  # its reader reports where
        return raw, len(raw), False
    kept = text if ended else table_format(format).whole_rows(text, dialect)
    share = len(kept.encode(errors="replace")) / max(len(text.encode(errors="replace")), 1)
    return kept.encode(errors="replace"), int(len(raw) * share), True
