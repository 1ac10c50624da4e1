"""What a customer asks before jobs are there: estimates, previews, graphs submitted together."""

from __future__ import annotations

import asyncio

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.plans import Graph, Preview, SubmittedGraph, configurations
from datagen_nb.core.ports import Jobs
from datagen_nb.core.status import JobStatus
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.jobs.estimates import Estimator


class CustomerPlans:
    """One customer's side; implements ``core.plans.Plans``."""

    def __init__(
        self, context: ServiceContext, estimator: Estimator, customer: str, jobs: Jobs
    ) -> None:
        self._context = context
        self._estimator = estimator
        self._customer = customer
        self._jobs = jobs

    async def estimate(self, config: JobConfiguration) -> Estimate:
        await self._context.check(config)
        return await self._estimator.estimate(self._customer, config)

    async def inspect(self, config: JobConfiguration) -> Inspection:
        return await self._estimator.inspect(self._customer, config)

    async def preview(self, config: JobConfiguration) -> Preview:
        return await self._estimator.preview(self._customer, config)

    async def create_many(self, graph: Graph, *, idempotency_key: str) -> SubmittedGraph:
        made: dict[str, JobStatus] = {}
        # In a thread: the rules of 200 configurations take longer than others may wait.
        pipeline = await self._context.pipeline.describe()
        configs = await asyncio.to_thread(configurations, graph, pipeline)
        for name, config in configs.items():
            # The same names become the same ids again, so that a repeated submit is the same.
            ids = {one: status.job_id for one, status in made.items()}
            changes: dict[str, object] = {
                "after": tuple(ids.get(one, one) for one in config.after),
                "is_async": True,
            }
            if config.input_job is not None:
                changes["input_path"] = ids.get(config.input_job, config.input_job)
            made[name] = await self._jobs.create(
                config.model_copy(update=changes),
                idempotency_key=f"{idempotency_key}/{name}",
            )
        return SubmittedGraph(jobs={name: made[name] for name in graph.jobs})
