"""A first look at a file before anything is sent: is it there, is it in the stated format.

Standard library only, a few kilobytes read; what lies deeper in the file shows when it is read.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from datagen_nb.core.errors import InputError
from datagen_nb.core.file_kinds import irregular
from datagen_nb.core.formats import FORMATS
from datagen_nb.tables.encodings import WIDE_MARKS, text_of
from datagen_nb.tables.input_errors import (
    gzip_broken,
    input_error,
    missing,
    not_a_file,
    other_inside,
    wrong_format,
)
from datagen_nb.tables.table_format import FileEnds, table_format

HEAD = 4096

GZIP = b"\x1f\x8b"

_FOREIGN = {
    b"PK\x03\x04": ("a zip archive or an Excel workbook", "Unpack it, or save it as CSV."),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "Save it as CSV."),
    b"\x28\xb5\x2f\xfd": ("zstd", "Unpack it first."),
    b"PARE": ("an encrypted Parquet file", "Write it without encryption."),
    b"ARROW1": ("an Arrow file", "Write it as Parquet."),
    b"SQLite format 3": ("a SQLite database", "Export the table as CSV."),
}


def check_file(path: Path, format: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Check that a file is there and looks like its format.

    Args:
        path: The file.
        format: Its name, of ``core.formats.FORMATS``.
        parameters: The job's; without them the text's encoding is left for the worker to check.

    Raises:
        InputError: It is missing, not a file, not readable, empty, or of another format.
    """
    with open_file(path) as file:
        try:
            check_open_file(file, format, name=str(path), parameters=parameters)
        except OSError as error:
            raise _unreadable(str(path), error) from error


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading; links are followed.

    Its kind is checked before it is opened: opening a pipe waits for its writer,
    opening a device may set it going. Opened without blocking and looked at again, it cannot be
    exchanged in between.

    Raises:
        InputError: It is missing, not a regular file, or not readable.
    """
    name = str(path)
    try:
        check_regular(path.stat().st_mode, name)
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            check_regular(os.fstat(handle).st_mode, name)
            return os.fdopen(handle, "rb")
        except BaseException:
            os.close(handle)
            raise
    except (FileNotFoundError, ValueError) as error:  # a NUL in the name is a ValueError
        raise missing(name, path) from error
    except PermissionError as error:
        raise input_error(
            "input_unreadable",
            name,
            "may not be read by this user",
            "Change its permissions, or copy it to where you may read it.",
            path=name,
        ) from error
    except OSError as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: OSError) -> InputError:
    return input_error(
        "input_unreadable", name, f"cannot be read: {error.strerror}", "Check the path.", path=name
    )


def check_regular(mode: int, name: str) -> None:
    """Look whether a mode is that of a regular file.

    Raises:
        InputError: It is not.
    """
    if what := irregular(mode):
        raise not_a_file(name, what)


def check_open_file(
    file: BinaryIO, format: str, *, name: str, parameters: Mapping[str, Any] | None = None
) -> None:
    """Check an open file the same way; it is left at its beginning.

    Raises:
        InputError: It is empty, of another format, or broken.
    """
    try:
        size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise input_error(
            "input_unreadable", name, "has no size, so it is no stored file", "Copy it into one."
        ) from error
    if size == 0:  # files of /proc say so too, and some of them wait to be read
        raise input_error(
            "input_empty", name, "is empty (0 bytes)", "Give a table with at least two rows."
        )
    file.seek(max(size - 4, 0))
    tail = file.read(4)
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    expected = table_format(format)
    if head.startswith(GZIP) and expected.is_text:
        head = _begin_of_packed(head, name)
    for other in FORMATS.values():
        if other.magic and head.startswith(other.magic) and other is not expected:
            raise wrong_format(name, expected, actual=other.name)
    if not (expected.magic and head.startswith(expected.magic)):
        for magic, (what, remedy) in _FOREIGN.items():
            if head.startswith(magic):
                raise other_inside(name, expected, what, remedy)
        if expected.magic:
            raise wrong_format(name, expected, actual=_text_format(head))
    expected.check(FileEnds(head, tail, size), name, parameters)


def _begin_of_packed(head: bytes, name: str) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD)
    except zlib.error as error:
        raise gzip_broken(name) from error


def _text_format(head: bytes) -> str | None:
    if any(head.startswith(mark) for mark in WIDE_MARKS):
        return "csv"
    if b"\0" in head:
        return None
    return {b"[": "json", b"{": "jsonl"}.get(text_of(head)[:1], "csv")
