"""The costly figures of a report, which are measured on request.

Each is a mean over several draws or folds with its standard error, beside what real rows get.
"""

from __future__ import annotations

from typing import Literal

from datagen_nb.core.wire_model import WireModel

CHECKS = ("detection", "membership")
"""What ``parameters.evaluate`` can ask for."""

INSEPARABLE, SEPARABLE = 0.8, 0.95
"""Up to the first AUC of a two-sample test a result can be good, up to the second usable."""

ATTACK_OK, ATTACK_BAD = 0.55, 0.62
"""Up to the first AUC an attack is harmless, up to the second a reason for caution."""

KEPT, MOSTLY_KEPT = 0.9, 0.8
"""From these shares of the real rows' score on, utility is good, and usable."""

SURE, VERY_SURE = 2.0, 3.0
"""Standard errors that a figure lies beyond a bound to count, and to be a reason for alarm."""

NAMED = 8
"""Driving columns that are named."""


class Measured(WireModel):
    """A figure with its noise.

    Args:
        mean: Over the draws or folds.
        error: Its standard error.
    """

    mean: float
    error: float

    def in_words(self) -> str:
        """Both, as in ``0.572 ± 0.001``."""
        return f"{self.mean:.3f} ± {self.error:.3f}"

    def is_beyond(self, bound: float, errors: float = SURE) -> bool:
        """Whether it is above a bound by more than so many standard errors."""
        return self.mean - errors * self.error > bound


class DrivingColumn(WireModel):
    """A column by which a classifier separates synthetic rows from real ones.

    Args:
        column: The column.
        importance: How much the AUC falls, on rows that were not fitted to, when the values of the
            column are shuffled.
    """

    column: str
    importance: Measured


class Detection(WireModel):
    """The classifier two-sample test, C2ST: can boosted trees separate synthetic from real rows?

    Args:
        auc: Area under the ROC curve on rows that were not fitted to; 0.5 if they cannot, 1 if
            they always can.
        auc_real: The same of training rows in place of the synthetic ones: 0.5 but for noise.
        columns: Those that drive it, the most important first; at most 50.
        rows: Rows of each side; the real ones were held back.
    """

    auc: Measured
    auc_real: Measured
    columns: tuple[DrivingColumn, ...] = ()
    rows: int

    @property
    def driving(self) -> tuple[DrivingColumn, ...]:
        """The columns of which the importance is beyond its noise."""
        return tuple(one for one in self.columns if one.importance.is_beyond(0.0))

    def in_words(self) -> str:
        """The figures, and the columns that drive it most."""
        words = (
            "Detection (C2ST): a classifier separates synthetic from real rows with AUC "
            f"{self.auc.in_words()}; 0.5 is chance, other real rows get {self.auc_real.in_words()}."
        )
        if not self.driving:
            return words
        names = ", ".join(one.column for one in self.driving[:NAMED])
        more = len(self.driving) - NAMED
        return f"{words} Driven by {names}{f' and {more} more' if more > 0 else ''}."


class Utility(WireModel):
    """Train on synthetic, test on real: how well a model of synthetic rows predicts real ones.

    Args:
        target: The column that is predicted.
        metric: ``"AUC"`` of a category, of several classes the mean of each against the others;
            ``"R²"`` of a number or an instant.
        score: Of boosted trees fitted to synthetic rows, on rows held back.
        score_real: Of those fitted to as many training rows, on the same rows.
        difference: The first minus the second.
        rows: Rows fitted to.
        rows_tested: Rows held back that were predicted.
    """

    target: str
    metric: Literal["AUC", "R²"]
    score: Measured
    score_real: Measured
    difference: Measured
    rows: int
    rows_tested: int

    def in_words(self) -> str:
        """The score beside that of real rows."""
        return (
            f"Utility: a model of {self.target} that is trained on synthetic rows has "
            f"{self.metric} {self.score.in_words()} on real rows, one trained on real rows "
            f"{self.score_real.in_words()}."
        )

    @property
    def kept(self) -> float | None:
        """Share of the real rows' score above chance that is kept; ``None`` if they have none."""
        chance = 0.5 if self.metric == "AUC" else 0.0
        real = self.score_real.mean - chance
        return None if real < 0.05 else max(self.score.mean - chance, 0.0) / real


class Membership(WireModel):
    """Membership inference: can an attacker see of a row whether it was fitted to?

    The attacker has the synthetic rows, and takes a row that is close to one of them for a
    training row.

    Args:
        auc: Of the attack, between training rows and rows held back; 0.5 is chance, 1 certainty.
        auc_fresh: The same with real rows, none of those attacked, in place of the synthetic ones.
        outliers_auc: Among the 5 % of these rows that are farthest from other real rows; ``None``
            if these are too few.
        outliers_auc_fresh: The same with real rows.
        rows: Rows attacked of each side.
        outliers: How many of all are the most outlying.
    """

    auc: Measured
    auc_fresh: Measured
    outliers_auc: Measured | None = None
    outliers_auc_fresh: Measured | None = None
    rows: int
    outliers: int = 0

    def in_words(self) -> str:
        """The attacks beside those by real rows."""
        words = (
            f"Membership inference: an attack has AUC {self.auc.in_words()}; 0.5 is chance, with "
            f"real rows in place of the synthetic ones it has {self.auc_fresh.in_words()}."
        )
        if self.outliers_auc is None or self.outliers_auc_fresh is None:
            return words
        return (
            f"{words} Of the most outlying 5 % of the rows: {self.outliers_auc.in_words()}, and "
            f"{self.outliers_auc_fresh.in_words()}."
        )

    @property
    def level(self) -> Literal["ok", "caution", "bad"]:
        """What the attacks show about privacy."""
        found = [each for each in (self.auc, self.outliers_auc) if each is not None]
        if any(each.mean > ATTACK_BAD and each.is_beyond(ATTACK_OK, VERY_SURE) for each in found):
            return "bad"
        is_caution = any(each.mean > ATTACK_OK and each.is_beyond(0.5, VERY_SURE) for each in found)
        return "caution" if is_caution else "ok"
