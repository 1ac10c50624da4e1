"""Progress of an attempt that is not written yet: it is written at most once in so many seconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from datagen_nb.core.changes import (
    Change,
    InputMeasured,
    Progressed,
    StageCompleted,
    StageStarted,
)
from datagen_nb.core.ports import Clock

Progress = StageStarted | Progressed | StageCompleted | InputMeasured
"""Changes that may wait. If the service is lost, the next attempt reports its own."""


class UnwrittenProgress:
    """The progress that waits, each change with its time.

    Args:
        clock: Of the service.
        seconds: Least time between two writes.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._written = float("-inf")
        self._waiting: list[tuple[Change, datetime]] = []

    def add(self, change: Progress) -> None:
        """Let a change wait."""
        self._waiting.append((change, self._clock.now()))

    @property
    def is_due(self) -> bool:
        """Whether something waits, and may be written now."""
        passed = self._clock.monotonic() - self._written
        return bool(self._waiting) and passed >= self._seconds

    def take(self) -> Sequence[tuple[Change, datetime]]:
        """What waits, to be written now."""
        taken, self._waiting = self._waiting, []
        self._written = self._clock.monotonic()
        return taken
