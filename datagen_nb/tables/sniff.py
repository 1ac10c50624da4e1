"""A first look at a file before anything is sent: is it there, is it what it is said to be.

Standard library only, a few kilobytes read; what lies deeper in the file shows when it is read.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from datagen_nb.core.config import FORMATS
from datagen_nb.core.errors import InputError

HEAD = 4096

_LABELS = {"csv": "CSV", "json": "JSON", "jsonl": "JSON Lines", "parquet": "Parquet"}

_FOREIGN = {
    b"\x1f\x8b": ("gzip", "Unpack it first."),
    b"PK\x03\x04": ("a zip archive or an Excel workbook", "Unpack it, or save it as CSV."),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "Save it as CSV."),
    b"\x28\xb5\x2f\xfd": ("zstd", "Unpack it first."),
    b"ARROW1": ("an Arrow file", "Write it as Parquet."),
    b"SQLite format 3": ("a SQLite database", "Export the table as CSV."),
}

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def look(path: Path, format: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Check that a file is there and looks like its format.

    Args:
        path: The file.
        format: ``csv``, ``json``, ``jsonl`` or ``parquet``.
        parameters: The job's; without them the text's encoding is left for the worker to check.

    Raises:
        InputError: It is missing, not a file, not readable, empty, or of another format.
    """
    name = str(path)
    try:
        if path.is_dir():
            raise input_error(
                "input_not_a_file", name, "is a directory", "Name one file in it.", path=name
            )
        with path.open("rb") as file:
            look_at(file, format, name=name, parameters=parameters)
    except FileNotFoundError as error:
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
        raise input_error(
            "input_unreadable", name, f"cannot be read: {error.strerror}", "Check the path."
        ) from error


def look_at(
    file: BinaryIO, format: str, *, name: str, parameters: Mapping[str, Any] | None = None
) -> None:
    """Check an open file the same way; it is left at its beginning.

    Raises:
        InputError: It is empty, of another format, or broken.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 4, 0))
    tail = file.read(4)
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    if size == 0:
        raise input_error(
            "input_empty", name, "is empty (0 bytes)", "Give a table with at least two rows."
        )
    for magic, (what, remedy) in _FOREIGN.items():
        if head.startswith(magic):
            raise _wrong(name, format, what, remedy)
    if head.startswith(b"PAR1"):
        if format != "parquet":
            raise _wrong(name, format, "Parquet", _rename("parquet"), actual="parquet")
        if size < 12 or tail != b"PAR1":
            raise input_error(
                "input_broken",
                name,
                f"is a Parquet file cut short: its footer is missing at byte {size:,}",
                "Copy or write it again.",
                byte=size,
            )
        return
    if format == "parquet":
        actual = _text_format(head)
        remedy = _rename(actual) if actual else "Write it as Parquet, CSV, JSON or JSON Lines."
        what = _LABELS[actual] if actual else "something else"
        raise _wrong(name, format, what, remedy, actual=actual)
    if parameters is not None:
        _check_encoding(head, name, parameters.get("encoding"))
    _check_json(head, format, name)


def missing(name: str, path: Path | None = None) -> InputError:
    """The error for an input that is not there; names a file that is called alike."""
    import difflib

    near: list[str] = []
    if path is not None and path.parent.is_dir():
        names = [entry.name for entry in path.parent.iterdir()]
        near = difflib.get_close_matches(path.name, names, n=1)
    remedy = f"Did you mean {near[0]}?" if near else "Check the path."
    return input_error("input_not_found", name, "does not exist", remedy, path=name)


def input_error(code: str, name: str, what: str, remedy: str, **details: Any) -> InputError:
    """An ``InputError`` in the form that all of them have: which, what, what now."""
    facts = {key: value for key, value in details.items() if value is not None}
    return InputError(
        f"{name} {what}. {remedy}", code=code, details={"input": name, "remedy": remedy, **facts}
    )


def _wrong(
    name: str, format: str, what: str, remedy: str, *, actual: str | None = None
) -> InputError:
    return input_error(
        "input_wrong_format",
        name,
        f"is said to be {_LABELS[format]}, but it is {what} inside",
        remedy,
        expected=format,
        actual=actual,
    )


def _rename(actual: str) -> str:
    return f"Rename it to end in {FORMATS[actual][0]}, or say inputFormat={actual!r}."


def _text_format(head: bytes) -> str | None:
    if any(head.startswith(mark) for mark in _MARKS):
        return "csv"
    if b"\0" in head:
        return None
    begin = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    return {b"[": "json", b"{": "jsonl"}.get(begin, "csv")


def _check_json(head: bytes, format: str, name: str) -> None:
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    begin = text[:1]
    if format == "json" and begin == b"{" and b"\n{" in text.replace(b"\r", b""):
        raise _wrong(name, format, "JSON Lines", _rename("jsonl"), actual="jsonl")
    if format == "jsonl" and begin == b"[":
        raise _wrong(name, format, "one JSON array", _rename("json"), actual="json")
    if format == "csv" and (begin == b"{" or text.startswith((b"[{", b"[\n", b"[\r\n"))):
        actual = "jsonl" if begin == b"{" else "json"
        raise _wrong(name, format, _LABELS[actual], _rename(actual), actual=actual)


def _check_encoding(head: bytes, name: str, encoding: str | None) -> None:
    if encoding is not None and codecs.lookup(encoding).name != "utf-8":
        return
    for mark, found in _MARKS.items():
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


def encoding_error(name: str, what: str, encoding: str, **where: Any) -> InputError:
    """The error for text that is not UTF-8; ``encoding`` is what it may be instead."""
    remedy = f'Say parameters={{"encoding": "{encoding}"}}, or save the file as UTF-8.'
    return input_error("input_wrong_encoding", name, what, remedy, encoding=encoding, **where)
