"""What the instants of a series say of a row: the hour, the weekday, the time of the year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Matrix = npt.NDArray[np.float32]

SECONDS, WEEKDAYS, DAYS_OF_YEAR = 86_400, 7, 365.25
MIN_DAYS = {"weekday": 14, "year": 400}
"""Days that instants span at least where the weekday and the time of the year are looked at."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Turns whole numbers of an order into instants and what the calendar says of them.

    Attributes:
        unit: Of the whole numbers, as numpy names it: ``s``, ``D``, or ``M`` for whole months;
            empty where they are no instants.
        cycles: Which cycles are looked at: ``day``, ``weekday``, ``year``.
    """

    unit: str
    cycles: tuple[str, ...]

    @classmethod
    def of(cls, values: Any, type: pa.DataType) -> Self:
        """Of the values of an order, as ``to_values`` gives them.

        Months that begin with the first day at midnight are counted as months.
        """
        if not (pa.types.is_timestamp(type) or pa.types.is_date(type)):
            return cls("", ())
        instants = values.astype(f"datetime64[{_unit_of(type)}]")
        months = instants.astype("datetime64[M]")
        if (months.astype(instants.dtype) == instants).all():
            return cls("M", ("year",) if len(np.unique(months)) > 12 else ())
        seconds = instants.astype("datetime64[s]").astype(np.int64)
        days = (seconds.max() - seconds.min()) / SECONDS
        cycles = ["day"] if len(np.unique(seconds % SECONDS)) > 1 else []
        cycles += [name for name, least in MIN_DAYS.items() if days >= least]
        return cls(_unit_of(type), tuple(cycles))

    def counted(self, values: Any, type: pa.DataType) -> Any:
        """Values of an order as whole numbers of the unit."""
        if self.unit != "M":
            return values
        return values.astype(f"datetime64[{_unit_of(type)}]").astype("datetime64[M]").astype(int)

    def values(self, counted: Any, type: pa.DataType) -> Any:
        """The inverse of ``counted``."""
        if self.unit != "M":
            return counted
        instants = counted.astype("datetime64[M]").astype(f"datetime64[{_unit_of(type)}]")
        return instants.astype(np.int64)

    @property
    def width(self) -> int:
        """Numbers that are said of a row."""
        return 3 * len(self.cycles)

    def features(self, counted: Any) -> Matrix:
        """For each instant and cycle, the place in the cycle, and its sine and cosine."""
        found = np.empty((len(counted), self.width), dtype=np.float32)
        if not self.cycles:
            return found
        instants = counted.astype(f"datetime64[{self.unit}]")
        seconds = instants.astype("datetime64[s]").astype(np.int64) / SECONDS
        day = np.floor(seconds)
        for place, cycle in enumerate(self.cycles):
            if cycle == "day":
                share = seconds - day
            elif cycle == "weekday":
                share = (day + 3) % WEEKDAYS / WEEKDAYS
            else:
                year = instants.astype("datetime64[Y]").astype("datetime64[s]").astype(np.int64)
                share = (seconds - year / SECONDS) / DAYS_OF_YEAR
            found[:, 3 * place] = share
            found[:, 3 * place + 1] = np.sin(2 * np.pi * share)
            found[:, 3 * place + 2] = np.cos(2 * np.pi * share)
        return found


def _unit_of(type: pa.DataType) -> str:
    if pa.types.is_timestamp(type):
        return str(type.unit)
    return "D" if type.bit_width == 32 else "ms"
