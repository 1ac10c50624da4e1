"""The report on rows with formal differential privacy: no row of the input is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagen_nb.core.result import ColumnFidelity, Memorisation, PrivacyBudget, Report, Spending
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.marginals.drawing import ColumnCounts, CountedStage
from datagen_nb.synth.marginals.model import PrivateModel

NOTE = (
    "The result was compared with the noisy counts that it was made of, not with your rows: what "
    "was not counted, and what noise has changed, lowers no score here. Distributions, dependence, "
    "rare values and distances of your rows, and the time of each stage, are left out: they would "
    "have to be paid for too."
)


def report_of(model: PrivateModel, made: pa.Table) -> Report:
    """Compare rows with the counts in their model, which were paid for.

    Args:
        model: That made them.
        made: Some of the rows.
    """
    [stage] = model.stages
    assert isinstance(stage, CountedStage)  # noqa: S101, the one that fits such models makes it
    table = plain_table(made)
    scores = tuple(_fidelity(model, one, table[one.name]) for one in stage.columns)
    mean = float(np.mean([one.score for one in scores])) if scores else 1.0
    guarantee = model.guarantee
    budget = PrivacyBudget(
        epsilon=guarantee.epsilon,
        delta=guarantee.delta,
        rho=guarantee.rho,
        spent=tuple(
            Spending(purpose=one.purpose, rho=one.rho, delta=one.delta) for one in guarantee.spent
        ),
    )
    return Report(
        fidelity=round(mean, 4),
        column_fidelity=round(mean, 4),
        columns=scores,
        pairs=(),
        memorisation=Memorisation(budget=budget),
        rows_synthetic=made.num_rows,
        rows_training=model.rows,
        rows_held_back=0,
        notes=(NOTE, *model.warnings),
    )


def _fidelity(model: PrivateModel, column: ColumnCounts, made: pa.ChunkedArray) -> ColumnFidelity:
    counts = np.bincount(column.axis.codes(made), minlength=column.axis.size)
    score = 1 - _distance(counts, column.axis.expected(column.masses))
    return ColumnFidelity(
        name=column.name,
        kind=model.kinds[column.name],
        score=round(score, 4),
        metric="1 - total variation distance from noisy counts",
    )


def _distance(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """The total variation distance of two counts."""
    return float(np.abs(one / max(one.sum(), 1) - other / max(other.sum(), 1)).sum() / 2)
