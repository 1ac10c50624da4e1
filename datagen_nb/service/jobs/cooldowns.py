"""Customers of whom no job starts for a while, after one was cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from datagen_nb.core.limits import cooldown_left
from datagen_nb.service.context import ServiceContext


class Cooldowns:
    """One timer for each customer that has to wait.

    Args:
        context: Where the limits and the usage of a customer are read.
        over: Called when a customer may start jobs again.
    """

    def __init__(self, context: ServiceContext, *, over: Callable[[], None]) -> None:
        self._context = context
        self._over = over
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._closing = False
        self.until: dict[str, datetime] = {}

    def __contains__(self, customer: object) -> bool:
        return customer in self._timers

    async def start(self, customer: str, *, least: float = 0) -> None:
        """Start nothing of a customer until its cooldown has passed, or for ``least`` seconds."""
        context = self._context
        limits = await context.policy.limits_of(customer)
        usage = await context.store.usage(customer)
        now = context.clock.now()
        left = cooldown_left(usage, limits, now)
        if left:
            self.until[customer] = now + timedelta(seconds=left)
        if (seconds := max(left, least)) and not self._closing:
            if before := self._timers.pop(customer, None):
                before.cancel()
            self._timers[customer] = asyncio.create_task(self._end(customer, seconds))

    async def aclose(self) -> None:
        """Stop all timers."""
        self._closing = True
        timers = list(self._timers.values())
        for timer in timers:
            timer.cancel()
        await asyncio.gather(*timers, return_exceptions=True)

    async def _end(self, customer: str, seconds: float) -> None:
        await self._context.clock.sleep(seconds)
        del self._timers[customer]
        self.until.pop(customer, None)
        self._over()
