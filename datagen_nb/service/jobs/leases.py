"""Leases of running jobs: several service processes share a store, and each job has one owner.

A process renews the leases of what it runs. Jobs whose process was lost are queued again by any
other, and what one process changes about a job reaches the process that runs it.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Protocol

from datagen_nb.core.changes import Requeued
from datagen_nb.core.errors import (
    ActionRefused,
    DatagenError,
    JobNotFound,
    ServiceUnavailable,
)
from datagen_nb.core.status import JobStatus, StaleAttempt, State
from datagen_nb.core.store import JobRecord
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.jobs.changes import JobChanges
from datagen_nb.service.jobs.expiries import Expiries
from datagen_nb.service.jobs.queue import records_in
from datagen_nb.service.tasks import BackgroundTasks

logger = logging.getLogger("datagen_nb.service")

RENEWALS = 3
"""How often a lease is renewed within its time."""


class Runs(Protocol):
    """What leases ask of the runner."""

    def add(self, record: JobRecord) -> None:
        """Run a queued job when it may."""
        ...

    def waiting(self, customer: str) -> set[str]:
        """A customer's jobs that wait here, for a slot or for other jobs."""
        ...

    def drop(self, customer: str, job_id: str) -> None:
        """Forget a job that is no longer queued."""
        ...

    def stopped(self, customer: str, status: JobStatus) -> None:
        """Follow a job that was paused or cancelled."""
        ...

    def stop(self, job_id: str) -> None:
        """Stop a job's run, if it runs here."""
        ...

    @property
    def expiries(self) -> Expiries:
        """The timers of paused jobs."""
        ...


class Leases:
    """The leases of the jobs that run in this process."""

    def __init__(self, context: ServiceContext, changes: JobChanges, runs: Runs) -> None:
        self._context = context
        self._changes = changes
        self._runs = runs
        self._tasks = BackgroundTasks()
        self._refreshes = BackgroundTasks()
        self._held: set[tuple[str, str]] = set()
        self._stale: set[str] = set()  # customers whose jobs another process may have changed

    async def start(self) -> None:
        """Queue the running jobs that no process runs any more, and begin to renew leases."""
        context = self._context
        if context.exclusive:
            async for record in records_in(context.store, State.RUNNING):
                lost = Requeued(record.status.attempt, "the service was stopped")
                await self._changes.apply(record.customer, record.job_id, lost)
        else:
            await self._take_over()
            self._tasks.start(self._keep_renewing(), name="leases")

    async def stop(self) -> None:
        """Take nothing over any more."""
        await self._tasks.aclose()
        await self._refreshes.aclose()

    async def release(self) -> None:
        """End all leases of this process, once nothing runs here."""
        try:
            await self._context.store.release_leases(self._context.owner)
        except ServiceUnavailable as error:
            logger.warning("leases could not be released, and will expire: %s", error)

    def began(self, customer: str, job_id: str) -> None:
        """An attempt of a job has begun in this process."""
        self._held.add((customer, job_id))

    def ended(self, customer: str, job_id: str) -> None:
        """No attempt of a job runs in this process any more."""
        self._held.discard((customer, job_id))

    def is_free(self, record: JobRecord) -> bool:
        """Whether this process may start a queued job now."""
        context = self._context
        held = record.is_leased(context.clock.now(), except_by=context.owner)
        return context.exclusive or not held

    def changed_elsewhere(self, customer: str) -> None:
        """Bring a customer's queue and runs up to date, soon; returns at once."""
        if customer not in self._stale:
            self._stale.add(customer)
            self._refreshes.start(self._refresh(customer), name=f"jobs of {customer}")

    async def _keep_renewing(self) -> None:
        clock, seconds = self._context.clock, self._context.settings.lease_seconds
        while True:
            await clock.sleep(seconds / RENEWALS)
            try:
                await self._renew()
                await self._take_over()
            except DatagenError as error:
                logger.warning("leases could not be renewed: %s", error)

    async def _renew(self) -> None:
        context, leased = self._context, [*self._held]
        until = context.clock.now() + timedelta(seconds=context.settings.lease_seconds)
        held = await context.store.renew_leases(context.owner, until=until)
        for key in set(leased).difference(held):
            await self._stop_if_lost(*key)

    async def _take_over(self) -> None:
        """Queue the jobs whose process has not renewed its lease."""
        context = self._context
        for record in await context.store.unleased(at=context.clock.now()):
            if record.status.status is State.QUEUED:
                self._runs.add(record)
                continue
            lost = Requeued(record.status.attempt, "its service process was lost")
            try:
                queued = await self._changes.apply(
                    record.customer, record.job_id, lost, record=record, only_if=self._is_lost
                )
            except (ActionRefused, JobNotFound, StaleAttempt):
                continue  # another process was quicker
            logger.info("took job %s over from a process that was lost", record.job_id)
            self._runs.add(queued)

    def _is_lost(self, record: JobRecord) -> bool:
        return not record.is_leased(self._context.clock.now())

    async def _refresh(self, customer: str) -> None:
        self._stale.discard(customer)
        runs, store, now = self._runs, self._context.store, self._context.clock.now()
        waiting = runs.waiting(customer)
        queued = await store.in_state(State.QUEUED, customer=customer)
        for record in queued:
            if not record.is_leased(now):
                runs.add(record)
        for job_id in waiting.difference(record.job_id for record in queued):
            runs.drop(customer, job_id)
        for record in await store.in_state(State.PAUSED, customer=customer):
            runs.expiries.expect(customer, record.status)
        for key in [key for key in self._held if key[0] == customer]:
            await self._stop_if_lost(*key)

    async def _stop_if_lost(self, customer: str, job_id: str) -> None:
        """Stop a run of a job that another process has stopped or taken over."""
        try:
            record = await self._context.store.get(customer, job_id)
        except JobNotFound:
            return
        if record.status.status in {State.PAUSED, State.CANCELLED}:
            self._runs.stopped(customer, record.status)
        elif record.status.status is State.RUNNING and record.owner != self._context.owner:
            logger.warning("another process has taken job %s over", job_id)
            self._runs.stop(job_id)
