"""One background thread with one event loop: it owns every connection of a kernel."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


class Portal:
    """One thread with one event loop, and the way in from other threads."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="datagen-portal", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def start(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Begin work on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work on the loop and wait for it; an interrupt stops the waiting."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("a plain call was made from the client's own thread")
        future = self.start(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, items: AsyncGenerator[T, None]) -> Iterator[T]:
        """Walk an asynchronous generator from here, and close it when the walk ends."""

        async def step() -> T:
            return await anext(items)

        async def close() -> None:
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
