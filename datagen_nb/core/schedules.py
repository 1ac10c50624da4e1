"""Schedules: jobs that are submitted at the times of a cron expression in a time zone.

Runs that were missed, because the service was stopped or refused jobs, are replaced by a single
job, which counts them. A schedule that is enabled again does not make up for missed runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from pydantic import Field

from datagen_nb.core.errors import NotFound
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.summary import Summarized, Summary, listed
from datagen_nb.core.wire_model import Instant, RequestModel, WireModel, format_instant
from datagen_nb.core.words import local_time

SHOWN_RUNS = 5


class ScheduleDraft(RequestModel):
    """A schedule to save.

    Args:
        cron: A cron expression: minute, hour, day of month, month, day of week. When clocks are
            set forward, a skipped time runs right after; when set back, a repeated time runs once.
        zone: Time zone of the expression, an IANA name as ``Europe/Berlin``.
        template: Name of the template for the jobs; without one, ``configuration`` is used alone.
        template_version: Its version; by default the newest at the time of each run.
        configuration: Fields of a ``JobConfiguration``, added to those of the template.
        enabled: Whether it runs.
        description: A text for people.
    """

    cron: str = Field(min_length=1, max_length=200)
    zone: str = Field("UTC", min_length=1, max_length=100)
    template: str | None = Field(None, max_length=100)
    template_version: int | None = Field(None, ge=1)
    configuration: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True
    description: str = Field("", max_length=2000)


class ScheduledRun(WireModel):
    """A run of a schedule.

    Args:
        due_time: When it was due.
        time: When it was last tried.
        missed: Number of later runs that it replaces.
        job_id: The job; absent if it was refused.
        error: Why the job was refused.
        tries: How often it was refused.
        retry_time: When it is tried again, if a retry can succeed.
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
        name: Letters, digits, ``.``, ``_``, ``-``; at most 64.
        created_time: When it was created.
        updated_time: When it was last saved.
        next_runs: The next five runs; empty while it is disabled.
        last_run: The last run.
    """

    name: str
    created_time: Instant
    updated_time: Instant
    next_runs: tuple[Instant, ...] = ()
    last_run: ScheduledRun | None = None


class SchedulePage(Summarized, WireModel):
    """A page of schedules; ``next_cursor`` is absent on the last page."""

    schedules: tuple[Schedule, ...]
    next_cursor: str | None = None

    def _summary(self) -> Summary:
        rows = [
            [
                one.name,
                one.cron,
                one.zone,
                one.template or "",
                local_time(one.next_runs[0]) if one.next_runs else "disabled",
            ]
            for one in self.schedules
        ]
        return listed(
            "Schedules",
            ["name", "cron", "zone", "template", "next run"],
            rows,
            more=self.next_cursor is not None,
        )


class Schedules(Protocol):
    """A customer's schedules. Unknown names raise ``NotFound``."""

    async def put(self, name: str, draft: ScheduleDraft) -> Schedule:
        """Save or replace a schedule.

        Args:
            name: Letters, digits, ``.``, ``_``, ``-``; at most 64.
            draft: When it runs, and what.

        Raises:
            ConfigurationError: The name, the cron expression, the zone or the configuration breaks
                a rule; every problem at once.
            NotFound: There is no such template.

        Example:
            ```python
            draft = dg.ScheduleDraft(cron="0 3 * * *", zone="Europe/Berlin", template="nightly")
            await client.schedules.put("every-night", draft)
            ```
        """
        ...

    async def get(self, name: str) -> Schedule:
        """Get a schedule, with its next runs.

        Args:
            name: Its name.

        Raises:
            NotFound: There is none.

        Example:
            ```python
            schedule = await client.schedules.get("every-night")
            schedule.next_runs
            ```
        """
        ...

    async def list(self, *, cursor: str = "", limit: int = 50) -> SchedulePage:
        """List schedules by name.

        Args:
            cursor: Where the page before ended; empty for the first.
            limit: Most entries of the page, 1 to 500.

        Example:
            ```python
            page = await client.schedules.list()
            ```
        """
        ...

    async def delete(self, name: str) -> None:
        """Delete a schedule; jobs that it submitted stay.

        Args:
            name: Its name.

        Raises:
            NotFound: There is none.

        Example:
            ```python
            await client.schedules.delete("every-night")
            ```
        """
        ...


def submit_key(name: str, created: datetime, due: datetime) -> str:
    """The idempotency key of a run: a submit that is repeated after a crash is the same job."""
    return f"schedule/{name}/{format_instant(created)}/{format_instant(due)}"


def retry_after(details: Mapping[str, Any], tries: int) -> float:
    """Seconds until a refused run is tried again: the refusal's own, and more after each try."""
    requested = details.get("retryAfter")
    minimum = float(requested) if isinstance(requested, int | float) else 0.0
    return max(minimum, min(15.0 * 2.0 ** min(tries, 10), 900.0))


def no_schedule(name: str) -> NotFound:
    """The error for an unknown schedule."""
    return NotFound(
        f"There is no schedule {name!r}. The list of schedules shows those there are.",
        code="schedule_not_found",
        details={"schedule": name[:80]},
    )
