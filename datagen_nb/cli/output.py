"""What commands print: tables and JSON, for any encoding and for readers who leave early."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

_PLAIN = {
    "█": "#", "░": ".", "·": "-", "–": "-", "—": "-", "−": "-", "…": "...", "×": "x",
    "→": "->", "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip


def encode_anything() -> None:
    """Let both streams write text that their encoding lacks: as a plain sign, or as an escape."""
    codecs.register_error("datagen_nb.client.plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="datagen_nb.client.plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    signs = (_PLAIN.get(one) or one.encode("ascii", "backslashreplace").decode() for one in lacking)
    return "".join(signs), error.end


def discard() -> None:
    """Write nothing more to either stream, as their reader has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def print_json(value: Any) -> None:
    """Print one JSON value, indented."""
    print(json.dumps(value, indent=2))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns on a terminal; elsewhere tab-separated, without headings.

    What is no terminal is a program, such as ``cut`` or ``xargs``.
    """
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    table = [headings, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
