"""Pieces of which the parts of a report's HTML are made."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

FAINT = "opacity:.75"


def section(title: str, parts: Sequence[str]) -> str:
    """A part under a heading."""
    head = f'<div role="heading" aria-level="2" style="margin:12px 0 4px"><b>{title}</b></div>'
    return f"<section>{head}{''.join(parts)}</section>"


def faint(line: str) -> str:
    """A line of less weight."""
    return f'<div style="{FAINT}">{escape(line)}</div>'
