"""A pipeline offered to services elsewhere: section 2.1 of the specification, without HTTP.

Nothing is kept on disk. What was finished lies in the buckets; a caller that hears that its job is
not known submits it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from datagen_nb.buckets.registry import open_bucket
from datagen_nb.buckets.roots import Roots
from datagen_nb.core.changes import Cancelled, Paused
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ActionRefused,
    ConfigurationError,
    LimitReached,
    NotFound,
    ProtocolError,
    Rejected,
)
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.messages import Health
from datagen_nb.core.pipeline import InputProbe, Pipeline, Task
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.pipeline_service import Submission, UpdatePage, check_job_id, no_such_job
from datagen_nb.core.plans import Preview
from datagen_nb.core.ports import Clock
from datagen_nb.core.status import JobStatus, State, new_status
from datagen_nb.pipelines.remote.attempts import HostedAttempt

SLOTS = 16
"""Attempts that run at once; further ones queue."""

MAX_ATTEMPTS = 1_000
"""Attempts of all callers that run or queue."""

ABANDONED_SECONDS = 60.0
"""Seconds without a question about an attempt after which it is paused."""

FORGET_SECONDS = 3600.0
"""Seconds without a question about a job that does not run after which it is forgotten."""

SWEEP_SECONDS = 5.0


class PipelineService:
    """Runs the attempts of callers elsewhere on a pipeline; each caller has its own jobs.

    Args:
        pipeline: What runs them; closed with the service.
        roots: The places that callers may name.
        clock: Measures how long an attempt was not asked about.
        slots: Attempts that run at once.
    """

    def __init__(
        self, pipeline: Pipeline, roots: Roots, clock: Clock, *, slots: int = SLOTS
    ) -> None:
        self._pipeline = pipeline
        self._roots = roots
        self._clock = clock
        self._slots = asyncio.Semaphore(slots)
        self._newest: dict[tuple[str, str], HostedAttempt] = {}
        self._sweeping = asyncio.create_task(self._sweep(), name="abandoned attempts")

    async def describe(self) -> PipelineInfo:
        """What the pipeline can do."""
        return await self._pipeline.describe()

    async def check(self, config: JobConfiguration) -> None:
        """Look at a configuration before it becomes a job.

        Raises:
            ConfigurationError: It breaks a rule of the pipeline.
            Rejected: The pipeline will not run it.
        """
        (await self._pipeline.describe()).check(config)
        await self._pipeline.check(config)

    async def submit(self, caller: str, data: Any) -> Submission:
        """Begin an attempt at a job; the same attempt again changes nothing.

        A newer attempt replaces an older one, which is stopped first.

        Raises:
            JobNotFound: ``data`` has no id that a job can have.
            ActionRefused: A newer attempt has begun.
            LimitReached: Too many attempts run or queue.
        """
        job_id = check_job_id(str(data.get("jobId", "")) if isinstance(data, dict) else "")
        try:
            task = await asyncio.to_thread(self._task, data)
            await self.check(task.config)
        except (ConfigurationError, NotFound, Rejected) as error:
            return Submission(job_id=job_id, status="rejected", message=error.message)
        self._begin(caller, task, await self._pipeline.describe())
        return Submission(job_id=job_id, status="accepted")

    async def resume(self, caller: str, job_id: str, attempt: int) -> bool:
        """Go on with a paused job as another attempt; return whether there was one.

        Raises:
            JobNotFound: The job is not known, or not any more.
            ActionRefused: A newer attempt has begun.
        """
        info = await self._pipeline.describe()
        found = self._find(caller, job_id)
        if found.task.attempt != attempt and found.status.status is not State.PAUSED:
            return False
        self._begin(caller, replace(found.task, attempt=attempt), info)
        return True

    async def pause(self, caller: str, job_id: str, attempt: int) -> bool:
        """Stop an attempt; what is finished stays. Return whether it was running.

        Raises:
            JobNotFound: The job is not known.
        """
        found = self._find(caller, job_id)
        if found.task.attempt != attempt:
            return False
        return await found.stop(Paused(found.task.config.resume_window))

    async def cancel(self, caller: str, job_id: str) -> bool:
        """Stop a job for good; return whether it had not ended.

        Raises:
            JobNotFound: The job is not known.
        """
        return await self._find(caller, job_id).stop(Cancelled())

    async def status(self, caller: str, job_id: str) -> JobStatus:
        """How a job stands.

        Raises:
            JobNotFound: The job is not known.
        """
        return self._find(caller, job_id).status

    async def updates(
        self, caller: str, job_id: str, attempt: int, *, after: int, wait: float
    ) -> UpdatePage:
        """What an attempt has reported after a cursor; waits for it if there is nothing yet.

        Raises:
            JobNotFound: The job is not known.
            ActionRefused: Another attempt has replaced this one.
        """
        found = self._find(caller, job_id)
        if found.task.attempt != attempt:
            raise _replaced(found, attempt)
        page = await found.page(after=after, wait=wait)
        found.asked = self._clock.monotonic()
        return page

    async def measure(self, data: Any) -> TableFacts:
        """How large an input is; raises ``InputError`` as ``Pipeline.measure`` does."""
        return await self._pipeline.measure(await asyncio.to_thread(self._probe, data))

    async def inspect(self, data: Any) -> Inspection:
        """What the columns of an input are."""
        return await self._pipeline.inspect(await asyncio.to_thread(self._probe, data))

    async def preview(self, data: Any) -> Preview:
        """A few rows of a quick fit to an input."""
        return await self._pipeline.preview(await asyncio.to_thread(self._probe, data))

    async def check_health(self) -> Health:
        """Whether it can run jobs, and why not."""
        health = await self._pipeline.check_health()
        metrics = {**(health.metrics or {}), "attempts": float(self._active())}
        return health.model_copy(update={"metrics": metrics})

    async def aclose(self) -> None:
        """Stop what runs, and close the pipeline."""
        self._sweeping.cancel()
        await asyncio.gather(self._sweeping, return_exceptions=True)
        await asyncio.gather(*(attempt.stop() for attempt in self._newest.values()))
        await self._pipeline.aclose()

    def _begin(self, caller: str, task: Task, info: PipelineInfo) -> None:
        before = self._newest.get((caller, task.job_id))
        if before is not None and before.task.attempt == task.attempt:
            return  # asked for twice
        if before is not None and before.task.attempt > task.attempt:
            raise _replaced(before, task.attempt)
        if self._active() >= MAX_ATTEMPTS:
            raise LimitReached(
                f"{MAX_ATTEMPTS:,} attempts run or queue. Submit it again later.",
                code="queue_full",
                details={"retryAfter": 10},
            )
        weights = info.stage_weights(task.config.data_size)
        status = new_status(task.job_id, task.config, self._clock.now(), weights)
        attempt = HostedAttempt(task, status, self._clock)
        self._newest[caller, task.job_id] = attempt
        attempt.start(self._pipeline.run, self._slots, after=before)

    def _active(self) -> int:
        return sum(not attempt.is_over for attempt in self._newest.values())

    def _find(self, caller: str, job_id: str) -> HostedAttempt:
        found = self._newest.get((caller, job_id))
        if found is None:
            raise no_such_job(job_id)
        found.asked = self._clock.monotonic()
        return found

    def _task(self, data: Any) -> Task:
        with _rejecting():
            task = Task.from_wire(data, open_bucket)
        config, roots = task.config, self._roots
        return replace(
            task,
            bucket=roots.open(task.bucket.address()),
            source=roots.open(task.source.address(), config.input_path),
            target=roots.open(task.target.address(), config.output_path),
        )

    def _probe(self, data: Any) -> InputProbe:
        with _rejecting():
            probe = InputProbe.from_wire(data, open_bucket)
        source = self._roots.open(probe.source.address(), probe.config.input_path)
        return replace(probe, source=source)

    async def _sweep(self) -> None:
        """Pause attempts that are not asked about, and forget old jobs."""
        while True:
            await self._clock.sleep(SWEEP_SECONDS)
            for key, attempt in [*self._newest.items()]:
                silence = self._clock.monotonic() - attempt.asked
                if not attempt.is_over and silence >= ABANDONED_SECONDS:
                    await attempt.stop(Paused(attempt.task.config.resume_window))
                elif attempt.is_over and silence >= FORGET_SECONDS:
                    del self._newest[key]


@contextmanager
def _rejecting() -> Generator[None, None, None]:
    """Reject what cannot be read as the caller's mistake."""
    try:
        yield
    except ProtocolError as error:
        raise Rejected(error.message) from error


def _replaced(newest: HostedAttempt, attempt: int) -> ActionRefused:
    return ActionRefused(
        f"Attempt {attempt} of job {newest.task.job_id} was replaced by attempt "
        f"{newest.task.attempt}.",
        details={"jobId": newest.task.job_id, "attempt": newest.task.attempt},
    )
