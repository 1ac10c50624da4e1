"""Leases of jobs in one SQLite file: which process runs a job, and until when no other may."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime

from datagen_nb.core.store import JobRecord
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.sqlite.rows import RECORD, record_of


def unleased(db: sqlite3.Connection, *, at: datetime, limit: int) -> Sequence[JobRecord]:
    """Running jobs without a lease at an instant, and queued ones with one that has expired."""
    rows = db.execute(
        f"SELECT {RECORD} FROM jobs"
        " WHERE state = 'running' AND (lease_until IS NULL OR lease_until < ?1)"
        f" UNION ALL SELECT {RECORD} FROM jobs WHERE state = 'queued' AND lease_until < ?1"
        " LIMIT ?2",
        (format_instant(at), limit),
    )
    return [record_of(row) for row in rows]


def renew(db: sqlite3.Connection, *, owner: str, until: datetime) -> Collection[tuple[str, str]]:
    """Extend an owner's leases. The version grows, so that no one takes over what was renewed."""
    return db.execute(
        "UPDATE jobs SET version = version + 1, lease_until = ?"
        " WHERE state = 'running' AND owner = ? AND lease_until IS NOT NULL"
        " RETURNING customer, job_id",
        (format_instant(until), owner),
    ).fetchall()


def release(db: sqlite3.Connection, *, owner: str) -> None:
    """End an owner's leases."""
    db.execute(
        "UPDATE jobs SET version = version + 1, owner = '', lease_until = NULL"
        " WHERE owner = ? AND lease_until IS NOT NULL",
        (owner,),
    )
