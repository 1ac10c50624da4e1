"""One customer's side of the service."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from datetime import timedelta

from datagen_nb import __version__
from datagen_nb.core.changes import Annotated, Cancelled, Change, Paused, Resumed
from datagen_nb.core.config import DEFAULT_BUCKET, LOCAL_FILES, JobConfiguration
from datagen_nb.core.errors import (
    ActionRefused,
    ConfigurationError,
    DatagenError,
    IdempotencyConflict,
    JobNotFound,
    LimitReached,
    NotFound,
    Problem,
    QuotaExceeded,
    ResultNotReady,
    SubmitInFlight,
)
from datagen_nb.core.limits import Limits, RateLimitStatus, check_submit, limit_status
from datagen_nb.core.messages import (
    MOST_DAYS,
    Annotation,
    Cancellations,
    Deletions,
    Event,
    EventPage,
    Expiring,
    Health,
    JobCounts,
    JobEvent,
    JobPage,
    JobQuery,
    LogEntry,
    Overview,
    ServiceInfo,
)
from datagen_nb.core.ports import Logged, ObjectMeta
from datagen_nb.core.result import Manifest, Report
from datagen_nb.core.status import JobStatus, State, new_status
from datagen_nb.core.store import JobRecord, Standing
from datagen_nb.core.uploads import UploadRequest, send
from datagen_nb.service.areas import Areas
from datagen_nb.service.bulk import MOST_AT_ONCE, each

CHUNK = 1 << 20

EXPIRING_DAYS = (1, 7)
"""How far ahead an overview tells what retention deletes."""


class CustomerJobs(Areas):
    """One customer's side of the service; implements ``core.ports.Jobs``."""

    @property
    def shares_files(self) -> bool:
        try:
            self._service.buckets(self._customer, LOCAL_FILES)
        except NotFound:
            return False
        return True

    async def create(self, config: JobConfiguration, *, idempotency_key: str) -> JobStatus:
        fingerprint = hashlib.sha256(config.to_json().encode()).hexdigest()
        kept = await self._accept_once(config, idempotency_key, fingerprint)
        if kept.fingerprint != fingerprint:
            raise IdempotencyConflict(
                f"The idempotency key {idempotency_key!r} belongs to job {kept.job_id}, which was "
                "submitted with another configuration. Use a new key.",
                details={"jobId": kept.job_id},
            )
        if not config.is_async:
            return await self._ended(kept.job_id)
        return self._shown(kept.status, await self._limits())

    async def _accept_once(
        self, config: JobConfiguration, idempotency_key: str, fingerprint: str
    ) -> JobRecord:
        """Make a job of a submit, or find the one that its key has made; never two at a time.

        That a key is new is most likely, and the store looks once more as it adds the job: only
        what cannot be accepted is looked for before that is said.
        """
        submit = (self._customer, idempotency_key)
        if submit in self._service.in_flight:
            if kept := await self._store.find(*submit):
                return kept
            raise SubmitInFlight(
                f"A submit with the idempotency key {idempotency_key!r} is under way. "
                "Ask again in a moment.",
                details={"retryAfter": 1},
            )
        self._service.in_flight.add(submit)
        try:
            return await self._accept(config, idempotency_key, fingerprint)
        except DatagenError as refusal:
            if kept := await self._store.find(*submit):
                return kept
            if isinstance(refusal, LimitReached | QuotaExceeded):
                self._service.observers.refused(self._customer, refusal.code)
            raise
        finally:
            self._service.in_flight.discard(submit)

    async def _accept(
        self, config: JobConfiguration, idempotency_key: str, fingerprint: str
    ) -> JobRecord:
        await self._service.pipeline.check(config)
        await self._look_at_predecessors(config)
        found = await self._look_at_places(config)
        estimate = await self._service.estimator.at_submit(self._customer, config, found)
        now, limits = self._service.clock.now(), await self._limits()
        status = new_status(self._service.ids.next(), config, now, estimate)
        # At least a byte, so that what a cancelled job left is found by what it still reserves.
        size = max(estimate.bytes_high, 1) if estimate else 1
        made = JobRecord(self._customer, status, config, idempotency_key, fingerprint, size=size)

        def admit(standing: Standing) -> None:
            check_submit(standing, limits, now, size=size)

        kept = await self._store.add(made, admit=admit)
        if kept is made:
            await self._service.uploads.used(self._customer, config.input_path)
            self._service.wake(self._customer)
            self._service.observers.created(self._customer, status)
            self._enqueue(kept)
            if estimate is None:
                self._service.estimator.attach(self._customer, kept.job_id, config)
        return kept

    def _enqueue(self, record: JobRecord) -> None:
        """Let a job run when it may, or wait for those that it follows; once begun, for none."""
        runner = self._service.runner
        if record.config.after and not record.status.attempt:
            runner.following.add(self._customer, record.job_id, record.config.after)
        else:
            runner.enqueue(self._customer, record.job_id)

    async def _look_at_predecessors(self, config: JobConfiguration) -> None:
        unknown = []
        for job_id in config.after:
            try:
                await self._store.get(self._customer, job_id)
            except JobNotFound:
                unknown.append(job_id)
        if unknown:
            rule = "has to be the id of a job of yours"
            remedy = "Give the ids of jobs that were submitted before."
            raise ConfigurationError([Problem("after", repr(i), rule, remedy) for i in unknown])

    async def status(self, job_id: str) -> JobStatus:
        found = await self._store.get(self._customer, job_id)
        return self._shown(found.status, await self._limits())

    async def configuration(self, job_id: str) -> JobConfiguration:
        return (await self._store.get(self._customer, job_id)).config

    async def history(self, query: JobQuery) -> JobPage:
        page = await self._store.page(self._customer, query)
        limits = await self._limits()
        return page.model_copy(
            update={"jobs": tuple(self._shown(job, limits) for job in page.jobs)}
        )

    async def counts(self, query: JobQuery) -> JobCounts:
        found = await self._store.counts(self._customer, query)
        return JobCounts(by_state=dict(found), total=sum(found.values()))

    async def overview(self, days: int = 30) -> Overview:
        if not 1 <= days <= MOST_DAYS:
            rule = f"has to be 1 to {MOST_DAYS}"
            raise ConfigurationError([Problem("days", str(days), rule, "Choose one of these.")])
        now, kept = self._service.clock.now(), (await self._limits()).retention_days
        since, keeping = now - timedelta(days=days), timedelta(days=kept)
        bounds = [now + timedelta(days=ahead) - keeping for ahead in EXPIRING_DAYS]
        found = await self._store.tally(self._customer, since=since, before=bounds)
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

    async def annotate(self, job_id: str, annotation: Annotation) -> JobStatus:
        change = Annotated(annotation.name, annotation.tags, annotation.note)
        status = await self._service.change(self._customer, job_id, change)
        return self._shown(status, await self._limits())

    async def cancel(self, job_id: str) -> JobStatus:
        return await self._act(job_id, Cancelled(), "cancelled")

    async def cancel_many(self, job_ids: Sequence[str] | None = None) -> Cancellations:
        if job_ids is None:
            query = JobQuery(status=(State.QUEUED, State.PAUSED, State.RUNNING), limit=MOST_AT_ONCE)
            job_ids = [job.job_id for job in (await self.history(query)).jobs]
        cancelled, refused = await each(job_ids, self.cancel)
        return Cancellations(cancelled=cancelled, refused=refused)

    async def pause(self, job_id: str) -> JobStatus:
        window = (await self.configuration(job_id)).resume_window
        return await self._act(job_id, Paused(window), "paused")

    async def resume(self, job_id: str) -> JobStatus:
        status = await self._act(job_id, Resumed(), "resumed")
        self._enqueue(await self._store.get(self._customer, job_id))
        return self._shown(status, await self._limits())

    async def rerun(self, job_id: str, *, idempotency_key: str) -> JobStatus:
        config = (await self.configuration(job_id)).model_copy(update={"after": ()})
        return await self.create(config, idempotency_key=idempotency_key)

    async def delete(self, job_id: str) -> None:
        status = await self.status(job_id)
        if not await self._service.retention.forget(self._customer, job_id):
            raise ActionRefused(
                f"Job {job_id} is {status.status}; only a job that has ended can be deleted. "
                "Cancel it first.",
                details={"jobId": job_id, "status": status.status.value},
            )
        await self._service.retention.remove_data()

    async def delete_many(self, job_ids: Sequence[str]) -> Deletions:
        deleted, refused = await each(job_ids, self.delete)
        return Deletions(deleted=deleted, refused=refused)

    async def limits(self) -> RateLimitStatus:
        standing = await self._store.standing(self._customer)
        return limit_status(standing, await self._limits(), self._service.clock.now())

    async def set_max_waiting(self, jobs: int | None) -> RateLimitStatus:
        await self._service.policy.choose(self._customer, max_waiting=jobs)
        return await self.limits()

    async def retention_days(self) -> float:
        return (await self._limits()).retention_days

    async def set_retention_days(self, days: float | None) -> float:
        limits = await self._service.policy.choose(self._customer, retention_days=days)
        return limits.retention_days

    async def clean_up(self) -> int:
        return await self._service.retention.sweep(self._customer)

    async def log(self, job_id: str, *, after: int = 0, wait: float = 0) -> Sequence[LogEntry]:
        news = self._service.news(self._customer, job_id)
        record = await self._store.get(self._customer, job_id)
        lines = await self._store.log(self._customer, job_id, after=after)
        if lines or not wait or record.status.status.is_terminal:
            return lines
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await news.wait()
        return await self._store.log(self._customer, job_id, after=after)

    async def events(
        self, *, after: int | None = None, job_id: str | None = None
    ) -> AsyncGenerator[Event, None]:
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
        shown = await self._events(after, news)
        if not shown and wait:
            try:
                async with asyncio.timeout(wait):
                    await news.wait()
            except TimeoutError:
                return EventPage(events=(), cursor=after)
            shown = await self._events(after, self._service.news(self._customer))
        return EventPage(events=shown, cursor=shown[-1].cursor if shown else after)

    async def _events(self, after: int, news: asyncio.Event) -> tuple[Event, ...]:
        """Events behind a cursor; whoever asks for the same at the same moment is read for once."""
        readings, key = self._service.readings, (self._customer, after, news)
        reading = readings.get(key)
        if reading is None:
            reading = readings[key] = asyncio.create_task(self._read_events(after))
            reading.add_done_callback(lambda _: readings.pop(key))
        return await asyncio.shield(reading)

    async def _read_events(self, after: int) -> tuple[Event, ...]:
        events = await self._store.events(self._customer, after=after)
        limits = await self._limits()
        return tuple(
            event.model_copy(update={"data": self._shown(event.data, limits)})
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
        bucket = self._service.buckets(self._customer, DEFAULT_BUCKET)
        left = (parts[index].size if stop is None else stop) - start
        with await asyncio.to_thread(bucket.open, parts[index].name) as file:
            await asyncio.to_thread(file.seek, start)
            while left > 0 and (chunk := await asyncio.to_thread(file.read, min(CHUNK, left))):
                left -= len(chunk)
                yield chunk

    async def upload(
        self, digest: str, format: str, size: int, chunks: AsyncIterator[bytes]
    ) -> str:
        request = UploadRequest(digest=digest, format=format, size=size)
        return await send(self.uploads, request, chunks)

    async def info(self) -> ServiceInfo:
        return ServiceInfo(
            version=__version__,
            pid=os.getpid(),
            health=await self._health(),
            workers=self._service.workers(self._customer),
        )

    async def aclose(self) -> None:
        """Nothing of the customer's is held here."""

    async def _health(self) -> Health:
        return await self._service.health.look()

    async def _limits(self) -> Limits:
        return await self._service.policy.limits_of(self._customer)

    def _shown(self, status: JobStatus, limits: Limits) -> JobStatus:
        """The status with what depends on the moment: its expiry, its place in the queue."""
        kept_from = status.end_time or status.created_time
        expires = kept_from + timedelta(days=limits.retention_days)
        values: dict[str, object] = {
            "metadata": status.metadata.model_copy(update={"expiration_date": expires})
        }
        if status.status is State.QUEUED:
            runner, key = self._service.runner, (self._customer, status.job_id)
            values["queue_position"] = runner.queue.position(*key)
            values["waiting_for"] = runner.following.waiting_for(*key)
            values["starts_after"] = runner.cooling.get(self._customer)
        return status.model_copy(update=values)

    async def _act(self, job_id: str, change: Change, word: str) -> JobStatus:
        said = Logged("info", f"{word} on request")
        status = await self._service.change(self._customer, job_id, change, said=said)
        self._service.runner.changed(self._customer, status)
        return self._shown(status, await self._limits())

    async def _ended(self, job_id: str) -> JobStatus:
        status = await self.status(job_id)
        try:
            async with asyncio.timeout(self._service.settings.wait_seconds):
                async with aclosing(self.events(job_id=job_id)) as events:
                    async for event in events:
                        if isinstance(event, JobEvent):
                            status = event.data
                        if status.status.is_terminal:
                            break
        except TimeoutError:
            pass  # the bound of the wait; the job goes on, and its status says so
        return status

    async def _look_at_places(self, config: JobConfiguration) -> ObjectMeta:
        self._service.buckets(self._customer, config.output_bucket)
        if self._service.buckets(self._customer, config.input_bucket).is_near:
            return self._service.estimator.find(self._customer, config)
        return await asyncio.to_thread(self._service.estimator.find, self._customer, config)

    async def _result(self, job_id: str, name: str) -> bytes:
        status = await self.status(job_id)
        if status.status is not State.COMPLETED:
            raise ResultNotReady(
                f"Job {job_id} is {status.status}; only a completed job has a result.",
                details={"jobId": job_id, "status": status.status.value},
            )
        bucket = self._service.buckets(self._customer, DEFAULT_BUCKET)
        return await asyncio.to_thread(bucket.get, f"jobs/{job_id}/{name}")
