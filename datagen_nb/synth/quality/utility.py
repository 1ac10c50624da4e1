"""Train on synthetic, test on real: what a model of synthetic rows is worth on real ones.

Source: Esteban, Hyland and Rätsch, Real-valued (medical) time series generation with recurrent
conditional GANs, 2017.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datagen_nb.core.errors import InputError
from datagen_nb.core.evaluation import Utility
from datagen_nb.synth.quality.boosting import (
    FOLDS,
    Classifier,
    Flags,
    Floats,
    Ints,
    auc_of_classes,
    folds_of,
    over_folds,
    r2,
    regress,
)
from datagen_nb.synth.quality.columns import Column
from datagen_nb.synth.quality.features import features_of, is_feature

MAX_ROWS = 20_000
"""Rows fitted to."""

MAX_CELLS = 2_000_000
"""Rows fitted to times columns: bounds the time of wide tables."""

MAX_CLASSES = 10
"""Classes that are predicted; rarer ones are one."""

MIN_OF_CLASS = 10
"""Rows held back that a class has at least."""


def check_target(columns: Sequence[Column], target: str) -> None:
    """Look whether a column can be predicted from the others.

    Args:
        columns: Of the input.
        target: The name of one of them.

    Raises:
        InputError: ``unfit_target``: it has no values, or one only, or they are made anew; or
            there is no other column.
    """
    column = next((one for one in columns if one.name == target), None)
    known = None if column is None else _known(column.numbers.training)
    if column is None or known is None or column.texts:
        reason = "whose values are made anew or have no measure"
    elif not len(known):
        reason = "which has no values"
    elif len(np.unique(known)) < 2:
        reason = "which has one value only: there is nothing to predict"
    elif not any(is_feature(one) for one in columns if one.name != target):
        reason = "but there is no other column to predict it from"
    else:
        return
    remedy = "Name a column of numbers, instants or categories, or leave target out."
    raise InputError(
        f"parameters.target names {target!r}, {reason}. {remedy}",
        code="unfit_target",
        details={"column": target, "remedy": remedy, "retryHelps": False},
    )


def utility(columns: Sequence[Column], target: str, *, seed: int = 0) -> Utility | None:
    """Predict rows held back from synthetic rows, and from as many training rows.

    Each of ``FOLDS`` fits leaves out another part of the rows that it is fitted to, and predicts
    another part of those held back. Rows without a value of the target take no part.

    Args:
        columns: Of the input and of the result.
        target: One of them, which ``check_target`` lets pass.
        seed: Of the choice of rows.

    Returns:
        ``None`` if too few rows are held back.
    """
    random = np.random.default_rng(seed)
    column = next(one for one in columns if one.name == target)
    features = features_of([one for one in columns if one.name != target])
    givens = (features.training, features.held_back, features.synthetic)
    numbers = column.numbers if column.is_ordered else _classes(column.numbers)
    known = [~np.isnan(values) for values in numbers]
    most = min(MAX_ROWS, MAX_CELLS // len(features.names), known[0].sum(), known[2].sum())
    places = [
        random.permutation(np.flatnonzero(each))[: None if is_tested else most]
        for each, is_tested in zip(known, (False, True, False), strict=True)
    ]
    training, held_back, synthetic = (
        (given[place], values[place])
        for given, values, place in zip(givens, numbers, places, strict=True)
    )
    if most < FOLDS or not _is_enough(held_back[1], is_ordered=column.is_ordered):
        return None
    parts = folds_of(
        np.zeros(len(held_back[1]), np.int64) if column.is_ordered else _codes(held_back[1]),
        random,
    )
    scores = np.empty((2, FOLDS))
    for fold in range(FOLDS):
        fold_seed = int(random.integers(2**31))
        test = held_back[0][parts == fold], held_back[1][parts == fold]
        for row, (given, values) in enumerate((synthetic, training)):
            kept = np.arange(len(values)) % FOLDS != fold
            fit = given[kept], values[kept]
            judge = _regressed if column.is_ordered else _classified
            scores[row, fold] = judge(*fit, *test, features.unordered, fold_seed)
    return Utility(
        target=target,
        metric="R²" if column.is_ordered else "AUC",
        score=over_folds(scores[0].tolist()),
        score_real=over_folds(scores[1].tolist()),
        difference=over_folds((scores[0] - scores[1]).tolist()),
        rows=int(most),
        rows_tested=len(held_back[1]),
    )


def _regressed(
    given: Floats, values: Floats, asked: Floats, truth: Floats, unordered: Flags, seed: int
) -> float:
    return r2(regress(given, values, unordered, asked, seed=seed), truth)


def _classified(
    given: Floats, values: Floats, asked: Floats, truth: Floats, unordered: Flags, seed: int
) -> float:
    judge = Classifier(given, _codes(values), unordered, seed=seed)
    return auc_of_classes(judge.probabilities(asked, MAX_CLASSES + 1), _codes(truth))


def _is_enough(tested: Floats, *, is_ordered: bool) -> bool:
    if is_ordered:
        return len(tested) >= FOLDS * MIN_OF_CLASS
    counts = np.bincount(_codes(tested)) if len(tested) else np.zeros(0, np.int64)
    return int((counts >= MIN_OF_CLASS).sum()) > 1


def _classes(numbers: Sequence[Floats]) -> list[Floats]:
    """The most frequent classes of the rows fitted to, from 0, and one for all others."""
    known = _codes(_known(numbers[0]))
    size = 1 + max((int(_known(one).max(initial=0)) for one in numbers), default=0)
    counts = np.bincount(known, minlength=size)
    places = np.empty(size)
    places[np.argsort(-counts, kind="stable")] = np.minimum(np.arange(size), MAX_CLASSES)
    found = []
    for values in numbers:
        classes = np.full(len(values), np.nan)
        there = ~np.isnan(values)
        classes[there] = places[_codes(values[there])]
        found.append(classes)
    return found


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _codes(values: Floats) -> Ints:
    return values.astype(np.int64)
