"""How the rows of a result follow each other, beside those of the input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from datagen_nb.codecs import Codec
from datagen_nb.core.kinds import Scale, scale_of
from datagen_nb.core.result import SeriesFidelity, StepFidelity
from datagen_nb.synth.arrays import plain
from datagen_nb.synth.series.axis import Axis, numbers_of, owners_of

MIN_STEPS = 10
"""Rows with one before them, to be judged by."""


def compare_series(
    axis: Axis,
    kinds: Mapping[str, str],
    codecs: Mapping[str, Codec],
    rows: pa.Table,
    made: pa.Table,
) -> SeriesFidelity:
    """Compare the rows of a result with those fitted to.

    Args:
        axis: What makes series of them.
        kinds: Kind of each column.
        codecs: What parses the texts of columns.
        rows: Those fitted to.
        made: Those of the result, in their order.
    """
    real, found = (_Rows(axis, codecs, table) for table in (rows, made))
    usual = real.usual_gap()
    return SeriesFidelity(
        entity=axis.entity,
        order=axis.order,
        entities=len(real.sizes),
        entities_synthetic=len(found.sizes),
        length=float(np.median(real.sizes)) if len(real.sizes) else 0.0,
        length_synthetic=float(np.median(found.sizes)) if len(found.sizes) else 0.0,
        repeated=_share(real.gaps == 0),
        repeated_synthetic=_share(found.gaps == 0),
        usual_gap=_share(np.isclose(real.gaps, usual)),
        usual_gap_synthetic=_share(np.isclose(found.gaps, usual)),
        in_order=found.in_order(),
        steps=tuple(_steps(axis, kinds, codecs, real, found)),
    )


def _steps(
    axis: Axis,
    kinds: Mapping[str, str],
    codecs: Mapping[str, Codec],
    real: _Rows,
    found: _Rows,
) -> Iterator[StepFidelity]:
    for name, kind in kinds.items():
        if name in {axis.entity, axis.order} or scale_of(kind) is not Scale.ORDERED:
            continue
        before = real.pairs(name, codecs.get(name))
        after = found.pairs(name, codecs.get(name))
        if before is None or after is None or len(before[0]) < MIN_STEPS:
            continue
        way = _way(*before)
        yield StepFidelity(
            column=name,
            autocorrelation=_correlation(*before),
            autocorrelation_synthetic=_correlation(*after),
            is_monotone=way != 0,
            kept=not way or bool((way * (after[1] - after[0]) >= 0).all()),
        )


class _Rows:
    """Rows of entities, one after the other and in order."""

    def __init__(self, axis: Axis, codecs: Mapping[str, Codec], table: pa.Table) -> None:
        self._table = table
        owners, places = owners_of(table, axis, codecs)
        known = np.flatnonzero((owners >= 0) & ~np.isnan(places))
        as_read = known[np.argsort(owners[known], kind="stable")]
        self._read = np.diff(places[as_read])[np.diff(owners[as_read]) == 0]
        self._rows = known[np.lexsort((places[known], owners[known]))]
        self._same = np.diff(owners[self._rows]) == 0
        self.gaps = np.diff(places[self._rows])[self._same]
        self.sizes = np.unique(owners[known], return_counts=True)[1]

    def in_order(self) -> float:
        """Share of rows that do not come before the row above, of their entity."""
        return _share(self._read >= 0, empty=1.0)

    def usual_gap(self) -> float:
        """The most frequent distance from the row before."""
        values, counts = np.unique(self.gaps, return_counts=True)
        return float(values[np.argmax(counts)]) if len(values) else 0.0

    def pairs(self, name: str, codec: Codec | None) -> tuple[Any, Any] | None:
        """A column in each row and in the one before, where both have a value."""
        values = numbers_of(plain(self._table[name]), codec)
        if values is None:
            return None
        values = values[self._rows]
        before, after = values[:-1][self._same], values[1:][self._same]
        known = np.isfinite(before) & np.isfinite(after)
        return before[known], after[known]


def _way(before: Any, after: Any) -> int:
    steps = after - before
    if (steps >= 0).all() and (steps > 0).any():
        return 1
    return -1 if (steps <= 0).all() and (steps < 0).any() else 0


def _correlation(before: Any, after: Any) -> float | None:
    if len(before) < MIN_STEPS or not before.std() or not after.std():
        return None
    return round(float(np.corrcoef(before, after)[0, 1]), 4)


def _share(flags: Any, empty: float = 0.0) -> float:
    return round(float(flags.mean()), 6) if len(flags) else empty
