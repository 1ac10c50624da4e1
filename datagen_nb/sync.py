"""The same client for plain cells: every call is handed to one background thread.

No logic stands here. The thread's event loop owns every connection of the kernel, so a cell
that computes, or a loop that the notebook runs, never holds up what is live.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from datagen_nb.client import AsyncClient, AsyncHistory
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import Cancellations, LogEntry, ServiceInfo
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobFailure, JobStatus, Stage, State
from datagen_nb.job import AsyncJob
from datagen_nb.plain_areas import Alerts, Schedules, Templates, Uploads, Webhooks
from datagen_nb.plain_dataset import Dataset
from datagen_nb.portal import Portal, portal

if TYPE_CHECKING:
    import pandas as pd

    from datagen_nb.core.estimates import Estimate
    from datagen_nb.core.inspection import Inspection
    from datagen_nb.inputs import Source

T = TypeVar("T")


class Views(Protocol):
    """How things look in a notebook; given to a client by who wires it."""

    def card(self, job: Job) -> Any:
        """A live card."""
        ...

    def grid(self, data: Dataset) -> Any:
        """A grid over rows."""
        ...

    def report(self, report: Report) -> Any:
        """A report to read."""
        ...


class Client:
    """Submits jobs and finds them again, in plain calls.

    Attributes:
        jobs: Those there are.
        templates: Named, versioned configurations.
        schedules: Jobs that run by the clock.
        webhooks: Where the service tells what happens.
        alerts: What needs attention.
        uploads: Inputs that are sent in chunks.

    Example:
        ```python
        client = dg.connect()
        job = client.submit("data/diamonds.parquet", rows=1_000)
        data = job.result()
        ```
    """

    def __init__(self, open: Callable[[], Awaitable[AsyncClient]], views: Views) -> None:
        self._portal = portal()
        self._views = views

        async def opened() -> AsyncClient:
            return await open()

        self._client = self._portal.call(opened())
        self.jobs = History(self._client.jobs, self)
        self.templates = Templates(self._client.templates, self._portal)
        self.schedules = Schedules(self._client.schedules, self._portal)
        self.webhooks = Webhooks(self._client.webhooks, self._portal)
        self.alerts = Alerts(self._client.alerts, self._portal)
        self.uploads = Uploads(self._client.uploads, self._portal)

    @property
    def asynchronous(self) -> AsyncClient:
        """The same client for work on its thread; see ``portal``."""
        return self._client

    @property
    def shares_files(self) -> bool:
        """See ``AsyncClient.shares_files``."""
        return self._client.shares_files

    @property
    def portal(self) -> Portal:
        """The thread that owns the connection."""
        return self._portal

    @property
    def views(self) -> Views:
        """How its things look in a notebook."""
        return self._views

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection; jobs go on."""
        self._portal.call(self._client.aclose())

    def submit(
        self,
        source: Source | JobConfiguration,
        *,
        rows: int | None = None,
        seed: int | None = None,
        output: str | Path | None = None,
        format: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        name: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> Job:
        """See ``AsyncClient.submit``."""
        work = self._client.submit(
            source,
            rows=rows,
            seed=seed,
            output=output,
            format=format,
            parameters=parameters,
            timeout=timeout,
            name=name,
            tags=tags,
        )
        return Job(self._portal.call(work), self)

    def configure(
        self,
        source: Source,
        *,
        rows: int | None = None,
        seed: int | None = None,
        output: str | Path | None = None,
        format: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        name: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> JobConfiguration:
        """See ``AsyncClient.configure``."""
        work = self._client.configure(
            source,
            rows=rows,
            seed=seed,
            output=output,
            format=format,
            parameters=parameters,
            timeout=timeout,
            name=name,
            tags=tags,
        )
        return self._portal.call(work)

    def estimate(self, config: JobConfiguration) -> Estimate:
        """See ``AsyncClient.estimate``."""
        return self._portal.call(self._client.estimate(config))

    def inspect(
        self, source: Source | JobConfiguration, *, parameters: Mapping[str, Any] | None = None
    ) -> Inspection:
        """See ``AsyncClient.inspect``."""
        return self._portal.call(self._client.inspect(source, parameters=parameters))

    def preview(self, config: JobConfiguration) -> pd.DataFrame:
        """See ``AsyncClient.preview``."""
        return self._portal.call(self._client.preview(config))

    def submit_template(
        self, name: str, overrides: Mapping[str, Any] | None = None, *, version: int | None = None
    ) -> Job:
        """See ``AsyncClient.submit_template``."""
        work = self._client.submit_template(name, overrides, version=version)
        return Job(self._portal.call(work), self)

    def submit_graph(
        self, jobs: Mapping[str, JobConfiguration | Mapping[str, Any]]
    ) -> Mapping[str, Job]:
        """See ``AsyncClient.submit_graph``."""
        made = self._portal.call(self._client.submit_graph(jobs))
        return {name: Job(job, self) for name, job in made.items()}

    def info(self) -> ServiceInfo:
        """See ``AsyncClient.info``."""
        return self._portal.call(self._client.info())

    def limits(self) -> RateLimitStatus:
        """See ``AsyncClient.limits``."""
        return self._portal.call(self._client.limits())

    def set_max_waiting(self, jobs: int | None) -> RateLimitStatus:
        """See ``AsyncClient.set_max_waiting``."""
        return self._portal.call(self._client.set_max_waiting(jobs))

    def retention_days(self) -> float:
        """See ``AsyncClient.retention_days``."""
        return self._portal.call(self._client.retention_days())

    def set_retention_days(self, days: float | None) -> float:
        """See ``AsyncClient.set_retention_days``."""
        return self._portal.call(self._client.set_retention_days(days))

    def clean_up(self) -> int:
        """See ``AsyncClient.clean_up``."""
        return self._portal.call(self._client.clean_up())


class History:
    """The customer's jobs."""

    def __init__(self, history: AsyncHistory, client: Client) -> None:
        self._history = history
        self._client = client
        self._portal = client.portal

    def get(self, job_id: str) -> Job:
        """See ``AsyncHistory.get``."""
        return self._plain(self._portal.call(self._history.get(job_id)))

    def list(
        self,
        *,
        status: State | str | Sequence[State | str] = (),
        since: datetime | None = None,
        limit: int = 50,
    ) -> Sequence[Job]:
        """See ``AsyncHistory.list``."""
        work = self._history.list(status=status, since=since, limit=limit)
        return [self._plain(job) for job in self._portal.call(work)]

    def running(self) -> Sequence[Job]:
        """See ``AsyncHistory.running``."""
        return [self._plain(job) for job in self._portal.call(self._history.running())]

    def cancel(self, *job_ids: str) -> Cancellations:
        """See ``AsyncHistory.cancel``."""
        return self._portal.call(self._history.cancel(*job_ids))

    def last(self) -> Job | None:
        """See ``AsyncHistory.last``."""
        job = self._portal.call(self._history.last())
        return None if job is None else self._plain(job)

    def _plain(self, job: AsyncJob) -> Job:
        return Job(job, self._client)


class Job:
    """One job; as the last line of a cell it is a live card."""

    def __init__(self, job: AsyncJob, client: Client) -> None:
        self._job = job
        self._client = client
        self._portal = client.portal
        self._views = client.views

    def __repr__(self) -> str:
        return repr(self._job)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self._views.card(self)._repr_mimebundle_(**options)

    @property
    def asynchronous(self) -> AsyncJob:
        """The same job for work on the client's thread; see ``Client.portal``."""
        return self._job

    @property
    def client(self) -> Client:
        """Whose job it is."""
        return self._client

    @property
    def id(self) -> str:
        return self._job.id

    @property
    def name(self) -> str:
        return self._job.name

    @property
    def status(self) -> JobStatus:
        """How it stands now."""
        if self._job.status.status.is_terminal:
            return self._job.status
        return self._portal.call(self._job.refresh())

    @property
    def stages(self) -> tuple[Stage, ...]:
        return self.status.stages

    @property
    def error(self) -> JobFailure | None:
        """Why it failed, if it did."""
        return self.status.error

    @property
    def configuration(self) -> JobConfiguration:
        """What it was asked to do."""
        return self._portal.call(self._job.configuration())

    def wait(self) -> Job:
        """See ``AsyncJob.wait``; interrupting it stops the waiting, not the job."""
        self._portal.call(self._job.wait())
        return self

    def result(self) -> Dataset:
        """See ``AsyncJob.result``."""
        return Dataset(self._portal.call(self._job.result()), self._portal, self._views)

    def __await__(self) -> Generator[Any, None, Dataset]:
        data = yield from asyncio.wrap_future(self._portal.start(self._job.result())).__await__()
        return Dataset(data, self._portal, self._views)

    def updates(self) -> Iterator[JobStatus]:
        """See ``AsyncJob.updates``."""
        return self._portal.iterate(self._job.updates())

    def cancel(self) -> JobStatus:
        """See ``AsyncJob.cancel``."""
        return self._portal.call(self._job.cancel())

    def pause(self) -> JobStatus:
        """See ``AsyncJob.pause``."""
        return self._portal.call(self._job.pause())

    def resume(self) -> JobStatus:
        """See ``AsyncJob.resume``."""
        return self._portal.call(self._job.resume())

    def delete(self) -> None:
        """See ``AsyncJob.delete``."""
        self._portal.call(self._job.delete())

    def rerun(self) -> Job:
        """See ``AsyncJob.rerun``."""
        return Job(self._portal.call(self._job.rerun()), self._client)

    def logs(self, *, after: int = 0) -> Sequence[LogEntry]:
        """See ``AsyncJob.logs``."""
        return self._portal.call(self._job.logs(after=after))

    def follow_logs(self, *, after: int = 0) -> Iterator[LogEntry]:
        """See ``AsyncJob.follow_logs``."""
        return self._portal.iterate(self._job.follow_logs(after=after))

    @property
    def report(self) -> Report:
        """See ``AsyncJob.report``."""
        return self._portal.call(self._job.report())

    def watch(self, callback: Callable[[JobStatus], None]) -> Callable[[], None]:
        """Call back with the status now and with each newer one, on the client's thread.

        Returns:
            A function that ends the watching.
        """

        async def follow() -> None:
            async with aclosing(self._job.updates()) as updates:
                async for status in updates:
                    callback(status)

        following = self._portal.start(follow())

        def stop() -> None:
            following.cancel()

        return stop
