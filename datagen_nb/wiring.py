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
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from datagen_nb.client import async_client, sync
from datagen_nb.core.access import CUSTOMER_NAME, LOCAL_CUSTOMER, CustomerStorage
from datagen_nb.core.buckets import Bucket, Buckets
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.cloud_paths import SCHEME, is_bucket_name, is_cloud
from datagen_nb.core.config import DEFAULT_BUCKET, LOCAL_FILES
from datagen_nb.core.errors import ArgumentError
from datagen_nb.core.pipeline import Pipeline
from datagen_nb.core.secrets import Secret
from datagen_nb.stores.registry import open_store
from datagen_nb.ui.views import Views

if TYPE_CHECKING:
    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.host import Address, HostedService
    from datagen_nb.core.access import Administration
    from datagen_nb.core.access_log import AccessLog
    from datagen_nb.core.webhooks import Sender
    from datagen_nb.pipelines.remote.plan import IntegrationPlan
    from datagen_nb.service.service import JobService
    from datagen_nb.service.settings import Settings

_CUSTOMER_NAME = re.compile(CUSTOMER_NAME)


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
    key, api_key = _key(api_key), None
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
        key, api_key = _key(api_key), None
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


def _key(given: str | None) -> Secret | None:
    """The API key, wrapped before anything can fail that would show it."""
    text = given or os.environ.get("DATAGEN_API_KEY")
    return None if text is None else Secret(text.strip())


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
    """
    from datagen_nb.service.access.keys import storage_of_customers
    from datagen_nb.service.service import JobService
    from datagen_nb.service.settings import Settings
    from datagen_nb.webhook_sender import HttpSender

    settings = settings or Settings()
    store = await open_store(settings.store, database)
    own = await storage_of_customers(store.documents)
    service = JobService(
        store=store,
        buckets=_customers_buckets(buckets, settings.bucket, own),
        pipeline=pipeline,
        clock=SystemClock(),
        settings=settings,
        sender=sender
        or HttpSender(allow_private=settings.webhooks_to_private, ports=settings.webhook_ports),
        exclusive=exclusive and settings.store is None,
    )
    await service.start()
    return service


def _customers_buckets(
    root: Path, address: str | None, own: Mapping[str, CustomerStorage]
) -> Buckets:
    """Each customer's bucket: its own, a folder at the address, or one below the directory.

    Objects by ``gs://`` name has a customer with an account of its own, as far as that account
    goes; and the only user of a service, who has the files of this machine too.
    """
    from datagen_nb.buckets.gcs.access import GcsAccess
    from datagen_nb.buckets.gcs.bucket import GcsBucket
    from datagen_nb.buckets.local import LocalBucket, LocalFiles

    def find(customer: str, name: str) -> Bucket | None:
        storage = own.get(customer, CustomerStorage())
        access = GcsAccess(storage.service_account, storage.kms_key)
        if name == LOCAL_FILES and customer == LOCAL_CUSTOMER:
            return LocalFiles()
        if is_cloud(name) and (customer == LOCAL_CUSTOMER or storage.service_account):
            cloud_bucket = name.removeprefix(SCHEME)
            return GcsBucket(cloud_bucket, "", access) if is_bucket_name(cloud_bucket) else None
        if name != DEFAULT_BUCKET or _CUSTOMER_NAME.fullmatch(customer) is None:
            return None
        place = storage.bucket or (None if address is None else f"{address}/{customer}")
        if place is None:
            return LocalBucket(root / customer)
        bucket, _, folder = place.removeprefix(SCHEME).partition("/")
        return GcsBucket(bucket, f"{folder}/" if folder else "", access)

    return Buckets(find)


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
        given = settings.pipeline_key
        key = None if given is None else Secret(given.get_secret_value())
        remote = RemotePipeline(Session.over_http(settings.pipeline, key=key), SystemClock())
        if rules == RolloutRules():
            return remote
    local = LocalPipeline(memory=settings.worker_memory)
    await local.warm()
    return local if remote is None else RolloutPipeline(local, remote, rules)


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
        home: Has the keys that are accepted, and the access log.
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
    from datagen_nb.stores.sqlite.store import SqliteStore

    allowed = Roots(roots)
    settings = Settings()

    async def build() -> pipeline_host.HostedPipeline:
        clock = SystemClock()
        pipeline = LocalPipeline(memory=settings.worker_memory)
        await pipeline.warm()
        service = PipelineService(pipeline, allowed, clock, slots=slots or settings.slots)
        store = await SqliteStore.open(home.database)
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

    given = Settings().pipeline_key
    key = None if given is None else Secret(given.get_secret_value())
    async with AsyncExitStack() as stack:
        calls = []
        for each in (key, None):
            calls.append(PipelineCalls(Session.over_http(url, key=each), SystemClock()))
            stack.push_async_callback(calls[-1].aclose)
        yield IntegrationPlan(calls[0], calls[1], place)


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


@dataclass(frozen=True, slots=True)
class AccessControl:
    """Where an operator manages access.

    Attributes:
        control: Customers and keys.
        log: The access log, for the person who manages a home; a service keeps its own.
    """

    control: Administration
    log: AccessLog | None


@asynccontextmanager
async def administration(home: Home) -> AsyncGenerator[AccessControl, None]:
    """A home's customers, keys and access log, whether its service runs or not."""
    from datagen_nb.service.access.audit import Audit
    from datagen_nb.service.access.keys import Access
    from datagen_nb.service.settings import Settings

    store = await open_store(Settings().store, home.database)
    try:
        clock = SystemClock()
        yield AccessControl(Access(store.documents, clock), Audit(store.documents, clock))
    finally:
        await store.aclose()


@asynccontextmanager
async def administration_at(url: str) -> AsyncGenerator[AccessControl, None]:
    """A deployed service's customers and keys; what is done to them its own access log tells."""
    from datagen_nb.api.client.access import HttpAdministration
    from datagen_nb.api.client.session import Session

    session = Session.over_http(url, key=_key(None))
    try:
        yield AccessControl(HttpAdministration(session), None)
    finally:
        await session.aclose()
