"""How columns depend on each other, by noisy counts of pairs.

Pairs are chosen and counted in two rounds. A spanning tree comes first; rows are drawn from what it
says, and the pairs that they have least right come next. A column is then drawn given up to
``MOST_PARENTS`` of those before it, as all counted pairs with them say and nothing more.

Source: McKenna, Mullins, Sheldon and Miklau, AIM, 2022, for the second round; Deming and Stephan,
1940, for the most even counts of several columns that agree with those of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod

import numpy as np

from datagen_nb.synth.marginals.drawing import ColumnCounts, Link
from datagen_nb.synth.marginals.mechanisms import Counts, Curator, variance_for
from datagen_nb.synth.marginals.pairs import (
    CHOICES,
    Codes,
    Edge,
    Masses,
    chance_of,
    consistent,
    denoised,
    from_root,
    independent,
    joint,
    score,
    spanning_tree,
)

OF_CHOICES, OF_TREE = Fraction(1, 6), Fraction(1, 4)
"""Shares of what is spent on pairs: for their choice, and for the first counts of the tree. The
rest is for counts of all that were chosen, those of the tree again."""

MOST_PARENTS = 3
"""Columns that one is drawn given."""

MOST_CELLS = 2**17
"""Of a column together with those that it is drawn given: eight bytes each in a model."""

MOST_DRAWN, FEWEST_DRAWN = 50_000, 5_000
"""Rows that are drawn to find what counts say together."""

ROUNDS = 20
"""Of fitting counts of several columns to those of pairs."""

PAIRS = "pairs"
"""Purpose in the account."""


def pairs_of(columns: int) -> int:
    """How many pairs of so many columns are counted at most."""
    tree = columns - 1
    return min(tree + tree * 3 // 2, columns * tree // 2)


@dataclass(slots=True)
class Dependence:
    """Pairs of the columns of one table.

    Attributes:
        columns: Counted by themselves.
        grouped: Of the rows, for each column: the group of each.
        curator: Counts and chooses.
        rho: What all of it costs at most.
    """

    columns: Sequence[ColumnCounts]
    grouped: Sequence[Codes]
    curator: Curator
    rho: Fraction
    _sizes: list[int] = field(init=False)
    _joints: dict[Edge, Counts] = field(init=False)
    _counted: dict[Edge, tuple[float, Masses]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._sizes = [len(one.margin) for one in self.columns]
        places = range(len(self.columns))
        self._joints = {
            (one, other): joint(
                self.grouped[one], self.grouped[other], (self._sizes[one], self._sizes[other])
            )
            for one in places
            for other in places[one + 1 :]
        }

    def links(self) -> list[Link]:
        """Choose pairs, count them, and say how each column is drawn."""
        count = len(self.columns)
        if count == 1:
            return [Link.of(0, (), self.columns[0].margin)]
        each = self.rho * OF_CHOICES / pairs_of(count)
        tree = spanning_tree(self._scores(None), count, self.curator, each)
        self._count(tree, self.rho * OF_TREE)
        parents: dict[int, list[int]] = {
            place: [] if parent is None else [parent] for place, parent in from_root(tree, count)
        }
        further = self._further(parents, each)
        rest = self.rho * (1 - OF_TREE) - each * (len(tree) + len(further))
        self._count([*tree, *(edge for edge in further if edge is not None)], rest)
        return self._drawn(parents)[0]

    def _further(self, parents: dict[int, list[int]], each: Fraction) -> list[Edge | None]:
        """Choose pairs that the tree does not explain, and add them; at the end perhaps none."""
        scores = self._scores(self._drawn(parents)[1])
        order = {place: number for number, place in enumerate(parents)}
        open_edges = list(scores)
        chosen: list[Edge | None] = []
        for _ in range(pairs_of(len(self.columns)) - len(self.columns) + 1):
            # What may be chosen depends on earlier choices alone.
            open_edges = [edge for edge in open_edges if self._fits(edge, parents, order)]
            place = self.curator.choose(CHOICES, [0, *(scores[one] for one in open_edges)], each)
            chosen.append(open_edges[place - 1] if place else None)
            if not place:
                break
            first, last = sorted(open_edges[place - 1], key=order.__getitem__)
            parents[last].append(first)
        return chosen

    def _fits(self, edge: Edge, parents: dict[int, list[int]], order: dict[int, int]) -> bool:
        first, last = sorted(edge, key=order.__getitem__)
        known = parents[last]
        if first in known or len(known) == MOST_PARENTS:
            return False
        return prod(self._sizes[one] for one in (first, last, *known)) <= MOST_CELLS

    def _scores(self, drawn: dict[int, Codes] | None) -> dict[Edge, int]:
        """How wrong each pair is in drawn rows, or if all columns were independent."""
        total = float(self.columns[0].margin.sum())
        variance = variance_for(self.rho * (1 - OF_CHOICES) / pairs_of(len(self.columns)))
        found = {}
        for edge, counts in self._joints.items():
            one, other = edge
            expected, chance = independent(*self._margins(edge)), total
            if drawn is not None:
                rows = len(drawn[one])
                expected = joint(drawn[one], drawn[other], counts.shape) * total / rows
                chance += total * total / rows
            found[edge] = score(
                counts,
                np.rint(expected).astype(np.int64),
                chance_of(counts.shape, chance, variance),
            )
        return found

    def _count(self, edges: Sequence[Edge], rho: Fraction) -> None:
        """Count pairs, each at the same cost; what was counted already gets more certain."""
        for edge in edges:
            noisy = self.curator.count(PAIRS, self._joints[edge], rho / len(edges))
            certain, known = self._counted.get(edge, (0.0, np.zeros(noisy.counts.shape)))
            more = 1 / noisy.variance
            mean = (certain * known + more * noisy.counts) / (certain + more)
            self._counted[edge] = certain + more, mean

    def _drawn(self, parents: dict[int, list[int]]) -> tuple[list[Link], dict[int, Codes]]:
        """How each column is drawn, and rows that are drawn so."""
        total = float(self.columns[0].margin.sum())
        rows = int(np.clip(total, FEWEST_DRAWN, MOST_DRAWN))
        random = np.random.default_rng(0)
        links: list[Link] = []
        drawn: dict[int, Codes] = {}
        for place, known in parents.items():
            counts = self.columns[place].margin
            if known:
                sizes = tuple(self._sizes[one] for one in known)
                before = together([drawn[one] for one in known], sizes)
                counts = agreeing(before, [self._pair(one, place) for one in known])
            link = Link.of(place, known, counts)
            drawn[place] = link.groups(drawn, rows, random)
            links.append(link)
        return links, drawn

    def _pair(self, parent: int, place: int) -> Masses:
        """Counts of a pair: a line for each group of the parent."""
        edge = min(parent, place), max(parent, place)
        certain, counts = self._counted[edge]
        margins = self._margins(edge)
        found = consistent(denoised(counts, independent(*margins), 1 / certain), *margins)
        return found if edge[0] == parent else found.T

    def _margins(self, edge: Edge) -> tuple[Masses, Masses]:
        return self.columns[edge[0]].margin, self.columns[edge[1]].margin


def together(drawn: Sequence[Codes], sizes: tuple[int, ...]) -> Masses:
    """Shares of combinations of groups; what was not drawn has a little, as if independent."""
    flat = np.ravel_multi_index(tuple(drawn), sizes)
    found = np.bincount(flat, minlength=prod(sizes)).astype(np.float64)
    even = np.ones(1)
    for codes, size in zip(drawn, sizes, strict=True):
        even = np.outer(even, np.bincount(codes, minlength=size) + 0.5).ravel()
    found += 0.01 * len(found) * even / even.sum()
    shares: Masses = (found / found.sum()).reshape(sizes)
    return shares


def agreeing(before: Masses, pairs: Sequence[Masses]) -> Masses:
    """Shares of combinations of groups of several columns and one more.

    They are those of ``before`` without the last column, agree with each pair, and are else as even
    as can be.

    Args:
        before: Shares of the combinations of the columns before.
        pairs: Of each of these with the column: a line for each of its groups.
    """
    axes = range(before.ndim)
    found: Masses = before[..., None] * (pairs[0].sum(axis=0) / max(float(pairs[0].sum()), 1e-300))
    targets = []
    for axis, pair in enumerate(pairs):
        lines = before.sum(axis=tuple(one for one in axes if one != axis))
        given = (pair + 1e-9) / (pair + 1e-9).sum(axis=1, keepdims=True)
        targets.append(given * lines[:, None])
    for _ in range(ROUNDS if before.ndim > 1 else 1):
        for axis, target in enumerate(targets):
            others = tuple(one for one in axes if one != axis)
            factor = target / np.maximum(found.sum(axis=others), 1e-300)
            shape = [len(target) if one == axis else 1 for one in axes]
            found *= factor.reshape(*shape, -1)
        found *= (before / np.maximum(found.sum(axis=-1), 1e-300))[..., None]
    return found
