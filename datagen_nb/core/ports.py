"""The seams: what each part asks of the next, and the guarantees that an adapter keeps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from datagen_nb.core.alerts import Alerts
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.customer_webhooks import Webhooks
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.messages import (
    Annotation,
    Cancellations,
    Deletions,
    Event,
    EventPage,
    JobCounts,
    JobPage,
    JobQuery,
    LogEntry,
    Overview,
    ServiceInfo,
)
from datagen_nb.core.plans import Plans
from datagen_nb.core.result import Report
from datagen_nb.core.schedules import Schedules
from datagen_nb.core.status import JobStatus
from datagen_nb.core.templates import Templates
from datagen_nb.core.uploads import Uploads


class Clock(Protocol):
    """The only source of time. ``now`` may jump, ``monotonic`` never goes back."""

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Jobs(Protocol):
    """What one customer may ask of the service, here or across a wire.

    Every method raises errors of ``core.errors`` only.
    """

    @property
    def shares_files(self) -> bool:
        """Whether the service reads the caller's own file system (bucket ``"file"``)."""
        ...

    @property
    def alerts(self) -> Alerts: ...

    @property
    def plans(self) -> Plans: ...

    @property
    def schedules(self) -> Schedules: ...

    @property
    def templates(self) -> Templates: ...

    @property
    def uploads(self) -> Uploads: ...

    @property
    def webhooks(self) -> Webhooks: ...

    async def create(self, config: JobConfiguration, *, idempotency_key: str) -> JobStatus:
        """Submit a job; the same key and body give the same job."""
        ...

    async def status(self, job_id: str) -> JobStatus: ...

    async def configuration(self, job_id: str) -> JobConfiguration: ...

    async def history(self, query: JobQuery) -> JobPage: ...

    async def counts(self, query: JobQuery) -> JobCounts:
        """How many jobs fit a query, whatever its states, by state."""
        ...

    async def overview(self, days: int = 30) -> Overview:
        """What the jobs come to, and those that ended in the last ``days``.

        Raises:
            ConfigurationError: The days are not 1 to ``core.messages.MAX_DAYS``.
        """
        ...

    async def annotate(self, job_id: str, annotation: Annotation) -> JobStatus:
        """Write on a job, in whatever state it is."""
        ...

    async def cancel(self, job_id: str) -> JobStatus: ...

    async def cancel_many(self, job_ids: Sequence[str] | None = None) -> Cancellations:
        """Cancel several jobs, at most 500; ``None`` means all that have not ended."""
        ...

    async def pause(self, job_id: str) -> JobStatus: ...

    async def resume(self, job_id: str) -> JobStatus: ...

    async def rerun(
        self,
        job_id: str,
        overrides: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str,
    ) -> JobStatus:
        """Submit the same configuration again, as a new job that follows no other.

        ``overrides`` are fields of a configuration, wire names, put in their place; of
        ``parameters`` those that are given.

        Raises:
            ConfigurationError: One breaks a rule; every problem at once.
        """
        ...

    async def delete(self, job_id: str) -> None:
        """Remove an ended job, its record and its data, before its time.

        Raises:
            ActionRefused: It has not ended.
        """
        ...

    async def delete_many(self, job_ids: Sequence[str]) -> Deletions:
        """Delete several ended jobs, at most 500."""
        ...

    async def limits(self) -> RateLimitStatus:
        """Where this customer stands."""
        ...

    async def set_max_waiting(self, jobs: int | None) -> RateLimitStatus:
        """Choose how many jobs may queue; 0 refuses at once what cannot start.

        ``None`` goes back to what the operator set.

        Raises:
            ConfigurationError: It is more than the operator allows.
        """
        ...

    async def retention_days(self) -> float:
        """Days from a job's end until it is deleted."""
        ...

    async def set_retention_days(self, days: float | None) -> float:
        """Choose these days; ``None`` goes back to what the operator set.

        Raises:
            ConfigurationError: They are out of the operator's bounds.
        """
        ...

    async def clean_up(self) -> int:
        """Delete the jobs whose time has passed now rather than soon; count them."""
        ...

    async def log(self, job_id: str, *, after: int = 0, wait: float = 0) -> Sequence[LogEntry]:
        """Lines numbered above ``after``; waits up to ``wait`` seconds for the first.

        Of a job that has ended it waits for none.
        """
        ...

    def events(
        self, *, after: int | None = None, job_id: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """Follow events without end, across reconnections; ``after=None`` starts with new ones.

        Gapless from ``after`` on. With ``job_id`` only that job's, and when ``after`` is
        ``None`` the job as it stands comes first, so that a watcher misses nothing.
        """
        ...

    async def event_page(self, *, after: int | None = None, wait: float = 0) -> EventPage:
        """Events above ``after``; waits up to ``wait`` seconds for the first.

        ``after=None`` gives no events and the cursor of now.
        """
        ...

    async def manifest(self, job_id: str) -> Manifest:
        """What a completed job made.

        Raises:
            ResultNotReady: It has not completed.
        """
        ...

    async def report(self, job_id: str) -> Report: ...

    def read_part(
        self, job_id: str, index: int, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes of one part from ``start`` to before ``stop``, in chunks."""
        ...

    def read_model(
        self, job_id: str, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes of a completed job's model, as ``read_part`` gives those of a part.

        Raises:
            ResultNotReady: The job has not completed.
            NotFound: Its pipeline keeps no model, or an older version ran it.
        """
        ...

    async def upload(
        self, digest: str, format: str, size: int, chunks: AsyncIterator[bytes]
    ) -> str:
        """Put an input into the customer's bucket under its SHA-256; return its path there.

        What is already there is not sent again.
        """
        ...

    async def info(self) -> ServiceInfo: ...

    async def aclose(self) -> None: ...
