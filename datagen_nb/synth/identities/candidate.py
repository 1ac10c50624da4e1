"""A column whose kind is not decided yet, and what its name, its form and its counts say of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.identities import meaning, words
from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.maker import MIN_COUNT
from datagen_nb.synth.profile import ColumnFacts

MAX_ROWS_PER_VALUE = 100
"""What more rows share on average is a category, whatever its name and form."""

MIN_LEVELS = 20
"""So few values that repeat are categories."""

SHARED = 5
"""Rows per value from which on a column that only looks like codes is a category."""

COMMON_SHARE = 0.9
"""So many rows with common values make a category; the few others are pooled."""

NAMED_COMMON_SHARE = 0.1
"""So many are enough where the column's name says that it is one."""

SMALL_TABLE = 20
"""Rows below which every text that differs from row to row may name someone."""

JUDGED = 2_000
"""So many values are looked at for their form."""


class Identity(StrEnum):
    """How texts point at a person or a thing: as keys, or as phrases that may repeat."""

    KEY = "key"
    PHRASE = "phrase"


@dataclass(frozen=True)
class Candidate:
    """A column whose kind is not decided, and what is asked about it.

    Attributes:
        name: Its name.
        column: Its values in some rows of the table, in a plain type.
        facts: Of the whole table.
        is_wanted: Whether the user says that it is of the kind that is asked; else all are.
        pattern: How its values are written, as the user says.
        seed: Of its made values.
        min_count: So many rows must share what is kept.
    """

    name: str
    column: pa.ChunkedArray
    facts: ColumnFacts
    is_wanted: bool = False
    pattern: str | None = None
    seed: int = 0
    min_count: int = MIN_COUNT

    @cached_property
    def values(self) -> pa.Array:
        """The values that are there, as strings or integers; none of a column of other types."""
        column = self.column
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        values = column.combine_chunks().drop_null()
        if pa.types.is_integer(values.type):
            return values
        if pa.types.is_floating(values.type) and not pa.types.is_float16(values.type):
            whole = pc.and_(pc.is_finite(values), pc.equal(pc.round(values), values))
            is_safe = pc.less(pc.abs(values), 2.0**53)
            if pc.all(pc.and_(whole, is_safe)).as_py():
                return values.cast(pa.int64())
        return values.cast(pa.string()) if is_text(values.type) else pa.array([], pa.string())

    @property
    def is_integer(self) -> bool:
        """Whether its values are whole numbers."""
        return bool(pa.types.is_integer(self.values.type))

    @cached_property
    def words(self) -> frozenset[str]:
        return meaning.words_of(self.name)

    @cached_property
    def is_named_identifier(self) -> bool:
        last = meaning.last_word_of(self.name)
        return last in words.IDENTIFIER_WORDS or last.endswith(words.IDENTIFIER_ENDS)

    @cached_property
    def is_index(self) -> bool:
        """Whether its name is one that programs give to the numbers of rows."""
        return self.name == "" or words.INDEX_NAME.fullmatch(self.name.lower()) is not None

    @cached_property
    def is_repeated(self) -> bool:
        """Whether so many rows share a value that it is a category."""
        per_value = self.facts.rows_per_value
        return per_value > MAX_ROWS_PER_VALUE or (
            self.facts.distinct < MIN_LEVELS <= 10 * per_value
        )

    @cached_property
    def is_distinct(self) -> bool:
        return self.facts.distinct >= 0.999 * (self.facts.rows - self.facts.nulls)

    @cached_property
    def is_of_few(self) -> bool:
        """Whether the table is so small that each value points at a row, few of them at two."""
        return len(self.values) < SMALL_TABLE and 4 * self.facts.distinct >= 3 * self.facts.present

    @cached_property
    def distinct(self) -> pa.Array:
        """The distinct values, in order."""
        found = pc.unique(self.values)
        return found.take(pc.array_sort_indices(found))

    @cached_property
    def judged(self) -> pa.Array:
        """Some of the distinct values."""
        return self.distinct[:: len(self.distinct) // JUDGED + 1]

    @cached_property
    def rare(self) -> pa.Array:
        """The values that too few rows have."""
        counts = pc.value_counts(self.values)
        return counts.field(0).filter(pc.less(counts.field(1), self.min_count))

    def known(self, values: pa.Array) -> KnownValues:
        """Some values of the column, and all that the whole table has."""
        # The set of whole numbers in a column of floats is one of floats.
        whole = None if pa.types.is_floating(self.column.type) else self.facts.seen
        return KnownValues.of(values, self.seed, whole=whole, is_integer=self.is_integer)

    @property
    def known_rare(self) -> KnownValues:
        """The values that too few rows have; others may be made."""
        return KnownValues.of(self.rare, self.seed)

    @cached_property
    def identity(self) -> Identity | None:
        """How its texts point at a person or a thing, names aside; ``None`` if they do not."""
        named = self.words
        if self.is_repeated or named & words.PLACE_WORDS:
            return None
        if meaning.personal_form(self.judged) or (named & words.PHONE_WORDS and self._has_digits):
            return Identity.KEY
        if self.is_named_identifier and meaning.is_code(self.judged):
            return Identity.KEY
        if meaning.is_written_value(self.judged) or not self._is_personal:
            return None
        return Identity.PHRASE

    @property
    def _has_digits(self) -> bool:
        return meaning.share_matching(self.judged, r".*\d.*") > 0.5

    @property
    def _is_personal(self) -> bool:
        """Whether most values belong to few rows, and say more than a short label does."""
        count = len(self.values)
        if count < SMALL_TABLE:
            is_long = self._has_digits or meaning.is_prose(self.judged)
            return self.is_distinct and is_long
        is_named = bool(self.words & words.CATEGORY_WORDS) and not self.is_distinct
        if self.facts.rows_per_value >= SHARED:
            return False
        counts = pc.value_counts(self.values).field(1)
        common = pc.sum(counts.filter(pc.greater_equal(counts, self.min_count))).as_py() or 0
        return bool(common < (NAMED_COMMON_SHARE if is_named else COMMON_SHARE) * count)


def is_text(type: pa.DataType) -> bool:
    """Whether values are texts; of a dictionary, those that it holds."""
    if pa.types.is_dictionary(type):
        type = type.value_type
    return type in {pa.string(), pa.large_string(), pa.string_view()}
