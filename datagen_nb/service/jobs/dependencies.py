"""Jobs that depend on others: they wait here, outside of the queue, until those have ended.

The memory of this process only says when to check; each check reads the store, so that a new
service continues where the one before it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from datagen_nb.core.errors import JobNotFound
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.plans import Doomed, Ready, Waiting, readiness
from datagen_nb.core.status import JobStatus, State
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.tasks import BackgroundTasks, retry_until_stored

Key = tuple[str, str]
"""Customer and job."""


class DependencyTracker:
    """Queued jobs of all customers that wait until other jobs have ended.

    Args:
        context: Of the service.
        ready: Called with the customer and the id of a job that may start.
        fail: Ends a job that can never start, with the reason.
    """

    def __init__(
        self,
        context: ServiceContext,
        *,
        ready: Callable[[str, str], None],
        fail: Callable[[str, str, JobFailure], Awaitable[None]],
    ) -> None:
        self._context = context
        self._ready = ready
        self._fail = fail
        self._waiting: dict[Key, tuple[str, ...]] = {}
        self._dependents: defaultdict[Key, set[str]] = defaultdict(set)
        self._checks = BackgroundTasks()

    @property
    def busy(self) -> bool:
        """Whether a check of a waiting job is under way."""
        return bool(self._checks)

    def add(self, customer: str, job_id: str, jobs: Iterable[str]) -> None:
        """Let a queued job wait for others, and check their states at once."""
        self._wait(customer, job_id, tuple(jobs))
        self._check(customer, job_id)

    def remove(self, customer: str, job_id: str) -> bool:
        """Forget a job; return whether it waited."""
        jobs = self._waiting.pop((customer, job_id), None)
        for before in jobs or ():
            dependents = self._dependents[customer, before]
            dependents.discard(job_id)
            if not dependents:
                del self._dependents[customer, before]
        return jobs is not None

    def ended(self, customer: str, job_id: str) -> None:
        """Check the jobs that depend on one that has just ended."""
        for dependent in sorted(self._dependents.get((customer, job_id), ())):
            self._check(customer, dependent)

    def waiting_for(self, customer: str, job_id: str) -> tuple[str, ...]:
        """The jobs that a job waits for."""
        return self._waiting.get((customer, job_id), ())

    def jobs_of(self, customer: str) -> set[str]:
        """A customer's jobs that wait for others."""
        return {job_id for owner, job_id in self._waiting if owner == customer}

    def _wait(self, customer: str, job_id: str, jobs: tuple[str, ...]) -> None:
        self.remove(customer, job_id)
        self._waiting[customer, job_id] = jobs
        for before in jobs:
            self._dependents[customer, before].add(job_id)

    async def aclose(self) -> None:
        """Check no further; the next service checks all that waits again."""
        await self._checks.aclose()

    def _check(self, customer: str, job_id: str) -> None:
        step = partial(self._decide, customer, job_id)
        work = retry_until_stored(self._context.clock, step)
        self._checks.start(work, name=f"dependencies of {job_id}")

    async def _decide(self, customer: str, job_id: str) -> None:
        try:
            record = await self._context.store.get(customer, job_id)
        except JobNotFound:
            self.remove(customer, job_id)
            return
        config = record.config
        statuses = [await self._status(customer, before) for before in config.after]
        if (customer, job_id) not in self._waiting or record.status.status is not State.QUEUED:
            return  # cancelled or paused during the check
        match readiness(statuses, config.after_failure):
            case Ready():
                self.remove(customer, job_id)
                self._ready(customer, job_id)
            case Waiting(jobs=jobs):
                self._wait(customer, job_id, jobs)
            case Doomed(error=error):
                await self._fail(customer, job_id, error)
                self.remove(customer, job_id)

    async def _status(self, customer: str, job_id: str) -> JobStatus | None:
        try:
            return (await self._context.store.get(customer, job_id)).status
        except JobNotFound:
            return None
