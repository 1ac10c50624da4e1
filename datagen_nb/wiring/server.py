"""What this machine serves: the service of a home, or its pipeline alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from datagen_nb.core.clock import SystemClock
from datagen_nb.wiring.pipeline import open_pipeline
from datagen_nb.wiring.service import build_service

if TYPE_CHECKING:
    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.host import Address, HostedService
    from datagen_nb.service.service import JobService


def serve(
    home: Home,
    *,
    address: Address | None = None,
    on_listen: Callable[[str], None] = lambda _: None,
    idle_seconds: float | None = None,
) -> None:
    """Run the service of a home until it is stopped or idle for so long; see ``api.host.serve``."""
    from datagen_nb.api.process import host
    from datagen_nb.service.settings import Settings

    has_customers = address is not None and address.token is None

    async def build() -> host.HostedService:
        settings = Settings() if has_customers else Settings.of_one_user()
        pipeline = await open_pipeline(settings)
        # The lock of the home is held: an earlier service of it is gone.
        service = await build_service(
            home.database, home.buckets, pipeline, settings, exclusive=True
        )
        return await host_service(service)

    host.serve(build, home, address=address, on_listen=on_listen, idle_seconds=idle_seconds)


async def host_service(service: JobService) -> HostedService:
    """What a server needs to serve a service: its keys, its access log, its metrics."""
    from datagen_nb.api.process.host import HostedService
    from datagen_nb.service.access.audit import Audit
    from datagen_nb.service.access.keys import Access

    access = Access(service.store.documents, service.clock)
    await access.start()

    async def close() -> None:
        await access.aclose()
        await service.aclose()

    return HostedService(
        service=service,
        access=access,
        log=Audit(service.store.documents, service.clock),
        limits=service.policy.limits_of,
        clock=service.clock,
        observer=service.observers,
        metrics=service.metrics,
        is_ready=service.health.is_ready,
        aclose=close,
    )


def serve_pipeline(
    home: Home,
    address: Address,
    roots: Sequence[str],
    *,
    slots: int | None = None,
    on_listen: Callable[[str], None] = lambda _: None,
) -> None:
    """Offer the pipeline of this machine to services elsewhere until it is stopped.

    Args:
        home: Has the keys that are accepted, and the access log; unless the settings name a store.
        address: Where it listens.
        roots: Places of objects that may be used.
        slots: Attempts that run at once; ``DATAGEN_SLOTS`` by default.
        on_listen: Called with its URL.

    Raises:
        ArgumentError: One of the roots is no place.
        ServiceStartFailed: It cannot listen at the address.
    """
    from datagen_nb.api.process import pipeline_host
    from datagen_nb.api.server.auth import ApiKeyAuth, AuthConfig
    from datagen_nb.api.server.pipeline_app import make_pipeline_app
    from datagen_nb.buckets.roots import Roots
    from datagen_nb.pipelines.local import LocalPipeline
    from datagen_nb.pipelines.remote.service import PipelineService
    from datagen_nb.service.access.audit import Audit
    from datagen_nb.service.access.keys import Access
    from datagen_nb.service.settings import Settings
    from datagen_nb.stores.registry import open_store

    allowed = Roots(roots)
    settings = Settings()

    async def build() -> pipeline_host.HostedPipeline:
        clock = SystemClock()
        pipeline = LocalPipeline(memory=settings.worker_memory, dask=settings.dask)
        await pipeline.warm()
        service = PipelineService(pipeline, allowed, clock, slots=slots or settings.slots)
        store = await open_store(settings.store, home.database)
        access = Access(store.documents, clock)
        await access.start()

        async def close() -> None:
            await service.aclose()
            await access.aclose()
            await store.aclose()

        # Its callers are services of the operator, whose jobs are limited there.
        auth = AuthConfig(ApiKeyAuth(access), Audit(store.documents, clock), clock)
        return pipeline_host.HostedPipeline(make_pipeline_app(service, auth), close)

    pipeline_host.serve(build, address, on_listen=on_listen)
