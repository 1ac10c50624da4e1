"""Sequential randomised trees: each variable is drawn given those before it.

A tree cuts the rows it learnt from into leaves of some dozens of rows that agree in what
matters for its variable; a new row falls into a leaf and takes the code of one of its rows.
Source: Nowok, Raab and Dibben, synthpop, Journal of Statistical Software 74(11), 2016; Geurts,
Ernst and Wehenkel, Extremely randomized trees, Machine Learning 63, 2006.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.tree import ExtraTreeClassifier, ExtraTreeRegressor
from sklearn.tree._tree import NODE_DTYPE, Tree

from datagen_nb.synth.margins import Codes

LEAF = 30
MOST_LEAF = 100
LEAVES = 450
"""A leaf has at least one in ``LEAVES`` of the rows, within these bounds: fewer would let single
rows be told apart, as the distance to the closest record shows; more would blur the table."""

MOST_CLASSES = 48
"""Classes that a tree tells apart; rarer ones are learnt together, but drawn as they are."""

MOST_FEATURES = 24
"""Variables that a node looks at, at most: keeps wide tables affordable."""

Nodes = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class LeafTree:
    """A tree and the codes in its leaves.

    Attributes:
        nodes: scikit-learn's nodes; empty for a tree that is one leaf.
        features: How many variables stand before this one.
        starts: For each node, where its codes begin.
        counts: For each node, how many it has; 0 for inner nodes.
        codes: The codes, leaf after leaf.
        unordered: Which of the variables before are categories.
        ranks: For each of these, the place of each code, nulls first, in an order of this tree.
    """

    nodes: Nodes
    features: int
    starts: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    codes: Codes
    unordered: tuple[int, ...]
    ranks: npt.NDArray[np.float32]

    def draw(self, given: npt.NDArray[np.float32], random: np.random.Generator) -> Codes:
        """A code for each row of ``given`` (rows x variables before)."""
        if not len(self.nodes):
            return self.codes[_spread(np.zeros(len(given), np.uint16), random, len(self.codes))]
        leaves: Nodes = self._tree().apply(
            _ranked(given[:, : self.features], self.unordered, self.ranks)
        )
        return self.codes[self.starts[leaves] + _spread(leaves, random, self.counts[leaves])]

    def _tree(self) -> Any:
        tree = Tree(self.features, np.array([1], dtype=np.intp), 1)
        tree.__setstate__(
            {
                "max_depth": 1,
                "node_count": len(self.nodes),
                "nodes": self.nodes,
                "values": np.zeros((len(self.nodes), 1, 1)),
            }
        )
        return tree


def nodes_of(data: npt.NDArray[np.uint8]) -> Nodes:
    """Nodes from the bytes of their array."""
    return data.view(NODE_DTYPE)


def _spread(leaves: Nodes, random: np.random.Generator, counts: Any) -> Nodes:
    """A place in its leaf for each row, 0 to below the leaf's count.

    Rows of one leaf share its codes out evenly, in random order, instead of each drawing alone: a
    value that one row in a thousand has is then made once in a thousand, not by chance never or
    thrice, and a single outlier does not bend a whole correlation. (Systematic resampling.)
    """
    shuffled = random.permutation(len(leaves))
    sizes = np.bincount(leaves)
    small = np.min_scalar_type(len(sizes))  # short integers are sorted by radix
    order = shuffled[np.argsort(leaves[shuffled].astype(small), kind="stable")]
    begins = np.cumsum(sizes) - sizes
    rank = np.empty(len(leaves), dtype=np.int64)
    rank[order] = np.arange(len(leaves)) - begins[leaves[order]]
    share = (rank + random.random(len(sizes))[leaves]) / sizes[leaves]
    places: Nodes = np.minimum((share * counts).astype(np.int64), counts - 1)
    return places


def grow(
    given: npt.NDArray[np.float32],
    codes: Codes,
    *,
    ordered: bool,
    unordered: Sequence[int],
    seed: int,
) -> LeafTree:
    """Learn to draw ``codes`` given the variables before.

    Args:
        given: Rows x variables.
        codes: One a row.
        ordered: Whether nearness of codes means something.
        unordered: The variables before of whose codes it means nothing.
        seed: Of the splits.
    """
    rows, features = given.shape
    if not features or rows < 2 * LEAF or codes.min() == codes.max():
        none = np.zeros(0, dtype=NODE_DTYPE)
        nothing = np.zeros(0, dtype=np.int64)
        no_ranks = np.zeros((0, 0), dtype=np.float32)
        return LeafTree(none, features, nothing, nothing, np.sort(codes), (), no_ranks)
    unordered = tuple(unordered) if ordered else ()
    ranks = _ranks(given, codes, unordered)
    given = _ranked(given, unordered, ranks)
    kind = ExtraTreeRegressor if ordered else ExtraTreeClassifier
    tree = kind(
        min_samples_leaf=min(max(LEAF, rows // LEAVES), MOST_LEAF),
        max_features=min(features, MOST_FEATURES),
        random_state=seed % 2**32,
    )
    tree.fit(given, _target(codes, ordered=ordered), check_input=True)
    leaves = tree.tree_.apply(given)
    order = np.lexsort((codes, leaves))
    counts = np.bincount(leaves, minlength=tree.tree_.node_count)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    nodes = _clean(tree.tree_.__getstate__()["nodes"])
    return LeafTree(nodes, features, starts, counts, codes[order], unordered, ranks)


def _ranks(
    given: npt.NDArray[np.float32], codes: Codes, unordered: Sequence[int]
) -> npt.NDArray[np.float32]:
    """Order the codes of each category by the mean they go with.

    One split then parts the categories as well as any choice among all subsets would.
    Source: Breiman et al., Classification and Regression Trees, 1984, section 4.2.2.
    """
    if not unordered:
        return np.zeros((0, 0), dtype=np.float32)
    levels = int(given[:, unordered].max()) + 2
    ranks = np.empty((len(unordered), levels), dtype=np.float32)
    for row, feature in enumerate(unordered):
        level = given[:, feature].astype(np.int64) + 1
        rows = np.bincount(level, minlength=levels)
        sums = np.bincount(level, weights=codes, minlength=levels)
        means = np.where(rows > 0, sums / np.maximum(rows, 1), codes.mean())
        ranks[row, np.argsort(means, kind="stable")] = np.arange(levels)
    return ranks


def _ranked(
    given: npt.NDArray[np.float32], unordered: Sequence[int], ranks: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """The variables before as a tree sees them, in memory of their own."""
    seen = np.array(given, dtype=np.float32, order="C")
    for row, feature in enumerate(unordered):
        seen[:, feature] = ranks[row, seen[:, feature].astype(np.int64) + 1]
    return seen


def _clean(nodes: Nodes) -> Nodes:
    """The same nodes without what scikit-learn left unset, in leaves and between the fields."""
    clean = np.zeros(len(nodes), dtype=NODE_DTYPE)
    for name in NODE_DTYPE.names:
        clean[name] = nodes[name]
    clean["missing_go_to_left"][nodes["left_child"] < 0] = 0
    return clean


def _target(codes: Codes, *, ordered: bool) -> npt.NDArray[Any]:
    if ordered:
        return codes.astype(np.float64)
    common = np.argsort(-np.bincount(codes), kind="stable")[:MOST_CLASSES]
    classes = np.full(codes.max() + 1, MOST_CLASSES, dtype=np.int32)
    classes[common] = np.arange(len(common))
    return classes[codes]
