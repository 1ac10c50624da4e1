"""The job store in a Firestore database, which any number of service processes may share.

Every change is one commit with preconditions (``writer.py``), never a transaction that locks: many
writers of one customer would starve each other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from google.cloud.firestore_v1.base_query import FieldFilter

from datagen_nb.core.errors import DatagenError, JobNotFound, VersionConflict
from datagen_nb.core.messages import Event, EventName, JobPage, JobQuery, LogEntry
from datagen_nb.core.status import State
from datagen_nb.core.store import (
    EVENTS_KEPT,
    CustomerChanges,
    CustomerUsage,
    JobRecord,
    Precondition,
    Tally,
)
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.firestore.connection import FirestoreConnection
from datagen_nb.stores.firestore.deletion import Deletion
from datagen_nb.stores.firestore.documents import FirestoreDocuments
from datagen_nb.stores.firestore.events import EventLog, events, was_deleted
from datagen_nb.stores.firestore.heads import Head, changes, customers
from datagen_nb.stores.firestore.leases import release, renew, unleased
from datagen_nb.stores.firestore.listing import counts, page
from datagen_nb.stores.firestore.logs import JobLogs
from datagen_nb.stores.firestore.names import JOBS, SUBMITS, submit_name
from datagen_nb.stores.firestore.rows import (
    FACTS,
    changed_fields,
    created_fields,
    input_digest,
    record_of,
    with_size,
)
from datagen_nb.stores.firestore.tally import tally
from datagen_nb.stores.firestore.transfer import FirestoreTransfer
from datagen_nb.stores.firestore.writer import Draft, Memory, Writer


class FirestoreStore:
    """Implements ``core.store.JobStore``; create it with ``open``."""

    def __init__(self, db: FirestoreConnection, *, events_kept: int) -> None:
        self._db = db
        self._memory = Memory(FACTS)
        self._writer = Writer(db, self._memory)
        self._log = EventLog(db, events_kept)
        self._lines = JobLogs(db)
        self._deletion = Deletion(db, self._writer, self._log)
        self.transfer = FirestoreTransfer(db, self._writer, self._lines)
        self.documents = FirestoreDocuments(db, self._writer, self._memory, self._log)

    @classmethod
    async def open(
        cls, project: str, database: str = "(default)", *, events_kept: int = EVENTS_KEPT
    ) -> Self:
        """Connect to a database.

        Args:
            project: The Google Cloud project.
            database: Its database, in native mode.
            events_kept: Newest events of a customer that are kept.

        Raises:
            CredentialsUnusable: There are no credentials.
            HomeError: There is no such database, or it may not be used.
        """
        return cls(await FirestoreConnection.open(project, database), events_kept=events_kept)

    async def add(
        self, record: JobRecord, *, precondition: Precondition | None = None
    ) -> JobRecord:
        customer, key, status = record.customer, record.idempotency_key, record.status
        submit = self._db.of(customer, SUBMITS).document(submit_name(key))

        async def build(draft: Draft) -> JobRecord:
            if draft.is_retry and (kept := await self.find(customer, key)) is not None:
                return kept
            try:
                made = with_size(draft.head, record, precondition)
            except DatagenError:
                if (kept := await self.find(customer, key)) is not None:
                    return kept
                raise
            number = await self._log.append(
                draft, "job.created", record.job_id, status.last_updated, status.to_compact_json()
            )
            draft.create(self._place(record), created_fields(made, number))
            draft.create(submit, {"job_id": record.job_id})
            draft.head.count(status.status, 1)
            draft.head.stored += made.size
            self._lines.begin(customer, record.job_id)
            return made

        return await self._writer.write(customer, build)

    async def find(self, customer: str, idempotency_key: str) -> JobRecord | None:
        places = self._db.of(customer, SUBMITS)
        submit = await self._db.get(places.document(submit_name(idempotency_key)))
        if not submit.exists:
            return None
        return await self._find(customer, submit.get("job_id"))

    async def get(self, customer: str, job_id: str) -> JobRecord:
        found = await self._find(customer, job_id)
        if found is None:
            raise await self._not_found(customer, job_id)
        return found

    async def replace(
        self,
        record: JobRecord,
        event: EventName | None,
        *,
        precondition: Precondition | None = None,
        log_entry: LogEntry | None = None,
    ) -> JobRecord:
        customer, status, place = record.customer, record.status, self._place(record)

        async def build(draft: Draft) -> JobRecord:
            known = await draft.facts(place)
            if known is None or known[1]["version"] != record.version:
                raise VersionConflict(record.job_id)
            at, facts = known
            made = with_size(draft.head, record, precondition)
            made = replace(made, version=record.version + 1)
            number = facts["event"]
            if event is not None:
                number = await self._log.append(
                    draft,
                    event,
                    record.job_id,
                    status.last_updated,
                    status.to_compact_json(),
                    before=number,
                )
            draft.update(place, changed_fields(made, number), at)
            draft.head.stored += made.size - facts["size"]
            draft.head.count(facts["state"], -1)
            draft.head.count(status.status, 1)
            # Only a job that had begun leaves a worker to stop: no other begins a cooldown.
            has_begun = status.attempt > 0 and status.end_time is not None
            if status.status is State.CANCELLED != facts["state"] and has_begun:
                end = format_instant(status.end_time or status.last_updated)
                draft.head.cancelled = max(draft.head.cancelled or "", end)
            if log_entry is not None:
                await self._lines.append(draft, record.job_id, [log_entry])
            return made

        return await self._writer.write(customer, build)

    async def delete(
        self, customer: str, job_ids: Sequence[str], *, only_in: Collection[State], at: datetime
    ) -> Sequence[str]:
        return [
            job_id
            for job_id in job_ids
            if await self._deletion.delete(customer, job_id, only_in=only_in, at=at)
        ]

    async def page(self, customer: str, query: JobQuery) -> JobPage:
        return await page(self._db, customer, query)

    async def counts(self, customer: str, query: JobQuery) -> Mapping[State, int]:
        return await counts(self._db, customer, query)

    async def tally(
        self, customer: str, *, since: datetime, before: Sequence[datetime] = ()
    ) -> Tally:
        return await tally(self._db, customer, since=since, before=before)

    async def has_input(self, customer: str, path: str) -> bool:
        query = self._db.of(customer, JOBS).where(
            filter=FieldFilter("input", "==", input_digest(path))
        )
        return bool(await self._db.select(query.select(["job_id"]).limit(1)))

    async def in_state(
        self,
        state: State,
        *,
        customer: str | None = None,
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> Sequence[JobRecord]:
        jobs = self._db.of_all(JOBS) if customer is None else self._db.of(customer, JOBS)
        query = (
            jobs.where(filter=FieldFilter("state", "==", state.value))
            .order_by("job_id")
            .order_by("customer")
            .start_after({"job_id": after[0], "customer": after[1]})
        )
        return [record_of(one.to_dict()) for one in await self._db.select(query.limit(limit))]

    async def unleased(self, *, at: datetime, limit: int = 1000) -> Sequence[JobRecord]:
        return await unleased(self._db, at=at, limit=limit)

    async def renew_leases(self, owner: str, *, until: datetime) -> Collection[tuple[str, str]]:
        return await renew(self._db, self._memory, owner=owner, until=until)

    async def release_leases(self, owner: str) -> None:
        await release(self._db, self._memory, owner=owner)

    async def ended(self, customer: str, *, before: datetime, limit: int) -> Sequence[str]:
        query = (
            self._db.of(customer, JOBS)
            .where(filter=FieldFilter("ended", "<", format_instant(before)))
            .order_by("ended")
            .select(["ended"])
        )
        return [one.id for one in await self._db.select(query.limit(limit))]

    async def awaiting_cleanup(self, *, limit: int = 1000) -> Sequence[JobRecord]:
        query = self._db.of_all(JOBS).where(filter=FieldFilter("left_something", "==", value=True))
        return [record_of(one.to_dict()) for one in await self._db.select(query.limit(limit))]

    async def customers(self) -> Sequence[str]:
        return await customers(self._db)

    async def usage(self, customer: str) -> CustomerUsage:
        return (await self._head(customer)).usage

    async def events(self, customer: str, *, after: int, limit: int = 500) -> Sequence[Event]:
        return await events(self._db, customer, after=after, limit=limit)

    async def last_cursor(self, customer: str) -> int:
        return (await self._head(customer)).cursor

    async def changes(
        self, *, after: int | None = None, by_others: bool = False
    ) -> CustomerChanges:
        is_own = self._writer.is_own if by_others else lambda _customer, _at: False
        return await changes(self._db, after=after, is_own=is_own)

    async def append_log(self, customer: str, job_id: str, entries: Sequence[LogEntry]) -> None:
        async def build(draft: Draft) -> None:
            await self._lines.append(draft, job_id, entries)

        await self._writer.write(customer, build)

    async def log(
        self, customer: str, job_id: str, *, after: int, limit: int = 500
    ) -> Sequence[LogEntry]:
        return await self._lines.read(customer, job_id, after=after, limit=limit)

    async def aclose(self) -> None:
        await self._db.aclose()

    async def _head(self, customer: str) -> Head:
        return Head.of(await self._db.get(self._db.head(customer)))

    async def _find(self, customer: str, job_id: str) -> JobRecord | None:
        found = await self._db.get(self._db.of(customer, JOBS).document(job_id))
        self._memory.note(found)
        return record_of(found.to_dict()) if found.exists else None

    def _place(self, record: JobRecord) -> Any:
        return self._db.of(record.customer, JOBS).document(record.job_id)

    async def _not_found(self, customer: str, job_id: str) -> JobNotFound:
        if await was_deleted(self._db, customer, job_id):
            return JobNotFound(
                f"Job {job_id} was deleted, on request or when its time had passed.",
                code="job_deleted",
                details={"jobId": job_id},
            )
        return JobNotFound(
            f"There is no job {job_id}. `client.jobs.list()` shows those there are.",
            details={"jobId": job_id},
        )
