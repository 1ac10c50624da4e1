"""What a column is, by what the kinds say of it: the three questions of ``column_kind``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from datagen_nb.codecs import Codec, Written
from datagen_nb.core.kinds import KINDS
from datagen_nb.synth.column_kind import ColumnKind, column_kind
from datagen_nb.synth.identities import Candidate, Maker, go_with_others
from datagen_nb.synth.identities.permutation import KEYS
from datagen_nb.synth.margin_fitting import MIN_COUNT
from datagen_nb.synth.missing import missing_text, without
from datagen_nb.synth.profile import ColumnFacts


class Made(NamedTuple):
    """A column that is made anew, of which kind and how."""

    kind: ColumnKind
    maker: Maker


def codec_of(
    name: str,
    column: pa.ChunkedArray,
    *,
    wanted: ColumnKind | None = None,
    pattern: str | None = None,
) -> tuple[ColumnKind, Codec] | None:
    """The codec of a column whose values are spelled, and the kind that has it.

    Example:
        >>> kind, codec = codec_of("paid", pa.chunked_array([["$1,234.50", "$99.00", "n.a."]]))
        >>> kind.name, codec.parse(pa.chunked_array([["$12.00"]])).values.to_pylist()
        ('numeric', [12.0])

    Args:
        name: Of the column; it helps where the values alone do not decide.
        column: Its values.
        wanted: The kind that the user says; no other is asked.
        pattern: How its values are written, as the user says.

    Returns:
        ``None`` for a column that needs none.
    """
    written = Written(name, column, is_wanted=wanted is not None, pattern=pattern)
    for kind in _asked(wanted):
        if (codec := kind.codec(written)) is not None:
            return kind, codec
    return None


def makers_of(
    table: pa.Table,
    facts: Mapping[str, ColumnFacts],
    wanted: Mapping[str, ColumnKind],
    patterns: Mapping[str, str],
    *,
    min_count: int = MIN_COUNT,
    seed: int = 0,
) -> dict[str, Made]:
    """The makers that kinds have for columns.

    Args:
        table: The columns, or some of their rows, as they were read.
        facts: Of each column in the whole table.
        wanted: Kinds that the user says; no others are asked of these columns.
        patterns: How values are written, as the user says.
        min_count: So many rows must have what is kept of them.
        seed: The same table and seed give the same makers.
    """
    made: dict[str, Made] = {}
    columns: dict[str, Candidate] = {}
    for place, name in enumerate(table.column_names):
        values, known = _present(table[name], facts[name])
        column = columns[name] = Candidate(
            name,
            values,
            known,
            is_wanted=name in wanted,
            pattern=patterns.get(name),
            seed=int(np.random.default_rng([seed, place]).integers(KEYS)),
            min_count=min_count,
        )
        if not len(column.values):
            continue
        for kind in _asked(wanted.get(name)):
            if (maker := kind.maker(column)) is not None:
                made[name] = Made(kind, maker)
                break
    makers = {name: one.maker for name, one in made.items()}
    for name, maker in go_with_others(table, makers, columns).items():
        made[name] = made[name]._replace(maker=maker)
    return made


def _present(column: pa.ChunkedArray, facts: ColumnFacts) -> tuple[pa.ChunkedArray, ColumnFacts]:
    """A column without the text that stands for a missing value, and its facts."""
    if (text := missing_text(column)) is None:
        return column, facts
    values = without(column, text)
    share = (values.null_count - column.null_count) / (len(column) - column.null_count)
    nulls = facts.nulls + round(share * facts.present)
    return values, replace(facts, nulls=nulls, distinct=facts.distinct - 1)


def drawn_kind(column: Candidate, wanted: ColumnKind | None) -> ColumnKind | None:
    """The kind that draws the values of a column that is neither spelled nor made anew."""
    return next((kind for kind in _asked(wanted) if kind.draws(column)), None)


def _asked(wanted: ColumnKind | None) -> Sequence[ColumnKind]:
    """The kinds that may be of a column, in the order in which they are asked."""
    if wanted is not None:
        return [wanted]
    return sorted(map(column_kind, KINDS), key=lambda kind: -kind.priority)
