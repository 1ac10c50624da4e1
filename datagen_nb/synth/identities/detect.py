"""Decides which columns identify a person or a thing, or hold free text; they are made anew.

Judged by the form of the values, their check digits and the column's name, and by how many rows
share a value: what many rows share is a category. Nothing of a column is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.identities import chosen_form, meaning, words
from datagen_nb.synth.identities.checked import scheme_of
from datagen_nb.synth.identities.emails import NamedEmails, learn_named_emails
from datagen_nb.synth.identities.forms import Pattern
from datagen_nb.synth.identities.integers import RowNumbers, learn_row_numbers
from datagen_nb.synth.identities.known import KnownValues
from datagen_nb.synth.identities.learn_forms import learn_pattern
from datagen_nb.synth.identities.maker import MIN_COUNT, Maker
from datagen_nb.synth.identities.people import learn_names, looks_like_names
from datagen_nb.synth.identities.serial import Counting, Serial, learn_counting, learn_serial
from datagen_nb.synth.identities.texts import learn_text
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

NAMES_SHARE = 0.2
"""So many words of a column called ``name`` are names of a language, if persons have them."""

PERSONS_SHARE = 0.6
"""So many of a column called ``customer``, which may hold companies or numbers as well."""

SMALL_TABLE = 20
"""Rows below which every text that differs from row to row may name someone."""

TRIED = 2_000
"""Made identifiers that are looked through for two that are the same."""

MANY_ROWS = 200
"""So many integers in order are row numbers, wherever they begin; fewer may be years."""

MAX_PAIRS = 20_000
"""So many addresses are compared with names at most."""

JUDGED = 2_000
"""So many values are looked at for their form."""


@dataclass(frozen=True)
class _Column:
    """A column and what is asked about it.

    Attributes:
        words: Those of its name.
        last: The last of them in order.
        values: Without nulls: strings, or integers.
        facts: Of the whole table.
        seed: Of its made values.
        min_count: So many rows must share what is kept.
    """

    name: str
    values: pa.Array
    facts: ColumnFacts
    seed: int
    min_count: int

    @cached_property
    def words(self) -> frozenset[str]:
        return meaning.words_of(self.name)

    @cached_property
    def is_named_identifier(self) -> bool:
        last = meaning.last_word_of(self.name)
        return last in words.IDENTIFIER_WORDS or last.endswith(words.IDENTIFIER_ENDS)

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
        is_integer = pa.types.is_integer(self.values.type)
        return KnownValues.of(values, self.seed, whole=self.facts.seen, is_integer=is_integer)

    @property
    def known_rare(self) -> KnownValues:
        """The values that too few rows have; others may be made."""
        return KnownValues.of(self.rare, self.seed)


def detect(
    table: pa.Table,
    facts: Mapping[str, ColumnFacts],
    columns: Mapping[str, str],
    *,
    patterns: Mapping[str, str] | None = None,
    min_count: int = MIN_COUNT,
    seed: int = 0,
) -> dict[str, Maker]:
    """Find the columns that are to be made anew.

    Args:
        table: The input or a sample of it, as it was read.
        facts: Of each column in the whole table.
        columns: Kinds that the user chose: ``"id"`` and ``"text"`` are made anew in any case,
            columns of other kinds never.
        patterns: Forms of identifiers that the user chose, as in ``chosen_form``.
        min_count: So many rows must have what is kept of them.
        seed: The same table and seed give the same makers.

    Returns:
        The maker of each such column, those that others need first.
    """
    makers: dict[str, Maker] = {}
    persons: list[str] = []
    addresses: list[_Column] = []
    for place, name in enumerate(table.column_names):
        wanted = columns.get(name)
        values = _plain(table[name])
        if values is None or not len(values) or wanted not in (None, "id", "text"):
            continue
        own_seed = int(np.random.default_rng([seed, place]).integers(2**62))
        own = facts[name]
        if pa.types.is_floating(table[name].type):  # whole numbers: the set is one of floats
            own = replace(own, seen=None)
        column = _Column(name, values, own, own_seed, min_count)
        pattern = (patterns or {}).get(name) if wanted == "id" else None
        maker = _maker(column, wanted) if pattern is None else _chosen(column, pattern)
        if maker is not None:
            makers[name] = maker
            is_text = pa.types.is_string(values.type)
            if is_text and meaning.personal_form(column.judged) == "email":
                addresses.append(column)
            elif column.words & (words.NAME_WORDS | words.PERSON_WORDS) and isinstance(
                maker, Pattern
            ):
                persons.append(name)
    for column in addresses:
        named = [_named_emails(table, column, name) for name in persons]
        maker = next((emails for emails in named if emails is not None), makers[column.name])
        makers[column.name] = maker
    return {name: makers[name] for name in sorted(makers, key=lambda name: makers[name].needs)}


def _named_emails(table: pa.Table, column: _Column, name: str) -> NamedEmails | None:
    """Addresses that go with a column of names, if the input's do."""
    pairs = pa.table({"email": table[column.name], "name": table[name]}).cast(
        pa.schema({"email": pa.string(), "name": pa.string()})
    )
    pairs = pairs.filter(pc.is_valid(pairs["email"]))
    _, first = np.unique(pairs["email"].to_numpy(zero_copy_only=False), return_index=True)
    pairs = pairs.take(pa.array(first[:: len(first) // MAX_PAIRS + 1]))
    return learn_named_emails(
        pairs["email"].to_pylist(),
        pairs["name"].to_pylist(),
        name_column=name,
        known=column.known(column.distinct),
        min_count=min(column.min_count, len(pairs)),
        seed=column.seed,
    )


def _plain(column: pa.ChunkedArray) -> pa.Array | None:
    """The values that are there, as strings or integers; none for other types."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    values = column.combine_chunks().drop_null()
    if pa.types.is_integer(values.type):
        return values
    if pa.types.is_floating(values.type) and not pa.types.is_float16(values.type):
        whole = pc.and_(pc.is_finite(values), pc.equal(pc.round(values), values))
        is_safe = pc.less(pc.abs(values), 2.0**53)
        return values.cast(pa.int64()) if pc.all(pc.and_(whole, is_safe)).as_py() else None
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return values.cast(pa.string()) if any(is_text(values.type) for is_text in texts) else None


def _maker(column: _Column, wanted: str | None) -> Maker | None:
    if pa.types.is_integer(column.values.type):
        return _integers(column) if wanted == "id" or _is_integer_key(column) else None
    if wanted == "text":
        return _text(column)
    if wanted == "id":
        return _key(column) or learn_serial(
            column.values, column.known(column.distinct), column.seed
        )
    return _texts(column)


def _chosen(column: _Column, pattern: str) -> Pattern:
    is_integer = pa.types.is_integer(column.values.type)
    texts = column.distinct.cast(pa.string())
    return chosen_form.maker_of(
        pattern, texts, known=column.known(texts), is_integer=is_integer, seed=column.seed
    )


def _is_integer_key(column: _Column) -> bool:
    named, facts = column.words, column.facts
    if column.is_repeated or named & (words.COUNT_WORDS | words.PLACE_WORDS):
        return False
    if column.is_named_identifier or named & words.PHONE_WORDS:
        if named & words.STRONG_WORDS or column.is_distinct:
            return True
        low, high = pc.min_max(column.values).values()
        return bool(high.as_py() - low.as_py() >= 10 * facts.distinct)
    if not column.is_distinct or facts.distinct < MIN_LEVELS:
        return False
    low = pc.min(column.values).as_py()
    if low >= 10**11 and scheme_of(column.judged.cast(pa.string())) != "":
        return True
    is_long = facts.distinct >= MANY_ROWS or abs(low) <= 1
    return is_long and learn_row_numbers(column.values, column.seed) is not None


def _integers(column: _Column) -> Pattern | RowNumbers | Counting:
    numbers = learn_row_numbers(column.values, column.seed)
    if numbers is not None:
        return numbers
    type = column.values.type
    high = max(abs(one.as_py()) for one in pc.min_max(column.values).values())
    # Of a small type not all numbers of so many digits, or of one more, fit.
    if 10 ** (len(str(high)) + 1) > np.iinfo(type.to_pandas_dtype()).max:
        return learn_counting(column.values, column.seed)
    texts = column.distinct.cast(pa.string())
    pattern = learn_pattern(
        texts.to_pylist(),
        known=column.known(texts),
        distinct=column.facts.distinct,
        is_unique=True,
        is_integer=True,
        min_count=column.min_count,
        seed=column.seed,
    )
    return pattern or learn_counting(column.values, column.seed)


def _texts(column: _Column) -> Maker | None:
    named = column.words
    if column.is_repeated or named & words.PLACE_WORDS:
        return None
    names = _names(column)
    if names is not None:
        return names
    form = meaning.personal_form(column.judged)
    if form or (named & words.PHONE_WORDS and _has_digits(column)):
        return _key(column) or _text(column)
    if column.is_named_identifier and meaning.is_code(column.judged):
        return _key(column) or _text(column)
    if meaning.is_written_value(column.judged) or not _is_personal(column):
        return None
    return _pattern(column) or _text(column)


def _names(column: _Column) -> Pattern | None:
    """Names of persons, if the column's name allows it, and its values are such."""
    named = column.words
    is_person = bool(named & (words.PERSON_WORDS | words.FAMILY_WORDS))
    is_name = bool(named & words.NAME_WORDS)
    if not (is_person or is_name) or named & (words.THING_WORDS | words.COMPANY_WORDS):
        return None
    if not column.is_distinct and column.facts.distinct < MIN_LEVELS:
        return None
    if not looks_like_names(column.judged.to_pylist()):
        return None
    return learn_names(
        column.distinct.to_pylist(),
        words=named,
        known=column.known(column.distinct),
        is_unique=column.is_distinct,
        min_share=(0 if is_person else NAMES_SHARE) if is_name else PERSONS_SHARE,
        min_count=column.min_count,
        seed=column.seed,
    )


def _has_digits(column: _Column) -> bool:
    return meaning.share_matching(column.judged, r".*\d.*") > 0.5


def _is_personal(column: _Column) -> bool:
    """Whether most values belong to few rows, and say more than a short label does."""
    count = len(column.values)
    if count < SMALL_TABLE:
        is_long = _has_digits(column) or meaning.is_prose(column.judged)
        return column.is_distinct and is_long
    is_named = bool(column.words & words.CATEGORY_WORDS) and not column.is_distinct
    if column.facts.rows_per_value >= SHARED:
        return False
    counts = pc.value_counts(column.values).field(1)
    common = pc.sum(counts.filter(pc.greater_equal(counts, column.min_count))).as_py() or 0
    return bool(common < (NAMED_COMMON_SHARE if is_named else COMMON_SHARE) * count)


def _key(column: _Column) -> Pattern | Serial | None:
    """Identifiers: distinct values for distinct numbers."""
    pattern = learn_pattern(
        column.distinct.to_pylist(),
        known=column.known(column.distinct),
        distinct=column.facts.distinct,
        is_unique=True,
        min_count=column.min_count,
        seed=column.seed,
    )
    if pattern is None or not pattern.is_unique:
        return pattern
    tried = pattern.make(np.arange(TRIED), {}, np.random.default_rng(column.seed))
    if pc.count_distinct(tried).as_py() < TRIED:  # a value may be of two of its forms
        return learn_serial(column.values, column.known(column.distinct), column.seed)
    return pattern


def _pattern(column: _Column) -> Pattern | Serial | None:
    """Codes and phrases of a few forms, which repeat only as far as the input's do."""
    if column.is_distinct:
        return _key(column)
    return learn_pattern(
        column.values.to_pylist(),
        known=column.known_rare,
        distinct=column.facts.distinct,
        is_unique=False,
        min_count=column.min_count,
        seed=column.seed,
    )


def _text(column: _Column) -> Maker:
    return learn_text(
        column.distinct.to_pylist(),
        known=column.known(column.distinct),
        min_count=column.min_count,
    )
