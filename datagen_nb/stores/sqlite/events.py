"""A customer's event log in one SQLite file: numbered, reduced and trimmed."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from datagen_nb.core.messages import OTHER_EVENTS, Event, JobEvent, OtherEvent
from datagen_nb.core.status import JobStatus
from datagen_nb.core.store import CustomerChanges, Notice
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.sqlite.rows import to_text

EVENT = """cursor, event, job_id, at, CASE WHEN status <> '' THEN status ELSE coalesce(
    (SELECT whole.status FROM events AS whole WHERE whole.customer = events.customer
        AND whole.job_id = events.job_id AND whole.cursor > events.cursor AND whole.status <> ''
        ORDER BY whole.cursor LIMIT 1),
    (SELECT jobs.status FROM jobs
        WHERE jobs.customer = events.customer AND jobs.job_id = events.job_id)
) END"""
"""Columns of an event. One without a status of its own has that of the next event of its job that
has one, or the job's."""


NEXT_POSITION = "(SELECT coalesce(max(changed), 0) + 1 FROM usage)"


def last_cursor(db: sqlite3.Connection, customer: str) -> int:
    """Number of a customer's newest event."""
    row = db.execute("SELECT cursor FROM usage WHERE customer = ?", (customer,)).fetchone()
    return 0 if row is None else int(row[0])


class EventLog:
    """Appends events, within the caller's transaction.

    Args:
        kept: Newest events of a customer that are kept; each one more removes the oldest.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept

    def append(
        self,
        db: sqlite3.Connection,
        customer: str,
        event: str,
        job_id: str,
        at: datetime,
        body: str,
    ) -> None:
        """Append an event, numbered one above the newest."""
        (cursor,) = db.execute(
            f"INSERT INTO usage (customer, cursor, changed) VALUES (?, 1, {NEXT_POSITION})"
            " ON CONFLICT DO UPDATE SET cursor = cursor + 1, changed = excluded.changed"
            " RETURNING cursor",
            (customer,),
        ).fetchone()
        db.execute(
            "INSERT INTO events (customer, cursor, event, job_id, at, status)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (customer, cursor, event, job_id, format_instant(at), body),
        )
        _trim(db, customer, cursor - self._kept)

    def append_notice(self, db: sqlite3.Connection, customer: str, notice: Notice) -> None:
        """Append an event that is not a change of a job."""
        body = to_text(notice.data)
        self.append(db, customer, notice.event, notice.job_id or "", notice.at, body)


def _trim(db: sqlite3.Connection, customer: str, oldest: int) -> None:
    """Remove the event that is now too old, and older ones of its job; a job keeps its newest."""
    found = db.execute(
        "SELECT job_id FROM events WHERE customer = ? AND cursor = ?", (customer, oldest)
    ).fetchone()
    if found is None:
        return
    (newest,) = db.execute(
        "SELECT max(cursor) FROM events WHERE customer = ? AND job_id = ?", (customer, *found)
    ).fetchone()
    db.execute(
        "DELETE FROM events WHERE customer = ? AND job_id = ? AND cursor <= ?"
        " AND (cursor < ? OR event = 'job.deleted')",
        (customer, *found, oldest, newest),
    )


def mark_changed(db: sqlite3.Connection, customer: str) -> None:
    """Let ``changes`` report a customer; the service's own documents are of interest to no one."""
    if customer:
        db.execute(
            f"INSERT INTO usage (customer, changed) VALUES (?, {NEXT_POSITION})"
            " ON CONFLICT DO UPDATE SET changed = excluded.changed",
            (customer,),
        )


def changes(db: sqlite3.Connection, *, after: int | None) -> CustomerChanges:
    """The customers that have changed after a position."""
    if after is None:
        (newest,) = db.execute("SELECT coalesce(max(changed), 0) FROM usage").fetchone()
        return CustomerChanges(newest)
    found = db.execute(
        "SELECT changed, customer FROM usage WHERE changed > ? ORDER BY changed", (after,)
    ).fetchall()
    if not found:
        return CustomerChanges(after)
    return CustomerChanges(found[-1][0], [customer for _, customer in found])


class ChangesByOthers:
    """Customers that have changed, unless only the connection that writes here has changed them.

    Source: https://www.sqlite.org/pragma.html#pragma_data_version, which only commits of other
    connections change.
    """

    def __init__(self) -> None:
        self._seen: tuple[int, int] | None = None

    def find(self, db: sqlite3.Connection, *, after: int | None) -> CustomerChanges:
        """The same as ``changes``; ``db`` is the one connection that writes, in a transaction."""
        (version,) = db.execute("PRAGMA data_version").fetchone()
        found = changes(db, after=after)
        if self._seen == (version, after):
            found = CustomerChanges(found.position)
        self._seen = version, found.position
        return found


def reduce_events(db: sqlite3.Connection, customer: str, status: JobStatus) -> None:
    """Drop the status of a job's events where a later event or the job itself holds a newer one."""
    kinds, last = ["job.updated"], last_cursor(db, customer)
    if status.status.is_terminal:
        kinds += ["job.completed", "job.failed", "job.cancelled", "job.expired"]
        last += 1
    db.execute(
        "UPDATE events SET status = '' WHERE customer = ? AND job_id = ? AND status <> ''"
        f" AND cursor < ? AND event IN ({', '.join('?' * len(kinds))})",
        (customer, status.job_id, last, *kinds),
    )


def event_of(row: tuple[int, str, str, str, str]) -> Event:
    """The event in a row with the columns of ``EVENT``."""
    cursor, event, job_id, at, body = row
    values = {"cursor": cursor, "event": event, "timestamp": at}
    if event in OTHER_EVENTS:
        return OtherEvent.model_validate(
            {**values, "jobId": job_id or None, "data": json.loads(body)}
        )
    return JobEvent.model_validate({**values, "jobId": job_id, "data": JobStatus.from_wire(body)})
