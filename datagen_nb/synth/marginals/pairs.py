"""Pairs of columns: how they are scored and chosen, and what is made of their noisy counts.

Source: McKenna, Miklau and Sheldon, Winning the NIST contest: a scalable and general approach to
differentially private synthetic data, 2021 (MST), for the spanning tree; McKenna, Mullins, Sheldon
and Miklau, AIM: an adaptive and iterative mechanism for differentially private synthetic data,
2022, for scores by what is not known yet, less what noise takes away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen_nb.synth.marginals.mechanisms import Counts, Curator

Codes = npt.NDArray[np.int64]
Masses = npt.NDArray[np.float64]
Edge = tuple[int, int]

CHOICES = "which pairs"
"""Purpose in the account."""


def joint(first: Codes, second: Codes, shape: tuple[int, int]) -> Counts:
    """Rows of each pair of codes."""
    flat = np.bincount(first * shape[1] + second, minlength=shape[0] * shape[1])
    return flat.reshape(shape).astype(np.int64)


def score(counts: Counts, expected: Counts, chance: float) -> int:
    """How far a pair is from what is expected, less what chance alone makes of it.

    A row more changes one cell by 1, and so the score by 1 at most: what is expected and the chance
    come from noisy counts, and are the same for both tables. All is in whole numbers, so that no
    rounding adds to it.

    Args:
        counts: Rows of each pair of codes.
        expected: The same by noisy counts.
        chance: The distance that chance and noise alone make, in rows.
    """
    return int(np.abs(counts - expected).sum()) - round(chance)


def chance_of(shape: tuple[int, int], rows: float, variance: float) -> float:
    """How far counts of a pair may be from what is expected by chance and noise alone.

    Args:
        shape: Codes of both columns.
        rows: Variance of all cells together, by which rows only happen to be where they are.
        variance: Of the noise with which each cell would be counted; ``denoised`` leaves that of as
            many cells as both columns have codes.
    """
    return sqrt(2 / pi * shape[0] * shape[1] * (rows + variance * sum(shape)))


def spanning_tree(
    scores: Mapping[Edge, int], count: int, curator: Curator, rho: Fraction
) -> list[Edge]:
    """Pairs of columns that join all of them, in no circle.

    Args:
        scores: Of each pair.
        count: Of columns.
        curator: Chooses.
        rho: What each choice costs at most.
    """
    group = list(range(count))
    edges: list[Edge] = []
    for _ in range(count - 1):
        open_edges = [edge for edge in scores if group[edge[0]] != group[edge[1]]]
        chosen = curator.choose(CHOICES, [scores[edge] for edge in open_edges], rho)
        one, other = open_edges[chosen]
        edges.append((one, other))
        old, new = group[other], group[one]
        group = [new if each == old else each for each in group]
    return edges


def independent(first: Masses, second: Masses) -> Masses:
    """Rows of each pair of codes if the columns were independent."""
    found: Masses = np.outer(first, second) / max(float(first.sum()), 1.0)
    return found


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


def denoised(counts: npt.NDArray[Any], expected: Masses, variance: float) -> Masses:
    """Counts of a pair without what noise alone would explain.

    How two columns depend on each other usually takes few directions, and noise is in all of them:
    the singular values of the difference from what is expected are shrunk, and those that noise
    reaches are 0.

    Source: Gavish and Donoho, Optimal shrinkage of singular values, 2017, for the Frobenius norm.

    Args:
        counts: Of each pair of codes, with noise.
        expected: The same if the columns were independent.
        variance: Of the noise in each cell.
    """
    left, values, right = np.linalg.svd(counts - expected, full_matrices=False)
    wide = sqrt(variance * max(counts.shape))
    aspect = min(counts.shape) / max(counts.shape)
    scaled = np.maximum(values / wide, 1 + sqrt(aspect))
    inside = np.maximum((scaled**2 - aspect - 1) ** 2 - 4 * aspect, 0.0)
    found: Masses = expected + (left * (wide * np.sqrt(inside) / scaled)) @ right
    return found


def consistent(
    counts: npt.NDArray[Any], rows: Masses, columns: Masses, *, rounds: int = 30
) -> Masses:
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
