"""What jobs and documents share in one SQLite file: events, standings, cursors."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.messages import OTHER_EVENTS, Event, JobEvent, OtherEvent
from datagen_nb.core.status import JobStatus
from datagen_nb.core.store import JobRecord, Notice, Standing
from datagen_nb.core.wire_model import format_instant

RECORD = "customer, status, config, idempotency_key, fingerprint, version, size"

_INSTANT = TypeAdapter(datetime)


def record_of(row: tuple[str, str, str, str, str, int, int]) -> JobRecord:
    """The job that the columns of ``RECORD`` hold."""
    customer, status, config, key, fingerprint, version, size = row
    return JobRecord(
        customer,
        JobStatus.from_wire(status),
        JobConfiguration.from_wire(config),
        key,
        fingerprint,
        version,
        size,
    )


def find(db: sqlite3.Connection, customer: str, idempotency_key: str) -> JobRecord | None:
    """The job submitted with a key."""
    row = db.execute(
        f"SELECT {RECORD} FROM jobs WHERE customer = ? AND idempotency_key = ?",
        (customer, idempotency_key),
    ).fetchone()
    return None if row is None else record_of(row)


def standing(db: sqlite3.Connection, customer: str) -> Standing:
    """What a customer has, counted."""
    running, waiting, stored, cancelled = db.execute(
        "SELECT"
        " (SELECT count(*) FROM jobs WHERE customer = ?1 AND state = 'running'),"
        " (SELECT count(*) FROM jobs WHERE customer = ?1 AND state = 'queued'),"
        " (SELECT size FROM standings WHERE customer = ?1),"
        " (SELECT cancelled FROM standings WHERE customer = ?1)",
        (customer,),
    ).fetchone()
    return Standing(
        running=running,
        waiting=waiting,
        stored=stored or 0,
        last_cancelled=None if cancelled is None else _INSTANT.validate_python(cancelled),
    )


def last_cursor(db: sqlite3.Connection, customer: str) -> int:
    """Number of a customer's newest event."""
    row = db.execute("SELECT max(cursor) FROM events WHERE customer = ?", (customer,)).fetchone()
    return int(row[0] or 0)


def tell(
    db: sqlite3.Connection,
    customer: str,
    event: str,
    job_id: str,
    at: datetime,
    body: str,
    *,
    cursor: int | None = None,
) -> None:
    """Append an event, numbered one above the newest."""
    db.execute(
        "INSERT INTO events (customer, cursor, event, job_id, at, status)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            customer,
            cursor or last_cursor(db, customer) + 1,
            event,
            job_id,
            format_instant(at),
            body,
        ),
    )


def tell_notice(
    db: sqlite3.Connection, customer: str, notice: Notice, *, cursor: int | None = None
) -> None:
    """Append an event that is no change of a job."""
    body = to_text(notice.data)
    tell(db, customer, notice.event, notice.job_id or "", notice.at, body, cursor=cursor)


def event_of(row: tuple[int, str, str, str, str]) -> Event:
    """The event that the columns cursor, event, job_id, at, status hold."""
    cursor, event, job_id, at, body = row
    values = {"cursor": cursor, "event": event, "timestamp": at}
    if event in OTHER_EVENTS:
        return OtherEvent.model_validate(
            {**values, "jobId": job_id or None, "data": json.loads(body)}
        )
    return JobEvent.model_validate({**values, "jobId": job_id, "data": JobStatus.from_wire(body)})


def to_text(body: Mapping[str, Any]) -> str:
    """JSON as it is kept."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
