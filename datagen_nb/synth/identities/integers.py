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

    def rekeyed(self, shift: int) -> RowNumbers:
        del shift  # a row's number is that of the row, in any result
        return self

    def make(
        self, numbers: Numbers, given: Mapping[str, pa.Array], random: np.random.Generator
    ) -> pa.Array:
        """Make one value for each number; see `Maker`."""
        del given, random
        return pa.array(np.int64(self.first) + numbers * np.int64(self.step))


def fit_row_numbers(column: pa.ChunkedArray, *, step: int, seed: int) -> RowNumbers | None:
    """Find out whether integers are row numbers; none if they are not, or leave no room.

    Args:
        column: Some rows of the table; those of each chunk in its order.
        step: From each number of the whole table to the next, if they may lie evenly; else 0.
        seed: Chooses where the made numbers begin.
    """
    if not step or pa.types.is_uint64(column.type):
        return None
    numbers = [chunk.drop_null() for chunk in column.chunks]
    numbers = [chunk.cast(pa.int64()) for chunk in numbers if len(chunk)]
    if sum(map(len, numbers)) < MIN_ROWS:
        return None
    steps = pa.chunked_array([pc.pairwise_diff(chunk)[1:] for chunk in numbers], pa.int64())
    sign = 1 if (pc.max(steps).as_py() or 0) > 0 else -1
    apart = steps.to_numpy() * sign
    if not len(apart) or (apart <= 0).any() or (apart % step).any():
        return None
    low, high = (int(end.as_py()) for end in pc.min_max(column).values())
    beyond = 10 ** len(str(max(abs(low), abs(high))))
    lead = int(np.random.default_rng(seed).integers(1, 9))
    first = sign * (lead * beyond + low % step)
    width = 64 if pa.types.is_floating(column.type) else column.type.bit_width
    is_roomy = abs(first) < (2**31 if width <= 32 else 2**62) // 4
    return RowNumbers(first, sign * step) if is_roomy and width >= 32 else None
