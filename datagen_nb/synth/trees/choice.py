"""Which model draws a variable: that under which rows that were left out are more likely.

There are a regression, a tree, coarser ones, and a tree that is also given a prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen_nb.synth.trees import boosted, leaves, linear
from datagen_nb.synth.trees.boosted import Predicted
from datagen_nb.synth.trees.leaves import Codes, Floats, LeafTree, Matrix
from datagen_nb.synth.trees.linear import Linear, Scores

MAX_LEFT_OUT = 2_500
"""Rows on which tree and regression are compared; half of the rows where there are fewer."""

MAX_COMPARED = 10_000
"""Rows that a regression is fitted on at most. A tree that was compared on fewer is fitted again,
on all of them."""

MIN_SPLIT = 4 * leaves.LEAF
"""Rows that a tree is fitted on at least."""

MIN_GAIN = 0.02
"""What the mean logarithm of the likelihood gains at least under a coarser tree. Finer ones keep
what the ``BINS`` do not see."""

MIN_PREDICTED = 2_000
"""Rows from which on a prediction is tried."""

MAX_PREDICTORS = 24
"""Variables before up to which a prediction is tried: keeps wide tables affordable."""

BINS = 24
"""Groups of neighbouring codes whose probability is compared."""

PRIOR = 2.0
"""Rows of the whole table that count with those of a leaf."""

Places = npt.NDArray[np.intp]


def best_model(
    given: Matrix,
    codes: Codes,
    scores: Scores,
    *,
    ordered: bool,
    unordered: Sequence[int],
    seed: int,
    predict: bool = True,
) -> LeafTree | Linear | Predicted:
    """Fit models of a variable and choose one; without enough rows or any dependence one leaf.

    Args:
        given: Rows x variables before.
        codes: One a row, 0 or above.
        scores: Of the codes.
        ordered: Whether nearness of codes means something.
        unordered: The variables before of whose codes it means nothing.
        seed: Of all that is random.
        predict: Whether a prediction is tried.
    """
    rows, variables = given.shape
    if not variables or codes.min() == codes.max():
        return leaves.one_leaf(codes)
    shuffled = np.random.default_rng(seed).permutation(rows)
    first = shuffled[:MAX_COMPARED]
    fitted = None
    if ordered or codes.max() == 1:
        fitted = linear.fit(given[first], codes[first], scores, unordered)
    bins = _bins(codes)
    left_out, others = np.split(shuffled, [min(rows // 2, MAX_LEFT_OUT)])
    rows_of = _Rows(codes, bins, left_out, others, ordered, tuple(unordered), seed)
    if rows < MIN_SPLIT:
        if fitted is not None:
            return _of_few(codes, bins, first, *fitted)
        return leaves.one_leaf(codes) if rows < 2 * leaves.LEAF else rows_of.filled(given, 0)
    plain = rows_of.grown(given)
    if fitted is not None:
        regression, predicted = fitted
        by_regression = linear.log_likelihood(
            bins[left_out], predicted[: len(left_out)], regression.spread, Scores.of(bins).edges
        )
        if by_regression.mean() >= plain.likely.mean():
            return regression
    if predict and ordered and 1 < variables <= MAX_PREDICTORS and rows >= MIN_PREDICTED:
        random = np.random.default_rng([seed, 1])
        prediction, made = boosted.cross_fit(given, scores.means[codes], unordered, random)
        joined = boosted.beside(given, made)
        grown = rows_of.grown(joined)
        if _is_better(grown.likely - plain.likely):
            return Predicted(prediction, rows_of.whole(joined, grown))
    return rows_of.whole(given, plain)


@dataclass(frozen=True, slots=True, eq=False)
class _Grown:
    """A tree of some of the rows.

    Attributes:
        tree: Not ``filled``.
        size: Its place in ``leaves.SPLIT_SIZES``.
        found: The leaf of each row.
        likely: Logarithm of the likelihood of each row that was left out.
    """

    tree: LeafTree
    size: int
    found: Places
    likely: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The codes that trees are fitted on, and which of them decide."""

    codes: Codes
    bins: Codes
    left_out: Places
    others: Places
    ordered: bool
    unordered: tuple[int, ...]
    seed: int

    def grown(self, given: Matrix) -> _Grown:
        """The tree of the other rows, as coarse as those that were left out have it."""
        grown = []
        for size, tree in enumerate(self._split(given, self.others)):
            found = tree.leaves_of(given)
            likely = _log_likelihood(found, self.bins, self.others, self.left_out)
            grown.append(_Grown(tree, size, found, likely))
        best = grown[0]
        for coarser in grown[1:]:
            if _is_better(coarser.likely - best.likely):
                best = coarser
        return best

    def whole(self, given: Matrix, grown: _Grown) -> LeafTree:
        """The tree with the codes of all rows; of few rows, fitted again on all of them."""
        if len(self.codes) > MAX_COMPARED:
            return grown.tree.filled(grown.found, self.codes)
        return self.filled(given, grown.size)

    def filled(self, given: Matrix, size: int) -> LeafTree:
        """The tree of all rows with nodes of a size."""
        tree = self._split(given, slice(None))[size]
        return tree.filled(tree.leaves_of(given), self.codes)

    def _split(self, given: Matrix, rows: Any) -> list[LeafTree]:
        return leaves.split(
            given[rows],
            self.codes[rows],
            ordered=self.ordered,
            unordered=self.unordered,
            seed=self.seed,
        )


def _of_few(
    codes: Codes, bins: Codes, order: Any, regression: Linear, predicted: Floats
) -> LeafTree | Linear:
    """The regression, if rows that it left out are more likely under it than by their shares."""
    likely = linear.log_likelihood(bins[order], predicted, regression.spread, Scores.of(bins).edges)
    shares = np.bincount(bins) / len(bins)
    if likely.mean() > np.log(shares[bins]).mean():
        return regression
    return leaves.one_leaf(codes)


def _is_better(gain: Floats) -> bool:
    """Whether the gains of left-out rows are worth a coarser tree, and no chance."""
    return bool(gain.mean() > max(MIN_GAIN, 2 * gain.std() / np.sqrt(len(gain))))


def _bins(codes: Codes) -> Codes:
    """Codes of at most ``BINS`` groups of about as many rows, in their order."""
    counts = np.bincount(codes)
    group = ((np.cumsum(counts) - counts / 2) * (BINS / len(codes))).astype(np.int64)
    _, found = np.unique(group[codes], return_inverse=True)
    return found.astype(np.int32)


def _log_likelihood(
    found: npt.NDArray[np.intp],
    bins: Codes,
    others: npt.NDArray[np.intp],
    left_out: npt.NDArray[np.intp],
) -> Floats:
    """Logarithm of the share of a left-out row's bin among the other rows of its leaf."""
    size = int(bins.max()) + 1
    shares = np.bincount(bins, minlength=size) / len(bins)
    cells = found * size + bins
    counts = np.bincount(cells[others], minlength=(int(found.max()) + 1) * size)
    rows = np.bincount(found[others], minlength=int(found.max()) + 1)
    likely: Floats = np.log(
        (counts[cells[left_out]] + PRIOR * shares[bins[left_out]]) / (rows[found[left_out]] + PRIOR)
    )
    return likely
