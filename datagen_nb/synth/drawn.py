"""Rows between being drawn and being finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Columns = dict[str, pa.Array]
Ints = npt.NDArray[np.int64]

FORM = "\x1fform"
"""Behind a column's name: which of its spellings a value has."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Rows before what is made anew is made.

    Attributes:
        count: How many.
        columns: As they are written.
        missing: Of columns that are made anew and may be null, whether they are.
        owners: For each level of each key, the number of each row's entity.
    """

    count: int
    columns: Columns
    missing: Columns
    owners: tuple[Ints, ...]

    def take(self, rows: Ints) -> Drawn:
        """The rows of these numbers."""
        places = pa.array(rows)
        return Drawn(
            len(rows),
            {name: one.take(places) for name, one in self.columns.items()},
            {name: one.take(places) for name, one in self.missing.items()},
            tuple(one[rows] for one in self.owners),
        )

    @classmethod
    def joined(cls, turns: Sequence[Drawn]) -> Drawn:
        """The rows of several turns, whose entities are different ones."""
        first = turns[0]
        if len(turns) == 1:
            return first
        owners = []
        for level in range(len(first.owners)):
            before, own = 0, []
            for turn in turns:
                own.append(turn.owners[level] + before)
                before = int(own[-1].max(initial=before - 1)) + 1
            owners.append(np.concatenate(own))
        return cls(
            sum(turn.count for turn in turns),
            {
                name: pa.concat_arrays([one.columns[name] for one in turns])
                for name in first.columns
            },
            {
                name: pa.concat_arrays([one.missing[name] for one in turns])
                for name in first.missing
            },
            tuple(owners),
        )
