"""Which of many variables a variable is fitted on: those that it goes with most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from datagen_nb.synth.trees.linear import NO_VALUE, Codes, Floats, Matrix

MAX_VARIABLES = 64
"""Variables before that a variable is fitted on at most."""

MAX_ROWS = 5_000
"""Rows that are looked at."""

MAX_CLASSES = 12
"""Levels of a category to draw that are looked at, the most frequent ones."""


def strongest(
    given: Matrix, codes: Codes, *, ordered: bool, unordered: Sequence[int]
) -> npt.NDArray[np.int32] | None:
    """The variables before that go most with a variable; ``None`` for all of them.

    Args:
        given: Rows x variables before.
        codes: One a row; negative where the row has no value.
        ordered: Whether nearness of codes means something.
        unordered: The variables before of whose codes it means nothing.
    """
    if given.shape[1] <= MAX_VARIABLES:
        return None
    known = np.flatnonzero(codes >= 0)
    known = known[:: -(-len(known) // MAX_ROWS)]
    targets = _targets(codes[known], ordered=ordered)
    found = given[known]
    missing = found == NO_VALUE
    found[missing] = 0
    spread = found.std(axis=0)
    strength = ((targets.T @ found) ** 2).sum(axis=0) / np.maximum(spread, 1e-6) ** 2
    for category in unordered:
        level = found[:, category].astype(np.int64) + 1
        counts = np.maximum(np.bincount(level), 1)
        sums = np.stack([np.bincount(level, weights=one) for one in targets.T])
        # Levels take their share of chance: as many as there are would explain anything.
        by_chance = (targets**2).sum() * (len(counts) - 2) / max(len(known) - 1, 1)
        strength[category] = ((sums**2 / counts).sum() - by_chance) * len(known)
    strength[spread <= 1e-6] = 0
    best = np.argsort(-strength, kind="stable")[:MAX_VARIABLES]
    return np.sort(best).astype(np.int32)


def _targets(codes: Codes, *, ordered: bool) -> Floats:
    """Rows x columns of mean 0: the codes, or whether each is one of the most frequent levels."""
    if ordered or codes.max() == 1:
        columns = codes[:, None].astype(np.float32)
    else:
        common = np.argsort(-np.bincount(codes), kind="stable")[:MAX_CLASSES]
        columns = (codes[:, None] == common).astype(np.float32)
    centred: Floats = columns - columns.mean(axis=0)
    return centred
