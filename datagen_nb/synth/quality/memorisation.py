"""How much of the input is in the result: copies, rows too close, values that point at few rows.

Source of the distance to the closest record: Platzer and Reutterer, Holdout-based empirical
assessment of mixed-type synthetic data, 2021.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import pyarrow as pa

from datagen_nb.core.result import Memorisation, ReturnedValues
from datagen_nb.synth.quality.closeness import TREE_QUERIES, Closeness, closeness, codes_of
from datagen_nb.synth.quality.columns import Tables

CLOSE_ROWS = 50_000
"""Rows used for fitting that synthetic rows are compared with."""

MIN_HELD_BACK = 30


def measure_memorisation(
    tables: Tables,
    ordered: Collection[str],
    returned: Iterable[ReturnedValues],
    min_count: int,
    independent: Sequence[int],
) -> Memorisation:
    """Measure closeness and copies by columns that are not made anew.

    Args:
        tables: The columns that take part, with their values.
        ordered: Those whose values have an order.
        returned: Values that came back.
        min_count: A value that fewer rows have is rare.
        independent: Of each table, how many of its rows are independent of each other.
    """
    names = tables.training.column_names
    exact, expected = _exact_shares(tables) if names else (0.0, None)
    close = _closeness(tables, ordered, independent) if names else None
    return Memorisation(
        dcr_share=None if close is None else round(close.share, 4),
        dcr_share_noise=None if close is None else round(close.noise, 4),
        exact_row_share=exact,
        exact_row_share_expected=None if not names else expected,
        median_distance=None if close is None else round(close.distance, 4),
        median_distance_expected=None if close is None else round(close.distance_expected, 4),
        min_count=min_count,
        returned=tuple(sorted(returned, key=lambda one: one.expected - one.returned)),
    )


def _closeness(
    tables: Tables, ordered: Collection[str], independent: Sequence[int]
) -> Closeness | None:
    if tables.held_back.num_rows < MIN_HELD_BACK:
        return None
    return closeness(
        _some(tables.training, CLOSE_ROWS),
        _some(tables.held_back, CLOSE_ROWS),
        _some(tables.synthetic, TREE_QUERIES),
        ordered,
        independent,
    )


def _some(table: pa.Table, most: int) -> pa.Table:
    places = np.linspace(0, table.num_rows - 1, min(table.num_rows, most))
    return table.take(pa.array(np.unique(places.astype(np.int64))))


def _exact_shares(tables: Tables) -> tuple[float, float | None]:
    names = tables.training.column_names
    codes = np.stack([codes_of([table[name] for table in tables]) for name in names], axis=1)
    rows = np.ascontiguousarray(codes).view(np.dtype((np.void, codes.itemsize * codes.shape[1])))
    known, fresh, made = np.split(
        rows.ravel(), np.cumsum([table.num_rows for table in tables])[:-1]
    )
    expected = round(float(np.isin(fresh, known).mean()), 6) if len(fresh) else None
    return round(float(np.isin(made, known).mean()), 6), expected
