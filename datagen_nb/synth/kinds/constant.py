"""Columns that have one value at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datagen_nb.core.kinds import Scale
from datagen_nb.synth.column_kind import ColumnKind

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.synth.identities import Candidate


class Constant(ColumnKind):
    """One value; it is found and cannot be chosen."""

    name = "constant"
    label = "constant"
    scale = Scale.CONSTANT
    priority = 1_000

    def holds(self, type: pa.DataType) -> bool:
        return False

    def draws(self, column: Candidate) -> bool:
        return column.facts.distinct <= 1


KIND = Constant()
