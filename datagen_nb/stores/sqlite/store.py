"""The job store in one SQLite file: a writing thread with group commit and a reading thread.

Plain ``sqlite3``; the migrations beside this file define the tables.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self

from datagen_nb.core.errors import JobNotFound, VersionConflict
from datagen_nb.core.messages import Event, EventName, JobPage, JobQuery, LogEntry
from datagen_nb.core.status import State
from datagen_nb.core.store import (
    EVENTS_KEPT,
    TOMBSTONE,
    CustomerChanges,
    CustomerUsage,
    Document,
    JobRecord,
    Notice,
    Precondition,
    Tally,
)
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.listing import LISTING_FIELDS, listing_values
from datagen_nb.stores.sqlite.documents import SqliteDocuments, put
from datagen_nb.stores.sqlite.events import (
    EVENT,
    ChangesByOthers,
    EventLog,
    changes,
    event_of,
    last_cursor,
    mark_changed,
    reduce_events,
)
from datagen_nb.stores.sqlite.file import SqliteFile
from datagen_nb.stores.sqlite.leases import release, renew, unleased
from datagen_nb.stores.sqlite.listing import counts, page
from datagen_nb.stores.sqlite.rows import (
    RECORD,
    end_of,
    find,
    insert_job,
    lease_end_of,
    record_of,
    usage,
)
from datagen_nb.stores.sqlite.tally import tally
from datagen_nb.stores.sqlite.transfer import SqliteTransfer

CHANGES_PER_REDUCTION = 50
"""Changes of a job after which its events are reduced, as they are when it ends."""


class SqliteStore:
    """Implements ``core.store.JobStore``; create it with ``open``."""

    def __init__(self, file: SqliteFile, log: EventLog) -> None:
        self._file = file
        self._log = log
        self._by_others = ChangesByOthers()
        self.documents = SqliteDocuments(file, log)
        self.transfer = SqliteTransfer(file)

    @classmethod
    async def open(cls, path: Path, *, events_kept: int = EVENTS_KEPT) -> Self:
        """Open the file, create it if it does not exist, and migrate its tables.

        Args:
            path: The file.
            events_kept: Newest events of a customer that are kept.

        Raises:
            HomeError: It is not a job database, is damaged, or was written by a newer version.
        """
        return cls(await SqliteFile.open(path), EventLog(events_kept))

    async def add(
        self, record: JobRecord, *, precondition: Precondition | None = None
    ) -> JobRecord:
        status = record.status

        def work(db: sqlite3.Connection) -> JobRecord:
            kept = find(db, record.customer, record.idempotency_key)
            if kept is not None:
                return kept
            made = _with_size(db, record, precondition)
            insert_job(db, made)
            text = status.to_compact_json()
            self._log.append(
                db, record.customer, "job.created", record.job_id, status.last_updated, text
            )
            return made

        return await self._file.write(work)

    async def find(self, customer: str, idempotency_key: str) -> JobRecord | None:
        return await self._file.read(lambda db: find(db, customer, idempotency_key))

    async def get(self, customer: str, job_id: str) -> JobRecord:
        def work(db: sqlite3.Connection) -> JobRecord:
            row = db.execute(
                f"SELECT {RECORD} FROM jobs WHERE customer = ? AND job_id = ?", (customer, job_id)
            ).fetchone()
            if row is None:
                raise _not_found(db, customer, job_id)
            return record_of(row)

        return await self._file.read(work)

    async def replace(
        self,
        record: JobRecord,
        event: EventName | None,
        *,
        precondition: Precondition | None = None,
        log_entry: LogEntry | None = None,
    ) -> JobRecord:
        status, text = record.status, record.status.to_compact_json()

        def work(db: sqlite3.Connection) -> JobRecord:
            made = _with_size(db, record, precondition)
            changed = db.execute(
                "UPDATE jobs SET version = version + 1, state = ?, ended = ?, size = ?, owner = ?,"
                " lease_until = ?, status = ?,"
                f" {', '.join(f'{column} = ?' for column in LISTING_FIELDS)}"
                " WHERE customer = ? AND job_id = ? AND version = ?",
                (
                    status.status.value,
                    end_of(status),
                    made.size,
                    record.owner,
                    lease_end_of(record),
                    text,
                    *listing_values(status),
                    record.customer,
                    record.job_id,
                    record.version,
                ),
            ).rowcount
            if not changed:
                raise VersionConflict(record.job_id)
            if event is not None:
                at = status.last_updated
                self._log.append(db, record.customer, event, record.job_id, at, text)
                if status.status.is_terminal or made.version % CHANGES_PER_REDUCTION == 0:
                    reduce_events(db, record.customer, status)
            if log_entry is not None:
                _append(db, record.customer, record.job_id, [log_entry])
            return replace(made, version=record.version + 1)

        return await self._file.write(work)

    async def delete(
        self, customer: str, job_ids: Sequence[str], *, only_in: Collection[State], at: datetime
    ) -> Sequence[str]:
        states = tuple(state.value for state in only_in)

        def work(db: sqlite3.Connection) -> Sequence[str]:
            removed_ids = []
            for job_id in job_ids:
                removed = db.execute(
                    "DELETE FROM jobs WHERE customer = ? AND job_id = ?"
                    f" AND state IN ({_marks(states)})",
                    (customer, job_id, *states),
                ).rowcount
                if not removed:
                    continue
                for table in ("logs", "events"):
                    db.execute(
                        f"DELETE FROM {table} WHERE customer = ? AND job_id = ?",
                        (customer, job_id),
                    )
                deleted = {"jobId": job_id, "deleted": format_instant(at)}
                put(db, Document(customer, TOMBSTONE, job_id, deleted, due=at))
                self._log.append_notice(db, customer, Notice("job.deleted", at, deleted, job_id))
                removed_ids.append(job_id)
            return removed_ids

        return await self._file.write(work)

    async def page(self, customer: str, query: JobQuery) -> JobPage:
        return await self._file.read(partial(page, customer=customer, query=query))

    async def counts(self, customer: str, query: JobQuery) -> Mapping[State, int]:
        return await self._file.read(partial(counts, customer=customer, query=query))

    async def tally(
        self, customer: str, *, since: datetime, before: Sequence[datetime] = ()
    ) -> Tally:
        return await self._file.read(partial(tally, customer=customer, since=since, before=before))

    async def has_input(self, customer: str, path: str) -> bool:
        return await self._file.read(
            lambda db: (
                db.execute(
                    "SELECT 1 FROM jobs WHERE customer = ?"
                    " AND json_extract(config, '$.inputPath') = ? LIMIT 1",
                    (customer, path),
                ).fetchone()
                is not None
            )
        )

    async def in_state(
        self,
        state: State,
        *,
        customer: str | None = None,
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> Sequence[JobRecord]:
        own, values = ("", ()) if customer is None else ("customer = ? AND", (customer,))
        return await self._file.read(
            lambda db: [
                record_of(row)
                for row in db.execute(
                    f"SELECT {RECORD} FROM jobs"
                    f" WHERE {own} state = ? AND (job_id, customer) > (?, ?)"
                    " ORDER BY job_id, customer LIMIT ?",
                    (*values, state.value, *after, limit),
                )
            ]
        )

    async def unleased(self, *, at: datetime, limit: int = 1000) -> Sequence[JobRecord]:
        return await self._file.read(partial(unleased, at=at, limit=limit))

    async def renew_leases(self, owner: str, *, until: datetime) -> Collection[tuple[str, str]]:
        return await self._file.write(partial(renew, owner=owner, until=until))

    async def release_leases(self, owner: str) -> None:
        await self._file.write(partial(release, owner=owner))

    async def ended(self, customer: str, *, before: datetime, limit: int) -> Sequence[str]:
        return await self._file.read(
            lambda db: [
                job_id
                for (job_id,) in db.execute(
                    "SELECT job_id FROM jobs WHERE customer = ? AND ended < ?"
                    " ORDER BY ended LIMIT ?",
                    (customer, format_instant(before), limit),
                )
            ]
        )

    async def awaiting_cleanup(self, *, limit: int = 1000) -> Sequence[JobRecord]:
        return await self._file.read(
            lambda db: [
                record_of(row)
                for row in db.execute(
                    f"SELECT {RECORD} FROM jobs"
                    " WHERE state IN ('cancelled', 'failed') AND size > 0 LIMIT ?",
                    (limit,),
                )
            ]
        )

    async def customers(self) -> Sequence[str]:
        def work(db: sqlite3.Connection) -> Sequence[str]:
            found: list[str] = []
            while row := db.execute(
                "SELECT min(customer) FROM jobs WHERE customer > ?", (found[-1] if found else "",)
            ).fetchone():
                if row[0] is None:
                    break
                found.append(row[0])
            return found

        return await self._file.read(work)

    async def usage(self, customer: str) -> CustomerUsage:
        return await self._file.read(lambda db: usage(db, customer))

    async def events(self, customer: str, *, after: int, limit: int = 500) -> Sequence[Event]:
        return await self._file.read(
            lambda db: [
                event_of(row)
                for row in db.execute(
                    f"SELECT {EVENT} FROM events"
                    " WHERE customer = ? AND cursor > ? ORDER BY cursor LIMIT ?",
                    (customer, after, limit),
                )
            ]
        )

    async def last_cursor(self, customer: str) -> int:
        return await self._file.read(lambda db: last_cursor(db, customer))

    async def changes(
        self, *, after: int | None = None, by_others: bool = False
    ) -> CustomerChanges:
        if by_others:
            return await self._file.write(partial(self._by_others.find, after=after))
        return await self._file.read(partial(changes, after=after))

    async def append_log(self, customer: str, job_id: str, entries: Sequence[LogEntry]) -> None:
        def work(db: sqlite3.Connection) -> None:
            _append(db, customer, job_id, entries)
            mark_changed(db, customer)

        await self._file.write(work)

    async def log(
        self, customer: str, job_id: str, *, after: int, limit: int = 500
    ) -> Sequence[LogEntry]:
        return await self._file.read(
            lambda db: [
                LogEntry.model_validate(
                    {"cursor": cursor, "timestamp": at, "level": level, "message": message}
                )
                for cursor, at, level, message in db.execute(
                    "SELECT cursor, at, level, message FROM logs"
                    " WHERE customer = ? AND job_id = ? AND cursor > ? ORDER BY cursor LIMIT ?",
                    (customer, job_id, after, limit),
                )
            ]
        )

    async def aclose(self) -> None:
        await self._file.aclose()


def _with_size(
    db: sqlite3.Connection, record: JobRecord, precondition: Precondition | None
) -> JobRecord:
    """The record, with the size that the precondition returned, if any."""
    size = None if precondition is None else precondition(usage(db, record.customer))
    return record if size is None else replace(record, size=size)


def _append(
    db: sqlite3.Connection, customer: str, job_id: str, entries: Sequence[LogEntry]
) -> None:
    key = (customer, job_id)
    last = db.execute(
        "SELECT coalesce(max(cursor), 0) FROM logs WHERE customer = ? AND job_id = ?", key
    ).fetchone()[0]
    db.executemany(
        "INSERT INTO logs (customer, job_id, cursor, at, level, message) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (*key, last + number, format_instant(entry.timestamp), entry.level, entry.message)
            for number, entry in enumerate(entries, start=1)
        ],
    )


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _not_found(db: sqlite3.Connection, customer: str, job_id: str) -> JobNotFound:
    deleted = db.execute(
        "SELECT 1 FROM events WHERE customer = ? AND job_id = ? AND event = 'job.deleted'",
        (customer, job_id),
    ).fetchone()
    if deleted:
        return JobNotFound(
            f"Job {job_id} was deleted, on request or when its time had passed.",
            code="job_deleted",
            details={"jobId": job_id},
        )
    return JobNotFound(
        f"There is no job {job_id}. `client.jobs.list()` shows those there are.",
        details={"jobId": job_id},
    )
