"""A pipeline elsewhere as a ``Pipeline`` of this service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import TypeVar

from datagen_nb.core.changes import Completed, Failed
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    AccessError,
    ActionRefused,
    DatagenError,
    JobNotFound,
    LimitReached,
    ServiceUnavailable,
)
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.messages import Health
from datagen_nb.core.pipeline import Heartbeat, InputProbe, Logged, Signal, Task, signal_from_wire
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.pipeline_service import Submission
from datagen_nb.core.plans import Preview
from datagen_nb.core.ports import Clock
from datagen_nb.core.words import duration
from datagen_nb.pipelines.remote.calls import Connection, PipelineCalls

T = TypeVar("T")

logger = logging.getLogger("datagen_nb.pipelines")

WAIT_SECONDS = 10.0
"""Seconds that a request for updates waits for one. Each is also a sign of life for the job: an
attempt that is not asked about for a minute is paused."""

GATHER_SECONDS = 0.2
"""Seconds between two requests for updates, which arrive together then."""

RETRY_SECONDS = 1.0
"""Seconds between requests for updates while the pipeline does not answer."""

OUTAGE_SECONDS = 300.0
"""Seconds without an answer after which an attempt ends; the job is tried again a few times."""

STOP_SECONDS = 2.0

HEALTH_SECONDS = 3.0
"""Seconds in which it has to say how it is."""

OUTAGES = (ServiceUnavailable, LimitReached, AccessError)
"""Errors that an operator ends, by starting the pipeline again or by renewing a key."""

INFO_SECONDS = 10.0
"""Seconds for which a description is kept."""


class RemotePipeline:
    """Runs jobs on a pipeline elsewhere; implements ``core.pipeline.Pipeline``.

    An attempt is submitted under its number and followed by polling from a cursor, so a request
    or an answer that is lost, doubled or late changes nothing. Closing ``run`` pauses the attempt;
    the next one resumes it, or submits it again to a pipeline that does not know it any more.

    Args:
        connection: To the pipeline.
        clock: Measures outages.
    """

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.calls = PipelineCalls(connection, clock)
        self._clock = clock
        self._info: tuple[float, PipelineInfo] | None = None

    async def describe(self) -> PipelineInfo:
        now = self._clock.monotonic()
        if self._info is None or now - self._info[0] >= INFO_SECONDS:
            self._info = now, await self.calls.describe()
        return self._info[1]

    async def check(self, config: JobConfiguration) -> None:
        await self.calls.check(config)

    async def run(self, task: Task) -> AsyncGenerator[Signal, None]:
        is_over = False
        try:
            submission = await self._through_outages(partial(self._begin, task))
            if submission.status == "rejected":
                is_over = True
                yield _rejected(task, submission)
                return
            async with aclosing(self._follow(task)) as signals:
                async for signal in signals:
                    is_over = isinstance(signal, Completed | Failed)
                    yield signal
        except ActionRefused:
            is_over = True  # a newer attempt has the job
        except OUTAGES as error:
            yield _unavailable(task, error)
        finally:
            if not is_over:
                await self._pause(task)

    async def forget(self, job_id: str) -> None:
        with suppress(JobNotFound):
            await self.calls.cancel(job_id)

    async def measure(self, probe: InputProbe) -> TableFacts:
        return await self.calls.measure(probe)

    async def inspect(self, probe: InputProbe) -> Inspection:
        return await self.calls.inspect(probe)

    async def preview(self, probe: InputProbe) -> Preview:
        return await self.calls.preview(probe)

    async def check_health(self) -> Health:
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                health = await self.calls.check_health()
        except (ServiceUnavailable, TimeoutError):
            health = Health(status="unhealthy", message="it does not answer")
        except AccessError:
            health = Health(status="unhealthy", message="it does not accept the service's key")
        metrics = {
            **(health.metrics or {}),
            "remoteHealthy": float(health.status == "healthy"),
            "circuitOpen": float(self.calls.breaker.is_open),
        }
        return health.model_copy(update={"metrics": metrics})

    async def aclose(self) -> None:
        await self.calls.aclose()

    async def _begin(self, task: Task) -> Submission:
        if task.attempt > 1:
            with suppress(JobNotFound):
                if await self.calls.resume(task.job_id, task.attempt):
                    return Submission(job_id=task.job_id, status="accepted")
        return await self.calls.submit(task)

    async def _through_outages(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, again and again for ``OUTAGE_SECONDS`` while it is not answered."""
        began = self._clock.monotonic()
        while True:
            try:
                return await call()
            except OUTAGES:
                if self._clock.monotonic() - began > OUTAGE_SECONDS:
                    raise
                await self._clock.sleep(RETRY_SECONDS)

    async def _follow(self, task: Task) -> AsyncGenerator[Signal, None]:
        """What the pipeline reports of an attempt, each signal once and in order."""
        cursor = 0
        ask = partial(self.calls.updates, task.job_id, task.attempt, wait=WAIT_SECONDS)
        while True:
            try:
                page = await self._through_outages(partial(ask, after=cursor))
            except JobNotFound:
                yield Logged(
                    "error", "The pipeline does not know the attempt any more: it was restarted."
                )
                return
            yield Heartbeat()
            for update in sorted(page.updates, key=lambda update: update.cursor):
                if update.cursor <= cursor:
                    continue
                cursor = update.cursor
                signal = signal_from_wire(update.signal)
                yield signal
                if isinstance(signal, Completed | Failed):
                    return
            if page.has_ended:
                yield Logged("error", "The worker of the pipeline ended before the job was done.")
                return
            await self._clock.sleep(GATHER_SECONDS)

    async def _pause(self, task: Task) -> None:
        """Stop an attempt; one that cannot be reached stops when it is not asked about."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.calls.pause(task.job_id, task.attempt)
        except JobNotFound:
            return
        except (DatagenError, TimeoutError) as error:
            logger.warning(
                "attempt %d of job %s could not be paused, and stops after a minute: %s",
                task.attempt,
                task.job_id,
                str(error) or f"no answer in {duration(STOP_SECONDS)}",
            )


def _rejected(task: Task, submission: Submission) -> Failed:
    message = submission.message or "The pipeline will not run this job."
    return Failed(
        task.attempt,
        JobFailure(code="rejected", message=message, details={"retryHelps": False}),
    )


def _unavailable(task: Task, error: DatagenError) -> Failed:
    """The failure of an attempt that did not reach the pipeline; the log has the reason."""
    logger.warning("attempt %d of job %s: %s", task.attempt, task.job_id, error)
    remedy = "Ask the operator of the service; its health says what is wrong."
    what = "refuses this service" if isinstance(error, AccessError) else "does not answer"
    return Failed(
        task.attempt,
        JobFailure(
            code="pipeline_unavailable",
            message=f"The pipeline {what}. {remedy}",
            details={"remedy": remedy, "retryHelps": True, "passing": True},
        ),
    )
