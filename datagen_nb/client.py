"""The asynchronous client: submit a table, follow the job, take the result."""

from __future__ import annotations

import uuid
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from datagen_nb.core.config import DEFAULT_BUCKET, LOCAL_FILES, JobConfiguration, format_of
from datagen_nb.core.errors import ConfigurationError, JobCancelled, JobFailed
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import Cancellations, JobEvent, JobQuery, LogEntry, ServiceInfo
from datagen_nb.core.ports import Jobs
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobFailure, JobStatus, Stage, State
from datagen_nb.dataset import AsyncDataset
from datagen_nb.inputs import place

if TYPE_CHECKING:
    from datagen_nb.inputs import Source

LOG_WAIT = 20.0
"""Seconds that a call waits for the next line of a log."""

_CALLERS_WORDS = {
    "dataSize": "rows",
    "outputFormat": "format",
    "outputPath": "output",
    "parameters.seed": "seed",
}


class AsyncClient:
    """Submits jobs and finds them again.

    Example:
        ```python
        async with dg.AsyncClient.connect() as client:
            job = await client.submit("data/diamonds.parquet", rows=1_000)
            data = await job
        ```
    """

    def __init__(
        self, service: Jobs, *, close: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._service = service
        self._close = close or service.aclose
        self.jobs = AsyncHistory(service)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of the connection; jobs go on."""
        await self._close()

    async def submit(
        self,
        source: Source | JobConfiguration,
        *,
        rows: int | None = None,
        seed: int | None = None,
        output: str | Path | None = None,
        format: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  the job's, not this call's
        name: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> AsyncJob:
        """Submit a job; returns as soon as the service has accepted it.

        Args:
            source: The table to learn from: a path, a pandas DataFrame, a pyarrow Table; or a
                whole ``JobConfiguration``, with no further arguments.
            rows: Rows to make.
            seed: The same table, configuration and seed give the same rows; 0 if left out.
            output: A file to write the result to, besides keeping it in the bucket.
            format: ``csv``, ``json``, ``jsonl`` or ``parquet``; by default that of ``output``,
                else the input's.
            parameters: For the pipeline, as ``{"sampleRows": 20_000}``.
            timeout: Most seconds the job may run.
            name: What people call it; by default the input's name.
            tags: Words to find it by.

        Raises:
            ConfigurationError: Something breaks a rule; nothing was sent.
            InputError: The table cannot be read; nothing was sent.
            SubmitError: The service did not take the job.
            TypeError: The arguments do not go together.
        """
        chosen: dict[str, Any] = {
            "data_size": rows,
            "timeout": timeout,
            "tags": None if tags is None else tuple(tags),
        }
        if isinstance(source, JobConfiguration):
            extra = [seed, output, format, parameters, name, *chosen.values()]
            if any(value is not None for value in extra):
                raise TypeError("a JobConfiguration says it all: give it alone, or give a table")
            return await self._create(source)
        parameters = dict(parameters or {}) | ({} if seed is None else {"seed": seed})
        values = {key: value for key, value in chosen.items() if value is not None}
        values |= {**self._target(output), "parameters": parameters}
        # Rules before the table: a wrong number is told before gigabytes are read.
        _configure(**values, output_format=format or "csv", input_format="csv", input_path="-")
        placed = await place(source, parameters, self._service)
        config = _configure(
            **values,
            input_bucket=placed.bucket,
            input_path=placed.path,
            input_format=placed.format,
            output_format=format or format_of(str(output or "")) or placed.format,
            name=placed.name if name is None else name,
        )
        return await self._create(config)

    async def info(self) -> ServiceInfo:
        """What the service says of itself."""
        return await self._service.info()

    async def limits(self) -> RateLimitStatus:
        """What runs, what waits, the cooldown, and whether a job submitted now would be taken."""
        return await self._service.limits()

    async def set_max_waiting(self, jobs: int | None) -> RateLimitStatus:
        """Choose how many jobs may queue; 0 refuses at once what cannot start.

        ``None`` goes back to what the operator set.

        Raises:
            ConfigurationError: It is more than the operator allows.
        """
        return await self._service.set_max_waiting(jobs)

    async def retention_days(self) -> float:
        """Days from a job's end until it is deleted with its data."""
        return await self._service.retention_days()

    async def set_retention_days(self, days: float | None) -> float:
        """Choose these days, for the jobs there are as well; ``None`` goes back to the usual.

        Raises:
            ConfigurationError: They are out of the operator's bounds.
        """
        return await self._service.set_retention_days(days)

    async def clean_up(self) -> int:
        """Delete the jobs whose time has passed now rather than soon; count them."""
        return await self._service.clean_up()

    async def _create(self, config: JobConfiguration) -> AsyncJob:
        status = await self._service.create(config, idempotency_key=uuid.uuid4().hex)
        return AsyncJob(self._service, status, config)

    def _target(self, output: str | Path | None) -> dict[str, str]:
        if output is None:
            return {}
        if not self._service.shares_files:
            return {"output_bucket": DEFAULT_BUCKET, "output_path": str(output)}
        path = Path(output).expanduser().absolute()
        return {"output_bucket": LOCAL_FILES, "output_path": str(path)}


def _configure(**values: Any) -> JobConfiguration:
    try:
        return JobConfiguration(**values)
    except ConfigurationError as error:
        problems = [
            replace(problem, field=_CALLERS_WORDS.get(problem.field, problem.field))
            for problem in error.problems
        ]
        raise ConfigurationError(problems) from None


class AsyncHistory:
    """The customer's jobs."""

    def __init__(self, service: Jobs) -> None:
        self._service = service

    async def get(self, job_id: str) -> AsyncJob:
        """Find a job by its id.

        Raises:
            JobNotFound: There is none.
        """
        return AsyncJob(self._service, await self._service.status(job_id))

    async def list(
        self,
        *,
        status: State | str | Sequence[State | str] = (),
        since: datetime | None = None,
        limit: int = 50,
    ) -> Sequence[AsyncJob]:
        """Jobs, the newest first.

        Args:
            status: Only jobs in this state, or one of these.
            since: Only jobs created at or after this instant; without a zone it is local time.
            limit: At most so many.
        """
        states = (status,) if isinstance(status, str) else tuple(status)
        query = JobQuery(
            status=tuple(_state(state) for state in states),
            since=None if since is None else since.astimezone(),
            limit=min(max(limit, 1), 500),
        )
        found: list[AsyncJob] = []
        while len(found) < limit:
            page = await self._service.history(query)
            found += [AsyncJob(self._service, job) for job in page.jobs]
            if page.next_cursor is None:
                break
            query = query.model_copy(update={"cursor": page.next_cursor})
        return found[:limit]

    async def running(self) -> Sequence[AsyncJob]:
        """Jobs that have not ended: running, queued and paused."""
        return await self.list(status=(State.RUNNING, State.QUEUED, State.PAUSED), limit=500)

    async def cancel(self, *job_ids: str) -> Cancellations:
        """Cancel the jobs with these ids, or, without any, all that have not ended."""
        return await self._service.cancel_many(job_ids or None)

    async def last(self) -> AsyncJob | None:
        """The newest job; ``None`` when there is none."""
        return next(iter(await self.list(limit=1)), None)


def _state(value: State | str) -> State:
    try:
        return State(value)
    except ValueError:
        raise ValueError(f"no state {value!r}; states are {', '.join(State)}") from None


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
    remedy = f" {details['remedy']}" if details.get("remedy") else ""
    return f"{where}{failure.message}{remedy}"
