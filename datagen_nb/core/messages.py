"""What is asked and answered about jobs: events, log lines, queries, pages, health."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from datagen_nb.core.config import FIELDS, broken, text_rule
from datagen_nb.core.errors import ConfigurationError
from datagen_nb.core.status import MOST_NOTE, JobStatus, State
from datagen_nb.core.wire_model import Instant, WireModel

EventName = Literal[
    "job.created",
    "job.updated",
    "job.completed",
    "job.failed",
    "job.cancelled",
    "job.paused",
    "job.resumed",
    "job.expired",
    "job.deleted",
    "alert.raised",
    "alert.cleared",
]


class JobEvent(WireModel):
    """One change of one job, as readers see it; ``cursor`` counts a customer's events from 1."""

    cursor: int
    event: EventName
    job_id: str
    timestamp: Instant
    data: JobStatus


class OtherEvent(WireModel):
    """Something else a customer is told, in the same numbering: a deletion, an alert."""

    cursor: int
    event: EventName
    job_id: str | None = None
    timestamp: Instant
    data: dict[str, Any]


OTHER_EVENTS = frozenset({"job.deleted", "alert.raised", "alert.cleared"})
"""Events whose data is no ``JobStatus``."""


def _kind_of_event(value: Any) -> str:
    name = value.get("event") if isinstance(value, dict) else value.event
    return "other" if name in OTHER_EVENTS else "job"


Event = Annotated[
    Annotated[JobEvent, Tag("job")] | Annotated[OtherEvent, Tag("other")],
    Discriminator(_kind_of_event),
]


class LogEntry(WireModel):
    """One line of a job's log; ``cursor`` counts the job's lines from 1."""

    cursor: int
    timestamp: Instant
    level: Literal["info", "warning", "error"]
    message: str


class LogPage(WireModel):
    """Lines of a job's log in order; the last one's cursor is where the next page begins."""

    entries: tuple[LogEntry, ...]


Sort = Literal["created", "ended", "name", "rows", "size", "status", "took"]


class JobQuery(WireModel):
    """Which jobs to list, and in which order.

    Args:
        status: Only jobs in these states; empty means all.
        since: Only jobs created at or after this instant.
        until: Only jobs created before this instant.
        text: Only jobs that have each of these words in name, tags or note, in whatever case;
            one that begins with ``j_`` may be in the id instead.
        sort: What to order by; ``size`` is the result's bytes, ``took`` the seconds of running.
            Jobs that have none come last, of equal ones the newest first.
        order: Falling or rising.
        limit: Jobs on a page, 1 to 500.
        cursor: Where the page before ended.
    """

    status: tuple[State, ...] = ()
    since: Instant | None = None
    until: Instant | None = None
    text: str = Field("", max_length=200)
    sort: Sort = "created"
    order: Literal["desc", "asc"] = "desc"
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = None


class JobPage(WireModel):
    """One page of jobs; ``next_cursor`` is absent on the last."""

    jobs: tuple[JobStatus, ...]
    next_cursor: str | None = None


class JobCounts(WireModel):
    """How many jobs are in each state, and in all."""

    by_state: dict[State, int]
    total: int


MOST_DAYS = 366
"""That one looks back at most."""


class Expiring(WireModel):
    """What retention deletes within ``days``: jobs, and the bytes of their results."""

    days: float
    jobs: int
    size: int


class Overview(WireModel):
    """What a customer's jobs come to.

    Args:
        since: Where the time begins that is looked back upon.
        by_state: How many jobs are in each state now, however old.
        ended: How many of those that ended since are in each state.
        rows: Rows that the jobs made which completed since.
        success_share: Completed ones among completed and failed ones, 0 to 1; absent without any.
        median_seconds: Half of the jobs that completed since took at most this.
        p95_seconds: 95 % of them took at most this.
        last_failed: The job that failed last, however long ago.
        retention_days: Days that a job is kept after its end.
        next_deletion: When the next job's time has passed.
        expiring: What is deleted within a day and within a week.
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


class Annotation(WireModel):
    """What somebody writes on a job; what is absent stays as it is.

    Args:
        name: What people call it, at most 200 characters.
        tags: Words to find it by, at most 20.
        note: Anything, at most ``core.status.MOST_NOTE`` characters.

    Raises:
        ConfigurationError: One breaks its rule.
    """

    name: str | None = None
    tags: tuple[str, ...] | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        rules = {"name": FIELDS["name"], "tags": FIELDS["tags"], "note": text_rule(MOST_NOTE)}
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
    """Jobs that one action is meant for; without ``job_ids`` all that have not ended."""

    job_ids: tuple[str, ...] | None = Field(None, max_length=500)


class NamedJobs(WireModel):
    """Jobs that one action is meant for."""

    job_ids: tuple[str, ...] = Field(max_length=500)


class Refusal(WireModel):
    """Why one of many was not done."""

    job_id: str
    code: str
    message: str


class Cancellations(WireModel):
    """What became of a request to cancel many jobs."""

    cancelled: tuple[str, ...]
    refused: tuple[Refusal, ...]


class Deletions(WireModel):
    """What became of a request to delete many jobs."""

    deleted: tuple[str, ...]
    refused: tuple[Refusal, ...]


class QueueChoice(WireModel):
    """How many jobs may queue; absent or ``null``: as many as the operator set."""

    max_waiting: int | None = Field(None, ge=0)


class Retention(WireModel):
    """Days from a job's end until it is deleted."""

    days: float


class RetentionChoice(WireModel):
    """Days from a job's end until it is deleted; ``null``: as many as the operator set."""

    days: float | None = Field(None, gt=0, allow_inf_nan=False)


class CleanUp(WireModel):
    """How many jobs were deleted because their time had passed."""

    deleted: int


class EventPage(WireModel):
    """Events in order; ``cursor`` is where the next page begins."""

    events: tuple[Event, ...]
    cursor: int


class Health(WireModel):
    """Source: the specification, section 2.1, checkHealth."""

    status: Literal["healthy", "degraded", "unhealthy"]
    message: str | None = None
    metrics: dict[str, float] | None = None


class ServiceInfo(WireModel):
    """The service as it describes itself; ``workers`` maps a running job to its process."""

    version: str
    pid: int
    home: str | None = None
    health: Health
    workers: dict[str, int] = Field(default_factory=dict)
