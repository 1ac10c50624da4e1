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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from datagen_nb import client, sync
from datagen_nb.core.access import CUSTOMER_NAME, LOCAL_CUSTOMER
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import DEFAULT_BUCKET, LOCAL_FILES
from datagen_nb.core.errors import NotFound
from datagen_nb.core.ports import Bucket, Pipeline
from datagen_nb.core.secrets import Secret
from datagen_nb.ui.views import Views

if TYPE_CHECKING:
    from datagen_nb.api.home import Home
    from datagen_nb.api.host import Address, Hosted
    from datagen_nb.core.access import AccessLog, Administration
    from datagen_nb.core.webhooks import Sender
    from datagen_nb.service.jobs import JobService
    from datagen_nb.service.settings import Settings

_CUSTOMER_NAME = re.compile(CUSTOMER_NAME)


def connect(
    target: str | None = None,
    *,
    api_key: str | None = None,
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
        api_key: For a deployed service; by default ``DATAGEN_API_KEY``, which no notebook keeps.
        home: Directory of the local service; by default ``DATAGEN_HOME``, else the platform's
            directory for user data.
        restart: Stop a running local service first, as when it is of another version; its
            jobs go on from their finished parts.
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
    """
    key, api_key = _key(api_key), None
    dial = _dialler(
        target, key=key, home=home, restart=restart, scenario=scenario, speed=speed, seed=seed
    )
    return sync.Client(dial, Views())


class AsyncClient(client.AsyncClient):
    __doc__ = client.AsyncClient.__doc__

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        target: str | None = None,
        *,
        api_key: str | None = None,
        home: str | os.PathLike[str] | None = None,
        restart: bool = False,
        scenario: str = "succeeds",
        speed: float = 20,
        seed: int = 7,
    ) -> AsyncGenerator[client.AsyncClient, None]:
        """Connect to a service for the length of a block; see ``connect``."""
        key, api_key = _key(api_key), None
        dial = _dialler(
            target, key=key, home=home, restart=restart, scenario=scenario, speed=speed, seed=seed
        )
        async with await dial() as connected:
            yield connected


def _key(given: str | None) -> Secret | None:
    """The API key, wrapped before anything can fail that would show it."""
    text = given or os.environ.get("DATAGEN_API_KEY")
    return None if text is None else Secret(text.strip())


def _dialler(
    target: str | None,
    *,
    key: Secret | None,
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
        return lambda: _deployed(target, key)
    raise ValueError(f'cannot connect to {target!r}: give an address, "mock", or nothing')


async def _local(home: str | os.PathLike[str] | None, *, restart: bool) -> client.AsyncClient:
    from datagen_nb.api.home import Home
    from datagen_nb.api.launch import attach

    return client.AsyncClient(await attach(Home.open(home), restart=restart))


async def _deployed(url: str, key: Secret | None) -> client.AsyncClient:
    from datagen_nb.api.remote import HttpJobs

    jobs = HttpJobs.over_http(url, key=key)
    try:
        await jobs.info()
    except BaseException:
        await jobs.aclose()
        raise
    return client.AsyncClient(jobs)


async def _mock(scenario: str, speed: float, seed: int) -> client.AsyncClient:
    from datagen_nb.pipelines.mock import MockPipeline
    from datagen_nb.pipelines.mock_sender import MockSender
    from datagen_nb.service.settings import Settings

    clock = SystemClock()
    pipeline = MockPipeline(scenario, speed=speed, seed=seed, clock=clock)
    place = Path(tempfile.mkdtemp(prefix="datagen-mock-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    # Whoever tries it out receives its webhooks on the same machine.
    settings = Settings(webhooks_to_private=True)
    sender = MockSender(clock) if scenario == "failing_webhooks" else None
    service = await _service(place / "jobs.sqlite", place / "buckets", pipeline, settings, sender)

    async def close() -> None:
        await service.aclose()
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)

    return client.AsyncClient(service.customer(LOCAL_CUSTOMER), close=close)


async def _service(
    database: Path,
    buckets: Path,
    pipeline: Pipeline,
    settings: Settings | None = None,
    sender: Sender | None = None,
) -> JobService:
    from datagen_nb.api.outbound import HttpSender
    from datagen_nb.service.jobs import JobService
    from datagen_nb.service.settings import Settings
    from datagen_nb.stores.sqlite import SqliteStore

    settings = settings or Settings()
    service = JobService(
        store=await SqliteStore.open(database),
        buckets=_buckets_below(buckets),
        pipeline=pipeline,
        clock=SystemClock(),
        settings=settings,
        sender=sender or HttpSender(allow_private=settings.webhooks_to_private),
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


def serve(
    home: Home,
    *,
    address: Address | None = None,
    told: Callable[[str], None] = lambda _: None,
    idle_seconds: float | None = None,
) -> None:
    """Run the service of a home until it is stopped or idle for so long; see ``api.host.serve``."""
    from datagen_nb.api import host
    from datagen_nb.pipelines.local import LocalPipeline

    async def build() -> host.Hosted:
        pipeline = LocalPipeline()
        service = await _service(home.database, home.buckets, pipeline)
        await pipeline.warm()
        return await _hosted(service)

    host.serve(build, home, address=address, told=told, idle_seconds=idle_seconds)


async def _hosted(service: JobService) -> Hosted:
    from datagen_nb.api.host import Hosted
    from datagen_nb.service.access import Access
    from datagen_nb.service.audit import Audit

    access = Access(service.store.documents, service.clock)
    await access.start()

    async def close() -> None:
        await access.aclose()
        await service.aclose()

    return Hosted(
        service=service,
        access=access,
        log=Audit(service.store.documents, service.clock),
        limits=service.policy.limits_of,
        clock=service.clock,
        observer=service.observers,
        metrics=service.metrics,
        aclose=close,
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an operator manages access.

    Attributes:
        control: Customers and keys.
        log: The access log, for whoever manages a home; a service keeps its own.
    """

    control: Administration
    log: AccessLog | None


@asynccontextmanager
async def administration(home: Home) -> AsyncGenerator[Desk, None]:
    """A home's customers, keys and access log, whether its service runs or not."""
    from datagen_nb.service.access import Access
    from datagen_nb.service.audit import Audit
    from datagen_nb.stores.sqlite import SqliteStore

    store = await SqliteStore.open(home.database)
    try:
        clock = SystemClock()
        yield Desk(Access(store.documents, clock), Audit(store.documents, clock))
    finally:
        await store.aclose()


@asynccontextmanager
async def administration_at(url: str) -> AsyncGenerator[Desk, None]:
    """A deployed service's customers and keys; what is done to them its own access log tells."""
    from datagen_nb.api.remote_access import HttpAdministration
    from datagen_nb.api.session import Session

    session = Session.over_http(url, key=_key(None))
    try:
        yield Desk(HttpAdministration(session), None)
    finally:
        await session.aclose()
