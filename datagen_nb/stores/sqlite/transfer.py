"""Copying from and to a SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from datagen_nb.core.messages import JobEvent
from datagen_nb.core.store import CustomerUsage, Document
from datagen_nb.core.transfer import Records
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.sqlite.documents import COLUMNS, document_of
from datagen_nb.stores.sqlite.events import NEXT_POSITION
from datagen_nb.stores.sqlite.file import SqliteFile
from datagen_nb.stores.sqlite.rows import insert_job, to_text


class SqliteTransfer:
    """Implements ``core.transfer.Transfer``."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    async def owners(self) -> Sequence[str]:
        return await self._file.read(
            lambda db: [
                customer
                for (customer,) in db.execute(
                    "SELECT customer FROM usage UNION SELECT customer FROM documents ORDER BY 1"
                )
            ]
        )

    async def documents(
        self, customer: str, *, after: tuple[str, str] = ("", ""), limit: int = 200
    ) -> Sequence[Document]:
        return await self._file.read(
            lambda db: [
                document_of(row)
                for row in db.execute(
                    f"SELECT {COLUMNS} FROM documents"
                    " WHERE customer = ? AND (kind, id) > (?, ?) ORDER BY kind, id LIMIT ?",
                    (customer, *after, limit),
                )
            ]
        )

    async def restore(self, records: Records) -> None:
        def work(db: sqlite3.Connection) -> None:
            owner = records.customer
            for job in records.jobs:
                insert_job(db, job)
            db.executemany(
                "INSERT INTO events (customer, cursor, event, job_id, at, status)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        owner,
                        event.cursor,
                        event.event,
                        event.job_id or "",
                        format_instant(event.timestamp),
                        event.data.to_compact_json()
                        if isinstance(event, JobEvent)
                        else to_text(event.data),
                    )
                    for event in records.events
                ],
            )
            db.executemany(
                "INSERT INTO logs (customer, job_id, cursor, at, level, message)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        owner,
                        job,
                        line.cursor,
                        format_instant(line.timestamp),
                        line.level,
                        line.message,
                    )
                    for job, line in records.lines
                ],
            )
            db.executemany(
                f"INSERT INTO documents ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        *(owner, one.kind, one.id, one.version),
                        None if one.due is None else format_instant(one.due),
                        *(one.size, to_text(one.body)),
                    )
                    for one in records.documents
                ],
            )

        await self._file.write(work)

    async def finish(self, customer: str, *, usage: CustomerUsage, cursor: int) -> None:
        cancelled = None if usage.last_cancelled is None else format_instant(usage.last_cancelled)
        await self._file.write(
            # Triggers have kept the sums.
            lambda db: db.execute(
                "INSERT INTO usage (customer, cancelled, cursor, changed)"
                f" VALUES (?, ?, ?, {NEXT_POSITION}) ON CONFLICT DO UPDATE SET"
                " cancelled = excluded.cancelled, cursor = excluded.cursor,"
                " changed = excluded.changed",
                (customer, cancelled, cursor),
            )
        )
