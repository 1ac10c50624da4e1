"""How much of the dependence between columns is kept, pair by pair.

Two columns of numbers or instants are compared by their rank correlation, unless what dependence
they have is not monotonic; all others by the contingency table of their levels. A score lies
between a floor, which independent columns get, and a ceiling, which other rows of the input get:
what differs from sample to sample counts for nothing. Pairs weigh by their dependence, in the input
or in the result, so dependence that is made up counts as much as dependence that is lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from datagen_nb.core.result import PairFidelity
from datagen_nb.synth.quality.closeness import Floats, Ints
from datagen_nb.synth.quality.columns import Column
from datagen_nb.synth.quality.distances import shares

BINS = 10
MAX_LEVELS = 20
ROWS_PER_CELL = 20
"""A contingency table has at most ``BINS`` or ``MAX_LEVELS`` a side, and so many rows a cell."""

MAX_PAIRS = 400
"""Pairs that are compared at most, unless there are more columns: each takes part twice."""

PAIR_ROWS = 10_000
MIN_ROWS = 200
"""Rows of each table; with more pairs fewer, down to the second."""

MIN_KNOWN = 20
"""Rows in which both columns are known that a correlation needs, in each sample."""

CHANCE = 0.05
"""Probability that of independent columns any pair counts as dependent; a bound by Bonferroni."""

MIN_HELD_BACK = 30
"""With fewer rows held back, the halves of the training rows show what chance does."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """What is found of the pairs.

    Attributes:
        score: 0 to 1; ``None`` if no pair depends on each other more than chance explains.
        kept: Slope of the result's correlations on the input's; ``None`` without correlations.
        pairs: The pairs whose dependence is not explained by chance, those that lost most first.
        compared: Number of pairs that were compared.
        possible: Number of pairs that there are.
    """

    score: float | None
    kept: float | None
    pairs: tuple[PairFidelity, ...]
    compared: int
    possible: int


@dataclass(frozen=True, slots=True)
class _Ready:
    """A column of a sample: levels and, if it has an order, ranks, of four samples.

    In this order: training rows, synthetic rows, and two samples of the input that are apart.
    """

    name: str
    size: int
    levels: tuple[Ints, ...]
    ranks: tuple[Floats, ...] | None


@dataclass(frozen=True, slots=True)
class _Measured:
    """One measure of one pair.

    ``noise`` is what two samples of one source differ by, varying the less the more degrees of
    ``freedom`` there are.
    """

    columns: tuple[str, str]
    metric: str
    real: float
    made: float
    apart: float
    input_apart: float
    noise: float
    input_noise: float
    freedom: int


def compare_pairs(columns: Sequence[Column], seed: int = 0, *, alone: bool = True) -> Dependence:
    """Compare pairs among all columns, or a sample of them drawn by ``seed``.

    Args:
        columns: The columns.
        seed: Of the sample.
        alone: Whether rows are independent of each other. Where they are not, two samples of the
            input may differ more in one pair than in others.
    """
    varied = [column for column in columns if _varies(column)]
    possible = len(varied) * (len(varied) - 1) // 2
    chosen = _chosen(len(varied), np.random.default_rng(seed))
    rows = max(min(PAIR_ROWS, PAIR_ROWS * MAX_PAIRS // max(len(chosen), 1)), MIN_ROWS)
    ready = {place: _ready(varied[place], rows) for place in {p for pair in chosen for p in pair}}
    measured: list[tuple[_Measured, ...]] = [
        tuple(_measures(ready[one], ready[other])) for one, other in chosen
    ]
    ratios = {
        metric: _ratio([each for pair in measured for each in pair if each.metric == metric])
        for metric in ("correlation similarity", "contingency similarity")
    }
    deviations = np.sqrt(2 * np.log(2 * max(len(chosen), 1) / CHANCE))
    bound = deviations / np.sqrt(4 / np.pi)
    scored = [_scored(pair, ratios, bound, alone=alone) for pair in measured]
    weights = sum(weight for _, weight in scored)
    losses = sorted(scored, key=lambda one: -one[1] * (1 - one[0].score))
    return Dependence(
        score=sum(pair.score * weight for pair, weight in scored) / weights if weights else None,
        kept=_slope(scored),
        pairs=tuple(pair for pair, weight in losses if weight),
        compared=len(chosen),
        possible=possible,
    )


def _varies(column: Column) -> bool:
    values = column.numbers.training
    known = values[~np.isnan(values)]
    return len(known) > 0 and (len(known) < len(values) or bool((known != known[0]).any()))


def _chosen(columns: int, random: np.random.Generator) -> list[tuple[int, int]]:
    if columns * (columns - 1) // 2 <= MAX_PAIRS:
        return list(combinations(range(columns), 2))
    ring = random.permutation(columns)
    pairs = {_pair(one, other) for one, other in zip(ring, np.roll(ring, 1), strict=True)}
    while len(pairs) < MAX_PAIRS:
        pairs.add(_pair(*random.choice(columns, 2, replace=False)))
    return sorted(pairs)


def _pair(one: int, other: int) -> tuple[int, int]:
    return min(int(one), int(other)), max(int(one), int(other))


def _ready(column: Column, rows: int) -> _Ready:
    real, made = _some(column.numbers.training, rows), _some(column.numbers.synthetic, rows)
    if len(column.numbers.held_back) >= MIN_HELD_BACK:
        samples = (real, made, real, _some(column.numbers.held_back, rows))
    else:
        samples = (real, made, real[::2], real[1::2])
    size, levels = _levels(samples, is_ordered=column.is_ordered)
    ranks = tuple(map(_rank, samples)) if column.is_ordered else None
    return _Ready(column.name, size, levels, ranks)


def _some(values: Floats, most: int) -> Floats:
    if len(values) <= most:
        return values
    return values[np.linspace(0, len(values) - 1, most).astype(np.int64)]


def _levels(samples: Sequence[Floats], *, is_ordered: bool) -> tuple[int, tuple[Ints, ...]]:
    """Few levels: quantile bins of ordered values, the commonest categories; 0 for null."""
    real = samples[0]
    known = real[~np.isnan(real)]
    wanted = max(int(np.sqrt(len(real) / ROWS_PER_CELL)), 2)
    if is_ordered:
        inner = np.linspace(0, 1, min(wanted, BINS) + 1)[1:-1]
        edges = np.unique(np.quantile(known, inner))
        size = len(edges) + 2
        found = [np.searchsorted(edges, values, side="right") + 1 for values in samples]
    else:
        number = int(max(np.nanmax(values, initial=0) for values in samples)) + 1
        counts = np.bincount(known.astype(np.int64), minlength=number)
        common = np.argsort(-counts, kind="stable")[: min(wanted, MAX_LEVELS)]
        size = len(common) + 2
        places = np.full(number, size - 1)
        places[common] = np.arange(1, len(common) + 1)
        found = [places[np.nan_to_num(values).astype(np.int64)] for values in samples]
    return size, tuple(
        np.where(np.isnan(values), 0, each).astype(np.int64)
        for values, each in zip(samples, found, strict=True)
    )


def _rank(values: Floats) -> Floats:
    known = np.sort(values[~np.isnan(values)])
    middle = np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")
    return np.where(np.isnan(values), np.nan, middle / 2)


def _measures(one: _Ready, other: _Ready) -> Iterator[_Measured]:
    names = (one.name, other.name)
    shape = (one.size, other.size)
    tables = [
        _joint(levels, others, shape)
        for levels, others in zip(one.levels, other.levels, strict=True)
    ]
    # What is left of a joint distribution without the product of its margins is dependence alone.
    real, made, first, second = (table - _independent(table) for table in tables)
    cells = float(np.sqrt(tables[0] * (1 - tables[0])).sum()) / 2
    rows = [len(levels) for levels in one.levels]
    sides = [int((tables[0].sum(axis=axis) > 0).sum()) for axis in (0, 1)]
    yield _Measured(
        columns=names,
        metric="contingency similarity",
        real=float(np.abs(real).sum()) / 2,
        made=float(np.abs(made).sum()) / 2,
        apart=float(np.abs(real - made).sum()) / 2,
        input_apart=float(np.abs(first - second).sum()) / 2,
        noise=cells * _noise(rows[0], rows[1]),
        input_noise=cells * _noise(rows[2], rows[3]),
        freedom=max((sides[0] - 1) * (sides[1] - 1), 1),
    )
    if one.ranks is None or other.ranks is None:
        return
    found, known = zip(
        *(_correlation(*both) for both in zip(one.ranks, other.ranks, strict=True)), strict=True
    )
    if min(known) < MIN_KNOWN:
        return
    free = 1 - found[0] ** 2
    yield _Measured(
        columns=names,
        metric="correlation similarity",
        real=found[0],
        made=found[1],
        apart=abs(found[0] - found[1]),
        input_apart=abs(found[2] - found[3]),
        noise=free * _noise(known[0], known[1]),
        input_noise=free * _noise(known[2], known[3]),
        freedom=1,
    )


def _joint(one: Ints, other: Ints, shape: tuple[int, int]) -> Floats:
    if not len(one):
        return np.zeros(shape)
    return shares(one * shape[1] + other, shape[0] * shape[1]).reshape(shape)


def _independent(joint: Floats) -> Floats:
    return np.outer(joint.sum(axis=1), joint.sum(axis=0))


def _noise(rows: int, others: int) -> float:
    """The mean difference of a mean in two samples, in standard deviations of a row."""
    return math.sqrt(2 / math.pi * (1 / max(rows, 1) + 1 / max(others, 1)))


def _correlation(one: Floats, other: Floats) -> tuple[float, int]:
    """The correlation, and the rows in which both are known."""
    both = ~np.isnan(one + other)
    rows = int(both.sum())
    if rows < 2:
        return 0.0, rows
    first, second = (values[both] - values[both].mean() for values in (one, other))
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return (float(first @ second) / scale if scale else 0.0), rows


def _ratio(measured: Sequence[_Measured]) -> float:
    """How much more samples of the input differ than independent rows would; 1 if unknown."""
    expected = sum(each.input_noise for each in measured)
    return sum(each.input_apart for each in measured) / expected if expected else 1.0


def _scored(
    pair: Sequence[_Measured], ratios: dict[str, float], bound: float, *, alone: bool
) -> tuple[PairFidelity, float]:
    """The score and the weight of a pair, by the measure that shows more dependence.

    Dependence of one degree of freedom is not chance above ``bound`` times the noise.
    """

    def noise_of(each: _Measured) -> float:
        ratio = ratios[each.metric]
        if not alone and each.input_noise:
            ratio = max(ratio, each.input_apart / each.input_noise)
        return ratio * each.noise

    def excess(each: _Measured) -> float:
        noise = noise_of(each)
        strength = max(abs(each.real), abs(each.made))
        threshold = 1 + (bound - 1) / np.sqrt(each.freedom)
        return strength - noise if strength > threshold * noise else 0.0

    best = max(pair, key=excess)
    weight, noise = excess(best), noise_of(best)
    lost = max(best.apart - noise, 0.0)
    score = min(max(1 - lost / weight, 0.0), 1.0) if weight else 1.0
    return (
        PairFidelity(
            columns=best.columns,
            score=round(score, 4),
            metric=best.metric,
            dependence=round(best.real, 4),
            dependence_synthetic=round(best.made, 4),
        ),
        weight,
    )


def _slope(scored: Sequence[tuple[PairFidelity, float]]) -> float | None:
    found = [
        (pair.dependence, pair.dependence_synthetic)
        for pair, weight in scored
        if weight and pair.metric == "correlation similarity"
    ]
    squares = sum(real * real for real, _ in found)
    return sum(real * made for real, made in found) / squares if squares else None
