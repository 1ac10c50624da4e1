"""Jobs in one SQLite file: one writing thread with group commit, one reading thread.

Plain ``sqlite3``; see the migrations beside this file for the tables.
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
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.store import TOMBSTONE, Admit, Document, JobRecord, Notice, Standing, Tally
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.sqlite_documents import SqliteDocuments, put
from datagen_nb.stores.sqlite_file import SqliteFile
from datagen_nb.stores.sqlite_listing import LISTED, counts, listed, page
from datagen_nb.stores.sqlite_rows import (
    RECORD,
    event_of,
    find,
    last_cursor,
    record_of,
    standing,
    tell,
    tell_notice,
)
from datagen_nb.stores.sqlite_tally import tally


class SqliteStore:
    """Implements ``core.store.JobStore``; made by ``open``."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self.documents = SqliteDocuments(file)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the file, made if it is not there, and bring its tables up to date.

        Raises:
            HomeError: It is no such file, is damaged, or was written by a newer version.
        """
        return cls(await SqliteFile.open(path))

    async def add(self, record: JobRecord, *, admit: Admit | None = None) -> JobRecord:
        status, text = record.status, record.status.to_json()

        def work(db: sqlite3.Connection) -> JobRecord:
            kept = find(db, record.customer, record.idempotency_key)
            if kept is not None:
                return kept
            if admit is not None:
                admit(standing(db, record.customer))
            db.execute(
                "INSERT INTO jobs (customer, job_id, version, state, created, ended,"
                f" idempotency_key, fingerprint, size, status, config, {', '.join(LISTED)})"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    record.customer,
                    record.job_id,
                    record.version,
                    status.status.value,
                    format_instant(status.created_time),
                    _ended(status),
                    record.idempotency_key,
                    record.fingerprint,
                    record.size,
                    text,
                    record.config.to_json(),
                    *listed(status),
                ),
            )
            tell(db, record.customer, "job.created", record.job_id, status.last_updated, text)
            return record

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
        admit: Admit | None = None,
        line: LogEntry | None = None,
    ) -> JobRecord:
        status, text = record.status, record.status.to_json()

        def work(db: sqlite3.Connection) -> JobRecord:
            if admit is not None:
                admit(standing(db, record.customer))
            changed = db.execute(
                "UPDATE jobs SET version = version + 1, state = ?, ended = ?, size = ?, status = ?,"
                f" {', '.join(f'{column} = ?' for column in LISTED)}"
                " WHERE customer = ? AND job_id = ? AND version = ?",
                (
                    status.status.value,
                    _ended(status),
                    record.size,
                    text,
                    *listed(status),
                    record.customer,
                    record.job_id,
                    record.version,
                ),
            ).rowcount
            if not changed:
                raise VersionConflict(record.job_id)
            if event is not None:
                tell(db, record.customer, event, record.job_id, status.last_updated, text)
            if line is not None:
                _append(db, record.customer, record.job_id, [line])
            return replace(record, version=record.version + 1)

        return await self._file.write(work)

    async def forget(
        self, customer: str, job_ids: Sequence[str], *, only_in: Collection[State], at: datetime
    ) -> Sequence[str]:
        states = tuple(state.value for state in only_in)

        def work(db: sqlite3.Connection) -> Sequence[str]:
            cursor, forgotten = last_cursor(db, customer), []
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
                cursor += 1
                notice = Notice("job.deleted", at, deleted, job_id)
                tell_notice(db, customer, notice, cursor=cursor)
                forgotten.append(job_id)
            return forgotten

        return await self._file.write(work)

    async def page(self, customer: str, query: JobQuery) -> JobPage:
        return await self._file.read(partial(page, customer=customer, query=query))

    async def counts(self, customer: str, query: JobQuery) -> Mapping[State, int]:
        return await self._file.read(partial(counts, customer=customer, query=query))

    async def tally(
        self, customer: str, *, since: datetime, before: Sequence[datetime] = ()
    ) -> Tally:
        return await self._file.read(partial(tally, customer=customer, since=since, before=before))

    async def in_state(
        self, state: State, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> Sequence[JobRecord]:
        return await self._file.read(
            lambda db: [
                record_of(row)
                for row in db.execute(
                    f"SELECT {RECORD} FROM jobs WHERE state = ? AND (job_id, customer) > (?, ?)"
                    " ORDER BY job_id, customer LIMIT ?",
                    (state.value, *after, limit),
                )
            ]
        )

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

    async def unsettled(self, *, limit: int = 1000) -> Sequence[JobRecord]:
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

    async def standing(self, customer: str) -> Standing:
        return await self._file.read(lambda db: standing(db, customer))

    async def events(self, customer: str, *, after: int, limit: int = 500) -> Sequence[Event]:
        return await self._file.read(
            lambda db: [
                event_of(row)
                for row in db.execute(
                    "SELECT cursor, event, job_id, at, status FROM events"
                    " WHERE customer = ? AND cursor > ? ORDER BY cursor LIMIT ?",
                    (customer, after, limit),
                )
            ]
        )

    async def last_cursor(self, customer: str) -> int:
        return await self._file.read(lambda db: last_cursor(db, customer))

    async def append_log(self, customer: str, job_id: str, entries: Sequence[LogEntry]) -> None:
        await self._file.write(lambda db: _append(db, customer, job_id, entries))

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


def _ended(status: JobStatus) -> str | None:
    return None if status.end_time is None else format_instant(status.end_time)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _not_found(db: sqlite3.Connection, customer: str, job_id: str) -> JobNotFound:
    deleted = db.execute(
        "SELECT 1 FROM documents WHERE customer = ? AND kind = ? AND id = ?",
        (customer, TOMBSTONE, job_id),
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
