"""An order of the levels of a category, where all that it goes with shows one.

"Agree" lies between "Neutral" and "Strongly agree": those who answer so answer other questions
in between as well. When the mean profiles of a category's levels, over all other variables, lie
on one line, their places on it are an order, and the category can be drawn like a number.
Sources: Greenacre, Correspondence Analysis in Practice, 2007; Young, Quantitative analysis of
qualitative data, Psychometrika 46, 1981.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from datagen_nb.synth.trees.linear import MAX_LEVELS, Codes, Floats, Scores

MAX_ROWS = 5_000
"""Rows that are looked at."""

ROUNDS = 3
"""How often the orders of all categories are found anew from each other's."""

ON_A_LINE = 0.85
"""Share of what profiles differ in, beyond chance, that lies on the line."""

BEYOND_CHANCE = 2.0
"""How much more than by chance profiles differ along the line at least."""


def order_levels(
    variables: Sequence[Codes], ordered: Sequence[bool]
) -> list[npt.NDArray[np.int32] | None]:
    """Find orders of levels.

    Args:
        variables: The codes of each variable, one a row; -1 for no value.
        ordered: For each, whether nearness of its codes means something already.

    Returns:
        For each variable its levels in order; ``None`` where it needs none or shows none.
    """
    rows = len(variables[0]) if variables else 0
    every = slice(None, None, max(-(-rows // MAX_ROWS), 1))
    codes = [one[every] for one in variables]
    levels = [int(one.max(initial=0)) + 1 for one in codes]
    wanted = [
        place
        for place, size in enumerate(levels)
        if not ordered[place] and 2 < size <= MAX_LEVELS and (codes[place] >= 0).any()
    ]
    orders: list[npt.NDArray[np.int32] | None] = [None] * len(codes)
    features = {
        place: _indicators(one, levels[place]) if place in wanted else _scores(one)
        for place, one in enumerate(codes)
        if place in wanted or ordered[place] or levels[place] == 2
    }
    if not wanted or len(features) < 3:
        return orders
    for _ in range(ROUNDS):
        found = {}
        joined = np.hstack(list(features.values()))
        widths = [feature.shape[1] for feature in features.values()]
        begins = dict(zip(features, np.cumsum([0, *widths]), strict=False))
        for place in wanted:
            own = begins[place]
            own_width = features[place].shape[1]
            others = np.delete(joined, np.s_[own : own + own_width], axis=1)
            on_line, orders[place] = _line(codes[place], levels[place], others)
            found[place] = _scores(_placed(codes[place], on_line))
        features |= found
    return orders


def _line(codes: Codes, levels: int, others: Floats) -> tuple[Floats, npt.NDArray[np.int32] | None]:
    """The places of levels on the line nearest to their profiles, and their order if it holds."""
    known = codes >= 0
    rows = int(known.sum())
    members = np.zeros((levels, len(codes)))
    members[codes[known], np.flatnonzero(known)] = 1
    counts = members.sum(axis=1)
    used = counts > 0
    weights = np.sqrt(np.maximum(counts, 1))
    centre = others[known].mean(axis=0)
    profiles = ((members @ others) / np.maximum(counts, 1)[:, None] - centre) * weights[:, None]
    profiles[~used] = 0
    # By chance, each of levels - 1 directions holds the variance of one row.
    by_chance = float(others.var(axis=0).sum())
    axes, sizes, _ = np.linalg.svd(profiles, full_matrices=False)
    inertia = sizes**2
    on_line = axes[:, 0] / weights
    beyond = float(np.maximum(inertia - by_chance, 0).sum())
    first = float(inertia[0]) - by_chance
    holds = (
        rows >= 10 * levels and first > BEYOND_CHANCE * by_chance and first >= ON_A_LINE * beyond
    )
    order = np.argsort(np.where(used, on_line, np.inf), kind="stable").astype(np.int32)
    return on_line, order if holds else None


def _placed(codes: Codes, on_line: Floats) -> Codes:
    places = np.empty(len(on_line), dtype=np.int32)
    places[np.argsort(on_line, kind="stable")] = np.arange(len(on_line))
    return np.where(codes < 0, np.int32(-1), places[codes])


def _scores(codes: Codes) -> Floats:
    """Normal scores as one column, with variance 1; 0 for no value."""
    known = codes >= 0
    column = np.zeros((len(codes), 1))
    if known.any():
        scores = Scores.of(codes[known])
        column[known, 0] = scores.means[codes[known]] / np.sqrt(scores.variance)
    return column


def _indicators(codes: Codes, levels: int) -> Floats:
    """A column for each level, so weighed that the columns vary by 1 together."""
    columns = (codes[:, None] == np.arange(levels)).astype(np.float64)
    shares = np.maximum(columns.mean(axis=0), 1 / len(codes))
    weighed: Floats = columns / np.sqrt(shares * max(levels - 1, 1))
    return weighed
