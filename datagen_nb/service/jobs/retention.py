"""What goes when its time has passed: ended jobs, and the data of jobs that are gone.

Records go first, in small transactions that hold up no submit; a tombstone that is due says that
data is still to be removed, so that a service that dies in between goes on with it.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from datagen_nb.core.errors import DatagenError
from datagen_nb.core.status import State
from datagen_nb.core.store import TOMBSTONE, Document
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.jobs.outputs import Outputs
from datagen_nb.service.tasks import BackgroundTasks
from datagen_nb.service.uploads import Uploads

logger = logging.getLogger("datagen_nb.service")

BATCH_SIZE = 20
"""Jobs that one transaction removes."""

ENDED = frozenset(state for state in State if state.is_terminal)


class Retention:
    """Deletes ended jobs."""

    def __init__(self, context: ServiceContext, outputs: Outputs, uploads: Uploads) -> None:
        self._context = context
        self._outputs = outputs
        self._uploads = uploads
        self._documents = context.documents
        self._tasks = BackgroundTasks()
        self._removing = asyncio.Lock()

    async def start(self) -> None:
        self._tasks.start(self._keep_sweeping(), name="retention")

    async def aclose(self) -> None:
        await self._tasks.cancel()

    async def sweep(self, customer: str) -> int:
        """Delete a customer's jobs whose time has passed; count them."""
        limits = await self._context.policy.limits_of(customer)
        deleted = 0
        while True:
            before = self._context.clock.now() - timedelta(days=limits.retention_days)
            ids = await self._context.store.ended(customer, before=before, limit=BATCH_SIZE)
            if not ids:
                break
            deleted += await self.delete(customer, *ids)
        await self.remove_data()
        return deleted

    async def delete(self, customer: str, *job_ids: str) -> int:
        """Remove ended jobs from the record; their data goes with the next ``remove_data``."""
        now = self._context.clock.now()
        await self._outputs.drop(customer, job_ids)
        gone = await self._context.store.delete(customer, job_ids, only_in=ENDED, at=now)
        self._context.bus.publish(customer)
        self._context.observers.deleted(customer, len(gone))
        return len(gone)

    async def remove_data(self) -> None:
        """Remove what deleted jobs left in the buckets."""
        async with self._removing:
            now = self._context.clock.now()
            while tombstones := await self._documents.due(TOMBSTONE, until=now):
                for tombstone in tombstones:
                    await self._remove(tombstone)

    async def _remove(self, tombstone: Document) -> None:
        bucket = self._context.default_bucket(tombstone.customer)
        await asyncio.to_thread(bucket.delete_prefix, f"jobs/{tombstone.id}/")
        await self._documents.delete(tombstone.customer, TOMBSTONE, tombstone.id)

    async def _keep_sweeping(self) -> None:
        while True:
            try:
                for customer in await self._context.store.customers():
                    if deleted := await self.sweep(customer):
                        logger.info("deleted %d jobs of %s", deleted, customer)
                await self.remove_data()
                await self._uploads.sweep()
                self._context.observers.swept()
            except DatagenError as error:
                self._context.observers.sweep_failed(error.code)
                logger.warning("retention was interrupted and will go on later: %s", error)
            await self._context.clock.sleep(self._context.settings.cleanup_seconds)
