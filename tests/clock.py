"""A clock that moves only when a test says so."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tests.deadline import DEADLINE

T = TypeVar("T")

START = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class FakeClock:
    """Implements ``core.ports.Clock``; a sleep on it ends by ``advance`` alone."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._monotonic = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None], str]] = []
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        who = asyncio.current_task().get_coro().__qualname__
        sleeper = (self._monotonic + seconds, asyncio.get_running_loop().create_future(), who)
        self._sleepers.append(sleeper)
        self._changed.set()
        try:
            await sleeper[1]
        finally:
            self._sleepers.remove(sleeper)

    def advance(self, seconds: float) -> None:
        """Let time pass and end the sleeps that are over."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
        for until, woken, _ in sorted(self._sleepers, key=lambda sleeper: sleeper[0]):
            if until <= self._monotonic + 1e-9 and not woken.done():
                woken.set_result(None)

    def jump(self, seconds: float) -> None:
        """Set the wall clock, as an operator does: no sleep ends."""
        self._now += timedelta(seconds=seconds)

    @property
    def alarms(self) -> list[float]:
        """In how many seconds each sleeper wakes, the next first."""
        return sorted(
            until - self._monotonic for until, woken, _ in self._sleepers if not woken.done()
        )

    @property
    def sleeping(self) -> list[str]:
        """The coroutines whose tasks sleep."""
        return [who for _, woken, who in self._sleepers if not woken.done()]

    async def asleep(self, seconds: float | None = None, *, count: int = 1) -> None:
        """Wait until ``count`` sleep; with ``seconds``, so many who wake in that time."""

        def sleeping() -> int:
            return sum(seconds is None or abs(left - seconds) < 1e-6 for left in self.alarms)

        async with asyncio.timeout(DEADLINE):
            while sleeping() < count:
                self._changed.clear()
                await self._changed.wait()

    async def through(self, work: Awaitable[T]) -> T:
        """Wait for ``work`` and let time pass whenever something sleeps."""
        task = asyncio.ensure_future(work)
        while not task.done():
            asleep = asyncio.ensure_future(self.asleep())
            await asyncio.wait({task, asleep}, return_when=asyncio.FIRST_COMPLETED)
            asleep.cancel()
            if not task.done() and self.alarms:
                self.advance(self.alarms[0])
        return task.result()
