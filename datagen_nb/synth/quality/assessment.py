"""The report on a result, from its columns, pairs and relations to what it has memorised."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from datagen_nb.codecs import Codec, with_parts
from datagen_nb.core.kinds import Scale, scale_of
from datagen_nb.core.result import ColumnFidelity, Memorisation, NotCompared, Report
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.quality.columns import (
    Column,
    Tables,
    codecs_of,
    columns_of,
    compare,
    typed,
)
from datagen_nb.synth.quality.distributions import distribution
from datagen_nb.synth.quality.memorisation import CLOSE_ROWS, MIN_HELD_BACK, measure_memorisation
from datagen_nb.synth.quality.pairs import Dependence, compare_pairs
from datagen_nb.synth.quality.relations import Relation, compare_relations
from datagen_nb.synth.quality.returned import returned_values

MIN_COUNT = 5
MOST_PAIRS = 200
"""Pairs that a report lists."""

MOST_DISTRIBUTIONS = 200
"""Columns whose distributions a report has."""


class Facts(Protocol):
    """The part of a column's facts that a report needs."""

    @property
    def rows(self) -> int: ...


def assess(
    training: pa.Table,
    held_back: pa.Table,
    synthetic: pa.Table,
    kinds: Mapping[str, str],
    *,
    codecs: Mapping[str, Codec] | None = None,
    relations: Iterable[Relation] = (),
    min_count: int = MIN_COUNT,
    facts: Mapping[str, Facts] | None = None,
    shared: Collection[str] = (),
    keys: Mapping[str, str] | None = None,
    independent: Sequence[int] | None = None,
) -> Report:
    """Compare a result with its input.

    Args:
        training: Rows used for fitting, with the columns that a user has (not parsed).
        held_back: Rows of the same table that were not; may be empty.
        synthetic: Synthetic rows.
        kinds: Kind of each column.
        codecs: By column, what parses its texts; ``None`` to find those of numbers and instants in
            the training rows. A text without one is compared by its form.
        relations: Those that were found in the input, over parsed values.
        min_count: A value that fewer rows of the input have is rare, and must not come back.
        facts: Of the whole input, if training and held-back rows are a sample of it.
        shared: Columns made anew whose values may repeat; only their rare values must not come
            back.
        keys: By column, the column that identifies the entities that have one value of it each.
        independent: Of each of the three tables, how many things in it are independent of each
            other, such as series of many rows; ``None`` if all rows are.
    """
    tables = Tables(*map(plain_table, (training, held_back, synthetic)))
    codecs = codecs_of(tables.training, kinds) if codecs is None else codecs
    parsed, spellings = typed(tables, codecs)
    all_columns = list(columns_of(parsed, with_parts(kinds, codecs), spellings))
    columns = [column for column in all_columns if isinstance(column, Column)]
    skipped = [column for column in all_columns if isinstance(column, NotCompared)]
    sampled = _sampled(tables, facts)
    compared = [compare(column, is_whole=sampled == 1) for column in columns]
    scores = tuple(_with_distributions(compared, columns, parsed, min_count, keys or {}))
    counts = [table.num_rows for table in tables] if independent is None else list(independent)
    dependence = compare_pairs(columns, alone=counts[0] >= training.num_rows)
    kept = compare_relations(relations, parsed.training, parsed.synthetic)
    names = [
        column.name
        for column in columns
        if not column.texts and scale_of(column.kind) is not Scale.CONSTANT
    ]
    memorisation = measure_memorisation(
        Tables(*(table.select(names) for table in parsed)),
        {column.name for column in columns if column.is_ordered},
        returned_values(tables, kinds, min_count=min_count, sampled=sampled, shared=shared),
        min_count,
        counts,
    )
    column_mean = _mean([column.score for column in scores])
    relation_mean = _mean([relation.score for relation in kept]) if kept else None
    means = [column_mean, dependence.score, relation_mean]
    return Report(
        fidelity=round(_mean([mean for mean in means if mean is not None]), 4),
        column_fidelity=round(column_mean, 4),
        pair_fidelity=_rounded(dependence.score),
        relation_fidelity=_rounded(relation_mean),
        dependence_kept=_rounded(dependence.kept),
        columns=scores,
        not_compared=tuple(skipped),
        pairs=dependence.pairs[:MOST_PAIRS],
        relations=kept,
        memorisation=memorisation,
        rows_synthetic=synthetic.num_rows,
        rows_training=training.num_rows,
        rows_held_back=held_back.num_rows,
        notes=tuple(_notes(tables, dependence, memorisation, sampled)),
    )


def _with_distributions(
    scores: Sequence[ColumnFidelity],
    columns: Sequence[Column],
    parsed: Tables,
    min_count: int,
    keys: Mapping[str, str],
) -> Iterator[ColumnFidelity]:
    lowest = np.argsort([one.score for one in scores], kind="stable")[:MOST_DISTRIBUTIONS]
    shown = set(lowest.tolist())
    for place, (score, column) in enumerate(zip(scores, columns, strict=True)):
        if place in shown:
            found = distribution(column, parsed, min_count, keys.get(column.name))
            yield score.model_copy(update={"distribution": found})
        else:
            yield score


def _sampled(tables: Tables, facts: Mapping[str, Facts] | None) -> float:
    """Rows of the input for each row that is at hand."""
    known = max(tables.training.num_rows + tables.held_back.num_rows, 1)
    rows = max((each.rows for each in facts.values()), default=0) if facts else 0
    return max(float(rows) / float(known), 1.0)


def _notes(
    tables: Tables,
    dependence: Dependence,
    memorisation: Memorisation,
    sampled: float,
) -> Iterator[str]:
    if dependence.compared < dependence.possible:
        yield (
            f"{dependence.compared:,} of {dependence.possible:,} pairs of columns were compared: "
            "a sample among all columns."
        )
    if dependence.score is None and dependence.compared:
        yield (
            "Pairs of columns have no score: no two columns depend on each other more than "
            "chance explains."
        )
    if sampled >= memorisation.min_count:
        yield (
            "Whether rare values came back was not judged: the rows at hand are a sample of a "
            "larger input, in which what is rare here may be frequent."
        )
    if memorisation.dcr_share is None:
        yield (
            f"Closeness to your rows was not judged: that needs {MIN_HELD_BACK} rows held back, "
            f"there are {tables.held_back.num_rows}."
        )
    elif tables.training.num_rows > CLOSE_ROWS:
        yield f"Closeness was judged against {CLOSE_ROWS:,} of the rows used for fitting."


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else 1.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
