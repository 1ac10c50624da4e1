"""Which entity each row of a result belongs to, whatever the parts it is made in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The entities of some rows.

    Attributes:
        numbers: Of the entities, in the whole result.
        blocks: For each, which pass over the input's entities it is of.
        places: Its place in that pass.
        lengths: Rows of each.
        skipped: Rows of the first that come before.
        steps: Rows of each that are made: of the last, perhaps fewer than it has.
    """

    numbers: Ints
    blocks: Ints
    places: Ints
    lengths: Ints
    skipped: int
    steps: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Entities follow each other with as many rows as those of the input, in another order.

    Each pass has every length once, so that there is less chance in it than in drawing.

    Attributes:
        sizes: Rows of each entity that was seen.
        is_endless: Whether there is one series, of as many rows as are asked for.
    """

    sizes: Ints
    is_endless: bool

    def between(self, start: int, stop: int, seed: int) -> Members:
        """The entities of the rows from ``start`` to before ``stop``, at least one row."""
        if self.is_endless:
            one = np.zeros(1, dtype=np.int64)
            return Members(one, one, one, one + stop, start, one + stop)
        total, count = int(self.sizes.sum()), len(self.sizes)
        blocks = np.arange(start // total, (stop - 1) // total + 1)
        lengths = np.concatenate([self.sizes[self.order(int(one), seed)] for one in blocks])
        ends = int(blocks[0]) * total + np.cumsum(lengths)
        first = int(np.searchsorted(ends, start, side="right"))
        last = int(np.searchsorted(ends, stop, side="left"))
        numbers = int(blocks[0]) * count + np.arange(first, last + 1)
        lengths = lengths[first : last + 1]
        steps = lengths.copy()
        steps[-1] -= int(ends[last]) - stop
        begin = int(ends[first]) - int(lengths[0])
        return Members(numbers, numbers // count, numbers % count, lengths, start - begin, steps)

    def order(self, block: int, seed: int) -> Ints:
        """Which of the sizes the entities of a pass have."""
        random = np.random.default_rng([seed, 8, block])
        return np.asarray(random.permutation(len(self.sizes)), dtype=np.int64)
