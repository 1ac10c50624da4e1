"""The service's process: its servers on a unix socket and an address, and when it shuts down."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import uvicorn
from fastapi import FastAPI, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from datagen_nb.api import wire
from datagen_nb.api.process.home import Home
from datagen_nb.api.process.listeners import (
    listen_on_address,
    listen_on_socket,
    raise_descriptor_limit,
    reserved_descriptors,
    url_of,
)
from datagen_nb.api.server.app import make_app
from datagen_nb.api.server.auth import ApiKeyAuth, AuthConfig, PeerAuth, TokenAuth, caller_of
from datagen_nb.api.server.connections import MAX_CONNECTIONS, SEND_TIMEOUT, ConnectionConfig
from datagen_nb.api.server.event_streams import PING_SECONDS
from datagen_nb.api.server.request_limits import MAX_MESSAGE
from datagen_nb.api.server.request_metrics import RequestMetrics
from datagen_nb.core.access import AccessControl
from datagen_nb.core.access_log import LOGGED_ACTIONS, AccessLog
from datagen_nb.core.errors import HomeError
from datagen_nb.core.limits import Limits
from datagen_nb.core.logs import RepeatLimitHandler, formatter
from datagen_nb.core.messages import ServiceInfo
from datagen_nb.core.observer import Exposition, Observer
from datagen_nb.core.ports import Clock, Jobs

logger = logging.getLogger("datagen_nb.api")

LOG_STYLE = "DATAGEN_LOG"
"""Environment variable for the format of log lines, ``text`` or ``json``; by default text on a
terminal and JSON elsewhere."""

UNLOGGED_OWN_ACTIONS = frozenset({"results.read", "jobs.submit", "jobs.steer"})
"""Actions that are not in the access log when the home's own user does them."""

HOME_CHECK_SECONDS = 2.0
"""Interval between checks that the home still exists."""

GRACE_SECONDS = 1
"""How long a shutdown waits for open streams."""


class Service(Protocol):
    """What the process needs of the service that it hosts."""

    @property
    def busy(self) -> bool:
        """Whether it has work to do."""
        ...

    def customer(self, name: str) -> Jobs: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class HostedService:
    """A service and the parts that its API needs.

    Attributes:
        service: The service.
        access: Customers and keys.
        log: The access log.
        limits: Limits of a customer, by name.
        clock: Measures request rates and durations.
        observer: Gets every response, and every request that a rate limit refused.
        metrics: What ``GET /metrics`` answers.
        is_ready: Whether the store and the home can be used.
        aclose: Closes all of these.
    """

    service: Service
    access: AccessControl
    log: AccessLog
    limits: Callable[[str], Awaitable[Limits]]
    clock: Clock
    observer: Observer
    metrics: Exposition
    is_ready: Callable[[], Awaitable[bool]]
    aclose: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens in addition to its socket.

    Attributes:
        host: Host name or IP address of an interface.
        port: TCP port; 0 for any free one.
        token: The token of a local service, for its own user. Without one the service is for
            customers with API keys.
        origins: Web origins whose pages may send requests.
        tls: Serves ``https`` by it; plain HTTP without one.
    """

    host: str
    port: int
    token: str | None = field(default=None, repr=False)
    origins: frozenset[str] = frozenset()
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def scheme(self) -> str:
        """Of its URL."""
        return "http" if self.tls is None else "https"


def serve(
    build: Callable[[], Awaitable[HostedService]],
    home: Home,
    *,
    address: Address | None = None,
    on_listen: Callable[[str], None] = lambda _: None,
    idle_seconds: float | None,
) -> None:
    """Host a service until it is stopped, or idle for a time.

    It listens on the home's socket for the home's own user, and at ``address`` if one is given.
    The caller holds the home's lock.

    Args:
        build: Creates the service.
        home: Its home directory.
        address: A second place to listen.
        on_listen: Called with the address's URL once the service listens there.
        idle_seconds: Seconds without a request and without work until it shuts down; ``None`` for
            never.

    Raises:
        HomeError: ``home_lost``: the home was deleted, moved or replaced meanwhile.
        ServiceStartFailed: The service cannot listen at the address.
    """
    set_up_logging()
    asyncio.run(_host(build, home, address, on_listen, idle_seconds))


def set_up_logging() -> None:
    """Log to standard error, as ``DATAGEN_LOG`` says."""
    handler = RepeatLimitHandler()
    default = "text" if handler.stream.isatty() else "json"
    style = os.environ.get(LOG_STYLE, default)
    handler.setFormatter(formatter("json" if style == "json" else "text"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


async def _host(
    build: Callable[[], Awaitable[HostedService]],
    home: Home,
    address: Address | None,
    on_listen: Callable[[str], None],
    idle_seconds: float | None,
) -> None:
    hosted = await build()
    activity = Activity()
    # The home's own user works with their own files: only what is sensitive is logged.
    own = AuthConfig(
        PeerAuth(), hosted.log, hosted.clock, logged=LOGGED_ACTIONS - UNLOGGED_OWN_ACTIONS
    )
    servers = [Server(build_app(hosted, home, own, activity))]

    def stop() -> None:
        for server in servers:
            server.stop()

    _add_shutdown_route(servers[0].app, stop)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        with ExitStack() as stack:
            listeners = [stack.enter_context(listen_on_socket(home))]
            if address is not None:
                listeners.append(stack.enter_context(listen_on_address(address.host, address.port)))
                auth = auth_config(hosted, address)
                servers.append(Server(build_app(hosted, home, auth, activity), tls=address.tls))
                on_listen(url_of(listeners[-1], address.scheme))
            logger.info("process %d serves %s", os.getpid(), home.path)
            async with (
                _stop_when_idle(stop, hosted.service, activity, idle_seconds),
                _stop_without_home(stop, home),
            ):
                await asyncio.gather(
                    *(
                        server.serve(sockets=[listener])
                        for server, listener in zip(servers, listeners, strict=True)
                    )
                )
    finally:
        await hosted.aclose()
        logger.info("process %d ended", os.getpid())


def auth_config(hosted: HostedService, address: Address) -> AuthConfig:
    """How callers at an address are authenticated: by its token, or by API keys."""
    if address.token is not None:
        return AuthConfig(
            TokenAuth(address.token), hosted.log, hosted.clock, origins=address.origins
        )
    return AuthConfig(
        ApiKeyAuth(hosted.access),
        hosted.log,
        hosted.clock,
        hosted.limits,
        origins=address.origins,
        on_limited=hosted.observer.refused,
    )


def build_app(hosted: HostedService, home: Home, auth: AuthConfig, activity: Activity) -> FastAPI:
    """The application of one listener: the API, request metrics, and the count of open requests."""
    is_own = auth.limits is None

    def describe(info: ServiceInfo) -> ServiceInfo:
        # Customers get no paths and processes of the service's machine.
        return info.model_copy(
            update={"home": str(home.path)}
            if is_own
            else {"pid": 0, "workers": {}, "deployed": True}
        )

    app = make_app(
        lambda connection: hosted.service.customer(caller_of(connection).customer),
        describe=describe,
        auth=auth,
        access=hosted.access,
        metrics=hosted.metrics,
        is_ready=hosted.is_ready,
        is_deployed=not is_own,
    )
    app.add_middleware(RequestMetrics, observer=hosted.observer, clock=hosted.clock)
    app.add_middleware(activity.middleware)
    return app


class Server(uvicorn.Server):
    """uvicorn without its signal handlers, which end the process before the service has closed."""

    def __init__(
        self,
        app: FastAPI,
        *,
        tls: ssl.SSLContext | None = None,
        send_timeout: float = SEND_TIMEOUT,
    ) -> None:
        limit = raise_descriptor_limit()
        config = ConnectionConfig(
            app,
            tls=tls,
            send_timeout=send_timeout,
            max_connections=min(MAX_CONNECTIONS, limit - reserved_descriptors(limit)),
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws_max_size=MAX_MESSAGE,
            ws_ping_interval=PING_SECONDS,
            ws_per_message_deflate=False,  # needs a buffer for each reader, for little gain
        )
        config.timeout_graceful_shutdown = GRACE_SECONDS
        super().__init__(config)
        self.app = app
        self._closing: asyncio.Event = app.state.closing

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def stop(self) -> None:
        """Begin the shutdown; open streams end."""
        self._closing.set()
        self.should_exit = True


class Activity:
    """Counts open requests, streams included, and keeps the time when the last one ended."""

    def __init__(self) -> None:
        self.open = 0
        self.last_active = asyncio.get_running_loop().time()

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """ASGI middleware that counts each request."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            self.open += 1
            try:
                await app(scope, receive, send)
            finally:
                self.open -= 1
                self.last_active = asyncio.get_running_loop().time()

        return counted


@asynccontextmanager
async def _stop_when_idle(
    stop: Callable[[], None], service: Service, activity: Activity, seconds: float | None
) -> AsyncGenerator[None, None]:
    async def watch(limit: float) -> None:
        loop = asyncio.get_running_loop()
        while activity.open or service.busy or loop.time() - activity.last_active < limit:
            await asyncio.sleep(min(limit / 4, 15))
        logger.info("idle for %g s", limit)
        stop()

    if seconds is None:
        yield
        return
    watching = asyncio.create_task(watch(seconds))
    try:
        yield
    finally:
        watching.cancel()


@asynccontextmanager
async def _stop_without_home(stop: Callable[[], None], home: Home) -> AsyncGenerator[None, None]:
    """Shut down when the home is gone: its results could not be found any more.

    Raises:
        HomeError: The home was deleted, moved or replaced.
    """
    before = await asyncio.to_thread(home.identities)
    lost: list[HomeError] = []

    async def watch() -> None:
        while (now := await asyncio.to_thread(home.identities)) == before:
            await asyncio.sleep(HOME_CHECK_SECONDS)
        gone = next(path for path in before if now[path] != before[path])
        lost.append(
            HomeError(
                f"{gone} was deleted, moved or replaced while the service of {home.path} ran. The "
                "service shuts down and stops its running jobs; `dg.connect()` starts a new one.",
                code="home_lost",
                details={"path": str(gone)},
            )
        )
        logger.critical("%s", lost[0].message)
        stop()

    watching = asyncio.create_task(watch(), name="home")
    try:
        yield
    finally:
        watching.cancel()
    if lost:
        raise lost[0]


def _add_shutdown_route(app: FastAPI, stop: Callable[[], None]) -> None:
    @app.post(wire.SHUTDOWN, status_code=202)
    async def shut_down() -> Response:
        stop()
        return Response(status_code=202)
