"""One customer's side of the service: submits, and what is done to jobs."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from datagen_nb import __version__
from datagen_nb.core import logs
from datagen_nb.core.changes import Annotated, Cancelled, Change, Paused, Resumed
from datagen_nb.core.config import LOCAL_FILES, JobConfiguration
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
    SubmitInFlight,
)
from datagen_nb.core.limits import RateLimitStatus, check_submit, limit_status
from datagen_nb.core.messages import (
    Annotation,
    Cancellations,
    Deletions,
    Health,
    JobEvent,
    JobQuery,
    ServiceInfo,
)
from datagen_nb.core.ports import Logged, ObjectMeta
from datagen_nb.core.status import JobStatus, State, new_status
from datagen_nb.core.store import JobRecord, Standing
from datagen_nb.core.uploads import UploadRequest, send
from datagen_nb.service.bulk import MOST_AT_ONCE, each
from datagen_nb.service.reading import Reading


class CustomerJobs(Reading):
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
        status = new_status(
            self._service.ids.next(), config, now, estimate, request_id=logs.fact("request")
        )
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

    async def annotate(self, job_id: str, annotation: Annotation) -> JobStatus:
        change = Annotated(annotation.name, annotation.tags, annotation.note)
        status = (await self._service.change(self._customer, job_id, change)).status
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

    async def _act(self, job_id: str, change: Change, word: str) -> JobStatus:
        said = Logged("info", f"{word} on request")
        status = (await self._service.change(self._customer, job_id, change, said=said)).status
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
