"""The job service: takes jobs, moves them through their states, tells who listens.

Every change goes one way: read the record, ``fold``, replace it at its version, wake the readers.
What runs is the runner's; what HTTP is, nobody here knows.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from random import Random, SystemRandom
from typing import Any, BinaryIO

from datagen_nb import __version__
from datagen_nb.core.config import DEFAULT_BUCKET, FORMATS, LOCAL_FILES, JobConfiguration
from datagen_nb.core.errors import (
    ActionRefused,
    ConfigurationError,
    IdempotencyConflict,
    InputError,
    NotFound,
    Problem,
    ResultNotReady,
    VersionConflict,
)
from datagen_nb.core.messages import (
    EventName,
    EventPage,
    Health,
    JobEvent,
    JobPage,
    JobQuery,
    LogEntry,
    ServiceInfo,
)
from datagen_nb.core.ports import Bucket, Clock, Jobs, Pipeline
from datagen_nb.core.result import Manifest, Report
from datagen_nb.core.status import (
    Cancelled,
    Change,
    Completed,
    Failed,
    JobStatus,
    Paused,
    Resumed,
    State,
    fold,
    new_status,
)
from datagen_nb.core.store import JobRecord, JobStore
from datagen_nb.service.ids import JobIds
from datagen_nb.service.runner import Runner
from datagen_nb.service.settings import Settings

CHUNK = 1 << 20

Buckets = Callable[[str, str], Bucket]
"""Gives a customer's bucket by its name; raises ``NotFound``."""

_EVENT_OF: dict[type[Change], EventName] = {
    Completed: "job.completed",
    Failed: "job.failed",
    Cancelled: "job.cancelled",
    Paused: "job.paused",
    Resumed: "job.resumed",
}


class JobService:
    """All customers' jobs."""

    def __init__(
        self,
        *,
        store: JobStore,
        buckets: Buckets,
        pipeline: Pipeline,
        clock: Clock,
        settings: Settings,
        random: Random | None = None,
    ) -> None:
        self.store = store
        self.buckets = buckets
        self.pipeline = pipeline
        self.clock = clock
        self.settings = settings
        self.ids = JobIds(clock, random or SystemRandom())
        self.runner = Runner(self)
        self._news: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def start(self) -> None:
        """Take up what an earlier service left: every running job lost its worker."""
        await self.runner.start()

    async def aclose(self) -> None:
        """Stop what runs; it goes on from its finished parts at the next start."""
        await self.runner.aclose()
        await self.pipeline.aclose()
        await self.store.aclose()

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits to."""
        return self.runner.busy

    @property
    def workers(self) -> dict[str, int]:
        """The process of each running job that has one on this machine."""
        return dict(self.runner.workers)

    def customer(self, name: str) -> Jobs:
        """What one customer may ask."""
        return CustomerJobs(self, name)

    async def change(
        self, customer: str, job_id: str, change: Change, *, only_in: State | None = None
    ) -> JobStatus:
        """Apply a change to a job, however many others do so at once.

        Raises:
            JobNotFound, ActionRefused: The caller's mistake; or the job is not ``only_in`` a state.
            StaleAttempt: The change comes from a worker that has been replaced.
        """
        while True:
            record = await self.store.get(customer, job_id)
            if only_in not in (None, record.status.status):
                raise ActionRefused(f"Job {job_id} is {record.status.status}, not {only_in}.")
            status = fold(record.status, change, self.clock.now())
            event = _EVENT_OF.get(type(change), "job.updated")
            try:
                await self.store.replace(replace(record, status=status), event)
            except VersionConflict:
                continue
            self.wake(customer)
            return status

    async def note(self, customer: str, job_id: str, message: str, level: Any = "info") -> None:
        """Add a line to a job's log."""
        entry = LogEntry(cursor=0, timestamp=self.clock.now(), level=level, message=message)
        await self.store.append_log(customer, job_id, [entry])

    def wake(self, customer: str) -> None:
        """Tell a customer's readers that there is something new."""
        self._news.pop(customer, asyncio.Event()).set()

    def news(self, customer: str) -> asyncio.Event:
        """What the next ``wake`` sets; take it before reading, wait for it after."""
        return self._news[customer]


class CustomerJobs:
    """One customer's side of the service; implements ``core.ports.Jobs``."""

    def __init__(self, service: JobService, customer: str) -> None:
        self._service = service
        self._store = service.store
        self._customer = customer

    @property
    def shares_files(self) -> bool:
        try:
            self._service.buckets(self._customer, LOCAL_FILES)
        except NotFound:
            return False
        return True

    async def create(self, config: JobConfiguration, *, idempotency_key: str) -> JobStatus:
        fingerprint = hashlib.sha256(config.to_json().encode()).hexdigest()
        kept = await self._store.find(self._customer, idempotency_key)
        if kept is None:
            kept = await self._accept(config, idempotency_key, fingerprint)
        if kept.fingerprint != fingerprint:
            raise IdempotencyConflict(
                f"The idempotency key {idempotency_key!r} belongs to job {kept.job_id}, which was "
                "submitted with another configuration. Use a new key.",
                details={"jobId": kept.job_id},
            )
        if not config.is_async:
            return await self._ended(kept.job_id)
        return self._shown(kept.status)

    async def _accept(
        self, config: JobConfiguration, idempotency_key: str, fingerprint: str
    ) -> JobRecord:
        """Make a job of a submit whose key is new; of several at once with one key, the first."""
        await self._service.pipeline.check(config)
        await asyncio.to_thread(self._look_at_places, config)
        status = new_status(self._service.ids.next(), config, self._service.clock.now())
        made = JobRecord(self._customer, status, config, idempotency_key, fingerprint)
        kept = await self._store.add(made)
        if kept is made:
            self._service.wake(self._customer)
            self._service.runner.enqueue(self._customer, kept.job_id)
        return kept

    async def status(self, job_id: str) -> JobStatus:
        return self._shown((await self._store.get(self._customer, job_id)).status)

    async def configuration(self, job_id: str) -> JobConfiguration:
        return (await self._store.get(self._customer, job_id)).config

    async def history(self, query: JobQuery) -> JobPage:
        page = await self._store.page(self._customer, query)
        return page.model_copy(update={"jobs": tuple(self._shown(job) for job in page.jobs)})

    async def cancel(self, job_id: str) -> JobStatus:
        return await self._act(job_id, Cancelled(), "cancelled")

    async def pause(self, job_id: str) -> JobStatus:
        window = (await self.configuration(job_id)).resume_window
        return await self._act(job_id, Paused(window), "paused")

    async def resume(self, job_id: str) -> JobStatus:
        status = await self._act(job_id, Resumed(), "resumed")
        self._service.runner.enqueue(self._customer, job_id)
        return self._shown(status)

    async def rerun(self, job_id: str, *, idempotency_key: str) -> JobStatus:
        config = await self.configuration(job_id)
        return await self.create(config, idempotency_key=idempotency_key)

    async def log(self, job_id: str, *, after: int = 0) -> Sequence[LogEntry]:
        await self._store.get(self._customer, job_id)
        return await self._store.log(self._customer, job_id, after=after)

    async def events(
        self, *, after: int | None = None, job_id: str | None = None
    ) -> AsyncGenerator[JobEvent, None]:
        if after is None:
            after = (await self.event_page()).cursor
            if job_id is not None:
                status = await self.status(job_id)
                yield JobEvent(
                    cursor=after,
                    event="job.updated",
                    job_id=job_id,
                    timestamp=status.last_updated,
                    data=status,
                )
        while True:
            page = await self.event_page(after=after, wait=3600)
            after = page.cursor
            for event in page.events:
                if job_id in (None, event.job_id):
                    yield event

    async def event_page(self, *, after: int | None = None, wait: float = 0) -> EventPage:
        if after is None:
            return EventPage(events=(), cursor=await self._store.last_cursor(self._customer))
        news = self._service.news(self._customer)
        events = await self._store.events(self._customer, after=after)
        if not events and wait:
            try:
                async with asyncio.timeout(wait):
                    await news.wait()
            except TimeoutError:
                return EventPage(events=(), cursor=after)
            events = await self._store.events(self._customer, after=after)
        shown = tuple(
            event.model_copy(update={"data": self._shown(event.data)}) for event in events
        )
        return EventPage(events=shown, cursor=shown[-1].cursor if shown else after)

    async def manifest(self, job_id: str) -> Manifest:
        return Manifest.from_wire(await self._result(job_id, "manifest.json"))

    async def report(self, job_id: str) -> Report:
        return Report.from_wire(await self._result(job_id, "report.json"))

    async def read_part(self, job_id: str, index: int) -> AsyncIterator[bytes]:
        parts = (await self.manifest(job_id)).parts
        if not 0 <= index < len(parts):
            raise NotFound(f"Job {job_id} has parts 0 to {len(parts) - 1}; there is no {index}.")
        bucket = self._service.buckets(self._customer, DEFAULT_BUCKET)
        with await asyncio.to_thread(bucket.open, parts[index].name) as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield chunk

    async def upload(
        self, digest: str, format: str, size: int, chunks: AsyncIterator[bytes]
    ) -> str:
        problems = []
        if not re.fullmatch("[0-9a-f]{64}", digest):
            rule = "has to be a SHA-256 in hex"
            problems.append(Problem("digest", repr(digest[:80]), rule, "Send the input's own."))
        if format not in FORMATS:
            rule = f"has to be one of {', '.join(FORMATS)}"
            problems.append(Problem("format", repr(format), rule, "Send one of these."))
        if problems:
            raise ConfigurationError(problems)
        path = f"inputs/{digest}{FORMATS[format][0]}"
        bucket = self._service.buckets(self._customer, DEFAULT_BUCKET)
        if await asyncio.to_thread(bucket.head, path) is not None:
            return path
        arrived, found = 0, hashlib.sha256()
        async with _in_thread(bucket.writer(path)) as file:
            async for chunk in chunks:
                arrived += len(chunk)
                found.update(chunk)
                await asyncio.to_thread(file.write, chunk)
            if arrived != size or found.hexdigest() != digest:
                raise InputError(
                    f"The upload is damaged: {arrived:,} of {size:,} bytes arrived, "
                    "or others than were announced. Send it again.",
                    code="upload_damaged",
                    details={"expected": digest, "found": found.hexdigest()},
                )
        return path

    async def info(self) -> ServiceInfo:
        return ServiceInfo(
            version=__version__,
            pid=os.getpid(),
            health=await self._health(),
            workers=self._service.workers,
        )

    async def aclose(self) -> None:
        """Nothing of the customer's is held here."""

    async def _health(self) -> Health:
        return await self._service.pipeline.check_health()

    def _shown(self, status: JobStatus) -> JobStatus:
        """The status with what only the present moment knows."""
        if status.status is not State.QUEUED:
            return status
        position = self._service.runner.position(status.job_id)
        return status.model_copy(update={"queue_position": position})

    async def _act(self, job_id: str, change: Change, word: str) -> JobStatus:
        status = await self._service.change(self._customer, job_id, change)
        self._service.runner.changed(self._customer, status)
        await self._service.note(self._customer, job_id, f"{word} on request")
        return status

    async def _ended(self, job_id: str) -> JobStatus:
        status = await self.status(job_id)
        try:
            async with asyncio.timeout(self._service.settings.wait_seconds):
                async with aclosing(self.events(job_id=job_id)) as events:
                    async for event in events:
                        status = event.data
                        if status.status.is_terminal:
                            break
        except TimeoutError:
            pass  # the bound of the wait; the job goes on, and its status says so
        return status

    def _look_at_places(self, config: JobConfiguration) -> None:
        source = self._service.buckets(self._customer, config.input_bucket)
        self._service.buckets(self._customer, config.output_bucket)
        if source.head(config.input_path) is None:
            raise InputError(
                f"There is no input {config.input_path!r} in bucket {config.input_bucket!r}. "
                "Check the name, or upload it first.",
                code="input_not_found",
                details={"bucket": config.input_bucket, "path": config.input_path},
            )

    async def _result(self, job_id: str, name: str) -> bytes:
        status = await self.status(job_id)
        if status.status is not State.COMPLETED:
            raise ResultNotReady(
                f"Job {job_id} is {status.status}; only a completed job has a result.",
                details={"jobId": job_id, "status": status.status.value},
            )
        bucket = self._service.buckets(self._customer, DEFAULT_BUCKET)
        return await asyncio.to_thread(bucket.get, f"jobs/{job_id}/{name}")


@asynccontextmanager
async def _in_thread(
    writing: AbstractContextManager[BinaryIO],
) -> AsyncGenerator[BinaryIO, None]:
    """Enter and leave a blocking context away from the loop."""
    file = await asyncio.to_thread(writing.__enter__)
    try:
        yield file
    except BaseException as error:
        kind, trace = type(error), error.__traceback__
        if not await asyncio.to_thread(writing.__exit__, kind, error, trace):
            raise
    else:
        await asyncio.to_thread(writing.__exit__, None, None, None)
