"""The way out: posts webhook messages, to vetted addresses only; the only door to httpcore.

A name is resolved here, every address of it is checked, and the connection goes to one that was:
what the name says a moment later does not matter. TLS still checks the certificate of the name.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpcore

from datagen_nb import __version__
from datagen_nb.core.addresses import AddressRefused, Place, check_address, parse_url
from datagen_nb.core.webhooks import MOST_ANSWER, Answer, NotAnswered

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
WHOLE_SECONDS = 20.0
"""Bounds of one attempt: until connected, between two bytes, and of all together."""

IDLE_SECONDS = 15.0
"""A connection that is not used for so long is closed, and the name looked up again."""

LOOKUPS = 64
"""Names that are looked up at once; one that hangs keeps one of these threads."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives every address of a name, as text; raises ``OSError``."""


class HttpSender:
    """Implements ``core.webhooks.Sender``.

    Args:
        allow_private: Whether private networks and this machine may be called; link-local and
            reserved addresses never.
        resolve: Looks names up; by default as this machine does.
        ssl_context: Whose certificates are believed; by default those that this machine does.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookup")
        self._network = VettedNetwork(resolve or self._look_up, allow_private=allow_private)
        self._ssl_context = ssl_context
        self._pool: httpcore.AsyncConnectionPool | None = None
        self._making = asyncio.Lock()

    def check(self, url: str) -> None:
        parse_url(url, allow_private=self._allow_private)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                return await self._post(
                    parse_url(url, allow_private=self._allow_private), headers, body
                )
        except TimeoutError:
            raise NotAnswered(f"took more than {WHOLE_SECONDS:g} s") from None
        except AddressRefused as refused:
            raise NotAnswered(f"the address {refused}") from None
        except httpcore.TimeoutException as error:
            raise NotAnswered(_TIMEOUTS[type(error)]) from None
        except (*_FOREIGN, OSError, ssl.SSLError) as error:
            said = str(error)[:200] or type(error).__name__
            raise NotAnswered(f"could not be reached: {said}") from None

    async def aclose(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _connections(self) -> httpcore.AsyncConnectionPool:
        """Made by the first message: whom this machine believes takes 60 ms to read."""
        async with self._making:
            if self._pool is None:
                self._pool = httpcore.AsyncConnectionPool(
                    ssl_context=self._ssl_context
                    or await asyncio.to_thread(httpcore.default_ssl_context),
                    max_connections=None,  # bounded by endpoint; a bound would make them wait
                    max_keepalive_connections=64,
                    keepalive_expiry=IDLE_SECONDS,
                    network_backend=self._network,
                )
        return self._pool

    async def _post(self, place: Place, headers: Mapping[str, str], body: bytes) -> Answer:
        url = httpcore.URL(
            scheme=place.scheme, host=place.host, port=place.port, target=place.target
        )
        sent = {
            **headers,
            "Host": place.authority,
            "User-Agent": f"datagen-nb/{__version__}",
            "Content-Length": str(len(body)),
        }
        request = httpcore.Request(
            "POST",
            url,
            headers=[(name.encode(), value.encode()) for name, value in sent.items()],
            content=body,
            extensions={
                "timeout": {
                    "connect": CONNECT_SECONDS,
                    "read": READ_SECONDS,
                    "write": READ_SECONDS,
                    "pool": CONNECT_SECONDS,
                }
            },
        )
        pool = await self._connections()
        response = await pool.handle_async_request(request)
        try:
            begun = b""
            async for chunk in response.aiter_stream():
                begun += chunk
                if len(begun) >= MOST_ANSWER:
                    break  # the connection is closed rather than read to its end
        finally:
            await response.aclose()
        told = {name.lower(): value for name, value in response.headers}
        after = told.get(b"retry-after")
        return Answer(
            response.status,
            begun[:MOST_ANSWER].decode(errors="replace"),
            None if after is None else after[:100].decode("latin-1"),
        )

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
        )
        # The address as it is, its zone behind a % if it has one.
        return [str(address[0]) for *_, address in found]


class VettedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to names whose every address is one that may be called."""

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                addresses = list(dict.fromkeys(await self._resolve(host, port)))
        except TimeoutError:
            raise httpcore.ConnectTimeout("the name was not found in time") from None
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name was not found: {error}") from None
        for address in addresses:
            check_address(address, allow_private=self._allow_private)
        failed: Exception = httpcore.ConnectError("the name has no address")
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


_FOREIGN = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ConnectionNotAvailable,
    httpcore.UnsupportedProtocol,
)

_TIMEOUTS: Mapping[type[Exception], str] = {
    httpcore.ConnectTimeout: f"could not be reached within {CONNECT_SECONDS:g} s",
    httpcore.ReadTimeout: f"did not answer within {READ_SECONDS:g} s",
    httpcore.WriteTimeout: f"did not take the message within {READ_SECONDS:g} s",
    httpcore.PoolTimeout: "could not be reached: too many connections",
}
