"""A prediction of a variable's score from those before it: a regression that small trees correct.

Each tree corrects the sum of those before it. It asks one question a level of all rows, so that the
answers are the bits of a leaf's number and numpy predicts about as fast as compiled code would.

A row's prediction must come from rows other than it, or a tree that is given it would trust it
too much. So there are two sums, each fitted on one half of the rows, which predicts the other half;
a new row is predicted by one of them at random, as those fitted on were.
Sources: Friedman, Stochastic gradient boosting, Computational Statistics & Data Analysis 38(4),
2002; Prokhorenkova et al., CatBoost: unbiased boosting with categorical features, NeurIPS 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datagen_nb.synth.trees.leaves import CHUNK, Codes, Floats, LeafTree, Matrix, ranked, ranks_of
from datagen_nb.synth.trees.linear import NO_VALUE

TREES = 30
LEVELS = 6
RATE = 0.3
"""Share of what a tree finds that is added to the sum."""

MAX_ROWS = 12_000
"""Rows that a sum is fitted on at most; a tree is grown on a random half of them."""

BINS = 64
"""Ranges that a variable before is cut into at most."""

PENALTY = 0.001
"""Of the regression, a row."""

PRIOR = 5.0
"""Rows of no deviation that count with those of a leaf."""


@dataclass(frozen=True, slots=True, eq=False)
class Boosted:
    """A regression and a sum of trees, as plain arrays.

    Attributes:
        weights: Of the regression, for each variable before.
        constant: Added to their sum.
        features: Trees x levels, the variable that is compared.
        thresholds: Trees x levels; a greater value sets the bit of the level.
        values: Trees x leaves, what is added.
        unordered: Which of the variables before are categories.
        ranks: For each of these, the place of each code, nulls first.
    """

    weights: Matrix
    constant: float
    features: npt.NDArray[np.int32]
    thresholds: Matrix
    values: Matrix
    unordered: tuple[int, ...]
    ranks: Matrix

    def predict(self, given: Matrix) -> Matrix:
        """A score for each row of ``given`` (rows x variables before)."""
        columns = np.ascontiguousarray(ranked(given, self.unordered, self.ranks).T)
        found = np.full(len(given), self.constant, dtype=np.float32)
        for weight, column in zip(self.weights, columns, strict=True):
            found += weight * _known(column)
        for begin in range(0, len(given), CHUNK):
            rows = columns[:, begin : begin + CHUNK]
            sums = found[begin : begin + CHUNK]
            for features, thresholds, values in zip(
                self.features, self.thresholds, self.values, strict=True
            ):
                sums += values.take(_leaves(rows, features, thresholds))
        return found


def _leaves(
    columns: Matrix, features: npt.NDArray[np.int32], thresholds: Matrix
) -> npt.NDArray[np.uint8]:
    leaves = np.zeros(columns.shape[1], dtype=np.uint8)
    for feature, threshold in zip(features, thresholds, strict=True):
        np.left_shift(leaves, 1, out=leaves)
        np.bitwise_or(leaves, (columns[feature] > threshold).view(np.uint8), out=leaves)
    return leaves


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """Two sums, each fitted on one half of the rows."""

    first: Boosted
    second: Boosted

    def predict(self, given: Matrix, random: np.random.Generator) -> Matrix:
        """A score for each row of ``given``, by one of both."""
        return self.predict_by(given, random.random(len(given)) < 0.5)

    def predict_by(self, given: Matrix, by_first: npt.NDArray[np.bool_]) -> Matrix:
        """A score for each row of ``given``, by the first where ``by_first`` says so."""
        found = np.empty(len(given), dtype=np.float32)
        found[by_first] = self.first.predict(given[by_first])
        found[~by_first] = self.second.predict(given[~by_first])
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """A tree that is also given a prediction of the variable.

    Attributes:
        prediction: From the variables before.
        tree: Given these and the prediction after them.
    """

    prediction: Halves
    tree: LeafTree

    def draw(self, given: Matrix, random: np.random.Generator) -> Codes:
        """A code for each row of ``given``."""
        return self.tree.draw(beside(given, self.prediction.predict(given, random)), random)


def beside(given: Matrix, prediction: Matrix) -> Matrix:
    """The variables before, and the prediction after them."""
    return np.column_stack([given, prediction])


def cross_fit(
    given: Matrix, target: Floats, unordered: Sequence[int], random: np.random.Generator
) -> tuple[Halves, Matrix]:
    """Fit both sums, and predict each row by the one that was not fitted on it.

    Args:
        given: Rows x variables before.
        target: The score of each row, as those of the variables before.
        unordered: The variables before of whose codes nearness means nothing.
        random: Of the halves and of the rows that each tree sees.
    """
    in_first = np.zeros(len(target), dtype=np.bool_)
    in_first[random.permutation(len(target))[: len(target) // 2]] = True
    fitted = []
    for half in (in_first, ~in_first):
        rows = random.permutation(np.flatnonzero(half))[:MAX_ROWS]
        fitted.append(_fit(given[rows], target[rows], unordered, random))
    halves = Halves(*fitted)
    return halves, halves.predict_by(given, ~in_first)


def _fit(
    given: Matrix, target: Floats, unordered: Sequence[int], random: np.random.Generator
) -> Boosted:
    ranks = ranks_of(given, target, unordered)
    columns = np.ascontiguousarray(ranked(given, unordered, ranks).T)
    cuts = [_cuts(column) for column in columns]
    bins = np.stack([np.searchsorted(*pair) for pair in zip(cuts, columns, strict=True)])
    weights, constant = _ridge(_known(columns).astype(np.float64), target)
    open_ = target - constant - weights @ _known(columns)
    size = len(target) // 2
    features = np.zeros((TREES, LEVELS), dtype=np.int32)
    thresholds = np.zeros((TREES, LEVELS), dtype=np.float32)
    values = np.zeros((TREES, 2**LEVELS), dtype=np.float32)
    for tree in range(TREES):
        sample = np.sort(random.permutation(len(target))[:size])
        for level, (feature, cut) in enumerate(_questions(bins[:, sample], open_[sample])):
            # What no cut parts is asked all the same: all rows answer alike.
            known = cuts[feature]
            features[tree, level] = feature
            thresholds[tree, level] = known[cut] if cut < len(known) else np.inf
        leaves = _leaves(columns, features[tree], thresholds[tree])
        sums = np.bincount(leaves[sample], weights=open_[sample], minlength=2**LEVELS)
        counts = np.bincount(leaves[sample], minlength=2**LEVELS)
        values[tree] = RATE * sums / (counts + PRIOR)
        open_ -= values[tree].take(leaves)
    return Boosted(weights, constant, features, thresholds, values, tuple(unordered), ranks)


def _ridge(columns: Floats, target: Floats) -> tuple[Matrix, float]:
    """The weight of each variable, and what is added to their sum."""
    centre = columns.mean(axis=1)
    columns = columns - centre[:, None]
    sizes = columns @ columns.T + PENALTY * len(target) * np.eye(len(columns))
    weights = np.linalg.solve(sizes, columns @ target)
    return weights.astype(np.float32), float(target.mean() - weights @ centre)


def _known(columns: Matrix) -> Matrix:
    """A missing score counts as the mean."""
    return np.where(columns == NO_VALUE, np.float32(0), columns)


def _questions(bins: npt.NDArray[np.intp], target: Floats) -> list[tuple[int, int]]:
    """For each level the variable and the cut that leave the least open in all of its nodes."""
    variables, rows = bins.shape
    weights = np.broadcast_to(target, bins.shape).ravel()
    cells = bins + BINS * np.arange(variables)[:, None]
    nodes = np.zeros(rows, dtype=np.intp)
    asked = []
    for level in range(LEVELS):
        found = (cells + nodes * (BINS * variables)).ravel()
        shape = (2**level, variables, BINS)
        size = 2**level * variables * BINS
        sums = np.bincount(found, weights=weights, minlength=size).reshape(shape).cumsum(axis=2)
        counts = np.bincount(found, minlength=size).reshape(shape).cumsum(axis=2)
        others, rest = sums[:, :, -1:] - sums, counts[:, :, -1:] - counts
        explained = sums**2 / (counts + PRIOR) + others**2 / (rest + PRIOR)
        feature, cut = divmod(int(np.argmax(explained.sum(axis=0))), BINS)
        asked.append((feature, cut))
        nodes = 2 * nodes + (bins[feature] > cut)
    return asked


def _cuts(column: Matrix) -> Matrix:
    """Values of a column that part its rows into ranges of about as many; the greatest is none."""
    places = np.linspace(0, len(column), BINS + 1)[1:-1].astype(np.intp)
    found = np.unique(np.sort(column)[places])
    cuts: Matrix = found[found < column.max()]
    return cuts
