"""How a variable depends on those drawn before it: a tree with codes in its leaves or a regression.

``grow`` fits both and keeps the one under which rows that were left out are more likely. Sampling
variable after variable, each given those before, makes rows. What is drawn is always a code;
``margins`` makes values of codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen_nb.synth.trees import leaves, linear
from datagen_nb.synth.trees.leaves import Codes, LeafTree, Matrix
from datagen_nb.synth.trees.linear import NO_VALUE, Floats, Linear, Scores
from datagen_nb.synth.trees.ordinal import order_levels
from datagen_nb.synth.trees.screening import strongest

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

BINS = 24
"""Groups of neighbouring codes whose probability is compared."""

PRIOR = 2.0
"""Rows of the whole table that count with those of a leaf."""

__all__ = ["Conditional", "grow", "order_levels"]


@dataclass(frozen=True, slots=True, eq=False)
class Conditional:
    """Draws a variable given those before it.

    Attributes:
        model: What draws.
        variables: Those before that it looks at; ``None`` for all.
        levels: The codes in an order that was found of them; ``None`` for their own.
        scores: For a missing value and each code, how it stands in what later variables are given.
    """

    model: LeafTree | Linear
    variables: npt.NDArray[np.int32] | None
    levels: npt.NDArray[np.int32] | None
    scores: Matrix

    def draw(self, given: Matrix, random: np.random.Generator) -> Codes:
        """A code for each row of ``given`` (rows x variables before)."""
        if self.variables is not None:
            given = given.take(self.variables, axis=1)
        drawn = self.model.draw(given, random)
        return drawn if self.levels is None else self.levels.take(drawn)

    def seen(self, codes: Codes) -> Matrix:
        """How ``codes``, -1 for no value, stand in what later variables are given."""
        return self.scores.take(codes + 1)


def grow(
    given: Matrix,
    codes: Codes,
    *,
    ordered: bool,
    unordered: Sequence[int],
    seed: int,
    levels: npt.NDArray[np.int32] | None = None,
) -> Conditional:
    """Fit a variable given those before it.

    Args:
        given: Rows x variables before, as ``seen`` by later ones.
        codes: One a row; negative where the row has no value, and is not fitted on.
        ordered: Whether nearness of codes means something.
        unordered: The variables before of whose codes it means nothing.
        seed: Of all that is random.
        levels: The codes in an order by which they are ``ordered``; ``None`` for their own.
    """
    there = codes >= 0
    known = codes[there]
    if levels is not None:
        ordered = True
        known = np.argsort(levels).astype(np.int32)[known]
    scores = Scores.of(known)
    variables = strongest(given, codes, ordered=ordered, unordered=unordered)
    if variables is not None:
        given = given.take(variables, axis=1)
        unordered = np.flatnonzero(np.isin(variables, unordered)).tolist()
    given = np.ascontiguousarray(given if there.all() else given[there])
    model = _better(given, known, scores, ordered=ordered, unordered=unordered, seed=seed)
    if not ordered:
        seen = np.arange(-1, len(scores.means))
    elif levels is None:
        seen = np.concatenate([[NO_VALUE], scores.means])
    else:
        seen = np.full(len(levels) + 1, NO_VALUE)
        seen[1 + levels[: len(scores.means)]] = scores.means
    return Conditional(model, variables, levels, seen.astype(np.float32))


def _better(
    given: Matrix,
    codes: Codes,
    scores: Scores,
    *,
    ordered: bool,
    unordered: Sequence[int],
    seed: int,
) -> LeafTree | Linear:
    """The regression or the tree, or without enough rows or any dependence one leaf."""
    rows, variables = given.shape
    if not variables or codes.min() == codes.max():
        return leaves.one_leaf(codes)
    shuffled = np.random.default_rng(seed).permutation(rows)
    first = shuffled[:MAX_COMPARED]
    fitted = None
    if ordered or codes.max() == 1:
        fitted = linear.fit(given[first], codes[first], scores, unordered)

    def trees_of(chosen: Any) -> list[LeafTree]:
        return leaves.split(
            given[chosen], codes[chosen], ordered=ordered, unordered=unordered, seed=seed
        )

    bins = _bins(codes)
    if rows < MIN_SPLIT:
        if fitted is not None:
            return _of_few(codes, bins, first, *fitted)
        tree = leaves.one_leaf(codes) if rows < 2 * leaves.LEAF else trees_of(slice(None))[0]
        return tree.filled(tree.leaves_of(given), codes)
    left_out, others = np.split(shuffled, [min(rows // 2, MAX_LEFT_OUT)])
    trees = trees_of(others)
    found = [tree.leaves_of(given) for tree in trees]
    likely = [_log_likelihood(one, bins, others, left_out) for one in found]
    best = 0
    for coarser in range(1, len(trees)):
        if _is_better(likely[coarser] - likely[best]):
            best = coarser
    if fitted is not None:
        regression, predicted = fitted
        by_regression = linear.log_likelihood(
            bins[left_out], predicted[: len(left_out)], regression.spread, Scores.of(bins).edges
        )
        if by_regression.mean() >= likely[best].mean():
            return regression
    if rows > MAX_COMPARED:
        return trees[best].filled(found[best], codes)
    tree = trees_of(slice(None))[best]
    return tree.filled(tree.leaves_of(given), codes)


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
