"""A client of each mode: the local service, a deployed one, the mock, a pipeline of one's own."""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from datagen_nb.client import async_client, sync
from datagen_nb.core.access import LOCAL_CUSTOMER
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.errors import ArgumentError
from datagen_nb.core.pipeline import Pipeline
from datagen_nb.core.secrets import Secret
from datagen_nb.ui.views import Views
from datagen_nb.wiring import keys
from datagen_nb.wiring.service import build_service

if TYPE_CHECKING:
    from datagen_nb.core.webhooks import Sender


def connect(
    target: str | None = None,
    *,
    api_key: str | None = None,
    home: str | os.PathLike[str] | None = None,
    restart: bool = False,
    pipeline: Pipeline | None = None,
    scenario: str = "succeeds",
    speed: float = 20,
    seed: int = 7,
) -> sync.Client:
    """Connect to a service.

    Args:
        target: ``None`` for the local service of this user, which is started if none runs;
            the address of a deployed one, as ``"https://…"``; or ``"mock"`` for a scripted
            pipeline in this process, for demonstrations and tests.
        api_key: For a deployed service; by default ``DATAGEN_API_KEY``, which no notebook keeps.
        home: Directory of the local service; by default ``DATAGEN_HOME``, else the platform's
            directory for user data.
        restart: Stop a running local service first, as when it is of another version; its
            jobs go on from their finished parts.
        pipeline: One of your own, run by a service in this process; its jobs are deleted, and it
            is closed, when the client is. ``datagen_nb.testing`` has the tests that it has to pass.
        scenario: Of the mock: ``succeeds``, ``fails_at_stage``, ``slow``, ``flaky`` (loses a
            worker), ``rejected``, ``paused``, ``times_out``, ``flapping`` (its health),
            ``slow_submit``, ``refused_submit`` (twice), ``lost_events``, ``duplicated_events``,
            ``reordered_events`` or ``failing_webhooks``.
        speed: Of the mock: how many times faster than a real job.
        seed: Of the mock.

    Raises:
        HomeError: The home directory cannot be used.
        ServiceStartFailed: The local service did not start; the message quotes its log.
        VersionMismatch: The running one is of another version.
        ServiceUnavailable: Nothing answers at the address.
        Unauthenticated: The service wants an API key, and none came along that is valid.

    Example:
        ```python
        client = dg.connect()
        ```
    """
    key, api_key = keys.api_key(api_key), None
    open_connection = _opener(
        target,
        key=key,
        home=home,
        restart=restart,
        pipeline=pipeline,
        scenario=scenario,
        speed=speed,
        seed=seed,
    )
    return sync.open_client(open_connection, Views())


class AsyncClient(async_client.AsyncClient):
    __doc__ = async_client.AsyncClient.__doc__

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        target: str | None = None,
        *,
        api_key: str | None = None,
        home: str | os.PathLike[str] | None = None,
        restart: bool = False,
        pipeline: Pipeline | None = None,
        scenario: str = "succeeds",
        speed: float = 20,
        seed: int = 7,
    ) -> AsyncGenerator[async_client.AsyncClient, None]:
        """Connect to a service for the length of a block.

        Args:
            target: As for ``dg.connect``, and so are the others.
            api_key: For a deployed service.
            home: Directory of the local service.
            restart: Stop a running local service first.
            pipeline: One of your own, run by a service in this process.
            scenario: Of the mock.
            speed: Of the mock.
            seed: Of the mock.

        Example:
            ```python
            async with dg.AsyncClient.connect() as client:
                await client.limits()
            ```
        """
        key, api_key = keys.api_key(api_key), None
        open_connection = _opener(
            target,
            key=key,
            home=home,
            restart=restart,
            pipeline=pipeline,
            scenario=scenario,
            speed=speed,
            seed=seed,
        )
        async with await open_connection() as connected:
            yield connected


def _opener(
    target: str | None,
    *,
    key: Secret | None,
    home: str | os.PathLike[str] | None,
    restart: bool,
    pipeline: Pipeline | None,
    scenario: str,
    speed: float,
    seed: int,
) -> Callable[[], Awaitable[async_client.AsyncClient]]:
    if pipeline is not None:
        if target is not None or home is not None or restart:
            raise ArgumentError(
                "A pipeline of your own runs in this process: leave target, home and restart out."
            )
        return lambda: _in_process(pipeline, where="a service in this process")
    if target is None:
        return lambda: _local(home, restart=restart)
    if target == "mock":
        return lambda: _mock(scenario, speed, seed)
    if target.startswith(("http://", "https://")):
        return lambda: _deployed(target, key)
    raise ArgumentError(
        f'Cannot connect to {target!r}: give an address as "https://host", "mock", or nothing.'
    )


async def _local(home: str | os.PathLike[str] | None, *, restart: bool) -> async_client.AsyncClient:
    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.launch import attach

    opened = await asyncio.to_thread(Home.open, home)
    jobs = await attach(opened, restart=restart)
    return async_client.AsyncClient(jobs, where="the local service")


async def _deployed(url: str, key: Secret | None) -> async_client.AsyncClient:
    from datagen_nb.api.client.jobs import HttpJobs

    jobs = HttpJobs.over_http(url, key=key)
    try:
        await jobs.info()
    except BaseException:
        await jobs.aclose()
        raise
    return async_client.AsyncClient(jobs, where=url)


async def _mock(scenario: str, speed: float, seed: int) -> async_client.AsyncClient:
    from datagen_nb.pipelines.mock import MockPipeline
    from datagen_nb.pipelines.mock_sender import MockSender

    clock = SystemClock()
    pipeline = MockPipeline(scenario, speed=speed, seed=seed, clock=clock)
    sender = MockSender(clock) if scenario == "failing_webhooks" else None
    return await _in_process(pipeline, where="the mock service", sender=sender)


async def _in_process(
    pipeline: Pipeline, *, where: str, sender: Sender | None = None
) -> async_client.AsyncClient:
    """A service in this process, whose jobs are deleted with it."""
    from datagen_nb.service.settings import Settings

    place = Path(tempfile.mkdtemp(prefix="datagen-mock-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    # Webhooks of a trial are received on the same machine.
    settings = Settings.of_one_user(webhooks_to_private=True, store=None)
    service = await build_service(
        place / "jobs.sqlite", place / "buckets", pipeline, settings, sender, exclusive=True
    )

    async def close() -> None:
        await service.aclose()
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)

    jobs = service.customer(LOCAL_CUSTOMER)
    return async_client.AsyncClient(jobs, where=where, close=close)
