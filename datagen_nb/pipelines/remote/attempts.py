"""One attempt that a pipeline makes for a caller elsewhere: its run, its status, its updates."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, get_args

from datagen_nb.core.changes import (
    Change,
    Failed,
    Progressed,
    Requeued,
    Started,
    WorkerChange,
)
from datagen_nb.core.errors import ActionRefused, DatagenError
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.pipeline import Heartbeat, PartsWritten, Signal, Task, signal_to_wire
from datagen_nb.core.pipeline_service import MAX_UPDATES, Update, UpdatePage
from datagen_nb.core.ports import Clock
from datagen_nb.core.status import JobStatus, StaleAttempt, State, fold

logger = logging.getLogger("datagen_nb.pipelines")

_CHANGES = get_args(WorkerChange)

Run = Callable[[Task], AsyncGenerator[Signal, None]]


class HostedAttempt:
    """An attempt, from its submit on.

    A newer progress of a stage takes the place of an older one, so what is kept for a caller is
    bounded, however long it does not ask.

    Args:
        task: What is run.
        status: Of the job, queued.
        clock: Dates its changes.

    Attributes:
        asked: When the caller last asked about it, by the clock's monotonic time.
    """

    def __init__(self, task: Task, status: JobStatus, clock: Clock) -> None:
        self.task = task
        self.status = status
        self.asked = clock.monotonic()
        self._clock = clock
        self._updates: dict[int, Signal] = {}
        self._newest: dict[Any, int] = {}
        self._cursor = 0
        self._changed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing runs of it, and nothing will."""
        return self._running is not None and self._running.done()

    def start(
        self, run: Run, slot: AbstractAsyncContextManager[Any], *, after: HostedAttempt | None
    ) -> None:
        """Run it, once there is a slot and the attempt that it replaces has stopped."""
        self._running = asyncio.create_task(
            self._run(run, slot, after), name=f"attempt {self.task.attempt} of {self.task.job_id}"
        )
        self._running.add_done_callback(lambda _: self._changed.set())

    async def stop(self, change: Change | None = None) -> bool:
        """End its run; return whether it was one that the change applies to."""
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait([self._running])
        return change is not None and self._apply(change)

    async def page(self, *, after: int, wait: float) -> UpdatePage:
        """Its updates after a cursor; waits for one if there is none yet."""
        try:
            async with asyncio.timeout(wait):
                while self._cursor <= after and not self.is_over:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass  # an empty page says that it goes on
        cursors = [cursor for cursor in sorted(self._updates) if cursor > after]
        return UpdatePage(
            attempt=self.task.attempt,
            updates=tuple(
                Update(cursor=cursor, signal=signal_to_wire(self._updates[cursor]))
                for cursor in cursors[:MAX_UPDATES]
            ),
            has_ended=self.is_over and len(cursors) <= MAX_UPDATES,
        )

    async def _run(
        self, run: Run, slot: AbstractAsyncContextManager[Any], after: HostedAttempt | None
    ) -> None:
        if after is not None:
            await after.stop()
        attempt = self.task.attempt
        async with slot:
            self._apply(Started(attempt))
            try:
                async with aclosing(run(self.task)) as signals:
                    async for signal in signals:
                        self._add(signal)
            except DatagenError as error:
                self._add(Failed(attempt, _failure(error)))
            except Exception as error:
                logger.exception("attempt %d of job %s failed", attempt, self.task.job_id)
                self._add(Failed(attempt, _defect(error)))
        if self.status.status is State.RUNNING:
            self._apply(Requeued(attempt, "lost its worker"))

    def _add(self, signal: Signal) -> None:
        if isinstance(signal, Heartbeat):
            return  # each answer to the caller is one
        if isinstance(signal, _CHANGES):
            self._apply(signal)
        self._cursor += 1
        match signal:
            case Progressed(stage=stage):
                self._updates.pop(self._newest.get(stage, 0), None)
                self._newest[stage] = self._cursor
            case PartsWritten():
                self._updates.pop(self._newest.get(PartsWritten, 0), None)
                self._newest[PartsWritten] = self._cursor
            case _:
                pass
        self._updates[self._cursor] = signal
        self._changed.set()

    def _apply(self, change: Change) -> bool:
        try:
            self.status = fold(self.status, change, self._clock.now())
        except (ActionRefused, StaleAttempt):
            return False
        return True


def _failure(error: DatagenError) -> JobFailure:
    details = {"retryHelps": error.retryable, "passing": error.retryable, **error.details}
    return JobFailure(code=error.code, message=error.message, details=details)


def _defect(error: Exception) -> JobFailure:
    remedy = "Report it to the operator of the pipeline, whose log says more."
    return JobFailure(
        code="internal_error",
        message=f"The pipeline made a mistake ({type(error).__name__}). {remedy}",
        details={"remedy": remedy, "retryHelps": True},
    )
