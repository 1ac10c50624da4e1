"""A column as numbers that can be computed with, and numbers as a column again.

Numbers of a column are float64, NaN where it is null: plain numbers as they are, points and lengths
of time in microseconds. Most columns have a grid, such as two decimals or whole days; a result
is rounded to its column's grid, so that it is equal to the last bit to what was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NUMBER, INSTANT, SPAN, CLOCK = "number", "instant", "span", "clock"

DAY = 86_400_000_000.0
"""Microseconds of a day."""

MAX_DECIMALS = 9
MAX_EXACT = 2.0**53
"""From here on not every whole number is a float64."""

_TICKS = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}


@dataclass(frozen=True, slots=True)
class Grid:
    """What the values of a column are multiples of.

    Attributes:
        family: What the numbers are: ``number``, ``instant``, ``span`` or ``clock``.
        decimals: Digits after the point of plain numbers; ``None`` when they have no grid.
        step: Microseconds between neighbours of a column of times; 0 for plain numbers.
    """

    family: str
    decimals: int | None = None
    step: float = 0.0

    @property
    def unit(self) -> float:
        """Distance of neighbours; 0 when there is no grid."""
        if self.family == NUMBER:
            return 0.0 if self.decimals is None else 10.0**-self.decimals
        return self.step


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column as numbers; ``values`` are NaN where it is null."""

    grid: Grid
    values: Floats

    @property
    def known(self) -> Flags:
        return ~np.isnan(self.values)


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column in one piece."""
    if isinstance(column, pa.ChunkedArray):
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries()
        return column.combine_chunks()
    return column


def read(column: pa.ChunkedArray | pa.Array) -> Numbers | None:
    """The numbers of a column; ``None`` if it has none, or some that float64 cannot hold."""
    array = whole(column)
    family = family_of(array.type)
    if family is None or array.null_count == len(array):
        return None
    values = _floats(array)
    known = values[~np.isnan(values)]
    if len(known) != len(array) - array.null_count or not np.isfinite(known).all():
        return None
    if family != NUMBER:
        step = DAY if pa.types.is_date(array.type) else _TICKS[array.type.unit]
        if step < 1 and (known != np.rint(known)).any():
            return None
        return Numbers(Grid(family, step=max(step, 1.0)), values)
    if np.abs(known).max() >= MAX_EXACT:
        return None
    return Numbers(Grid(NUMBER, decimals=_decimals(known, array.type)), values)


def family_of(type: pa.DataType) -> str | None:
    """What a column of a type holds; ``None`` when it is nothing to compute with."""
    if pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type):
        return NUMBER
    if pa.types.is_date(type) or pa.types.is_timestamp(type):
        return INSTANT
    if pa.types.is_duration(type):
        return SPAN
    return CLOCK if pa.types.is_time(type) else None


def values_of(column: pa.ChunkedArray | pa.Array) -> Floats:
    """The numbers of a column of which some could be read before; NaN where it is null."""
    return _floats(whole(column))


def write(values: Floats, grid: Grid, type: pa.DataType) -> pa.Array:
    """Numbers as a column of a type, rounded to its grid and clipped to its range; NaN is null."""
    nulls = np.isnan(values)
    safe = np.where(nulls, 0.0, values)
    if pa.types.is_date32(type):
        return _whole_numbers(np.floor(safe / DAY), nulls, pa.int32()).cast(type)
    if pa.types.is_date64(type):
        days = np.floor(np.clip(safe / DAY, -1e8, 1e8))
        return _whole_numbers(days * 86_400_000, nulls, pa.int64()).cast(type)
    if grid.family != NUMBER:
        if pa.types.is_time(type):
            safe = np.clip(safe, 0, DAY - _TICKS[type.unit])
        # Through whole microseconds: nanoseconds of today are too many for a float64.
        micros = np.rint(np.clip(safe, -(2.0**62), 2.0**62)).astype(np.int64)
        bits = pa.int32() if type.bit_width == 32 else pa.int64()
        return pa.array(_rescaled(micros, type.unit), mask=nulls).cast(bits).cast(type)
    if pa.types.is_integer(type):
        return _whole_numbers(np.rint(safe), nulls, type)
    if pa.types.is_decimal(type):
        return _as_decimals(safe, nulls, type)
    rounded = safe if grid.decimals is None else to_decimals(safe, grid.decimals)
    return pa.array(rounded, mask=nulls).cast(type, safe=False)


def to_decimals(values: Floats, decimals: int) -> Floats:
    """The nearest floats that have so many digits after the point; halves go to even digits."""
    scale = 10.0**decimals
    return np.rint(values * scale) / scale


def _floats(array: pa.Array) -> Floats:
    type = array.type
    if pa.types.is_decimal(type):
        # The cast is not to the nearest float.
        known = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return to_decimals(np.asarray(known, dtype=np.float64), type.scale)
    if family_of(type) != NUMBER:
        scale = DAY if pa.types.is_date(type) else _TICKS[type.unit]
        if pa.types.is_date(type):
            array = array.cast(pa.date32())
        bits = pa.int32() if array.type.bit_width == 32 else pa.int64()
        counted = np.asarray(array.cast(bits).to_numpy(zero_copy_only=False), dtype=np.float64)
        return counted * scale if scale >= 1 else counted / 1000.0
    if pa.types.is_float16(type):
        array = array.cast(pa.float32())
    with np.errstate(invalid="ignore"):  # a NaN may have any bits
        return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)


def _decimals(known: Floats, type: pa.DataType) -> int | None:
    """The fewest digits after the point that hold every value."""
    if pa.types.is_integer(type):
        return 0
    if pa.types.is_decimal(type):
        return int(type.scale)
    least = 0
    for some in (known[:200], known):
        for decimals in range(least, MAX_DECIMALS + 1):
            if np.abs(some).max() * 10.0**decimals >= MAX_EXACT:
                return None
            rounded = to_decimals(some, decimals)
            if pa.types.is_float32(type):
                rounded = rounded.astype(np.float32).astype(np.float64)
            if (rounded == some).all():
                least = decimals
                break
        else:
            return None
    return least


def _whole_numbers(values: Floats, nulls: Flags, type: pa.DataType) -> pa.Array:
    info = np.iinfo(type.to_pandas_dtype())
    clipped = np.clip(values, float(info.min), float(info.max))
    # The largest float64 within 64 bits is below their maximum, which itself rounds above it.
    below = np.nextafter(float(info.max), 0) if info.max > MAX_EXACT else float(info.max)
    counted = np.minimum(clipped, below).astype(type.to_pandas_dtype())
    return pa.array(counted, type, mask=nulls)


def _rescaled(micros: npt.NDArray[np.int64], unit: str) -> npt.NDArray[np.int64]:
    if unit == "ns":
        bound = (2**63 - 1) // 1000
        return np.clip(micros, -bound, bound) * 1000
    if unit == "us":
        return micros
    step = 1_000 if unit == "ms" else 1_000_000
    return np.asarray((micros + step // 2) // step, dtype=np.int64)


def _as_decimals(values: Floats, nulls: Flags, type: Any) -> pa.Array:
    bound = min(10.0**type.precision - 1, MAX_EXACT)
    ticks = np.clip(np.rint(values * 10.0**type.scale), -bound, bound).astype(np.int64)
    low = ticks.view(np.uint64)
    high = (ticks >> 63).view(np.uint64)
    words = np.empty((len(ticks), type.bit_width // 64), dtype=np.uint64)
    words[:] = high[:, None]
    words[:, 0] = low
    bitmap = pa.array(~nulls).buffers()[1]
    return pa.Array.from_buffers(type, len(ticks), [bitmap, pa.py_buffer(words.tobytes())])
