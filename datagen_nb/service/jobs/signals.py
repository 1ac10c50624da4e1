"""What a worker reports, as changes of its job."""

from __future__ import annotations

from datagen_nb.core.changes import (
    Completed,
    Failed,
    InputMeasured,
    Progressed,
    StageCompleted,
    StageStarted,
    Warned,
    WorkerChange,
)
from datagen_nb.core.pipeline import Heartbeat, Logged, PartsWritten, Signal
from datagen_nb.core.store import JobRecord
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.jobs.changes import JobChanges
from datagen_nb.service.jobs.outputs import Outputs
from datagen_nb.service.jobs.progress import UnwrittenProgress


class SignalRecorder:
    """Records the signals of one attempt; progress waits until it is due.

    Args:
        record: The job as its attempt began.
    """

    def __init__(
        self, context: ServiceContext, changes: JobChanges, outputs: Outputs, record: JobRecord
    ) -> None:
        self._changes = changes
        self._outputs = outputs
        self._record = record
        self._progress = UnwrittenProgress(context.clock, context.settings.progress_interval)

    async def add(self, signal: Signal) -> None:
        """Record a signal.

        Raises:
            ActionRefused: The job's state does not admit it.
            JobNotFound: The job was deleted.
            StaleAttempt: Another attempt has replaced this one.
        """
        match signal:
            case Heartbeat():
                await self._write_progress()
            case StageStarted() | Progressed() | StageCompleted() | InputMeasured():
                self._progress.add(signal)
                await self._write_progress()
            case PartsWritten(size=size):
                self._record = await self._outputs.make_room(self._record, size)
            case Logged():
                record = self._record
                await self._changes.append_log(record.customer, record.job_id, signal)
            case Completed():
                size = await self._outputs.keep(self._record)
                await self._apply(signal, size=size)
            case Warned(message=message):
                await self._apply(signal, log=Logged("warning", message))
            case Failed(error=error):
                await self._apply(signal, log=Logged("error", error.message))
            case _:
                await self._apply(signal)

    async def _apply(
        self, change: WorkerChange, *, size: int | None = None, log: Logged | None = None
    ) -> None:
        record = self._record
        self._record = await self._changes.apply(
            record.customer,
            record.job_id,
            change,
            size=size,
            log=log,
            record=record,
            earlier=self._progress.take(),
        )

    async def _write_progress(self) -> None:
        """Write the progress that waits, if it is time."""
        if not self._progress.is_due:
            return
        record = self._record
        *earlier, (change, _) = self._progress.take()
        self._record = await self._changes.apply(
            record.customer, record.job_id, change, record=record, earlier=earlier
        )
