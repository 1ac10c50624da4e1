"""How good a result is: alike in columns and pairs, and not learnt by heart.

Bounded samples of bounded tables, so that judging takes less time than making.
Source: for the complements of Kolmogorov and Smirnov's and of total variation distance, the
measures that SDMetrics documents; for the distance to the closest record, Platzer and Reutterer,
Holdout-based empirical assessment of mixed-type synthetic data, 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from datagen_nb.core.result import ColumnFidelity, Memorisation, PairFidelity, Report
from datagen_nb.synth.closeness import TREE_QUERIES, Floats, Ints, closeness, codes_of, floats
from datagen_nb.synth.margins import plain_table

BINS = 10
MOST_LEVELS = 20
MOST_PAIRS = 200
MOST_PAIR_COLUMNS = 40
PAIR_ROWS = 20_000
CLOSE_ROWS = 50_000
LEAST_HELD_BACK = 30


@dataclass(frozen=True, slots=True)
class Compared:
    """One column of both tables on one scale.

    Attributes:
        name: Of the column.
        kind: Its kind.
        real: Values of the training rows as floats, NaN where null; codes of categories.
        made: The same of the synthetic rows.
    """

    name: str
    kind: str
    real: Floats
    made: Floats

    @property
    def is_ordered(self) -> bool:
        return self.kind in {"numeric", "datetime"}


def assess(
    training: pa.Table, held_back: pa.Table, synthetic: pa.Table, kinds: Mapping[str, str]
) -> Report:
    """Compare a result with its input.

    Args:
        training: Rows that were learnt from.
        held_back: Rows of the same table that were not; may be empty.
        synthetic: Rows that were made.
        kinds: Kind of each column.
    """
    training, held_back, synthetic = map(plain_table, (training, held_back, synthetic))
    compared = [
        _compare(name, kind, training[name], synthetic[name])
        for name, kind in kinds.items()
        if kind in {"numeric", "datetime", "boolean", "categorical"}
    ]
    columns = tuple(_column(one) for one in compared)
    pairs = _pairs(compared[:MOST_PAIR_COLUMNS])
    column_mean = _mean([column.score for column in columns])
    pair_mean = _mean([pair.score for pair in pairs]) if pairs else None
    notes = []
    skipped = [name for name in kinds if name not in {one.name for one in compared}]
    if skipped:
        notes.append(
            f"Not compared, since identifiers, texts and constants are made anew: "
            f"{', '.join(skipped)}."
        )
    if len(compared) > MOST_PAIR_COLUMNS:
        notes.append(f"Pairs are those of the first {MOST_PAIR_COLUMNS} columns.")
    memorisation = _memorisation(training, held_back, synthetic, kinds)
    if training.num_rows > CLOSE_ROWS and memorisation.dcr_share is not None:
        notes.append(f"Closeness was judged against {CLOSE_ROWS:,} of the rows learnt from.")
    if memorisation.dcr_share is None:
        notes.append(
            f"Closeness to your rows was not judged: that needs {LEAST_HELD_BACK} rows held back, "
            f"there are {held_back.num_rows}."
        )
    return Report(
        fidelity=_rounded(column_mean if pair_mean is None else (column_mean + pair_mean) / 2),
        column_fidelity=_rounded(column_mean),
        pair_fidelity=None if pair_mean is None else _rounded(pair_mean),
        columns=columns,
        pairs=tuple(sorted(pairs, key=lambda pair: pair.score)[:MOST_PAIRS]),
        memorisation=memorisation,
        rows_synthetic=synthetic.num_rows,
        rows_training=training.num_rows,
        rows_held_back=held_back.num_rows,
        notes=tuple(notes),
    )


def _compare(name: str, kind: str, real: pa.ChunkedArray, made: pa.ChunkedArray) -> Compared:
    if kind in {"numeric", "datetime"}:
        return Compared(name, kind, floats(real), floats(made))
    codes = codes_of([real, made])
    both = np.where(codes < 0, np.nan, codes.astype(np.float64))
    return Compared(name, kind, both[: len(real)], both[len(real) :])


def _column(one: Compared) -> ColumnFidelity:
    real, made = one.real[~np.isnan(one.real)], one.made[~np.isnan(one.made)]
    alike = 1.0 - abs(len(real) / max(len(one.real), 1) - len(made) / max(len(one.made), 1))
    if not len(real) or not len(made):
        score = 1.0 if len(real) == len(made) else 0.0
    elif one.is_ordered:
        score = 1.0 - _ks(np.sort(real), np.sort(made))
    else:
        score = 1.0 - _tvd(_shares(real.astype(int)), _shares(made.astype(int)))
    metric = "KS complement" if one.is_ordered else "TV complement"
    return ColumnFidelity(
        name=one.name, kind=one.kind, score=_rounded(score * alike), metric=metric
    )


def _ks(real: Floats, made: Floats) -> float:
    both = np.concatenate([real, made])
    below_real = np.searchsorted(real, both, side="right") / len(real)
    below_made = np.searchsorted(made, both, side="right") / len(made)
    return float(np.abs(below_real - below_made).max())


def _shares(codes: Any) -> Floats:
    return np.bincount(codes) / len(codes)


def _tvd(real: Floats, made: Floats) -> float:
    size = max(len(real), len(made))
    padded = [np.pad(shares, (0, size - len(shares))) for shares in (real, made)]
    return float(np.abs(padded[0] - padded[1]).sum() / 2)


def _pairs(compared: list[Compared]) -> list[PairFidelity]:
    rows = [_spread(len(one.real), PAIR_ROWS) for one in compared[:1]]
    made = [_spread(len(one.made), PAIR_ROWS) for one in compared[:1]]
    ready = [
        (one, _levels(one, rows[0], made[0]), _ranks(one, rows[0], made[0])) for one in compared
    ]
    pairs = []
    for (one, levels, ranks), (other, other_levels, other_ranks) in combinations(ready, 2):
        if one.is_ordered and other.is_ordered:
            real, fake = (_correlation(ranks[side], other_ranks[side]) for side in (0, 1))
            score, metric = 1.0 - abs(real - fake) / 2, "correlation similarity"
        else:
            joint = [
                _shares(levels[side] * (MOST_LEVELS + 2) + other_levels[side]) for side in (0, 1)
            ]
            score, metric = 1.0 - _tvd(*joint), "contingency similarity"
        pairs.append(
            PairFidelity(columns=(one.name, other.name), score=_rounded(score), metric=metric)
        )
    return pairs


def _spread(rows: int, most: int) -> Ints:
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.int64))


def _levels(one: Compared, rows: Ints, made_rows: Ints) -> tuple[Ints, Ints]:
    """Few levels: quantile bins of ordered values, the commonest categories; 0 for null."""
    real, made = one.real[rows], one.made[made_rows]
    if one.is_ordered:
        known = real[~np.isnan(real)]
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.unique(np.quantile(known, inner)) if len(known) else known
        binned = [np.searchsorted(edges, values, side="right") + 1 for values in (real, made)]
    else:
        known = real[~np.isnan(real)].astype(np.int64)
        size = int(np.nanmax(np.concatenate([real, made, [0.0]]))) + 1
        common = np.argsort(-np.bincount(known, minlength=size), kind="stable")[:MOST_LEVELS]
        places = np.full(size, MOST_LEVELS + 1)
        places[common] = np.arange(1, len(common) + 1)
        binned = [places[np.nan_to_num(values).astype(np.int64)] for values in (real, made)]
    return (
        np.where(np.isnan(real), 0, binned[0]).astype(np.int64),
        np.where(np.isnan(made), 0, binned[1]).astype(np.int64),
    )


def _ranks(one: Compared, rows: Ints, made_rows: Ints) -> tuple[Floats, Floats]:
    real, made = one.real[rows], one.made[made_rows]
    if not one.is_ordered:
        return real, made
    return _rank(real), _rank(made)


def _rank(values: Floats) -> Floats:
    known = np.sort(values[~np.isnan(values)])
    middle = np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")
    return np.where(np.isnan(values), np.nan, middle / 2)


def _correlation(one: Floats, other: Floats) -> float:
    both = ~(np.isnan(one) | np.isnan(other))
    if both.sum() < 2 or np.ptp(one[both]) == 0 or np.ptp(other[both]) == 0:
        return 0.0
    return float(np.corrcoef(one[both], other[both])[0, 1])


def _memorisation(
    training: pa.Table, held_back: pa.Table, synthetic: pa.Table, kinds: Mapping[str, str]
) -> Memorisation:
    names = [name for name, kind in kinds.items() if kind not in {"id", "text", "constant"}]
    if not names:
        return Memorisation(dcr_share=None, exact_row_share=0.0)
    tables = [training.select(names), held_back.select(names), synthetic.select(names)]
    exact, expected = _exact_shares(tables, names)
    if held_back.num_rows < LEAST_HELD_BACK:
        return Memorisation(
            dcr_share=None, exact_row_share=exact, exact_row_share_expected=expected
        )
    close = closeness(
        training.select(names).take(pa.array(_spread(training.num_rows, CLOSE_ROWS))),
        held_back.select(names).take(pa.array(_spread(held_back.num_rows, CLOSE_ROWS))),
        synthetic.select(names).take(pa.array(_spread(synthetic.num_rows, TREE_QUERIES))),
        kinds,
    )
    return Memorisation(
        dcr_share=_rounded(close.share),
        exact_row_share=exact,
        exact_row_share_expected=expected,
        median_distance=_rounded(close.distance),
        median_distance_expected=_rounded(close.distance_expected),
    )


def _exact_shares(tables: list[pa.Table], names: list[str]) -> tuple[float, float | None]:
    codes = np.stack([codes_of([table[name] for table in tables]) for name in names], axis=1)
    rows = np.ascontiguousarray(codes).view(np.dtype((np.void, codes.itemsize * codes.shape[1])))
    known, fresh, made = np.split(
        rows.ravel(), np.cumsum([table.num_rows for table in tables])[:-1]
    )
    expected = float(np.isin(fresh, known).mean()) if len(fresh) else None
    return (
        _rounded(float(np.isin(made, known).mean()), 6),
        None if expected is None else _rounded(expected, 6),
    )


def _mean(scores: list[float]) -> float:
    return sum(scores) / len(scores) if scores else 1.0


def _rounded(value: float, digits: int = 4) -> float:
    return round(float(value), digits)
