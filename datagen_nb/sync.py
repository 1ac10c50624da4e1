"""The same client for plain cells: every call is handed to one background thread.

No logic stands here. The thread's event loop owns every connection of the kernel, so a cell
that computes, or a loop that the notebook runs, never holds up what is live.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar

from datagen_nb.client import AsyncClient
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import (
    Cancellations,
    Deletions,
    Event,
    JobCounts,
    JobPage,
    JobQuery,
    Overview,
    ServiceInfo,
    Sort,
)
from datagen_nb.core.result import Report
from datagen_nb.core.status import State
from datagen_nb.job import AsyncJob
from datagen_nb.listing import AsyncHistory
from datagen_nb.plain_areas import Alerts, Schedules, Templates, Uploads, Webhooks
from datagen_nb.plain_dataset import Dataset
from datagen_nb.plain_job import Job
from datagen_nb.portal import Portal, portal

if TYPE_CHECKING:
    import pandas as pd

    from datagen_nb.core.estimates import Estimate
    from datagen_nb.core.inspection import Inspection
    from datagen_nb.inputs import Source

T = TypeVar("T")


class Views(Protocol):
    """How things look in a notebook; given to a client by who wires it."""

    def card(self, job: Job, mode: str | None = None) -> Any:
        """A live card; see ``Job.card``."""
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

    def overview(self, days: int = 30) -> Overview:
        """See ``AsyncClient.overview``."""
        return self._portal.call(self._client.overview(days))

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
        until: datetime | None = None,
        text: str = "",
        sort: Sort = "created",
        order: Literal["desc", "asc"] = "desc",
        limit: int = 50,
    ) -> Sequence[Job]:
        """See ``AsyncHistory.list``."""
        work = self._history.list(
            status=status,
            since=since,
            until=until,
            text=text,
            sort=sort,
            order=order,
            limit=limit,
        )
        return [self._plain(job) for job in self._portal.call(work)]

    def page(self, query: JobQuery) -> JobPage:
        """See ``AsyncHistory.page``."""
        return self._portal.call(self._history.page(query))

    def counts(
        self, *, since: datetime | None = None, until: datetime | None = None, text: str = ""
    ) -> JobCounts:
        """See ``AsyncHistory.counts``."""
        return self._portal.call(self._history.counts(since=since, until=until, text=text))

    def running(self) -> Sequence[Job]:
        """See ``AsyncHistory.running``."""
        return [self._plain(job) for job in self._portal.call(self._history.running())]

    def cancel(self, *job_ids: str) -> Cancellations:
        """See ``AsyncHistory.cancel``."""
        return self._portal.call(self._history.cancel(*job_ids))

    def delete(self, *job_ids: str) -> Deletions:
        """See ``AsyncHistory.delete``."""
        return self._portal.call(self._history.delete(*job_ids))

    def changes(self) -> Iterator[Event]:
        """See ``AsyncHistory.changes``."""
        return self._portal.iterate(self._history.changes())

    def last(self) -> Job | None:
        """See ``AsyncHistory.last``."""
        job = self._portal.call(self._history.last())
        return None if job is None else self._plain(job)

    def _plain(self, job: AsyncJob) -> Job:
        return Job(job, self._client)
