"""The customer's jobs: listed, counted, found again, cancelled and deleted together."""

from __future__ import annotations

import difflib
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from datagen_nb.client.async_job import AsyncJob
from datagen_nb.client.misuse import check_not_negative
from datagen_nb.core.errors import ArgumentError
from datagen_nb.core.lease import Connected
from datagen_nb.core.messages import (
    Cancellations,
    Deletions,
    Event,
    JobCounts,
    JobPage,
    JobQuery,
    Sort,
)
from datagen_nb.core.ports import Jobs
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.summary import SHOWN, Summary, Table, count
from datagen_nb.core.words import duration, local_time, size

if TYPE_CHECKING:
    import pandas as pd

J = TypeVar("J")


class JobList(list[J]):
    """Jobs that were listed: a list that shows as a table in a notebook.

    What it shows is how each job stood when it was last seen.

    Example:
        ```python
        jobs = client.jobs.list(status="failed")
        jobs[0].error
        jobs.to_frame()
        ```
    """

    def to_frame(self) -> pd.DataFrame:
        """Make a DataFrame with a row for each job.

        Times are in UTC; ``seconds`` is the time spent running, ``size`` the bytes of the result,
        ``fidelity`` how close it is to the input, 0 to 1, and ``source`` where that came from.

        Example:
            ```python
            client.jobs.list().to_frame().sort_values("seconds")
            ```
        """
        import pandas as pd

        jobs = self._statuses
        ended: list[Any] = [job.end_time for job in jobs]
        columns = {
            "id": [job.job_id for job in jobs],
            "name": [job.name for job in jobs],
            "status": [str(job.status) for job in jobs],
            "progress": [job.progress for job in jobs],
            "rows": [job.data_size for job in jobs],
            "created": pd.to_datetime([job.created_time for job in jobs], utc=True),
            "ended": pd.to_datetime(ended, utc=True),
            "seconds": pd.array([job.metadata.processing_time for job in jobs], "Float64"),
            "size": pd.array([job.metadata.output_size for job in jobs], "Int64"),
            "fidelity": pd.array([job.metadata.fidelity for job in jobs], "Float64"),
            "source": [job.source for job in jobs],
            "tags": [list(job.tags) for job in jobs],
        }
        return pd.DataFrame(columns)

    @property
    def _statuses(self) -> list[JobStatus]:
        seen: list[Any] = [getattr(job, "asynchronous", job) for job in self]  # of a plain job
        return [job.status for job in seen]

    def __repr__(self) -> str:
        more = [f"and {len(self) - SHOWN:,} more"] if len(self) > SHOWN else []
        lines = [*map(repr, self[:SHOWN]), *more]
        return "\n ".join([f"<{count(len(self), 'job')}>", *lines])

    def _repr_html_(self) -> str:
        rows = [_row(job) for job in self._statuses]
        names = ("name", "status", "rows", "created", "took", "size", "fidelity", "source", "id")
        numbers = (False, False, True, False, False, True, True, False, False)
        table = Table(names, rows, numbers)
        return Summary("Jobs", f"{len(self):,}", table=table).html()


def _row(job: JobStatus) -> tuple[str, ...]:
    state = str(job.status) if job.status.is_terminal else f"{job.status}, {job.progress:.0f} %"
    took, made = job.metadata.processing_time, job.metadata.output_size
    fidelity = job.metadata.fidelity
    return (
        job.name,
        state,
        f"{job.data_size:,}",
        local_time(job.created_time),
        "" if took is None else duration(took),
        "" if made is None else size(made),
        "" if fidelity is None else f"{fidelity:.1%}",
        job.source,
        job.job_id,
    )


class AsyncHistory(Connected):
    """The jobs of this customer.

    Example:
        ```python
        await client.jobs.list(status="completed", limit=10)
        ```
    """

    def __init__(self, service: Jobs) -> None:
        self._service = service

    async def get(self, job_id: str) -> AsyncJob:
        """Find a job by its id.

        Args:
            job_id: As ``job.id`` gives it.

        Raises:
            JobNotFound: There is none.

        Example:
            ```python
            job = await client.jobs.get("j_06CK3M0W2PW2TDNG")
            ```
        """
        return AsyncJob(self._service, await self._service.status(job_id))

    async def list(
        self,
        *,
        status: State | str | Sequence[State | str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        text: str = "",
        sort: Sort = "created",
        order: Literal["desc", "asc"] = "desc",
        limit: int = 50,
    ) -> JobList[AsyncJob]:
        """List jobs, the newest first by default.

        Args:
            status: Only jobs in this state, or in one of these.
            since: Only jobs created at or after this time; local time if it has no zone.
            until: Only jobs created before this time.
            text: Only jobs that have each of these words in name, tags or note; ``j_…`` in the id.
            sort: ``created``, ``ended``, ``name``, ``rows``, ``size``, ``status`` or ``took``.
            order: ``desc`` or ``asc``; jobs that have no such value come last.
            limit: Most jobs to list.

        Raises:
            ArgumentError: There is no such state, or ``limit`` is below 0.
            ConfigurationError: Another argument breaks a rule.

        Example:
            ```python
            await client.jobs.list(status=["failed", "cancelled"], sort="ended")
            ```
        """
        check_not_negative("limit", limit)
        query = JobQuery(
            **_narrowed(since, until, text),
            status=_states(status),
            sort=sort,
            order=order,
            limit=min(max(limit, 1), 500),
        )
        found: list[AsyncJob] = []
        while len(found) < limit:
            page = await self.page(query)
            found += [AsyncJob(self._service, job) for job in page.jobs]
            if page.next_cursor is None:
                break
            query = query.model_copy(update={"cursor": page.next_cursor})
        return JobList(found[:limit])

    async def page(self, query: JobQuery) -> JobPage:
        """Get one page of jobs, and where the next begins.

        Args:
            query: Which jobs, and in which order.

        Example:
            ```python
            page = await client.jobs.page(JobQuery(limit=100))
            ```
        """
        return await self._service.history(query)

    async def counts(
        self, *, since: datetime | None = None, until: datetime | None = None, text: str = ""
    ) -> JobCounts:
        """Count jobs by state.

        Args:
            since: Only jobs created at or after this time.
            until: Only jobs created before this time.
            text: Only jobs that have each of these words in name, tags or note.

        Example:
            ```python
            counts = await client.jobs.counts()
            counts.total
            ```
        """
        return await self._service.counts(JobQuery(**_narrowed(since, until, text)))

    async def running(self) -> JobList[AsyncJob]:
        """List the jobs that have not ended: running, queued and paused.

        Example:
            ```python
            await client.jobs.running()
            ```
        """
        return await self.list(status=(State.RUNNING, State.QUEUED, State.PAUSED), limit=500)

    async def cancel(self, *job_ids: str) -> Cancellations:
        """Cancel several jobs; without ids, all that have not ended.

        Args:
            *job_ids: Ids of jobs.

        Example:
            ```python
            await client.jobs.cancel()
            ```
        """
        return await self._service.cancel_many(job_ids or None)

    async def delete(self, *job_ids: str) -> Deletions:
        """Delete several ended jobs with their data.

        Args:
            *job_ids: Ids of jobs.

        Example:
            ```python
            old = await client.jobs.list(status="failed")
            await client.jobs.delete(*[job.id for job in old])
            ```
        """
        return await self._service.delete_many(job_ids)

    def changes(self) -> AsyncGenerator[Event, None]:
        """Iterate over what happens to the jobs from now on, without end.

        Example:
            ```python
            async for event in client.jobs.changes():
                print(event.event, event.job_id)
            ```
        """
        return self._service.events()

    async def last(self) -> AsyncJob | None:
        """Get the newest job; ``None`` when there is none.

        Example:
            ```python
            job = await client.jobs.last()
            ```
        """
        return next(iter(await self.list(limit=1)), None)


def _narrowed(since: datetime | None, until: datetime | None, text: str) -> dict[str, Any]:
    return {"since": _zoned("since", since), "until": _zoned("until", until), "text": text}


def _zoned(name: str, instant: datetime | None) -> datetime | None:
    try:
        return None if instant is None else instant.astimezone()
    except (ValueError, OverflowError):
        raise ArgumentError(f"{name} = {instant} is out of range. Give a later time.") from None


def _states(status: State | str | Sequence[State | str]) -> tuple[State, ...]:
    return tuple(_state(one) for one in ((status,) if isinstance(status, str) else status))


def _state(value: State | str) -> State:
    try:
        return State(value)
    except ValueError:
        near = difflib.get_close_matches(str(value), list(State), n=1)
        remedy = f"Did you mean {near[0]!s}?" if near else f"States are {', '.join(State)}."
        raise ArgumentError(f"There is no state {value!r}. {remedy}") from None
