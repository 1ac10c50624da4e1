"""Background tasks: started, their failures logged, cancelled or awaited at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.ports import Clock

logger = logging.getLogger("datagen_nb.service")

T = TypeVar("T")

RETRY_DELAY = 5.0
"""Seconds between two tries to write to a store that fails, as on a full disk."""


class BackgroundTasks:
    """The tasks of one part of the service.

    Example:
        ```python
        tasks = BackgroundTasks()
        tasks.start(sweep(), name="retention")
        await tasks.aclose()
        ```
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def start(self, work: Coroutine[Any, Any, object], *, name: str) -> None:
        """Begin a task; its failure is logged under ``name``. Does nothing once closed."""
        if self._is_closed:
            work.close()
            return
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    async def finish(self) -> None:
        """Wait until no task is left, those included that begin meanwhile."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def cancel(self) -> None:
        """Cancel the tasks and wait for them; others may begin afterwards."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def aclose(self) -> None:
        """Cancel the tasks and wait for them; none begins any more."""
        self._is_closed = True
        await self.cancel()

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("background task %r failed", task.get_name(), exc_info=error)


async def retry_until_stored(clock: Clock, step: Callable[[], Awaitable[T]]) -> T:
    """Repeat a step while the store fails: a job must not stay in a state that nothing ends."""
    while True:
        try:
            return await step()
        except ServiceUnavailable as error:
            logger.warning("the store failed, trying again in %g s: %s", RETRY_DELAY, error)
            await clock.sleep(RETRY_DELAY)


async def wait_for_event(
    event: asyncio.Event, pause: Coroutine[Any, Any, object] | None = None
) -> None:
    """Wait for an event, or until a pause is over, which is a sleep of the service's clock."""
    waits: list[asyncio.Task[Any]] = [asyncio.create_task(event.wait())]
    if pause is not None:
        waits.append(asyncio.create_task(pause))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
