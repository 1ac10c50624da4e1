"""A process with a service on a store that it shares; its requests come over a pipe."""

import asyncio
import os
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import LimitReached
from datagen_nb.core.status import JobStatus
from datagen_nb.core.webhooks import WebhookConfig
from datagen_nb.pipelines.mock import SECONDS, MockPipeline
from datagen_nb.service.settings import Settings
from datagen_nb.wiring.service import build_service

CUSTOMER = "ann"
ROWS = 60
MAX_JOBS = 2
MAX_WAITING = 8
CONFIG = JobConfiguration(
    data_size=ROWS, input_format="csv", output_format="csv", input_path="in.csv"
)
LEASE_SECONDS = 10.0
"""Long enough that a starved process of a busy machine still renews it."""


async def serve(folder: Path, pipe: Connection, job_seconds: float, store: str | None) -> None:
    settings = Settings(
        store=store,
        lease_seconds=LEASE_SECONDS,
        cooldown_period=0,
        max_jobs=MAX_JOBS,
        max_waiting=MAX_WAITING,
        webhooks_to_private=True,
    )
    speed = sum(SECONDS.values()) / job_seconds
    pipeline = MockPipeline("succeeds", speed=speed, seed=7, clock=SystemClock())
    service = await build_service(folder / "jobs.db", folder / "buckets", pipeline, settings)
    jobs = service.customer(CUSTOMER)
    pipe.send(service.context.owner)
    while True:
        request, value = await asyncio.to_thread(pipe.recv)
        if request == "webhook":
            events = ("job.created", "job.completed")
            made = await jobs.webhooks.create(WebhookConfig(url=value, events=events))
            pipe.send(made.id)
        elif request == "submit":
            pipe.send((await jobs.create(CONFIG, idempotency_key=value)).job_id)
        else:
            many = (jobs.create(CONFIG, idempotency_key=key) for key in value)
            results = await asyncio.gather(*many, return_exceptions=True)
            refused = sum(isinstance(one, LimitReached) for one in results)
            pipe.send((sum(isinstance(one, JobStatus) for one in results), refused))


def run(
    folder: Path,
    pipe: Connection,
    job_seconds: float,
    store: str | None,
    environment: Mapping[str, str],
) -> None:
    """What the process runs."""
    os.environ.update(environment)
    asyncio.run(serve(folder, pipe, job_seconds, store))
