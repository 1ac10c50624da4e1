"""What goes when its time has passed: ended jobs, and the data of jobs that are gone.

Records go first, in small transactions that hold up no submit; a tombstone that is due says that
data is still to be removed, so that a service that dies in between goes on with it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from datagen_nb.core.config import DEFAULT_BUCKET
from datagen_nb.core.errors import DatagenError, VersionConflict
from datagen_nb.core.status import State
from datagen_nb.core.store import TOMBSTONE, Document

if TYPE_CHECKING:
    from datagen_nb.service.jobs import JobService

logger = logging.getLogger("datagen_nb.service")

TOGETHER = 20
"""Jobs that one transaction removes."""

ENDED = frozenset(state for state in State if state.is_terminal)


class Retention:
    """Deletes ended jobs."""

    def __init__(self, service: JobService) -> None:
        self._service = service
        self._documents = service.store.documents
        self._sweeping: asyncio.Task[None] | None = None
        self._removing = asyncio.Lock()

    async def start(self) -> None:
        self._sweeping = asyncio.create_task(self._sweep_for_ever(), name="retention")

    async def aclose(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)

    async def sweep(self, customer: str) -> int:
        """Delete a customer's jobs whose time has passed; count them."""
        limits = await self._service.policy.limits_of(customer)
        deleted = 0
        while True:
            before = self._service.clock.now() - timedelta(days=limits.retention_days)
            ids = await self._service.store.ended(customer, before=before, limit=TOGETHER)
            if not ids:
                break
            deleted += await self.forget(customer, *ids)
        await self.remove_data()
        return deleted

    async def forget(self, customer: str, *job_ids: str) -> int:
        """Remove ended jobs from the record; their data goes with the next ``remove_data``."""
        now = self._service.clock.now()
        await self._service.outputs.drop(customer, job_ids)
        gone = await self._service.store.forget(customer, job_ids, only_in=ENDED, at=now)
        self._service.wake(customer)
        self._service.observers.deleted(customer, len(gone))
        return len(gone)

    async def remove_data(self) -> None:
        """Remove what deleted jobs left in the buckets."""
        async with self._removing:
            now = self._service.clock.now()
            while graves := await self._documents.due(TOMBSTONE, until=now):
                for grave in graves:
                    await self._remove(grave)

    async def _remove(self, grave: Document) -> None:
        bucket = self._service.buckets(grave.customer, DEFAULT_BUCKET)
        await asyncio.to_thread(bucket.delete, f"jobs/{grave.id}")
        try:
            await self._documents.put(replace(grave, due=None))
        except VersionConflict:
            return  # another process was as quick

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                for customer in await self._service.store.customers():
                    if deleted := await self.sweep(customer):
                        logger.info("deleted %d jobs of %s", deleted, customer)
                await self.remove_data()
                await self._service.uploads.sweep()
                self._service.observers.swept()
            except DatagenError as error:
                self._service.observers.sweep_failed(error.code)
                logger.warning("cleaning up broke off, to go on later: %s", error)
            await self._service.clock.sleep(self._service.settings.cleanup_seconds)
