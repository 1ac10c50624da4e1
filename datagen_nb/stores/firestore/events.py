"""A customer's event log in Firestore: numbered by the head, trimmed now and then."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from datagen_nb.core.messages import OTHER_EVENTS, Event, JobEvent, OtherEvent
from datagen_nb.core.status import JobStatus
from datagen_nb.core.store import Notice
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.firestore.connection import FirestoreConnection
from datagen_nb.stores.firestore.names import EVENTS, JOBS, number_name
from datagen_nb.stores.firestore.writer import Draft

TRIMMED_AT_ONCE = 300
"""Events that one commit removes at most."""


class EventLog:
    """Appends events to a draft.

    Args:
        db: Where they are.
        kept: Newest events of a customer that are kept.
    """

    def __init__(self, db: FirestoreConnection, kept: int) -> None:
        self._db = db
        self._kept = kept
        self._step = min(max(kept // 20, 1), TRIMMED_AT_ONCE)

    async def append(
        self,
        draft: Draft,
        event: str,
        job_id: str,
        at: datetime,
        body: str,
        *,
        before: int | None = None,
    ) -> int:
        """Append an event; return its number.

        Args:
            draft: What it is written with.
            event: Its name.
            job_id: Whose it is, ``""`` for none.
            at: When it happened.
            body: Its data.
            before: The number of the newest event of its job until now.
        """
        draft.head.cursor += 1
        number = draft.head.cursor
        places = self._db.of(draft.customer, EVENTS)
        draft.create(
            places.document(number_name(number)),
            event_fields(number, event, job_id, at, body),
        )
        if number % self._step == 0:
            await self._trim(draft)
        if before is not None and before <= draft.head.trimmed:
            draft.delete(places.document(number_name(before)))
        return number

    async def append_notice(self, draft: Draft, notice: Notice) -> None:
        """Append an event that is not a change of a job."""
        body = notice_body(notice.data)
        await self.append(draft, notice.event, notice.job_id or "", notice.at, body)

    async def _trim(self, draft: Draft) -> None:
        """Remove the events that are now too old; a job keeps its newest."""
        oldest = draft.head.cursor - self._kept
        if oldest <= draft.head.trimmed:
            return
        query = (
            self._db.of(draft.customer, EVENTS)
            .where(filter=FieldFilter("cursor", ">", draft.head.trimmed))
            .where(filter=FieldFilter("cursor", "<=", oldest))
            .order_by("cursor")
            .select(["cursor", "event", "job_id"])
            .limit(TRIMMED_AT_ONCE)
        )
        found = await self._db.select(query)
        jobs = self._db.of(draft.customer, JOBS)
        ids = sorted({one.get("job_id") for one in found if one.get("event") not in OTHER_EVENTS})
        records = await self._db.get_all([jobs.document(id) for id in ids]) if ids else []
        newest = {one.id: one.get("event") for one in records if one.exists}
        for one in found:
            is_kept = one.get("event") not in OTHER_EVENTS and (
                newest.get(one.get("job_id")) == one.get("cursor")
            )
            if not is_kept:
                draft.delete(one.reference)
        is_all = len(found) < TRIMMED_AT_ONCE
        draft.head.trimmed = oldest if is_all else found[-1].get("cursor")


def notice_body(data: Mapping[str, Any]) -> str:
    """The data of an event that is not a change of a job, as it is stored."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def event_fields(
    number: int, event: str, job_id: str, at: datetime, body: str
) -> Mapping[str, Any]:
    """The fields of an event."""
    return {
        "cursor": number,
        "event": event,
        "job_id": job_id,
        "at": format_instant(at),
        "body": body,
    }


async def events(
    db: FirestoreConnection, customer: str, *, after: int, limit: int
) -> Sequence[Event]:
    """Events with a number above ``after``, in order."""
    query = (
        db.of(customer, EVENTS)
        .where(filter=FieldFilter("cursor", ">", after))
        .order_by("cursor")
        .limit(limit)
    )
    return [_event_of(one.to_dict()) for one in await db.select(query)]


async def was_deleted(db: FirestoreConnection, customer: str, job_id: str) -> bool:
    """Whether the log says that a job was deleted."""
    query = (
        db.of(customer, EVENTS)
        .where(filter=FieldFilter("job_id", "==", job_id))
        .where(filter=FieldFilter("event", "==", "job.deleted"))
        .limit(1)
    )
    return bool(await db.select(query))


def _event_of(fields: dict[str, str]) -> Event:
    event, body = fields["event"], fields["body"]
    values = {"cursor": fields["cursor"], "event": event, "timestamp": fields["at"]}
    if event in OTHER_EVENTS:
        return OtherEvent.model_validate(
            {**values, "jobId": fields["job_id"] or None, "data": json.loads(body)}
        )
    return JobEvent.model_validate(
        {**values, "jobId": fields["job_id"], "data": JobStatus.from_wire(body)}
    )
