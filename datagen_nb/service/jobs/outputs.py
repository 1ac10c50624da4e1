"""What completed jobs keep in their customer's bucket: parts, and the one file that was asked for.

Several jobs may write a file of one name, one after the other: a document of its own, named by the
path, tells whose it is now and how many bytes it has.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from datagen_nb.core.buckets import objects
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import JobNotFound, QuotaExceeded
from datagen_nb.core.limits import MAKE_ROOM, reservation
from datagen_nb.core.places import DEFAULT_BUCKET
from datagen_nb.core.status import State
from datagen_nb.core.store import CustomerUsage, JobRecord, Precondition
from datagen_nb.core.words import size as in_bytes
from datagen_nb.service.collection import Collection, Entry
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.jobs.changes import JobChanges
from datagen_nb.service.jobs.reservation import kept_copies

KIND = "output"

RESERVED_AHEAD = 1.25
"""Of what a job has written beyond its reservation, how much it then reserves."""


class Outputs:
    """Counts what is kept, and removes what a deleted job wrote outside its own folder."""

    def __init__(self, context: ServiceContext, changes: JobChanges) -> None:
        self._context = context
        self._changes = changes
        self._files = Collection[Mapping[str, Any]](
            context.documents, KIND, read=_same, write=_same
        )

    async def make_room(self, record: JobRecord, parts: int) -> JobRecord:
        """Let a running job keep the bytes of its parts, though it reserved less.

        Raises:
            QuotaExceeded: The customer's quota has no room for them; the job has to end.
        """
        wrote = parts * kept_copies(record.config)
        if wrote <= record.size:
            return record
        limits = await self._context.policy.limits_of(record.customer)
        ahead = int(wrote * RESERVED_AHEAD)

        def rule_of(kept: JobRecord) -> Precondition:
            def precondition(usage: CustomerUsage) -> int:
                others = replace(usage, stored=usage.stored - kept.size)
                try:
                    return reservation(others, limits, wrote, ahead)
                except QuotaExceeded as error:
                    raise _ended_by_quota(error) from error

            return precondition

        return await self._changes.set_size(
            record.customer, record.job_id, ahead, precondition=rule_of
        )

    async def keep(self, record: JobRecord) -> int:
        """Record the file that a job has just written, if one was asked for; bytes of its parts."""
        customer, job_id = record.customer, record.job_id
        bucket = self._context.default_bucket(customer)
        path = _file_of(record.config)
        found = None if path is None else await asyncio.to_thread(bucket.head, path)
        if path is not None and found is not None:
            await self._record(customer, path, job_id, found.size)
        return await asyncio.to_thread(
            lambda: sum(meta.size for meta in objects(bucket, f"jobs/{job_id}/"))
        )

    async def drop(self, customer: str, job_ids: Iterable[str]) -> None:
        """Remove the files that ended jobs wrote, but for those that a later job wrote anew."""
        for job_id in job_ids:
            try:
                record = await self._context.store.get(customer, job_id)
            except JobNotFound:
                continue
            path = _file_of(record.config)
            if path is None or record.status.status is not State.COMPLETED:
                continue
            kept = await self._files.get(customer, _name(path))
            if kept is not None and kept["jobId"] == job_id:
                bucket = self._context.default_bucket(customer)
                await asyncio.to_thread(bucket.delete, path)
                await self._files.delete(customer, _name(path))

    async def delete_parts(self, customer: str, job_id: str) -> None:
        """Remove the parts of a job that ended without a result."""
        bucket = self._context.default_bucket(customer)
        await asyncio.to_thread(bucket.delete_prefix, f"jobs/{job_id}/")
        with suppress(JobNotFound):
            await self._changes.set_size(customer, job_id, 0)

    async def _record(self, customer: str, path: str, job_id: str, size: int) -> None:
        value = {"path": path, "jobId": job_id}

        def fold(kept: Entry[Mapping[str, Any]] | None) -> Entry[Mapping[str, Any]]:
            entry = kept or Entry(customer, _name(path), value)
            return replace(entry, value=value, size=size)

        await self._files.update_entry(customer, _name(path), fold)


def _same(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body


def _ended_by_quota(error: QuotaExceeded) -> QuotaExceeded:
    wrote, others, quota = (in_bytes(error.details[name]) for name in ("needed", "stored", "quota"))
    return QuotaExceeded(
        f"The job wrote {wrote}, and others keep or reserve {others} of the storage quota of "
        f"{quota}: it was ended. {MAKE_ROOM}",
        details=error.details,
    )


def _file_of(config: JobConfiguration) -> str | None:
    is_own = config.output_bucket == DEFAULT_BUCKET
    return config.output_path if is_own and config.output_path else None


def _name(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()
