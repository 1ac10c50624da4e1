"""Callbacks that follow a job."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from datagen_nb.core.errors import DatagenError
from datagen_nb.core.status import JobStatus

logger = logging.getLogger("datagen_nb.client")

_RAISED = "The callback %s, which watches job %s, raised. It is called again with the next status."
_ENDED = "Job %s is no longer watched: %s is not called again."


class Watches:
    """The callbacks that watch one job, each in a task of its own.

    Args:
        job_id: Of the job; log lines name it.
    """

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self, callback: Callable[[JobStatus], object], updates: AsyncGenerator[JobStatus, None]
    ) -> Callable[[], None]:
        """Call back with each update until they end; return what ends it before."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._follow(callback, updates))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

        def stop() -> None:
            loop.call_soon_threadsafe(task.cancel)

        return stop

    async def _follow(
        self, callback: Callable[[JobStatus], object], updates: AsyncGenerator[JobStatus, None]
    ) -> None:
        name = getattr(callback, "__qualname__", repr(callback))
        has_failed = False
        try:
            async with aclosing(updates):
                async for status in updates:
                    try:
                        callback(status)
                    except (Exception, SystemExit):
                        if not has_failed:
                            logger.exception(_RAISED, name, self._job_id)
                        has_failed = True
        except DatagenError as error:  # its own sentence says what happened
            logger.error("%s %s", _ENDED % (self._job_id, name), error)
        except Exception:
            logger.exception(_ENDED, self._job_id, name)
