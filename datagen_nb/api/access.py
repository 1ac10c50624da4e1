"""The door: who asks, whether they may, how often; before a route or a WebSocket hears of it.

One ASGI layer over everything, so that a new route is behind it without a word of its own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datagen_nb.api import wire
from datagen_nb.api.actions import action_of
from datagen_nb.core.access import (
    LOCAL_CUSTOMER,
    LOGGED,
    AccessControl,
    AccessLog,
    Caller,
    Outcome,
    check_scope,
    digest_of,
    is_same,
    parse_key,
)
from datagen_nb.core.errors import (
    AccessError,
    DatagenError,
    LimitReached,
    Unauthenticated,
)
from datagen_nb.core.limits import Allowance, Limits, gcra
from datagen_nb.core.logs import logged
from datagen_nb.core.ports import Clock

MOST_OPEN = 2000
"""Requests of one customer that may be open at once, streams among them."""

LOOK_AGAIN = 5.0
"""Seconds after which a stream's key is looked at again before more is sent."""

MOST_KNOWN = 10_000
"""Customers whose rate is remembered; a forgotten one begins with a whole burst."""


def caller_of(connection: HTTPConnection) -> Caller:
    """Who asks; known behind the door."""
    caller: Caller = connection.scope["state"]["caller"]
    return caller


def note(connection: HTTPConnection, text: str) -> None:
    """Say more of this request in the access log than its path does."""
    connection.scope["state"]["access_note"] = text


class Guard(Protocol):
    """Decides who asks."""

    async def recognise(self, headers: Headers) -> Caller:
        """Who asks.

        Raises:
            AccessError: Nobody who may.
        """
        ...


class OwnUser:
    """Of a unix socket that only its own user can open: whoever has come so far is that user."""

    async def recognise(self, headers: Headers) -> Caller:  # noqa: ARG002  nothing is left to ask
        return Caller(LOCAL_CUSTOMER)


class Keys:
    """Of a service for customers: an API key with each request."""

    def __init__(self, control: AccessControl) -> None:
        self._control = control

    async def recognise(self, headers: Headers) -> Caller:
        return await self._control.authenticate(_credential(headers))


class Token:
    """Of a local service on a loopback port: the one token its own user can read.

    Any page in a browser can reach such a port, under a name of its own too. So ``Host`` has to be
    one of this machine's own names.
    """

    def __init__(self, token: str) -> None:
        self._digest = digest_of(token)

    async def recognise(self, headers: Headers) -> Caller:
        host = urlsplit(f"//{headers.get('host', '')}").hostname
        if host not in {"127.0.0.1", "localhost", "::1"}:
            raise AccessError("A local service answers to this machine's own names only.")
        if not is_same(self._digest, digest_of(_credential(headers))):
            raise Unauthenticated("The token is not this service's. Read the one in its home.")
        return Caller(LOCAL_CUSTOMER)


@dataclass(frozen=True, slots=True)
class Entrance:
    """What a door goes by.

    Attributes:
        guard: Decides who asks.
        log: The access log.
        clock: Of the rates.
        limits: Of a customer; ``None`` when nobody else can be crowded out.
        origins: Web origins, besides the service's own, whose pages may ask.
        logged: Actions that the access log tells of when they were allowed.
        refused: Told of each request that a limit stopped: the customer, the error's code.
    """

    guard: Guard
    log: AccessLog
    clock: Clock
    limits: Callable[[str], Awaitable[Limits]] | None = None
    origins: frozenset[str] = frozenset()
    logged: frozenset[str] = LOGGED
    refused: Callable[[str, str], None] = lambda customer, code: None  # noqa: ARG005


class Door:
    """The ASGI layer."""

    def __init__(self, app: ASGIApp, entrance: Entrance) -> None:
        self._app = app
        self._by = entrance
        self._arrivals: dict[str, float] = {}
        self._open: defaultdict[str, int] = defaultdict(int)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, self._by.clock.monotonic())
        try:
            caller = await self._authorised(visit)
        except DatagenError as error:
            if isinstance(error, AccessError):
                await self._tell(visit, "refused")
            if isinstance(error, LimitReached) and visit.caller is not None:
                self._by.refused(visit.caller.customer, error.code)
            await visit.refuse(error, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        customer = caller.customer
        self._open[customer] += 1
        try:
            with logged(customer=customer):
                await self._app(scope, receive, self._watched(visit, send))
        finally:
            self._open[customer] -= 1
            if not self._open[customer]:
                del self._open[customer]

    async def _authorised(self, visit: _Visit) -> Caller:
        """The one check of who may do what, HTTP and WebSocket alike.

        Raises:
            AccessError: It is not them, or not for them.
            LimitReached: It is too much.
        """
        visit.action = action_of(visit.method, visit.path)
        origin = visit.headers.get("origin")
        if origin is not None and not self._is_ours(origin, visit):
            raise AccessError(f"Pages of {origin[:200]!r} may not ask this service.", code="origin")
        visit.caller = await self._by.guard.recognise(visit.headers)
        await self._rate(visit, visit.caller.customer)
        check_scope(visit.caller, visit.action)
        return visit.caller

    def _is_ours(self, origin: str, visit: _Visit) -> bool:
        return origin in self._by.origins or (
            urlsplit(origin).netloc == visit.headers.get("host") != ""
        )

    async def _rate(self, visit: _Visit, customer: str) -> None:
        if self._by.limits is None:
            return
        limits = await self._by.limits(customer)
        rate, burst = limits.request_rate, limits.request_burst
        now = self._by.clock.monotonic()
        said = gcra(self._arrivals.get(customer), now, rate=rate, burst=burst)
        self._remember(customer, said.arrival, now)
        visit.allowance = _Rated(said, rate, burst)
        if said.retry_after is not None:
            raise LimitReached(
                f"More than {burst} requests at once, or {rate:g} a second. "
                f"Ask again in {said.retry_after:.1f} s.",
                code="rate_limited",
                details={"retryAfter": said.retry_after},
            )
        if self._open[customer] >= MOST_OPEN:
            raise LimitReached(
                f"{MOST_OPEN} requests are open, streams among them. Close some first.",
                code="too_many_open",
                details={"retryAfter": 1},
            )

    def _remember(self, customer: str, arrival: float, now: float) -> None:
        if len(self._arrivals) >= MOST_KNOWN:
            late = {name: due for name, due in self._arrivals.items() if due > now}
            self._arrivals = late if len(late) < MOST_KNOWN else {}
        self._arrivals[customer] = arrival

    def _watched(self, visit: _Visit, send: Send) -> Send:
        """Hold the answer until the access log has it, and put the rate into its head."""

        async def watched(message: Message) -> None:
            kind = message["type"]
            if kind == "http.response.start":
                if visit.action in self._by.logged:
                    await self._tell(visit, "allowed" if message["status"] < 400 else "failed")
                visit.add_rate(message)
            elif kind in {"websocket.accept", "websocket.http.response.start"}:
                visit.add_rate(message)
            elif kind in {"http.response.body", "websocket.send"}:
                await self._look_again(visit, send)
            await send(message)

        return watched

    async def _look_again(self, visit: _Visit, send: Send) -> None:
        """End a stream whose key has been revoked or has expired meanwhile.

        Raises:
            OSError: It is ended; to whoever sends as if the other side had gone.
        """
        now = self._by.clock.monotonic()
        if now - visit.seen < LOOK_AGAIN:
            return
        visit.seen = now
        try:
            await self._by.guard.recognise(visit.headers)
        except AccessError as error:
            await self._tell(visit, "refused")
            is_http = visit.scope["type"] == "http"
            close = {"type": "websocket.close", "code": 1008, "reason": error.code}
            await send({"type": "http.response.body"} if is_http else close)
            raise OSError("the key is not valid any more") from error

    async def _tell(self, visit: _Visit, outcome: Outcome) -> None:
        await self._by.log.record(
            who="anonymous" if visit.caller is None else visit.caller.who,
            action=visit.action,
            target=f"{visit.method} {visit.path}",
            outcome=outcome,
            request_id=visit.request_id,
            note=visit.note,
        )


@dataclass(frozen=True, slots=True)
class _Rated:
    said: Allowance
    rate: float
    burst: int

    def headers(self) -> Iterable[tuple[str, str]]:
        """Source: draft-ietf-httpapi-ratelimit-headers-10."""
        window = math.ceil(self.burst / self.rate)
        yield "RateLimit-Policy", f'"requests";q={self.burst};w={window}'
        reset = math.ceil(self.said.reset)
        yield "RateLimit", f'"requests";r={self.said.remaining};t={reset}'
        if self.said.retry_after is not None:
            yield "Retry-After", str(max(math.ceil(self.said.retry_after), 1))


class _Visit:
    """One request at the door."""

    def __init__(self, scope: Scope, seen: float) -> None:
        self.scope = scope
        self.seen = seen
        self.headers = Headers(scope=scope)
        self.method: str = scope.get("method", "GET")  # a WebSocket begins as a GET
        self.path: str = scope["path"]
        self.action = "settings.change"
        self.caller: Caller | None = None
        self.allowance: _Rated | None = None

    @property
    def request_id(self) -> str | None:
        id: str | None = self.scope.get("state", {}).get("id")
        return id

    @property
    def note(self) -> str | None:
        text: str | None = self.scope.get("state", {}).get("access_note")
        if self.caller is None and text is None:
            try:
                asked = parse_key(_credential(self.headers))
            except Unauthenticated:
                return None
            return None if asked is None else f"key {asked[0]}"
        return text

    def add_rate(self, message: Message) -> None:
        if self.allowance is not None:
            head = MutableHeaders(raw=list(message.get("headers", ())))
            for name, value in self.allowance.headers():
                head[name] = value
            message["headers"] = head.raw

    async def refuse(self, error: DatagenError, receive: Receive, send: Send) -> None:
        """Answer with a problem document; a WebSocket is not accepted."""
        answer = self._refusal(error)
        if self.scope["type"] == "http":
            await answer(self.scope, receive, send)
        elif "websocket.http.response" in self.scope.get("extensions", {}):
            await receive()
            await send(
                {
                    "type": "websocket.http.response.start",
                    "status": answer.status_code,
                    "headers": answer.raw_headers,
                }
            )
            await send({"type": "websocket.http.response.body", "body": answer.body})
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": error.code})

    def _refusal(self, error: DatagenError) -> Response:
        status, body = wire.problem(error, self.request_id or "")
        answer = JSONResponse(body, status, media_type=wire.PROBLEM)
        if self.allowance is not None:
            answer.headers.update(dict(self.allowance.headers()))
        if isinstance(error, Unauthenticated):
            invalid = ', error="invalid_token"' if "authorization" in self.headers else ""
            answer.headers["WWW-Authenticate"] = f'Bearer realm="datagen_nb"{invalid}'
        answer.headers.update(retry_after(error))
        return answer


def retry_after(error: DatagenError) -> dict[str, str]:
    """The header that says when to ask again, of an error that knows; in whole seconds."""
    seconds = error.details.get("retryAfter")
    return {} if seconds is None else {"Retry-After": str(max(math.ceil(seconds), 1))}


def _credential(headers: Headers) -> str:
    """The key of a request: never from its address, which logs keep."""
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and given:
        return given.strip()
    if wire.API_KEY in headers:
        return headers[wire.API_KEY].strip()
    raise Unauthenticated(
        "An API key is needed. Set DATAGEN_API_KEY, or connect(api_key=…), or send "
        "`Authorization: Bearer dg_…`."
    )
