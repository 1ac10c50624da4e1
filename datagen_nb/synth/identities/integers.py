"""Row numbers: integers without gaps in the order of the rows.

They go on in the same steps, from a number far above the input's, so that they neither repeat the
input's nor tell how many there were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen_nb.synth.identities.maker import Numbers

MIN_ROWS = 3
"""Fewer numbers may follow each other by chance."""


@dataclass(frozen=True)
class RowNumbers:
    """Counts on.

    Attributes:
        first: The first made number.
        step: From one to the next; negative to count down.
    """

    first: int
    step: int

    @property
    def needs(self) -> tuple[str, ...]:
        return ()

    @property
    def is_unique(self) -> bool:
        return True

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one value for each number; see `Maker`."""
        del given, random
        return pa.array(np.int64(self.first) + numbers * np.int64(self.step))


def fit_row_numbers(values: pa.Array, seed: int) -> RowNumbers | None:
    """Find out whether integers are row numbers; none if they are not, or leave no room.

    Args:
        values: In the order of the rows.
        seed: Chooses where the made numbers begin.
    """
    if len(values) < MIN_ROWS or pa.types.is_uint64(values.type):
        return None
    steps = pc.unique(pc.pairwise_diff(values.cast(pa.int64()))[1:])
    if len(steps) != 1 or steps[0].as_py() == 0:
        return None
    step, last = steps[0].as_py(), max(abs(values[0].as_py()), abs(values[-1].as_py()))
    beyond = 10 ** len(str(last))
    lead = int(np.random.default_rng(seed).integers(1, 9))
    first = int(np.sign(step)) * (lead * beyond + values[0].as_py() % abs(step))
    is_roomy = abs(first) < (2**31 if values.type.bit_width <= 32 else 2**62) // 4
    return RowNumbers(first, step) if is_roomy and values.type.bit_width >= 32 else None
