"""Changes of jobs: read the record, ``fold``, replace it at its version, then report it.

Every change of a job goes through here, and every part that follows changes has one hook here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from datagen_nb.core.changes import (
    Cancelled,
    Change,
    Completed,
    Expired,
    Failed,
    Paused,
    Resumed,
    Started,
)
from datagen_nb.core.errors import ActionRefused
from datagen_nb.core.messages import EventName, LogEntry
from datagen_nb.core.pipeline import Logged
from datagen_nb.core.status import State, fold
from datagen_nb.core.store import JobRecord, Precondition
from datagen_nb.service.collection import retry_on_conflict
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.jobs.feed import EventFeed

AfterChange = Callable[[JobRecord, Change], None]
"""Called with a job as it is after a change, and the change; returns at once, raises nothing."""

_EVENT_OF: dict[type[Change], EventName] = {
    Completed: "job.completed",
    Failed: "job.failed",
    Cancelled: "job.cancelled",
    Paused: "job.paused",
    Resumed: "job.resumed",
    Expired: "job.expired",
}


class JobChanges:
    """Applies changes to jobs, and calls the hooks after each."""

    def __init__(self, context: ServiceContext, feed: EventFeed) -> None:
        self._context = context
        self._store = context.store
        self._feed = feed
        self._hooks: list[AfterChange] = []

    def subscribe(self, hook: AfterChange) -> None:
        """Call a hook after each change that was applied, in the order of subscription."""
        self._hooks.append(hook)

    async def apply(
        self,
        customer: str,
        job_id: str,
        change: Change,
        *,
        only_if: Callable[[JobRecord], bool] | None = None,
        hold: float = 0,
        precondition: Precondition | None = None,
        size: int | None = None,
        log: Logged | None = None,
        record: JobRecord | None = None,
        earlier: Sequence[tuple[Change, datetime]] = (),
    ) -> JobRecord:
        """Apply a change to a job, however many others do so at once.

        Args:
            customer: Whose job.
            job_id: Which.
            change: What happened.
            only_if: Refuses the change where it is false of the job as it is.
            hold: Seconds for which a job that is queued again waits for this process.
            precondition: A rule over the customer's usage, checked in the transaction.
            size: Bytes that the job now stores, if they change.
            log: A line for its log.
            record: The job as the caller read or wrote it last. If it is still so, the job need
                not be read.
            earlier: Changes before it that are not written yet, with their times. They are written
                together, as one event.

        Raises:
            JobNotFound, ActionRefused: The caller's mistake; or ``only_if`` is false.
            StaleAttempt: The change comes from a worker that has been replaced.
            DatagenError: What ``precondition`` raised.
        """

        def changed(record: JobRecord) -> JobRecord:
            if only_if is not None and not only_if(record):
                raise ActionRefused(f"Job {job_id} has changed; it is {record.status.status}.")
            status = record.status
            for before, time in earlier:
                status = fold(status, before, time)
            status = fold(status, change, self._context.clock.now())
            after = replace(record, status=status, size=record.size if size is None else size)
            return self._leased(after, change, hold)

        kept = await self.update(
            customer,
            job_id,
            changed,
            event=_EVENT_OF.get(type(change), "job.updated"),
            precondition=lambda _: precondition,
            log=log,
            record=record,
        )
        if log is not None or kept.status.status.is_terminal:
            self._feed.wake_log(customer, job_id)
        for hook in self._hooks:
            hook(kept, change)
        return kept

    def _leased(self, record: JobRecord, change: Change, hold: float) -> JobRecord:
        """A job after a change, with the lease that it has then."""
        context = self._context
        until = context.clock.now() + timedelta(seconds=context.settings.lease_seconds + hold)
        if isinstance(change, Started) or hold:
            return replace(record, owner=context.owner, lease_until=until)
        if record.status.status is State.RUNNING:
            return record
        return replace(record, owner="", lease_until=None)

    async def update(
        self,
        customer: str,
        job_id: str,
        fold: Callable[[JobRecord], JobRecord],
        *,
        event: EventName | None = None,
        precondition: Callable[[JobRecord], Precondition | None] = lambda _: None,
        log: Logged | None = None,
        record: JobRecord | None = None,
    ) -> JobRecord:
        """Write what ``fold`` makes of a job's record; no hook is called.

        Args:
            customer: Whose job.
            job_id: Which.
            fold: Gives the new record, or the same one to write nothing; may be called again.
            event: The event of the change; ``None`` when the status is as it was.
            precondition: Gives the rule over the customer's usage, from the record as it was read.
            log: A line for the job's log.
            record: The job as the caller knows it.

        Raises:
            JobNotFound: There is no such job.
            DatagenError: What ``fold`` or the precondition raised.
        """

        async def attempt() -> JobRecord:
            nonlocal record
            before, record = record or await self._store.get(customer, job_id), None
            after = fold(before)
            if after is before:
                return before
            entry = None if log is None else _log_entry(log, after.status.last_updated)
            kept = await self._store.replace(
                after, event, precondition=precondition(before), log_entry=entry
            )
            if event is not None:
                self._context.bus.publish(customer)
            return kept

        return await retry_on_conflict(attempt)

    async def set_size(
        self,
        customer: str,
        job_id: str,
        size: int,
        *,
        precondition: Callable[[JobRecord], Precondition | None] = lambda _: None,
    ) -> JobRecord:
        """Record how many bytes a job stores; makes no event, for its status is as it was.

        Raises:
            JobNotFound: There is no such job.
            DatagenError: What the rule raised.
        """
        return await self.update(
            customer, job_id, lambda record: replace(record, size=size), precondition=precondition
        )

    async def append_log(self, customer: str, job_id: str, line: Logged) -> None:
        """Add a line to a job's log."""
        entry = _log_entry(line, self._context.clock.now())
        await self._store.append_log(customer, job_id, [entry])
        self._feed.wake_log(customer, job_id)


def _log_entry(line: Logged, at: datetime) -> LogEntry:
    return LogEntry(cursor=0, timestamp=at, level=line.level, message=line.message)
