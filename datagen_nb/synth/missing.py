"""Texts that stand for a missing value among identifiers, names and addresses.

A file that quotes all of its fields has an empty text there, others write ``NA`` or ``unknown``.
Such a text is left out when the values are made anew, and comes back in as many rows.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.codecs.counts import count

MIN_ROWS = 5
"""Fewest rows that a word has; an empty text may have fewer."""


def missing_text(column: pa.ChunkedArray) -> str | None:
    """The text that most often stands for a missing value in a column.

    Example:
        >>> missing_text(pa.chunked_array([["a@b.example", "", "c@d.example", ""]]))
        ''

    Returns:
        ``None`` if there is none, or the column has no texts.
    """
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return None
    counts = count(column)
    found = counts.of(counts.are_missing())
    for text, rows in zip(found.texts.to_pylist(), found.rows.tolist(), strict=True):
        if rows == found.rows.max() and (rows >= MIN_ROWS or not text):
            return str(text)
    return None


def without(column: pa.ChunkedArray, text: str) -> pa.ChunkedArray:
    """A column with a null for each row that has a text."""
    return pc.if_else(pc.equal(column, text), pa.scalar(None, column.type), column)
