"""Who may use a client's connection: one process and one event loop, until it is closed."""

from __future__ import annotations

import asyncio
import os
from typing import ClassVar, NoReturn, SupportsIndex

from datagen_nb.core.errors import ClientUnusable


class Lease:
    """The right to use a connection; its event loop is the first that uses it.

    Attributes:
        has_ended: Whether the connection was closed.
    """

    def __init__(self) -> None:
        self.has_ended = False
        self._process = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that uses the connection, if one did in this process."""
        return self._loop if self._process == os.getpid() else None

    def check(self) -> None:
        """Say whether the connection can be used here; call it on an event loop.

        Raises:
            ClientUnusable: It was closed, or belongs to another process or event loop.
        """
        check_process(self._process)
        if self.has_ended:
            raise ClientUnusable(
                "This client was closed, and so was what it gave. Make another with dg.connect(), "
                "and find a job again with client.jobs.get(…).",
                code="client_closed",
            )
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise ClientUnusable(
                "This client belongs to another event loop. Connect on the loop that uses it, with "
                "`async with dg.AsyncClient.connect()`; or use dg.connect(), which works anywhere.",
                code="client_elsewhere",
            )

    def end(self) -> None:
        """From now on it cannot be used."""
        self.has_ended = True


def check_process(process: int) -> None:
    """Say whether a connection of this process can be used here.

    Raises:
        ClientUnusable: This process was forked from that one.
    """
    if process != os.getpid():
        raise ClientUnusable(
            f"This client belongs to process {process}, from which this one was forked. Make "
            "another here with dg.connect(), and find a job again with client.jobs.get(…).",
            code="client_forked",
        )


class Connected:
    """Something that works over a connection, and so is neither pickled nor copied.

    Attributes:
        instead_of_pickling: What to do, in a sentence.
    """

    instead_of_pickling: ClassVar[str] = "Connect again with dg.connect()."

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} works over a connection and cannot be pickled or copied. "
            f"{self.instead_of_pickling}"
        )
