"""A store that is lost comes back from a copy of it: jobs go on, keys let in, numbers continue."""

import asyncio
from contextlib import aclosing, asynccontextmanager

import pytest

from datagen_nb.cli import main
from datagen_nb.client.async_client import AsyncClient
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.status import State
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.service.settings import Settings
from datagen_nb.wiring.server import host_service
from datagen_nb.wiring.service import build_service
from tests.contracts.test_store import adapter
from tests.deadline import DEADLINE
from tests.firestore_emulator import project_at

__all__ = ["adapter"]  # a fixture: every store

CONFIG = JobConfiguration(data_size=20, input_format="csv", output_format="csv", input_path="in")
SLOW, FAST = 0.001, 5000.0


@pytest.fixture
def place_of(adapter, tmp_path):
    """Where a store of a name is, as ``datagen-nb copy`` takes it."""

    def place(name):
        folder = tmp_path / name
        return str(folder) if adapter == "sqlite" else f"firestore://{project_at(folder)}"

    return place


@asynccontextmanager
async def serving(place, buckets, speed):
    """A service on a store, and who asks it for Ann."""
    store = place if "://" in place else None
    if store is None:
        await asyncio.to_thread(buckets.parent.joinpath(place).mkdir, 0o700, exist_ok=True)
    pipeline = MockPipeline("succeeds", speed=speed, seed=7, clock=SystemClock())
    settings = Settings(store=store, cooldown_period=0, lease_seconds=1)
    service = await build_service(
        buckets.parent / place / "jobs.sqlite", buckets, pipeline, settings
    )
    hosted = await host_service(service)
    try:
        yield hosted, AsyncClient(service.customer("ann"), where="a test")
    finally:
        await hosted.aclose()


async def copy(source, target):
    assert await asyncio.to_thread(main, ["copy", "--from", source, "--to", target]) == 0


async def running(client, job_id):
    """Wait until a job has begun."""
    async with asyncio.timeout(DEADLINE):
        async with aclosing((await client.jobs.get(job_id)).updates()) as updates:
            async for status in updates:
                if status.status is State.RUNNING:
                    return


async def test_a_lost_store_comes_back_from_its_backup(place_of, tmp_path):
    """The job that ran is finished, the one that had ended is as it was, and the next is new."""
    buckets, backup = tmp_path / "buckets", str(tmp_path / "backup")
    async with serving(place_of("first"), buckets, FAST) as (hosted, client):
        await asyncio.to_thread(hosted.service.buckets("ann", "default").put, "in", b"a\n1\n")
        await hosted.access.create_customer("ann")
        key = (await hosted.access.create_key("ann")).secret
        done = await hosted.service.customer("ann").create(CONFIG, idempotency_key="one")
        done = await (await client.jobs.get(done.job_id)).wait()
    async with serving(place_of("first"), buckets, SLOW) as (hosted, client):
        begun = await hosted.service.customer("ann").create(CONFIG, idempotency_key="two")
        await running(client, begun.job_id)
        cursor = await hosted.service.store.last_cursor("ann")

    await copy(place_of("first"), backup)
    await copy(backup, place_of("second"))

    async with serving(place_of("second"), buckets, FAST) as (hosted, client):
        jobs = hosted.service.customer("ann")
        assert (await hosted.access.authenticate(key)).customer == "ann"
        assert await jobs.status(done.job_id) == done
        assert (await jobs.create(CONFIG, idempotency_key="one")).job_id == done.job_id
        ended = await (await client.jobs.get(begun.job_id)).wait()
        assert (ended.status, ended.attempt) == (State.COMPLETED, 2)
        assert (await (await client.jobs.get(done.job_id)).result()).num_rows == CONFIG.data_size
        assert (await hosted.service.store.last_cursor("ann")) > cursor
