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
