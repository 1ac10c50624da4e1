"""Copying from and to a Firestore database."""

from __future__ import annotations

from collections.abc import Sequence

from datagen_nb.core.messages import JobEvent
from datagen_nb.core.store import CustomerUsage, Document
from datagen_nb.core.transfer import Records
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.firestore.connection import FirestoreConnection
from datagen_nb.stores.firestore.documents import document_fields, document_of
from datagen_nb.stores.firestore.events import event_fields, notice_body
from datagen_nb.stores.firestore.logs import JobLogs, line_fields
from datagen_nb.stores.firestore.names import (
    DOCUMENTS,
    EVENTS,
    JOBS,
    SUBMITS,
    customer_of,
    document_name,
    number_name,
    submit_name,
)
from datagen_nb.stores.firestore.rows import created_fields
from datagen_nb.stores.firestore.writer import Draft, Writer


class FirestoreTransfer:
    """Implements ``core.transfer.Transfer``."""

    def __init__(self, db: FirestoreConnection, writer: Writer, logs: JobLogs) -> None:
        self._db = db
        self._writer = writer
        self._logs = logs

    async def owners(self) -> Sequence[str]:
        heads = await self._db.select(self._db.heads().order_by("__name__").select([]))
        # The service's own documents need no head.
        own = [""] if await self.documents("", limit=1) else []
        return sorted({*own, *(customer_of(one.id) for one in heads)})

    async def documents(
        self, customer: str, *, after: tuple[str, str] = ("", ""), limit: int = 200
    ) -> Sequence[Document]:
        places = self._db.of(customer, DOCUMENTS)
        query = places.order_by("__name__").limit(limit)
        if after != ("", ""):
            query = query.start_after({"__name__": places.document(document_name(*after))})
        return [document_of(one.to_dict()) for one in await self._db.select(query)]

    async def restore(self, records: Records) -> None:
        owner = records.customer

        async def build(draft: Draft) -> None:
            for job in records.jobs:
                number = records.newest.get(job.job_id, 0)
                place = self._db.of(owner, JOBS).document(job.job_id)
                draft.create(place, created_fields(job, number))
                submit = self._db.of(owner, SUBMITS).document(submit_name(job.idempotency_key))
                draft.create(submit, {"job_id": job.job_id})
                draft.head.count(job.status.status, 1)
                draft.head.stored += job.size
            for event in records.events:
                body = (
                    event.data.to_compact_json()
                    if isinstance(event, JobEvent)
                    else notice_body(event.data)
                )
                draft.create(
                    self._db.of(owner, EVENTS).document(number_name(event.cursor)),
                    event_fields(
                        event.cursor, event.event, event.job_id or "", event.timestamp, body
                    ),
                )
            for job_id, line in records.lines:
                draft.create(
                    self._logs.lines(owner, job_id).document(number_name(line.cursor)),
                    line_fields(line.cursor, line),
                )
            for document in records.documents:
                name = document_name(document.kind, document.id)
                draft.create(
                    self._db.of(owner, DOCUMENTS).document(name),
                    document_fields(document, document.version),
                )
                draft.head.stored += document.size

        if owner:
            await self._writer.write(owner, build)
        else:
            await self._writer.write_own(build)

    async def finish(self, customer: str, *, usage: CustomerUsage, cursor: int) -> None:
        async def build(draft: Draft) -> None:
            ended = usage.last_cancelled
            draft.head.cancelled = None if ended is None else format_instant(ended)
            draft.head.cursor = cursor

        if customer or cursor:
            await self._writer.write(customer, build)
