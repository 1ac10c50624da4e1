"""A model with formal differential privacy: that of noisy counts, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from datagen_nb.synth.marginals.accountant import Spent
from datagen_nb.synth.model import Model


@dataclass(frozen=True, slots=True)
class Guarantee:
    """Epsilon and delta of everything that was found out about the rows.

    Attributes:
        epsilon: Of (epsilon, delta)-differential privacy.
        delta: Of the same.
        rho: Of zCDP: what there was to spend.
        spent: What was spent on what.
    """

    epsilon: float
    delta: float
    rho: float
    spent: tuple[Spent, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PrivateModel(Model):
    """What was found out about a table by noisy counts.

    ``rows`` is a noisy count too.

    Attributes:
        guarantee: What it cost.
    """

    guarantee: Guarantee

    @property
    def privacy(self) -> str:
        found = self.guarantee
        return (
            f"differentially private with epsilon {found.epsilon:g} and delta {found.delta:g}; "
            "names and types of the columns, kinds and bounds are taken as known"
        )
