"""How the service does: healthy, degraded or unhealthy, why, and the figures behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Literal, TypeVar

from datagen_nb.core.access import LOCAL_CUSTOMER
from datagen_nb.core.alerts import DISK_CRITICAL, DISK_WARNING
from datagen_nb.core.buckets import free_bytes
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.messages import Health
from datagen_nb.core.status import State
from datagen_nb.core.store import JobStore
from datagen_nb.core.words import duration
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.jobs.runner import Runner
from datagen_nb.service.webhooks.records import EVER, WEBHOOK

T = TypeVar("T")

Level = Literal["healthy", "degraded", "unhealthy"]

FRESH_SECONDS = 2.0
"""How long a look is believed: who asks often makes no work."""

CHECK_TIMEOUT = 5.0
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

MAX_WEBHOOKS = 1000
"""Webhooks whose lag is looked at for one answer."""

_LEVELS: tuple[Level, ...] = ("healthy", "degraded", "unhealthy")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the service is not healthy."""

    level: Level
    words: str


class HealthCheck:
    """Looks at everything that jobs need."""

    def __init__(self, context: ServiceContext, runner: Runner) -> None:
        self._context = context
        self._runner = runner
        self._looking: asyncio.Task[Health] | None = None
        self._looked = float("-inf")
        self.loop_lag = 0.0

    async def look(self) -> Health:
        """How the service does; at most ``FRESH_SECONDS`` old, and one look for all who ask."""
        now = self._context.clock.monotonic()
        if self._looking is None or (self._looking.done() and now - self._looked >= FRESH_SECONDS):
            self._looked = now
            self._looking = asyncio.create_task(self._look(), name="health")
        return await asyncio.shield(self._looking)

    async def is_ready(self) -> bool:
        """Whether jobs can be taken: the store, the pipeline and the place of results answer."""
        return (await self.look()).status != "unhealthy"

    async def aclose(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def measure_loop(self, seconds: float) -> None:
        """Sleep, and note by how much later than that the event loop came back."""
        clock = self._context.clock
        before = clock.monotonic()
        await clock.sleep(seconds)
        self.loop_lag = max(clock.monotonic() - before - seconds, 0.0)

    async def _look(self) -> Health:
        metrics: dict[str, float] = {"eventLoopLagSeconds": round(self.loop_lag, 3)}
        reasons: list[Reason] = []
        if self.loop_lag >= SLOW_LOOP:
            reasons.append(
                Reason(
                    "degraded", f"the event loop is {duration(self.loop_lag)} late: too much to do"
                )
            )
        jumped = self._context.clock.jumped
        if abs(jumped) >= MUCH_JUMP:
            ahead = "forward" if jumped > 0 else "back"
            reasons.append(
                Reason(
                    "degraded",
                    f"the wall clock was set {ahead} by {duration(abs(jumped))} since the start; "
                    "deadlines go on by the time before, until the service is started again",
                )
            )
        metrics["clockJumpSeconds"] = round(jumped, 3)
        reasons += await self._store(metrics)
        reasons += await self._pipeline(metrics)
        reasons += await self._room(metrics)
        level = max((reason.level for reason in reasons), key=_LEVELS.index, default=_LEVELS[0])
        runner = self._runner
        metrics |= {"jobsRunning": runner.running.total(), "jobsQueued": len(runner.queue)}
        return Health(
            status=level,
            message="; ".join(reason.words for reason in reasons) or None,
            metrics=metrics,
        )

    async def _store(self, metrics: dict[str, float]) -> list[Reason]:
        clock, store = self._context.clock, self._context.store
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
            reasons.append(Reason("degraded", f"the store took {duration(seconds)} to answer"))
        runner = self._runner
        if age >= OLD_QUEUE and runner.queue and not runner.running.total():
            reasons.append(
                Reason("degraded", f"jobs have waited for {duration(age)} while none runs")
            )
        if lag >= MUCH_LAG:
            reasons.append(Reason("degraded", f"webhooks are {lag:,} events behind"))
        return reasons

    async def _pipeline(self, metrics: dict[str, float]) -> list[Reason]:
        try:
            found = await _in_time(self._context.pipeline.check_health())
        except Exception as error:
            return [Reason("unhealthy", f"the pipeline does not answer: {_words(error)}")]
        for name, value in (found.metrics or {}).items():
            metrics[f"pipeline{name[:1].upper()}{name[1:]}"] = value
        if found.status == "healthy":
            return []
        return [
            Reason(
                found.status, f"the pipeline is {found.status}: {found.message or 'no word why'}"
            )
        ]

    async def _room(self, metrics: dict[str, float]) -> list[Reason]:
        try:
            bucket = self._context.default_bucket(LOCAL_CUSTOMER)
            room = await _in_time(asyncio.to_thread(free_bytes, bucket, "room"))
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
    async with asyncio.timeout(CHECK_TIMEOUT):
        return await work


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {duration(CHECK_TIMEOUT)}"
    # Not the message: it may name a place on this machine, which is no customer's matter.
    return error.code if isinstance(error, DatagenError) else type(error).__name__


async def lag_of_webhooks(store: JobStore) -> int:
    """Events by which the slowest enabled webhook is behind its customer's log."""
    lag = 0
    ends: dict[str, int] = {}
    for document in await store.documents.due(WEBHOOK, until=EVER, limit=MAX_WEBHOOKS):
        if document.body.get("disabledTime") or document.body.get("isDeleted"):
            continue
        customer = document.customer
        if customer not in ends:
            ends[customer] = await store.last_cursor(customer)
        lag = max(lag, ends[customer] - int(document.body.get("cursor", 0)))
    return lag
