"""Clocks: this machine's, and one whose instants never jump; tests bring their own."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from datagen_nb.core.ports import Clock

_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where there is such a clock."""


class SystemClock:
    """Time as this machine has it."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_SINCE_BOOT)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SteadyClock:
    """Another clock's time without its jumps: the wall clock of the start, and what passed since.

    A wall clock that is set while the service runs must delete nothing early and end no cooldown.
    What it was set to is adopted at the next start; until then ``jumped`` tells by how much.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now()
        self._since = clock.monotonic()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self._clock.monotonic() - self._since)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    @property
    def jumped(self) -> float:
        """Seconds that the wall clock has been set ahead (or, below 0, back) since the start."""
        return (self._clock.now() - self.now()).total_seconds()
