"""Sends webhook messages, to checked addresses only.

A host name is resolved once; each of its addresses is checked, and the connection goes to one of
them, so a later change of the name has no effect (DNS rebinding). TLS verifies the name as usual.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpcore

from datagen_nb.core.addresses import WEB_PORTS, AddressRefused, Place, check_address, parse_url
from datagen_nb.core.version import __version__
from datagen_nb.core.webhooks import MAX_ANSWER, Answer, NotAnswered

logger = logging.getLogger("datagen_nb.api")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of one attempt.

    Attributes:
        connect: Until the connection is open.
        read: Between two bytes of the response, or of the request.
        total: Of the whole attempt.
    """

    connect: float = 5.0
    read: float = 15.0
    total: float = 20.0


KEEPALIVE_SECONDS = 15.0
"""Seconds until an unused connection is closed; the next one resolves the name again."""

MAX_LOOKUPS = 64
"""Names that are resolved at once; a resolver that hangs occupies one of these threads."""

UNREACHABLE = "could not be reached: its name has no public address, or nothing answers there"
"""The reason that customers get whenever no connection was made. The precise one would show them
which names and ports exist in the operator's network."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Resolves a name and port to all addresses, as text; raises ``OSError``."""


class HttpSender:
    """Implements ``core.webhooks.Sender``.

    Args:
        allow_private: Whether private networks and this machine are allowed, at any port; errors
            then give the precise reason. Link-local and reserved addresses are never allowed.
        ports: Allowed ports of public addresses.
        resolve: Resolves names; by default with this machine's resolver.
        ssl_context: Trusted certificates; by default those of this machine.
        timeouts: Of one attempt.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        ports: Collection[int] = WEB_PORTS,
        resolve: Resolve | None = None,
        ssl_context: ssl.SSLContext | None = None,
        timeouts: Timeouts = Timeouts(),
    ) -> None:
        self._allow_private = allow_private
        self._ports = None if allow_private else ports
        self._threads = ThreadPoolExecutor(MAX_LOOKUPS, thread_name_prefix="lookup")
        self._network = VettedNetwork(resolve or self._look_up, allow_private=allow_private)
        self._ssl_context = ssl_context
        self._timeouts = timeouts
        self._pool: httpcore.AsyncConnectionPool | None = None
        self._making = asyncio.Lock()

    def check(self, url: str) -> None:
        self._parsed(url)

    def _parsed(self, url: str) -> Place:
        return parse_url(url, allow_private=self._allow_private, ports=self._ports)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._timeouts.total):
                return await self._post(self._parsed(url), headers, body)
        except TimeoutError:
            raise NotAnswered(f"took more than {self._timeouts.total:g} s") from None
        except _Unreachable as error:
            logger.info("webhook to %s: %s", url, error)
            raise NotAnswered(UNREACHABLE) from None
        except AddressRefused as refused:
            raise NotAnswered(f"the address {refused}") from None
        except httpcore.TimeoutException as error:
            raise NotAnswered(_reason_of(error, self._timeouts)) from None
        except (*_FOREIGN, OSError, ssl.SSLError) as error:
            reason = str(error)[:200] or type(error).__name__
            raise NotAnswered(f"could not be reached: {reason}") from None

    async def aclose(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _connections(self) -> httpcore.AsyncConnectionPool:
        """Created for the first message: reading the trusted certificates takes 60 ms."""
        async with self._making:
            if self._pool is None:
                self._pool = httpcore.AsyncConnectionPool(
                    ssl_context=self._ssl_context
                    or await asyncio.to_thread(httpcore.default_ssl_context),
                    max_connections=None,  # bounded for each endpoint elsewhere
                    max_keepalive_connections=64,
                    keepalive_expiry=KEEPALIVE_SECONDS,
                    network_backend=self._network,
                )
        return self._pool

    async def _post(self, place: Place, headers: Mapping[str, str], body: bytes) -> Answer:
        url = httpcore.URL(
            scheme=place.scheme, host=place.host, port=place.port, target=place.target
        )
        all_headers = {
            **headers,
            "Host": place.authority,
            "User-Agent": f"datagen-nb/{__version__}",
            "Content-Length": str(len(body)),
        }
        request = httpcore.Request(
            "POST",
            url,
            headers=[(name.encode(), value.encode()) for name, value in all_headers.items()],
            content=body,
            extensions={
                "timeout": {
                    "connect": self._timeouts.connect,
                    "read": self._timeouts.read,
                    "write": self._timeouts.read,
                    "pool": self._timeouts.connect,
                }
            },
        )
        pool = await self._connections()
        response = await pool.handle_async_request(request)
        try:
            body_start = b""
            async for chunk in response.aiter_stream():
                body_start += chunk
                if len(body_start) >= MAX_ANSWER:
                    break  # the connection is closed, not read to the end
        finally:
            await response.aclose()
        response_headers = {name.lower(): value for name, value in response.headers}
        after = response_headers.get(b"retry-after")
        return Answer(
            response.status,
            body_start[:MAX_ANSWER].decode(errors="replace"),
            None if after is None else after[:100].decode("latin-1"),
        )

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
        )
        # With the zone after a % if there is one.
        return [str(address[0]) for *_, address in found]


class _Unreachable(Exception):
    """No connection was made; the message is for the operator only."""


class VettedNetwork(httpcore.AsyncNetworkBackend):
    """Connects only to names all of whose addresses are allowed."""

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
            return await self._connected(host, port, timeout, local_address, socket_options)
        except (AddressRefused, httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            if self._allow_private:
                raise
            raise _Unreachable(str(error) or type(error).__name__) from None

    async def _connected(
        self,
        host: str,
        port: int,
        timeout: float | None,  # noqa: ASYNC109  # as above
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
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


def _reason_of(error: httpcore.TimeoutException, timeouts: Timeouts) -> str:
    if isinstance(error, httpcore.ConnectTimeout):
        return f"could not be reached within {timeouts.connect:g} s"
    if isinstance(error, httpcore.ReadTimeout):
        return f"did not answer within {timeouts.read:g} s"
    if isinstance(error, httpcore.WriteTimeout):
        return f"did not accept the message within {timeouts.read:g} s"
    return "could not be reached: too many connections"
