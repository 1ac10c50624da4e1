"""Requests and responses about jobs: events, log lines, queries, pages, health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from datagen_nb.core.config_rules import FIELDS
from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.rules import broken, text_rule
from datagen_nb.core.status import MAX_NOTE, JobStatus, State
from datagen_nb.core.summary import Summarized, Summary
from datagen_nb.core.wire_model import Instant, RequestModel, WireModel
from datagen_nb.core.words import duration

JobEventName = Literal[
    "job.created",
    "job.updated",
    "job.completed",
    "job.failed",
    "job.cancelled",
    "job.paused",
    "job.resumed",
    "job.expired",
]
"""Changes of a job."""

EventName = Literal[JobEventName, "job.deleted", "alert.raised", "alert.cleared"]


class JobEvent(WireModel):
    """A change of a job; ``cursor`` numbers the customer's events from 1."""

    cursor: int
    event: EventName
    job_id: str
    timestamp: Instant
    data: JobStatus

    @classmethod
    def current(cls, status: JobStatus, cursor: int) -> JobEvent:
        """A job as it is now: what a reader of its events gets before those that follow."""
        return cls(
            cursor=cursor,
            event="job.updated",
            job_id=status.job_id,
            timestamp=status.last_updated,
            data=status,
        )


class OtherEvent(WireModel):
    """An event that is not a change of a job, in the same numbering: a deletion, an alert."""

    cursor: int
    event: EventName
    job_id: str | None = None
    timestamp: Instant
    data: dict[str, Any]


OTHER_EVENTS = frozenset({"job.deleted", "alert.raised", "alert.cleared"})
"""Events whose data is not a ``JobStatus``."""


def _kind_of_event(value: Any) -> str:
    name = value.get("event") if isinstance(value, dict) else value.event
    return "other" if name in OTHER_EVENTS else "job"


Event = Annotated[
    Annotated[JobEvent, Tag("job")] | Annotated[OtherEvent, Tag("other")],
    Discriminator(_kind_of_event),
]


class LogEntry(WireModel):
    """A line of a job's log; ``cursor`` numbers the job's lines from 1."""

    cursor: int
    timestamp: Instant
    level: Literal["info", "warning", "error"]
    message: str


class LogPage(WireModel):
    """A page of a job's log; the next page begins after the cursor of its last line."""

    entries: tuple[LogEntry, ...]


MAX_PAGE_SIZE = 500
"""Entries of one page of a list."""

MAX_OFFSET = 10_000
"""Upper bound of an offset, because skipped jobs are read. A cursor is not bounded."""

Sort = Literal["created", "ended", "name", "rows", "size", "status", "took"]


class JobQuery(RequestModel):
    """Which jobs to list, and in which order.

    Args:
        status: Only jobs in these states; empty means all.
        since: Only jobs created at or after this instant.
        until: Only jobs created before this instant.
        text: Only jobs with all of these words in name, tags or note, in any case; a word that
            begins with ``j_`` may be part of the id instead.
        sort: The field to sort by; ``size`` is the result's bytes, ``took`` the running time.
            Jobs without a value come last; among equal values the newest comes first.
        order: Descending or ascending.
        limit: Jobs on a page, 1 to 500.
        cursor: ``next_cursor`` of the previous page.
        offset: Jobs to skip, 0 to 10,000; not with a cursor, which is faster.
    """

    status: tuple[State, ...] = ()
    since: Instant | None = None
    until: Instant | None = None
    text: str = Field("", max_length=200)
    sort: Sort = "created"
    order: Literal["desc", "asc"] = "desc"
    limit: int = Field(50, ge=1, le=MAX_PAGE_SIZE)
    cursor: str | None = None
    offset: int = Field(0, ge=0, le=MAX_OFFSET)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.offset and self.cursor is not None:
            rule = "cannot be combined with a cursor"
            problem = Problem("offset", str(self.offset), rule, "Give one of them.")
            raise ConfigurationError([problem])
        return self


def check_page(limit: int) -> None:
    """Check the size of a page.

    Raises:
        ConfigurationError: It is not 1 to 500.
    """
    if not 1 <= limit <= MAX_PAGE_SIZE:
        rule = f"has to be a whole number from 1 to {MAX_PAGE_SIZE}"
        raise ConfigurationError([Problem("limit", repr(limit), rule, "Give 50, or leave it out.")])


class JobPage(WireModel):
    """A page of jobs; ``next_cursor`` is absent on the last page."""

    jobs: tuple[JobStatus, ...]
    next_cursor: str | None = None


class JobCounts(WireModel):
    """Number of jobs in each state, and in total."""

    by_state: dict[State, int]
    total: int


MAX_DAYS = 366
"""Longest period of an overview, in days."""


class Expiring(WireModel):
    """What retention deletes within ``days``: number of jobs, and bytes of their results."""

    days: float
    jobs: int
    size: int


class Overview(Summarized, WireModel):
    """Statistics of a customer's jobs.

    Args:
        since: Beginning of the period.
        by_state: Number of jobs in each state now, of any age.
        ended: Number of jobs that ended in the period, by state.
        rows: Rows generated by jobs that completed in the period.
        success_share: Share of completed among completed and failed jobs, 0 to 1; absent if there
            are none.
        median_seconds: Median running time of the jobs that completed in the period.
        p95_seconds: 95th percentile of their running times.
        last_failed: The job that failed last, at any time.
        retention_days: Days that a job is kept after its end.
        next_deletion: When the next job will be deleted.
        expiring: What will be deleted within a day and within a week.
    """

    since: Instant
    by_state: dict[State, int]
    ended: dict[State, int]
    rows: int
    success_share: float | None = None
    median_seconds: float | None = None
    p95_seconds: float | None = None
    last_failed: JobStatus | None = None
    retention_days: float
    next_deletion: Instant | None = None
    expiring: tuple[Expiring, ...]

    def _summary(self) -> Summary:
        since = f"{self.since.astimezone():%Y-%m-%d}"
        ended = _counted(self.ended) or "no job has ended"
        facts = [
            ("Jobs now", _counted(self.by_state) or "none"),
            (f"Ended since {since}", ended),
            ("Rows generated", f"{self.rows:,}"),
        ]
        if self.success_share is not None:
            facts.append(("Success rate", f"{self.success_share:.0%}"))
        if self.median_seconds is not None and self.p95_seconds is not None:
            took = f"median {duration(self.median_seconds)}, 95 % {duration(self.p95_seconds)}"
            facts.append(("Duration", took))
        if self.last_failed is not None:
            failed = self.last_failed
            facts.append(("Last failure", f"{failed.name or failed.job_id} ({failed.job_id})"))
        facts.append(("Kept after the end", duration(self.retention_days * 86_400)))
        return Summary("Overview", f"since {since}: {ended}", facts)


def _counted(states: Mapping[State, int]) -> str:
    return ", ".join(f"{number:,} {state}" for state, number in states.items() if number)


class Annotation(RequestModel):
    """New name, tags or note of a job; absent fields are not changed.

    Args:
        name: A label, at most 200 characters.
        tags: Labels to search for, at most 20.
        note: Any text, at most 2,000 characters.

    Raises:
        ConfigurationError: A field breaks its rule.
    """

    name: str | None = None
    tags: tuple[str, ...] | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        rules = {"name": FIELDS["name"], "tags": FIELDS["tags"], "note": text_rule(MAX_NOTE)}
        given = {name: getattr(self, name) for name in rules}
        problems = [
            problem
            for name, value in given.items()
            if value is not None
            for problem in broken(name, value, rules[name])
        ]
        if problems:
            raise ConfigurationError(problems)
        return self


class ManyJobs(WireModel):
    """The jobs of an action; without ``job_ids`` all that have not ended."""

    job_ids: tuple[str, ...] | None = Field(None, max_length=500)


class Rerun(RequestModel):
    """Changed fields of a configuration that is submitted again, under their wire names."""

    overrides: dict[str, Any] = Field(default_factory=dict)


class NamedJobs(WireModel):
    """The jobs of an action."""

    job_ids: tuple[str, ...] = Field(max_length=500)


class Refusal(WireModel):
    """Why the action on one of several jobs was refused."""

    job_id: str
    code: str
    message: str


class Cancellations(WireModel):
    """Result of cancelling several jobs."""

    cancelled: tuple[str, ...]
    refused: tuple[Refusal, ...]


class Deletions(WireModel):
    """Result of deleting several jobs."""

    deleted: tuple[str, ...]
    refused: tuple[Refusal, ...]


class QueueChoice(WireModel):
    """How many jobs may be queued; absent or ``null`` for the operator's default."""

    max_waiting: int | None = Field(None, ge=0)


class Retention(WireModel):
    """Days from a job's end until it is deleted."""

    days: float


class RetentionChoice(WireModel):
    """Days from a job's end until it is deleted; ``null`` for the operator's default."""

    days: float | None = Field(None, gt=0, allow_inf_nan=False)


class CleanUp(WireModel):
    """Number of expired jobs that were deleted."""

    deleted: int


class EventPage(WireModel):
    """A page of events in order; the next page begins after ``cursor``."""

    events: tuple[Event, ...]
    cursor: int


class Welcome(WireModel):
    """The first message of a stream of events.

    Args:
        heartbeat_seconds: Seconds without an event after which a heartbeat is sent.
    """

    heartbeat_seconds: float = Field(gt=0, le=60, allow_inf_nan=False)


class Health(WireModel):
    """Health of the service.

    Source: the specification, section 2.1, checkHealth.
    """

    status: Literal["healthy", "degraded", "unhealthy"]
    message: str | None = None
    metrics: dict[str, float] | None = None


class Probe(WireModel):
    """Answer to a liveness or readiness probe."""

    status: Literal["ok", "ready", "not_ready"]


class ServiceInfo(WireModel):
    """Version, process and health of the service.

    Args:
        version: Version of the package.
        pid: Process id of a local service; 0 for customers of a deployed one.
        deployed: Whether the service is for customers with API keys.
        home: Home directory of a local service.
        health: Its health.
        workers: Process id of each running job's worker, by job id; only of a local service.
        pipeline: Description of the pipeline; absent while it cannot be reached.
    """

    version: str
    pid: int
    deployed: bool = False
    home: str | None = None
    health: Health
    workers: dict[str, int] = Field(default_factory=dict)
    pipeline: PipelineInfo | None = None
