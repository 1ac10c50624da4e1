"""How a column is made anew: the protocol of its maker.

A maker keeps the form of a column, never a value that fewer than `MIN_COUNT` rows have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

MIN_COUNT = 5
"""So many rows must have a part of a value for it to be used again; the default of `minCount`."""

Numbers = npt.NDArray[np.int64]


class Maker(Protocol):
    """Makes the values of one column: a frozen dataclass of plain fields.

    An adapter keeps these promises: no value of the input that it has seen is made, except of
    parts that many rows share; the same numbers, given columns and generator give the same values;
    where `is_unique`, distinct numbers give distinct values, whichever part asks for them.
    """

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns, also made anew, that the values must agree with."""

    @property
    def is_unique(self) -> bool:
        """Whether distinct numbers give distinct values."""

    def rekeyed(self, shift: int) -> Maker:
        """The same maker with its key moved by so much, modulo the number of keys.

        Where `is_unique`, the same numbers have other values, as far as there are enough; row
        numbers stay. Moved back, it is the same again.
        """

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one value for each number.

        Args:
            numbers: Numbers of rows or entities in the whole result, from 0.
            given: The values of `needs` for the same rows or entities.
            random: Of everything that does not have to differ from number to number.

        Returns:
            Values without nulls: strings, or integers for a column of numbers. They are to be
            cast to the type of the column.
        """
