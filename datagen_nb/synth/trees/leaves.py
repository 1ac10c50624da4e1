"""A tree whose leaves hold codes: a new row falls into one and takes the code of one of its rows.

The tree cuts the rows that it is fitted on into leaves of some dozens that agree in what matters
for its variable. It keeps any shape of dependence, atoms and gaps, and nothing between the codes.
Sources: Nowok, Raab and Dibben, synthpop, Journal of Statistical Software 74(11), 2016; Breiman
et al., Classification and Regression Trees, 1984.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

Codes = npt.NDArray[np.int32]
Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

LEAF = 30
MAX_LEAF = 100
LEAVES = 450
"""A leaf has at least one in ``LEAVES`` of the rows, within these bounds: fewer would let single
rows be distinguished, as the distance to the closest record shows; more would blur the table."""

SPLIT_SIZES = (1, 8, 32)
"""Leaves' sizes that a node has at least to be split; which, rows that were left out decide."""

MAX_CLASSES = 48
"""Classes that a tree tells apart; rarer ones are fitted together, but drawn as they are."""

MAX_FEATURES = 24
"""Variables that a node looks at, at most: keeps wide tables affordable."""

CHUNK = 8192
"""Rows that go down a tree together: what is looked up stays in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class LeafTree:
    """A tree and the codes in its leaves, as arrays of our own that any version can read.

    Nodes are numbered breadth first, so the two children of a node stand side by side. A leaf is
    its own child: a row that has reached one stays there.

    Attributes:
        features: For each node, the variable that it splits on; 0 for leaves.
        thresholds: For each node, the most that goes to the first child; infinite for leaves.
        children: For each node, the first of its two children; a leaf's own number for leaves.
        depth: Splits on the longest way to a leaf.
        starts: For each node, where its codes begin.
        counts: For each node, how many it has; 0 for inner nodes.
        codes: The codes, leaf after leaf.
        unordered: Which of the variables before are categories.
        ranks: For each of these, the place of each code, nulls first, in an order of this tree.
    """

    features: npt.NDArray[np.int32]
    thresholds: npt.NDArray[np.float32]
    children: npt.NDArray[np.int32]
    depth: int
    starts: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    codes: Codes
    unordered: tuple[int, ...]
    ranks: npt.NDArray[np.float32]

    def draw(self, given: npt.NDArray[np.float32], random: np.random.Generator) -> Codes:
        """A code for each row of ``given`` (rows x variables before).

        Rows draw independently of each other. Were a leaf's codes shared out evenly, every value
        that one row had would come back as soon as as many rows are made.
        """
        if self.depth:
            leaves = self.leaves_of(given)
            starts, counts = self.starts.take(leaves), self.counts.take(leaves)
        else:
            starts, counts = self.starts, self.counts
        return self.codes.take(starts + (random.random(len(given)) * counts).astype(np.int64))

    def leaves_of(self, given: Matrix) -> npt.NDArray[np.intp]:
        """The leaf of each row of ``given``, with categories as ``grow`` was given them."""
        if not self.depth:
            return np.zeros(len(given), dtype=np.intp)
        return self.apply(ranked(given, self.unordered, self.ranks))

    def filled(self, leaves: npt.NDArray[np.intp], codes: Codes) -> LeafTree:
        """The same tree with these codes, of which each belongs into one of ``leaves``."""
        counts = np.bincount(leaves, minlength=len(self.children))
        size = int(codes.max()) + 1
        return replace(
            self,
            starts=np.concatenate([[0], np.cumsum(counts)[:-1]]),
            counts=counts,
            codes=(np.sort(leaves * size + codes) % size).astype(np.int32),
        )

    def apply(self, given: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
        """The leaf that each row falls into.

        All rows go down one level at a time. With buffers and without a check of the bounds
        (``mode="clip"``), numpy is as fast here as compiled code.
        """
        features, children = self.features.astype(np.intp), self.children.astype(np.intp)
        leaves = np.zeros(len(given), dtype=np.intp)
        width = given.shape[1]
        begins = np.arange(min(CHUNK, len(given)), dtype=np.intp) * width
        for start in range(0, len(given), CHUNK):
            nodes = leaves[start : start + CHUNK]
            cells = given[start : start + CHUNK].ravel()
            begin = begins[: len(nodes)]
            places = np.empty_like(nodes)
            values = np.empty(len(nodes), dtype=np.float32)
            thresholds = np.empty_like(values)
            for _ in range(self.depth):
                features.take(nodes, out=places, mode="clip")
                np.add(places, begin, out=places)
                cells.take(places, out=values, mode="clip")
                self.thresholds.take(nodes, out=thresholds, mode="clip")
                children.take(nodes, out=places, mode="clip")
                np.add(places, values > thresholds, out=nodes)
        return leaves


def one_leaf(codes: Codes) -> LeafTree:
    """A tree that draws from ``codes`` whatever is given."""
    return LeafTree(
        features=np.zeros(1, dtype=np.int32),
        thresholds=np.full(1, np.inf, dtype=np.float32),
        children=np.zeros(1, dtype=np.int32),
        depth=0,
        starts=np.zeros(1, dtype=np.int64),
        counts=np.array([len(codes)], dtype=np.int64),
        codes=np.sort(codes),
        unordered=(),
        ranks=np.zeros((0, 0), dtype=np.float32),
    )


def of_sklearn(tree: Any, least: int = 0) -> LeafTree:
    """The nodes of scikit-learn's ``tree_``, by its public arrays, in our form; without codes.

    Nodes of fewer than ``least`` rows are leaves.
    """
    left, right = tree.children_left, tree.children_right
    is_leaf = (left < 0) | (tree.n_node_samples < least)
    order = np.zeros(1, dtype=np.intp)
    levels = [order]
    while True:
        inner = levels[-1][~is_leaf[levels[-1]]]
        if not len(inner):
            break
        levels.append(np.stack([left[inner], right[inner]], axis=1).ravel())
    order = np.concatenate(levels)
    number = np.zeros(len(left), dtype=np.intp)
    number[order] = np.arange(len(order))
    leaf = is_leaf[order]
    exact = tree.threshold[order]
    thresholds = exact.astype(np.float32)
    # The greatest 32-bit number that is no greater: such a value falls on the same side.
    above = thresholds > exact
    thresholds[above] = np.nextafter(thresholds[above], np.float32(-np.inf))
    thresholds[leaf] = np.inf
    nothing = np.zeros(len(order), dtype=np.int64)
    return LeafTree(
        features=np.where(leaf, 0, tree.feature[order]).astype(np.int32),
        thresholds=thresholds,
        children=np.where(leaf, number[order], number[left[order]]).astype(np.int32),
        depth=len(levels) - 1,
        starts=nothing,
        counts=nothing,
        codes=np.zeros(0, dtype=np.int32),
        unordered=(),
        ranks=np.zeros((0, 0), dtype=np.float32),
    )


def split(
    given: Matrix, codes: Codes, *, ordered: bool, unordered: Sequence[int], seed: int
) -> list[LeafTree]:
    """Fit the splits of a tree; its leaves are not ``filled``.

    Args:
        given: Rows x variables before.
        codes: One a row, 0 or above.
        ordered: Whether nearness of codes means something.
        unordered: The variables before of whose codes it means nothing.
        seed: Of the choice among splits.

    Returns:
        The tree, and coarser ones: the same without the splits of its smaller nodes.
    """
    rows, features = given.shape
    unordered = tuple(unordered) if ordered else ()
    ranks = ranks_of(given, codes, unordered)
    given = ranked(given, unordered, ranks)
    kind = DecisionTreeRegressor if ordered else DecisionTreeClassifier
    leaf = min(max(LEAF, rows // LEAVES), MAX_LEAF)
    tree = kind(
        min_samples_leaf=leaf,
        max_features=min(features, MAX_FEATURES),
        random_state=seed % 2**32,
    )
    tree.fit(given, _target(codes, ordered=ordered))
    return [
        replace(of_sklearn(tree.tree_, leaf * least), unordered=unordered, ranks=ranks)
        for least in SPLIT_SIZES
    ]


def ranks_of(given: Matrix, target: Codes | Floats, unordered: Sequence[int]) -> Matrix:
    """Order the codes of each category by the mean of the target that they go with.

    One split then parts the categories as well as any choice among all subsets would.
    Source: Breiman et al., Classification and Regression Trees, 1984, section 4.2.2.
    """
    if not unordered:
        return np.zeros((0, 0), dtype=np.float32)
    # One for no value before the levels, one after them for levels of rows not fitted on.
    levels = max(int(given[:, one].max()) + 3 for one in unordered)
    ranks = np.empty((len(unordered), levels), dtype=np.float32)
    for row, feature in enumerate(unordered):
        level = given[:, feature].astype(np.int64) + 1
        rows = np.bincount(level, minlength=levels)
        sums = np.bincount(level, weights=target, minlength=levels)
        means = np.where(rows > 0, sums / np.maximum(rows, 1), target.mean())
        ranks[row, np.argsort(means, kind="stable")] = np.arange(levels)
    return ranks


def ranked(
    given: npt.NDArray[np.float32], unordered: Sequence[int], ranks: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """The variables before as a tree sees them, in memory of their own."""
    if not unordered:
        return given
    seen = np.array(given, dtype=np.float32, order="C")
    for row, feature in enumerate(unordered):
        seen[:, feature] = ranks[row].take(seen[:, feature].astype(np.int64) + 1, mode="clip")
    return seen


def _target(codes: Codes, *, ordered: bool) -> npt.NDArray[Any]:
    if ordered:
        return codes.astype(np.float64)
    most = min(MAX_CLASSES, len(codes) // 4)
    common = np.argsort(-np.bincount(codes), kind="stable")[:most]
    classes = np.full(codes.max() + 1, MAX_CLASSES, dtype=np.int32)
    classes[common] = np.arange(len(common))
    return classes[codes]
