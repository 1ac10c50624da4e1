"""Checkpoints: moves pages from the write-ahead log into the database file, in the background.

SQLite would do this within a commit, so that now and then a submit would wait for megabytes.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from datagen_nb.stores.sqlite.thread import SqliteThread

logger = logging.getLogger("datagen_nb.stores")

WRITES_PER_CHECKPOINT = 200

MAX_LOG_BYTES = 16 << 20
"""A longer log is emptied by the writing thread, between two transactions.

Another connection would wait for a moment without a write, which a busy service on a slow disk may
never have.
"""

MAX_PAUSE_MS = 100
"""How long writes wait for readers of other processes that hold the log: a backup may take long."""


class Checkpoints:
    """A thread with its own connection that makes checkpoints.

    Args:
        log: The write-ahead log.
        connect: Opens the connection, in the thread that will own it.
        writer: Empties the log where it grows faster than checkpoints follow.
    """

    def __init__(
        self, log: Path, connect: Callable[[], sqlite3.Connection], writer: SqliteThread
    ) -> None:
        self._log = log
        self._connect = connect
        self._writer = writer
        self._written = 0
        self._due = threading.Event()
        self._closed = False
        self._checkpointing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="datagen-checkpoints", daemon=True)
        self._thread.start()

    def count_write(self) -> None:
        """Count one write; every ``WRITES_PER_CHECKPOINT`` of them start a checkpoint."""
        self._written += 1
        if self._written % WRITES_PER_CHECKPOINT == 0:
            self._due.set()
            if self._log.stat().st_size > MAX_LOG_BYTES:
                self._writer.between(self._empty_log)

    def close(self) -> None:
        """Finish the running checkpoint; SQLite makes another one when the file is closed."""
        self._closed = True
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        db = self._connect()
        try:
            while self._due.wait() and not self._closed:
                self._due.clear()
                self._checkpoint(db, "PASSIVE")
        finally:
            db.close()

    def _empty_log(self, db: sqlite3.Connection) -> None:
        (timeout,) = db.execute("PRAGMA busy_timeout").fetchone()
        db.execute(f"PRAGMA busy_timeout = {MAX_PAUSE_MS}")
        self._checkpoint(db, "TRUNCATE")
        db.execute(f"PRAGMA busy_timeout = {timeout}")

    def _checkpoint(self, db: sqlite3.Connection, mode: str) -> None:
        with self._checkpointing:  # SQLite refuses two at once
            try:
                db.execute(f"PRAGMA wal_checkpoint({mode})")
            except sqlite3.Error as error:
                logger.warning("the write-ahead log could not be emptied: %s", error)
