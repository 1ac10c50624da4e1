"""Sends all requests to the service, with retries, request ids and typed errors."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import random
import traceback
import uuid
import weakref
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Mapping,
)
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import httpx

from datagen_nb.api import wire
from datagen_nb.api.client.unix_socket import UnixTransport
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.errors import (
    DatagenError,
    LimitReached,
    ProtocolError,
    ServiceUnavailable,
    SubmitInFlight,
)
from datagen_nb.core.lease import Lease
from datagen_nb.core.ports import Clock
from datagen_nb.core.secrets import Secret

ATTEMPTS = 6
FIRST_DELAY = 0.1
MAX_DELAY = 5.0
MAX_WAIT = 60.0
"""Seconds: upper bound of ``Retry-After``, and of all delays of one call together."""

MAX_CONCURRENT_CALLS = 8
"""Concurrent requests, so that a hundred cards do not use a hundred descriptors."""

MAX_OUTAGE_SECONDS = 300.0
"""Seconds that a reader of events waits for a service that does not answer."""

RETRYABLE_STATUSES = frozenset({429, 502, 503, 504})
TIMEOUT = httpx.Timeout(60.0, connect=5.0)

TRANSPORT_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, OverflowError)
"""What httpx and its sockets raise."""

LOCAL_URL = httpx.URL("http://datagen")
"""The base URL of a service behind a unix socket; only a placeholder."""

EXIT_SECONDS = 2.0
"""Seconds that the interpreter's exit waits for connections to close."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Restart = Callable[[], Awaitable[None]]


class Session:
    """Sends requests to one service.

    Idempotent requests are retried with exponential backoff and full jitter, or after
    ``Retry-After``. Others are retried only if they never reached the service.

    Args:
        client: Made by ``over_socket`` or ``over_http``.
        restart: Starts the service again; awaited when nothing answers.
        clock: Measures the delays.
        jitter: Returns a random share of a delay, 0 to 1.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        restart: Restart | None = None,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._lease = Lease()
        self._restart = restart
        self._restarting: asyncio.Future[None] | None = None
        self._clock = clock or SystemClock()
        self._jitter = jitter
        self._call_slots = asyncio.Semaphore(MAX_CONCURRENT_CALLS)
        self._was_reached = False
        _open.add(self)
        weakref.finalize(self, _close_soon, client, self._lease).atexit = False

    @classmethod
    def over_socket(cls, path: str, *, restart: Restart | None = None) -> Session:
        """A session over a unix socket."""
        # Long polls and downloads hold a connection each; no other call waits for one of them.
        transport = UnixTransport(path, idle=8)
        client = httpx.AsyncClient(
            transport=transport, base_url=LOCAL_URL, timeout=TIMEOUT, trust_env=False
        )
        return cls(client, restart=restart)

    @classmethod
    def over_http(cls, url: str, *, key: Secret | None = None) -> Session:
        """A session with a deployed service.

        Args:
            url: Its address.
            key: The API key, sent with every request.

        Raises:
            ServiceUnavailable: The address is invalid, or would send the key unencrypted.
        """
        if "@" in url or "?" in url or "#" in url:
            raise ServiceUnavailable(
                "The address has to be https://host, with a path at most. Addresses are logged, so "
                "set the API key with DATAGEN_API_KEY or connect(api_key=…).",
                code="address_with_more",
            )
        try:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=8)
            auth = None if key is None else _Bearer(key)
            client = httpx.AsyncClient(base_url=url, timeout=TIMEOUT, limits=limits, auth=auth)
            plain = client.base_url.scheme == "http" and client.base_url.host not in LOOPBACK
            if key is not None and plain:
                raise ServiceUnavailable(
                    f"The API key would be sent to {client.base_url.host!r} unencrypted. "
                    "Use its https:// address.",
                    code="key_in_the_clear",
                )
            return cls(client)
        except (httpx.InvalidURL, ValueError) as error:
            raise ServiceUnavailable(
                f"{url!r} is not a valid address ({error}). Write it as https://host."
            ) from None

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that uses the connections, if one did in this process."""
        return self._lease.loop

    async def send(
        self,
        method: str,
        path: str,
        *,
        idempotent: bool,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        long_poll: bool = False,
    ) -> bytes:
        """Send a request and return the response's body.

        Args:
            method: The HTTP method.
            path: The path below the service's address.
            idempotent: Whether it may be sent again if it is unknown whether it arrived.
            params: Query parameters; ``None`` values are left out.
            headers: Further headers.
            content: The body.
            long_poll: Whether the service may delay the response; such requests do not count
                towards ``MAX_CONCURRENT_CALLS``.

        Raises:
            DatagenError: The service's error, or ``ServiceUnavailable``, or ``ProtocolError``.
            ClientUnusable: The session was closed, or belongs to another process or event loop.
        """
        self._lease.check()
        request_id = uuid.uuid4().hex
        sent = {**(headers or {}), wire.REQUEST_ID: request_id}
        query = {key: value for key, value in (params or {}).items() if value is not None}
        attempt, waited = 0, 0.0
        while True:
            attempt += 1
            delay = min(FIRST_DELAY * 2**attempt, MAX_DELAY) * self._jitter()
            try:
                async with nullcontext() if long_poll else self._call_slots:
                    response = await self._client.request(
                        method, path, params=query, headers=sent, content=content
                    )
            except TRANSPORT_ERRORS as error:
                never_arrived = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if attempt == ATTEMPTS or not (idempotent or never_arrived):
                    raise self._unavailable(error, request_id) from None
                if never_arrived and not self._was_reached and self._client.base_url != LOCAL_URL:
                    raise self._unavailable(error, request_id) from None  # a wrong address
                if never_arrived and self._restart is not None:
                    await self._restart_once(self._restart)
                    continue
            else:
                self._was_reached = True
                if response.is_success:
                    return response.content
                failure = self._error(response, request_id)
                if (
                    attempt == ATTEMPTS
                    or not idempotent
                    or not _is_retryable(response.status_code, failure)
                ):
                    raise failure
                delay = _retry_after(response, delay)
                if waited + delay > MAX_WAIT:
                    raise failure
            waited += delay
            await self._clock.sleep(delay)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str = "*/*",
    ) -> AsyncGenerator[httpx.Response, None]:
        """Open a response that the caller reads as a stream; there are no retries.

        Raises:
            DatagenError: As ``send``; also ``ServiceUnavailable`` if the connection breaks while
                the response is read.
        """
        self._lease.check()
        request_id = uuid.uuid4().hex
        query = {key: value for key, value in (params or {}).items() if value is not None}
        sent = {**(headers or {}), wire.REQUEST_ID: request_id, "Accept": accept}
        try:
            async with self._client.stream("GET", path, params=query, headers=sent) as response:
                self._lease.check()  # closed while it was opened, it would never end
                if not response.is_success:
                    await response.aread()
                    raise self._error(response, request_id)
                yield response
        except TRANSPORT_ERRORS as error:
            raise self._unavailable(error, request_id) from None

    async def prepare_retry(self, attempt: int) -> None:
        """Wait before a stream is tried again, and restart the service if that is possible."""
        self._lease.check()
        await self._clock.sleep(min(FIRST_DELAY * 2**attempt, MAX_DELAY) * self._jitter())
        if self._restart is not None:
            await self._restart_once(self._restart)

    async def wait_until_up(self) -> None:
        """Wait until the service answers again, without restarting it.

        Raises:
            ServiceUnavailable: It did not answer within ``MAX_OUTAGE_SECONDS``.
        """
        waited = 0.0
        while True:
            delay = MAX_DELAY / 10 * (1 + self._jitter())
            waited += delay
            await self._clock.sleep(delay)
            self._lease.check()
            try:
                response = await self._client.get(wire.INFO)
            except TRANSPORT_ERRORS as error:
                failure = error
            else:
                if response.status_code not in RETRYABLE_STATUSES:
                    return
                failure = httpx.HTTPError(f"status {response.status_code}")
            if waited > MAX_OUTAGE_SECONDS:
                raise self._unavailable(failure, "") from None

    async def aclose(self) -> None:
        """Close the connections; pending calls raise ``ClientUnusable``."""
        if self._lease.has_ended:
            return
        self._lease.check()
        self._lease.end()
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)
        await self._client.aclose()

    @property
    def _name(self) -> str:
        """The service, as messages name it."""
        url = self._client.base_url
        return "The service" if url == LOCAL_URL else str(url).rstrip("/")

    def _error(self, response: httpx.Response, request_id: str) -> DatagenError:
        return wire.error_from_response(
            response.status_code, _json(response), request_id, sender=self._name
        )

    def _unavailable(self, error: Exception, request_id: str) -> DatagenError:
        _clear_frames(error)
        name = self._name
        reason = str(error) or type(error).__name__
        if isinstance(error, httpx.DecodingError | httpx.UnsupportedProtocol | httpx.InvalidURL):
            message = f"{name} sent a response that cannot be read: {reason}"
            return ProtocolError(message, request_id=request_id)
        if self._client.base_url == LOCAL_URL:
            remedy = "Check `datagen-nb status`, then try again."
        elif isinstance(error, httpx.ConnectError):
            remedy = "Check the address, and that the service runs there."
        else:
            remedy = "Try again in a moment."
        return ServiceUnavailable(
            f"{name} does not answer ({reason}). {remedy}", request_id=request_id
        )

    async def _restart_once(self, restart: Restart) -> None:
        """Restart once for all calls that need it; the cancellation of one does not stop it."""
        if self._restarting is None or self._restarting.done():
            self._restarting = asyncio.ensure_future(restart())
        await asyncio.shield(self._restarting)


_open: weakref.WeakSet[Session] = weakref.WeakSet()


def _close_soon(client: httpx.AsyncClient, lease: Lease) -> None:
    """Close the connections of a garbage-collected session; may run on any thread."""
    loop = lease.loop
    if loop is not None and not loop.is_closed():
        loop.call_soon_threadsafe(lambda: loop.create_task(client.aclose()))


@atexit.register
def _close_at_exit() -> None:
    """Close the sessions whose loop still runs, so that no socket warns of being left open."""
    closing = [
        asyncio.run_coroutine_threadsafe(session.aclose(), loop)
        for session in list(_open)
        if (loop := session.loop) is not None and loop.is_running()
    ]
    concurrent.futures.wait(closing, timeout=EXIT_SECONDS)


class _Bearer(httpx.Auth):
    """Adds the key to a request when it is sent; no ``repr`` shows it."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


def _clear_frames(error: BaseException) -> None:
    """Clear the locals of an error's frames, which hold the key; some tracebacks show locals."""
    failed: BaseException | None = error
    while failed is not None:
        traceback.clear_frames(failed.__traceback__)
        failed = failed.__cause__ or failed.__context__


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _is_retryable(status: int, failure: DatagenError) -> bool:
    """Whether the same request is likely to succeed when it is sent again soon."""
    if isinstance(failure, LimitReached):
        return failure.code == "rate_limited"  # a full queue takes longer
    return status in RETRYABLE_STATUSES or isinstance(failure, SubmitInFlight)


def _retry_after(response: httpx.Response, otherwise: float) -> float:
    value = response.headers.get("Retry-After", "")
    is_number = value.isascii() and value.isdigit()
    return min(float(value), MAX_WAIT) if is_number else otherwise
