"""Schedules as documents that fall due, and the loop that submits their jobs.

A run is submitted first and recorded after, under a key made of the schedule and the instant it
was due: a service that dies between the two submits the same job again, which is none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ConfigurationError,
    DatagenError,
    IdempotencyConflict,
    Problem,
    VersionConflict,
)
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.messages import check_page
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.ports import Jobs
from datagen_nb.core.schedules import (
    SHOWN_RUNS,
    Schedule,
    ScheduleDraft,
    ScheduledRun,
    SchedulePage,
    no_schedule,
    retry_after,
    submit_key,
)
from datagen_nb.core.templates import check_name, filled
from datagen_nb.service import cron
from datagen_nb.service.collection import Collection, Entry
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.tasks import BackgroundTasks, wait_for_event

logger = logging.getLogger("datagen_nb.service")

KIND = "schedule"

MAX_SLEEP = 300.0
"""Seconds after which the loop looks again, whatever it expects."""

RETRY_DELAY = 60.0
"""Seconds after a fault until the loop goes on."""


class Scheduler:
    """Submits the jobs of all customers' schedules when they fall due.

    Attributes:
        next_due: When the next one does; ``None`` when there is none that is enabled.
    """

    def __init__(self, context: ServiceContext, jobs_of: Callable[[str], Jobs]) -> None:
        self._context = context
        self._jobs_of = jobs_of
        self._schedules = Collection.of(context.documents, KIND, Schedule)
        self._changed = asyncio.Event()
        self._tasks = BackgroundTasks()
        self.next_due: datetime | None = None

    async def start(self) -> None:
        """Begin; what fell due while no service ran is submitted at once."""
        self._tasks.start(self._keep_running(), name="schedules")

    async def aclose(self) -> None:
        await self._tasks.cancel()

    def wake(self) -> None:
        """Look again: a schedule has changed."""
        self._changed.set()

    async def _keep_running(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self.run_due()
                self.next_due = await self._context.documents.next_due(KIND)
            except DatagenError as error:
                logger.warning(
                    "schedules were interrupted and will go on in %g s: %s", RETRY_DELAY, error
                )
                await self._context.clock.sleep(RETRY_DELAY)
            except Exception:
                logger.exception("schedules failed and will go on in %g s", RETRY_DELAY)
                await self._context.clock.sleep(RETRY_DELAY)
            else:
                await wait_for_event(
                    self._changed, None if self.next_due is None else self._sleep(self.next_due)
                )

    async def _sleep(self, due: datetime) -> None:
        """Sleep until a schedule falls due, or this process has to check again."""
        left = (due - self._context.clock.now()).total_seconds()
        await self._context.clock.sleep(min(max(left, 0.001), MAX_SLEEP))

    async def run_due(self) -> None:
        """Submit the job of every schedule that is due."""
        documents, now = self._context.documents, self._context.clock.now()
        while due := await documents.due(KIND, until=now):
            for document in due:
                await self._run(self._schedules.entry(document), now)

    async def _run(self, entry: Entry[Schedule], now: datetime) -> None:
        schedule = entry.value
        due = _pending(entry, now)
        run = await self._submit(entry.customer, schedule, due, now)
        upcoming = cron.next_runs(schedule.cron, schedule.zone, now, 1)
        next_due = run.retry_time or (upcoming[0] if upcoming else None)
        changed = schedule.model_copy(update={"last_run": run})
        try:
            await self._schedules.put(replace(entry, value=changed, due=next_due))
        except VersionConflict:
            return  # it was changed or deleted; if it is still due it runs again, as the same job

    async def _submit(
        self, customer: str, schedule: Schedule, due: datetime, now: datetime
    ) -> ScheduledRun:
        before = schedule.last_run
        tries = before.tries if before is not None and before.retry_time is not None else 0
        run = ScheduledRun(
            due_time=due,
            time=now,
            missed=cron.count_runs(schedule.cron, schedule.zone, due, now),
            tries=tries,
        )
        jobs = self._jobs_of(customer)
        key = submit_key(schedule.name, schedule.created_time, due)
        try:
            config = await configuration_of(jobs, schedule, await self._context.pipeline.describe())
            # Each run writes to the same path: a schedule that names one wants it replaced.
            update = {"is_async": True, "overwrite": True}
            status = await jobs.create(config.model_copy(update=update), idempotency_key=key)
        except IdempotencyConflict as error:
            # It was submitted, and the schedule changed before that could be recorded.
            return run.model_copy(update={"job_id": error.details.get("jobId")})
        except DatagenError as error:
            wait = timedelta(seconds=retry_after(error.details, tries))
            changes = {
                "error": JobFailure(code=error.code, message=error.message, details=error.details),
                "tries": tries + 1,
                "retry_time": now + wait if error.retryable else None,
            }
            logger.info("schedule %s of %s: %s", schedule.name, customer, error.message)
            return run.model_copy(update=changes)
        return run.model_copy(update={"job_id": status.job_id})


async def configuration_of(
    jobs: Jobs, draft: ScheduleDraft, pipeline: PipelineInfo
) -> JobConfiguration:
    """What a schedule would submit now.

    Raises:
        ConfigurationError: It breaks a rule; every problem at once.
        NotFound: There is no such template.
    """
    base: Mapping[str, Any] = {}
    if draft.template is not None:
        base = (await jobs.templates.get(draft.template, draft.template_version)).configuration
    return filled(base, draft.configuration, pipeline)


class CustomerSchedules:
    """One customer's schedules; implements ``core.schedules.Schedules``."""

    def __init__(
        self, context: ServiceContext, customer: str, jobs: Jobs, wake: Callable[[], None]
    ) -> None:
        self._clock = context.clock
        self._pipeline = context.pipeline
        self._schedules = Collection.of(context.documents, KIND, Schedule)
        self._customer = customer
        self._jobs = jobs
        self._wake = wake

    async def put(self, name: str, draft: ScheduleDraft) -> Schedule:
        await self._check(name, draft)
        now = self._clock.now()

        def fold(kept: Entry[Schedule] | None) -> Entry[Schedule]:
            before = kept.value if kept else None
            made = Schedule(
                **{field: getattr(draft, field) for field in ScheduleDraft.model_fields},
                name=name,
                created_time=before.created_time if before else now,
                updated_time=now,
                last_run=before.last_run if before else None,
            )
            due = kept.due if kept else None
            if before is None or due is None or _timing(made) != _timing(before):
                due = cron.next_runs(made.cron, made.zone, now, 1)[0] if made.enabled else None
                made = _given_up(made)
            return replace(kept or Entry(self._customer, name, made), value=made, due=due)

        entry = await self._schedules.update_entry(self._customer, name, fold)
        self._wake()
        return self._shown(entry.value)

    async def get(self, name: str) -> Schedule:
        found = await self._schedules.get(self._customer, name)
        if found is None:
            raise no_schedule(name)
        return self._shown(found)

    async def list(self, *, cursor: str = "", limit: int = 50) -> SchedulePage:
        check_page(limit)
        found = await self._schedules.list(self._customer, after=cursor, limit=limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        shown = tuple(self._shown(entry.value) for entry in found[:limit])
        return SchedulePage(schedules=shown, next_cursor=more)

    async def delete(self, name: str) -> None:
        if not await self._schedules.delete(self._customer, name):
            raise no_schedule(name)
        self._wake()

    async def _check(self, name: str, draft: ScheduleDraft) -> None:
        found = cron.problems(draft.cron, draft.zone)
        if draft.template_version is not None and draft.template is None:
            rule, remedy = "goes with a template", "Name the template, or leave the version out."
            found.append(Problem("templateVersion", str(draft.template_version), rule, remedy))
        try:
            check_name(name)
        except ConfigurationError as error:
            found += error.problems
        try:
            await configuration_of(self._jobs, draft, await self._pipeline.describe())
        except ConfigurationError as error:
            found += error.problems
        if found:
            raise ConfigurationError(found)

    def _shown(self, schedule: Schedule) -> Schedule:
        """The schedule with its next runs."""
        if not schedule.enabled:
            return schedule
        runs = cron.next_runs(schedule.cron, schedule.zone, self._clock.now(), SHOWN_RUNS)
        return schedule.model_copy(update={"next_runs": runs})


def _pending(entry: Entry[Schedule], now: datetime) -> datetime:
    """The instant for which a schedule is due: its own, or that of a run that is tried again."""
    last = entry.value.last_run
    if last is not None and last.retry_time is not None:
        return last.due_time
    return entry.due or now


def _given_up(schedule: Schedule) -> Schedule:
    """Without the run that was to be tried again: the new times begin afresh."""
    if schedule.last_run is None:
        return schedule
    last = schedule.last_run.model_copy(update={"retry_time": None})
    return schedule.model_copy(update={"last_run": last})


def _timing(schedule: Schedule) -> tuple[str, str, bool]:
    return schedule.cron, schedule.zone, schedule.enabled
