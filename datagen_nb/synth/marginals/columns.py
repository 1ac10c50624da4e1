"""A column counted by itself: what it is, its codes, and the noisy counts of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.core.errors import InputError
from datagen_nb.core.kinds import KINDS, Scale
from datagen_nb.synth.arrays import to_values
from datagen_nb.synth.kinds import boolean, categorical, dates, numeric
from datagen_nb.synth.marginals.axes import Axis, Levels, Numbers, numbers_of
from datagen_nb.synth.marginals.bins import Bins, Grid, find_bins, find_grid, smoothed
from datagen_nb.synth.marginals.mechanisms import Curator, variance_for
from datagen_nb.synth.marginals.pairs import Codes, Masses, to_total
from datagen_nb.synth.marginals.privacy import Privacy

WEIGHTS: Mapping[str, tuple[int, ...]] = {
    "grid": (3,),
    "ranges": (10, 10, 10, 20),
    "bounds": (10, 20),
    "levels": (25, 10),
    "flags": (20,),
}
"""What rounds of counting a column get of its share, by what they find out."""

BEYOND_NOISE = 4
"""Deviations of the noise that a column has nulls, or other levels, if any are made."""

LEVELS, COLUMNS = "levels", "columns"
"""Purposes in the account."""

TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Counted:
    """A column, counted by itself.

    Attributes:
        name: Of the column.
        axis: What its codes stand for.
        codes: Of the rows; they are not kept.
        counts: Of each code, with noise.
        noise: Its deviation in the counts of other levels and nulls.
        rows: How many rows there are by these counts.
        variance: Of that number.
    """

    name: str
    axis: Axis
    codes: Codes
    counts: Masses
    noise: float
    rows: float
    variance: float

    def masses(self, total: float) -> Masses:
        """Rows of each code. No nulls or other levels are made of what may be noise alone."""
        usual = self.axis.usual
        kept = np.arange(self.axis.size) < usual
        if usual:
            kept |= self.counts > BEYOND_NOISE * self.noise
        else:
            kept[:] = True
        masses = np.zeros(len(self.counts))
        masses[kept] = to_total(self.counts[kept], total)
        return masses


@dataclass(frozen=True, slots=True)
class Counting:
    """Counts columns by themselves.

    Attributes:
        curator: Counts and selects.
        privacy: What a user asks for.
        share: What each column costs at most.
        delta: The probability with which the selection of the levels of a column may show a row.
    """

    curator: Curator
    privacy: Privacy
    share: Fraction
    delta: Fraction

    def column(self, name: str, column: pa.ChunkedArray, reading: str) -> Counted:
        """Count one."""
        if reading == "levels":
            return self._selected(name, column)
        if reading == "flags":
            values = pa.array([False, True])
            axis: Axis = Levels(values, np.zeros(len(values)))
            rho = self.share
        else:
            axis, rho = self._numbers(name, column, reading)
        codes = axis.codes(column)
        found = np.bincount(codes, minlength=axis.size).astype(np.int64)
        noisy = self.curator.count(COLUMNS, found, rho)
        counts = noisy.counts.astype(np.float64)
        if isinstance(axis, Numbers):
            widths = axis.bins.right - axis.bins.left
            counts[:-1] = smoothed(counts[:-1], widths, noisy.variance)
        else:
            axis = axis.weighed(counts)
        rows, variance = float(noisy.counts.sum()), noisy.variance * axis.size
        return Counted(name, axis, codes, counts, noisy.deviation, rows, variance)

    def _selected(self, name: str, column: pa.ChunkedArray) -> Counted:
        """Count the levels that are selected, which are counted already, and all others."""
        select, count = _parts(self.share, WEIGHTS["levels"])
        pairs = pc.value_counts(column.combine_chunks().drop_null()).to_pylist()
        found = {one["values"]: one["counts"] for one in pairs}
        selected = self.curator.select(LEVELS, found, select, self.delta)
        values = pa.array(list(selected), column.type)
        axis = Levels(values, np.zeros(len(values)))
        codes = axis.codes(column)
        of_each = np.bincount(np.maximum(codes - len(values) + 1, 0), minlength=3)
        noisy = self.curator.count(COLUMNS, of_each.astype(np.int64), count)
        levels = np.array(list(selected.values()), np.float64)
        if len(levels):
            # Two numbers of the rows with any of the levels: what lies between is parted by noise.
            summed = len(levels) * variance_for(select)
            levels += (
                (noisy.counts[0] - levels.sum()) / len(levels) * summed / (summed + noisy.variance)
            )
        counts = np.concatenate([levels, noisy.counts[1:]])
        rows = float(noisy.counts.sum())
        return Counted(
            name, axis.weighed(counts), codes, counts, noisy.deviation, rows, 3 * noisy.variance
        )

    def _numbers(self, name: str, column: pa.ChunkedArray, reading: str) -> tuple[Axis, Fraction]:
        """The bins that are found, and what is left to count them."""
        values, steps = numbers_of(column), _steps(column.type)
        if len(steps) == 1:
            costs = _parts(self.share, WEIGHTS[reading])
            grid = Grid(step=steps[0])
        else:
            grid_cost, *costs = _parts(self.share, WEIGHTS["grid"] + WEIGHTS[reading])
            grid = find_grid(values, steps, self.curator, grid_cost)
        known = None
        if name in self.privacy.bounds:
            low, high = grid.units(_bounds(name, self.privacy, column.type)).tolist()
            known = Bins.between(low, high)
        return Numbers(find_bins(grid.units(values), known, self.curator, costs), grid), costs[-1]


def reading_of(field: pa.Field, privacy: Privacy) -> str:
    """How a column is counted, by its type and what the user says.

    Raises:
        InputError: It cannot be counted as its kind, or has bounds and is no number.
    """
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


def kind_of(field: pa.Field, reading: str, privacy: Privacy) -> str:
    """The kind of a column that is counted so."""
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
