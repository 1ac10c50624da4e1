"""Deletion of a job with its events and its log, which may be more than one commit holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from datagen_nb.core.status import State
from datagen_nb.core.store import TOMBSTONE, Document, Notice
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.firestore.connection import FirestoreConnection
from datagen_nb.stores.firestore.documents import put
from datagen_nb.stores.firestore.events import EventLog
from datagen_nb.stores.firestore.names import EVENTS, JOBS, LOG, SUBMITS, submit_name
from datagen_nb.stores.firestore.writer import Draft, Writer

AT_ONCE = 200
"""Events, and as many lines, that one commit deletes."""


class Deletion:
    """Deletes jobs."""

    def __init__(self, db: FirestoreConnection, writer: Writer, log: EventLog) -> None:
        self._db = db
        self._writer = writer
        self._log = log

    async def delete(
        self, customer: str, job_id: str, *, only_in: Collection[State], at: datetime
    ) -> bool:
        """Delete a job if it is in one of these states; return whether it was deleted."""
        place = self._db.of(customer, JOBS).document(job_id)

        async def build(draft: Draft) -> bool:
            known = await draft.facts(place)
            if known is None or known[1]["state"] not in only_in:
                return False
            updated, facts = known
            draft.delete(place, updated)
            key = submit_name(facts["idempotency_key"])
            draft.delete(self._db.of(customer, SUBMITS).document(key))
            for one in await self._rest(customer, job_id):
                draft.delete(one)
            draft.head.count(facts["state"], -1)
            draft.head.stored -= facts["size"]
            deleted = {"jobId": job_id, "deleted": format_instant(at)}
            await put(self._db, draft, Document(customer, TOMBSTONE, job_id, deleted, due=at))
            await self._log.append_notice(draft, Notice("job.deleted", at, deleted, job_id))
            return True

        found = await self._db.get(place)
        if not found.exists or found.get("state") not in only_in:
            return False
        await self._shorten(customer, job_id)
        return await self._writer.write(customer, build)

    async def _shorten(self, customer: str, job_id: str) -> None:
        """Delete the oldest events and lines, until the rest fits into a commit."""
        while len(rest := await self._rest(customer, job_id)) > AT_ONCE:
            await self._writer.write_own(partial(_delete, places=rest[:AT_ONCE]))

    async def _rest(self, customer: str, job_id: str) -> list[Any]:
        """Where the oldest events and lines of a job are."""
        events = self._db.of(customer, EVENTS).where(filter=FieldFilter("job_id", "==", job_id))
        lines = self._db.of(customer, JOBS).document(job_id).collection(LOG).order_by("__name__")
        found = [*await self._db.select(lines.select([]).limit(AT_ONCE + 1))]
        found += await self._db.select(events.select([]).limit(AT_ONCE + 1))
        return [one.reference for one in found]


async def _delete(draft: Draft, *, places: Sequence[Any]) -> None:
    for place in places:
        draft.delete(place)
