"""The same client for plain cells: every call is handed to one background thread.

No logic stands here. The thread's event loop owns every connection of the kernel, so a cell
that computes, or a loop that the notebook runs, never holds up what is live.
"""

from __future__ import annotations

import asyncio
import os
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

from datagen_nb.client import AsyncClient, AsyncHistory, AsyncJob
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import Cancellations, LogEntry, ServiceInfo
from datagen_nb.core.result import Part, Report
from datagen_nb.core.status import JobFailure, JobStatus, Stage, State
from datagen_nb.dataset import AsyncDataset
from datagen_nb.portal import Portal, portal

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

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
        self.jobs = History(self._client.jobs, self._portal, views)

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
        return Job(self._portal.call(work), self._portal, self._views)

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

    def __init__(self, history: AsyncHistory, portal: Portal, views: Views) -> None:
        self._history = history
        self._portal = portal
        self._views = views

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
        return Job(job, self._portal, self._views)


class Job:
    """One job; as the last line of a cell it is a live card."""

    def __init__(self, job: AsyncJob, portal: Portal, views: Views) -> None:
        self._job = job
        self._portal = portal
        self._views = views

    def __repr__(self) -> str:
        return repr(self._job)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self._views.card(self)._repr_mimebundle_(**options)

    @property
    def asynchronous(self) -> AsyncJob:
        """The same job for work on the client's thread; see ``portal``."""
        return self._job

    @property
    def portal(self) -> Portal:
        """The thread that owns the job's connection."""
        return self._portal

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
        return Job(self._portal.call(self._job.rerun()), self._portal, self._views)

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


class Dataset:
    """The rows a job made; see ``AsyncDataset``."""

    def __init__(self, data: AsyncDataset, portal: Portal, views: Views) -> None:
        self._data = data
        self._portal = portal
        self._views = views

    def __repr__(self) -> str:
        return repr(self._data)

    def __len__(self) -> int:
        return self.num_rows

    @property
    def job_id(self) -> str:
        return self._data.job_id

    @property
    def num_rows(self) -> int:
        return self._data.num_rows

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return self._data.size

    @property
    def format(self) -> str:
        return self._data.format

    @property
    def parts(self) -> Sequence[Part]:
        return self._data.parts

    @property
    def output_path(self) -> str | None:
        """See ``AsyncDataset.output_path``."""
        return self._data.output_path

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        return self._data.schema

    @property
    def report(self) -> Any:
        """Fidelity and memorisation, to read; its fields are those of ``Report``."""
        return self._views.report(self._portal.call(self._data.report()))

    def view(self) -> Any:
        """The rows in a grid."""
        return self._views.grid(self)

    def read(self, start: int, stop: int) -> pa.Table:
        """See ``AsyncDataset.read``."""
        return self._portal.call(self._data.read(start, stop))

    def head(self, n: int = 5) -> pd.DataFrame:
        """See ``AsyncDataset.head``."""
        return self._portal.call(self._data.head(n))

    def to_arrow(self) -> pa.Table:
        """See ``AsyncDataset.to_arrow``."""
        return self._portal.call(self._data.to_arrow())

    def to_pandas(self) -> pd.DataFrame:
        """See ``AsyncDataset.to_pandas``."""
        return self._portal.call(self._data.to_pandas())

    def iter_batches(self) -> Iterator[pa.RecordBatch]:
        """See ``AsyncDataset.iter_batches``."""
        return self._portal.iterate(self._data.iter_batches())

    def download(self, path: str | os.PathLike[str], *, format: str | None = None) -> Path:
        """See ``AsyncDataset.download``."""
        return self._portal.call(self._data.download(path, format=format))
