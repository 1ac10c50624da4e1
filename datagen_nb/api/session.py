"""The only door to httpx: requests with retries, request ids and typed errors."""

from __future__ import annotations

import asyncio
import random
import traceback
import uuid
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Mapping,
)
from contextlib import asynccontextmanager
from typing import Any

import httpx

from datagen_nb.api import wire
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.errors import (
    DatagenError,
    LimitReached,
    ProtocolError,
    ServiceUnavailable,
    SubmitInFlight,
)
from datagen_nb.core.ports import Clock
from datagen_nb.core.secrets import Secret

ATTEMPTS = 6
FIRST_DELAY = 0.1
LONGEST_DELAY = 5.0
LONGEST_WAIT = 60.0
"""Seconds that ``Retry-After`` is believed, and that all delays of one call take at most."""

OUTAGE = 300.0
"""Seconds that a reader of events waits for a service that is away."""

PASSING = frozenset({429, 502, 503, 504})
TIMEOUT = httpx.Timeout(60.0, connect=5.0)

FOREIGN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, OverflowError)
"""What httpx and the sockets below it raise."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Revive = Callable[[], Awaitable[None]]


class Session:
    """Sends requests to one service.

    What is safe to send twice is retried, with exponential backoff and full jitter, or after what
    ``Retry-After`` says; what is not is retried only when it never reached the service.

    Args:
        client: Made by ``over_socket`` or ``over_http``.
        revive: Brings a dead service back; awaited when nothing answers.
        clock: What delays wait on.
        jitter: Gives a share of a delay, 0 to 1.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        revive: Revive | None = None,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._revive = revive
        self._revival: asyncio.Future[None] | None = None
        self._clock = clock or SystemClock()
        self._jitter = jitter

    @classmethod
    def over_socket(cls, path: str, *, revive: Revive | None = None) -> Session:
        """A session over a unix socket."""
        # Every follower of a job holds a connection; a bound would make calls wait for them.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=8)
        transport = httpx.AsyncHTTPTransport(uds=path, limits=limits, verify=False)
        client = httpx.AsyncClient(
            transport=transport, base_url="http://datagen", timeout=TIMEOUT, trust_env=False
        )
        return cls(client, revive=revive)

    @classmethod
    def over_http(cls, url: str, *, key: Secret | None = None) -> Session:
        """A session with a deployed service.

        Args:
            url: Its address.
            key: Goes along with every request.

        Raises:
            ServiceUnavailable: The address is none, or a key would travel to it in the clear.
        """
        if "@" in url or "?" in url or "#" in url:
            raise ServiceUnavailable(
                "An address is https://host and perhaps a path; a key does not belong into it, "
                "since addresses are logged. Give it with DATAGEN_API_KEY or connect(api_key=…).",
                code="address_with_more",
            )
        try:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=8)
            auth = None if key is None else _Bearer(key)
            client = httpx.AsyncClient(base_url=url, timeout=TIMEOUT, limits=limits, auth=auth)
            plain = client.base_url.scheme == "http" and client.base_url.host not in LOOPBACK
            if key is not None and plain:
                raise ServiceUnavailable(
                    f"An API key would travel to {client.base_url.host!r} in the clear. "
                    "Use its https:// address.",
                    code="key_in_the_clear",
                )
            return cls(client)
        except (httpx.InvalidURL, ValueError) as error:
            raise ServiceUnavailable(
                f"{url!r} is no address ({error}). Write one as https://host."
            ) from error

    async def send(
        self,
        method: str,
        path: str,
        *,
        safe: bool,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
    ) -> bytes:
        """Send a request and return the body of its answer.

        Args:
            method: Of HTTP.
            path: Below the service's address.
            safe: Whether it may be sent again when nobody knows if it arrived.
            params: Of the query; ``None`` values are left out.
            headers: Further ones.
            content: The body.

        Raises:
            DatagenError: What the service told, or ``ServiceUnavailable``, or ``ProtocolError``.
        """
        request_id = uuid.uuid4().hex
        sent = {**(headers or {}), wire.REQUEST_ID: request_id}
        query = {key: value for key, value in (params or {}).items() if value is not None}
        attempt, waited = 0, 0.0
        while True:
            attempt += 1
            delay = min(FIRST_DELAY * 2**attempt, LONGEST_DELAY) * self._jitter()
            try:
                response = await self._client.request(
                    method, path, params=query, headers=sent, content=content
                )
            except FOREIGN as error:
                never_arrived = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if attempt == ATTEMPTS or not (safe or never_arrived):
                    raise _unavailable(error, request_id) from error
                if never_arrived and self._revive is not None:
                    await self._bring_back(self._revive)
                    continue
            else:
                if response.is_success:
                    return response.content
                failure = wire.error_of(response.status_code, _json(response), request_id)
                if attempt == ATTEMPTS or not safe or not _passes(response.status_code, failure):
                    raise failure
                delay = _retry_after(response, delay)
                if waited + delay > LONGEST_WAIT:
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
        """Open an answer that is read as it comes; one attempt.

        Raises:
            DatagenError: As ``send``; a line that breaks while reading is ``ServiceUnavailable``.
        """
        request_id = uuid.uuid4().hex
        query = {key: value for key, value in (params or {}).items() if value is not None}
        sent = {**(headers or {}), wire.REQUEST_ID: request_id, "Accept": accept}
        try:
            async with self._client.stream("GET", path, params=query, headers=sent) as response:
                if not response.is_success:
                    await response.aread()
                    raise wire.error_of(response.status_code, _json(response), request_id)
                yield response
        except FOREIGN as error:
            raise _unavailable(error, request_id) from error

    async def revive(self, attempt: int) -> None:
        """Before trying a stream again: bring the service back, or wait a little."""
        await self._clock.sleep(min(FIRST_DELAY * 2**attempt, LONGEST_DELAY) * self._jitter())
        if self._revive is not None:
            await self._bring_back(self._revive)

    async def outlast(self) -> None:
        """Wait until a service that is away is there again, without bringing it back.

        Raises:
            ServiceUnavailable: It stays away.
        """
        waited = 0.0
        while True:
            delay = LONGEST_DELAY / 10 * (1 + self._jitter())
            waited += delay
            await self._clock.sleep(delay)
            try:
                response = await self._client.get(wire.INFO)
            except FOREIGN as error:
                failure = error
            else:
                if response.status_code not in PASSING:
                    return
                failure = httpx.HTTPError(f"it says {response.status_code}")
            if waited > OUTAGE:
                raise _unavailable(failure, "") from failure

    async def aclose(self) -> None:
        """Close the connections."""
        if self._revival is not None:
            self._revival.cancel()
            await asyncio.gather(self._revival, return_exceptions=True)
        await self._client.aclose()

    async def _bring_back(self, revive: Revive) -> None:
        """Revive once for all who find nobody there, and on if one of them is cancelled."""
        if self._revival is None or self._revival.done():
            self._revival = asyncio.ensure_future(revive())
        await asyncio.shield(self._revival)


class _Bearer(httpx.Auth):
    """Puts a key into the head of a request at the last moment, where no ``repr`` shows it."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


def _unavailable(error: Exception, request_id: str) -> DatagenError:
    _forget(error)
    if isinstance(error, httpx.DecodingError | httpx.UnsupportedProtocol | httpx.InvalidURL):
        return ProtocolError(f"The service's answer cannot be read: {error}", request_id=request_id)
    said = str(error) or type(error).__name__
    return ServiceUnavailable(
        f"The service does not answer ({said}). Look at `datagen-nb status`, or at its address; "
        "then try again.",
        request_id=request_id,
    )


def _forget(error: BaseException) -> None:
    """Clear what the frames below held, the request's head among it: some tracebacks show that."""
    failed: BaseException | None = error
    while failed is not None:
        traceback.clear_frames(failed.__traceback__)
        failed = failed.__cause__ or failed.__context__


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _passes(status: int, failure: DatagenError) -> bool:
    """Whether the same request, sent again in a moment, is likely to be answered."""
    if isinstance(failure, LimitReached):
        return failure.code == "rate_limited"  # a queue that is full is so for longer
    return status in PASSING or isinstance(failure, SubmitInFlight)


def _retry_after(response: httpx.Response, otherwise: float) -> float:
    said = response.headers.get("Retry-After", "")
    is_number = said.isascii() and said.isdigit()
    return min(float(said), LONGEST_WAIT) if is_number else otherwise
