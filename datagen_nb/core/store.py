"""The store's port: jobs with their events and logs, and the documents beside them.

A store keeps and counts; no rule stands in it. Where a rule has to hold against whoever else
writes, the caller hands it over as a function, and the store asks it inside its transaction.
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
    """A job as a store keeps it.

    Attributes:
        customer: Whose it is; part of every key.
        version: Grows by one with each ``replace``.
        idempotency_key: Of the submit that made it.
        fingerprint: Digest of that submit's body.
        size: Bytes in the customer's bucket, kept or reserved; counts towards the quota.
    """

    customer: str
    status: JobStatus
    config: JobConfiguration
    idempotency_key: str
    fingerprint: str
    version: int = 0
    size: int = 0

    @property
    def job_id(self) -> str:
        return self.status.job_id


@dataclass(frozen=True, slots=True)
class Document:
    """Anything else that is kept: a template, a schedule, a webhook, a key.

    Attributes:
        customer: Whose it is; part of every key. What belongs to the service has ``""``.
        kind: What it is, as ``"template"``.
        id: Its name among its kind.
        body: Its value, JSON-like.
        version: Grows by one with each ``put``; 0 before the first.
        due: When something has to be done about it, if ever.
        size: Bytes that it keeps in the customer's bucket; counts towards the quota.
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
    """Something to tell a customer's readers that is no change of a job; becomes an event."""

    event: EventName
    at: datetime
    data: Mapping[str, Any]
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a customer has at one moment, counted in the transaction that asks.

    Attributes:
        running: Jobs that run.
        waiting: Jobs that are queued.
        stored: Bytes kept and reserved.
        last_cancelled: When the newest cancelled job ended, deleted ones included.
    """

    running: int = 0
    waiting: int = 0
    stored: int = 0
    last_cancelled: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What a customer's jobs come to, counted at one moment.

    Attributes:
        by_state: Jobs in each state.
        ended: Jobs in each state that ended since the instant that was asked for.
        rows: Rows of the completed ones among these.
        median: Seconds that half of these took at most.
        p95: Seconds that 95 % of these took at most.
        last_failed: The job that failed last.
        first_end: The earliest end of all jobs.
        ended_before: For each bound, how many jobs ended before it and the bytes that they made.
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
"""Kind of the document that stays of a deleted job."""

Admit = Callable[[Standing], None]
"""A rule over what is there; raises to refuse, and then nothing is written."""


class Documents(Protocol):
    """Keeps documents. Guarantees are those of ``JobStore``."""

    async def get(self, customer: str, kind: str, id: str) -> Document | None: ...

    async def put(
        self, *documents: Document, notice: Notice | None = None, admit: Admit | None = None
    ) -> None:
        """Write documents of one customer that were read at their ``version``: all or none.

        Version 0 is for a document that is not there yet. ``notice`` becomes an event with them.

        Raises:
            VersionConflict: One has changed since, or was there already.
        """
        ...

    async def delete(self, customer: str, kind: str, id: str) -> bool:
        """Remove a document; tell whether it was there."""
        ...

    async def page(
        self, customer: str, kind: str, *, prefix: str = "", after: str = "", limit: int = 100
    ) -> Sequence[Document]:
        """Documents whose id starts with ``prefix`` and follows ``after``, by id."""
        ...

    async def due(self, kind: str, *, until: datetime, limit: int = 100) -> Sequence[Document]:
        """Documents of all customers that are due at or before an instant, the oldest first."""
        ...

    async def next_due(self, kind: str) -> datetime | None:
        """When the next document of a kind is due."""
        ...


class JobStore(Protocol):
    """Keeps jobs, their events and logs.

    Guarantees: when a call returns its change has reached the disk; a change and its event are
    written together or not at all; a customer's events are numbered from 1 without gaps, in the
    order of their changes; what one customer has another cannot see.
    """

    @property
    def documents(self) -> Documents: ...

    async def add(self, record: JobRecord, *, admit: Admit | None = None) -> JobRecord:
        """Keep a new job and its ``job.created``; return it.

        If the customer used the key before, nothing is kept and that job is returned.

        Raises:
            DatagenError: What ``admit`` raised.
        """
        ...

    async def find(self, customer: str, idempotency_key: str) -> JobRecord | None:
        """The job that the customer submitted with this key."""
        ...

    async def get(self, customer: str, job_id: str) -> JobRecord:
        """Read a job.

        Raises:
            JobNotFound: This customer has no such job; ``job_deleted`` when there was one.
        """
        ...

    async def replace(
        self,
        record: JobRecord,
        event: EventName | None,
        *,
        admit: Admit | None = None,
        line: LogEntry | None = None,
    ) -> JobRecord:
        """Write a job that was read at ``record.version``, and its event; return the new record.

        ``event`` is ``None`` when its status is as it was; ``line`` is added to its log.

        Raises:
            VersionConflict: The job has changed since, or is gone.
            DatagenError: What ``admit`` raised.
        """
        ...

    async def forget(
        self, customer: str, job_ids: Sequence[str], *, only_in: Collection[State], at: datetime
    ) -> Sequence[str]:
        """Remove jobs with all their events and logs; return the ids of those removed.

        Of each stays a document of kind ``tombstone``, due at once, and the event ``job.deleted``.
        Jobs in other states are left alone.
        """
        ...

    async def page(self, customer: str, query: JobQuery) -> JobPage:
        """A page of jobs by keyset: none twice, none left out, whatever comes in between.

        Raises:
            ConfigurationError: The cursor is none that a page of such a query gave.
        """
        ...

    async def counts(self, customer: str, query: JobQuery) -> Mapping[State, int]:
        """How many jobs that fit a query, whatever its states, are in each state."""
        ...

    async def tally(
        self, customer: str, *, since: datetime, before: Sequence[datetime] = ()
    ) -> Tally:
        """Sum a customer's jobs up, those that ended at or after an instant besides."""
        ...

    async def in_state(
        self, state: State, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> Sequence[JobRecord]:
        """Jobs of all customers in a state, the oldest first, from behind (id, customer) on."""
        ...

    async def ended(self, customer: str, *, before: datetime, limit: int) -> Sequence[str]:
        """Ids of jobs that ended before an instant, the oldest end first."""
        ...

    async def unsettled(self, *, limit: int = 1000) -> Sequence[JobRecord]:
        """Cancelled and failed jobs of all customers whose ``size`` is not 0."""
        ...

    async def customers(self) -> Sequence[str]:
        """Every customer that has a job."""
        ...

    async def standing(self, customer: str) -> Standing:
        """What a customer has now."""
        ...

    async def events(self, customer: str, *, after: int, limit: int = 500) -> Sequence[Event]:
        """Events numbered above ``after``, in order."""
        ...

    async def last_cursor(self, customer: str) -> int:
        """Number of the customer's newest event, 0 when there is none."""
        ...

    async def append_log(self, customer: str, job_id: str, entries: Sequence[LogEntry]) -> None:
        """Add lines to a job's log; the store numbers them."""
        ...

    async def log(
        self, customer: str, job_id: str, *, after: int, limit: int = 500
    ) -> Sequence[LogEntry]:
        """Lines numbered above ``after``, in order."""
        ...

    async def aclose(self) -> None:
        """Finish what is under way and let go of the files."""
        ...
