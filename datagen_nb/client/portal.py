"""One background thread with one event loop: it owns every connection of a kernel."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from functools import cache
from typing import Any, TypeVar

from datagen_nb.core.errors import ClientUnusable
from datagen_nb.core.lease import check_process

T = TypeVar("T")

WORKERS = 32
"""Threads for work that blocks; a file system that hangs may hold some for good."""


class Portal:
    """One thread with one event loop, and the way in from other threads.

    Attributes:
        attend: Called with what a plain call waits for, and returns when that is done; what has to
            be looked after on the waiting thread meanwhile is looked after there.
    """

    def __init__(self) -> None:
        self.attend: Callable[[concurrent.futures.Future[Any]], None] | None = None
        self._process = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(
            concurrent.futures.ThreadPoolExecutor(WORKERS, thread_name_prefix="datagen-work")
        )
        self._thread = threading.Thread(target=self._run, name="datagen-portal", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def start(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Begin work on the loop.

        Raises:
            ClientUnusable: This process was forked from the portal's.
        """
        try:
            check_process(self._process)
        except ClientUnusable:
            work.close()
            raise
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work on the loop and wait for it; an interrupt stops the waiting.

        Raises:
            ClientUnusable: The portal's own thread would wait for itself; or as ``start``.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise ClientUnusable(
                "A plain call was made from the client's own thread, where it would wait for "
                "itself. A callback there hands such work to a thread, or to `asynchronous`.",
                code="client_elsewhere",
            )
        future = self.start(work)
        try:
            if self.attend is not None:
                self.attend(future)
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, items: AsyncGenerator[T, None]) -> Iterator[T]:
        """Walk an asynchronous generator from here, and close it when the walk ends."""
        stepping = asyncio.Lock()  # a step that was interrupted may still be ending

        async def step() -> T:
            async with stepping:
                return await anext(items)

        async def close() -> None:
            async with stepping:
                await items.aclose()

        try:
            while True:
                try:
                    item = self.call(step())
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self.call(close())


@cache
def portal() -> Portal:
    """The process's portal."""
    return Portal()


os.register_at_fork(after_in_child=portal.cache_clear)
