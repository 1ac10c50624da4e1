"""Boosted trees that judge rows, and the scores of what they predict.

Source: Ke et al., LightGBM: a highly efficient gradient boosting decision tree, 2017, after which
scikit-learn's are made.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from datagen_nb.core.evaluation import Measured

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TREES = 100
MAX_TREES = 300
"""Trees of all classes: each class has its own, so that of many each has fewer."""

LEVELS = 200
"""Levels of a category that the trees tell apart; rarer ones are one."""

FOLDS = 5


class Classifier:
    """Probabilities of classes, given the columns of a row."""

    def __init__(self, given: Floats, classes: Ints, unordered: Flags, *, seed: int) -> None:
        """Fit to rows.

        Args:
            given: Rows x columns; NaN for null.
            classes: One a row.
            unordered: Which columns are codes of categories, below ``LEVELS``.
            seed: Of what is random.
        """
        self._only, count = classes[0], len(np.unique(classes))
        self._trees = None
        if count > 1:
            self._trees = HistGradientBoostingClassifier(
                max_iter=TREES if count == 2 else max(MAX_TREES // count, 10),
                early_stopping=False,
                categorical_features=unordered,
                random_state=seed,
            ).fit(given, classes)

    def probabilities(self, given: Floats, count: int) -> Floats:
        """Of each row and each class from 0 up to ``count``; 0 of classes that were not there."""
        found = np.zeros((len(given), count))
        if self._trees is None:
            found[:, self._only] = 1.0
        else:
            found[:, self._trees.classes_] = self._trees.predict_proba(given)
        return found


def regress(given: Floats, values: Floats, unordered: Flags, asked: Floats, *, seed: int) -> Floats:
    """Fit to rows and their values, and predict those of other rows."""
    trees = HistGradientBoostingRegressor(
        max_iter=TREES,
        early_stopping=False,
        categorical_features=unordered,
        random_state=seed,
    ).fit(given, values)
    return np.asarray(trees.predict(asked), dtype=np.float64)


def auc(scores: Floats, is_positive: Flags) -> float:
    """Area under the ROC curve: how often a positive row scores higher; ties count half.

    Example:
        >>> auc(np.array([0.1, 0.4, 0.3]), np.array([False, True, True]))
        1.0
    """
    positive = int(is_positive.sum())
    others = len(is_positive) - positive
    ranks = rankdata(scores)[is_positive].sum()
    return float(ranks - positive * (positive + 1) / 2) / (positive * others)


def auc_of_classes(probabilities: Floats, classes: Ints) -> float:
    """Mean over the classes that are there of the AUC of each against the others."""
    there = np.unique(classes)
    return float(np.mean([auc(probabilities[:, one], classes == one) for one in there]))


def r2(predicted: Floats, values: Floats) -> float:
    """Share of the variance that is predicted; below 0 if worse than the mean."""
    spread = float(((values - values.mean()) ** 2).sum())
    return 1.0 - float(((values - predicted) ** 2).sum()) / spread if spread else 0.0


def over_draws(values: Sequence[float]) -> Measured:
    """Mean and standard error over draws without common rows, at least 2."""
    return _measured(values, 1 / len(values))


def over_folds(values: Sequence[float]) -> Measured:
    """Mean and standard error over folds, at least 2.

    The fits of two folds have most of their rows in common, for which the error is corrected.
    Source: Nadeau and Bengio, Inference for the generalization error, Machine Learning 52, 2003.
    """
    return _measured(values, 1 / len(values) + 1 / (len(values) - 1))


def _measured(values: Sequence[float], share: float) -> Measured:
    error = float(np.var(values, ddof=1) * share) ** 0.5
    return Measured(mean=round(float(np.mean(values)), 4), error=round(error, 4))


def folds_of(classes: Ints, random: np.random.Generator) -> Ints:
    """A fold for each row, at random and with equally many of each class."""
    folds = np.empty(len(classes), dtype=np.int64)
    shuffled = random.permutation(len(classes))
    folds[shuffled[np.argsort(classes[shuffled], kind="stable")]] = np.arange(len(classes)) % FOLDS
    return folds
