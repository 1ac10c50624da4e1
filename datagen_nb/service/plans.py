"""What a customer asks before jobs are there: estimates, previews, graphs submitted together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.plans import Graph, Preview, SubmittedGraph, configurations
from datagen_nb.core.status import JobStatus

if TYPE_CHECKING:
    from datagen_nb.core.ports import Jobs
    from datagen_nb.service.jobs import JobService


class CustomerPlans:
    """One customer's side; implements ``core.plans.Plans``."""

    def __init__(self, service: JobService, customer: str, jobs: Jobs) -> None:
        self._service = service
        self._customer = customer
        self._jobs = jobs

    async def estimate(self, config: JobConfiguration) -> Estimate:
        await self._service.pipeline.check(config)
        return await self._service.estimator.estimate(self._customer, config)

    async def inspect(self, config: JobConfiguration) -> Inspection:
        return await self._service.estimator.inspect(self._customer, config)

    async def preview(self, config: JobConfiguration) -> Preview:
        return await self._service.estimator.preview(self._customer, config)

    async def create_many(self, graph: Graph, *, idempotency_key: str) -> SubmittedGraph:
        made: dict[str, JobStatus] = {}
        for name, config in configurations(graph).items():
            # The same names become the same ids again, so that a repeated submit is the same.
            after = tuple(made[one].job_id if one in made else one for one in config.after)
            made[name] = await self._jobs.create(
                config.model_copy(update={"after": after, "is_async": True}),
                idempotency_key=f"{idempotency_key}/{name}",
            )
        return SubmittedGraph(jobs={name: made[name] for name in graph.jobs})
