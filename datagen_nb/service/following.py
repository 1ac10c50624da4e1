"""Jobs that follow others: they wait here, outside of the queue, until those have ended.

What is kept in memory only says when to look; what decides is read from the store each time, so
that a service that starts anew goes on where the one before was.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from datagen_nb.core.errors import JobNotFound
from datagen_nb.core.plans import Doomed, Ready, Waiting, readiness
from datagen_nb.core.status import JobStatus, State

if TYPE_CHECKING:
    from datagen_nb.service.jobs import JobService
    from datagen_nb.service.runner import Runner

logger = logging.getLogger("datagen_nb.service")

Key = tuple[str, str]
"""Customer and job."""


class Following:
    """Queued jobs of all customers that other jobs have to end before."""

    def __init__(self, service: JobService, runner: Runner) -> None:
        self._service = service
        self._runner = runner
        self._waiting: dict[Key, tuple[str, ...]] = {}
        self._followers: defaultdict[Key, set[str]] = defaultdict(set)
        self._looks: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def busy(self) -> bool:
        """Whether it is being found out whether a job may start."""
        return bool(self._looks)

    def add(self, customer: str, job_id: str, jobs: Iterable[str]) -> None:
        """Let a queued job wait for others, and look at once how these stand."""
        self._wait(customer, job_id, tuple(jobs))
        self._look(customer, job_id)

    def remove(self, customer: str, job_id: str) -> bool:
        """Forget a job; tell whether it waited."""
        jobs = self._waiting.pop((customer, job_id), None)
        for before in jobs or ():
            followers = self._followers[customer, before]
            followers.discard(job_id)
            if not followers:
                del self._followers[customer, before]
        return jobs is not None

    def ended(self, customer: str, job_id: str) -> None:
        """Look at those that follow a job that has just ended."""
        for follower in sorted(self._followers.get((customer, job_id), ())):
            self._look(customer, follower)

    def waiting_for(self, customer: str, job_id: str) -> tuple[str, ...]:
        """The jobs that a job waits for."""
        return self._waiting.get((customer, job_id), ())

    def _wait(self, customer: str, job_id: str, jobs: tuple[str, ...]) -> None:
        self.remove(customer, job_id)
        self._waiting[customer, job_id] = jobs
        for before in jobs:
            self._followers[customer, before].add(job_id)

    async def aclose(self) -> None:
        """Look no further; the next service looks again at all that waits."""
        self._closing = True
        for look in self._looks:
            look.cancel()
        await asyncio.gather(*self._looks, return_exceptions=True)

    def _look(self, customer: str, job_id: str) -> None:
        if not self._closing:
            insisting = self._runner.insist(partial(self._decide, customer, job_id))
            look = asyncio.create_task(insisting, name=f"look at {job_id}")
            self._looks.add(look)
            look.add_done_callback(self._looked)

    def _looked(self, look: asyncio.Task[None]) -> None:
        self._looks.discard(look)
        if not look.cancelled() and (error := look.exception()) is not None:
            logger.error("a look at what a job follows broke", exc_info=error)

    async def _decide(self, customer: str, job_id: str) -> None:
        try:
            record = await self._service.store.get(customer, job_id)
        except JobNotFound:
            self.remove(customer, job_id)
            return
        config = record.config
        statuses = [await self._status(customer, before) for before in config.after]
        if (customer, job_id) not in self._waiting or record.status.status is not State.QUEUED:
            return  # cancelled or paused while we looked
        match readiness(statuses, config.after_failure):
            case Ready():
                self.remove(customer, job_id)
                self._runner.enqueue(customer, job_id)
            case Waiting(jobs=jobs):
                self._wait(customer, job_id, jobs)
            case Doomed(error=error):
                await self._runner.fail(customer, job_id, None, error)
                self.remove(customer, job_id)

    async def _status(self, customer: str, job_id: str) -> JobStatus | None:
        try:
            return (await self._service.store.get(customer, job_id)).status
        except JobNotFound:
            return None
