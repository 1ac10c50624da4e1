"""Waking of readers: of a customer's events, and of a job's log."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from datagen_nb.core.messages import Event
from datagen_nb.core.store import JobStore

_Read = tuple[str, int, asyncio.Event]
"""Whose events, after which cursor, before which signal."""


class EventFeed:
    """Signals that there is something new, and reads events once for all who ask for the same.

    Attributes:
        reads: The reads of events that are under way.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._signals: defaultdict[tuple[str, str], asyncio.Event] = defaultdict(asyncio.Event)
        self.reads: dict[_Read, asyncio.Task[tuple[Event, ...]]] = {}

    def signal(self, customer: str, job_id: str = "") -> asyncio.Event:
        """What the next event of a customer, or the next line of a job's log, sets.

        Take it before reading, wait for it afterwards.
        """
        return self._signals[customer, job_id]

    def wake(self, customer: str) -> None:
        """Wake the readers of a customer's events."""
        self._signals.pop((customer, ""), asyncio.Event()).set()

    def wake_log(self, customer: str, job_id: str) -> None:
        """Wake the readers of a job's log."""
        if signal := self._signals.pop((customer, job_id), None):
            signal.set()

    def wake_all(self, customer: str) -> None:
        """Wake the readers of a customer's events and of all logs of its jobs."""
        for key in [key for key in self._signals if key[0] == customer]:
            self._signals.pop(key).set()

    async def read(self, customer: str, after: int, signal: asyncio.Event) -> tuple[Event, ...]:
        """Events after a cursor; those who ask for the same before the same signal share a read."""
        key = (customer, after, signal)
        read = self.reads.get(key)
        if read is None:
            read = self.reads[key] = asyncio.create_task(self._read(customer, after))
            read.add_done_callback(lambda _: self.reads.pop(key))
        return await asyncio.shield(read)

    async def _read(self, customer: str, after: int) -> tuple[Event, ...]:
        return tuple(await self._store.events(customer, after=after))

    def close(self) -> None:
        """Wake every reader for the last time."""
        for signal in self._signals.values():
            signal.set()
