"""The process of a pipeline that services elsewhere use."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datagen_nb.api.process.host import Address, Server, set_up_logging
from datagen_nb.api.process.listeners import listen_on_address, url_of

if TYPE_CHECKING:
    from fastapi import FastAPI

logger = logging.getLogger("datagen_nb.api")


@dataclass(frozen=True, slots=True)
class HostedPipeline:
    """An application, and what closes all that it stands on."""

    app: FastAPI
    aclose: Callable[[], Awaitable[None]]


def serve(
    build: Callable[[], Awaitable[HostedPipeline]],
    address: Address,
    *,
    on_listen: Callable[[str], None],
) -> None:
    """Serve a pipeline until SIGTERM or SIGINT.

    Args:
        build: Creates it.
        address: Where it listens.
        on_listen: Called with its URL once it listens.

    Raises:
        ServiceStartFailed: It cannot listen at the address.
    """
    set_up_logging()
    asyncio.run(_serve(build, address, on_listen))


async def _serve(
    build: Callable[[], Awaitable[HostedPipeline]],
    address: Address,
    on_listen: Callable[[str], None],
) -> None:
    with listen_on_address(address.host, address.port) as listener:
        hosted = await build()
        server = Server(hosted.app, tls=address.tls)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        try:
            on_listen(url_of(listener, address.scheme))
            logger.info("process %d serves a pipeline", os.getpid())
            await server.serve(sockets=[listener])
        finally:
            await hosted.aclose()
            logger.info("process %d ended", os.getpid())
