"""A variable whose normal score is linear in those of the variables before it.

Columns that share causes (questions of a survey, genes, sensors) each say a little; a tree that
looks at them one by one blurs their dependence, a regression on all of them keeps it. This is a
Gaussian copula taken variable by variable: the target is a normal variable cut into its codes at
the shares that these have, so every code, however discrete, keeps its share.
Sources: Pitt, Chan and Kohn, Efficient Bayesian inference for Gaussian copula regression models,
Biometrika 93(3), 2006; Olsson, Drasgow and Dorans, The polyserial correlation coefficient,
Psychometrika 47, 1982; Hoerl and Kennard, Ridge regression, Technometrics 12(1), 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]

NO_VALUE = -9.0
"""Stands for a missing value among normal scores, of which the least possible is about -6."""

MAX_TERMS = 64
"""Terms of a regression; of more variables, those that correlate most with the target."""

MAX_LEVELS = 12
"""Levels of a category that have a term of their own, the most frequent ones."""

PENALTIES = np.array([0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0])
"""Ridge penalties a row to choose from, by the error on left-out rows."""

DOUBT = 0.03
"""Share of the rows that may not follow the regression."""

MAX_FACTOR = 2.0
"""How much a regression that a penalty has shrunk is scaled up again at most."""

MAX_EXPLAINED = 0.9998
"""Share of the variance that a regression explains at most."""

GRID = 256
"""Places at which the distribution of predicted scores, and of scores, is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The normal scores of a variable's codes.

    Attributes:
        edges: Between each two codes, where a normal variable is cut so that they get their shares.
        means: For each code, the mean of that variable between its edges.
        variance: Of the means; 1 for a continuous variable, less for one of few codes.
    """

    edges: Floats
    means: Floats
    variance: float

    @classmethod
    def of(cls, codes: Codes) -> Scores:
        """Of codes 0 and above, at least one."""
        shares = np.bincount(codes) / len(codes)
        edges = ndtri(np.clip(np.cumsum(shares)[:-1], 0, 1))
        density = np.concatenate([[0.0], np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi), [0.0]])
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.where(shares > 0, -np.diff(density) / shares, 0.0)
        return cls(edges, means, max(float(shares @ means**2), 1e-9))


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What a regression is made of: scores of variables, and levels of categories.

    Attributes:
        variables: For each term, the variable before that it looks at.
        levels: For each term, the level whose presence it is; NaN for the score itself.
    """

    variables: npt.NDArray[np.int32]
    levels: Matrix

    def of(self, given: Matrix) -> Matrix:
        """Rows x terms; a missing score counts as the mean."""
        found = given[:, self.variables]
        is_level = ~np.isnan(self.levels)
        if is_level.any():
            found[:, is_level] = found[:, is_level] == self.levels[is_level]
        found[found == NO_VALUE] = 0
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """The regression of a variable's normal score.

    Attributes:
        terms: What it looks at.
        weights: For each term.
        constant: Added to their sum.
        spread: Standard deviation of what the terms leave open.
        edges: Where the score is cut into codes.
    """

    terms: Terms
    weights: Matrix
    constant: float
    spread: float
    edges: Floats

    def predict(self, given: Matrix) -> Floats:
        """The mean of the score of each row."""
        # Not by BLAS, whose last bits depend on how many rows there are.
        sums: Matrix = np.einsum("ij,j->i", self.terms.of(given), self.weights)
        scores: Floats = sums.astype(np.float64) + self.constant
        return scores

    def draw(self, given: Matrix, random: np.random.Generator) -> Codes:
        """A code for each row of ``given``."""
        scores = self.predict(given) + self.spread * random.standard_normal(len(given))
        return np.searchsorted(self.edges, scores).astype(np.int32)


def terms_of(given: Matrix, target: Floats, unordered: Sequence[int]) -> Terms:
    """The terms that correlate most with a target."""
    variables = np.setdiff1d(np.arange(given.shape[1]), unordered)
    levels = [np.full(len(variables), np.nan)]
    places = [variables]
    for category in unordered:
        counts = np.bincount(given[:, category].astype(np.int64) + 1)[1:]
        common = np.argsort(-counts, kind="stable")[:MAX_LEVELS]
        common = np.sort(common[counts[common] > 0])[1:] if len(counts) > 1 else common[:0]
        places.append(np.full(len(common), category))
        levels.append(common.astype(np.float64))
    terms = Terms(
        np.concatenate(places).astype(np.int32), np.concatenate(levels).astype(np.float32)
    )
    if len(terms.variables) <= MAX_TERMS:
        return terms
    strength = np.abs(_strength(terms.of(given), target))
    best = np.sort(np.argsort(-strength, kind="stable")[:MAX_TERMS])
    return Terms(terms.variables[best], terms.levels[best])


def _strength(terms: Matrix, target: Floats) -> Floats:
    sums = (target - target.mean()) @ terms
    spread = terms.std(axis=0)
    found: Floats = np.where(spread > 1e-6, sums / np.maximum(spread, 1e-6), 0.0)
    return found


def fit(
    given: Matrix, codes: Codes, scores: Scores, unordered: Sequence[int]
) -> tuple[Linear, Floats] | None:
    """Fit a regression, and predict the score of each row from the other rows.

    Returns:
        ``None`` where nothing before varies.
    """
    target = scores.means[codes]
    terms = terms_of(given, target, unordered)
    found = terms.of(given).astype(np.float64)
    rows, centre, target = len(codes), found.mean(axis=0), target - target.mean()
    found -= centre
    scale = found.std(axis=0)
    if not (scale > 1e-6).any():
        return None
    scale[scale <= 1e-6] = np.inf
    found /= scale
    # Ridge regression for all penalties at once, and its error on each row left out.
    sizes, axes = np.linalg.eigh(found.T @ found)
    rotated = found @ axes
    shrunk = 1 / (np.maximum(sizes, 0)[:, None] + rows * PENALTIES)
    fitted = rotated @ ((rotated.T @ target)[:, None] * shrunk)
    leverage = np.minimum(rotated**2 @ shrunk + 1 / rows, 0.99)
    left_out = target[:, None] - (target[:, None] - fitted) / (1 - leverage)
    # What a penalty shrinks too much or too little is scaled back, by what is left out again.
    sizes = np.maximum((left_out**2).sum(axis=0), 1e-12)
    factors = np.clip(target @ left_out / sizes, 0, MAX_FACTOR)
    best = int(np.argmin(((target[:, None] - factors * left_out) ** 2).sum(axis=0)))
    predicted, size, factor = left_out[:, best], float(sizes[best]), float(factors[best])
    # A target of few codes, whose scores vary less than the normal variable behind them, depends
    # as much as that variable does.
    factor /= scores.variance
    explained = factor**2 * size / rows
    if explained > MAX_EXPLAINED:
        factor *= np.sqrt(MAX_EXPLAINED / explained)
        explained = MAX_EXPLAINED
    weights = factor * (axes @ ((rotated.T @ target) * shrunk[:, best])) / scale
    constant = -float(weights @ centre)
    spread = float(np.sqrt(1 - explained))
    fitted_scores = factor * fitted[:, best]
    edges = cut(fitted_scores, spread, np.bincount(codes, minlength=len(scores.means)) / rows)
    linear = Linear(terms, weights.astype(np.float32), constant, spread, edges)
    return linear, factor * predicted


def cut(predicted: Floats, spread: float, shares: Floats) -> Floats:
    """Where scores are cut so that the codes get their shares.

    Scores around predictions of few values, as of two clusters, are not normally distributed: cut
    where a normal variable would be, the codes of a tail would be drawn too rarely.

    Args:
        predicted: The predicted scores of some rows.
        spread: Standard deviation of scores around them.
        shares: Of the codes, adding up to 1.
    """
    counts, bounds = np.histogram(predicted, GRID)
    places = np.linspace(bounds[0] - 6 * spread, bounds[-1] + 6 * spread, GRID)
    found = np.flatnonzero(counts)
    centres = (bounds[found] + bounds[found + 1]) / 2
    below = ndtr((places[:, None] - centres) / spread) @ (counts[found] / len(predicted))
    wanted = np.cumsum(shares)[:-1]
    edges: Floats = np.interp(wanted, below, places)
    edges[wanted <= 0], edges[wanted >= 1] = -np.inf, np.inf
    return edges


def log_likelihood(codes: Codes, predicted: Floats, spread: float, edges: Floats) -> Floats:
    """Logarithm of the probability of each row's code, given its predicted score.

    A small share of the rows may be outliers, so that single ones do not decide.
    """
    cuts = np.concatenate([[-np.inf], edges, [np.inf]])
    below, above = ((cuts[codes + side] - predicted) / spread for side in (0, 1))
    flip = below > 0  # in the upper tail, differences of small numbers are exact on the other side
    below, above = np.where(flip, -above, below), np.where(flip, -below, above)
    shares = np.bincount(codes) / len(codes)
    found: Floats = np.log((1 - DOUBT) * (ndtr(above) - ndtr(below)) + DOUBT * shares[codes])
    return found
