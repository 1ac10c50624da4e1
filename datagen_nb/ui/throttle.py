"""How often widgets send: a Jupyter server drops what is over 1,000 messages a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

MIN_INTERVAL = 0.2
"""Seconds between two snapshots of one widget."""

MAX_PER_SECOND = 20.0
"""Snapshots that all widgets of a kernel send together, and as many heartbeats."""

SENDER_SECONDS = 5.0
"""How long a widget that has sent a snapshot counts among those that share the rate."""


class SendRate:
    """The rate of all widgets of a kernel together.

    Attributes:
        live: Widgets that follow something, whether they send or not.
    """

    def __init__(self) -> None:
        self.live = 0
        self._senders: dict[object, float] = {}

    def sent(self, sender: object) -> None:
        """Count a sender, for a while."""
        self._senders.pop(sender, None)
        self._senders[sender] = time.monotonic()

    def interval(self) -> float:
        """Least seconds between two snapshots of one widget."""
        since = time.monotonic() - SENDER_SECONDS
        while self._senders and next(iter(self._senders.values())) < since:
            del self._senders[next(iter(self._senders))]
        return max(MIN_INTERVAL, len(self._senders) / MAX_PER_SECOND)


send_rate = SendRate()


class Throttle:
    """Passes on the newest of many values, at once or after an interval; lives on one loop.

    Args:
        put: Takes a value.
        interval: Returns the least seconds between two values.
    """

    def __init__(
        self, put: Callable[[Any], None], interval: Callable[[], float] = send_rate.interval
    ) -> None:
        self._put = put
        self._interval = interval
        self._last = float("-inf")
        self._newest: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def offer(self, value: Any, *, at_once: bool = False) -> None:
        """Take a value; call it on the loop."""
        self._newest = value
        wait = self._last + self._interval() - time.monotonic()
        if at_once or wait <= 0:
            self._pass()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self._pass)

    def close(self) -> None:
        """Pass on nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pass(self) -> None:
        self.close()
        self._last = time.monotonic()
        send_rate.sent(self)
        self._put(self._newest)
