"""What jobs and documents share in one SQLite file: job records and a customer's usage."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.status import JobStatus
from datagen_nb.core.store import CustomerUsage, JobRecord
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.listing import LISTING_FIELDS, listing_values

RECORD = "customer, status, config, idempotency_key, fingerprint, version, size, owner, lease_until"

_INSTANT = TypeAdapter(datetime)


def record_of(row: tuple[str, str, str, str, str, int, int, str, str | None]) -> JobRecord:
    """The job in a row with the columns of ``RECORD``."""
    customer, status, config, key, fingerprint, version, size, owner, lease_until = row
    return JobRecord(
        customer,
        JobStatus.from_wire(status),
        JobConfiguration.from_wire(config),
        key,
        fingerprint,
        version,
        size,
        owner,
        None if lease_until is None else _INSTANT.validate_python(lease_until),
    )


def insert_job(db: sqlite3.Connection, record: JobRecord) -> None:
    """Write a new job."""
    status = record.status
    db.execute(
        "INSERT INTO jobs (customer, job_id, version, state, created, ended,"
        " idempotency_key, fingerprint, size, owner, lease_until, status, config,"
        f" {', '.join(LISTING_FIELDS)})"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.customer,
            record.job_id,
            record.version,
            status.status.value,
            format_instant(status.created_time),
            end_of(status),
            record.idempotency_key,
            record.fingerprint,
            record.size,
            record.owner,
            lease_end_of(record),
            status.to_compact_json(),
            record.config.to_json(),
            *listing_values(status),
        ),
    )


def lease_end_of(record: JobRecord) -> str | None:
    """The end of a job's lease as it is stored."""
    return None if record.lease_until is None else format_instant(record.lease_until)


def end_of(status: JobStatus) -> str | None:
    """The end of a job as it is stored."""
    return None if status.end_time is None else format_instant(status.end_time)


def find(db: sqlite3.Connection, customer: str, idempotency_key: str) -> JobRecord | None:
    """The job submitted with a key."""
    row = db.execute(
        f"SELECT {RECORD} FROM jobs WHERE customer = ? AND idempotency_key = ?",
        (customer, idempotency_key),
    ).fetchone()
    return None if row is None else record_of(row)


def usage(db: sqlite3.Connection, customer: str) -> CustomerUsage:
    """A customer's usage, as the triggers keep it."""
    row = db.execute(
        "SELECT running, waiting, size, cancelled FROM usage WHERE customer = ?", (customer,)
    ).fetchone()
    if row is None:
        return CustomerUsage()
    running, waiting, stored, cancelled = row
    return CustomerUsage(
        running=running,
        waiting=waiting,
        stored=stored,
        last_cancelled=None if cancelled is None else _INSTANT.validate_python(cancelled),
    )


def to_text(body: Mapping[str, Any]) -> str:
    """JSON as it is stored."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
