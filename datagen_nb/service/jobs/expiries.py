"""Paused jobs, which fail when their time to be resumed has passed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from datagen_nb.core.changes import Expired
from datagen_nb.core.errors import ActionRefused, JobNotFound
from datagen_nb.core.pipeline import Logged
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.store import JobRecord
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.jobs import failures
from datagen_nb.service.jobs.changes import JobChanges
from datagen_nb.service.tasks import retry_until_stored


class Expiries:
    """One timer for each paused job.

    Args:
        context: Of the service.
        changes: Applies the change to the job.
        expired: Called with the customer and the id of a job that has expired.

    Attributes:
        timers: The timer of each job.
    """

    def __init__(
        self, context: ServiceContext, changes: JobChanges, *, expired: Callable[[str, str], None]
    ) -> None:
        self._context = context
        self._changes = changes
        self._expired = expired
        self.timers: dict[str, asyncio.Task[None]] = {}

    def expect(self, customer: str, status: JobStatus) -> None:
        """Fail a paused job at its ``resume_until``, unless it is resumed before."""
        if status.job_id not in self.timers:
            self.timers[status.job_id] = asyncio.create_task(self._expire(customer, status))

    def cancel(self, job_id: str) -> None:
        """Let a job that is not paused any more live."""
        if timer := self.timers.pop(job_id, None):
            timer.cancel()

    async def aclose(self) -> None:
        """Stop all timers."""
        timers = list(self.timers.values())
        for timer in timers:
            timer.cancel()
        await asyncio.gather(*timers, return_exceptions=True)

    async def _expire(self, customer: str, status: JobStatus) -> None:
        clock = self._context.clock
        until = status.resume_until or clock.now()
        while (left := until - clock.now()) > timedelta(0):
            await clock.sleep(left.total_seconds())
        self.timers.pop(status.job_id, None)
        expired = Expired(failures.expired(until.isoformat()))
        log = Logged("error", expired.error.message)
        change = partial(self._changes.apply, customer, status.job_id, expired, log=log)
        try:
            await retry_until_stored(clock, partial(change, only_if=_is_paused))
        except (ActionRefused, JobNotFound):
            return  # resumed or cancelled in the same moment
        self._expired(customer, status.job_id)


def _is_paused(record: JobRecord) -> bool:
    return record.status.status is State.PAUSED
