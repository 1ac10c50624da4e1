"""The seams: what each part asks of the next, and the guarantees that an adapter keeps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Literal, Protocol

from datagen_nb.core.alerts import Alerts
from datagen_nb.core.changes import WorkerChange
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import (
    Annotation,
    Cancellations,
    Deletions,
    Event,
    EventPage,
    Health,
    JobCounts,
    JobPage,
    JobQuery,
    LogEntry,
    Overview,
    ServiceInfo,
)
from datagen_nb.core.plans import Plans, Preview
from datagen_nb.core.result import Manifest, Report
from datagen_nb.core.schedules import Schedules
from datagen_nb.core.status import JobStatus
from datagen_nb.core.templates import Templates
from datagen_nb.core.uploads import Uploads
from datagen_nb.core.webhooks import Webhooks


class Clock(Protocol):
    """The only source of time. ``now`` may jump, ``monotonic`` never goes back."""

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment."""
        ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class ObjectMeta:
    """``path`` in its bucket, ``size`` in bytes, and what differs when the bytes do, if told."""

    path: str
    size: int
    version: str = field(default="", compare=False)


class Bucket(Protocol):
    """A flat space of objects named by ``/``-separated paths.

    Guarantees: a reader sees an object whole or not at all; what was published has reached the
    disk; a path cannot lead out of the bucket (``NotFound``, as if it were not there); writing
    that fails raises ``OutputError`` and leaves nothing visible. Picklable: a worker process
    gets one.
    """

    @property
    def is_near(self) -> bool:
        """Whether a look at an object takes less time than handing it to a thread."""
        ...

    def writer(self, path: str, *, if_absent: bool = False) -> AbstractContextManager[BinaryIO]:
        """Write one object, published when the block ends without an exception.

        With ``if_absent`` an object that is already there is kept and the new one dropped.
        """
        ...

    def put(self, path: str, data: bytes, *, if_absent: bool = False) -> None:
        """Write a small object at once."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Open an object for reading; seekable.

        Raises:
            NotFound: No such object.
        """
        ...

    def get(self, path: str) -> bytes:
        """Read a small object at once."""
        ...

    def head(self, path: str) -> ObjectMeta | None:
        """Size of an object; ``None`` when there is none."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectMeta]:
        """Published objects whose path starts with ``prefix``, by path."""
        ...

    def delete(self, prefix: str) -> int:
        """Remove an object, or all below ``prefix/``, unpublished remains too; count them."""
        ...

    def room(self, path: str) -> int | None:
        """Bytes that can still be written where ``path`` would lie; ``None`` if nobody knows."""
        ...

    def same(self, one: str, other: str) -> bool:
        """Whether two paths lead to one object."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt at one job, with all it needs.

    Attributes:
        bucket: The customer's own: finished parts, model and manifest live in it.
        source: The bucket that ``config.input_bucket`` names.
        target: The bucket that ``config.output_bucket`` names.
        attempt: The fence: what an older attempt writes is refused.
    """

    job_id: str
    attempt: int
    config: JobConfiguration
    bucket: Bucket
    source: Bucket
    target: Bucket


@dataclass(frozen=True, slots=True)
class Look:
    """A look at an input before it becomes a job; ``source`` is what ``config`` names so."""

    config: JobConfiguration
    source: Bucket


@dataclass(frozen=True, slots=True)
class Logged:
    """A line for the job's log; moves no state."""

    level: Literal["info", "warning", "error"]
    message: str


@dataclass(frozen=True, slots=True)
class Beat:
    """A worker lives; ``pid`` is its process on this machine, where it has one."""

    pid: int | None = None


Signal = WorkerChange | Logged | Beat


class Pipeline(Protocol):
    """Makes the data of a job.

    Guarantees: goes on from the parts that an earlier attempt finished, and makes the same
    bytes as an undisturbed run; closing the generator stops the work within 2 s.
    """

    async def check(self, config: JobConfiguration) -> None:
        """Look at a configuration before it becomes a job.

        Raises:
            Rejected: This pipeline will not run it.
        """
        ...

    def run(self, task: Task) -> AsyncGenerator[Signal, None]:
        """Do one attempt; ends with ``Completed`` or ``Failed``.

        Ending without either means that the worker is gone and another attempt may go on.
        """
        ...

    async def measure(self, look: Look) -> TableFacts:
        """Tell how large an input is, from its beginning; keeps nothing.

        Raises:
            InputError: It is not what the configuration says.
        """
        ...

    async def inspect(self, look: Look) -> Inspection:
        """Tell what an input's columns are, from its beginning; keeps nothing.

        Raises:
            InputError: It is not what the configuration says.
        """
        ...

    async def preview(self, look: Look) -> Preview:
        """Make a few rows from a quick look at an input; keeps nothing.

        Closed or cancelled, it stops within 2 s.

        Raises:
            InputError: It cannot be learnt from.
        """
        ...

    async def check_health(self) -> Health: ...

    async def aclose(self) -> None: ...


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
            ConfigurationError: The days are not 1 to ``core.messages.MOST_DAYS``.
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

    async def rerun(self, job_id: str, *, idempotency_key: str) -> JobStatus:
        """Submit the same configuration again, as a new job that follows no other."""
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

    async def upload(
        self, digest: str, format: str, size: int, chunks: AsyncIterator[bytes]
    ) -> str:
        """Put an input into the customer's bucket under its SHA-256; return its path there.

        What is already there is not sent again.
        """
        ...

    async def info(self) -> ServiceInfo: ...

    async def aclose(self) -> None: ...
