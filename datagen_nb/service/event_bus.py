"""Event buses: within one process, and between processes by polling the store."""

from __future__ import annotations

import asyncio
import logging

from datagen_nb.core.errors import DatagenError
from datagen_nb.core.event_bus import Listener
from datagen_nb.core.ports import Clock
from datagen_nb.core.store import JobStore

logger = logging.getLogger("datagen_nb.service")

POLL_INTERVAL = 0.5
"""Seconds between two polls for changes of other processes."""

IDLE_POLL_INTERVAL = 5.0
"""As much it grows while nothing changes, where each poll is paid for."""


class LocalEventBus:
    """Implements ``core.event_bus.EventBus`` for a process that alone uses its store."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    async def start(self) -> None: ...

    def publish(self, customer: str) -> None:
        for listener in self._listeners:
            listener(customer)

    def subscribe(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def subscribe_remote(self, listener: Listener) -> None:
        """There are no changes of other processes."""

    async def aclose(self) -> None: ...


class PollingEventBus:
    """Implements ``core.event_bus.EventBus`` over ``JobStore.changes``, for several processes.

    Where the store cannot tell its own process's changes from others', remote listeners are called
    for both.

    Args:
        store: What is polled.
        clock: Of the service.
        interval: Seconds between two polls after a change.
        longest: Up to which they double while nothing changes.
    """

    def __init__(
        self,
        store: JobStore,
        clock: Clock,
        *,
        interval: float = POLL_INTERVAL,
        longest: float = POLL_INTERVAL,
    ) -> None:
        self._local = LocalEventBus()
        self._remote = LocalEventBus()
        self._store = store
        self._clock = clock
        self._interval = interval
        self._longest = longest
        self._polling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        position = (await self._store.changes()).position
        self._polling = asyncio.create_task(self._poll(position), name="event bus")

    def publish(self, customer: str) -> None:
        self._local.publish(customer)

    def subscribe(self, listener: Listener) -> None:
        self._local.subscribe(listener)

    def subscribe_remote(self, listener: Listener) -> None:
        self._remote.subscribe(listener)

    async def aclose(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)

    async def _poll(self, position: int) -> None:
        interval = self._interval
        while True:
            await self._clock.sleep(interval)
            try:
                found = await self._store.changes(after=position, by_others=True)
            except DatagenError as error:
                logger.warning("changes of other processes could not be read: %s", error)
                continue
            position = found.position
            interval = self._interval if found.customers else min(2 * interval, self._longest)
            for customer in found.customers:
                self._remote.publish(customer)
                self._local.publish(customer)
