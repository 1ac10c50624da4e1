"""A text file of any encoding as a stream of UTF-8 that reports where it breaks.

Arrow's readers take UTF-8 alone. Text that the given encoding does not allow is reported with its
byte and line, and with what the encoding may be instead.
"""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, BinaryIO

from datagen_nb.core.errors import InputError
from datagen_nb.tables.input_errors import encoding_error

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 20

_ASCII_BASED = {"ascii", "utf-8", "iso8859-1", "cp1252"}
"""Encodings in which bytes below 128 are always the letters of ASCII."""


class Decoded(io.RawIOBase):
    """Reads ``file`` from its beginning as UTF-8 without a byte order mark.

    Args:
        file: The bytes as they lie.
        name: What messages call it.
        encoding: Of the bytes; UTF-8 by default.
        skip: Characters to leave out at the beginning, the byte order mark not counted.

    Attributes:
        error: What went wrong while a foreign reader was reading, to be raised in its place.
    """

    def __init__(
        self, file: BinaryIO, *, name: str, encoding: str | None = None, skip: int = 0
    ) -> None:
        self._file = file
        self._name = name
        self._encoding = codecs.lookup(encoding or "utf-8").name
        decoder = "utf-8-sig" if self._encoding == "utf-8" else self._encoding
        self._decoder = codecs.getincrementaldecoder(decoder)()
        self._is_ascii_based = self._encoding in _ASCII_BASED
        self._is_first = True
        self._skip = skip
        self._ready = b""
        self._bytes = 0
        self._lines = 0
        self._ended = False
        self.error: InputError | None = None
        file.seek(0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self._ready and not self._ended:
            self._fill()
        taken = min(len(view), len(self._ready))
        view[:taken] = self._ready[:taken]
        self._ready = self._ready[taken:]
        return taken

    def _fill(self) -> None:
        raw = self._file.read(CHUNK)
        before = self._decoder.getstate()[0]
        self._ended = not raw
        if raw.isascii() and not (before or self._skip or self._is_first) and self._is_ascii_based:
            self._bytes += len(raw)
            self._lines += raw.count(b"\n")
            self._ready = raw
            return
        try:
            text = self._decoder.decode(raw, final=self._ended)
        except UnicodeDecodeError as error:
            self.error = self._told(error, before)
            raise self.error from error
        self._bytes += len(raw)
        self._lines += text.count("\n")
        if self._is_first and text:
            self._is_first = False
            text = text.removeprefix("\ufeff")
        if self._skip:
            text, self._skip = text[self._skip :], max(self._skip - len(text), 0)
        self._ready = text.encode(errors="replace")

    def _told(self, error: UnicodeDecodeError, before: bytes) -> InputError:
        byte = self._bytes - len(before) + error.start
        line = self._lines + bytes(error.object[: error.start]).count(b"\n") + 1
        found = error.object[error.start : error.start + 1].hex().upper()
        if self._encoding == "utf-8":
            what = f"is not UTF-8: byte 0x{found} at byte {byte:,}, line {line:,}"
            return encoding_error(self._name, what, "latin-1", byte=byte, line=line)
        what = f"is not {self._encoding}: {error.reason} at byte {byte:,}, line {line:,}"
        return encoding_error(self._name, what, "utf-8", byte=byte, line=line)
