"""Schedules as documents that fall due, and the loop that submits their jobs.

A run is submitted first and recorded after, under a key made of the schedule and the instant it
was due: a service that dies between the two submits the same job again, which is none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ConfigurationError,
    DatagenError,
    IdempotencyConflict,
    Problem,
    VersionConflict,
)
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
from datagen_nb.core.status import JobFailure
from datagen_nb.core.store import Document
from datagen_nb.core.templates import check_name, filled
from datagen_nb.service import cron

if TYPE_CHECKING:
    from datagen_nb.service.jobs import JobService

logger = logging.getLogger("datagen_nb.service")

KIND = "schedule"

LONGEST_SLEEP = 300.0
"""Seconds after which the loop looks again, whatever it expects."""

PATIENCE = 60.0
"""Seconds after a fault until the loop goes on."""


class Scheduler:
    """Submits the jobs of all customers' schedules when they fall due.

    Attributes:
        next_due: When the next one does; ``None`` when there is none that is enabled.
    """

    def __init__(self, service: JobService) -> None:
        self._service = service
        self._changed = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self.next_due: datetime | None = None

    async def start(self) -> None:
        """Begin; what fell due while no service ran is made up for at once."""
        self._loop = asyncio.create_task(self._keep_running(), name="schedules")

    async def aclose(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop

    def wake(self) -> None:
        """Look again: a schedule has changed."""
        self._changed.set()

    async def _keep_running(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self.run_due()
                self.next_due = await self._service.store.documents.next_due(KIND)
            except DatagenError as error:
                logger.warning("schedules have to wait: %s", error)
                await self._service.clock.sleep(PATIENCE)
            except Exception:
                logger.exception("the schedules broke; they go on in a minute")
                await self._service.clock.sleep(PATIENCE)
            else:
                await self._rest(self.next_due)

    async def _rest(self, due: datetime | None) -> None:
        """Wait until a schedule falls due, or one has changed."""
        waits = [asyncio.create_task(self._changed.wait())]
        if due is not None:
            left = (due - self._service.clock.now()).total_seconds()
            waits.append(asyncio.create_task(self._sleep(min(max(left, 0.001), LONGEST_SLEEP))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _sleep(self, seconds: float) -> Literal[True]:
        await self._service.clock.sleep(seconds)
        return True

    async def run_due(self) -> None:
        """Submit the job of every schedule that is due."""
        documents, now = self._service.store.documents, self._service.clock.now()
        while due := await documents.due(KIND, until=now):
            for document in due:
                await self._run(document, now)

    async def _run(self, document: Document, now: datetime) -> None:
        schedule = Schedule.from_wire(document.body)
        run = await self._submit(
            document.customer, schedule, _pending(document, schedule, now), now
        )
        following = cron.next_runs(schedule.cron, schedule.zone, now, 1)
        due = run.retry_time or (following[0] if following else None)
        body = schedule.model_copy(update={"last_run": run}).to_wire()
        try:
            await self._service.store.documents.put(replace(document, body=body, due=due))
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
        jobs = self._service.customer(customer)
        key = submit_key(schedule.name, schedule.created_time, due)
        try:
            config = await configuration_of(jobs, schedule)
            status = await jobs.create(
                config.model_copy(update={"is_async": True}), idempotency_key=key
            )
        except IdempotencyConflict as error:
            # It was submitted, and the schedule changed before that could be recorded.
            return run.model_copy(update={"job_id": error.details.get("jobId")})
        except DatagenError as error:
            wait = timedelta(seconds=retry_after(error.details, tries))
            told = {
                "error": JobFailure(code=error.code, message=error.message, details=error.details),
                "tries": tries + 1,
                "retry_time": now + wait if error.retryable else None,
            }
            logger.info("schedule %s of %s: %s", schedule.name, customer, error.message)
            return run.model_copy(update=told)
        return run.model_copy(update={"job_id": status.job_id})


async def configuration_of(jobs: Jobs, draft: ScheduleDraft) -> JobConfiguration:
    """What a schedule would submit now.

    Raises:
        ConfigurationError: It breaks a rule; every problem at once.
        NotFound: There is no such template.
    """
    base: Mapping[str, Any] = {}
    if draft.template is not None:
        base = (await jobs.templates.get(draft.template, draft.template_version)).configuration
    return filled(base, draft.configuration)


class CustomerSchedules:
    """One customer's schedules; implements ``core.schedules.Schedules``."""

    def __init__(self, service: JobService, customer: str, jobs: Jobs) -> None:
        self._service = service
        self._documents = service.store.documents
        self._customer = customer
        self._jobs = jobs

    async def put(self, name: str, draft: ScheduleDraft) -> Schedule:
        await self._check(name, draft)
        while True:
            kept = await self._documents.get(self._customer, KIND, name)
            before = Schedule.from_wire(kept.body) if kept else None
            now = self._service.clock.now()
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
            document = Document(
                self._customer,
                KIND,
                name,
                made.to_wire(),
                version=kept.version if kept else 0,
                due=due,
            )
            try:
                await self._documents.put(document)
            except VersionConflict:
                continue
            self._service.scheduler.wake()
            return self._shown(document)

    async def get(self, name: str) -> Schedule:
        found = await self._documents.get(self._customer, KIND, name)
        if found is None:
            raise no_schedule(name)
        return self._shown(found)

    async def list(self, *, cursor: str = "", limit: int = 50) -> SchedulePage:
        found = await self._documents.page(self._customer, KIND, after=cursor, limit=limit + 1)
        more = found[limit - 1].id if len(found) > limit else None
        shown = tuple(self._shown(document) for document in found[:limit])
        return SchedulePage(schedules=shown, next_cursor=more)

    async def delete(self, name: str) -> None:
        if not await self._documents.delete(self._customer, KIND, name):
            raise no_schedule(name)
        self._service.scheduler.wake()

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
            await configuration_of(self._jobs, draft)
        except ConfigurationError as error:
            found += error.problems
        if found:
            raise ConfigurationError(found)

    def _shown(self, document: Document) -> Schedule:
        """The schedule with its next runs."""
        schedule = Schedule.from_wire(document.body)
        if not schedule.enabled:
            return schedule
        runs = cron.next_runs(schedule.cron, schedule.zone, self._service.clock.now(), SHOWN_RUNS)
        return schedule.model_copy(update={"next_runs": runs})


def _pending(document: Document, schedule: Schedule, now: datetime) -> datetime:
    """The instant for which a document is due: its own, or that of a run that is tried again."""
    last = schedule.last_run
    if last is not None and last.retry_time is not None:
        return last.due_time
    return document.due or now


def _given_up(schedule: Schedule) -> Schedule:
    """Without the run that was to be tried again: the new times begin afresh."""
    if schedule.last_run is None:
        return schedule
    last = schedule.last_run.model_copy(update={"retry_time": None})
    return schedule.model_copy(update={"last_run": last})


def _timing(schedule: Schedule) -> tuple[str, str, bool]:
    return schedule.cron, schedule.zone, schedule.enabled
