"""The port of a store: jobs with their events and logs, and documents.

A store reads, writes and counts; it contains no rules. A rule that has to hold against concurrent
writers is passed to it as a ``Precondition``, which it evaluates within its transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.messages import Event, EventName, JobPage, JobQuery, LogEntry
from datagen_nb.core.status import JobStatus, State


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as it is stored.

    Attributes:
        customer: The owner; part of every key.
        version: Incremented by each ``replace``.
        idempotency_key: Of the submit that created it.
        fingerprint: Digest of the body of that submit.
        size: Bytes in the customer's bucket, used or reserved; counts towards the quota.
        owner: The service process that runs the job, or that will run it next; ``""`` for any.
        lease_until: Until when no other process may take the job from its owner.
    """

    customer: str
    status: JobStatus
    config: JobConfiguration
    idempotency_key: str
    fingerprint: str
    version: int = 0
    size: int = 0
    owner: str = ""
    lease_until: datetime | None = None

    @property
    def job_id(self) -> str:
        return self.status.job_id

    def is_leased(self, now: datetime, *, except_by: str = "") -> bool:
        """Whether a process, other than ``except_by``, has a lease on the job."""
        return self.owner != except_by and self.lease_until is not None and self.lease_until > now


@dataclass(frozen=True, slots=True)
class Document:
    """Any other record: a template, a schedule, a webhook, a key.

    Attributes:
        customer: The owner; part of every key. Documents of the service itself have ``""``.
        kind: Its type, such as ``"template"``.
        id: Unique within its customer and kind.
        body: Its value, JSON-like.
        version: Incremented by each ``put``; 0 before the first.
        due: When it needs attention next, if ever.
        size: Bytes that it uses in the customer's bucket; counts towards the quota.
    """

    customer: str
    kind: str
    id: str
    body: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    due: datetime | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """An event for a customer that is not a change of a job."""

    event: EventName
    at: datetime
    data: Mapping[str, Any]
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerUsage:
    """What a customer uses at one moment, read in the transaction that evaluates a precondition.

    Attributes:
        running: Running jobs.
        waiting: Queued jobs.
        stored: Bytes used and reserved.
        last_cancelled: Latest end of a job that was cancelled after it had started, deleted jobs
            included.
    """

    running: int = 0
    waiting: int = 0
    stored: int = 0
    last_cancelled: datetime | None = None


@dataclass(frozen=True, slots=True)
class CustomerChanges:
    """Which customers' jobs, logs or documents have changed.

    Attributes:
        position: Of the newest change; pass it to the next call.
        customers: Each once.
    """

    position: int
    customers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """Statistics of a customer's jobs at one moment.

    Attributes:
        by_state: Jobs by state.
        ended: Jobs that ended at or after ``since``, by state.
        rows: Rows of the completed ones among these.
        median: Median processing time of these, in seconds.
        p95: 95th percentile of their processing times, in seconds.
        last_failed: The job that failed last.
        first_end: The earliest end of all jobs.
        ended_before: For each bound, how many jobs ended before it and the bytes of their output.
    """

    by_state: Mapping[State, int]
    ended: Mapping[State, int]
    rows: int
    median: float | None
    p95: float | None
    last_failed: JobStatus | None
    first_end: datetime | None
    ended_before: Sequence[tuple[int, int]]


TOMBSTONE = "tombstone"
"""Kind of the document that remains of a deleted job until its data is removed."""

EVENTS_KEPT = 20_000
"""Newest events of a customer that a store keeps, however many the customer makes."""

Precondition = Callable[[CustomerUsage], int | None]
"""A rule about a customer's usage, evaluated within the transaction of a write.

It raises to refuse the write. For a job it may return the bytes that the job reserves from now on,
in place of its ``size``. A store whose transactions are retried calls it once for each try, with
the usage of that moment: it must not have side effects."""


class Documents(Protocol):
    """Stores documents, with the guarantees of ``JobStore``."""

    async def get(self, customer: str, kind: str, id: str) -> Document | None: ...

    async def put(
        self,
        *documents: Document,
        notice: Notice | None = None,
        precondition: Precondition | None = None,
    ) -> None:
        """Write documents of one customer at the ``version`` at which they were read: all or none.

        A new document has version 0. ``notice`` is written as an event in the same transaction.

        Raises:
            VersionConflict: One has changed since, or exists already.
            DatagenError: Raised by ``precondition``.
        """
        ...

    async def delete(self, customer: str, kind: str, id: str) -> bool:
        """Delete a document; return whether it existed."""
        ...

    async def page(
        self, customer: str, kind: str, *, prefix: str = "", after: str = "", limit: int = 100
    ) -> Sequence[Document]:
        """Documents whose id starts with ``prefix`` and is greater than ``after``, by id."""
        ...

    async def due(self, kind: str, *, until: datetime, limit: int = 100) -> Sequence[Document]:
        """Documents of all customers that are due at or before an instant, the earliest first."""
        ...

    async def next_due(self, kind: str) -> datetime | None:
        """When the next document of a kind is due, if any is."""
        ...


class JobStore(Protocol):
    """Stores jobs, their events and logs.

    Guarantees: a change is durable when the call returns; a change and its event are written
    together or not at all; a customer's events are numbered from 1 without gaps, in the order of
    their changes; no customer can see the data of another.

    The newest ``EVENTS_KEPT`` events of a customer stay, except those of jobs that were deleted.
    Older ones are removed, but the newest event of each job stays with it: a reader at any cursor,
    however old, finds the state of each job.

    The data of an event may be reduced: one that a later event has overtaken may have the data of a
    later event of its job, or of the job itself. It is never older than it was written, and never
    newer than the next event of its job. Events of creation, pause and resumption stay as they
    were, and the event that ended a job stays in that state. So a reader that is behind by less
    misses no such state, and may see progress early and more than once.
    """

    @property
    def documents(self) -> Documents: ...

    async def add(
        self, record: JobRecord, *, precondition: Precondition | None = None
    ) -> JobRecord:
        """Write a new job and its ``job.created`` event; return the stored job.

        If the customer has used the key before, return that job and write nothing.

        Raises:
            DatagenError: Raised by ``precondition``.
        """
        ...

    async def find(self, customer: str, idempotency_key: str) -> JobRecord | None:
        """The job that the customer submitted with this idempotency key."""
        ...

    async def get(self, customer: str, job_id: str) -> JobRecord:
        """Read a job.

        Raises:
            JobNotFound: The customer has no such job; with code ``job_deleted`` if it had, as long
                as the event of its deletion is kept.
        """
        ...

    async def replace(
        self,
        record: JobRecord,
        event: EventName | None,
        *,
        precondition: Precondition | None = None,
        log_entry: LogEntry | None = None,
    ) -> JobRecord:
        """Write a job at the version at which it was read, and its event; return the new record.

        ``event`` is ``None`` if the status has not changed; ``log_entry`` is added to the log.

        Raises:
            VersionConflict: The job has changed since, or was deleted.
            DatagenError: Raised by ``precondition``.
        """
        ...

    async def delete(
        self, customer: str, job_ids: Sequence[str], *, only_in: Collection[State], at: datetime
    ) -> Sequence[str]:
        """Delete jobs with all their events and logs; return the ids of those deleted.

        Each leaves a document of kind ``tombstone``, due at once, and the event ``job.deleted``.
        Jobs in other states than ``only_in`` are skipped.
        """
        ...

    async def page(self, customer: str, query: JobQuery) -> JobPage:
        """A page of jobs by keyset: none twice and none left out, whatever is written in between.

        Raises:
            ConfigurationError: The cursor does not come from a page of such a query.
        """
        ...

    async def counts(self, customer: str, query: JobQuery) -> Mapping[State, int]:
        """Count the jobs that match a query by state; its own states are ignored."""
        ...

    async def tally(
        self, customer: str, *, since: datetime, before: Sequence[datetime] = ()
    ) -> Tally:
        """Statistics of a customer's jobs; see ``Tally``."""
        ...

    async def in_state(
        self,
        state: State,
        *,
        customer: str | None = None,
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> Sequence[JobRecord]:
        """Jobs of one or all customers in a state, the oldest first, after an (id, customer)."""
        ...

    async def unleased(self, *, at: datetime, limit: int = 1000) -> Sequence[JobRecord]:
        """Jobs of all customers that lost their owner: no lease on them lasts until ``at``.

        These are running jobs without a lease or with one that has expired, and queued jobs with
        one that has expired.
        """
        ...

    async def renew_leases(self, owner: str, *, until: datetime) -> Collection[tuple[str, str]]:
        """Extend the leases of all running jobs of an owner; return their (customer, id)."""
        ...

    async def release_leases(self, owner: str) -> None:
        """End all leases of an owner, so that any process may take its jobs at once."""
        ...

    async def has_input(self, customer: str, path: str) -> bool:
        """Whether any job of a customer has this input, whatever its state."""
        ...

    async def ended(self, customer: str, *, before: datetime, limit: int) -> Sequence[str]:
        """Ids of jobs that ended before an instant, the earliest end first."""
        ...

    async def awaiting_cleanup(self, *, limit: int = 1000) -> Sequence[JobRecord]:
        """Cancelled and failed jobs of all customers whose ``size`` is not 0."""
        ...

    async def customers(self) -> Sequence[str]:
        """Every customer that has a job."""
        ...

    async def usage(self, customer: str) -> CustomerUsage:
        """What a customer uses now."""
        ...

    async def events(self, customer: str, *, after: int, limit: int = 500) -> Sequence[Event]:
        """Events with a number above ``after``, in order."""
        ...

    async def last_cursor(self, customer: str) -> int:
        """Number of the customer's newest event, 0 if there is none."""
        ...

    async def changes(
        self, *, after: int | None = None, by_others: bool = False
    ) -> CustomerChanges:
        """Customers whose data any process has changed after a position; ``None`` is now.

        A change of a customer that is not reported yet is reported by a later call, and one may
        be reported that changed nothing. With ``by_others``, customers may be left out whom this
        store alone has changed.
        """
        ...

    async def append_log(self, customer: str, job_id: str, entries: Sequence[LogEntry]) -> None:
        """Add entries to a job's log; the store numbers them."""
        ...

    async def log(
        self, customer: str, job_id: str, *, after: int, limit: int = 500
    ) -> Sequence[LogEntry]:
        """Entries with a number above ``after``, in order."""
        ...

    async def aclose(self) -> None:
        """Finish the calls under way and close the store."""
        ...
