"""One customer's side of the service: each request handed to the part that answers it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.limits import RateLimitStatus, limit_status
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
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.places import LOCAL_FILES
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobStatus
from datagen_nb.core.uploads import UploadRequest, send
from datagen_nb.core.version import __version__
from datagen_nb.service.context import CustomerContext
from datagen_nb.service.jobs.actions import JobActions
from datagen_nb.service.jobs.estimates import Estimator
from datagen_nb.service.jobs.queries import JobQueries
from datagen_nb.service.jobs.retention import Retention
from datagen_nb.service.jobs.runner import Runner
from datagen_nb.service.jobs.submit import JobSubmissions
from datagen_nb.service.monitoring.alerts import CustomerAlerts
from datagen_nb.service.monitoring.health import HealthCheck
from datagen_nb.service.plans import CustomerPlans
from datagen_nb.service.schedules import CustomerSchedules
from datagen_nb.service.templates import CustomerTemplates
from datagen_nb.service.uploads import CustomerUploads, Uploads
from datagen_nb.service.webhooks.registry import CustomerWebhooks


class CustomerJobs:
    """One customer's side of the service; implements ``core.ports.Jobs``."""

    def __init__(
        self,
        context: CustomerContext,
        *,
        queries: JobQueries,
        submissions: JobSubmissions,
        actions: JobActions,
        runner: Runner,
        estimator: Estimator,
        uploads: Uploads,
        retention: Retention,
        health: HealthCheck,
        wake_scheduler: Callable[[], None],
        webhooks: CustomerWebhooks,
    ) -> None:
        self._context = context
        self._service = context.service
        self._customer = context.customer
        self._queries = queries
        self._submissions = submissions
        self._actions = actions
        self._runner = runner
        self._estimator = estimator
        self._uploads = uploads
        self._retention = retention
        self._health = health
        self._wake_scheduler = wake_scheduler
        self._webhooks = webhooks

    @property
    def shares_files(self) -> bool:
        return self._service.buckets.has(self._customer, LOCAL_FILES)

    @property
    def alerts(self) -> CustomerAlerts:
        return CustomerAlerts(self._service, self._customer)

    @property
    def plans(self) -> CustomerPlans:
        return CustomerPlans(self._service, self._estimator, self._customer, self)

    @property
    def schedules(self) -> CustomerSchedules:
        return CustomerSchedules(self._service, self._customer, self, self._wake_scheduler)

    @property
    def templates(self) -> CustomerTemplates:
        self._context.connection.check()
        return CustomerTemplates(self._service, self._customer, self)

    @property
    def uploads(self) -> CustomerUploads:
        return self._uploads.customer(self._customer)

    @property
    def webhooks(self) -> CustomerWebhooks:
        return self._webhooks

    async def create(self, config: JobConfiguration, *, idempotency_key: str) -> JobStatus:
        return await self._submissions.create(config, idempotency_key=idempotency_key)

    async def rerun(
        self,
        job_id: str,
        overrides: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str,
    ) -> JobStatus:
        return await self._submissions.rerun(job_id, overrides, idempotency_key=idempotency_key)

    async def status(self, job_id: str) -> JobStatus:
        return await self._queries.status(job_id)

    async def configuration(self, job_id: str) -> JobConfiguration:
        return await self._queries.configuration(job_id)

    async def history(self, query: JobQuery) -> JobPage:
        return await self._queries.history(query)

    async def counts(self, query: JobQuery) -> JobCounts:
        return await self._queries.counts(query)

    async def overview(self, days: int = 30) -> Overview:
        return await self._queries.overview(days)

    async def log(self, job_id: str, *, after: int = 0, wait: float = 0) -> Sequence[LogEntry]:
        return await self._queries.log(job_id, after=after, wait=wait)

    def events(
        self, *, after: int | None = None, job_id: str | None = None
    ) -> AsyncGenerator[Event, None]:
        return self._queries.events(after=after, job_id=job_id)

    async def event_page(self, *, after: int | None = None, wait: float = 0) -> EventPage:
        return await self._queries.event_page(after=after, wait=wait)

    async def manifest(self, job_id: str) -> Manifest:
        return await self._queries.manifest(job_id)

    async def report(self, job_id: str) -> Report:
        return await self._queries.report(job_id)

    def read_part(
        self, job_id: str, index: int, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        return self._queries.read_part(job_id, index, start=start, stop=stop)

    def read_model(
        self, job_id: str, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        return self._queries.read_model(job_id, start=start, stop=stop)

    async def annotate(self, job_id: str, annotation: Annotation) -> JobStatus:
        return await self._actions.annotate(job_id, annotation)

    async def cancel(self, job_id: str) -> JobStatus:
        return await self._actions.cancel(job_id)

    async def cancel_many(self, job_ids: Sequence[str] | None = None) -> Cancellations:
        return await self._actions.cancel_many(job_ids)

    async def pause(self, job_id: str) -> JobStatus:
        return await self._actions.pause(job_id)

    async def resume(self, job_id: str) -> JobStatus:
        return await self._actions.resume(job_id)

    async def delete(self, job_id: str) -> None:
        await self._actions.delete(job_id)

    async def delete_many(self, job_ids: Sequence[str]) -> Deletions:
        return await self._actions.delete_many(job_ids)

    async def limits(self) -> RateLimitStatus:
        usage = await self._context.store.usage(self._customer)
        return limit_status(usage, await self._context.limits(), self._service.clock.now())

    async def set_max_waiting(self, jobs: int | None) -> RateLimitStatus:
        await self._service.policy.choose(self._customer, max_waiting=jobs)
        return await self.limits()

    async def retention_days(self) -> float:
        return (await self._context.limits()).retention_days

    async def set_retention_days(self, days: float | None) -> float:
        limits = await self._service.policy.choose(self._customer, retention_days=days)
        return limits.retention_days

    async def clean_up(self) -> int:
        return await self._retention.sweep(self._customer)

    async def upload(
        self, digest: str, format: str, size: int, chunks: AsyncIterator[bytes]
    ) -> str:
        request = UploadRequest(digest=digest, format=format, size=size)
        return await send(self.uploads, request, chunks)

    async def info(self) -> ServiceInfo:
        return ServiceInfo(
            version=__version__,
            pid=os.getpid(),
            health=await self._health.look(),
            pipeline=await self._pipeline(),
            workers=self._runner.workers_of(self._customer),
        )

    async def aclose(self) -> None:
        """Nothing of the customer's is held here."""

    async def _pipeline(self) -> PipelineInfo | None:
        try:
            return await self._service.pipeline.describe()
        except ServiceUnavailable:
            return None  # the health of the service tells that it cannot be reached
