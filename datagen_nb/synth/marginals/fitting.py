"""Fit a table under a privacy budget.

Known to all, and free: the names and Arrow types of the columns, what a user says (kinds, bounds,
epsilon, delta), and nothing else. Everything about the rows goes through a ``Curator``, also how
many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.core.kinds import KINDS, Scale
from datagen_nb.relations import Relations
from datagen_nb.synth.arrays import plain_table, to_values
from datagen_nb.synth.kinds import boolean, categorical, dates, numeric
from datagen_nb.synth.marginals.accountant import Accountant
from datagen_nb.synth.marginals.axes import Axis, Levels, Numbers, numbers_of
from datagen_nb.synth.marginals.bins import Bins, Grid, find_bins, find_grid
from datagen_nb.synth.marginals.drawing import ColumnCounts, CountedStage, Link
from datagen_nb.synth.marginals.mechanisms import Curator, Noisy, variance_for
from datagen_nb.synth.marginals.model import Guarantee, PrivateModel
from datagen_nb.synth.marginals.noise import Coins
from datagen_nb.synth.marginals.privacy import Privacy
from datagen_nb.synth.marginals.tree import (
    Codes,
    Masses,
    consistent,
    from_root,
    joint,
    spanning_tree,
    to_total,
)

OF_COLUMNS, OF_TREE = Fraction(1, 2), Fraction(3, 20)
"""Shares of the budget of columns by themselves, and of the choice of pairs; pairs get the rest."""

OF_LEVELS = Fraction(1, 2)
"""Share of delta that the selection of levels gets, if any column has levels."""

WEIGHTS: Mapping[str, tuple[int, ...]] = {
    "grid": (3,),
    "ranges": (10, 10, 10, 20),
    "bounds": (10, 20),
    "levels": (15, 20),
    "flags": (20,),
}
"""What rounds of counting a column get of its share, by what they find out."""

MOST_GROUPS = 32
"""Of a column, in which it is counted together with others."""

BEYOND_NOISE = 4
"""Deviations of the noise that a column has nulls, or other levels, if any are made."""

ROWS_OF_A_PAIR = 2
"""Deviations of the noise that a cell of a pair has rows for, on average."""

LEVELS, COLUMNS, PAIRS = "levels", "columns", "pairs"
"""Purposes in the account."""

TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


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
    readings = {field.name: _reading(field, privacy) for field in table.schema}
    selecting = sum(one == "levels" for one in readings.values())
    delta = OF_LEVELS * Fraction(privacy.delta) if selecting else Fraction(0)
    accountant = Accountant(privacy.epsilon, privacy.delta, delta)
    counting = _Counting(
        Curator(accountant, coins), privacy, accountant.rho, delta / max(selecting, 1)
    )
    counted: list[_Counted] = []
    for place, (name, reading) in enumerate(readings.items()):
        counted.append(counting.column(name, table[name], reading, len(readings)))
        on_progress((place + 1) / (len(readings) + 1))
    total = _total(counted)
    columns = [
        ColumnCounts.of(one.name, one.axis, masses, _groups(one.axis, masses, most))
        for one in counted
        for masses in [_masses(one, total)]
        for most in [counting.most_groups(total, len(counted))]
    ]
    links = counting.links(columns, [one.codes for one in counted])
    plain = pa.schema([field.remove_metadata() for field in table.schema])
    return PrivateModel(
        schema=rows.schema,
        rows=round(total),
        kinds={field.name: _kind(field, readings[field.name], privacy) for field in table.schema},
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


@dataclass(frozen=True, slots=True)
class _Counted:
    """A column, counted by itself; ``codes`` are those of the rows, and are not kept."""

    name: str
    axis: Axis
    noisy: Noisy
    codes: Codes


@dataclass(frozen=True, slots=True)
class _Counting:
    curator: Curator
    privacy: Privacy
    rho: Fraction
    delta: Fraction

    def column(self, name: str, column: pa.ChunkedArray, reading: str, columns: int) -> _Counted:
        """Count one of some columns by itself."""
        share = self.rho * (OF_COLUMNS if columns > 1 else 1) / columns
        axis, rho = (
            self._levels(column, reading, share)
            if reading in {"levels", "flags"}
            else self._numbers(name, column, reading, share)
        )
        codes = axis.codes(column)
        found = np.bincount(codes, minlength=axis.size).astype(np.int64)
        noisy = self.curator.count(COLUMNS, found, rho)
        if isinstance(axis, Levels) and len(axis.values):
            shares = np.maximum(noisy.counts[: len(axis.values)], 1).astype(np.float64)
            axis = Levels(axis.values, shares / shares.sum())
        return _Counted(name, axis, noisy, codes)

    def _levels(
        self, column: pa.ChunkedArray, reading: str, share: Fraction
    ) -> tuple[Axis, Fraction]:
        """The levels that are known or selected, and what is left to count them."""
        costs = _parts(share, WEIGHTS[reading])
        if reading == "flags":
            values = pa.array([False, True])
        else:
            pairs = pc.value_counts(column.combine_chunks().drop_null()).to_pylist()
            counts = {one["values"]: one["counts"] for one in pairs}
            selected = self.curator.select(LEVELS, counts, costs[0], self.delta)
            values = pa.array(list(selected), column.type)
        return Levels(values, np.zeros(len(values))), costs[-1]

    def _numbers(
        self, name: str, column: pa.ChunkedArray, reading: str, share: Fraction
    ) -> tuple[Axis, Fraction]:
        """The bins that are found, and what is left to count them."""
        values, steps = numbers_of(column), _steps(column.type)
        if len(steps) == 1:
            costs = _parts(share, WEIGHTS[reading])
            grid = Grid(step=steps[0])
        else:
            grid_cost, *costs = _parts(share, WEIGHTS["grid"] + WEIGHTS[reading])
            grid = find_grid(values, steps, self.curator, grid_cost)
        known = None
        if name in self.privacy.bounds:
            low, high = grid.units(_bounds(name, self.privacy, column.type)).tolist()
            known = Bins.between(low, high)
        return Numbers(find_bins(grid.units(values), known, self.curator, costs), grid), costs[-1]

    def most_groups(self, total: float, columns: int) -> int:
        """Groups of a column, so that the cells of a pair have more rows than noise."""
        if columns == 1:
            return 1
        cells = total / (ROWS_OF_A_PAIR * variance_for(self._of_pair(columns)) ** 0.5)
        return int(np.clip(cells**0.5, 3, MOST_GROUPS))

    def links(self, columns: Sequence[ColumnCounts], codes: Sequence[Codes]) -> list[Link]:
        """Choose pairs, count them, and put them in an order."""
        count = len(columns)
        if count == 1:
            return [Link.of(0, None, columns[0].margin[None, :])]
        grouped = [column.group[one] for column, one in zip(columns, codes, strict=True)]
        margins = [column.margin for column in columns]
        rho = self._of_pair(count)
        deviation = variance_for(rho) ** 0.5
        edges = spanning_tree(grouped, margins, deviation, self.curator, self.rho * OF_TREE)
        links = []
        for place, parent in from_root(edges, count):
            if parent is None:
                links.append(Link.of(place, None, margins[place][None, :]))
                continue
            shape = len(margins[parent]), len(margins[place])
            found = joint(grouped[parent], grouped[place], shape)
            noisy = self.curator.count(PAIRS, found, rho)
            counts = consistent(noisy.counts, margins[parent], margins[place])
            links.append(Link.of(place, parent, counts))
        return links

    def _of_pair(self, columns: int) -> Fraction:
        return self.rho * (1 - OF_COLUMNS - OF_TREE) / (columns - 1)


def _reading(field: pa.Field, privacy: Privacy) -> str:
    """How a column is counted, by its type and what the user says."""
    name, type = field.name, field.type
    kind = privacy.kinds.get(name)
    scale = None if kind is None else KINDS[kind].scale
    is_number = (
        pa.types.is_integer(type)
        or pa.types.is_floating(type)
        or pa.types.is_decimal(type)
        or pa.types.is_temporal(type)
    ) and not pa.types.is_interval(type)
    if scale is Scale.NEW:
        raise _unfit(
            name,
            f"is of kind {kind}, whose values are made by the form of those in the table",
            "Leave it out with parameters.exclude.",
        )
    if scale is Scale.ORDERED and not is_number:
        raise _unfit(
            name,
            f"holds {type}, and is to be of kind {kind}",
            "Convert it to numbers or instants first, or let it be categorical.",
        )
    if name in privacy.bounds and not (is_number and scale in {None, Scale.ORDERED}):
        raise _unfit(name, "has bounds and is no number", "Leave its bounds out.")
    if pa.types.is_boolean(type):
        return "flags"
    if is_number and scale in {None, Scale.ORDERED}:
        return "bounds" if name in privacy.bounds else "ranges"
    return "levels"


def _unfit(name: str, what: str, remedy: str) -> InputError:
    return InputError(
        f"Column {name!r} {what}, which parameters.epsilon does not allow. {remedy}",
        code="unfit_for_epsilon",
        details={"column": name, "remedy": remedy, "retryHelps": False},
    )


def _kind(field: pa.Field, reading: str, privacy: Privacy) -> str:
    if (kind := privacy.kinds.get(field.name)) is not None:
        return kind
    if reading == "flags":
        return boolean.KIND.name
    if reading == "levels":
        return categorical.KIND.name
    return dates.KIND.name if pa.types.is_temporal(field.type) else numeric.KIND.name


def _parts(share: Fraction, weights: Sequence[int]) -> list[Fraction]:
    return [share * weight / sum(weights) for weight in weights]


def _steps(type: pa.DataType) -> list[int]:
    """Of whole numbers that a unit can have, from the coarsest; none of floats."""
    if pa.types.is_floating(type):
        return []
    if pa.types.is_date64(type):
        return [86_400_000]
    if not pa.types.is_temporal(type) or pa.types.is_date(type):
        return [1]
    second = TICKS[type.unit]
    steps = [86_400 * second, 3_600 * second, 60 * second, second, second // 1_000, 1]
    return sorted({step for step in steps if step}, reverse=True)


def _bounds(name: str, privacy: Privacy, type: pa.DataType) -> npt.NDArray[Any]:
    bounds = privacy.bounds[name]
    try:
        found = to_values(pa.chunked_array([pa.array(bounds).cast(type)]))
    except pa.ArrowException as error:
        raise _unfit(
            name, f"holds {type}, and is to lie between {bounds}", "Write bounds of its type."
        ) from error
    if found[0] > found[1]:
        raise _unfit(name, f"is to lie between {bounds}", "Write the lower bound first.")
    return found


def _total(counted: Sequence[_Counted]) -> float:
    """How many rows there are, by the noisy counts of all columns."""
    certain = [1 / (one.noisy.variance * one.axis.size) for one in counted]
    totals = [float(one.noisy.counts.sum()) for one in counted]
    return max(float(np.average(totals, weights=certain)), 1.0)


def _masses(one: _Counted, total: float) -> Masses:
    """Rows of each code. No nulls or other levels are made of what may be noise alone."""
    counts = one.noisy.counts
    usual = len(one.axis.values) if isinstance(one.axis, Levels) else len(one.axis.bins)
    kept = np.arange(one.axis.size) < usual
    if usual:
        kept |= counts > BEYOND_NOISE * one.noisy.deviation
    else:
        kept[:] = True
    masses = np.zeros(len(counts))
    masses[kept] = to_total(counts[kept], total)
    return masses


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
    columns: Sequence[ColumnCounts], counted: Sequence[_Counted], total: float
) -> list[str]:
    """What a user should know, by noisy counts."""
    found = []
    noise = max(one.noisy.deviation for one in counted)
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
