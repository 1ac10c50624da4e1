"""HTTP range requests: which bytes of a representation to send.

A single range is served; several ranges, or a header that cannot be parsed, are answered with the
whole representation. Source: RFC 9110, sections 13 and 14.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SINGLE_RANGE = re.compile(r"bytes[ \t]*=[ \t,]*([0-9]*)-([0-9]*)[ \t,]*", re.IGNORECASE)
_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')

MAX_DIGITS = 18
"""Digits of a position that are parsed; no part is longer."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes ``start`` to ``stop`` (exclusive), and the status: 200, 206, 304 or 416."""

    status: int
    start: int
    stop: int

    def headers(self, tag: str, size: int) -> dict[str, str]:
        """The response headers."""
        headers = {"Accept-Ranges": "bytes", "ETag": tag, "Cache-Control": "private, no-cache"}
        if self.status == 206:
            headers["Content-Range"] = f"bytes {self.start}-{self.stop - 1}/{size}"
        if self.status == 416:
            headers["Content-Range"] = f"bytes */{size}"
        elif self.status != 304:
            headers["Content-Length"] = str(self.stop - self.start)
        return headers


def requested_range(headers: Mapping[str, str], *, tag: str, size: int) -> ByteRange:
    """The range that headers select from ``size`` bytes whose strong entity tag is ``tag``."""
    known = headers.get("if-none-match")
    if known is not None and (known.strip() == "*" or tag in _weak_tags(known)):
        return ByteRange(304, 0, 0)
    whole = ByteRange(200, 0, size)
    condition = headers.get("if-range")
    if condition is not None and condition.strip() != tag:
        return whole
    found = _SINGLE_RANGE.fullmatch(headers.get("range", "").strip())
    if found is None or found[1] == found[2] == "":
        return whole
    if found[1] == "":
        start, stop = max(size - _number(found[2]), 0), size
    elif found[2] == "":
        start, stop = _number(found[1]), size
    else:
        start, stop = _number(found[1]), min(_number(found[2]) + 1, size)
        if _number(found[2]) < start:
            return whole
    return ByteRange(206, start, stop) if start < stop else ByteRange(416, 0, 0)


def _number(text: str) -> int:
    """A position; one with more than ``MAX_DIGITS`` digits lies behind the end of every part."""
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) <= MAX_DIGITS else 10**MAX_DIGITS


def _weak_tags(text: str) -> set[str]:
    return {tag.removeprefix("W/") for tag in _ENTITY_TAG.findall(text)}
