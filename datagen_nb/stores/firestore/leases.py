"""Leases of jobs in Firestore: which process runs a job, and until when no other may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from datagen_nb.core.status import State
from datagen_nb.core.store import JobRecord
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.firestore.connection import (
    FirestoreConnection,
    Write,
    WriteConflict,
    WriteUncertain,
)
from datagen_nb.stores.firestore.names import JOBS
from datagen_nb.stores.firestore.rows import lease_fields, record_of
from datagen_nb.stores.firestore.writer import Memory

Change = Callable[[JobRecord], JobRecord | None]
"""A job with another lease, or ``None`` to leave it."""


async def unleased(db: FirestoreConnection, *, at: datetime, limit: int) -> Sequence[JobRecord]:
    """Running jobs without a lease at an instant, and queued ones with one that has expired."""
    query = (
        db.of_all(JOBS)
        .where(filter=FieldFilter("free_from", "<", format_instant(at)))
        .order_by("free_from")
        .limit(limit)
    )
    return [record_of(one.to_dict()) for one in await db.select(query)]


async def renew(
    db: FirestoreConnection, memory: Memory, *, owner: str, until: datetime
) -> Collection[tuple[str, str]]:
    """Extend an owner's leases. The version grows, so that no one takes over what was renewed."""

    def renewed(record: JobRecord) -> JobRecord | None:
        is_held = record.owner == owner and record.lease_until is not None
        if not is_held or record.status.status is not State.RUNNING:
            return None
        return replace(record, version=record.version + 1, lease_until=until)

    return await _change_all(db, memory, owner, renewed)


async def release(db: FirestoreConnection, memory: Memory, *, owner: str) -> None:
    """End an owner's leases."""

    def released(record: JobRecord) -> JobRecord | None:
        if record.owner != owner or record.lease_until is None:
            return None
        return replace(record, version=record.version + 1, owner="", lease_until=None)

    await _change_all(db, memory, owner, released)


async def _change_all(
    db: FirestoreConnection, memory: Memory, owner: str, change: Change
) -> Collection[tuple[str, str]]:
    query = db.of_all(JOBS).where(filter=FieldFilter("owner", "==", owner))
    found = await db.select(query)
    changed = await asyncio.gather(*(_change(db, memory, one, change) for one in found))
    return [(one.customer, one.job_id) for one in changed if one is not None]


async def _change(
    db: FirestoreConnection, memory: Memory, snapshot: Any, change: Change
) -> JobRecord | None:
    """Change the lease of one job, however many others change the job at once."""
    while snapshot.exists:
        after = change(record_of(snapshot.to_dict()))
        if after is None:
            return None
        write = Write(snapshot.reference, lease_fields(after), snapshot.update_time)
        try:
            (at,) = await db.commit([write])
        except (WriteConflict, WriteUncertain):
            memory.forget(snapshot.reference)
            snapshot = await db.get(snapshot.reference)
            continue
        memory.note(snapshot)
        memory.note_write(write, at)
        return after
    return None
