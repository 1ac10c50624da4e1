"""The port of an event bus: how readers learn that a customer's data has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Listener = Callable[[str], None]
"""Called with the name of a customer; must not block."""


class EventBus(Protocol):
    """Reports changes of customers' jobs, logs and documents, without their content.

    Guarantees: once a change can be read from the store, every listener in every process is called
    for its customer at least once. How many changes one call stands for, and in which order
    customers come, is open; a listener may be called although nothing has changed.
    """

    async def start(self) -> None:
        """Begin to report changes of other processes."""
        ...

    def publish(self, customer: str) -> None:
        """Report a change that this process has written; returns at once."""
        ...

    def subscribe(self, listener: Listener) -> None:
        """Call a listener for every change, whichever process wrote it."""
        ...

    def subscribe_remote(self, listener: Listener) -> None:
        """Call a listener for changes that another process may have written."""
        ...

    async def aclose(self) -> None:
        """Report nothing more."""
        ...
