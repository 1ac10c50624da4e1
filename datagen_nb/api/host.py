"""The process of a local service: a unix socket, uvicorn, an end when idle or told to."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Protocol

import uvicorn
from fastapi import FastAPI, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from datagen_nb.api import wire
from datagen_nb.api.home import Home
from datagen_nb.api.server import make_app
from datagen_nb.core.ports import Jobs

logger = logging.getLogger("datagen_nb.api")

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


def serve(
    build: Callable[[], Awaitable[Service]],
    home: Home,
    *,
    customer: str,
    idle_seconds: float | None,
) -> None:
    """Host a service on the home's socket until it is told to end or idle for so long.

    The caller holds the home's lock.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn.access").disabled = True
    asyncio.run(_host(build, home, customer=customer, idle_seconds=idle_seconds))


async def _host(
    build: Callable[[], Awaitable[Service]],
    home: Home,
    *,
    customer: str,
    idle_seconds: float | None,
) -> None:
    service = await build()
    activity = Activity()
    app = make_app(
        lambda _: service.customer(customer),
        describe=lambda info: info.model_copy(update={"home": str(home.path)}),
    )
    app.add_middleware(activity.watch)
    server = _Server(app)
    _add_shutdown(app, server)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.end)
    try:
        with _listening(home) as listener:
            logger.info("process %d serves %s", os.getpid(), home.path)
            async with _ending_when_idle(server, service, activity, idle_seconds):
                await server.serve(sockets=[listener])
    finally:
        await service.aclose()
        logger.info("process %d ended", os.getpid())


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, which kills the process before it has closed."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
        config.timeout_graceful_shutdown = GRACE_SECONDS
        super().__init__(config)
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
    with socket.socket(socket.AF_UNIX) as listener:
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


@asynccontextmanager
async def _ending_when_idle(
    server: _Server, service: Service, activity: Activity, seconds: float | None
) -> AsyncGenerator[None, None]:
    async def watch(limit: float) -> None:
        loop = asyncio.get_running_loop()
        while activity.open or service.busy or loop.time() - activity.last < limit:
            await asyncio.sleep(min(limit / 4, 15))
        logger.info("idle for %g s", limit)
        server.end()

    if seconds is None:
        yield
        return
    watching = asyncio.create_task(watch(seconds))
    try:
        yield
    finally:
        watching.cancel()


def _add_shutdown(app: FastAPI, server: _Server) -> None:
    @app.post(wire.SHUTDOWN, status_code=202)
    async def shut_down() -> Response:
        server.end()
        return Response(status_code=202)
