"""One job, asynchronously: how it stands, and what can be done with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from datagen_nb.client.dataset import AsyncDataset, AsyncDatasets
from datagen_nb.client.models import AsyncJobModel
from datagen_nb.client.parameters import in_callers_words, known_to_wire
from datagen_nb.client.submitting import new_key, warn_of_estimate
from datagen_nb.client.watching import Watches
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ConfigurationError,
    JobCancelled,
    JobFailed,
    WaitTimeout,
)
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.lease import Connected
from datagen_nb.core.messages import Annotation, JobEvent, LogEntry
from datagen_nb.core.ports import Jobs
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobStatus, Stage, State

LOG_WAIT = 20.0
"""Seconds that a call waits for the next line of a log."""


class AsyncJob(Connected):
    """A job that was submitted: its state, and what can be done with it.

    Example:
        ```python
        job = await client.submit("customers.csv", rows=10_000)
        data = await job.result()
        ```
    """

    instead_of_pickling = "Keep its id, and find it again with client.jobs.get(…)."

    def __init__(
        self, service: Jobs, status: JobStatus, config: JobConfiguration | None = None
    ) -> None:
        self._service = service
        self._status = status
        self._config = config
        self._watches = Watches(status.job_id)

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.name!r} {self.status.status}, {self.status.data_size:,} rows>"

    @property
    def id(self) -> str:
        """The id, as ``j_06CK3M0W2PW2TDNG``."""
        return self._status.job_id

    @property
    def name(self) -> str:
        """The name, for people."""
        return self._status.name

    @property
    def status(self) -> JobStatus:
        """The newest status seen; ``refresh`` asks for a newer one."""
        return self._status

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in their order, each with its state and progress."""
        return self._status.stages

    @property
    def error(self) -> JobFailure | None:
        """Why it failed, if it did."""
        return self._status.error

    @property
    def model(self) -> AsyncJobModel:
        """The model that the job fitted, to download once it has completed."""
        return AsyncJobModel(self._service, self.id)

    async def configuration(self) -> JobConfiguration:
        """Get what the job was asked to do.

        Example:
            ```python
            config = await job.configuration()
            print(config.to_yaml())
            ```
        """
        if self._config is None:
            self._config = await self._service.configuration(self.id)
        return self._config

    async def refresh(self) -> JobStatus:
        """Ask the service for the status.

        Example:
            ```python
            status = await job.refresh()
            ```
        """
        return self._seen(await self._service.status(self.id))

    async def updates(self) -> AsyncGenerator[JobStatus, None]:
        """Iterate over the status as it is, then each newer one, until the job has ended.

        Example:
            ```python
            async for status in job.updates():
                print(status.progress)
            ```
        """
        async with aclosing(self._service.events(job_id=self.id)) as events:
            async for event in events:
                if isinstance(event, JobEvent):
                    yield self._seen(event.data)
                if self._status.status.is_terminal:
                    return

    async def wait(self, *, timeout: float | None = None) -> JobStatus:  # noqa: ASYNC109
        """Wait for the end. What interrupts the waiting does not touch the job.

        Args:
            timeout: Most seconds to wait; as long as it takes if left out.

        Raises:
            JobFailed: It failed; ``code``, ``message`` and ``details`` are the failure's.
            JobCancelled: It was cancelled.
            WaitTimeout: It has not ended in this time, and goes on.

        Example:
            ```python
            try:
                await job.wait(timeout=60)
            except TimeoutError:
                print(job.status.progress)
            ```
        """
        if not self._status.status.is_terminal:
            await self._ended(timeout)
        if self._status.status is State.CANCELLED:
            raise JobCancelled(f"Job {self.id} was cancelled.", details={"jobId": self.id})
        if self._status.error is not None:
            failure = self._status.error
            details = {**(failure.details or {}), "jobId": self.id}
            raise JobFailed(failure.explained(), code=failure.code, details=details)
        return self._status

    async def _ended(self, timeout: float | None) -> None:  # noqa: ASYNC109
        limit = asyncio.timeout(timeout)
        try:
            async with limit, aclosing(self.updates()) as updates:
                async for _ in updates:
                    pass
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise WaitTimeout(
                f"Job {self.id} has not ended after {timeout:g} s: it is {self._status.status}, at "
                f"{self._status.progress:.0f} %. It goes on; call wait() or result() again to go "
                "on waiting.",
                details={"jobId": self.id, "timeout": timeout},
            ) from error

    async def result(self, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """Wait for the end and get the rows.

        Returns:
            A dataset; of a job on several tables the datasets by the tables' names.

        Args:
            timeout: Most seconds to wait; unlimited by default.

        Raises:
            JobFailed: The job failed; ``code``, ``message`` and ``details`` are the failure's.
            JobCancelled: The job was cancelled.
            WaitTimeout: It has not ended in this time; it goes on.

        Example:
            ```python
            data = await job.result()
            await data.to_pandas()
            ```
        """
        await self.wait(timeout=timeout)
        manifest = await self._service.manifest(self.id)
        if manifest.tables:
            return AsyncDatasets(self._service, manifest)
        return AsyncDataset(self._service, manifest)

    def __await__(self) -> Generator[Any, None, Any]:
        return self.result().__await__()

    def watch(self, callback: Callable[[JobStatus], object]) -> Callable[[], None]:
        """Call back with the status now and with each newer one, until the job has ended.

        A callback that raises is logged once, by ``datagen_nb.client``, and called again
        with the next status.

        Args:
            callback: Takes a status; it runs on the client's event loop and must not block.

        Returns:
            A function that ends the watching.

        Example:
            ```python
            stop = job.watch(lambda status: print(status.progress))
            ```
        """
        return self._watches.start(callback, self.updates())

    async def cancel(self) -> JobStatus:
        """End the job for good; its worker is gone within 2 s.

        Raises:
            ActionRefused: The job has ended.

        Example:
            ```python
            await job.cancel()
            ```
        """
        return self._seen(await self._service.cancel(self.id))

    async def pause(self) -> JobStatus:
        """Stop the job and keep its finished parts, for ``resume``.

        Raises:
            ActionRefused: The job is not running.

        Example:
            ```python
            await job.pause()
            ```
        """
        return self._seen(await self._service.pause(self.id))

    async def resume(self) -> JobStatus:
        """Let a paused job go on from its finished parts.

        Raises:
            ActionRefused: The job is not paused, or was for too long.

        Example:
            ```python
            await job.resume()
            ```
        """
        return self._seen(await self._service.resume(self.id))

    async def annotate(
        self,
        *,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        note: str | None = None,
    ) -> JobStatus:
        """Change the name, the tags or the note of a job in any state; what is left out stays.

        Args:
            name: A name for people, at most 200 characters.
            tags: Words to find it by, at most 20.
            note: Any text, at most 2,000 characters.

        Raises:
            ConfigurationError: One breaks a rule; nothing was changed.

        Example:
            ```python
            await job.annotate(tags=["q3"], note="For the demo.")
            ```
        """
        annotation = Annotation(name=name, tags=None if tags is None else tuple(tags), note=note)
        return self._seen(await self._service.annotate(self.id, annotation))

    async def delete(self) -> None:
        """Delete an ended job with its data.

        Raises:
            ActionRefused: It has not ended; cancel it first.

        Example:
            ```python
            await job.delete()
            ```
        """
        await self._service.delete(self.id)

    async def rerun(
        self,
        *,
        rows: int | None = None,
        seed: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  the job's, not this call's
        name: str | None = None,
        tags: Iterable[str] | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncJob:
        """Submit the same configuration again, as a new job; what is given replaces what it had.

        Args:
            rows: Rows to make.
            seed: Another seed gives other rows; the same one the same rows.
            parameters: For the pipeline; those that are left out stay.
            timeout: Most seconds that the new job may run.
            name: What people call the new job.
            tags: Words to find it by.
            idempotency_key: As for ``submit``.

        Raises:
            ConfigurationError: Something breaks a rule; nothing was submitted.
            SubmitError: The service did not take the job.

        Example:
            ```python
            larger = await job.rerun(rows=1_000_000, timeout=7_200)
            ```
        """
        key = new_key() if idempotency_key is None else idempotency_key
        chosen = {
            "dataSize": rows,
            "timeout": timeout,
            "name": name,
            "tags": None if tags is None else list(tags),
        }
        overrides: dict[str, Any] = {key: one for key, one in chosen.items() if one is not None}
        changed: dict[str, Any] = {}
        if parameters:
            changed = known_to_wire(parameters, (await self._service.info()).pipeline)
        if seed is not None:
            changed["seed"] = seed
        if changed:
            overrides["parameters"] = changed
        try:
            status = await self._service.rerun(self.id, overrides, idempotency_key=key)
        except ConfigurationError as error:
            raise in_callers_words(error) from None
        warn_of_estimate(status)
        return AsyncJob(self._service, status, None if overrides else self._config)

    async def logs(self, *, after: int = 0) -> Sequence[LogEntry]:
        """Get the lines of the job's log.

        Args:
            after: Only lines numbered above this.

        Example:
            ```python
            for line in await job.logs():
                print(line.message)
            ```
        """
        return await self._service.log(self.id, after=after)

    async def follow_logs(self, *, after: int = 0) -> AsyncGenerator[LogEntry, None]:
        """Iterate over the lines of the job's log as they are written, until the job has ended.

        Args:
            after: Only lines numbered above this.

        Example:
            ```python
            async for line in job.follow_logs():
                print(line.message)
            ```
        """
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
        """Get the report on quality and privacy of a completed job.

        Raises:
            ResultNotReady: The job has not completed.

        Example:
            ```python
            report = await job.report()
            ```
        """
        return await self._service.report(self.id)

    def _seen(self, status: JobStatus) -> JobStatus:
        if status.last_updated >= self._status.last_updated:
            self._status = status
        return self._status
