"""The classifier two-sample test: boosted trees that separate synthetic rows from real ones.

Sources: Lopez-Paz and Oquab, Revisiting classifier two-sample tests, ICLR 2017; Breiman, Random
forests, Machine Learning 45, 2001, for the importance of a column by permuting it.
"""

from __future__ import annotations

import numpy as np

from datagen_nb.core.evaluation import Detection, DrivingColumn
from datagen_nb.synth.quality.boosting import (
    FOLDS,
    Classifier,
    Flags,
    Floats,
    auc,
    folds_of,
    over_folds,
)
from datagen_nb.synth.quality.features import Features

MAX_ROWS = 10_000
"""Rows of each side."""

MAX_CELLS = 1_000_000
"""Rows of each side times columns: bounds the time of wide tables."""

MAX_PERMUTED, MIN_PERMUTED = 1_000, 250
MAX_PERMUTED_CELLS = 100_000
"""Rows of a fold by which the importance of columns is over_folds, fewer where there are many."""

STACKED_CELLS = 2_000_000
"""Values that are judged at once: the trees are slow to begin, and memory is bounded."""

MAX_COLUMNS = 50
"""Columns that are listed."""


def detection(features: Features, *, seed: int = 0) -> Detection:
    """Separate synthetic rows from rows held back, and training rows from rows held back.

    Args:
        features: At least one column; of each table at least ``FOLDS`` rows.
        seed: Of the choice of rows and folds.
    """
    random = np.random.default_rng(seed)
    tables = (features.held_back, features.synthetic, features.training)
    rows = min(MAX_ROWS, MAX_CELLS // len(features.names), *map(len, tables))
    real, made, fresh = (table[random.choice(len(table), rows, replace=False)] for table in tables)
    scores, falls = _separate(real, made, features.unordered, random, with_importance=True)
    scores_real, _ = _separate(real, fresh, features.unordered, random, with_importance=False)
    columns = [
        DrivingColumn(column=name, importance=over_folds(fall.tolist()))
        for name, fall in zip(features.names, falls.T, strict=True)
    ]
    columns.sort(key=lambda one: -one.importance.mean)
    return Detection(
        auc=over_folds(scores),
        auc_real=over_folds(scores_real),
        columns=tuple(columns[:MAX_COLUMNS]),
        rows=rows,
    )


def _separate(
    real: Floats,
    made: Floats,
    unordered: Flags,
    random: np.random.Generator,
    *,
    with_importance: bool,
) -> tuple[list[float], Floats]:
    """AUC of each fold, and how much it falls in each when a column is permuted."""
    given = np.concatenate([real, made])
    is_made = np.repeat([0, 1], [len(real), len(made)])
    folds = folds_of(is_made, random)
    scores, falls = [], np.zeros((FOLDS, given.shape[1]))
    for fold in range(FOLDS):
        out = folds == fold
        seed = int(random.integers(2**31))
        judge = Classifier(given[~out], is_made[~out], unordered, seed=seed)
        asked, truth = given[out], is_made[out] == 1
        scores.append(auc(judge.probabilities(asked, 2)[:, 1], truth))
        if with_importance:
            few = max(min(MAX_PERMUTED, MAX_PERMUTED_CELLS // given.shape[1]), MIN_PERMUTED)
            some = random.permutation(len(asked))[:few]
            falls[fold] = _falls(judge, asked[some], truth[some], random)
    return scores, falls


def _falls(judge: Classifier, asked: Floats, truth: Flags, random: np.random.Generator) -> Floats:
    whole = auc(judge.probabilities(asked, 2)[:, 1], truth)
    rows, columns = asked.shape
    found = np.empty(columns)
    together = max(STACKED_CELLS // asked.size, 1)
    for start in range(0, columns, together):
        places = range(start, min(start + together, columns))
        permuted = np.tile(asked, (len(places), 1, 1))
        for copy, place in zip(permuted, places, strict=True):
            copy[:, place] = random.permutation(copy[:, place])
        scores = judge.probabilities(permuted.reshape(-1, columns), 2)[:, 1]
        for place, each in zip(places, scores.reshape(-1, rows), strict=True):
            found[place] = whole - auc(each, truth)
    return found
