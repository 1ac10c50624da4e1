"""Documents in the jobs' Firestore database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from datagen_nb.core.errors import VersionConflict
from datagen_nb.core.store import Document, Notice, Precondition
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.firestore.connection import FirestoreConnection
from datagen_nb.stores.firestore.events import EventLog
from datagen_nb.stores.firestore.heads import instant
from datagen_nb.stores.firestore.names import AFTER_ALL, DOCUMENTS, document_name
from datagen_nb.stores.firestore.writer import Draft, Memory, Writer


class FirestoreDocuments:
    """Implements ``core.store.Documents``."""

    def __init__(
        self, db: FirestoreConnection, writer: Writer, memory: Memory, log: EventLog
    ) -> None:
        self._db = db
        self._writer = writer
        self._memory = memory
        self._log = log

    async def get(self, customer: str, kind: str, id: str) -> Document | None:
        place = self._db.of(customer, DOCUMENTS).document(document_name(kind, id))
        found = await self._db.get(place)
        return self._document(found) if found.exists else None

    async def put(
        self,
        *documents: Document,
        notice: Notice | None = None,
        precondition: Precondition | None = None,
    ) -> None:
        (customer,) = {document.customer for document in documents}

        async def build(draft: Draft) -> None:
            if precondition is not None:
                precondition(draft.head.usage)
            for document in documents:
                await put(self._db, draft, document)
            if notice is not None:
                await self._log.append_notice(draft, notice)

        # The service's own documents are of interest to no reader, and count for no quota.
        if customer or notice is not None or precondition is not None:
            await self._writer.write(customer, build)
        else:
            await self._writer.write_own(build)

    async def delete(self, customer: str, kind: str, id: str) -> bool:
        place = self._db.of(customer, DOCUMENTS).document(document_name(kind, id))

        async def build(draft: Draft) -> bool:
            known = await draft.facts(place)
            if known is None:
                return False
            at, facts = known
            draft.delete(place, at)
            draft.head.stored -= facts["size"]
            return True

        if customer:
            return await self._writer.write(customer, build)
        return await self._writer.write_own(build)

    async def page(
        self, customer: str, kind: str, *, prefix: str = "", after: str = "", limit: int = 100
    ) -> Sequence[Document]:
        places = self._db.of(customer, DOCUMENTS)
        named = places.order_by("__name__").end_before(
            {"__name__": places.document(document_name(kind, prefix) + AFTER_ALL)}
        )
        if after > prefix:
            named = named.start_after({"__name__": places.document(document_name(kind, after))})
        else:
            named = named.start_at({"__name__": places.document(document_name(kind, prefix))})
        return [self._document(one) for one in await self._db.select(named.limit(limit))]

    async def due(self, kind: str, *, until: datetime, limit: int = 100) -> Sequence[Document]:
        query = self._due(kind).where(filter=FieldFilter("due", "<=", format_instant(until)))
        return [self._document(one) for one in await self._db.select(query.limit(limit))]

    async def next_due(self, kind: str) -> datetime | None:
        found = await self._db.select(self._due(kind).limit(1))
        return instant(found[0].get("due")) if found else None

    def _due(self, kind: str) -> Any:
        """Documents of a kind that are due at some time, the earliest first."""
        return (
            self._db.of_all(DOCUMENTS)
            .where(filter=FieldFilter("kind", "==", kind))
            .where(filter=FieldFilter("due", ">=", ""))
            .order_by("due")
        )

    def _document(self, snapshot: Any) -> Document:
        self._memory.note(snapshot)
        return document_of(snapshot.to_dict())


def document_of(fields: Mapping[str, Any]) -> Document:
    """The document in these fields."""
    due = fields["due"]
    return Document(
        fields["customer"],
        fields["kind"],
        fields["id"],
        json.loads(fields["body"]),
        fields["version"],
        None if due is None else instant(due),
        fields["size"],
    )


async def put(db: FirestoreConnection, draft: Draft, document: Document) -> None:
    """Put a document at its version into a draft.

    Raises:
        VersionConflict: It has changed since, or exists already.
    """
    place = db.of(document.customer, DOCUMENTS).document(document_name(document.kind, document.id))
    if document.version == 0:
        if draft.is_retry and await draft.facts(place) is not None:
            raise VersionConflict(f"{document.kind} {document.id}")
        draft.create(place, document_fields(document, 1))
        draft.head.stored += document.size
        return
    known = await draft.facts(place)
    if known is None or known[1]["version"] != document.version:
        raise VersionConflict(f"{document.kind} {document.id}")
    at, facts = known
    draft.update(place, document_fields(document, document.version + 1), at)
    draft.head.stored += document.size - facts["size"]


def document_fields(document: Document, version: int) -> Mapping[str, Any]:
    """The fields of a document at a version."""
    return {
        "customer": document.customer,
        "kind": document.kind,
        "id": document.id,
        "version": version,
        "due": None if document.due is None else format_instant(document.due),
        "size": document.size,
        "body": json.dumps(document.body, ensure_ascii=False, separators=(",", ":")),
    }
