"""Moves what was written from the write-ahead log into the database file, beside the writing.

SQLite would do it within a commit, and every so often a submit would wait for megabytes.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable

logger = logging.getLogger("datagen_nb.stores")

COMMITS = 200
"""Pieces of work after which it is time again."""

MOST_PAGES = 16_384
"""Pages of 4 KiB in the log from which on writers wait, so that it can begin anew."""


class Checkpoints:
    """One thread with a connection of its own."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._written = 0
        self._due = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="datagen-checkpoints", daemon=True)
        self._thread.start()

    def wrote(self) -> None:
        """Count one piece of work."""
        self._written += 1
        if self._written % COMMITS == 0:
            self._due.set()

    def close(self) -> None:
        """Finish what is under way; the last connection that closes moves the rest."""
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
                    if pages > MOST_PAGES:
                        db.execute("PRAGMA wal_checkpoint(RESTART)")
                except sqlite3.Error as error:
                    logger.warning("the log of the database stays as long as it is: %s", error)
        finally:
            db.close()
