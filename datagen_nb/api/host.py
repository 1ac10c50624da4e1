"""The process of a service: a unix socket, an address if wanted, an end when idle or told to."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import uvicorn
from fastapi import FastAPI, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from datagen_nb.api import wire
from datagen_nb.api.access import Entrance, Keys, OwnUser, Token, caller_of
from datagen_nb.api.bounds import MOST_MESSAGE
from datagen_nb.api.events import HEARTBEAT
from datagen_nb.api.home import Home
from datagen_nb.api.lines import HttpLine, WebSocketLine
from datagen_nb.api.server import make_app
from datagen_nb.api.watching import Watched
from datagen_nb.core.access import LOGGED, AccessControl, AccessLog
from datagen_nb.core.errors import ServiceStartFailed
from datagen_nb.core.limits import Limits
from datagen_nb.core.logs import formatter
from datagen_nb.core.messages import ServiceInfo
from datagen_nb.core.observing import Exposition, Observer
from datagen_nb.core.ports import Clock, Jobs

logger = logging.getLogger("datagen_nb.api")

LOG_STYLE = "DATAGEN_LOG"
"""Names the form of log lines in the environment: ``json``, or else ``text``."""

GRACE_SECONDS = 1
"""How long open streams may hold up the end."""


class Service(Protocol):
    """What is hosted."""

    @property
    def busy(self) -> bool:
        """Whether it has work to do."""
        ...

    def customer(self, name: str) -> Jobs: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Hosted:
    """A service with those who guard it.

    Attributes:
        service: What is hosted.
        access: Customers and keys.
        log: The access log.
        limits: A customer's limits.
        clock: Of the rates.
        observer: Is told of every answer, and of what the rates refuse.
        metrics: What was counted.
        aclose: Closes all of it.
    """

    service: Service
    access: AccessControl
    log: AccessLog
    limits: Callable[[str], Awaitable[Limits]]
    clock: Clock
    observer: Observer
    metrics: Exposition
    aclose: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens besides its socket.

    Attributes:
        host: Name or number of an interface.
        port: 0 for any that is free.
        token: Of a local service: what opens it to its own user. Without one it is open to
            customers with keys.
        origins: Web origins whose pages may ask.
    """

    host: str
    port: int
    token: str | None = field(default=None, repr=False)
    origins: frozenset[str] = frozenset()


def serve(
    build: Callable[[], Awaitable[Hosted]],
    home: Home,
    *,
    address: Address | None = None,
    told: Callable[[str], None] = lambda _: None,
    idle_seconds: float | None,
) -> None:
    """Host a service until it is told to end or idle for so long.

    On the home's socket it serves the home's own user, at ``address`` customers too. The caller
    holds the home's lock.

    Args:
        build: Makes the service.
        home: Where it keeps everything.
        address: Where else it listens.
        told: Is given the address's URL when it listens there.
        idle_seconds: After which it ends; ``None`` for never.

    Raises:
        ServiceStartFailed: It cannot listen at the address.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(formatter("json" if os.environ.get(LOG_STYLE) == "json" else "text"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn.access").disabled = True
    asyncio.run(_host(build, home, address, told, idle_seconds))


async def _host(
    build: Callable[[], Awaitable[Hosted]],
    home: Home,
    address: Address | None,
    told: Callable[[str], None],
    idle_seconds: float | None,
) -> None:
    hosted = await build()
    activity = Activity()
    # Whoever reads their own files needs no witness.
    own = Entrance(OwnUser(), hosted.log, hosted.clock, logged=LOGGED - {"results.read"})
    servers = [_Server(_app(hosted, home, own, activity))]

    def end() -> None:
        for server in servers:
            server.end()

    _add_shutdown(servers[0].app, end)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    try:
        with ExitStack() as stack:
            listeners = [stack.enter_context(_listening(home))]
            if address is not None:
                listeners.append(stack.enter_context(_listening_at(address)))
                entrance = _entrance(hosted, address)
                servers.append(_Server(_app(hosted, home, entrance, activity)))
                told(_url(listeners[-1]))
            logger.info("process %d serves %s", os.getpid(), home.path)
            async with _ending_when_idle(end, hosted.service, activity, idle_seconds):
                await asyncio.gather(
                    *(
                        server.serve(sockets=[listener])
                        for server, listener in zip(servers, listeners, strict=True)
                    )
                )
    finally:
        await hosted.aclose()
        logger.info("process %d ended", os.getpid())


def _entrance(hosted: Hosted, address: Address) -> Entrance:
    if address.token is not None:
        return Entrance(Token(address.token), hosted.log, hosted.clock, origins=address.origins)
    return Entrance(
        Keys(hosted.access),
        hosted.log,
        hosted.clock,
        hosted.limits,
        origins=address.origins,
        refused=hosted.observer.refused,
    )


def _app(hosted: Hosted, home: Home, entrance: Entrance, activity: Activity) -> FastAPI:
    is_own = entrance.limits is None

    def describe(info: ServiceInfo) -> ServiceInfo:
        # Where on the machine a service keeps its things is no customer's matter.
        return info.model_copy(
            update={"home": str(home.path)} if is_own else {"pid": 0, "workers": {}}
        )

    app = make_app(
        lambda connection: hosted.service.customer(caller_of(connection).customer),
        describe=describe,
        entrance=entrance,
        access=hosted.access,
        metrics=hosted.metrics,
    )
    app.add_middleware(Watched, observer=hosted.observer, clock=hosted.clock)
    app.add_middleware(activity.watch)
    return app


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which kills the process before it has closed."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(
            app,
            http=HttpLine,  # h11 bounds the headers while they come
            ws=WebSocketLine,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws_max_size=MOST_MESSAGE,
            ws_ping_interval=HEARTBEAT,
            ws_per_message_deflate=False,  # a window for each reader is more than it saves
        )
        config.timeout_graceful_shutdown = GRACE_SECONDS
        super().__init__(config)
        self.app = app
        self._closing: asyncio.Event = app.state.closing

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def end(self) -> None:
        self._closing.set()
        self.should_exit = True


class Activity:
    """Counts open requests, streams included, and remembers when the last one ended."""

    def __init__(self) -> None:
        self.open = 0
        self.last = asyncio.get_running_loop().time()

    def watch(self, app: ASGIApp) -> ASGIApp:
        """Middleware that tells each request."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            self.open += 1
            try:
                await app(scope, receive, send)
            finally:
                self.open -= 1
                self.last = asyncio.get_running_loop().time()

        return watched


@contextmanager
def _listening(home: Home) -> Generator[socket.socket, None, None]:
    with suppress(FileNotFoundError):
        home.socket.unlink()  # stale: the lock is ours, so nobody listens on it
    with _OwnSocket(socket.AF_UNIX) as listener:
        before = os.umask(0o177)
        try:
            listener.bind(str(home.socket))
        finally:
            os.umask(before)
        listener.listen(512)
        listener.setblocking(False)  # noqa: FBT003  positional only
        try:
            yield listener
        finally:
            with suppress(FileNotFoundError):
                home.socket.unlink()


class _OwnSocket(socket.socket):
    """A unix socket that takes in its own user's processes only.

    The directory around it is closed to others already; this holds where that is not enough, as
    when a container shares it.
    """

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        if hasattr(socket, "SO_PEERCRED"):
            size = struct.calcsize("3i")
            told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
            _, uid, _ = struct.unpack("3i", told)
            if uid != os.getuid():
                connection.close()
                logger.warning("a process of user %d was turned away", uid)
                raise ConnectionAbortedError(f"user {uid} is not the home's")
        return connection, address


@contextmanager
def _listening_at(address: Address) -> Generator[socket.socket, None, None]:
    try:
        if not 0 <= address.port < 1 << 16:
            raise OverflowError("ports are 0 to 65535")
        family, _, _, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(place[:2], family=family, backlog=512)
    except (OSError, OverflowError, UnicodeError) as error:
        raise ServiceStartFailed(
            f"The service cannot listen at {address.host}:{address.port}: {error}. "
            "Choose another address with --listen HOST:PORT.",
            details={"host": address.host, "port": address.port},
        ) from error
    with listener:
        listener.setblocking(False)  # noqa: FBT003  positional only
        yield listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def _ending_when_idle(
    end: Callable[[], None], service: Service, activity: Activity, seconds: float | None
) -> AsyncGenerator[None, None]:
    async def watch(limit: float) -> None:
        loop = asyncio.get_running_loop()
        while activity.open or service.busy or loop.time() - activity.last < limit:
            await asyncio.sleep(min(limit / 4, 15))
        logger.info("idle for %g s", limit)
        end()

    if seconds is None:
        yield
        return
    watching = asyncio.create_task(watch(seconds))
    try:
        yield
    finally:
        watching.cancel()


def _add_shutdown(app: FastAPI, end: Callable[[], None]) -> None:
    @app.post(wire.SHUTDOWN, status_code=202)
    async def shut_down() -> Response:
        end()
        return Response(status_code=202)
