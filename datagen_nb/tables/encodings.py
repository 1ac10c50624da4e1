"""Which encoding a text is in, judged by its first bytes.

Marks at the beginning are certain, and so is UTF-8: other text is almost never valid as it.
Eight-bit encodings of Western Europe differ in few characters that are seldom used; Windows' own
stands for them all.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from datagen_nb.tables.input_errors import encoding_error

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""Byte order marks, those first that begin with another one."""

WIDE_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Those of encodings whose characters have several bytes each, with the name to give for one."""

_LATIN = ("cp1252", "cp1250", "mac_roman", "cp437")
_OTHERS = ("cp1251", "cp1253", "cp932", "gb18030", "big5", "euc_jp", "euc_kr", "koi8_r")
_BYTES_JUDGED = 4_000

_MIN_FOREIGN = 8
_MIN_FOREIGN_SHARE = 0.4
"""Of the letters in lines that are not ASCII: few are accents, many are another script."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding by the name of Python's codec.

    Attributes:
        name: Without a byte order mark.
        has_mark: Whether the text begins with one.
        confidence: ``certain``, ``likely`` or ``guess``.
    """

    name: str
    has_mark: bool = False
    confidence: str = "certain"


def sniff_encoding(head: bytes) -> Encoding:
    """Judge the encoding of a text by its first bytes, which may end within a character."""
    for mark, name in MARKS.items():
        if head.startswith(mark):
            return Encoding(name, has_mark=True)
    if head.count(0) * 4 >= len(head) > 0:  # every other byte, where the text is mostly Latin
        name = "utf-16-le" if head.index(0) % 2 else "utf-16-be"
        return Encoding(name, confidence="likely")
    if is_encoded(head, "utf-8"):
        return Encoding("utf-8")
    return _eight_bit(head)


def split_encoding(name: str, head: bytes) -> Encoding:
    """An encoding that was named, apart from the byte order mark of a text."""
    name = codecs.lookup(name).name
    found = next((found for mark, found in MARKS.items() if head.startswith(mark)), None)
    plain = "utf-8" if name == "utf-8-sig" else name
    if found is not None and found.startswith(plain):
        return Encoding(found, has_mark=True)
    if plain in {"utf-16", "utf-32"}:
        return Encoding(f"{plain}-le")
    return Encoding(plain)


def is_encoded(head: bytes, name: str) -> bool:
    """Whether bytes are text of an encoding; they may end within a character."""
    try:
        codecs.getincrementaldecoder(name)().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _eight_bit(head: bytes) -> Encoding:
    lines = b"\n".join(line for line in head.splitlines() if not line.isascii())
    sample = lines[:_BYTES_JUDGED]
    foreign = sum(byte >= 0x80 for byte in sample)
    letters = foreign + sum(bytes([byte]).isalpha() for byte in sample)
    if foreign >= _MIN_FOREIGN_SHARE * letters and foreign >= _MIN_FOREIGN:
        from charset_normalizer import from_bytes

        best = from_bytes(sample, cp_isolation=[*_LATIN, *_OTHERS]).best()
        if best is not None and best.encoding in _OTHERS and is_encoded(head, best.encoding):
            return Encoding(codecs.lookup(best.encoding).name, confidence="guess")
    fitting = (name for name in ("cp1252", "cp1250") if is_encoded(head, name))
    return Encoding(next(fitting, "latin-1"), confidence="likely")


def text_of(head: bytes) -> bytes:
    """The beginning of a text file from its first character on."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip()


def check_encoding(head: bytes, name: str, encoding: str | None) -> None:
    """Refuse text that is visibly not in its encoding, which is UTF-8 unless another is stated.

    Raises:
        InputError: It is in another one.
    """
    if encoding is not None and codecs.lookup(encoding).name != "utf-8":
        return
    for mark, found in WIDE_MARKS.items():
        if head.startswith(mark):
            raise encoding_error(name, f"is {found.upper()} text, not UTF-8", found)
    if head.count(0) * 4 >= len(head):  # every other byte, where the text is mostly Latin
        byte = head.index(0)
        little = byte % 2 == 1
        raise encoding_error(
            name,
            f"has a zero byte at byte {byte:,}, as UTF-16 text has; it is not UTF-8",
            "utf-16-le" if little else "utf-16-be",
            byte=byte,
        )
