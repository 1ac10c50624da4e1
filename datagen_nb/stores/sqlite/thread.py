"""A thread that owns a SQLite connection, with group commit.

``synchronous=FULL`` makes each commit wait for the disk; work that queues up meanwhile shares the
next one. Each piece of work has its own savepoint, so that its failure affects no other.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from datagen_nb.core.errors import ServiceUnavailable

T = TypeVar("T")

Work = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]"]
Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]

MAX_BATCH = 256


class SqliteThread:
    """Runs functions of a connection one after the other.

    Args:
        connect: Opens the connection, in the thread that will own it.
        writes: Whether to run work in transactions and commit it.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, writes: bool) -> None:
        self._connect = connect
        self._writes = writes
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._opened: Future[None] = Future()
        self._closed = False
        self._between: Callable[[sqlite3.Connection], None] | None = None
        name = "datagen-writer" if writes else "datagen-reader"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def opened(self) -> None:
        """Wait until the connection is open, and raise the error of opening it."""
        await asyncio.wrap_future(self._opened)

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work``; its writes have been synced to the disk when this returns.

        Raises:
            sqlite3.Error: The work or its commit failed.
            ServiceUnavailable: The connection is closed.
        """
        if self._closed:
            raise ServiceUnavailable(
                "This service has ended. Connect again with dg.connect().", code="service_ended"
            )
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put((work, done))
        return await done

    def between(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Run ``work`` once outside a transaction, after the batch that is performed now or next.

        For what no transaction may hold; later work waits for it.
        """
        self._between = work

    async def aclose(self) -> None:
        """Do the work that waits, then close the connection."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            connection = self._connect()
        except BaseException as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        try:
            while batch := self._next():
                self._perform(connection, batch)
                between, self._between = self._between, None
                if between is not None:
                    between(connection)
        finally:
            connection.close()

    def _next(self) -> list[Work]:
        first = self._queue.get()
        if first is None:
            return []
        batch = [first]
        while self._writes and len(batch) < MAX_BATCH:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._queue.put(None)
                break
            batch.append(following)
        return batch

    def _perform(self, connection: sqlite3.Connection, batch: list[Work]) -> None:
        outcomes: list[Outcome] = []
        try:
            if self._writes:
                connection.execute("BEGIN IMMEDIATE")
            for work, done in batch:
                outcomes.append((done, *self._attempt(connection, work)))
            if self._writes:
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            outcomes = [(done, None, error) for _, done in batch]
        # Waking a loop is what costs: all of its futures are resolved in one callback.
        for loop in {done.get_loop() for done, _, _ in outcomes}:
            with suppress(RuntimeError):  # the loop is closed, and no one waits
                loop.call_soon_threadsafe(_resolve, loop, outcomes)

    def _attempt(
        self, connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Any]
    ) -> tuple[Any, BaseException | None]:
        if not self._writes:
            try:
                return work(connection), None
            except Exception as error:
                return None, error
        connection.execute("SAVEPOINT work")
        try:
            value = work(connection)
        except Exception as error:
            connection.execute("ROLLBACK TO work")
            connection.execute("RELEASE work")
            return None, error
        connection.execute("RELEASE work")
        return value, None


def _resolve(loop: asyncio.AbstractEventLoop, outcomes: list[Outcome]) -> None:
    """Resolve the futures of a loop, except those that were cancelled."""
    for done, value, failure in outcomes:
        if done.get_loop() is not loop or done.done():
            continue
        if failure is None:
            done.set_result(value)
        else:
            done.set_exception(failure)
