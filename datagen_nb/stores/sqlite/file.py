"""One SQLite file and its threads: opening it, migrating it, and mapping its errors."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Self, TypeVar

from datagen_nb.core.errors import HomeError, ServiceUnavailable
from datagen_nb.stores.sqlite.checkpoints import Checkpoints
from datagen_nb.stores.sqlite.thread import SqliteThread

T = TypeVar("T")


class SqliteFile:
    """A database with one writing thread and one reading thread; made by ``open``."""

    def __init__(self, path: Path, writer: SqliteThread, reader: SqliteThread) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._checkpoints = Checkpoints(
            path.with_name(f"{path.name}-wal"), lambda: _connect(path, migrate=False), writer
        )

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the file, create it if it does not exist, and migrate its tables.

        Before tables are changed, the database is kept beside itself as it was: ``jobs.sqlite.v6``.

        Raises:
            HomeError: It is not a job database, is damaged, or was written by a newer version.
        """
        try:
            writer = SqliteThread(lambda: _connect(path, migrate=True), writes=True)
            await writer.opened()
            reader = SqliteThread(lambda: _connect(path, migrate=False), writes=False)
            await reader.opened()
        except (sqlite3.Error, OSError) as error:
            raise HomeError(
                f"The job database {path} cannot be used: {error}. "
                "Move it away to start with an empty one, or choose another home.",
                details={"path": str(path)},
            ) from error
        return cls(path, writer, reader)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a transaction, which has been synced to the disk when this returns.

        Raises:
            ServiceUnavailable: The write failed, as on a full disk.
        """
        result = await self._run(self._writer, work)
        self._checkpoints.count_write()
        return result

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on the committed data.

        Raises:
            ServiceUnavailable: The read failed.
        """
        return await self._run(self._reader, work)

    async def aclose(self) -> None:
        await self._writer.aclose()
        await self._reader.aclose()
        await asyncio.to_thread(self._checkpoints.close)

    async def _run(self, thread: SqliteThread, work: Callable[[sqlite3.Connection], T]) -> T:
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
    if migrate:  # SQLite itself would create a file that others may read
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        if migrate:
            _migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    folder = resources.files("datagen_nb.stores.sqlite") / "migrations"
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
    if 0 < present < max(steps):
        _keep(db, path.with_name(f"{path.name}.v{present}"))
    for number in sorted(step for step in steps if step > present):
        script = steps[number].read_text(encoding="utf-8")
        db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


def _keep(db: sqlite3.Connection, copy: Path) -> None:
    """Write a copy of a database that appears whole, for this user alone."""
    unfinished = copy.with_name(f"{copy.name}.part")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    db.execute("VACUUM INTO ?", (str(unfinished),))
    unfinished.replace(copy)
