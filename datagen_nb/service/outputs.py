"""What completed jobs keep in their customer's bucket: parts, and the one file that was asked for.

Several jobs may write a file of one name, one after the other: a document of its own, named by the
path, tells whose it is now and how many bytes it has.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from datagen_nb.core.config import DEFAULT_BUCKET, JobConfiguration
from datagen_nb.core.errors import JobNotFound, VersionConflict
from datagen_nb.core.status import State
from datagen_nb.core.store import Document, JobRecord

if TYPE_CHECKING:
    from datagen_nb.service.jobs import JobService

KIND = "output"


class Outputs:
    """Counts what is kept, and removes what a deleted job wrote outside its own folder."""

    def __init__(self, service: JobService) -> None:
        self._service = service
        self._documents = service.store.documents

    async def keep(self, record: JobRecord) -> int:
        """Record the file that a job has just written, if one was asked for; bytes of its parts."""
        customer, job_id = record.customer, record.job_id
        bucket = self._service.buckets(customer, DEFAULT_BUCKET)
        path = _file_of(record.config)
        found = None if path is None else await asyncio.to_thread(bucket.head, path)
        if path is not None and found is not None:
            await self._record(customer, path, job_id, found.size)
        return await asyncio.to_thread(
            lambda: sum(part.size for part in bucket.list(f"jobs/{job_id}/"))
        )

    async def drop(self, customer: str, job_ids: Iterable[str]) -> None:
        """Remove the files that ended jobs wrote, but for those that a later job wrote anew."""
        for job_id in job_ids:
            try:
                record = await self._service.store.get(customer, job_id)
            except JobNotFound:
                continue
            path = _file_of(record.config)
            if path is None or record.status.status is not State.COMPLETED:
                continue
            kept = await self._documents.get(customer, KIND, _name(path))
            if kept is not None and kept.body["jobId"] == job_id:
                bucket = self._service.buckets(customer, DEFAULT_BUCKET)
                await asyncio.to_thread(bucket.delete, path)
                await self._documents.delete(customer, KIND, kept.id)

    async def _record(self, customer: str, path: str, job_id: str, size: int) -> None:
        name, body = _name(path), {"path": path, "jobId": job_id}
        while True:
            kept = await self._documents.get(customer, KIND, name)
            document = kept or Document(customer, KIND, name)
            try:
                await self._documents.put(replace(document, body=body, size=size))
            except VersionConflict:
                continue
            return


def _file_of(config: JobConfiguration) -> str | None:
    is_own = config.output_bucket == DEFAULT_BUCKET
    return config.output_path if is_own and config.output_path else None


def _name(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()
