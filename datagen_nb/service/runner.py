"""What runs: the queue, one task per running job, and the timers that end or expire jobs.

A run asks the pipeline for signals and hands each to the service as a change. A worker that is
gone without a word costs the job an attempt, not its life, unless it happens again and again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from datagen_nb.core.config import DEFAULT_BUCKET
from datagen_nb.core.errors import ActionRefused, DatagenError, JobNotFound, ServiceUnavailable
from datagen_nb.core.ports import Beat, Logged, Signal, Task
from datagen_nb.core.status import (
    Completed,
    Failed,
    JobFailure,
    JobStatus,
    Requeued,
    StaleAttempt,
    Started,
    State,
    Warned,
)
from datagen_nb.core.store import JobRecord

if TYPE_CHECKING:
    from datagen_nb.service.jobs import JobService

logger = logging.getLogger("datagen_nb.service")

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds between two tries to write to a store that takes nothing, as on a full disk."""

Key = tuple[str, str]
"""Customer and job."""


class Runner:
    """Runs queued jobs, a bounded number at once, in the order they came."""

    def __init__(self, service: JobService) -> None:
        self._service = service
        self._queue: deque[Key] = deque()
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._expiries: dict[str, asyncio.Task[None]] = {}
        self._losses: dict[str, tuple[int, tuple[int, int]]] = {}
        self._closing = False
        self.workers: dict[str, int] = {}

    async def start(self) -> None:
        """Queue what an earlier service left running or queued, oldest first."""
        store = self._service.store
        for record in await store.in_state(State.RUNNING, limit=10_000):
            lost = Requeued(record.status.attempt, "the service was stopped")
            await self._service.change(record.customer, record.job_id, lost)
        for record in await store.in_state(State.QUEUED, limit=10_000):
            self.enqueue(record.customer, record.job_id)
        for record in await store.in_state(State.PAUSED, limit=10_000):
            self._expect_expiry(record.customer, record.status)

    async def aclose(self) -> None:
        """Stop every run and timer, and finish the chores."""
        self._closing = True
        tasks = [*self._runs.values(), *self._expiries.values()]
        for task in tasks:
            _stop(task)
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._chores:
            await asyncio.wait(set(self._chores))

    @property
    def busy(self) -> bool:
        return bool(self._queue or self._runs or self._chores)

    def position(self, job_id: str) -> int | None:
        """Place in the queue, from 1."""
        waiting = (place for place, (_, other) in enumerate(self._queue, 1) if other == job_id)
        return next(waiting, None)

    def enqueue(self, customer: str, job_id: str) -> None:
        """Let a queued job run when there is room."""
        if expiry := self._expiries.pop(job_id, None):
            expiry.cancel()
        self._queue.append((customer, job_id))
        self._fill()

    def changed(self, customer: str, status: JobStatus) -> None:
        """Follow a state that someone else gave to a job: stop, clean up, wait for expiry."""
        job_id = status.job_id
        self._queue = deque(key for key in self._queue if key[1] != job_id)
        if expiry := self._expiries.pop(job_id, None):
            expiry.cancel()
        run = self._runs.get(job_id)
        if run is not None:
            _stop(run)
        if status.status.is_terminal:
            self._losses.pop(job_id, None)
        if status.status is State.PAUSED:
            self._expect_expiry(customer, status)
        elif status.status in {State.CANCELLED, State.FAILED}:
            self._do(self._clean_up(customer, job_id, run))

    def _fill(self) -> None:
        room = self._service.settings.max_running - len(self._runs)
        waiting = [key for key in self._queue if key[1] not in self._runs]
        for key in waiting[: max(room, 0) if not self._closing else 0]:
            self._queue.remove(key)
            run = asyncio.create_task(self._run(*key), name=f"run {key[1]}")
            self._runs[key[1]] = run
            run.add_done_callback(partial(self._ended, key[1]))

    def _ended(self, job_id: str, run: asyncio.Task[None]) -> None:
        del self._runs[job_id]
        self.workers.pop(job_id, None)
        if not run.cancelled() and (error := run.exception()) is not None:
            logger.error("the run of %s broke", job_id, exc_info=error)
        self._fill()

    async def _run(self, customer: str, job_id: str) -> None:
        try:
            record, started = await self._insist(partial(self._begin, customer, job_id))
        except (ActionRefused, JobNotFound):
            return  # cancelled, paused or deleted while it waited
        attempt = started.attempt
        self._do(self._service.note(customer, job_id, f"attempt {attempt} begins"))
        try:
            async with asyncio.timeout(None) as bound:
                timer = asyncio.create_task(self._time_out(record, started, bound))
                try:
                    over = await self._attempt(record, attempt)
                finally:
                    timer.cancel()
        except (ActionRefused, JobNotFound, StaleAttempt):
            logger.info("attempt %d of %s spoke too late", attempt, job_id)
        except ServiceUnavailable as error:
            logger.warning("attempt %d of %s broke off: %s", attempt, job_id, error)
            again = partial(self._again, customer, job_id, attempt, "could not be recorded")
            await self._insist(again)
        except Exception as error:
            if isinstance(error, TimeoutError) and bound.expired():
                failure = _timeout(record)
            elif isinstance(error, DatagenError):
                failure = _told(error)
            else:
                logger.exception("attempt %d of %s broke", attempt, job_id)
                failure = _internal(error)
            await self._insist(partial(self._fail, customer, job_id, attempt, failure))
        else:
            if not over:
                await self._insist(partial(self._lost, customer, job_id, attempt))

    async def _begin(self, customer: str, job_id: str) -> tuple[JobRecord, JobStatus]:
        record = await self._service.store.get(customer, job_id)
        started = Started(record.status.attempt + 1)
        return record, await self._service.change(customer, job_id, started)

    async def _insist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Try until the store takes it: a job must not hang in a state that nobody looks after."""
        while True:
            try:
                return await step()
            except ServiceUnavailable as error:
                logger.warning("the store takes nothing, trying again: %s", error)
                await self._service.clock.sleep(PATIENCE)

    async def _time_out(
        self, record: JobRecord, started: JobStatus, bound: asyncio.Timeout
    ) -> None:
        """End the run when the job has run for its ``timeout``, all its attempts counted."""
        spent = started.metadata.processing_time or 0.0
        await self._service.clock.sleep(max(record.config.timeout - spent, 0.0))
        bound.reschedule(asyncio.get_running_loop().time())

    async def _attempt(self, record: JobRecord, attempt: int) -> bool:
        """Follow one attempt; tell whether it ended the job."""
        customer, job_id, config = record.customer, record.job_id, record.config
        buckets = self._service.buckets
        task = Task(
            job_id=job_id,
            attempt=attempt,
            config=config,
            bucket=buckets(customer, DEFAULT_BUCKET),
            source=buckets(customer, config.input_bucket),
            target=buckets(customer, config.output_bucket),
        )
        async with aclosing(self._service.pipeline.run(task)) as signals:
            async for signal in signals:
                await self._tell(customer, job_id, signal)
                if isinstance(signal, Completed | Failed):
                    break
            else:
                return False
        self._losses.pop(job_id, None)
        if isinstance(signal, Failed):
            self._do(self._clean_up(customer, job_id, None))
        return True

    async def _tell(self, customer: str, job_id: str, signal: Signal) -> None:
        match signal:
            case Beat(pid=pid):
                if pid is not None:
                    self.workers[job_id] = pid
                return
            case Logged(level=level, message=message):
                await self._service.note(customer, job_id, message, level)
                return
            case Warned(message=message):
                await self._service.note(customer, job_id, message, "warning")
            case Failed(error=error):
                await self._service.note(customer, job_id, error.message, "error")
            case _:
                pass
        await self._service.change(customer, job_id, signal)

    async def _lost(self, customer: str, job_id: str, attempt: int) -> None:
        """The worker is gone without a word: another attempt, unless that keeps happening."""
        status = (await self._service.store.get(customer, job_id)).status
        if status.status is not State.RUNNING or status.attempt != attempt:
            return
        losses, reached = self._losses.get(job_id, (0, (-1, -1)))
        here = (sum(stage.status == "completed" for stage in status.stages), status.rows_done)
        losses = losses + 1 if here <= reached else 1
        if losses >= self._service.settings.most_losses:
            await self._fail(customer, job_id, attempt, _worker_died(losses, status))
            return
        await self._again(customer, job_id, attempt, "lost its worker")
        self._losses[job_id] = (losses, max(here, reached))

    async def _again(self, customer: str, job_id: str, attempt: int, reason: str) -> None:
        """Let another attempt go on from what this one finished."""
        try:
            await self._service.change(customer, job_id, Requeued(attempt, reason))
        except (ActionRefused, JobNotFound, StaleAttempt):
            return  # it ended otherwise, or was paused, in the meantime
        self.enqueue(customer, job_id)
        message = f"attempt {attempt} {reason}; trying again"
        self._do(self._service.note(customer, job_id, message, "warning"))

    async def _fail(self, customer: str, job_id: str, attempt: int, error: JobFailure) -> None:
        try:
            await self._tell(customer, job_id, Failed(attempt, error))
        except (ActionRefused, JobNotFound, StaleAttempt):
            return  # it ended otherwise in the meantime
        self._losses.pop(job_id, None)
        self._do(self._clean_up(customer, job_id, None))

    async def _clean_up(self, customer: str, job_id: str, run: asyncio.Task[None] | None) -> None:
        """Remove what an ended job left, once nobody writes to it."""
        if run is not None:
            await asyncio.wait([run])
        bucket = self._service.buckets(customer, DEFAULT_BUCKET)
        await asyncio.to_thread(bucket.delete, f"jobs/{job_id}")

    def _expect_expiry(self, customer: str, status: JobStatus) -> None:
        self._expiries[status.job_id] = asyncio.create_task(self._expire(customer, status))

    async def _expire(self, customer: str, status: JobStatus) -> None:
        """Fail a paused job when its time to be resumed has passed."""
        clock = self._service.clock
        until = status.resume_until or clock.now()
        while (left := until - clock.now()) > timedelta(0):
            await clock.sleep(left.total_seconds())
        self._expiries.pop(status.job_id, None)
        failed = Failed(None, _expired(until.isoformat()))
        try:
            await self._insist(
                partial(self._service.change, customer, status.job_id, failed, only_in=State.PAUSED)
            )
        except (ActionRefused, JobNotFound):
            return  # resumed or cancelled in the same moment
        self._do(self._clean_up(customer, status.job_id, None))
        await self._service.note(customer, status.job_id, failed.error.message, "error")

    def _do(self, chore: Coroutine[Any, Any, None]) -> None:
        """Do something beside; ``aclose`` waits for it, a fault in it is logged."""
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._done)

    def _done(self, chore: asyncio.Task[None]) -> None:
        self._chores.discard(chore)
        if not chore.cancelled() and (error := chore.exception()) is not None:
            logger.error("a chore broke", exc_info=error)


def _stop(task: asyncio.Task[None]) -> None:
    """Cancel a task once: a second time would break off its stopping."""
    if not task.cancelling():
        task.cancel()


def _told(error: DatagenError) -> JobFailure:
    details = {"retryHelps": error.retryable, **error.details}
    return JobFailure(code=error.code, message=error.message, details=details)


def _timeout(record: JobRecord) -> JobFailure:
    return JobFailure(
        code="timeout",
        message=f"The job ran for {record.config.timeout:,g} s, which is its timeout.",
        details={"remedy": "Give it a longer timeout, or ask for fewer rows.", "retryHelps": False},
    )


def _internal(error: Exception) -> JobFailure:
    return JobFailure(
        code="internal_error",
        message=f"The service made a mistake ({type(error).__name__}); its log says more.",
        details={"remedy": "Rerun the job; if it fails again, report it.", "retryHelps": True},
    )


def _worker_died(losses: int, status: JobStatus) -> JobFailure:
    stage = status.running_stage
    return JobFailure(
        code="worker_died",
        message=f"Its worker was killed {losses} times in a row without getting further.",
        details={
            "remedy": "The machine is probably short of memory: close other programs, or set "
            "parameters sampleRows and partRows lower.",
            "retryHelps": False,
            **({"stage": stage.name} if stage else {}),
        },
    )


def _expired(until: str) -> JobFailure:
    return JobFailure(
        code="resume_window_passed",
        message=f"The job was paused and could be resumed until {until}.",
        details={"remedy": "Rerun it.", "retryHelps": True},
    )
