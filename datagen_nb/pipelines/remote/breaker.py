"""A circuit breaker: what does not answer again and again is left alone for a while."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.ports import Clock

FAILURES = 3
"""Calls that fail in a row before it opens."""

OPEN_SECONDS = 10.0
"""Seconds between two calls that are let through while it is open."""


class CircuitBreaker:
    """Refuses calls at once while the other side does not answer.

    After ``FAILURES`` calls in a row that raised ``ServiceUnavailable``, one call every
    ``OPEN_SECONDS`` is let through; the first that succeeds closes it again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._next_call = 0.0
        self._reason = ""

    @property
    def is_open(self) -> bool:
        """Whether the last calls have failed."""
        return self._failures >= FAILURES

    @asynccontextmanager
    async def call(self) -> AsyncGenerator[None, None]:
        """Make one call in the block.

        Raises:
            ServiceUnavailable: ``circuit_open``; the block was not run.
        """
        now = self._clock.monotonic()
        if self.is_open:
            if now < self._next_call:
                raise ServiceUnavailable(
                    "The pipeline is asked again in "
                    f"{self._next_call - now:.0f} s. The last answer: {self._reason}",
                    code="circuit_open",
                    details={"retryAfter": self._next_call - now},
                )
            self._next_call = now + OPEN_SECONDS  # one call at a time
        try:
            yield
        except ServiceUnavailable as error:
            self._failures += 1
            self._reason = error.message
            self._next_call = self._clock.monotonic() + OPEN_SECONDS
            raise
        self._failures = 0
