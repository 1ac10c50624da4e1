"""Columns with a declared distribution, each a function from random numbers to values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr, ndtri, pdtr

Floats = npt.NDArray[np.float64]

_SURE = 2.0**-53
"""Shares lie this far below 1, where quantiles are finite."""

_TINY = 1e-300


class Source(Protocol):
    """What the values of a column are drawn from; a frozen dataclass of plain fields."""

    def draw(self, rows: int, random: np.random.Generator) -> pa.Array:
        """Draw values, none of them null."""
        ...

    def distance(self, made: pa.Array) -> float:
        """How far made values, without nulls, are from what is declared, 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of a distribution within bounds.

    Attributes:
        distribution: A key of ``DISTRIBUTIONS``.
        location: Mean of normal values, of the logarithms of lognormal ones, and of the others.
        scale: Standard deviation of the same.
        low: The lowest that is made; -inf for none.
        high: The highest that is made; inf for none.
        decimals: Digits after the point; ``None`` for all.
        is_integer: Whether they are int64; they are float64 else.
    """

    distribution: str
    location: float
    scale: float
    low: float
    high: float
    decimals: int | None
    is_integer: bool

    def draw(self, rows: int, random: np.random.Generator) -> pa.Array:
        values = self.quantiles(random.random(rows))
        return pa.array(values.astype(np.int64) if self.is_integer else values)

    def distance(self, made: pa.Array) -> float:
        values, counts = np.unique(made.cast(pa.float64()).to_numpy(), return_counts=True)
        above = np.cumsum(counts) / counts.sum()
        declared = self.cumulated(values)
        gaps = np.abs(above - declared)
        if self.decimals is None:  # a continuous one also differs just below each value
            gaps = np.maximum(gaps, np.abs(np.append(0.0, above[:-1]) - declared))
        return float(gaps.max())

    def quantiles(self, shares: Floats) -> Floats:
        """The values below which these shares of all values lie."""
        match self.distribution:
            case "uniform":
                low, high = self._widened
                values = low + shares * (high - low)
            case "exponential":
                first, last = self._exponential(np.array([self.low, self.high]))
                inside = np.minimum(first + shares * (last - first), 1 - _SURE)
                values = -self.location * np.log1p(-inside)
            case "poisson":
                counts, sums = self._counts
                places = np.searchsorted(sums, shares, side="right")
                values = counts[np.minimum(places, len(counts) - 1)]
            case _:
                sign, first, last = self._tail
                inside = np.clip(first + shares * (last - first), _TINY, 1 - _SURE)
                values = self.location + self.scale * sign * ndtri(inside)
                values = np.exp(values) if self.distribution == "lognormal" else values
        if self.decimals is not None:
            unit = 10.0**self.decimals
            values = np.rint(values * unit) / unit
        return np.asarray(np.clip(values, self.low, self.high) + 0.0)  # no negative zero

    def cumulated(self, values: Floats) -> Floats:
        """The share of all values that lie at or below each of these."""
        half = 0.0 if self.decimals is None else 0.5 * 10.0**-self.decimals
        at = values + half
        match self.distribution:
            case "uniform":
                low, high = self._widened
                shares = (at - low) / max(high - low, _TINY)
            case "exponential":
                first, last = self._exponential(np.array([self.low, self.high]))
                shares = (self._exponential(at) - first) / max(last - first, _TINY)
            case "poisson":
                counts, sums = self._counts
                below = np.searchsorted(counts, values, side="right")
                shares = np.append(0.0, sums)[below]
            case _:
                sign, first, last = self._tail
                part = (ndtr(sign * self._standard(at)) - first) / max(last - first, _TINY)
                shares = 1 - part if sign < 0 else part
        shares = np.where(values >= self.high, 1.0, np.where(values < self.low, 0.0, shares))
        return np.clip(shares, 0.0, 1.0)

    @property
    def _widened(self) -> tuple[float, float]:
        """Bounds of a uniform distribution, whose ends are as frequent as what is inside."""
        half = 0.0 if self.decimals is None else 0.5 * 10.0**-self.decimals
        return self.low - half, self.high + half

    def _exponential(self, values: Floats) -> Floats:
        return np.asarray(-np.expm1(-np.maximum(values, 0.0) / self.location))

    @property
    def _tail(self) -> tuple[float, float, float]:
        """A sign, and the shares of a normal distribution between which values lie.

        Above the mean it is mirrored: there float64 tells small shares apart, no large ones.
        """
        low, high = self._standard(np.array([self.low, self.high]))
        sign = -1.0 if low > 0 else 1.0
        first, last = sorted((float(ndtr(sign * low)), float(ndtr(sign * high))))
        return sign, first, last

    def _standard(self, values: Floats) -> Floats:
        if self.distribution == "lognormal":
            with np.errstate(divide="ignore"):
                values = np.log(np.maximum(values, 0.0))
        return np.asarray((values - self.location) / self.scale)

    @property
    def _counts(self) -> tuple[Floats, Floats]:
        """What a Poisson distribution may give within the bounds, and the cumulated shares."""
        width = 10 * np.sqrt(self.location)
        first = max(np.ceil(self.low), np.floor(self.location - width), 0)
        last = min(np.floor(self.high), np.ceil(self.location + width + 30))
        counts = np.arange(first, last + 1)
        before = pdtr(first - 1, self.location) if first > 0 else 0.0
        sums = pdtr(counts, self.location) - before
        return counts, sums / sums[-1]


@dataclass(frozen=True, slots=True)
class Instants:
    """Dates, instants or times of day, each as likely as the other.

    Attributes:
        low: The first, in the unit of the type.
        steps: How many there are.
        step: From one to the next, in the unit.
        unit: Name of the Arrow type, as ``date32``.
    """

    low: int
    steps: int
    step: int
    unit: str

    def draw(self, rows: int, random: np.random.Generator) -> pa.Array:
        numbers = self.low + self.step * random.integers(0, self.steps, rows)
        type = _ALIASES[self.unit]
        return (
            pa.array(numbers).cast(pa.int32() if self.unit == "date32" else pa.int64()).cast(type)
        )

    def distance(self, made: pa.Array) -> float:
        bits = pa.int32() if self.unit == "date32" else pa.int64()
        numbers = made.cast(_ALIASES[self.unit]).cast(bits).cast(pa.int64()).to_numpy()
        values, counts = np.unique(numbers, return_counts=True)
        declared = ((values - self.low) // self.step + 1) / self.steps
        return float(np.abs(np.cumsum(counts) / counts.sum() - declared).max())


_ALIASES: dict[str, pa.DataType] = {
    "date32": pa.date32(),
    "timestamp[us]": pa.timestamp("us"),
    "time64[us]": pa.time64("us"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """Some values in their shares.

    Attributes:
        values: All different.
        ends: Cumulated shares; the last is 1.
    """

    values: pa.Array
    ends: Floats

    @classmethod
    def of(cls, values: pa.Array, shares: Floats) -> Choices:
        """Values in shares that add up to 1."""
        ends = np.cumsum(shares)
        return cls(values, ends / ends[-1])

    def draw(self, rows: int, random: np.random.Generator) -> pa.Array:
        places = np.searchsorted(self.ends, random.random(rows), side="right")
        return self.values.take(pa.array(places))

    def distance(self, made: pa.Array) -> float:
        places: Any = pc.index_in(made.cast(self.values.type), value_set=self.values)
        counts = np.bincount(places.to_numpy(zero_copy_only=False), minlength=len(self.values))
        declared = np.diff(self.ends, prepend=0.0)
        return float(np.abs(counts / counts.sum() - declared).sum() / 2)
