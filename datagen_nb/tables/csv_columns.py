"""Columns of a CSV file: from texts, block by block, to one type and its values."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.tables.csv_writer import is_text
from datagen_nb.tables.values import Guess, from_text, without_empty

NULL_WORDS = (
    "NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "null", "NaN", "nan", "None", "\\N",
)  # fmt: skip
"""How programs write a missing value, as R and pandas read them too."""


class TextColumn:
    """What type a column of texts has, and its values of that type.

    Numbers with a decimal comma are numbers where the whole file has that mark, and then those
    with a point are not.
    """

    def __init__(self, decimal: str) -> None:
        self._guess = _NullableGuess()
        self._comma = _NullableGuess() if decimal == "," else None
        self._has_null = False
        self._word_of_others = ""

    def update(self, texts: pa.Array) -> pa.Array:
        """Take a block of the column into account; its values, of the type that is known then."""
        self._has_null = self._has_null or texts.null_count > 0
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
    def null_word(self) -> str:
        """What stands for a missing value; nothing where its field is empty."""
        if self._comma is not None and self._has_comma:
            return self._comma.word
        if is_text(self.type) and self._guess.is_text:
            return self._word_of_others
        return self._guess.word

    def use_word_of_others(self, word: str) -> bool:
        """Read a word in texts as other columns of the file do; whether that changes anything."""
        is_used = self._guess.is_text and not self._has_comma and not self._has_null
        self._word_of_others = word if is_used else ""
        return is_used

    @property
    def _has_comma(self) -> bool:
        return (
            self._comma is not None
            and self._guess.is_text
            and pa.types.is_floating(self._comma.type)
        )

    def typed(self, texts: pa.Array) -> pa.Array:
        """Values of a block of texts."""
        guess, word = self._guess, self.null_word
        if self._comma is not None and self._has_comma:
            guess, texts = self._comma, _with_point(texts)
        if word:
            texts = without(texts, word)
        if is_text(self.type):
            return texts
        return from_text(without_empty(texts) if guess.has_empty else texts, self.type)


class _NullableGuess:
    """A guess of the type of texts, of which one word may stand for a missing value.

    A column where some fields are empty has no such word: which of them are missing in which way
    would be lost.
    """

    def __init__(self) -> None:
        self._guess = Guess()
        self._has_null = False
        self.word = ""

    @property
    def is_text(self) -> bool:
        return self._guess.is_text

    @property
    def has_empty(self) -> bool:
        return self._guess.has_empty

    @property
    def type(self) -> pa.DataType:
        return self._guess.type

    def update(self, texts: pa.Array) -> pa.Array | None:
        """Take a block into account; its values, if they were read."""
        if self.is_text:
            return None
        self._has_null = self._has_null or texts.null_count > 0
        values = self._guess.update(without(texts, self.word) if self.word else texts)
        if self.is_text and not self.word and (word := _null_word(texts)):
            self.word, self._guess.is_text = word, False
            values = self._guess.update(without(texts, word))
        if self.word and (self.is_text or self._has_null or self.has_empty):
            self.word, self._guess.is_text = "", True
            return None
        return values


def without(texts: pa.Array, word: str) -> pa.Array:
    """Make every text that is the word a null."""
    return pc.if_else(pc.equal(texts, word), pa.scalar(None, texts.type), texts)


def _null_word(texts: pa.Array) -> str:
    """The first text that is one of ``NULL_WORDS``."""
    found = texts.filter(pc.is_in(texts, value_set=pa.array(NULL_WORDS)))
    return str(found[0]) if len(found) else ""


def _with_point(texts: pa.Array) -> pa.Array:
    """Texts with a point for a comma; those with a point become what is no number."""
    has_point = pc.match_substring(texts, ".")
    return pc.if_else(has_point, "not a number", pc.replace_substring(texts, ",", "."))
