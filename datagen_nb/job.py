"""One job, asynchronously: how it stands, and what can be done with it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import JobCancelled, JobFailed
from datagen_nb.core.messages import Annotation, JobEvent, LogEntry
from datagen_nb.core.ports import Jobs
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobFailure, JobStatus, Stage, State
from datagen_nb.dataset import AsyncDataset

LOG_WAIT = 20.0
"""Seconds that a call waits for the next line of a log."""


class AsyncJob:
    """One job: how it stands, and what can be done with it."""

    def __init__(
        self, service: Jobs, status: JobStatus, config: JobConfiguration | None = None
    ) -> None:
        self._service = service
        self._status = status
        self._config = config

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.name!r} {self.status.status}, {self.status.data_size:,} rows>"

    @property
    def id(self) -> str:
        return self._status.job_id

    @property
    def name(self) -> str:
        return self._status.name

    @property
    def status(self) -> JobStatus:
        """The newest status seen; ``refresh`` asks for a newer one."""
        return self._status

    @property
    def stages(self) -> tuple[Stage, ...]:
        return self._status.stages

    @property
    def error(self) -> JobFailure | None:
        """Why it failed, if it did."""
        return self._status.error

    async def configuration(self) -> JobConfiguration:
        """What the job was asked to do."""
        if self._config is None:
            self._config = await self._service.configuration(self.id)
        return self._config

    async def refresh(self) -> JobStatus:
        """Ask for the status."""
        return self._seen(await self._service.status(self.id))

    async def updates(self) -> AsyncGenerator[JobStatus, None]:
        """The status as it is, then each newer one, until the job has ended."""
        async with aclosing(self._service.events(job_id=self.id)) as events:
            async for event in events:
                if isinstance(event, JobEvent):
                    yield self._seen(event.data)
                if self._status.status.is_terminal:
                    return

    async def wait(self) -> JobStatus:
        """Wait for the end.

        Raises:
            JobFailed: It failed; ``code``, ``message`` and ``details`` are the failure's.
            JobCancelled: Someone cancelled it.
        """
        async with aclosing(self.updates()) as updates:
            async for _ in updates:
                pass
        if self._status.status is State.CANCELLED:
            raise JobCancelled(f"Job {self.id} was cancelled.", details={"jobId": self.id})
        if self._status.error is not None:
            failure = self._status.error
            details = {**(failure.details or {}), "jobId": self.id}
            raise JobFailed(_told(failure), code=failure.code, details=details)
        return self._status

    async def result(self) -> AsyncDataset:
        """Wait for the end and take the rows; raises as ``wait`` does."""
        await self.wait()
        return AsyncDataset(self._service, await self._service.manifest(self.id))

    def __await__(self) -> Generator[Any, None, AsyncDataset]:
        return self.result().__await__()

    async def cancel(self) -> JobStatus:
        """End the job for good; its worker is gone within 2 s."""
        return self._seen(await self._service.cancel(self.id))

    async def pause(self) -> JobStatus:
        """Stop the job, keeping its finished parts."""
        return self._seen(await self._service.pause(self.id))

    async def resume(self) -> JobStatus:
        """Let a paused job go on from its finished parts."""
        return self._seen(await self._service.resume(self.id))

    async def annotate(
        self,
        *,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        note: str | None = None,
    ) -> JobStatus:
        """Write on the job, in whatever state it is; what is left out stays.

        Args:
            name: What people call it.
            tags: Words to find it by.
            note: Anything, at most 2,000 characters.

        Raises:
            ConfigurationError: One breaks its rule; nothing was written.
        """
        said = Annotation(name=name, tags=None if tags is None else tuple(tags), note=note)
        return self._seen(await self._service.annotate(self.id, said))

    async def delete(self) -> None:
        """Delete an ended job with its data, before its time.

        Raises:
            ActionRefused: It has not ended.
        """
        await self._service.delete(self.id)

    async def rerun(self) -> AsyncJob:
        """Submit the same configuration again, as a new job."""
        status = await self._service.rerun(self.id, idempotency_key=uuid.uuid4().hex)
        return AsyncJob(self._service, status, self._config)

    async def logs(self, *, after: int = 0) -> Sequence[LogEntry]:
        """The lines of the job's log, those numbered above ``after``."""
        return await self._service.log(self.id, after=after)

    async def follow_logs(self, *, after: int = 0) -> AsyncGenerator[LogEntry, None]:
        """The lines above ``after`` as the job says them, until it has ended and said all."""
        ended = False
        while True:
            lines = await self._service.log(self.id, after=after, wait=LOG_WAIT)
            for line in lines:
                after = line.cursor
                yield line
            if not lines and ended:
                return
            # Looked at before the lines are read once more: the last words come with the end.
            ended = not lines and self._seen(await self._service.status(self.id)).status.is_terminal

    async def report(self) -> Report:
        """Fidelity and memorisation of the result."""
        return await self._service.report(self.id)

    def _seen(self, status: JobStatus) -> JobStatus:
        if status.last_updated >= self._status.last_updated:
            self._status = status
        return self._status


def _told(failure: JobFailure) -> str:
    details = failure.details or {}
    where = f"In {details['stage']}: " if "stage" in details else ""
    remedy = details.get("remedy", "")
    what = failure.message.removesuffix(remedy).rstrip()
    return f"{where}{what} {remedy}".rstrip()
