"""The job service: takes jobs, moves them through their states, tells who listens.

Every change goes one way: read the record, ``fold``, replace it at its version, wake the readers.
What runs is the runner's; what HTTP is, nobody here knows.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from random import Random

from datagen_nb.core.changes import Cancelled, Change, Completed, Expired, Failed, Paused, Resumed
from datagen_nb.core.clock import SteadyClock
from datagen_nb.core.errors import ActionRefused, VersionConflict
from datagen_nb.core.messages import Event, EventName, LogEntry
from datagen_nb.core.ports import Bucket, Clock, Jobs, Logged, Pipeline
from datagen_nb.core.status import State, fold
from datagen_nb.core.store import Admit, JobRecord, JobStore
from datagen_nb.core.webhooks import Sender
from datagen_nb.service.alerts import Alerting
from datagen_nb.service.customer import CustomerJobs
from datagen_nb.service.deliveries import Deliveries, NoSender
from datagen_nb.service.estimate import Estimator
from datagen_nb.service.health import HealthCheck
from datagen_nb.service.ids import JobIds
from datagen_nb.service.observe import Metrics, Observers
from datagen_nb.service.outputs import Outputs
from datagen_nb.service.policy import Policy
from datagen_nb.service.retention import Retention
from datagen_nb.service.runner import Runner
from datagen_nb.service.schedules import Scheduler
from datagen_nb.service.settings import Settings
from datagen_nb.service.uploads import Uploads

Buckets = Callable[[str, str], Bucket]
"""Gives a customer's bucket by its name; raises ``NotFound``."""

Reading = tuple[str, int, asyncio.Event]
"""Whose events, behind which cursor, before which news."""

_EVENT_OF: dict[type[Change], EventName] = {
    Completed: "job.completed",
    Failed: "job.failed",
    Cancelled: "job.cancelled",
    Paused: "job.paused",
    Resumed: "job.resumed",
    Expired: "job.expired",
}


class JobService:
    """All customers' jobs.

    Attributes:
        listeners: Called with a customer's name whenever its event log has grown.
        in_flight: Idempotency keys, by customer, whose submits are being looked at.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        buckets: Buckets,
        pipeline: Pipeline,
        clock: Clock,
        settings: Settings,
        random: Random | None = None,
        sender: Sender | None = None,
    ) -> None:
        self.store = store
        self.buckets = buckets
        self.pipeline = pipeline
        self.clock = SteadyClock(clock)
        self.settings = settings
        self.ids = JobIds(self.clock, random or Random())  # noqa: S311  a name, no secret
        self.estimator = Estimator(self)
        self.policy = Policy(store.documents, self.clock, settings)
        self.outputs = Outputs(self)
        self.runner = Runner(self)
        self.scheduler = Scheduler(self)
        self.retention = Retention(self)
        self.uploads = Uploads(self)
        self.in_flight: set[tuple[str, str]] = set()
        self.listeners: list[Callable[[str], None]] = []
        self.deliveries = Deliveries(
            store, sender or NoSender(), clock, random=random, tell=self.wake
        )
        self.listeners.append(self.deliveries.wake)
        self.health = HealthCheck(self)
        self.alerting = Alerting(self)
        self.metrics = Metrics(self)
        self.observers = Observers(self.alerting, self.metrics)
        self.readings: dict[Reading, asyncio.Task[tuple[Event, ...]]] = {}
        self._news: defaultdict[tuple[str, str], asyncio.Event] = defaultdict(asyncio.Event)

    async def start(self) -> None:
        """Take up what an earlier service left: every running job lost its worker."""
        await self.estimator.start()
        await self.runner.start()
        await self.retention.start()
        await self.scheduler.start()
        await self.deliveries.start()
        await self.alerting.start()

    async def aclose(self) -> None:
        """Stop what runs; it goes on from its finished parts at the next start."""
        await self.alerting.aclose()
        await self.health.aclose()
        await self.scheduler.aclose()
        await self.retention.aclose()
        await self.runner.following.aclose()
        await self.runner.aclose()
        await self.estimator.aclose()
        await self.pipeline.aclose()
        await self.deliveries.aclose()
        await self.store.aclose()

    @property
    def busy(self) -> bool:
        """Whether a job runs, waits to, or will by a schedule."""
        scheduled = self.scheduler.next_due is not None
        return self.runner.busy or self.runner.following.busy or scheduled

    def workers(self, customer: str | None = None) -> dict[str, int]:
        """The process of each running job, of one customer or all, that has one on this machine."""
        return {
            job_id: pid
            for (owner, job_id), pid in self.runner.workers.items()
            if customer in (None, owner)
        }

    def customer(self, name: str) -> Jobs:
        """What one customer may ask."""
        return CustomerJobs(self, name)

    async def change(
        self,
        customer: str,
        job_id: str,
        change: Change,
        *,
        only_in: State | None = None,
        admit: Admit | None = None,
        size: int | None = None,
        said: Logged | None = None,
        record: JobRecord | None = None,
    ) -> JobRecord:
        """Apply a change to a job, however many others do so at once.

        Args:
            customer: Whose job.
            job_id: Which.
            change: What happened.
            only_in: The state that the job has to be in.
            admit: A rule over what the customer has, asked in the transaction.
            size: Bytes that the job now keeps, if they change.
            said: What its log says of it.
            record: The job as whoever runs it wrote or read it last: if that is still so it need
                not be read, and what may happen to it then is refused by nothing older.

        Raises:
            JobNotFound, ActionRefused: The caller's mistake; or the job is not ``only_in`` a state.
            StaleAttempt: The change comes from a worker that has been replaced.
            DatagenError: What ``admit`` raised.
        """
        while True:
            record = record or await self.store.get(customer, job_id)
            if only_in not in (None, record.status.status):
                raise ActionRefused(f"Job {job_id} is {record.status.status}, not {only_in}.")
            status = fold(record.status, change, self.clock.now())
            event = _EVENT_OF.get(type(change), "job.updated")
            changed = replace(record, status=status, size=record.size if size is None else size)
            line = None if said is None else _line(said, status.last_updated)
            try:
                kept = await self.store.replace(changed, event, admit=admit, line=line)
            except VersionConflict:
                record = None
                continue
            self.wake(customer)
            if said is not None or status.status.is_terminal:
                self._wake_log(customer, job_id)
            self.observers.changed(customer, status)
            if isinstance(change, Completed):
                self.estimator.learn(customer, record.config, status)
            if status.status.is_terminal:
                self.runner.following.ended(customer, job_id)
            return kept

    async def settle(self, customer: str, job_id: str, size: int) -> None:
        """Record how many bytes an ended job keeps; tells nobody, for its state is as it was."""
        while True:
            record = await self.store.get(customer, job_id)
            try:
                await self.store.replace(replace(record, size=size), None)
            except VersionConflict:
                continue
            return

    async def note(self, customer: str, job_id: str, said: Logged) -> None:
        """Add a line to a job's log."""
        await self.store.append_log(customer, job_id, [_line(said, self.clock.now())])
        self._wake_log(customer, job_id)

    def wake(self, customer: str) -> None:
        """Tell a customer's readers that there is something new."""
        self._news.pop((customer, ""), asyncio.Event()).set()
        for listener in self.listeners:
            listener(customer)

    def news(self, customer: str, job_id: str = "") -> asyncio.Event:
        """What the next ``wake``, or the next line of a job's log, sets.

        Take it before reading, wait for it after.
        """
        return self._news[customer, job_id]

    def _wake_log(self, customer: str, job_id: str) -> None:
        if waits := self._news.pop((customer, job_id), None):
            waits.set()


def _line(said: Logged, at: datetime) -> LogEntry:
    return LogEntry(cursor=0, timestamp=at, level=said.level, message=said.message)
