"""What runs: the queue, one task per running job, and the timers that end jobs.

A run records the signals of the pipeline (``signals``). A worker that dies costs the job one
attempt; only several in a row without progress end it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from functools import partial

from datagen_nb.core.changes import (
    Cancelled,
    Change,
    Completed,
    Failed,
    Paused,
    Requeued,
    Resumed,
    Started,
)
from datagen_nb.core.errors import ActionRefused, DatagenError, JobNotFound, ServiceUnavailable
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.limits import may_start
from datagen_nb.core.logs import new_log_context
from datagen_nb.core.pipeline import Heartbeat, Logged, PartsWritten, Task
from datagen_nb.core.status import JobStatus, StaleAttempt, State
from datagen_nb.core.store import CustomerUsage, JobRecord
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.jobs import failures
from datagen_nb.service.jobs.changes import JobChanges
from datagen_nb.service.jobs.cooldowns import Cooldowns
from datagen_nb.service.jobs.dependencies import DependencyTracker
from datagen_nb.service.jobs.expiries import Expiries
from datagen_nb.service.jobs.leases import Leases
from datagen_nb.service.jobs.outputs import Outputs
from datagen_nb.service.jobs.queue import Queue, records_in
from datagen_nb.service.jobs.retries import Retries
from datagen_nb.service.jobs.signals import SignalRecorder
from datagen_nb.service.tasks import RETRY_DELAY, BackgroundTasks, retry_until_stored

logger = logging.getLogger("datagen_nb.service")


PartHook = Callable[[str, datetime], None]
"""Called with a job and the time, once a part of it is in its bucket."""


class _NotYet(DatagenError):
    """The customer has as many running jobs as it may, or is in a cooldown."""


class Runner:
    """Runs queued jobs, a bounded number at once, shared among the customers."""

    def __init__(self, context: ServiceContext, changes: JobChanges, outputs: Outputs) -> None:
        self._context = context
        self._changes = changes
        self._outputs = outputs
        self.queue = Queue()
        self.dependencies = DependencyTracker(context, ready=self.enqueue, fail=self.fail)
        self.leases = Leases(context, changes, self)
        self.expiries = Expiries(context, changes, expired=self._clean_up_later)
        self._runs: dict[str, asyncio.Task[None]] = {}
        self.running: Counter[str] = Counter()
        self.cooldowns = Cooldowns(context, over=self._fill)
        self._retries = Retries(context.settings)
        self.tasks = BackgroundTasks()
        self._delayed: dict[str, asyncio.Task[None]] = {}  # jobs that are tried again later
        self._closing = False
        self._is_open = False  # whether queued jobs may start
        self.workers: dict[tuple[str, str], int] = {}
        self.part_hooks: list[PartHook] = []

    async def start(self) -> None:
        """Queue the jobs that lost their service and those that are queued, oldest first."""
        store = self._context.store
        await self.leases.start()
        async for record in records_in(store, State.QUEUED):
            if self.leases.is_free(record):
                self.add(record)
        async for record in records_in(store, State.PAUSED):
            self.expiries.expect(record.customer, record.status)
        for record in await store.awaiting_cleanup():
            self._clean_up_later(record.customer, record.job_id)
        for customer in self.queue.customers:
            await self.cooldowns.start(customer)
        self._is_open = True
        self._fill()

    async def aclose(self) -> None:
        """Stop every run and timer, finish the background tasks, and release the leases."""
        self._closing, self._is_open = True, False
        await self.leases.stop()
        await self.dependencies.aclose()
        await self.cooldowns.aclose()
        await self.expiries.aclose()
        tasks = [*self._runs.values(), *self._delayed.values()]
        for task in tasks:
            _stop(task)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.tasks.finish()
        await self.leases.release()

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits for a slot, or a background task has work to do."""
        return bool(self.queue or self._runs or self.tasks or self.dependencies.busy)

    def workers_of(self, customer: str) -> dict[str, int]:
        """The process of each running job of a customer that has one on this machine."""
        return {job_id: pid for (owner, job_id), pid in self.workers.items() if owner == customer}

    def add(self, record: JobRecord) -> None:
        """Run a queued job when it may: after those that it depends on, when a slot is free."""
        # A job that has begun once depends on none any more.
        if record.config.after and not record.status.attempt:
            self.dependencies.add(record.customer, record.job_id, record.config.after)
        else:
            self.enqueue(record.customer, record.job_id)

    def waiting(self, customer: str) -> set[str]:
        """A customer's jobs that wait here, for a slot or for other jobs."""
        return self.queue.jobs_of(customer) | self.dependencies.jobs_of(customer)

    def drop(self, customer: str, job_id: str) -> None:
        """Forget a job that is no longer queued."""
        self.queue.remove(customer, job_id)
        self.dependencies.remove(customer, job_id)

    def stop(self, job_id: str) -> None:
        """Stop a job's run, if it runs here."""
        if (run := self._runs.get(job_id)) is not None:
            _stop(run)

    def enqueue(self, customer: str, job_id: str) -> None:
        """Let a queued job run when there is room."""
        self._cancel_timers(job_id)
        self.queue.add(customer, job_id)
        self._fill()

    def on_change(self, record: JobRecord, change: Change) -> None:
        """Follow a change of a job; a hook of ``JobChanges``."""
        if isinstance(change, Cancelled | Paused | Resumed):
            self.stopped(record.customer, record.status)
        if isinstance(change, Resumed):
            self.add(record)
        if record.status.status.is_terminal:
            self.dependencies.ended(record.customer, record.job_id)

    def stopped(self, customer: str, status: JobStatus) -> None:
        """Follow a state that was given to a job from outside: stop, clean up, await expiry."""
        job_id = status.job_id
        self.drop(customer, job_id)
        self._cancel_timers(job_id)
        if (run := self._runs.get(job_id)) is not None:
            _stop(run)
        if status.status.is_terminal:
            self._retries.forget(job_id)
        if status.status is State.CANCELLED:
            self.tasks.start(self.cooldowns.start(customer), name=f"cooldown of {customer}")
        if status.status is State.PAUSED:
            self.expiries.expect(customer, status)
        elif status.status in {State.CANCELLED, State.FAILED}:
            self._clean_up_later(customer, job_id, run)

    def _cancel_timers(self, job_id: str) -> None:
        self.expiries.cancel(job_id)
        if delayed := self._delayed.pop(job_id, None):
            delayed.cancel()

    def _fill(self) -> None:
        while self._is_open and len(self._runs) < self._context.settings.slots:
            key = self.queue.take(self._may_start, slots=self.running, busy=self._runs)
            if key is None:
                return
            customer, job_id = key
            self.running[customer] += 1
            log_context = new_log_context(customer=customer, job=job_id)
            run = self._runs[job_id] = asyncio.create_task(self._run(*key), context=log_context)
            run.add_done_callback(partial(self._ended, customer, job_id))

    def _may_start(self, customer: str) -> bool:
        """Whether it is worth trying; what decides is asked in the store's transaction."""
        most = self._context.policy.known(customer).max_jobs
        return customer not in self.cooldowns and self.running[customer] < most

    def _ended(self, customer: str, job_id: str, run: asyncio.Task[None]) -> None:
        del self._runs[job_id]
        self.running[customer] -= 1
        self.workers.pop((customer, job_id), None)
        self.leases.ended(customer, job_id)
        if not run.cancelled() and (error := run.exception()) is not None:
            logger.error("the run of job %s failed", job_id, exc_info=error)
        self._fill()

    async def _run(self, customer: str, job_id: str) -> None:
        try:
            record = await retry_until_stored(
                self._context.clock, partial(self._begin, customer, job_id)
            )
        except (ActionRefused, JobNotFound):
            return  # cancelled, paused or deleted while it waited
        except _NotYet:
            self.queue.put_back(customer, job_id)
            await self.cooldowns.start(customer, least=RETRY_DELAY)
            return
        attempt = record.status.attempt
        self.leases.began(customer, job_id)
        try:
            async with asyncio.timeout(None) as bound:
                timer = asyncio.create_task(self._time_out(record, bound))
                try:
                    over = await self._attempt(record)
                finally:
                    timer.cancel()
        except (ActionRefused, JobNotFound, StaleAttempt):
            logger.info(
                "attempt %d of job %s reported after another had replaced it", attempt, job_id
            )
        except ServiceUnavailable as error:
            logger.warning("attempt %d of job %s was interrupted: %s", attempt, job_id, error)
            again = partial(self._again, customer, job_id, attempt, "could not be recorded")
            await retry_until_stored(self._context.clock, again)
        except Exception as error:
            if isinstance(error, TimeoutError) and bound.expired():
                failure = failures.timed_out(record)
            elif isinstance(error, DatagenError):
                failure = failures.known(error)
            else:
                logger.exception("attempt %d of job %s failed", attempt, job_id)
                failure = failures.internal(error)
            await retry_until_stored(
                self._context.clock, partial(self.fail, customer, job_id, failure, attempt=attempt)
            )
        else:
            if not over:
                await retry_until_stored(
                    self._context.clock, partial(self._lost, customer, job_id, attempt)
                )

    async def _begin(self, customer: str, job_id: str) -> JobRecord:
        record = await self._context.store.get(customer, job_id)
        if not self.leases.is_free(record):
            raise ActionRefused(f"Another process will run job {job_id} again.")
        started = Started(record.status.attempt + 1)
        limits = await self._context.policy.limits_of(customer)

        def precondition(usage: CustomerUsage) -> None:
            if not may_start(usage, limits, self._context.clock.now()):
                raise _NotYet("not yet")

        log = Logged("info", f"attempt {started.attempt} begins")
        return await self._changes.apply(
            customer, job_id, started, precondition=precondition, log=log, record=record
        )

    async def _time_out(self, record: JobRecord, bound: asyncio.Timeout) -> None:
        """End the run when the job has run for its ``timeout``, all its attempts counted."""
        spent = record.status.metadata.processing_time or 0.0
        await self._context.clock.sleep(max(record.config.timeout - spent, 0.0))
        bound.reschedule(asyncio.get_running_loop().time())

    async def _attempt(self, record: JobRecord) -> bool:
        """Follow the attempt that has begun; return whether it ended the job."""
        customer, job_id, config = record.customer, record.job_id, record.config
        context = self._context
        task = Task(
            job_id=job_id,
            attempt=record.status.attempt,
            config=config,
            bucket=context.default_bucket(customer),
            source=context.source_of(customer, config),
            target=context.buckets(customer, config.output_bucket),
            customer=customer,
            pipeline=record.status.metadata.pipeline,
        )
        recorder = SignalRecorder(context, self._changes, self._outputs, record)
        async with aclosing(context.pipeline.run(task)) as signals:
            async for signal in signals:
                if isinstance(signal, Heartbeat) and signal.pid is not None:
                    self.workers[customer, job_id] = signal.pid
                if isinstance(signal, PartsWritten):
                    for hook in self.part_hooks:
                        hook(job_id, context.clock.now())
                if isinstance(signal, Failed) and await self._is_retried(customer, job_id, signal):
                    return True
                await recorder.add(signal)
                if isinstance(signal, Completed | Failed):
                    break
            else:
                return False
        self._retries.forget(job_id)
        if isinstance(signal, Failed):
            self._clean_up_later(customer, job_id)
        return True

    async def _is_retried(self, customer: str, job_id: str, failed: Failed) -> bool:
        """Whether a stage that failed for a passing cause is tried again, and see to it."""
        wait = self._retries.wait_before_retry(job_id, failed.error)
        if wait is None:
            return False
        reason = f"failed for a passing cause ({failed.error.message})"
        attempt = failed.attempt or 0
        await retry_until_stored(
            self._context.clock, partial(self._again, customer, job_id, attempt, reason, wait=wait)
        )
        return True

    async def _lost(self, customer: str, job_id: str, attempt: int) -> None:
        """The worker died: start another attempt, unless that keeps happening."""
        status = (await self._context.store.get(customer, job_id)).status
        if status.status is not State.RUNNING or status.attempt != attempt:
            return
        losses = self._retries.count_loss(status)
        if losses >= self._context.settings.max_losses:
            failure = failures.worker_died(losses, status)
            await self.fail(customer, job_id, failure, attempt=attempt)
            return
        await self._again(customer, job_id, attempt, "lost its worker")

    async def _again(
        self, customer: str, job_id: str, attempt: int, reason: str, *, wait: float = 0
    ) -> None:
        """Let another attempt go on from what this one finished, after ``wait`` seconds."""
        log = Logged("warning", f"attempt {attempt} {reason}; trying again")
        try:
            requeued = Requeued(attempt, reason)
            await self._changes.apply(customer, job_id, requeued, log=log, hold=wait)
        except (ActionRefused, JobNotFound, StaleAttempt):
            return  # it ended otherwise, or was paused, in the meantime
        if wait:
            self._delayed[job_id] = asyncio.create_task(self._enqueue_after(customer, job_id, wait))
        else:
            self.enqueue(customer, job_id)

    async def _enqueue_after(self, customer: str, job_id: str, seconds: float) -> None:
        await self._context.clock.sleep(seconds)
        del self._delayed[job_id]
        self.enqueue(customer, job_id)

    async def fail(
        self, customer: str, job_id: str, error: JobFailure, *, attempt: int | None = None
    ) -> None:
        """End a job that cannot go on, unless it has ended otherwise.

        ``attempt`` is the one that failed; a job that still waits has none.
        """
        try:
            log = Logged("error", error.message)
            await self._changes.apply(customer, job_id, Failed(attempt, error), log=log)
        except (ActionRefused, JobNotFound, StaleAttempt):
            return  # it ended otherwise in the meantime
        self._retries.forget(job_id)
        self._clean_up_later(customer, job_id)

    def _clean_up_later(
        self, customer: str, job_id: str, run: asyncio.Task[None] | None = None
    ) -> None:
        self.tasks.start(self._clean_up(customer, job_id, run), name=f"clean up {job_id}")

    async def _clean_up(self, customer: str, job_id: str, run: asyncio.Task[None] | None) -> None:
        """Remove what an ended job left, once its run has stopped."""
        if run is not None:
            await asyncio.wait([run])
        try:
            await self._context.pipeline.forget(job_id)
        except DatagenError as error:
            logger.warning("the pipeline could not forget job %s: %s", job_id, error)
        await self._outputs.delete_parts(customer, job_id)


def _stop(task: asyncio.Task[None]) -> None:
    """Cancel a task once: a second time would break off its stopping."""
    if not task.cancelling():
        task.cancel()
