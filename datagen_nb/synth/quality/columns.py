"""Columns of the input and of the result on one scale, and how similar their distributions are.

Numbers and instants are compared by their cumulative distributions, categories by their shares,
identifiers and texts by what they look like (``texts``). Texts that a codec can parse are compared
by their values. Source of the complements of Kolmogorov and Smirnov's distance and of total
variation distance: the measures that SDMetrics documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from datagen_nb.codecs import Codec, part_names
from datagen_nb.core.kinds import Scale, scale_of
from datagen_nb.core.result import ColumnFidelity, NotCompared
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.column_kind import column_kind
from datagen_nb.synth.quality.closeness import Floats, Ints, codes_of, floats
from datagen_nb.synth.quality.distances import ks, shares, tvd
from datagen_nb.synth.quality.texts import compare_texts, form_codes, texts_of
from datagen_nb.synth.recognition import codec_of


class Tables(NamedTuple):
    """Rows used for fitting, rows held back, and synthetic rows; the same columns in each."""

    training: pa.Table
    held_back: pa.Table
    synthetic: pa.Table


class Spellings(NamedTuple):
    """Numbers of spellings: in the training rows, the rows held back and the synthetic rows."""

    training: Ints
    held_back: Ints
    synthetic: Ints


class Samples(NamedTuple):
    """A column's numbers in the training rows, the rows held back and the synthetic rows."""

    training: Floats
    held_back: Floats
    synthetic: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the three tables on one scale.

    Attributes:
        name: Its name.
        kind: Its kind.
        is_ordered: Whether the numbers are values, else they are codes of categories.
        numbers: NaN where null. For ``texts``, codes of what they look like.
        texts: The three tables' texts, where the values cannot be compared.
        spellings: Where a codec has more than one spelling.
    """

    name: str
    kind: str
    is_ordered: bool
    numbers: Samples
    texts: tuple[pa.ChunkedArray, ...] = ()
    spellings: Spellings | None = None


def codecs_of(training: pa.Table, kinds: Mapping[str, str]) -> dict[str, Codec]:
    """The codecs of texts that are numbers or instants by their kind."""
    found = {}
    for name, column in zip(training.column_names, training.columns, strict=True):
        if scale_of(kinds.get(name)) is Scale.ORDERED and _is_text(column.type):
            spelled = codec_of(name, column, wanted=column_kind(kinds[name]))
            if spelled is not None:
                found[name] = spelled[1]
    return found


def typed(tables: Tables, codecs: Mapping[str, Codec]) -> tuple[Tables, dict[str, Spellings]]:
    """The tables with the values that codecs find in texts, and the spellings of these.

    Each number of texts that have several is a column.
    """
    found: dict[str, list[Ints]] = {}
    parsed_tables = []
    for table in map(plain_table, tables):
        arrays: dict[str, Any] = {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            if name in codecs:
                parsed = codecs[name].parse(column)
                parts = part_names(name, codecs[name])
                if parsed.forms is not None:
                    own = parts[0] if parts else name
                    found.setdefault(own, []).append(parsed.forms.astype(np.int64))
                if parts:
                    arrays |= dict(zip(parts, parsed.values.flatten(), strict=True))
                    continue
                column = pa.chunked_array([parsed.values])
            elif pa.types.is_null(column.type):
                column = column.cast(pa.bool_())
            arrays[name] = column
        parsed_tables.append(pa.table(arrays))
    spellings = {name: Spellings(*each) for name, each in found.items() if len(each) == 3}
    return Tables(*parsed_tables), spellings


def columns_of(
    tables: Tables, kinds: Mapping[str, str], spellings: Mapping[str, Spellings]
) -> Iterator[Column | NotCompared]:
    """Bring each column of ``typed`` tables on one scale, or give the reason why not."""
    for name in tables.training.column_names:
        type = tables.training[name].type
        kind = kinds.get(name)
        if kind is None:
            yield NotCompared(name=name, reason="the synthesizer gave it no kind")
        elif pa.types.is_nested(type) or _is_binary(type):
            yield NotCompared(name=name, reason=f"values of the type {type} have no measure")
        else:
            yield _column(name, kind, tables, spellings.get(name))


def _column(name: str, kind: str, tables: Tables, spellings: Spellings | None) -> Column:
    columns = [table[name] for table in tables]
    type = columns[0].type
    texts: tuple[pa.ChunkedArray, ...] = ()
    scale = scale_of(kind)
    is_ordered = scale is Scale.ORDERED and not _is_text(type) and not pa.types.is_boolean(type)
    if is_ordered:
        numbers = list(map(floats, columns))
    elif scale is not None and scale.has_levels:
        numbers = _numbers(codes_of(columns), columns)
    else:
        texts = tuple(map(texts_of, columns))
        numbers = _numbers(form_codes(texts), columns)
    return Column(
        name=name,
        kind=kind,
        is_ordered=is_ordered,
        numbers=Samples(*numbers),
        texts=texts,
        spellings=spellings,
    )


def _numbers(codes: Ints, columns: list[pa.ChunkedArray]) -> list[Floats]:
    numbers = np.where(codes < 0, np.nan, codes.astype(np.float64))
    return np.split(numbers, np.cumsum([len(column) for column in columns])[:-1])


def _is_text(type: pa.DataType) -> bool:
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type))


def _is_binary(type: pa.DataType) -> bool:
    checks = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(check(type) for check in checks)


def compare(column: Column, *, is_whole: bool) -> ColumnFidelity:
    """Score a column from 0 to 1.

    Args:
        column: The column.
        is_whole: Whether training and held-back rows are all of the input: how often its values
            repeat can be seen only then.
    """
    real, made = (values[~np.isnan(values)] for values in column.numbers[::2])
    metric = "KS complement" if column.is_ordered else "TV complement"
    if not len(real) or not len(made):
        score = 1.0 if len(real) == len(made) else 0.0
    elif column.texts:
        score, metric = compare_texts(column.texts, is_whole=is_whole)
    elif column.is_ordered:
        score = 1.0 - ks(real, made)
    else:
        score = 1.0 - tvd(shares(real), shares(made))
    return ColumnFidelity(
        name=column.name,
        kind=column.kind,
        score=round(score * _same_spelling(column), 4),
        metric=metric,
    )


def _same_spelling(column: Column) -> float:
    """The share of rows whose spelling, or whose being null, can be the same; 0 to 1."""
    if column.spellings is not None:
        return 1.0 - tvd(shares(column.spellings.training), shares(column.spellings.synthetic))
    real, made = (float(np.isnan(values).mean()) for values in column.numbers[::2] if len(values))
    return 1.0 - abs(real - made)
