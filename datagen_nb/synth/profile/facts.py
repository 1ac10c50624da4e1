"""Counts of a column in the whole table, known or estimated from some of its rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from datagen_nb.synth.profile.columns import ColumnProfile
from datagen_nb.synth.profile.seen import Seen


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """Counts of a column in the whole table; estimates will do.

    Attributes:
        rows: Rows of the table, nulls included.
        nulls: Rows without a value.
        distinct: Distinct values; NaN is one.
        seen: The set of all values; ``None`` where it is not known.
        even_step: From each distinct whole number to the next, if they may lie evenly; else 0.
    """

    rows: int
    nulls: int
    distinct: int
    seen: Seen | None = field(default=None, compare=False, repr=False)
    even_step: int = 0

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.nulls

    @property
    def is_unique(self) -> bool:
        """Whether no value repeats."""
        return self.distinct == self.present > 0

    @property
    def rows_per_value(self) -> float:
        """Rows that share a value, on average."""
        return self.present / max(self.distinct, 1)


def facts_of(column: ColumnProfile, rows: int | None = None) -> ColumnFacts:
    """Facts of a column.

    Values that occur once and twice in some rows show how many more the others have.
    Source: Chao, Nonparametric estimation of the number of classes in a population, 1984.

    Args:
        column: Its profile.
        rows: Rows of the whole table, if the profile is of some of them.
    """
    distinct = column.distinct + (column.nans > 0)
    seen = None if column.values is None else column.values.all_seen
    step = _even_step(column)
    if rows is None or rows <= column.rows or column.values is None or not column.rows:
        return ColumnFacts(column.rows, column.nulls, distinct, seen, step)
    nulls = round(column.nulls / column.rows * rows)
    once, twice = (np.count_nonzero(column.values.counts == times) for times in (1, 2))
    scale = column.distinct / max(len(column.values.counts), 1)
    further = scale * once * (once - 1) / (2 * (twice + 1))
    return ColumnFacts(rows, nulls, min(distinct + round(further), rows - nulls), seen, step)


def _even_step(column: ColumnProfile) -> int:
    """What lies between whole numbers if they all lie as far apart; 0 if they cannot."""
    low, high = column.minimum, column.maximum
    if low is None or high is None or not column.is_unique or column.distinct < 2:
        return 0
    if not (pa.types.is_integer(low.type) or pa.types.is_floating(low.type)):
        return 0
    step, rest = divmod(high.as_py() - low.as_py(), column.distinct - 1)
    return 0 if rest or not math.isfinite(step) else int(step)
