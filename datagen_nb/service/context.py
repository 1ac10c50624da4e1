"""What every part of the service may use: the ports, the clock, the settings and the limits.

A part takes the context and names the other parts that it needs; none takes the whole service.
"""

from __future__ import annotations

from dataclasses import dataclass

from datagen_nb.core.buckets import Bucket, Buckets
from datagen_nb.core.clock import SteadyClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.event_bus import EventBus
from datagen_nb.core.lease import Lease
from datagen_nb.core.limits import Limits
from datagen_nb.core.pipeline import Pipeline
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.places import DEFAULT_BUCKET
from datagen_nb.core.store import Documents, JobStore
from datagen_nb.service.access.policy import Policy
from datagen_nb.service.observers import Observers
from datagen_nb.service.settings import Settings


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """What all parts of one service share.

    Attributes:
        store: Jobs, events and documents.
        buckets: Inputs and results.
        pipeline: Runs jobs.
        clock: Never jumps; see ``SteadyClock``.
        settings: The operator's.
        policy: Each customer's limits.
        bus: Reports that a customer's data has changed.
        observers: Are notified of what happens: alerts, metrics, the log.
        owner: This process, as leases name it.
        exclusive: Whether no other process uses the store. Then every running job that is found
            at the start has lost its worker, and is taken over at once.
    """

    store: JobStore
    buckets: Buckets
    pipeline: Pipeline
    clock: SteadyClock
    settings: Settings
    policy: Policy
    bus: EventBus
    observers: Observers
    owner: str
    exclusive: bool

    @property
    def documents(self) -> Documents:
        return self.store.documents

    def default_bucket(self, customer: str) -> Bucket:
        """The bucket with a customer's results and uploads."""
        return self.buckets(customer, DEFAULT_BUCKET)

    def source_of(self, customer: str, config: JobConfiguration) -> Bucket:
        """The bucket with a job's input; the result of another job lies in the customer's own.

        Raises:
            NotFound: There is no such bucket.
        """
        is_result = config.input_job is not None
        return self.buckets(customer, DEFAULT_BUCKET if is_result else config.input_bucket)

    async def check(self, config: JobConfiguration) -> PipelineInfo:
        """Make sure that the pipeline takes a configuration; return what the pipeline is.

        Raises:
            ConfigurationError: It breaks a rule of the pipeline; every problem at once.
            Rejected: The pipeline will not run it.
        """
        info = await self.pipeline.describe()
        info.check(config)
        await self.pipeline.check(config)
        return info


@dataclass(frozen=True, slots=True)
class CustomerContext:
    """The context for one customer, over a connection that may end.

    Attributes:
        service: What all parts share.
        customer: Whose requests these are.
        connection: Ends when the service is closed.
    """

    service: ServiceContext
    customer: str
    connection: Lease

    @property
    def store(self) -> JobStore:
        """The store, while the connection can be used.

        Raises:
            ClientUnusable: The connection was closed, or belongs to another event loop.
        """
        self.connection.check()
        return self.service.store

    @property
    def bucket(self) -> Bucket:
        """The bucket with the customer's results and uploads."""
        return self.service.default_bucket(self.customer)

    async def limits(self) -> Limits:
        """The customer's limits now."""
        return await self.service.policy.limits_of(self.customer)
