"""JSON Lines as lists of dictionaries: a fast parser for most lines, the standard one for the rest.

orjson reads what it is sure of. It reads an integer beyond 64 bits as a float and knows neither
``NaN`` nor half a surrogate pair, so lines with a long run of digits and lines that it refuses go
to the standard parser, which also gives the position of an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import orjson

from datagen_nb.core.errors import InputError
from datagen_nb.tables.decoded import Decoded
from datagen_nb.tables.input_errors import input_error

CHUNK = 1 << 20
MAX_OBJECT = 16 << 20
"""Bytes of one object at most; past them a bracket is taken to be missing."""

MAX_DIGITS = 4_000
"""Digits of an integer that is read as one."""

_LONG_RUN = b"0" * 19
"""As many digits as the first integers beyond 64 bits have."""

_POINT = ord(".")
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")

Row = dict[str, Any]


def standard_decoder(*, decimals: bool = False) -> json.JSONDecoder:
    """The standard parser; numbers with a point are ``Decimal`` with ``decimals``."""
    return json.JSONDecoder(parse_int=_integer, parse_float=Decimal if decimals else None)


class JsonLines:
    """The objects of a file, one a line, in lists of about one chunk each.

    Args:
        file: Read from its beginning.
        name: What messages call it.
        encoding: Of the bytes; UTF-8 by default.
        skip_bad: Leave lines out that are not an object, instead of raising.
        decimals: Read numbers with a point as ``Decimal``.

    Attributes:
        skipped: Numbers of the lines that were left out.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        name: str,
        encoding: str | None = None,
        skip_bad: bool = False,
        decimals: bool = False,
    ) -> None:
        self._decoded = Decoded(file, name=name, encoding=encoding)
        self._name = name
        self._skip_bad = skip_bad
        self._always_standard = decimals
        self._decode = standard_decoder(decimals=decimals).raw_decode
        self.skipped: list[int] = []

    def __iter__(self) -> Iterator[list[Row]]:
        number = 1
        for chunk in self._chunks():
            lines = chunk.split(b"\n")
            if not lines[-1]:
                lines.pop()
            rows = None if self._always_standard else _parse_fast(chunk, lines)
            if rows is None:
                rows = self._parse(chunk, lines, number)
            number += len(lines)
            if rows:
                yield rows

    def _chunks(self) -> Iterator[bytes]:
        """Whole lines, about ``CHUNK`` bytes of them; a line that is too long is cut."""
        pending: list[bytes] = []
        size = 0
        while chunk := self._decoded.read(CHUNK):
            end = chunk.rfind(b"\n") + 1
            if end:
                yield b"".join([*pending, chunk[:end]])
                pending, size = [], 0
            pending.append(chunk[end:])
            size += len(chunk) - end
            if size >= MAX_OBJECT:
                yield b"".join(pending)
                pending, size = [], 0
        if size:
            yield b"".join(pending)

    def _parse(self, chunk: bytes, lines: list[bytes], first: int) -> list[Row]:
        """Rows of lines of which some need the standard parser; ``first`` numbers the first."""
        masked = _with_zeros(chunk).split(b"\n")
        rows: list[Row] = []
        for place, line in enumerate(lines):
            if not self._always_standard and not _may_hold_long_integer(masked[place]):
                try:
                    row = orjson.loads(line)
                except orjson.JSONDecodeError:
                    row = None
                if type(row) is dict:
                    rows.append(row)
                    continue
            text = line.decode()
            if text.isspace() or not text:
                continue
            try:
                rows.append(self._parse_line(text, first + place))
            except InputError:
                if not self._skip_bad:
                    raise
                self.skipped.append(first + place)
        return rows

    def _parse_line(self, line: str, number: int) -> Row:
        try:
            row, end = self._decode(line, len(line) - len(line.lstrip()))
        except json.JSONDecodeError as error:
            raise malformed(self._name, error.msg, number, error.pos + 1) from error
        except RecursionError as error:
            raise malformed(self._name, "nested too deeply", number, 1) from error
        if not isinstance(row, dict) or line[end:].strip():
            message = f"a line has to be one object, not {line.strip()[:40]}"
            raise malformed(self._name, message, number, 1)
        return row


def malformed(
    name: str, message: str, line: int, column: int, *, at_end: bool = False
) -> InputError:
    """The error for text that is not JSON, with its position."""
    cut = "; the file may be cut short" if at_end else ""
    return input_error(
        "input_broken",
        name,
        f"is not valid JSON at line {line:,}, column {column:,}: {message}{cut}",
        "Check how the file was written.",
        line=line,
        column=column,
    )


def _parse_fast(chunk: bytes, lines: list[bytes]) -> list[Row] | None:
    """Rows of lines that are all one object each, and exact; ``None`` if one may not be."""
    if _may_hold_long_integer(_with_zeros(chunk)):
        return None
    try:
        rows = list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        return None
    return rows if set(map(type, rows)) <= {dict} else None


def _may_hold_long_integer(masked: bytes) -> bool:
    """Whether a text whose digits are all 0 has a long run of them that is not behind a point."""
    at = masked.find(_LONG_RUN)
    while at > 0 and masked[at - 1] == _POINT:
        while masked[at : at + 1] == b"0":
            at += 1
        at = masked.find(_LONG_RUN, at)
    return at >= 0


def _with_zeros(text: bytes) -> bytes:
    return text.translate(_DIGITS_TO_ZERO)


def _integer(text: str) -> int | str:
    """An integer; one of more digits than Python reads in bounded time stays a text."""
    return int(text) if len(text) <= MAX_DIGITS else text
