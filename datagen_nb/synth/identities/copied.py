"""Identifiers that are those of another column, as an order's number that stands in two places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from datagen_nb.synth.identities.maker import Maker, Numbers


@dataclass(frozen=True)
class Copied:
    """Repeats the values of another column.

    Attributes:
        column: Its name.
        other: Makes values where that column has none.
    """

    column: str
    other: Maker

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def is_unique(self) -> bool:
        return self.other.is_unique

    def rekeyed(self, shift: int) -> Copied:
        return replace(self, other=self.other.rekeyed(shift))

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one value for each number; see `Maker`."""
        made = self.other.make(numbers, {}, random)
        return made if self.column not in given else given[self.column].cast(made.type)


def fit_copied(table: pa.Table, makers: Mapping[str, Maker]) -> dict[str, Copied]:
    """The columns that repeat one before them in every row.

    Args:
        table: The columns, as they were read.
        makers: Of those that are made anew, in the order of the table.
    """
    found: dict[str, Copied] = {}
    sources: list[str] = []
    for name, maker in makers.items():
        source = next((one for one in sources if _are_equal(table[one], table[name])), None)
        if source is None:
            sources.append(name)
        elif not maker.needs:
            found[name] = Copied(source, maker)
    return found


def _are_equal(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    return bool(one.type == other.type and one.null_count == 0 and one.equals(other))
