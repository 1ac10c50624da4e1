"""Columns of a CSV file: from texts, block by block, to one type and its values."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.tables.csv_writer import is_text
from datagen_nb.tables.values import Guess, from_text, without_empty

NULL_WORDS = (
    "NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "null", "NaN", "nan", "None", "\\N",
)  # fmt: skip
"""How programs write a missing value, as R and pandas read them too."""

TRUTHS = {"True": ("True", "False"), "TRUE": ("TRUE", "FALSE")}
"""How pandas and R write truth values; ours are ``true`` and ``false``."""


class TextColumn:
    """What type a column of texts has, and its values of that type.

    Numbers with a decimal comma are numbers where the whole file has that mark, and then those
    with a point are not.
    """

    def __init__(self, decimal: str) -> None:
        self._guess = _WrittenGuess()
        self._comma = _WrittenGuess() if decimal == "," else None
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
            return self._comma.writing.null_word
        if is_text(self.type) and self._guess.is_text:
            return self._word_of_others
        return self._guess.writing.null_word

    @property
    def true_word(self) -> str:
        """How the column writes true; nothing where it is as we do."""
        return self._guess.writing.true_word

    @property
    def decimals(self) -> int:
        """How many all of its numbers have; 0 where they vary, or are not written as such."""
        if self._comma is not None and self._has_comma:
            return self._comma.decimals
        return self._guess.decimals if pa.types.is_floating(self.type) else 0

    @property
    def has_bare_whole(self) -> bool:
        """Whether its whole numbers have no point, though others have decimals."""
        guess = self._comma if self._comma is not None and self._has_comma else self._guess
        return pa.types.is_floating(self.type) and guess.has_bare_whole

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
        guess = self._guess
        if self._comma is not None and self._has_comma:
            guess, texts = self._comma, _with_point(texts)
        texts = Writing(self.null_word, self.true_word).plain(texts)
        if is_text(self.type):
            return texts
        return from_text(without_empty(texts) if guess.has_empty else texts, self.type)


@dataclass(frozen=True, slots=True)
class Writing:
    """How a column writes what has a type, where that is not as we do.

    Attributes:
        null_word: What stands for a missing value, as ``NA``; nothing where its field is empty.
        true_word: How it writes true, as ``TRUE``, and then false.
    """

    null_word: str = ""
    true_word: str = ""

    def plain(self, texts: pa.Array) -> pa.Array:
        """The texts as we write them; one that is no truth value then becomes what has no type."""
        if self.null_word:
            texts = without(texts, self.null_word)
        if self.true_word:
            is_truth = pc.is_in(texts, value_set=pa.array([*TRUTHS[self.true_word], None]))
            texts = pc.if_else(is_truth, pc.utf8_lower(texts), "no truth value")
        return texts

    def completed(self, texts: pa.Array) -> Writing:
        """With what texts show of it that is not known yet."""
        word = self.null_word or _null_word(texts)
        others = without(texts, word) if word else texts
        return Writing(word, self.true_word or _true_word(others))


class _WrittenGuess:
    """A guess of the type of texts that may be written otherwise than we do.

    A column where some fields are empty has no word for a missing value: which of them are missing
    in which way would be lost.
    """

    def __init__(self) -> None:
        self._guess = Guess()
        self._has_null = False
        self.writing = Writing()

    @property
    def is_text(self) -> bool:
        return self._guess.is_text

    @property
    def has_empty(self) -> bool:
        return self._guess.has_empty

    @property
    def type(self) -> pa.DataType:
        return self._guess.type

    @property
    def decimals(self) -> int:
        return self._guess.decimals

    @property
    def has_bare_whole(self) -> bool:
        return self._guess.has_bare_whole

    def update(self, texts: pa.Array) -> pa.Array | None:
        """Take a block into account; its values, if they were read."""
        if self.is_text:
            return None
        self._has_null = self._has_null or texts.null_count > 0
        values = self._guess.update(self.writing.plain(texts))
        if self.is_text and (writing := self.writing.completed(texts)) != self.writing:
            self.writing, self._guess.is_text = writing, False
            values = self._guess.update(writing.plain(texts))
        has_both = bool(self.writing.null_word) and (self._has_null or self.has_empty)
        if self.is_text or has_both:
            self.writing, self._guess.is_text = Writing(), True
            return None
        return values


def without(texts: pa.Array, word: str) -> pa.Array:
    """Make every text that is the word a null."""
    return pc.if_else(pc.equal(texts, word), pa.scalar(None, texts.type), texts)


def _null_word(texts: pa.Array) -> str:
    """The first text that is one of ``NULL_WORDS``."""
    found = texts.filter(pc.is_in(texts, value_set=pa.array(NULL_WORDS)))
    return str(found[0]) if len(found) else ""


def _true_word(texts: pa.Array) -> str:
    """How texts write true, if they are all truth values and written alike."""
    for word, both in TRUTHS.items():
        if pc.all(pc.is_in(texts.drop_null(), value_set=pa.array(both))).as_py():
            return word
    return ""


def _with_point(texts: pa.Array) -> pa.Array:
    """Texts with a point for a comma; those with a point become what is no number."""
    has_point = pc.match_substring(texts, ".")
    return pc.if_else(has_point, "not a number", pc.replace_substring(texts, ",", "."))
