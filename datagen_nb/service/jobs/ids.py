"""Names of jobs: short to read, and sorting by the time they were given."""

from __future__ import annotations

from random import Random

from datagen_nb.core.ports import Clock

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that looks like a digit."""


class JobIds:
    """Gives ``j_`` and 16 characters: ten of the millisecond, six of chance.

    Within one process the time part only grows, so that ids sort in the order of their jobs even
    when the wall clock jumps back.
    """

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._last = 0

    def next(self) -> str:
        """A new id."""
        self._last = max(self._last + 1, int(self._clock.now().timestamp() * 1000))
        return f"j_{_base32(self._last, 10)}{_base32(self._random.getrandbits(30), 6)}"


def _base32(number: int, length: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))
