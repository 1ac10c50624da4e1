"""Values that are equal or not, and that rows share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datagen_nb.core.kinds import Scale
from datagen_nb.synth.column_kind import ColumnKind

if TYPE_CHECKING:
    import pyarrow as pa

    from datagen_nb.synth.identities import Candidate


class Categorical(ColumnKind):
    """Categories: what is nothing else."""

    name = "categorical"
    label = "categorical"
    scale = Scale.NOMINAL
    priority = 0

    def holds(self, type: pa.DataType) -> bool:
        return True

    def draws(self, column: Candidate) -> bool:
        return True


KIND = Categorical()
