"""Columns of a CSV file: from texts, block by block, to one type and its values."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.tables.csv_writer import is_text
from datagen_nb.tables.values import Guess, from_text, without_empty


class TextColumn:
    """What type a column of texts has, and its values of that type.

    Numbers with a decimal comma are numbers where the whole file has that mark, and then those
    with a point are not.
    """

    def __init__(self, decimal: str) -> None:
        self._guess = Guess()
        self._comma = Guess() if decimal == "," else None

    def update(self, texts: pa.Array) -> pa.Array:
        """Take a block of the column into account; its values, of the type that is known then."""
        values = self._guess.update(texts)
        if self._comma is not None and not self._comma.is_text:
            self._comma.update(_with_point(texts))
        is_read = values is not None and values.type == self.type
        return values if is_read else self.typed(texts)

    @property
    def type(self) -> pa.DataType:
        if self._has_comma:
            return pa.float64()
        is_float = pa.types.is_floating(self._guess.type)
        return pa.string() if is_float and self._comma is not None else self._guess.type

    @property
    def _has_comma(self) -> bool:
        return (
            self._comma is not None
            and self._guess.is_text
            and pa.types.is_floating(self._comma.type)
        )

    def typed(self, texts: pa.Array) -> pa.Array:
        """Values of a block of texts."""
        guess = self._guess
        if self._comma is not None and self._has_comma:
            guess, texts = self._comma, _with_point(texts)
        if is_text(self.type):
            return texts
        return from_text(without_empty(texts) if guess.has_empty else texts, self.type)


def _with_point(texts: pa.Array) -> pa.Array:
    """Texts with a point for a comma; those with a point become what is no number."""
    has_point = pc.match_substring(texts, ".")
    return pc.if_else(has_point, "not a number", pc.replace_substring(texts, ",", "."))
