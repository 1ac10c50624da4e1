"""What one customer can read of jobs: states, sums, events, logs and results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, NotFound, Problem, ResultNotReady
from datagen_nb.core.limits import Limits
from datagen_nb.core.manifest import Manifest, ModelFile, Part, kept_model
from datagen_nb.core.messages import (
    MAX_DAYS,
    Event,
    EventPage,
    Expiring,
    JobCounts,
    JobEvent,
    JobPage,
    JobQuery,
    LogEntry,
    Overview,
)
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobStatus, State
from datagen_nb.service.context import CustomerContext
from datagen_nb.service.jobs.feed import EventFeed
from datagen_nb.service.jobs.runner import Runner

CHUNK = 1 << 20

EXPIRING_DAYS = (1, 7)
"""Days ahead for which an overview counts what retention will delete."""


class JobQueries:
    """The part of ``core.ports.Jobs`` that changes nothing."""

    def __init__(self, context: CustomerContext, feed: EventFeed, runner: Runner) -> None:
        self._context = context
        self._customer = context.customer
        self._feed = feed
        self._runner = runner

    async def status(self, job_id: str) -> JobStatus:
        found = await self._context.store.get(self._customer, job_id)
        return self.current(found.status, await self._context.limits())

    async def configuration(self, job_id: str) -> JobConfiguration:
        return (await self._context.store.get(self._customer, job_id)).config

    async def history(self, query: JobQuery) -> JobPage:
        page = await self._context.store.page(self._customer, query)
        limits = await self._context.limits()
        return page.model_copy(
            update={"jobs": tuple(self.current(job, limits) for job in page.jobs)}
        )

    async def counts(self, query: JobQuery) -> JobCounts:
        found = await self._context.store.counts(self._customer, query)
        return JobCounts(by_state=dict(found), total=sum(found.values()))

    async def overview(self, days: int = 30) -> Overview:
        if not 1 <= days <= MAX_DAYS:
            rule = f"has to be 1 to {MAX_DAYS}"
            raise ConfigurationError([Problem("days", str(days), rule, "Choose one of these.")])
        now, kept = self._context.service.clock.now(), (await self._context.limits()).retention_days
        since, keeping = now - timedelta(days=days), timedelta(days=kept)
        bounds = [now + timedelta(days=ahead) - keeping for ahead in EXPIRING_DAYS]
        found = await self._context.store.tally(self._customer, since=since, before=bounds)
        done, failed = (found.ended.get(state, 0) for state in (State.COMPLETED, State.FAILED))
        return Overview(
            since=since,
            by_state=dict(found.by_state),
            ended=dict(found.ended),
            rows=found.rows,
            success_share=done / (done + failed) if done + failed else None,
            median_seconds=found.median,
            p95_seconds=found.p95,
            last_failed=found.last_failed,
            retention_days=kept,
            next_deletion=found.first_end and found.first_end + keeping,
            expiring=tuple(
                Expiring(days=ahead, jobs=jobs, size=size)
                for ahead, (jobs, size) in zip(EXPIRING_DAYS, found.ended_before, strict=True)
            ),
        )

    async def log(self, job_id: str, *, after: int = 0, wait: float = 0) -> Sequence[LogEntry]:
        signal = self._feed.signal(self._customer, job_id)
        record = await self._context.store.get(self._customer, job_id)
        lines = await self._context.store.log(self._customer, job_id, after=after)
        if lines or not wait or record.status.status.is_terminal:
            return lines
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await signal.wait()
        return await self._context.store.log(self._customer, job_id, after=after)

    async def events(
        self, *, after: int | None = None, job_id: str | None = None
    ) -> AsyncGenerator[Event, None]:
        if after is None:
            after = (await self.event_page()).cursor
            if job_id is not None:
                yield JobEvent.current(await self.status(job_id), after)
        while True:
            page = await self.event_page(after=after, wait=3600)
            after = page.cursor
            for event in page.events:
                if job_id in (None, event.job_id):
                    yield event

    async def event_page(self, *, after: int | None = None, wait: float = 0) -> EventPage:
        if after is None:
            return EventPage(
                events=(), cursor=await self._context.store.last_cursor(self._customer)
            )
        self._context.connection.check()
        signal = self._feed.signal(self._customer)
        shown = await self._events(after, signal)
        if not shown and wait:
            try:
                async with asyncio.timeout(wait):
                    await signal.wait()
            except TimeoutError:
                return EventPage(events=(), cursor=after)
            shown = await self._events(after, self._feed.signal(self._customer))
        return EventPage(events=shown, cursor=shown[-1].cursor if shown else after)

    async def _events(self, after: int, signal: asyncio.Event) -> tuple[Event, ...]:
        events = await self._feed.read(self._customer, after, signal)
        limits = await self._context.limits()
        return tuple(
            event.model_copy(update={"data": self.current(event.data, limits)})
            if isinstance(event, JobEvent)
            else event
            for event in events
        )

    async def manifest(self, job_id: str) -> Manifest:
        return Manifest.from_wire(await self._result(job_id, "manifest.json"))

    async def report(self, job_id: str) -> Report:
        return Report.from_wire(await self._result(job_id, "report.json"))

    async def read_part(
        self, job_id: str, index: int, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        parts = (await self.manifest(job_id)).parts
        if not 0 <= index < len(parts):
            raise NotFound(f"Job {job_id} has parts 0 to {len(parts) - 1}; there is no {index}.")
        async for chunk in self._bytes_of(parts[index], start, stop):
            yield chunk

    async def read_model(
        self, job_id: str, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        model = kept_model(await self.manifest(job_id))
        async for chunk in self._bytes_of(model, start, stop):
            yield chunk

    async def _bytes_of(
        self, found: Part | ModelFile, start: int, stop: int | None
    ) -> AsyncIterator[bytes]:
        left = (found.size if stop is None else stop) - start
        with await asyncio.to_thread(self._context.bucket.open, found.name) as file:
            await asyncio.to_thread(file.seek, start)
            while left > 0 and (chunk := await asyncio.to_thread(file.read, min(CHUNK, left))):
                left -= len(chunk)
                yield chunk

    def current(self, status: JobStatus, limits: Limits) -> JobStatus:
        """The status with what depends on the moment: its expiry, its place in the queue."""
        kept_from = status.end_time or status.created_time
        expires = kept_from + timedelta(days=limits.retention_days)
        values: dict[str, object] = {
            "metadata": status.metadata.model_copy(update={"expiration_date": expires})
        }
        if status.status is State.QUEUED:
            runner, key = self._runner, (self._customer, status.job_id)
            values["queue_position"] = runner.queue.position(*key)
            values["waiting_for"] = runner.dependencies.waiting_for(*key)
            values["starts_after"] = runner.cooldowns.until.get(self._customer)
        return status.model_copy(update=values)

    async def _result(self, job_id: str, name: str) -> bytes:
        status = await self.status(job_id)
        if status.status is not State.COMPLETED:
            raise ResultNotReady(
                f"Job {job_id} is {status.status}; only a completed job has a result.",
                details={"jobId": job_id, "status": status.status.value},
            )
        bucket = self._context.bucket
        return await asyncio.to_thread(bucket.get, f"jobs/{job_id}/{name}")
