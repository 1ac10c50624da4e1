"""How a variable depends on those drawn before it: a tree with codes in its leaves or a regression.

``grow`` fits both, and the tree once more given a prediction of the variable. It keeps the one
under which rows that were left out are more likely. Sampling variable after variable, each given
those before, makes rows. What is drawn is always a code; ``Margin`` makes values of codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datagen_nb.synth.trees.boosted import Predicted
from datagen_nb.synth.trees.choice import best_model
from datagen_nb.synth.trees.leaves import Codes, LeafTree, Matrix
from datagen_nb.synth.trees.linear import NO_VALUE, Linear, Scores
from datagen_nb.synth.trees.ordinal import order_levels
from datagen_nb.synth.trees.screening import strongest

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

    model: LeafTree | Linear | Predicted
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
    predict: bool = True,
) -> Conditional:
    """Fit a variable given those before it.

    Args:
        given: Rows x variables before, as ``seen`` by later ones.
        codes: One a row; negative where the row has no value, and is not fitted on.
        ordered: Whether nearness of codes means something.
        unordered: The variables before of whose codes it means nothing.
        seed: Of all that is random.
        levels: The codes in an order by which they are ``ordered``; ``None`` for their own.
        predict: Whether a prediction is tried, which draws more slowly.
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
    model = best_model(
        given,
        known,
        scores,
        ordered=ordered,
        unordered=unordered,
        seed=seed,
        predict=predict,
    )
    if not ordered:
        seen = np.arange(-1, len(scores.means))
    elif levels is None:
        seen = np.concatenate([[NO_VALUE], scores.means])
    else:
        seen = np.full(len(levels) + 1, NO_VALUE)
        seen[1 + levels[: len(scores.means)]] = scores.means
    return Conditional(model, variables, levels, seen.astype(np.float32))
