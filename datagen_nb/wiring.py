"""Where everything is wired: the only module that knows every adapter.

Each mode of the product is one function here that puts the parts together.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from datagen_nb import client, sync
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import DEFAULT_BUCKET, LOCAL_FILES
from datagen_nb.core.errors import NotFound
from datagen_nb.core.ports import Bucket, Pipeline
from datagen_nb.ui.views import Views

if TYPE_CHECKING:
    from datagen_nb.api.home import Home
    from datagen_nb.service.jobs import JobService

LOCAL_CUSTOMER = "local"
_CUSTOMER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def connect(
    target: str | None = None,
    *,
    home: str | os.PathLike[str] | None = None,
    restart: bool = False,
    scenario: str = "succeeds",
    speed: float = 20,
    seed: int = 7,
) -> sync.Client:
    """Connect to a service.

    Args:
        target: ``None`` for the local service of this user, which is started if none runs;
            the address of a deployed one, as ``"https://…"``; or ``"mock"`` for a scripted
            pipeline in this process, for demonstrations and tests.
        home: Directory of the local service; by default ``DATAGEN_HOME``, else the platform's
            directory for user data.
        restart: Stop a running local service first, as when it is of another version; its
            jobs go on from their finished parts.
        scenario: Of the mock: ``succeeds``, ``fails_at_stage``, ``slow``, ``flaky``,
            ``rejected``, ``paused`` or ``times_out``.
        speed: Of the mock: how many times faster than a real job.
        seed: Of the mock.

    Raises:
        HomeError: The home directory cannot be used.
        ServiceStartFailed: The local service did not start; the message quotes its log.
        VersionMismatch: The running one is of another version.
        ServiceUnavailable: Nothing answers at the address.
    """
    dial = _dialler(target, home=home, restart=restart, scenario=scenario, speed=speed, seed=seed)
    return sync.Client(dial, Views())


class AsyncClient(client.AsyncClient):
    __doc__ = client.AsyncClient.__doc__

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        target: str | None = None,
        *,
        home: str | os.PathLike[str] | None = None,
        restart: bool = False,
        scenario: str = "succeeds",
        speed: float = 20,
        seed: int = 7,
    ) -> AsyncGenerator[client.AsyncClient, None]:
        """Connect to a service for the length of a block; see ``connect``."""
        dial = _dialler(
            target, home=home, restart=restart, scenario=scenario, speed=speed, seed=seed
        )
        async with await dial() as connected:
            yield connected


def _dialler(
    target: str | None,
    *,
    home: str | os.PathLike[str] | None,
    restart: bool,
    scenario: str,
    speed: float,
    seed: int,
) -> Callable[[], Awaitable[client.AsyncClient]]:
    if target is None:
        return lambda: _local(home, restart=restart)
    if target == "mock":
        return lambda: _mock(scenario, speed, seed)
    if target.startswith(("http://", "https://")):
        return lambda: _deployed(target)
    raise ValueError(f'cannot connect to {target!r}: give an address, "mock", or nothing')


async def _local(home: str | os.PathLike[str] | None, *, restart: bool) -> client.AsyncClient:
    from datagen_nb.api.home import Home
    from datagen_nb.api.launch import attach

    return client.AsyncClient(await attach(Home.open(home), restart=restart))


async def _deployed(url: str) -> client.AsyncClient:
    from datagen_nb.api.remote import HttpJobs

    jobs = HttpJobs.over_http(url)
    await jobs.info()
    return client.AsyncClient(jobs)


async def _mock(scenario: str, speed: float, seed: int) -> client.AsyncClient:
    from datagen_nb.pipelines.mock import MockPipeline

    clock = SystemClock()
    pipeline = MockPipeline(scenario, speed=speed, seed=seed, clock=clock)
    place = Path(tempfile.mkdtemp(prefix="datagen-mock-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    service = await _service(place / "jobs.sqlite", place / "buckets", pipeline)

    async def close() -> None:
        await service.aclose()
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)

    return client.AsyncClient(service.customer(LOCAL_CUSTOMER), close=close)


async def _service(database: Path, buckets: Path, pipeline: Pipeline) -> JobService:
    from datagen_nb.service.jobs import JobService
    from datagen_nb.service.settings import Settings
    from datagen_nb.stores.sqlite import SqliteStore

    service = JobService(
        store=await SqliteStore.open(database),
        buckets=_buckets_below(buckets),
        pipeline=pipeline,
        clock=SystemClock(),
        settings=Settings(),
    )
    await service.start()
    return service


def _buckets_below(root: Path) -> Callable[[str, str], Bucket]:
    from datagen_nb.buckets.local import LocalBucket, LocalFiles

    def bucket(customer: str, name: str) -> Bucket:
        if name == LOCAL_FILES and customer == LOCAL_CUSTOMER:
            return LocalFiles()
        if name == DEFAULT_BUCKET and _CUSTOMER_NAME.fullmatch(customer):
            return LocalBucket(root / customer)
        raise NotFound(
            f"There is no bucket {name!r} here. Use {DEFAULT_BUCKET!r}.", details={"bucket": name}
        )

    return bucket


def serve_local(home: Home, *, idle_seconds: float | None) -> None:
    """Run the local service of a home until it is stopped or idle for so long."""
    from datagen_nb.api.host import serve
    from datagen_nb.pipelines.local import LocalPipeline

    async def build() -> JobService:
        pipeline = LocalPipeline()
        service = await _service(home.database, home.buckets, pipeline)
        await pipeline.warm()
        return service

    serve(build, home, customer=LOCAL_CUSTOMER, idle_seconds=idle_seconds)
