"""Makers of columns that identify a person or a thing, or hold free text.

Judged by the form of the values, their check digits and the column's name, and by how many rows
share a value: what many rows share is a category. Nothing of a column is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth import keys
from datagen_nb.synth.identities import chosen_form, meaning, words
from datagen_nb.synth.identities.addresses import fit_addresses
from datagen_nb.synth.identities.candidate import MIN_LEVELS, Candidate, Identity
from datagen_nb.synth.identities.checked import scheme_of
from datagen_nb.synth.identities.companies import fit_companies
from datagen_nb.synth.identities.copied import fit_copied
from datagen_nb.synth.identities.fit_forms import fit_pattern
from datagen_nb.synth.identities.forms import Pattern
from datagen_nb.synth.identities.integers import RowNumbers, fit_row_numbers
from datagen_nb.synth.identities.maker import Maker
from datagen_nb.synth.identities.names import all_names, script_of
from datagen_nb.synth.identities.of_columns import TextsOfColumns, fit_texts_of_columns
from datagen_nb.synth.identities.of_names import TextsOfNames, fit_texts_of_names, names_of_rows
from datagen_nb.synth.identities.people import are_whole_names, fit_names, looks_like_names
from datagen_nb.synth.identities.serial import Serial, fit_counting, fit_serial
from datagen_nb.synth.identities.texts import FreeText, fit_text

NAMES_SHARE = 0.2
"""So many words of a column called ``name`` are names of a language, if persons have them."""

PERSONS_SHARE = 0.6
"""So many of a column called ``customer``, which may hold companies or numbers as well."""

TRIED = 2_000
"""Made identifiers that are looked through for two that are the same."""

MANY_ROWS = 200
"""So many integers in order are row numbers, wherever they begin; fewer may be years."""

MAX_PAIRS = 20_000
"""So many texts are compared with names at most."""

TRIED_PAIRS = 500
"""So many are first, to see of which columns they are made."""

SHARED = 0.005
"""So many texts more than one name has may be exceptions."""

FEW_WORDS = 1.5
"""Names of fewer words on average are given or family names, not whole ones."""

TRIED_ROWS, JOINED_ROWS = 50, 1_000
"""So many rows are first looked at for parts that other columns have, and in the end."""

MAX_SOURCES = 12
"""So many columns of names, or pairs of them, are tried."""


def identifiers(column: Candidate) -> Maker | None:
    """The maker of a column that identifies; ``None`` if it does not, or has no form.

    A user's word for it is enough; and of what a user says, any texts and integers have a maker.
    """
    if column.pattern is not None:
        return _chosen(column, column.pattern)
    if column.is_integer:
        return _integers(column) if column.is_wanted or _is_integer_key(column) else None
    if column.is_wanted:
        return _key(column) or fit_serial(column.values, column.known(column.distinct), column.seed)
    if (names := _names(column)) is not None:
        return names
    if column.identity is None:
        return None
    if column.identity is Identity.KEY:
        return _key(column)
    return _phrases(column) or _pattern(column)


def texts(column: Candidate) -> Maker | None:
    """The maker of texts that identify and have no form, or that the user calls texts."""
    if column.is_integer or not (column.is_wanted or column.identity):
        return None
    return fit_text(
        column.distinct.to_pylist(),
        known=column.known(column.distinct),
        min_count=column.min_count,
    )


def go_with_others(
    table: pa.Table, makers: Mapping[str, Maker], columns: Mapping[str, Candidate]
) -> dict[str, Maker]:
    """Makers of texts that go with other columns of their row, where the input's do.

    Args:
        table: The columns, as they were read.
        makers: Of the columns that are made anew.
        columns: The same columns, and those that are drawn.
    """
    free = [name for name, one in makers.items() if isinstance(one, Pattern | Serial | FreeText)]
    free = [name for name in free if not columns[name].is_integer]
    persons = [name for name, column in columns.items() if _is_of_persons(column)]
    parts = [name for name in persons if _is_part_of_names(columns[name])]
    families = [name for name in parts if columns[name].words & words.FAMILY_WORDS]
    pairs = [(given, family) for family in families for given in parts if given not in families]
    found: dict[str, Maker] = {}
    for name in sorted(free, key=lambda name: name not in persons):  # whole names first
        sources = [*pairs, *((person,) for person in persons)][:MAX_SOURCES]
        sources = [one for one in sources if name not in one and not found.keys() & set(one)]
        is_source = name in {one for pair in pairs for one in pair}
        maker = None if is_source else _of_names(table, columns[name], sources)
        if maker is not None:
            found[name] = maker
        elif isinstance(makers[name], FreeText) and _is_address(columns[name]):
            address = _fitted(table, columns[name], (), MAX_PAIRS)
            found |= {} if address is None else {name: address}
    found |= fit_copied(table, {name: one for name, one in makers.items() if name not in found})
    used = {name for maker in found.values() for name in maker.needs}
    for name in free:
        if name in found or name in used or columns[name].is_named_identifier:
            continue
        others = [other for other in columns if other != name and other not in found]
        joined = _of_columns(table, name, others, makers[name], columns[name].min_count)
        if joined is not None:
            found[name] = joined
            used |= set(joined.needs)
    return found


def _of_columns(
    table: pa.Table, name: str, others: Sequence[str], maker: Maker, min_count: int
) -> TextsOfColumns | None:
    """Texts put together of other columns, if nearly all are."""
    present = np.flatnonzero(table[name].is_valid())
    for rows in (TRIED_ROWS, JOINED_ROWS):
        texts, *parts = (
            table[one].take(present[:: len(present) // rows + 1]).cast(pa.string()).to_pylist()
            for one in (name, *others)
        )
        of_others = dict(zip(others, parts, strict=True))
        found = fit_texts_of_columns(
            texts, of_others, other=maker, min_count=min(min_count, len(texts))
        )
        if found is None:
            return None
        others = found.columns
    return found


def _is_address(column: Candidate) -> bool:
    return meaning.personal_form(column.judged) == "email"


def _is_of_persons(column: Candidate) -> bool:
    """Whether a column of texts holds names of persons, whole ones or parts."""
    named = column.words
    if named & (words.THING_WORDS | words.COMPANY_WORDS):
        return False
    if column.is_integer or not len(column.values):
        return False
    is_named = bool(named & (words.NAME_WORDS | words.PERSON_WORDS))
    texts = column.judged.to_pylist()
    return (is_named or are_whole_names(texts)) and looks_like_names(texts)


def _is_part_of_names(column: Candidate) -> bool:
    """Whether names in a column are given or family names."""
    is_short = meaning.mean_words(column.judged) < FEW_WORDS
    return is_short and not column.words & words.LOGIN_WORDS


def _of_names(
    table: pa.Table, column: Candidate, sources: Sequence[tuple[str, ...]]
) -> TextsOfNames | None:
    """Texts made of the names of the first columns of which they are."""
    for names in sources:
        if _fitted(table, column, names, TRIED_PAIRS) is not None:
            return _fitted(table, column, names, MAX_PAIRS)
    return None


def _fitted(
    table: pa.Table, column: Candidate, names: tuple[str, ...], rows: int
) -> TextsOfNames | None:
    """Texts made of names, if so many rows of the input have such."""
    texts = table[column.name].cast(pa.string())
    present = np.flatnonzero(texts.is_valid())
    _, first = np.unique(texts.take(present).to_numpy(), return_index=True)
    kept = present[np.sort(first)[:: len(first) // rows + 1]]
    known = texts.take(kept).to_pylist()
    return fit_texts_of_names(
        known,
        names_of_rows([table[name].take(kept) for name in names]),
        name_columns=names,
        others=all_names(script_of([text for text in known if text.isascii()] or known)),
        is_address=_is_address(column),
        is_unique=column.is_distinct
        or (_is_address(column) and not _is_shared(table, column, names)),
        known=column.known(column.distinct),
        min_count=min(column.min_count, len(known)),
        seed=column.seed,
    )


def _is_shared(table: pa.Table, column: Candidate, names: tuple[str, ...]) -> bool:
    """Whether persons of different names have the same text, as ``jsmith`` without a number."""
    codes = [keys.codes_of(table[name]) for name in (column.name, *names)]
    present = codes[0] >= 0
    texts = len(np.unique(codes[0][present]))
    pairs = len(np.unique(np.stack(codes)[:, present], axis=1)[0])
    return pairs > (1 + SHARED) * texts


def _chosen(column: Candidate, pattern: str) -> Pattern:
    texts = column.distinct.cast(pa.string())
    return chosen_form.maker_of(
        pattern, texts, known=column.known(texts), is_integer=column.is_integer, seed=column.seed
    )


def _is_integer_key(column: Candidate) -> bool:
    named, facts = column.words, column.facts
    if column.is_repeated or named & (words.COUNT_WORDS | words.PLACE_WORDS):
        return False
    if column.is_named_identifier or named & words.PHONE_WORDS:
        if named & words.STRONG_WORDS or column.is_distinct:
            return True
        low, high = pc.min_max(column.values).values()
        return bool(high.as_py() - low.as_py() >= 10 * facts.distinct)
    if column.is_index:
        return _row_numbers(column) is not None
    if not column.is_distinct or facts.distinct < MIN_LEVELS:
        return False
    low = pc.min(column.values).as_py()
    if low >= 10**11 and scheme_of(column.judged.cast(pa.string())) != "":
        return True
    is_long = facts.distinct >= MANY_ROWS or abs(low) <= 1
    return is_long and _row_numbers(column) is not None


def _row_numbers(column: Candidate) -> RowNumbers | None:
    return fit_row_numbers(column.column, step=column.facts.even_step, seed=column.seed)


def _integers(column: Candidate) -> Maker:
    if (numbers := _row_numbers(column)) is not None:
        return numbers
    type = column.values.type
    high = max(abs(one.as_py()) for one in pc.min_max(column.values).values())
    # Of a small type not all numbers of so many digits, or of one more, fit.
    if 10 ** (len(str(high)) + 1) > np.iinfo(type.to_pandas_dtype()).max:
        return fit_counting(column.values, column.seed)
    texts = column.distinct.cast(pa.string())
    pattern = fit_pattern(
        texts.to_pylist(),
        known=column.known(texts),
        distinct=column.facts.distinct,
        is_unique=True,
        is_integer=True,
        min_count=column.min_count,
        seed=column.seed,
    )
    return pattern or fit_counting(column.values, column.seed)


def _names(column: Candidate) -> Pattern | None:
    """Names of persons, if the column's name allows it, and its values are such."""
    named = column.words
    if column.is_repeated or named & words.PLACE_WORDS:
        return None
    is_person = bool(named & (words.PERSON_WORDS | words.FAMILY_WORDS))
    is_name = bool(named & words.NAME_WORDS)
    if named & (words.THING_WORDS | words.COMPANY_WORDS):
        return None
    may_point = column.identity is Identity.PHRASE or column.is_of_few
    is_written = may_point and are_whole_names(column.judged.to_pylist())
    if not (is_person or is_name or is_written):
        return None
    if not (column.is_distinct or column.is_of_few) and column.facts.distinct < MIN_LEVELS:
        return None
    if not looks_like_names(column.judged.to_pylist()):
        return None
    return fit_names(
        column.distinct.to_pylist(),
        words=named,
        known=column.known(column.distinct),
        is_unique=column.is_distinct,
        min_share=_least_share(is_name=is_name or is_written, is_person=is_person or is_written),
        min_count=column.min_count,
        seed=column.seed,
    )


def _phrases(column: Candidate) -> Pattern | None:
    """Postal addresses, or names of companies; ``None`` if the column's name says neither."""
    if column.words & words.ADDRESS_WORDS:
        fit = fit_addresses
    elif column.words & words.COMPANY_WORDS:
        fit = fit_companies
    else:
        return None
    texts = column.distinct if column.is_distinct else column.values
    return fit(
        texts.to_pylist(),
        known=column.known(column.distinct),
        is_unique=column.is_distinct,
        min_count=min(column.min_count, len(texts)),
        seed=column.seed,
    )


def _least_share(*, is_name: bool, is_person: bool) -> float:
    """Share of the words that have to be names of a language."""
    if not is_name:
        return PERSONS_SHARE
    return 0 if is_person else NAMES_SHARE


def _key(column: Candidate) -> Pattern | Serial | None:
    """Identifiers: distinct values for distinct numbers."""
    pattern = fit_pattern(
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
        return fit_serial(column.values, column.known(column.distinct), column.seed)
    return pattern


def _pattern(column: Candidate) -> Pattern | Serial | None:
    """Codes and phrases of a few forms, which repeat only as far as the input's do."""
    if column.is_distinct:
        return _key(column)
    return fit_pattern(
        column.values.to_pylist(),
        known=column.known_rare,
        distinct=column.facts.distinct,
        is_unique=False,
        min_count=column.min_count,
        seed=column.seed,
    )
