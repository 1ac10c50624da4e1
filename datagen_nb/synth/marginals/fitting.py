"""Fit a table under a privacy budget.

Known to all, and free: the names and Arrow types of the columns, what a user says (kinds, bounds,
epsilon, delta), and nothing else. Everything about the rows goes through a ``Curator``, also how
many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pyarrow as pa

from datagen_nb.relations import Relations
from datagen_nb.synth.arrays import plain_table
from datagen_nb.synth.marginals.accountant import Accountant
from datagen_nb.synth.marginals.axes import Axis, Levels
from datagen_nb.synth.marginals.columns import Counted, Counting, kind_of, reading_of
from datagen_nb.synth.marginals.dependence import OF_CHOICES, Dependence, pairs_of
from datagen_nb.synth.marginals.drawing import ColumnCounts, CountedStage
from datagen_nb.synth.marginals.mechanisms import Curator, variance_for
from datagen_nb.synth.marginals.model import Guarantee, PrivateModel
from datagen_nb.synth.marginals.noise import Coins
from datagen_nb.synth.marginals.pairs import Codes, Masses
from datagen_nb.synth.marginals.privacy import Privacy

OF_COLUMNS = Fraction(2, 5)
"""Share of the budget of columns by themselves; pairs get the rest."""

OF_LEVELS = Fraction(1, 2)
"""Share of delta that the selection of levels gets, if any column has levels."""

MOST_GROUPS = 32
"""Of a column, in which it is counted together with others."""

ROWS_OF_A_PAIR = 1.5
"""Deviations of the noise that a cell of a pair has rows for, on average."""


def fit(
    rows: pa.Table,
    privacy: Privacy,
    *,
    seed: int,
    coins: Coins,
    on_progress: Callable[[float], None] = lambda _: None,
) -> PrivateModel:
    """Fit a model.

    Args:
        rows: All of the table, no sample: one row more is to change one row of what is counted.
        privacy: What a user asks for.
        seed: Of the rows that are made. It has no part in the noise.
        coins: Where the noise comes from.
        on_progress: Called with the share done, 0 to 1.

    Raises:
        InputError: A column cannot be counted as its kind.
    """
    table = plain_table(rows)
    readings = {field.name: reading_of(field, privacy) for field in table.schema}
    selecting = sum(one == "levels" for one in readings.values())
    delta = OF_LEVELS * Fraction(privacy.delta) if selecting else Fraction(0)
    accountant = Accountant(privacy.epsilon, privacy.delta, delta)
    curator = Curator(accountant, coins)
    of_columns = accountant.rho * (OF_COLUMNS if len(readings) > 1 else 1)
    counting = Counting(
        curator, privacy, of_columns / max(len(readings), 1), delta / max(selecting, 1)
    )
    counted: list[Counted] = []
    for place, (name, reading) in enumerate(readings.items()):
        counted.append(counting.column(name, table[name], reading))
        on_progress((place + 1) / (len(readings) + 1))
    total = _total(counted)
    of_pairs = accountant.rho - of_columns
    most = _most_groups(total, len(counted), of_pairs)
    columns = [
        ColumnCounts.of(one.name, one.axis, masses, _groups(one.axis, masses, most))
        for one in counted
        for masses in [one.masses(total)]
    ]
    grouped = [column.group[one.codes] for column, one in zip(columns, counted, strict=True)]
    links = Dependence(columns, grouped, curator, of_pairs).links()
    plain = pa.schema([field.remove_metadata() for field in table.schema])
    return PrivateModel(
        schema=rows.schema,
        rows=round(total),
        kinds={field.name: kind_of(field, readings[field.name], privacy) for field in table.schema},
        warnings=tuple(_warnings(columns, counted, total)),
        seed=seed,
        codecs={},
        makers={},
        missing={},
        relations=Relations(),
        groups=(),
        stages=(CountedStage(plain, tuple(columns), tuple(links)),),
        dictionaries={},
        guarantee=Guarantee(
            privacy.epsilon, privacy.delta, float(accountant.rho), accountant.spent
        ),
    )


def _total(counted: Sequence[Counted]) -> float:
    """How many rows there are, by the noisy counts of all columns."""
    certain = [1 / one.variance for one in counted]
    return max(float(np.average([one.rows for one in counted], weights=certain)), 1.0)


def _most_groups(total: float, columns: int, rho: Fraction) -> int:
    """Groups of a column, so that the cells of a pair have rows beside their noise."""
    if columns == 1:
        return 1
    deviation = variance_for(rho * (1 - OF_CHOICES) / pairs_of(columns)) ** 0.5
    return int(np.clip((total / (ROWS_OF_A_PAIR * deviation)) ** 0.5, 3, MOST_GROUPS))


def _groups(axis: Axis, masses: Masses, most: int) -> Codes:
    """Codes that are counted together: neighbours, or the levels of few rows; null by itself."""
    values = masses[:-1]
    most = min(most, max(len(values), 1))
    if axis.is_ordered:
        middle = np.cumsum(values) - values / 2
        groups = np.floor(middle / max(float(values.sum()), 1e-300) * most).astype(np.int64)
    else:
        ranks = np.empty(len(values), np.int64)
        ranks[np.argsort(-values, kind="stable")] = np.arange(len(values))
        groups = np.minimum(ranks, most - 1)
    _, groups = np.unique(np.minimum(groups, most - 1), return_inverse=True)
    return np.append(groups, groups.max(initial=-1) + 1).astype(np.int64)


def _warnings(
    columns: Sequence[ColumnCounts], counted: Sequence[Counted], total: float
) -> list[str]:
    """What a user should know, by noisy counts."""
    found = []
    noise = max(one.noise for one in counted)
    if total < 20 * noise:
        found.append(
            f"There are about {total:,.0f} rows, and noise of {noise:,.0f} rows is in each count: "
            "little of the table is kept. Give more rows, fewer columns, bounds, or a larger "
            "epsilon."
        )
    empty = [
        repr(one.name)
        for one in columns
        if isinstance(one.axis, Levels) and not len(one.axis.values)
    ]
    if empty:
        found.append(
            f"No value of {', '.join(empty[:8])} has enough rows to be shown: the columns are "
            "null. Leave them out with parameters.exclude, or give a larger epsilon."
        )
    return found
