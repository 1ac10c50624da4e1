"""What runs: the queue, one task per running job, and the timers that end or expire jobs.

A run asks the pipeline for signals and hands each to the service as a change. A worker that is
gone without a word costs the job an attempt, not its life, unless it happens again and again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from datagen_nb.core.changes import Completed, Expired, Failed, Requeued, Started, Warned
from datagen_nb.core.config import DEFAULT_BUCKET
from datagen_nb.core.errors import ActionRefused, DatagenError, JobNotFound, ServiceUnavailable
from datagen_nb.core.limits import cooldown_left, may_start
from datagen_nb.core.logs import context_of
from datagen_nb.core.ports import Beat, Logged, Signal, Task
from datagen_nb.core.status import JobFailure, JobStatus, StaleAttempt, State
from datagen_nb.core.store import JobRecord, Standing
from datagen_nb.service import failures
from datagen_nb.service.following import Following
from datagen_nb.service.queue import Queue, records_in

if TYPE_CHECKING:
    from datagen_nb.service.jobs import JobService

logger = logging.getLogger("datagen_nb.service")

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds between two tries to write to a store that takes nothing, as on a full disk."""


class _NotYet(DatagenError):
    """The customer has as many running jobs as it may, or is in a cooldown."""


class Runner:
    """Runs queued jobs, a bounded number at once, shared among the customers."""

    def __init__(self, service: JobService) -> None:
        self._service = service
        self.queue = Queue()
        self.following = Following(service, self)
        self._runs: dict[str, asyncio.Task[None]] = {}
        self.running: Counter[str] = Counter()
        self._held: dict[str, asyncio.Task[None]] = {}
        self.cooling: dict[str, datetime] = {}  # until when nothing of a customer starts
        self._retries: Counter[tuple[str, str]] = Counter()
        self._chores: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._losses: dict[str, tuple[int, tuple[int, int]]] = {}
        self._closing = False
        self.workers: dict[tuple[str, str], int] = {}

    async def start(self) -> None:
        """Queue what an earlier service left running or queued, oldest first."""
        store = self._service.store
        async for record in records_in(store, State.RUNNING):
            lost = Requeued(record.status.attempt, "the service was stopped")
            await self._service.change(record.customer, record.job_id, lost)
        async for record in records_in(store, State.QUEUED):
            if record.config.after and not record.status.attempt:
                self.following.add(record.customer, record.job_id, record.config.after)
            else:
                self.queue.add(record.customer, record.job_id)
        async for record in records_in(store, State.PAUSED):
            self._expect_expiry(record.customer, record.status)
        for record in await store.unsettled():
            self.do(self._clean_up(record.customer, record.job_id, None))
        for customer in self.queue.customers:
            await self._cool_down(customer)
        self._fill()

    async def aclose(self) -> None:
        """Stop every run and timer, and finish the chores."""
        self._closing = True
        tasks = [*self._runs.values(), *self._timers.values(), *self._held.values()]
        for task in tasks:
            _stop(task)
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._chores:
            await asyncio.wait(set(self._chores))

    @property
    def busy(self) -> bool:
        return bool(self.queue or self._runs or self._chores)

    def enqueue(self, customer: str, job_id: str) -> None:
        """Let a queued job run when there is room."""
        if expiry := self._timers.pop(job_id, None):
            expiry.cancel()
        self.queue.add(customer, job_id)
        self._fill()

    def changed(self, customer: str, status: JobStatus) -> None:
        """Follow a state that someone else gave to a job: stop, clean up, wait for expiry."""
        job_id = status.job_id
        self.queue.remove(customer, job_id)
        self.following.remove(customer, job_id)
        if expiry := self._timers.pop(job_id, None):
            expiry.cancel()
        if (run := self._runs.get(job_id)) is not None:
            _stop(run)
        if status.status.is_terminal:
            self._forget(job_id)
        if status.status is State.CANCELLED:
            self.do(self._cool_down(customer))
        if status.status is State.PAUSED:
            self._expect_expiry(customer, status)
        elif status.status in {State.CANCELLED, State.FAILED}:
            self.do(self._clean_up(customer, job_id, run))

    def _fill(self) -> None:
        while not self._closing and len(self._runs) < self._service.settings.slots:
            key = self.queue.take(self._may_start, slots=self.running, busy=self._runs)
            if key is None:
                return
            customer, job_id = key
            self.running[customer] += 1
            told = context_of(customer=customer, job=job_id)
            run = self._runs[job_id] = asyncio.create_task(self._run(*key), context=told)
            run.add_done_callback(partial(self._ended, customer, job_id))

    def _may_start(self, customer: str) -> bool:
        """Whether it is worth trying; what decides is asked in the store's transaction."""
        most = self._service.policy.known(customer).max_jobs
        return customer not in self._held and self.running[customer] < most

    def _ended(self, customer: str, job_id: str, run: asyncio.Task[None]) -> None:
        del self._runs[job_id]
        self.running[customer] -= 1
        self.workers.pop((customer, job_id), None)
        if not run.cancelled() and (error := run.exception()) is not None:
            logger.error("the run of %s broke", job_id, exc_info=error)
        self._fill()

    async def _cool_down(self, customer: str, *, least: float = 0) -> None:
        """Start nothing of a customer until its cooldown has passed, or for ``least`` seconds."""
        service = self._service
        limits = await service.policy.limits_of(customer)
        standing = await service.store.standing(customer)
        now = service.clock.now()
        left = cooldown_left(standing, limits, now)
        if left:
            self.cooling[customer] = now + timedelta(seconds=left)
        if (seconds := max(left, least)) and not self._closing:
            if before := self._held.pop(customer, None):
                before.cancel()
            self._held[customer] = asyncio.create_task(self._release(customer, seconds))

    async def _release(self, customer: str, seconds: float) -> None:
        await self._service.clock.sleep(seconds)
        del self._held[customer]
        self.cooling.pop(customer, None)
        self._fill()

    async def _run(self, customer: str, job_id: str) -> None:
        try:
            record = await self.insist(partial(self._begin, customer, job_id))
        except (ActionRefused, JobNotFound):
            return  # cancelled, paused or deleted while it waited
        except _NotYet:
            self.queue.put_back(customer, job_id)
            await self._cool_down(customer, least=PATIENCE)
            return
        attempt = record.status.attempt
        try:
            async with asyncio.timeout(None) as bound:
                timer = asyncio.create_task(self._time_out(record, bound))
                try:
                    over = await self._attempt(record)
                finally:
                    timer.cancel()
        except (ActionRefused, JobNotFound, StaleAttempt):
            logger.info("attempt %d of %s spoke too late", attempt, job_id)
        except ServiceUnavailable as error:
            logger.warning("attempt %d of %s broke off: %s", attempt, job_id, error)
            again = partial(self._again, customer, job_id, attempt, "could not be recorded")
            await self.insist(again)
        except Exception as error:
            if isinstance(error, TimeoutError) and bound.expired():
                failure = failures.timed_out(record)
            elif isinstance(error, DatagenError):
                failure = failures.told(error)
            else:
                logger.exception("attempt %d of %s broke", attempt, job_id)
                failure = failures.internal(error)
            await self.insist(partial(self.fail, customer, job_id, attempt, failure))
        else:
            if not over:
                await self.insist(partial(self._lost, customer, job_id, attempt))

    async def _begin(self, customer: str, job_id: str) -> JobRecord:
        record = await self._service.store.get(customer, job_id)
        started = Started(record.status.attempt + 1)
        limits = await self._service.policy.limits_of(customer)

        def admit(standing: Standing) -> None:
            if not may_start(standing, limits, self._service.clock.now()):
                raise _NotYet("not yet")

        said = Logged("info", f"attempt {started.attempt} begins")
        return await self._service.change(
            customer, job_id, started, admit=admit, said=said, record=record
        )

    async def insist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Try until the store takes it: a job must not hang in a state that nobody looks after."""
        while True:
            try:
                return await step()
            except ServiceUnavailable as error:
                logger.warning("the store takes nothing, trying again: %s", error)
                await self._service.clock.sleep(PATIENCE)

    async def _time_out(self, record: JobRecord, bound: asyncio.Timeout) -> None:
        """End the run when the job has run for its ``timeout``, all its attempts counted."""
        spent = record.status.metadata.processing_time or 0.0
        await self._service.clock.sleep(max(record.config.timeout - spent, 0.0))
        bound.reschedule(asyncio.get_running_loop().time())

    async def _attempt(self, record: JobRecord) -> bool:
        """Follow the attempt that has begun; tell whether it ended the job."""
        customer, job_id, config = record.customer, record.job_id, record.config
        buckets = self._service.buckets
        task = Task(
            job_id=job_id,
            attempt=record.status.attempt,
            config=config,
            bucket=buckets(customer, DEFAULT_BUCKET),
            source=buckets(customer, config.input_bucket),
            target=buckets(customer, config.output_bucket),
        )
        async with aclosing(self._service.pipeline.run(task)) as signals:
            async for signal in signals:
                if isinstance(signal, Failed) and await self._is_retried(customer, job_id, signal):
                    return True
                if isinstance(signal, Completed):
                    size = await self._service.outputs.keep(record)
                    await self._service.change(customer, job_id, signal, size=size, record=record)
                    break
                record = await self._tell(record, signal)
                if isinstance(signal, Failed):
                    break
            else:
                return False
        self._forget(job_id)
        if isinstance(signal, Failed):
            self.do(self._clean_up(customer, job_id, None))
        return True

    async def _is_retried(self, customer: str, job_id: str, failed: Failed) -> bool:
        """Whether a stage that failed for a passing cause is tried again, and see to it."""
        details = failed.error.details or {}
        if not details.get("passing"):
            return False
        stage, settings = str(details.get("stage", "")), self._service.settings
        tried = self._retries[job_id, stage]
        if tried >= settings.most_retries:
            return False
        self._retries[job_id, stage] += 1
        wait = settings.retry_seconds * 4**tried
        reason = f"failed for a passing cause ({failed.error.message})"
        attempt = failed.attempt or 0
        await self.insist(partial(self._again, customer, job_id, attempt, reason, wait=wait))
        return True

    def _forget(self, job_id: str) -> None:
        """Drop what was counted of a job that has ended."""
        self._losses.pop(job_id, None)
        self._retries = Counter({key: n for key, n in self._retries.items() if key[0] != job_id})

    async def _tell(self, record: JobRecord, signal: Signal) -> JobRecord:
        """Write down what a worker says; return the job as it is then."""
        customer, job_id = record.customer, record.job_id
        said: Logged | None = None
        match signal:
            case Beat(pid=pid):
                if pid is not None:
                    self.workers[customer, job_id] = pid
                return record
            case Logged():
                await self._service.note(customer, job_id, signal)
                return record
            case Warned(message=message):
                said = Logged("warning", message)
            case Failed(error=error):
                said = Logged("error", error.message)
            case _:
                pass
        return await self._service.change(customer, job_id, signal, said=said, record=record)

    async def _lost(self, customer: str, job_id: str, attempt: int) -> None:
        """The worker is gone without a word: another attempt, unless that keeps happening."""
        status = (await self._service.store.get(customer, job_id)).status
        if status.status is not State.RUNNING or status.attempt != attempt:
            return
        losses, reached = self._losses.get(job_id, (0, (-1, -1)))
        here = (sum(stage.status == "completed" for stage in status.stages), status.rows_done)
        losses = losses + 1 if here <= reached else 1
        if losses >= self._service.settings.most_losses:
            await self.fail(customer, job_id, attempt, failures.worker_died(losses, status))
            return
        await self._again(customer, job_id, attempt, "lost its worker")
        self._losses[job_id] = (losses, max(here, reached))

    async def _again(
        self, customer: str, job_id: str, attempt: int, reason: str, *, wait: float = 0
    ) -> None:
        """Let another attempt go on from what this one finished, after ``wait`` seconds."""
        said = Logged("warning", f"attempt {attempt} {reason}; trying again")
        try:
            await self._service.change(customer, job_id, Requeued(attempt, reason), said=said)
        except (ActionRefused, JobNotFound, StaleAttempt):
            return  # it ended otherwise, or was paused, in the meantime
        if wait:
            self._timers[job_id] = asyncio.create_task(self._enqueue_after(customer, job_id, wait))
        else:
            self.enqueue(customer, job_id)

    async def _enqueue_after(self, customer: str, job_id: str, seconds: float) -> None:
        await self._service.clock.sleep(seconds)
        del self._timers[job_id]
        self.enqueue(customer, job_id)

    async def fail(
        self, customer: str, job_id: str, attempt: int | None, error: JobFailure
    ) -> None:
        """End a job that cannot go on, unless it has ended otherwise."""
        try:
            said = Logged("error", error.message)
            await self._service.change(customer, job_id, Failed(attempt, error), said=said)
        except (ActionRefused, JobNotFound, StaleAttempt):
            return  # it ended otherwise in the meantime
        self._forget(job_id)
        self.do(self._clean_up(customer, job_id, None))

    async def _clean_up(self, customer: str, job_id: str, run: asyncio.Task[None] | None) -> None:
        """Remove what an ended job left, once nobody writes to it."""
        if run is not None:
            await asyncio.wait([run])
        bucket = self._service.buckets(customer, DEFAULT_BUCKET)
        await asyncio.to_thread(bucket.delete, f"jobs/{job_id}")
        with suppress(JobNotFound):
            await self._service.settle(customer, job_id, 0)

    def _expect_expiry(self, customer: str, status: JobStatus) -> None:
        self._timers[status.job_id] = asyncio.create_task(self._expire(customer, status))

    async def _expire(self, customer: str, status: JobStatus) -> None:
        """Fail a paused job when its time to be resumed has passed."""
        clock = self._service.clock
        until = status.resume_until or clock.now()
        while (left := until - clock.now()) > timedelta(0):
            await clock.sleep(left.total_seconds())
        self._timers.pop(status.job_id, None)
        expired = Expired(failures.expired(until.isoformat()))
        said = Logged("error", expired.error.message)
        change = partial(self._service.change, customer, status.job_id, expired, said=said)
        try:
            await self.insist(partial(change, only_in=State.PAUSED))
        except (ActionRefused, JobNotFound):
            return  # resumed or cancelled in the same moment
        self.do(self._clean_up(customer, status.job_id, None))

    def do(self, chore: Coroutine[Any, Any, None]) -> None:
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
