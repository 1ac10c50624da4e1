"""Which bytes of a representation a request asks for.

One range is served; several at once are answered with the whole, as is anything that is not
understood. Source: RFC 9110, sections 13 and 14.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ONE = re.compile(r"bytes[ \t]*=[ \t,]*([0-9]*)-([0-9]*)[ \t,]*", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')

MOST_DIGITS = 18
"""Of a position; no part is longer, and nothing longer need be made a number."""


@dataclass(frozen=True, slots=True)
class Asked:
    """``start`` to before ``stop`` with the status that says so: 200, 206, 304 or 416."""

    status: int
    start: int
    stop: int

    def headers(self, tag: str, size: int) -> dict[str, str]:
        """What the answer says of itself."""
        said = {"Accept-Ranges": "bytes", "ETag": tag, "Cache-Control": "private, no-cache"}
        if self.status == 206:
            said["Content-Range"] = f"bytes {self.start}-{self.stop - 1}/{size}"
        if self.status == 416:
            said["Content-Range"] = f"bytes */{size}"
        elif self.status != 304:
            said["Content-Length"] = str(self.stop - self.start)
        return said


def asked_of(headers: Mapping[str, str], *, tag: str, size: int) -> Asked:
    """What the request's headers ask of ``size`` bytes whose strong entity tag is ``tag``."""
    known = headers.get("if-none-match")
    if known is not None and (known.strip() == "*" or tag in _weakly(known)):
        return Asked(304, 0, 0)
    whole = Asked(200, 0, size)
    condition = headers.get("if-range")
    if condition is not None and condition.strip() != tag:
        return whole
    found = _ONE.fullmatch(headers.get("range", "").strip())
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
    return Asked(206, start, stop) if start < stop else Asked(416, 0, 0)


def _number(text: str) -> int:
    """A position; what has more digits than any part has bytes is behind every part's end."""
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) <= MOST_DIGITS else 10**MOST_DIGITS


def _weakly(text: str) -> set[str]:
    return {tag.removeprefix("W/") for tag in _TAG.findall(text)}
