"""Checkpoints: moves pages from the write-ahead log into the database file, in the background.

SQLite would do this within a commit, so that now and then a submit would wait for megabytes.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable

logger = logging.getLogger("datagen_nb.stores")

WRITES_PER_CHECKPOINT = 200

MAX_PAGES = 4_096
"""Pages of 4 KiB. A longer log is emptied while writers wait, so that it stays below 16 MiB."""


class Checkpoints:
    """A thread with its own connection that makes checkpoints."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._written = 0
        self._due = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="datagen-checkpoints", daemon=True)
        self._thread.start()

    def count_write(self) -> None:
        """Count one write; every ``WRITES_PER_CHECKPOINT`` of them start a checkpoint."""
        self._written += 1
        if self._written % WRITES_PER_CHECKPOINT == 0:
            self._due.set()

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
                try:
                    _, pages, _ = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                    if pages > MAX_PAGES:
                        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                except sqlite3.Error as error:
                    logger.warning("the write-ahead log could not be emptied: %s", error)
        finally:
            db.close()
