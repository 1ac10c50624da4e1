"""How the service does: healthy, degraded or unhealthy, why, and the figures behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from datagen_nb.core.access import LOCAL_CUSTOMER
from datagen_nb.core.alerts import DISK_CRITICAL, DISK_WARNING
from datagen_nb.core.config import DEFAULT_BUCKET
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.messages import Health
from datagen_nb.core.status import State
from datagen_nb.service.observe import lag_of_webhooks

if TYPE_CHECKING:
    from datagen_nb.service.jobs import JobService

T = TypeVar("T")

Level = Literal["healthy", "degraded", "unhealthy"]

FRESH_SECONDS = 2.0
"""How long a look is believed: who asks often makes no work."""

PATIENCE = 5.0
"""Seconds in which the store and the pipeline have to answer."""

SLOW_STORE = 1.0
SLOW_LOOP = 0.5
"""Seconds from which on an answer, or a turn of the event loop, is slow."""

OLD_QUEUE = 900.0
"""Seconds that a job may wait while slots are free and its customer runs none."""

MUCH_JUMP = 300.0
"""Seconds that the wall clock may be off the service's own time, which never jumps."""

MUCH_LAG = 10_000
"""Events that a webhook may be behind."""

_LEVELS: tuple[Level, ...] = ("healthy", "degraded", "unhealthy")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the service is not healthy."""

    level: Level
    words: str


class HealthCheck:
    """Looks at everything that jobs need."""

    def __init__(self, service: JobService) -> None:
        self._service = service
        self._looking: asyncio.Task[Health] | None = None
        self._looked = float("-inf")
        self.loop_lag = 0.0

    async def look(self) -> Health:
        """How the service does; at most ``FRESH_SECONDS`` old, and one look for all who ask."""
        now = self._service.clock.monotonic()
        if self._looking is None or (self._looking.done() and now - self._looked >= FRESH_SECONDS):
            self._looked = now
            self._looking = asyncio.create_task(self._look(), name="health")
        return await asyncio.shield(self._looking)

    async def aclose(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def measure_loop(self, seconds: float) -> None:
        """Sleep, and note by how much later than that the event loop came back."""
        clock = self._service.clock
        before = clock.monotonic()
        await clock.sleep(seconds)
        self.loop_lag = max(clock.monotonic() - before - seconds, 0.0)

    async def _look(self) -> Health:
        metrics: dict[str, float] = {"eventLoopLagSeconds": round(self.loop_lag, 3)}
        reasons: list[Reason] = []
        if self.loop_lag >= SLOW_LOOP:
            reasons.append(
                Reason("degraded", f"the event loop is {self.loop_lag:.1f} s late: too much to do")
            )
        jumped = self._service.clock.jumped
        if abs(jumped) >= MUCH_JUMP:
            reasons.append(
                Reason(
                    "degraded",
                    f"the wall clock was set by {jumped:+,.0f} s since the start; deadlines go on "
                    "by the time before, until the service is started again",
                )
            )
        metrics["clockJumpSeconds"] = round(jumped, 3)
        reasons += await self._store(metrics)
        reasons += await self._pipeline()
        reasons += await self._room(metrics)
        level = max((reason.level for reason in reasons), key=_LEVELS.index, default=_LEVELS[0])
        runner = self._service.runner
        metrics |= {"jobsRunning": runner.running.total(), "jobsQueued": len(runner.queue)}
        return Health(
            status=level,
            message="; ".join(reason.words for reason in reasons) or None,
            metrics=metrics,
        )

    async def _store(self, metrics: dict[str, float]) -> list[Reason]:
        clock, store = self._service.clock, self._service.store
        start = clock.monotonic()
        try:
            queued = await _in_time(store.in_state(State.QUEUED, limit=1))
            seconds = clock.monotonic() - start
            lag = await _in_time(lag_of_webhooks(store))
        except (DatagenError, TimeoutError) as error:
            return [Reason("unhealthy", f"the store does not answer: {_words(error)}")]
        age = 0.0
        if queued:
            waited = clock.now() - queued[0].status.last_updated
            age = max(waited.total_seconds(), 0.0)
        metrics |= {
            "storeSeconds": round(seconds, 4),
            "queueAgeSeconds": round(age, 1),
            "eventLogLag": lag,
        }
        reasons = []
        if seconds >= SLOW_STORE:
            reasons.append(Reason("degraded", f"the store took {seconds:.1f} s to answer"))
        runner = self._service.runner
        if age >= OLD_QUEUE and runner.queue and not runner.running.total():
            reasons.append(Reason("degraded", f"jobs have waited for {age:,.0f} s while none runs"))
        if lag >= MUCH_LAG:
            reasons.append(Reason("degraded", f"webhooks are {lag:,} events behind"))
        return reasons

    async def _pipeline(self) -> list[Reason]:
        try:
            found = await _in_time(self._service.pipeline.check_health())
        except Exception as error:
            return [Reason("unhealthy", f"the pipeline does not answer: {_words(error)}")]
        if found.status == "healthy":
            return []
        return [
            Reason(
                found.status, f"the pipeline is {found.status}: {found.message or 'no word why'}"
            )
        ]

    async def _room(self, metrics: dict[str, float]) -> list[Reason]:
        try:
            bucket = self._service.buckets(LOCAL_CUSTOMER, DEFAULT_BUCKET)
            room = await _in_time(asyncio.to_thread(bucket.room, "room"))
        except (DatagenError, OSError, TimeoutError) as error:
            return [
                Reason("unhealthy", f"the place of the results cannot be used: {_words(error)}")
            ]
        if room is None:
            return []
        metrics["diskRoomBytes"] = float(room)
        if room >= DISK_WARNING:
            return []
        level: Level = "unhealthy" if room < DISK_CRITICAL else "degraded"
        return [Reason(level, f"{room:,} bytes are left for results")]


async def _in_time(work: Awaitable[T]) -> T:
    async with asyncio.timeout(PATIENCE):
        return await work


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {PATIENCE:g} s"
    # Not the message: it may name a place on this machine, which is no customer's matter.
    return error.code if isinstance(error, DatagenError) else type(error).__name__
