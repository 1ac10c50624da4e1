"""The report on declared rows: how close they are to what is declared; there is no input."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datagen_nb.core.declaration import DeclaredColumn
from datagen_nb.core.result import (
    ColumnFidelity,
    Memorisation,
    NotCompared,
    RelationFidelity,
    Report,
)
from datagen_nb.synth.declared.model import DeclaredModel
from datagen_nb.synth.declared.stage import DeclaredStage

NOTE = "There is no input: the rows were compared with what the schema declares."


def report_of(model: DeclaredModel, made: pa.Table) -> Report:
    """Compare rows with the declaration.

    Args:
        model: That made them.
        made: Some of the rows.
    """
    table = _values(model, made)
    scores = [
        _fidelity(model, column, table[column.name])
        for column in model.declaration.columns
        if column.expression is None
    ]
    relations = tuple(_kept(one.sentence, one.holds(table)) for one in model.relations)
    columns = tuple(one for one in scores if isinstance(one, ColumnFidelity))
    of_columns = _mean([one.score for one in columns])
    of_relations = _mean([one.score for one in relations])
    parts = [of_columns] * bool(columns) + [of_relations] * bool(relations)
    return Report(
        fidelity=round(_mean(parts), 4),
        column_fidelity=round(of_columns, 4),
        relation_fidelity=round(of_relations, 4) if relations else None,
        columns=columns,
        not_compared=tuple(one for one in scores if isinstance(one, NotCompared)),
        pairs=(),
        relations=relations,
        memorisation=Memorisation(no_input=True),
        rows_synthetic=made.num_rows,
        rows_training=0,
        rows_held_back=0,
        notes=(NOTE,),
    )


def _values(model: DeclaredModel, made: pa.Table) -> pa.Table:
    """The values behind what is written."""
    for name, codec in model.codecs.items():
        place = made.schema.names.index(name)
        made = made.set_column(place, name, codec.parse(made[name]).values)
    return made


def _fidelity(
    model: DeclaredModel, column: DeclaredColumn, made: pa.ChunkedArray
) -> ColumnFidelity | NotCompared:
    """The share of missing values and, of those that are drawn, the distribution."""
    sources = {
        name: source
        for stage in model.stages
        if isinstance(stage, DeclaredStage)
        for name, source in stage.columns.items()
        if name not in model.makers
    }
    source, present = sources.get(column.name), made.drop_null().combine_chunks()
    if source is None and not column.nulls:
        return NotCompared(name=column.name, reason=f"made of kind {column.kind}")
    distance = abs(made.null_count / max(len(made), 1) - column.nulls)
    if source is not None and len(present):
        distance = max(distance, source.distance(present))
    return ColumnFidelity(
        name=column.name,
        kind=model.kinds[column.name],
        score=round(1 - distance, 4),
        metric="1 - distance from what is declared",
    )


def _kept(sentence: str, holds: np.ndarray) -> RelationFidelity:
    share = float(holds.mean()) if len(holds) else 1.0
    return RelationFidelity(
        sentence=sentence, share_input=1.0, share_synthetic=round(share, 6), kept=share == 1.0
    )


def _mean(scores: list[float]) -> float:
    return float(np.mean(scores)) if scores else 1.0
