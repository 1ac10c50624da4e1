"""A service from its settings: store, buckets, pipeline, sender of webhooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from datagen_nb.core.clock import SystemClock
from datagen_nb.core.errors import HomeError
from datagen_nb.core.pipeline import Pipeline
from datagen_nb.stores.registry import open_store
from datagen_nb.wiring.buckets import customers_buckets

if TYPE_CHECKING:
    from datagen_nb.core.webhooks import Sender
    from datagen_nb.service.monitoring.traces import JobTraces
    from datagen_nb.service.service import JobService
    from datagen_nb.service.settings import Settings


async def build_service(
    database: Path,
    buckets: Path,
    pipeline: Pipeline,
    settings: Settings | None = None,
    sender: Sender | None = None,
    *,
    exclusive: bool = False,
) -> JobService:
    """Start a service over a database and the buckets of its customers; close it afterwards.

    Args:
        database: The SQLite file, made if it does not exist; unless the settings name a store.
        buckets: The folder with a bucket for each customer, unless the settings name a bucket.
        pipeline: What makes its data.
        settings: Those of the environment if left out.
        sender: What sends webhooks; over HTTP if left out.
        exclusive: Whether no other process has the database open; one elsewhere may be shared.

    Raises:
        HomeError: A setting takes a package that is not installed, or the store cannot be used.
    """
    from datagen_nb.service.access.keys import storage_of_customers
    from datagen_nb.service.service import JobService
    from datagen_nb.service.settings import Settings
    from datagen_nb.webhook_sender import HttpSender

    settings = settings or Settings()
    traces = _traces(settings.traces)
    store = await open_store(settings.store, database)
    own = await storage_of_customers(store.documents)
    service = JobService(
        store=store,
        buckets=customers_buckets(buckets, settings.bucket, own),
        pipeline=pipeline,
        clock=SystemClock(),
        settings=settings,
        sender=sender
        or HttpSender(allow_private=settings.webhooks_to_private, ports=settings.webhook_ports),
        exclusive=exclusive and settings.store is None,
    )
    if traces is not None:
        service.changes.subscribe(traces.on_change)
        service.runner.part_hooks.append(traces.on_part)
    await service.start()
    return service


def _traces(address: str | None) -> JobTraces | None:
    if address is None:
        return None
    try:
        from datagen_nb.service.monitoring.traces import JobTraces
    except ImportError as error:
        raise HomeError(
            "DATAGEN_TRACES takes another package. Install it where the service runs: "
            "pip install 'datagen-nb[otel]'.",
            details={"traces": address},
        ) from error
    return JobTraces.sent_to(address)
