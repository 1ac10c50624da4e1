"""How a value shows itself: one line of text, and a small HTML table in a notebook.

The HTML needs no script and takes its colours from the page around it. Every text is escaped, and
in a line of plain text it is inert.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.core.words import size

FRAME = (
    "border:1px solid rgba(128,128,128,.35);border-radius:6px;padding:10px 14px;max-width:1080px;"
    "font:13px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere"
)
FAINT = "opacity:.7"
_TABLE = (
    "border-collapse:collapse;color:inherit;font:inherit"  # a page without a doctype resets both
)

SHOWN = 20
"""Rows of a table that a summary shows."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under names.

    Attributes:
        names: Of the columns.
        rows: Texts, one for each name.
        numbers: Which columns are aligned right.
    """

    names: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a value says of itself.

    Attributes:
        title: What it is.
        line: The most important facts, in one line.
        facts: Names and values, one below the other.
        table: Shown below the facts, its first ``SHOWN`` rows.
        notes: Sentences to take note of.
    """

    title: str
    line: str
    facts: Sequence[tuple[str, str]] = ()
    table: Table | None = None
    notes: Sequence[str] = ()

    def text(self) -> str:
        """One line."""
        return f"<{self.title} {inert(self.line, longest=ONE_LINE)}>"

    def html(self) -> str:
        """A framed table."""
        parts = [f"<div><b>{escape(self.title)}</b> <bdi>{escape(_cut(self.line))}</bdi></div>"]
        if self.facts:
            rows = "".join(
                f'<tr><td style="{FAINT};padding:1px 16px 1px 0;text-align:left">{escape(name)}'
                f'</td><td style="text-align:left">{escape(_cut(value))}</td></tr>'
                for name, value in self.facts
            )
            parts.append(f'<table style="{_TABLE};margin:4px 0 0">{rows}</table>')
        if self.table is not None and self.table.rows:
            parts.append(table_html(self.table))
            if (more := len(self.table.rows) - SHOWN) > 0:
                parts.append(f'<div style="{FAINT}">and {more:,} more</div>')
        parts += [f"<div>⚠ {escape(note)}</div>" for note in self.notes]
        return framed(parts)


class Summarized(ABC):
    """Shows its summary as its ``repr``, and in a notebook as HTML."""

    @abstractmethod
    def _summary(self) -> Summary: ...

    def __repr__(self) -> str:
        return self._summary().text()

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        return self._summary().html()


def framed(parts: Iterable[str]) -> str:
    """Parts that are HTML, in the frame that everything shown has."""
    return f'<div style="{FRAME}">{"".join(parts)}</div>'


def table_html(table: Table, *, most: int = SHOWN, wraps: bool = False) -> str:
    """The first rows of a table, to be scrolled sideways where it is wide.

    Args:
        table: What it shows.
        most: Rows at most.
        wraps: Whether words of texts are broken into lines first.
    """
    line = "padding:2px 10px;border-bottom:1px solid rgba(128,128,128,.2);text-align:"
    heads = [f"{line}{'right' if number else 'left'}" for number in table.numbers]
    cells = [
        f"{one}{';white-space:nowrap' * number}"
        for one, number in zip(heads, table.numbers, strict=True)
    ]
    head = "".join(
        f'<th style="{cell}">{escape(_cut(name))}</th>'
        for cell, name in zip(heads, table.names, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{cell}">{escape(_cut(value))}</td>'
            for cell, value in zip(cells, row, strict=True)
        )
        + "</tr>"
        for row in table.rows[:most]
    )
    lines = "overflow-wrap:break-word" if wraps else "white-space:nowrap"
    name = escape(next(filter(None, table.names), "table"))
    return (
        f'<div role="group" aria-label="{name}" tabindex="0" style="overflow-x:auto;{lines}">'
        f'<table style="{_TABLE}">'
        f"<tr>{head}</tr>{body}</table></div>"
    )


def count(number: int, one: str) -> str:
    """How many, as ``1 job`` or ``1,200 jobs``."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def sizes(low: float, high: float) -> str:
    """A range of bytes; once, where both ends read alike."""
    first, last = size(low), size(high)
    return last if first == last else f"{first} to {last}"


def listed(
    title: str, names: Sequence[str], rows: Sequence[Sequence[str]], *, more: bool
) -> Summary:
    """The summary of a page of a list: how many entries it has, and the entries as a table.

    Args:
        title: What the entries are called, as ``Uploads``.
        names: Of the columns.
        rows: A text for each column, of each entry.
        more: Whether another page follows.
    """
    line = f"{len(rows)}, and there are more" if more else str(len(rows))
    return Summary(title, line, table=Table(names, rows, [False] * len(names)))


def _cut(text: str) -> str:
    return text if len(text) <= ONE_LINE else f"{text[:ONE_LINE]}…"
