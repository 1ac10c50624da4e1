"""The pipeline that settings ask for, and the plan that checks one elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from datagen_nb.core.clock import SystemClock
from datagen_nb.core.pipeline import Pipeline
from datagen_nb.wiring.keys import pipeline_key

if TYPE_CHECKING:
    from datagen_nb.pipelines.remote.plan import IntegrationPlan
    from datagen_nb.service.settings import Settings


_ROLLOUT = {"pipeline_share", "pipeline_customers", "pipeline_data_types", "pipeline_fallback"}
"""Settings with any of which a service has workers of its own too; also a share of 100 %."""


async def open_pipeline(settings: Settings) -> Pipeline:
    """The pipeline that settings ask for: of this machine, elsewhere, or both.

    Raises:
        ServiceUnavailable: The address is invalid, or would send the key unencrypted.
    """
    from datagen_nb.api.client.session import Session
    from datagen_nb.pipelines.local import LocalPipeline
    from datagen_nb.pipelines.remote.pipeline import RemotePipeline
    from datagen_nb.pipelines.rollout import RolloutPipeline, RolloutRules

    remote: RemotePipeline | None = None
    rules = RolloutRules(
        share=settings.pipeline_share,
        customers=settings.pipeline_customers,
        data_types=settings.pipeline_data_types,
        falls_back=settings.pipeline_fallback,
    )
    if settings.pipeline is not None:
        session = Session.over_http(settings.pipeline, key=pipeline_key(settings))
        remote = RemotePipeline(session, SystemClock())
        if not settings.model_fields_set & _ROLLOUT:
            return remote
    local = LocalPipeline(memory=settings.worker_memory, dask=settings.dask)
    await local.warm()
    return local if remote is None else RolloutPipeline(local, remote, rules)


@asynccontextmanager
async def integration_plan(url: str, place: str) -> AsyncGenerator[IntegrationPlan, None]:
    """The plan that checks the pipeline at an address, with the key ``DATAGEN_PIPELINE_KEY``.

    Args:
        url: Of the pipeline.
        place: Address of a bucket that both ends can use.
    """
    from datagen_nb.api.client.session import Session
    from datagen_nb.pipelines.remote.calls import PipelineCalls
    from datagen_nb.pipelines.remote.plan import IntegrationPlan
    from datagen_nb.service.settings import Settings

    async with AsyncExitStack() as stack:
        calls = []
        for key in (pipeline_key(Settings()), None):
            calls.append(PipelineCalls(Session.over_http(url, key=key), SystemClock()))
            stack.push_async_callback(calls[-1].aclose)
        yield IntegrationPlan(calls[0], calls[1], place)
