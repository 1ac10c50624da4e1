"""Jobs in one SQLite file: one writing thread with group commit, one reading thread.

Plain ``sqlite3``; see the migrations beside this file for the tables.
"""

from __future__ import annotations

import base64
import binascii
import re
import sqlite3
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Self, TypeVar

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ConfigurationError,
    HomeError,
    JobNotFound,
    Problem,
    ServiceUnavailable,
    VersionConflict,
)
from datagen_nb.core.messages import EventName, JobEvent, JobPage, JobQuery, LogEntry
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.store import JobRecord
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.sqlite_thread import SqliteThread

T = TypeVar("T")

_RECORD = "customer, status, config, idempotency_key, fingerprint, version"


class SqliteStore:
    """Implements ``core.ports.JobStore``; made by ``open``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = SqliteThread(lambda: _connect(path, migrate=True), writes=True)
        self._reader: SqliteThread | None = None

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the file, made if it is not there, and bring its tables up to date.

        Raises:
            HomeError: It is no such file, is damaged, or was written by a newer version.
        """
        store = cls(path)
        try:
            await store._writer.opened()
            store._reader = SqliteThread(lambda: _connect(path, migrate=False), writes=False)
            await store._reader.opened()
        except sqlite3.Error as error:
            raise HomeError(
                f"The job database {path} cannot be used: {error}. "
                "Move it away to start with an empty one, or choose another home.",
                details={"path": str(path)},
            ) from error
        return store

    async def add(self, record: JobRecord) -> JobRecord:
        def work(db: sqlite3.Connection) -> JobRecord:
            kept = _find(db, record.customer, record.idempotency_key)
            if kept is not None:
                return kept
            status = record.status
            db.execute(
                "INSERT INTO jobs (customer, job_id, version, state, created, idempotency_key,"
                " fingerprint, status, config) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    record.customer,
                    record.job_id,
                    record.version,
                    status.status.value,
                    format_instant(status.created_time),
                    record.idempotency_key,
                    record.fingerprint,
                    status.to_json(),
                    record.config.to_json(),
                ),
            )
            _tell(db, record.customer, "job.created", status)
            return record

        return await self._write(work)

    async def find(self, customer: str, idempotency_key: str) -> JobRecord | None:
        return await self._read(lambda db: _find(db, customer, idempotency_key))

    async def get(self, customer: str, job_id: str) -> JobRecord:
        def work(db: sqlite3.Connection) -> JobRecord:
            row = db.execute(
                f"SELECT {_RECORD} FROM jobs WHERE customer = ? AND job_id = ?", (customer, job_id)
            ).fetchone()
            if row is None:
                raise JobNotFound(
                    f"There is no job {job_id}. `client.jobs.list()` shows those there are.",
                    details={"jobId": job_id},
                )
            return _record(row)

        return await self._read(work)

    async def replace(self, record: JobRecord, event: EventName) -> JobRecord:
        def work(db: sqlite3.Connection) -> JobRecord:
            changed = db.execute(
                "UPDATE jobs SET version = version + 1, state = ?, status = ?"
                " WHERE customer = ? AND job_id = ? AND version = ?",
                (
                    record.status.status.value,
                    record.status.to_json(),
                    record.customer,
                    record.job_id,
                    record.version,
                ),
            ).rowcount
            if not changed:
                raise VersionConflict(record.job_id)
            _tell(db, record.customer, event, record.status)
            return JobRecord(
                record.customer,
                record.status,
                record.config,
                record.idempotency_key,
                record.fingerprint,
                record.version + 1,
            )

        return await self._write(work)

    async def delete(self, customer: str, job_id: str) -> None:
        def work(db: sqlite3.Connection) -> None:
            for table in ("jobs", "logs"):
                db.execute(
                    f"DELETE FROM {table} WHERE customer = ? AND job_id = ?", (customer, job_id)
                )

        await self._write(work)

    async def page(self, customer: str, query: JobQuery) -> JobPage:
        conditions, values = ["customer = ?"], [customer]
        if query.status:
            conditions.append(f"state IN ({', '.join('?' * len(query.status))})")
            values += [state.value for state in query.status]
        if query.since:
            conditions.append("created >= ?")
            values.append(format_instant(query.since))
        if query.until:
            conditions.append("created < ?")
            values.append(format_instant(query.until))
        if query.cursor is not None:
            conditions.append("job_id < ?")
            values.append(_job_of(query.cursor))

        def work(db: sqlite3.Connection) -> JobPage:
            rows = db.execute(
                f"SELECT status FROM jobs WHERE {' AND '.join(conditions)}"
                " ORDER BY job_id DESC LIMIT ?",
                (*values, query.limit + 1),
            ).fetchall()
            jobs = tuple(JobStatus.from_wire(text) for (text,) in rows[: query.limit])
            more = len(rows) > query.limit
            return JobPage(jobs=jobs, next_cursor=_cursor_of(jobs[-1].job_id) if more else None)

        return await self._read(work)

    async def in_state(self, state: State, *, limit: int = 1000) -> Sequence[JobRecord]:
        return await self._read(
            lambda db: [
                _record(row)
                for row in db.execute(
                    f"SELECT {_RECORD} FROM jobs WHERE state = ? ORDER BY job_id LIMIT ?",
                    (state.value, limit),
                )
            ]
        )

    async def count(self, customer: str, states: Sequence[State]) -> int:
        marks = ", ".join("?" * len(states))
        return await self._read(
            lambda db: int(
                db.execute(
                    f"SELECT count(*) FROM jobs WHERE customer = ? AND state IN ({marks})",
                    (customer, *(state.value for state in states)),
                ).fetchone()[0]
            )
        )

    async def events(self, customer: str, *, after: int, limit: int = 500) -> Sequence[JobEvent]:
        return await self._read(
            lambda db: [
                JobEvent.model_validate(
                    {
                        "cursor": cursor,
                        "event": event,
                        "jobId": job_id,
                        "timestamp": at,
                        "data": JobStatus.from_wire(status),
                    }
                )
                for cursor, event, job_id, at, status in db.execute(
                    "SELECT cursor, event, job_id, at, status FROM events"
                    " WHERE customer = ? AND cursor > ? ORDER BY cursor LIMIT ?",
                    (customer, after, limit),
                )
            ]
        )

    async def last_cursor(self, customer: str) -> int:
        return await self._read(lambda db: _last_cursor(db, customer))

    async def append_log(self, customer: str, job_id: str, entries: Sequence[LogEntry]) -> None:
        def work(db: sqlite3.Connection) -> None:
            key = (customer, job_id)
            last = db.execute(
                "SELECT coalesce(max(cursor), 0) FROM logs WHERE customer = ? AND job_id = ?", key
            ).fetchone()[0]
            db.executemany(
                "INSERT INTO logs (customer, job_id, cursor, at, level, message)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        *key,
                        last + number,
                        format_instant(entry.timestamp),
                        entry.level,
                        entry.message,
                    )
                    for number, entry in enumerate(entries, start=1)
                ],
            )

        await self._write(work)

    async def log(
        self, customer: str, job_id: str, *, after: int, limit: int = 500
    ) -> Sequence[LogEntry]:
        return await self._read(
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
        await self._writer.aclose()
        if self._reader is not None:
            await self._reader.aclose()

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._told(self._writer, work)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        assert self._reader is not None, "open the store first"  # noqa: S101
        return await self._told(self._reader, work)

    async def _told(self, thread: SqliteThread, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await thread.do(work)
        except sqlite3.Error as error:
            raise ServiceUnavailable(
                f"The job database {self._path} did not take or give a record: {error}. "
                "If the disk is full, make room; then try again.",
                code="store_unavailable",
                details={"path": str(self._path)},
            ) from error


def _connect(path: Path, *, migrate: bool) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if migrate:
            _migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    folder = resources.files("datagen_nb.stores") / "migrations"
    steps = {
        int(found[1]): file
        for file in folder.iterdir()
        if (found := re.fullmatch(r"(\d{4})_\w+\.sql", file.name))
    }
    present = db.execute("PRAGMA user_version").fetchone()[0]
    if present > max(steps):
        raise HomeError(
            f"The job database {path} was written by a newer version of datagen-nb. "
            "Upgrade, or choose another home.",
            details={"path": str(path), "found": present, "known": max(steps)},
        )
    for number in sorted(step for step in steps if step > present):
        script = steps[number].read_text(encoding="utf-8")
        db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


def _find(db: sqlite3.Connection, customer: str, idempotency_key: str) -> JobRecord | None:
    row = db.execute(
        f"SELECT {_RECORD} FROM jobs WHERE customer = ? AND idempotency_key = ?",
        (customer, idempotency_key),
    ).fetchone()
    return None if row is None else _record(row)


def _record(row: tuple[str, str, str, str, str, int]) -> JobRecord:
    customer, status, config, key, fingerprint, version = row
    return JobRecord(
        customer,
        JobStatus.from_wire(status),
        JobConfiguration.from_wire(config),
        key,
        fingerprint,
        version,
    )


def _last_cursor(db: sqlite3.Connection, customer: str) -> int:
    row = db.execute("SELECT max(cursor) FROM events WHERE customer = ?", (customer,)).fetchone()
    return int(row[0] or 0)


def _tell(db: sqlite3.Connection, customer: str, event: EventName, status: JobStatus) -> None:
    db.execute(
        "INSERT INTO events (customer, cursor, event, job_id, at, status)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            customer,
            _last_cursor(db, customer) + 1,
            event,
            status.job_id,
            format_instant(status.last_updated),
            status.to_json(),
        ),
    )


def _cursor_of(job_id: str) -> str:
    return base64.urlsafe_b64encode(job_id.encode()).decode()


def _job_of(cursor: str) -> str:
    try:
        job_id = base64.urlsafe_b64decode(cursor).decode()
    except (binascii.Error, ValueError):
        job_id = ""
    # Decoding skips what it does not know, so that damaged text may still give something.
    if not re.fullmatch(r"j_[0-9A-Z]{16}", job_id) or _cursor_of(job_id) != cursor:
        shown = repr(cursor) if len(cursor) <= 80 else f"{cursor[:79]!r}…"
        problem = Problem("cursor", shown, "is none that a page gave", "Start without one.")
        raise ConfigurationError([problem])
    return job_id
