"""The job service: composes its parts, starts them and closes them."""

from __future__ import annotations

import secrets
from random import Random

from datagen_nb.core.buckets import Buckets
from datagen_nb.core.changes import Annotated, Change
from datagen_nb.core.clock import SteadyClock
from datagen_nb.core.event_bus import EventBus
from datagen_nb.core.lease import Lease
from datagen_nb.core.pipeline import Pipeline
from datagen_nb.core.ports import Clock, Jobs
from datagen_nb.core.store import JobRecord, JobStore
from datagen_nb.core.webhooks import Sender
from datagen_nb.service.access.policy import Policy
from datagen_nb.service.context import CustomerContext, ServiceContext
from datagen_nb.service.customer import CustomerJobs
from datagen_nb.service.event_bus import (
    IDLE_POLL_INTERVAL,
    POLL_INTERVAL,
    LocalEventBus,
    PollingEventBus,
)
from datagen_nb.service.jobs.actions import JobActions
from datagen_nb.service.jobs.changes import JobChanges
from datagen_nb.service.jobs.estimates import Estimator
from datagen_nb.service.jobs.feed import EventFeed
from datagen_nb.service.jobs.ids import JobIds
from datagen_nb.service.jobs.outputs import Outputs
from datagen_nb.service.jobs.queries import JobQueries
from datagen_nb.service.jobs.retention import Retention
from datagen_nb.service.jobs.runner import Runner
from datagen_nb.service.jobs.submit import InFlight, JobSubmissions
from datagen_nb.service.leadership import Leadership
from datagen_nb.service.monitoring.alerts import Alerting
from datagen_nb.service.monitoring.health import HealthCheck
from datagen_nb.service.monitoring.journal import Journal
from datagen_nb.service.monitoring.metrics import Metrics
from datagen_nb.service.observers import Observers
from datagen_nb.service.schedules import Scheduler
from datagen_nb.service.settings import Settings
from datagen_nb.service.uploads import Uploads
from datagen_nb.service.webhooks.deliveries import Deliveries, NoSender


class JobService:
    """All customers' jobs.

    Attributes:
        lease: Until when, and on which event loop, customers are served.
        context: What all parts share.
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
        exclusive: bool = False,
    ) -> None:
        self.lease = Lease()
        self.store = store
        self.buckets = buckets
        self.pipeline = pipeline
        self.clock = SteadyClock(clock)
        self.settings = settings
        self.policy = Policy(store.documents, self.clock, settings)
        self.observers = Observers()
        longest = POLL_INTERVAL if settings.store is None else IDLE_POLL_INTERVAL
        self.bus: EventBus = (
            LocalEventBus() if exclusive else PollingEventBus(store, self.clock, longest=longest)
        )
        self.context = context = ServiceContext(
            store=store,
            buckets=buckets,
            pipeline=pipeline,
            clock=self.clock,
            settings=settings,
            policy=self.policy,
            bus=self.bus,
            observers=self.observers,
            owner=secrets.token_hex(8),
            exclusive=exclusive,
        )
        self._ids = JobIds(self.clock, random or Random())  # noqa: S311  a name, no secret
        self._in_flight: InFlight = set()
        self.feed = EventFeed(store)
        self.changes = JobChanges(context, self.feed)
        self.estimator = Estimator(context, self.changes)
        self.outputs = Outputs(context, self.changes)
        self.runner = Runner(context, self.changes, self.outputs)
        self.uploads = Uploads(context)
        self.retention = Retention(context, self.outputs, self.uploads)
        self.scheduler = Scheduler(context, self.customer)
        self.deliveries = Deliveries(
            store, sender or NoSender(), clock, random=random, publish=self.bus.publish
        )
        self.health = HealthCheck(context, self.runner)
        self.alerting = Alerting(context, self.health)
        self.metrics = Metrics(
            context,
            runner=self.runner,
            health=self.health,
            alerting=self.alerting,
            deliveries=self.deliveries.counts,
        )
        self.observers.add(self.alerting, self.metrics, Journal())
        self.bus.subscribe(self.feed.wake)
        self.bus.subscribe(self.deliveries.wake)
        for hook in (self._observe, self.estimator.on_change, self.runner.on_change):
            self.changes.subscribe(hook)
        for listener in (
            self.feed.wake_all,
            self.runner.leases.changed_elsewhere,
            self.deliveries.changed_elsewhere,
            self.alerting.changed_elsewhere,
        ):
            self.bus.subscribe_remote(listener)
        self.bus.subscribe_remote(lambda _: self.scheduler.wake())
        self._leadership = Leadership(
            store.documents,
            self.clock,
            owner=context.owner,
            seconds=settings.lease_seconds,
            gain=self._start_leading,
            lose=self._stop_leading,
        )

    async def start(self) -> None:
        """Take over the jobs that lost their service, and begin to run what is queued."""
        await self.bus.start()
        await self.estimator.start()
        await self.runner.start()
        if self.context.exclusive:
            await self._start_leading()
        else:
            await self._leadership.start()

    @property
    def leads(self) -> bool:
        """Whether this process does what only one of a store may do."""
        return self.context.exclusive or self._leadership.is_leader

    async def _start_leading(self) -> None:
        await self.retention.start()
        await self.scheduler.start()
        await self.deliveries.start()
        await self.alerting.start()

    async def _stop_leading(self) -> None:
        await self.alerting.aclose()
        await self.scheduler.aclose()
        await self.retention.aclose()
        await self.deliveries.stop()

    async def aclose(self) -> None:
        """Stop what runs; it continues from its finished parts, in this process or another."""
        await self.health.aclose()
        await self._stop_leading()
        await self._leadership.aclose()
        await self.bus.aclose()
        await self.runner.aclose()
        await self.estimator.aclose()
        await self.pipeline.aclose()
        await self.deliveries.aclose()
        await self.store.aclose()
        self.lease.end()
        self.feed.close()

    @property
    def busy(self) -> bool:
        """Whether a job runs, waits to, or will by a schedule."""
        return self.runner.busy or self.scheduler.next_due is not None

    def customer(self, name: str) -> Jobs:
        """One customer's side of the service."""
        context = CustomerContext(self.context, name, self.lease)
        queries = JobQueries(context, self.feed, self.runner)
        submissions = JobSubmissions(
            context,
            queries=queries,
            runner=self.runner,
            estimator=self.estimator,
            uploads=self.uploads,
            ids=self._ids,
            in_flight=self._in_flight,
        )
        actions = JobActions(
            context,
            changes=self.changes,
            queries=queries,
            retention=self.retention,
            uploads=self.uploads,
        )
        return CustomerJobs(
            context,
            queries=queries,
            submissions=submissions,
            actions=actions,
            runner=self.runner,
            estimator=self.estimator,
            uploads=self.uploads,
            retention=self.retention,
            health=self.health,
            wake_scheduler=self.scheduler.wake,
            webhooks=self.deliveries.customer(name),
        )

    def _observe(self, record: JobRecord, change: Change) -> None:
        if not isinstance(change, Annotated):  # an ended job does not end again
            self.observers.changed(record.customer, record.status)
