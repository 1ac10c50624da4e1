"""HTTP over a unix socket, on asyncio's own transports.

httpcore reads unix sockets through anyio, whose callback for "readable" fails when a read is
cancelled in the very turn of the loop in which bytes arrive: the loop then logs an
``InvalidStateError`` with a traceback, into a notebook too. agronholm/anyio#1267 describes the
same race on closing. asyncio's streams wait in a way that survives it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

RETRY = 0.01
"""Seconds until a connection to a socket with a full backlog is tried again."""


class UnixTransport(httpx.AsyncHTTPTransport):
    """An httpx transport over a unix socket.

    Args:
        path: Path of the socket.
        idle: Connections that are kept open between requests.
    """

    def __init__(self, path: str, *, idle: int) -> None:
        # httpx has no parameter for a network backend; `super().__init__` would build another pool.
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=None,
            max_keepalive_connections=idle,
            keepalive_expiry=httpx.Limits().keepalive_expiry,
            uds=path,
            network_backend=_Network(),
        )


class _Network(httpcore.AsyncNetworkBackend):
    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's own signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002  # likewise
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                return _Stream(*await _connected(path))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _connected(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        one.settimeout(0)
        while True:
            try:
                one.connect(path)
            except BlockingIOError:  # backlog full; unlike TCP, the connect is not pending
                await asyncio.sleep(RETRY)
            else:
                return await asyncio.open_unix_connection(sock=one)
    except BaseException:
        one.close()
        raise


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109  # likewise
    ) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109  # likewise
    ) -> None:
        try:
            async with asyncio.timeout(timeout):
                self._writer.write(buffer)
                await self._writer.drain()
        except TimeoutError as error:
            raise httpcore.WriteTimeout from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        self._writer.transport.abort()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # httpcore drops idle connections that are readable
            return self._reader.at_eof() or self._writer.is_closing()
        return None
