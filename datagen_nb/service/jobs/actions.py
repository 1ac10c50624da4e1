"""What one customer does to jobs: annotate, cancel, pause, resume, delete."""

from __future__ import annotations

from collections.abc import Sequence

from datagen_nb.core.changes import Annotated, Cancelled, Change, Paused, Resumed
from datagen_nb.core.errors import (
    ActionRefused,
)
from datagen_nb.core.messages import (
    Annotation,
    Cancellations,
    Deletions,
    JobQuery,
)
from datagen_nb.core.pipeline import Logged
from datagen_nb.core.places import DEFAULT_BUCKET
from datagen_nb.core.status import JobStatus, State
from datagen_nb.service.context import CustomerContext
from datagen_nb.service.jobs.bulk import MAX_BULK_JOBS, each
from datagen_nb.service.jobs.changes import JobChanges
from datagen_nb.service.jobs.queries import JobQueries
from datagen_nb.service.jobs.retention import Retention
from datagen_nb.service.uploads import Uploads


class JobActions:
    """Changes jobs of one customer, one or many."""

    def __init__(
        self,
        context: CustomerContext,
        *,
        changes: JobChanges,
        queries: JobQueries,
        retention: Retention,
        uploads: Uploads,
    ) -> None:
        self._context = context
        self._customer = context.customer
        self._changes = changes
        self._queries = queries
        self._retention = retention
        self._uploads = uploads

    async def annotate(self, job_id: str, annotation: Annotation) -> JobStatus:
        change = Annotated(annotation.name, annotation.tags, annotation.note)
        record = await self._changes.apply(self._customer, job_id, change)
        return self._queries.current(record.status, await self._context.limits())

    async def cancel(self, job_id: str) -> JobStatus:
        return await self._act(job_id, Cancelled(), "cancelled")

    async def cancel_many(self, job_ids: Sequence[str] | None = None) -> Cancellations:
        if job_ids is None:
            query = JobQuery(
                status=(State.QUEUED, State.PAUSED, State.RUNNING), limit=MAX_BULK_JOBS
            )
            job_ids = [job.job_id for job in (await self._queries.history(query)).jobs]
        cancelled, refused = await each(job_ids, self.cancel)
        return Cancellations(cancelled=cancelled, refused=refused)

    async def pause(self, job_id: str) -> JobStatus:
        window = (await self._queries.configuration(job_id)).resume_window
        return await self._act(job_id, Paused(window), "paused")

    async def resume(self, job_id: str) -> JobStatus:
        return await self._act(job_id, Resumed(), "resumed")

    async def delete(self, job_id: str) -> None:
        record = await self._context.store.get(self._customer, job_id)
        status = record.status
        if not await self._retention.delete(self._customer, job_id):
            raise ActionRefused(
                f"Job {job_id} is {status.status}; only a job that has ended can be deleted. "
                "Cancel it first.",
                details={"jobId": job_id, "status": status.status.value},
            )
        await self._retention.remove_data()
        if record.config.input_bucket == DEFAULT_BUCKET and record.config.has_input:
            await self._uploads.released(self._customer, record.config.input_path)

    async def delete_many(self, job_ids: Sequence[str]) -> Deletions:
        deleted, refused = await each(job_ids, self.delete)
        return Deletions(deleted=deleted, refused=refused)

    async def _act(self, job_id: str, change: Change, word: str) -> JobStatus:
        line = Logged("info", f"{word} on request")
        record = await self._changes.apply(self._customer, job_id, change, log=line)
        return self._queries.current(record.status, await self._context.limits())
