"""Text files that are packed with gzip, unpacked into a temporary file."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from datagen_nb.core.errors import InputError
from datagen_nb.tables.input_errors import gzip_broken, input_error
from datagen_nb.tables.sniff import GZIP

MAX_UNPACKED = 16 << 30
"""Bytes of a file once it is unpacked."""

_CHUNK = 1 << 20


@contextmanager
def unpacked(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """A file, or what is packed in it.

    Args:
        file: Open and seekable.
        name: What messages call it.

    Raises:
        InputError: It is broken, or too large when it is unpacked.
    """
    file.seek(0)
    begin = file.read(len(GZIP))
    file.seek(0)
    if begin != GZIP:
        yield file
        return
    with tempfile.TemporaryFile() as plain:
        _unpack(file, cast("BinaryIO", plain), name)
        plain.seek(0)
        yield cast("BinaryIO", plain)


def _unpack(file: BinaryIO, target: BinaryIO, name: str) -> None:
    size = 0
    with gzip.GzipFile(fileobj=file) as packed:
        try:
            while chunk := packed.read(_CHUNK):
                size += len(chunk)
                if size > MAX_UNPACKED:
                    raise _too_large(name)
                target.write(chunk)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise gzip_broken(name) from error


def _too_large(name: str) -> InputError:
    return input_error(
        "input_too_large",
        name,
        f"has more than {MAX_UNPACKED:,} bytes when it is unpacked",
        "Write it as Parquet, which is read without unpacking all of it.",
    )
