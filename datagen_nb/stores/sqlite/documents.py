"""Documents in the jobs' SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from datagen_nb.core.errors import VersionConflict
from datagen_nb.core.store import Document, Notice, Precondition
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.sqlite.events import EventLog, mark_changed
from datagen_nb.stores.sqlite.file import SqliteFile
from datagen_nb.stores.sqlite.rows import to_text, usage

COLUMNS = "customer, kind, id, version, due, size, body"

_INSTANT = TypeAdapter(datetime)

_AFTER_ALL = "\U0010ffff"
"""Appended to a prefix, sorts after every id that starts with it."""


class SqliteDocuments:
    """Implements ``core.store.Documents``."""

    def __init__(self, file: SqliteFile, log: EventLog) -> None:
        self._file = file
        self._log = log

    async def get(self, customer: str, kind: str, id: str) -> Document | None:
        def work(db: sqlite3.Connection) -> Document | None:
            row = db.execute(
                f"SELECT {COLUMNS} FROM documents WHERE customer = ? AND kind = ? AND id = ?",
                (customer, kind, id),
            ).fetchone()
            return None if row is None else document_of(row)

        return await self._file.read(work)

    async def put(
        self,
        *documents: Document,
        notice: Notice | None = None,
        precondition: Precondition | None = None,
    ) -> None:
        (customer,) = {document.customer for document in documents}

        def work(db: sqlite3.Connection) -> None:
            if precondition is not None:
                precondition(usage(db, customer))
            for document in documents:
                put(db, document)
            mark_changed(db, customer)
            if notice is not None:
                self._log.append_notice(db, customer, notice)

        await self._file.write(work)

    async def delete(self, customer: str, kind: str, id: str) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            removed = db.execute(
                "DELETE FROM documents WHERE customer = ? AND kind = ? AND id = ?",
                (customer, kind, id),
            ).rowcount
            if removed:
                mark_changed(db, customer)
            return bool(removed)

        return await self._file.write(work)

    async def page(
        self, customer: str, kind: str, *, prefix: str = "", after: str = "", limit: int = 100
    ) -> Sequence[Document]:
        return await self._file.read(
            lambda db: [
                document_of(row)
                for row in db.execute(
                    f"SELECT {COLUMNS} FROM documents WHERE customer = ? AND kind = ?"
                    " AND id >= ? AND id < ? AND id > ? ORDER BY id LIMIT ?",
                    (customer, kind, prefix, prefix + _AFTER_ALL, after, limit),
                )
            ]
        )

    async def due(self, kind: str, *, until: datetime, limit: int = 100) -> Sequence[Document]:
        return await self._file.read(
            lambda db: [
                document_of(row)
                for row in db.execute(
                    f"SELECT {COLUMNS} FROM documents WHERE kind = ? AND due <= ?"
                    " ORDER BY due, customer, id LIMIT ?",
                    (kind, format_instant(until), limit),
                )
            ]
        )

    async def next_due(self, kind: str) -> datetime | None:
        def work(db: sqlite3.Connection) -> datetime | None:
            (due,) = db.execute(
                "SELECT min(due) FROM documents WHERE kind = ? AND due IS NOT NULL", (kind,)
            ).fetchone()
            return _instant(due)

        return await self._file.read(work)


def put(db: sqlite3.Connection, document: Document) -> None:
    """Write a document at its version, within the caller's transaction."""
    key = (document.customer, document.kind, document.id)
    due = None if document.due is None else format_instant(document.due)
    values = (due, document.size, to_text(document.body))
    if document.version == 0:
        written = db.execute(
            "INSERT INTO documents (customer, kind, id, version, due, size, body)"
            " VALUES (?, ?, ?, 1, ?, ?, ?) ON CONFLICT DO NOTHING",
            (*key, *values),
        ).rowcount
    else:
        written = db.execute(
            "UPDATE documents SET version = version + 1, due = ?, size = ?, body = ?"
            " WHERE customer = ? AND kind = ? AND id = ? AND version = ?",
            (*values, *key, document.version),
        ).rowcount
    if not written:
        raise VersionConflict(f"{document.kind} {document.id}")


def document_of(row: tuple[Any, ...]) -> Document:
    """The document in a row with the columns of ``COLUMNS``."""
    customer, kind, id, version, due, size, body = row
    return Document(customer, kind, id, json.loads(body), version, _instant(due), size)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else _INSTANT.validate_python(text)
