"""Which pairs of columns are counted together: a spanning tree, chosen by noisy scores.

Source: McKenna, Miklau and Sheldon, Winning the NIST contest: a scalable and general approach to
differentially private synthetic data, 2021 (MST); McKenna, Mullins, Sheldon and Miklau, AIM: an
adaptive and iterative mechanism for differentially private synthetic data, 2022, for what the noise
of a pair of many cells is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen_nb.synth.marginals.mechanisms import Counts, Curator

Codes = npt.NDArray[np.int64]
Masses = npt.NDArray[np.float64]
Edge = tuple[int, int]

PAIRS = "which pairs"
"""Purpose in the account."""


def joint(first: Codes, second: Codes, shape: tuple[int, int]) -> Counts:
    """Rows of each pair of codes."""
    flat = np.bincount(first * shape[1] + second, minlength=shape[0] * shape[1])
    return flat.reshape(shape).astype(np.int64)


def score(counts: Counts, expected: Counts, deviation: float) -> int:
    """How far a pair is from independence, less what the noise of its cells takes away.

    A row more changes one cell by 1, and so the score by 1 at most: what is expected and the noise
    come from noisy counts, and are the same for both tables. All is in whole numbers, so that no
    rounding adds to it.

    Args:
        counts: Rows of each pair of codes.
        expected: The same of independent columns, by noisy counts.
        deviation: Of the noise with which the pair would be counted.
    """
    noise = round(sqrt(2 / pi) * deviation * counts.size)
    return int(np.abs(counts - expected).sum()) - noise


def spanning_tree(
    codes: Sequence[Codes],
    margins: Sequence[Masses],
    deviation: float,
    curator: Curator,
    rho: Fraction,
) -> list[Edge]:
    """Pairs of columns that join all of them, in no circle.

    Args:
        codes: Of the rows, for each column.
        margins: Rows of each code, by noisy counts, with the same sum for each column.
        deviation: Of the noise with which pairs will be counted.
        curator: Chooses.
        rho: What all choices cost at most.
    """
    count = len(codes)
    scores = {
        (one, other): score(
            joint(codes[one], codes[other], (len(margins[one]), len(margins[other]))),
            independent(margins[one], margins[other]),
            deviation,
        )
        for one in range(count)
        for other in range(one + 1, count)
    }
    group = list(range(count))
    edges: list[Edge] = []
    for _ in range(count - 1):
        open_edges = [edge for edge in scores if group[edge[0]] != group[edge[1]]]
        chosen = curator.choose(PAIRS, [scores[edge] for edge in open_edges], rho / (count - 1))
        one, other = open_edges[chosen]
        edges.append((one, other))
        old, new = group[other], group[one]
        group = [new if each == old else each for each in group]
    return edges


def independent(first: Masses, second: Masses) -> Counts:
    """Rows of each pair of codes if the columns were independent, as whole numbers."""
    total = max(float(first.sum()), 1.0)
    return np.rint(np.outer(first, second) / total).astype(np.int64)


def from_root(edges: Sequence[Edge], count: int) -> list[tuple[int, int | None]]:
    """Columns in an order in which each follows the one that it is drawn from, which is named."""
    near: dict[int, list[int]] = {place: [] for place in range(count)}
    for one, other in edges:
        near[one].append(other)
        near[other].append(one)
    root = max(range(count), key=lambda place: len(near[place]))
    order: list[tuple[int, int | None]] = [(root, None)]
    for place, parent in order:
        order += [(each, place) for each in near[place] if each != parent]
    return order


def to_total(counts: npt.NDArray[Any], total: float) -> Masses:
    """The nearest counts from 0 with this sum: noise in cells without rows goes.

    Source: Duchi, Shalev-Shwartz, Singer and Chandra, Efficient projections onto the l1-ball, 2008.
    """
    flat = counts.ravel().astype(np.float64)
    highest = np.sort(flat)[::-1]
    over = (np.cumsum(highest) - total) / np.arange(1, len(flat) + 1)
    cut = over[np.flatnonzero(highest > over)[-1]]
    found: Masses = np.maximum(flat - cut, 0.0).reshape(counts.shape)
    return found


def consistent(counts: Counts, rows: Masses, columns: Masses, *, rounds: int = 30) -> Masses:
    """Counts of pairs that add up to those of each column, nearly.

    Source: Deming and Stephan, On a least squares adjustment of a sampled frequency table when the
    expected marginal totals are known, 1940.
    """
    found = to_total(counts, float(rows.sum()))
    found += 1e-6 * np.outer(rows, columns) / max(float(rows.sum()), 1.0)
    for _ in range(rounds):
        found *= (rows / np.maximum(found.sum(axis=1), 1e-300))[:, None]
        found *= (columns / np.maximum(found.sum(axis=0), 1e-300))[None, :]
    return found
