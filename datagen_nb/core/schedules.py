"""Schedules: jobs that are submitted at the times of a cron expression in a zone.

Runs that were missed, because the service was stopped or took no jobs, are made up for by one
job; those before it are counted, not repeated. A schedule that is switched on again makes up for
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from pydantic import Field

from datagen_nb.core.errors import NotFound
from datagen_nb.core.status import JobFailure
from datagen_nb.core.wire_model import Instant, WireModel, format_instant

SHOWN_RUNS = 5


class ScheduleDraft(WireModel):
    """What a customer says of a schedule.

    Args:
        cron: Minute, hour, day of the month, month, day of the week, as cron has them. At a time
            that a clock skips in spring it runs right after, at one that comes twice, once.
        zone: In which these are meant, an IANA name as ``Europe/Berlin``.
        template: Name of a template to make the job from; without one, ``configuration`` is all.
        template_version: Of it; the newest at the time of each run, if not said.
        configuration: Fields of a ``JobConfiguration``, added to the template's.
        enabled: Whether it runs.
        description: For people.
    """

    cron: str = Field(min_length=1, max_length=200)
    zone: str = Field("UTC", min_length=1, max_length=100)
    template: str | None = Field(None, max_length=100)
    template_version: int | None = Field(None, ge=1)
    configuration: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True
    description: str = Field("", max_length=2000)


class ScheduledRun(WireModel):
    """One run of a schedule.

    Args:
        due_time: For when it was due.
        time: When it was tried last.
        missed: Later runs that it makes up for as well.
        job_id: The job, if it was taken.
        error: Why it was not.
        tries: How often it was refused.
        retry_time: When it is tried again, if that can help.
    """

    due_time: Instant
    time: Instant
    missed: int = 0
    job_id: str | None = None
    error: JobFailure | None = None
    tries: int = 0
    retry_time: Instant | None = None


class Schedule(ScheduleDraft):
    """A schedule.

    Args:
        name: As a template's.
        created_time: When it was first put.
        updated_time: When it was put last.
        next_runs: The next five, in order; none while it is off.
        last_run: The newest.
    """

    name: str
    created_time: Instant
    updated_time: Instant
    next_runs: tuple[Instant, ...] = ()
    last_run: ScheduledRun | None = None


class SchedulePage(WireModel):
    """One page of schedules; ``next_cursor`` is absent on the last."""

    schedules: tuple[Schedule, ...]
    next_cursor: str | None = None


class Schedules(Protocol):
    """A customer's schedules. What is not there, or another's, is ``NotFound``."""

    async def put(self, name: str, draft: ScheduleDraft) -> Schedule:
        """Make or replace a schedule.

        Raises:
            ConfigurationError: The name, the expression, the zone or the configuration breaks a
                rule; every problem at once.
            NotFound: There is no such template.
        """
        ...

    async def get(self, name: str) -> Schedule: ...

    async def list(self, *, cursor: str = "", limit: int = 50) -> SchedulePage:
        """Schedules by name."""
        ...

    async def delete(self, name: str) -> None:
        """Remove it; jobs that it submitted stay."""
        ...


def submit_key(name: str, created: datetime, due: datetime) -> str:
    """The idempotency key of a run: a submit that is repeated after a crash is the same job."""
    return f"schedule/{name}/{format_instant(created)}/{format_instant(due)}"


def retry_after(details: Mapping[str, Any], tries: int) -> float:
    """Seconds until a refused run is tried again: what the refusal says, and later each time."""
    told = details.get("retryAfter")
    least = float(told) if isinstance(told, int | float) else 0.0
    return max(least, min(15.0 * 2.0 ** min(tries, 10), 900.0))


def no_schedule(name: str) -> NotFound:
    """What is told of a schedule that is not there."""
    return NotFound(
        f"There is no schedule {name!r}. The list of schedules shows those there are.",
        code="schedule_not_found",
        details={"schedule": name[:80]},
    )
