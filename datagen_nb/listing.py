"""The customer's jobs: listed, counted, found again, cancelled and deleted together."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any, Literal

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
from datagen_nb.core.status import State
from datagen_nb.job import AsyncJob


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
        until: datetime | None = None,
        text: str = "",
        sort: Sort = "created",
        order: Literal["desc", "asc"] = "desc",
        limit: int = 50,
    ) -> Sequence[AsyncJob]:
        """Jobs, the newest first unless another order is asked for.

        Args:
            status: Only jobs in this state, or one of these.
            since: Only jobs created at or after this instant; without a zone it is local time.
            until: Only jobs created before this instant.
            text: Only jobs that have each of these words in name, tags or note; ``j_…`` in the id.
            sort: ``created``, ``ended``, ``name``, ``rows``, ``size``, ``status`` or ``took``.
            order: ``desc`` or ``asc``; jobs that have no such value come last.
            limit: At most so many.
        """
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
        return found[:limit]

    async def page(self, query: JobQuery) -> JobPage:
        """One page of jobs, and where the next begins."""
        return await self._service.history(query)

    async def counts(
        self, *, since: datetime | None = None, until: datetime | None = None, text: str = ""
    ) -> JobCounts:
        """How many jobs there are in each state; arguments are those of ``list``."""
        return await self._service.counts(JobQuery(**_narrowed(since, until, text)))

    async def running(self) -> Sequence[AsyncJob]:
        """Jobs that have not ended: running, queued and paused."""
        return await self.list(status=(State.RUNNING, State.QUEUED, State.PAUSED), limit=500)

    async def cancel(self, *job_ids: str) -> Cancellations:
        """Cancel the jobs with these ids, or, without any, all that have not ended."""
        return await self._service.cancel_many(job_ids or None)

    async def delete(self, *job_ids: str) -> Deletions:
        """Delete the ended jobs with these ids, their records and their data."""
        return await self._service.delete_many(job_ids)

    def changes(self) -> AsyncGenerator[Event, None]:
        """What happens to the customer's jobs from now on, without end."""
        return self._service.events()

    async def last(self) -> AsyncJob | None:
        """The newest job; ``None`` when there is none."""
        return next(iter(await self.list(limit=1)), None)


def _narrowed(since: datetime | None, until: datetime | None, text: str) -> dict[str, Any]:
    return {
        "since": None if since is None else since.astimezone(),
        "until": None if until is None else until.astimezone(),
        "text": text,
    }


def _states(status: State | str | Sequence[State | str]) -> tuple[State, ...]:
    return tuple(_state(one) for one in ((status,) if isinstance(status, str) else status))


def _state(value: State | str) -> State:
    try:
        return State(value)
    except ValueError:
        raise ValueError(f"no state {value!r}; states are {', '.join(State)}") from None
