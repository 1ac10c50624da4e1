"""Authentication, authorisation and request rates, before a route or a WebSocket runs.

One ASGI middleware around the whole application: a new route is protected without code of its own.
"""

from __future__ import annotations

import logging
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
from datagen_nb.api.server.actions import action_of
from datagen_nb.core.access import (
    LOCAL_CUSTOMER,
    AccessControl,
    Caller,
    check_scope,
    digest_of,
    digests_match,
    parse_key,
)
from datagen_nb.core.access_log import LOGGED_ACTIONS, AccessLog, Outcome
from datagen_nb.core.errors import (
    AccessError,
    DatagenError,
    LimitReached,
    Unauthenticated,
)
from datagen_nb.core.limits import Allowance, Limits, gcra
from datagen_nb.core.logs import log_context
from datagen_nb.core.ports import Clock

logger = logging.getLogger("datagen_nb.api")

RECHECK_SECONDS = 5.0
"""How long a stream goes on before its key is checked again."""

MAX_TRACKED_CUSTOMERS = 10_000
"""Customers whose request rate is kept; one that is dropped starts again with a full burst."""


def caller_of(connection: HTTPConnection) -> Caller:
    """The authenticated caller of a request that passed ``AuthMiddleware``."""
    caller: Caller = connection.scope["state"]["caller"]
    return caller


def add_access_note(connection: HTTPConnection, text: str) -> None:
    """Add a note to the request's line in the access log, for what its path does not show."""
    connection.scope["state"]["access_note"] = text


class Authenticator(Protocol):
    """Identifies the caller of a request."""

    async def authenticate(self, headers: Headers) -> Caller:
        """Return the caller.

        Raises:
            AccessError: The caller is unknown or not allowed.
        """
        ...


class PeerAuth:
    """For a unix socket that only its own user can open: every caller is that user."""

    async def authenticate(self, headers: Headers) -> Caller:  # noqa: ARG002  nothing to check
        return Caller(LOCAL_CUSTOMER)


class ApiKeyAuth:
    """For a deployed service: each request carries an API key."""

    def __init__(self, control: AccessControl) -> None:
        self._control = control

    async def authenticate(self, headers: Headers) -> Caller:
        return await self._control.authenticate(_credential(headers))


class TokenAuth:
    """For a local service on a loopback port: one token, which only its own user can read.

    Any page in a browser can reach such a port, also through a host name of its own (DNS
    rebinding). So ``Host`` has to be one of this machine's own names.
    """

    def __init__(self, token: str) -> None:
        self._digest = digest_of(token)

    async def authenticate(self, headers: Headers) -> Caller:
        host = urlsplit(f"//{headers.get('host', '')}").hostname
        if host not in {"127.0.0.1", "localhost", "::1"}:
            raise AccessError("A local service answers only to 127.0.0.1, localhost and ::1.")
        if not digests_match(self._digest, digest_of(_credential(headers))):
            raise Unauthenticated(
                "The token is not the one of this service. Read it from the file `token` in the "
                "service's home directory."
            )
        return Caller(LOCAL_CUSTOMER)


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """How ``AuthMiddleware`` decides.

    Attributes:
        authenticator: Identifies the caller.
        log: The access log.
        clock: Measures request rates.
        limits: Limits of a customer by name; ``None`` without rate limits.
        origins: Web origins whose pages may send requests, in addition to the service's own.
        log_context: Actions that are log_context when they were allowed; refused ones always are.
        max_open_requests: Requests of one customer that may be open at once, streams included.
        on_limited: Called for each request that a limit refused, with customer and error code.
    """

    authenticator: Authenticator
    log: AccessLog
    clock: Clock
    limits: Callable[[str], Awaitable[Limits]] | None = None
    origins: frozenset[str] = frozenset()
    logged: frozenset[str] = LOGGED_ACTIONS
    max_open_requests: int = 2000
    on_limited: Callable[[str, str], None] = lambda customer, code: None  # noqa: ARG005


class AuthMiddleware:
    """The ASGI middleware."""

    def __init__(self, app: ASGIApp, config: AuthConfig) -> None:
        self._app = app
        self._config = config
        self._arrivals: dict[str, float] = {}
        self._open: defaultdict[str, int] = defaultdict(int)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_probe = scope["type"] == "http" and scope["path"] in wire.PROBES
        if is_probe or scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request = _RequestContext(scope, self._config.clock.monotonic())
        try:
            caller = await self._authorise(request)
        except DatagenError as error:
            if isinstance(error, AccessError):
                logger.warning(
                    "%s was refused (%s): %s %s",
                    request.who,
                    error.code,
                    request.method,
                    request.path,
                )
                await self._record(request, "refused")
            if isinstance(error, LimitReached) and request.caller is not None:
                self._config.on_limited(request.caller.customer, error.code)
            await request.refuse(error, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        customer = caller.customer
        self._open[customer] += 1
        try:
            with log_context(customer=customer):
                await self._app(scope, receive, self._wrap_send(request, send))
        finally:
            self._open[customer] -= 1
            if not self._open[customer]:
                del self._open[customer]

    async def _authorise(self, request: _RequestContext) -> Caller:
        """The one check of origin, key, rate and scope, for HTTP and WebSockets alike.

        Raises:
            AccessError: The caller is unknown, or may not do this.
            LimitReached: The caller sends too many requests.
        """
        request.action = action_of(request.method, request.path)
        origin = request.headers.get("origin")
        if origin is not None and not self._is_allowed_origin(origin, request):
            raise AccessError(
                f"Pages of {origin[:200]!r} may not send requests to this service. Its operator "
                "can allow an origin with `datagen-nb serve --origin`.",
                code="origin",
            )
        request.caller = await self._config.authenticator.authenticate(request.headers)
        await self._check_rate(request, request.caller.customer)
        check_scope(request.caller, request.action)
        return request.caller

    def _is_allowed_origin(self, origin: str, request: _RequestContext) -> bool:
        return origin in self._config.origins or (
            urlsplit(origin).netloc == request.headers.get("host") != ""
        )

    async def _check_rate(self, request: _RequestContext, customer: str) -> None:
        if self._config.limits is None:
            return
        limits = await self._config.limits(customer)
        rate, burst = limits.request_rate, limits.request_burst
        now = self._config.clock.monotonic()
        allowance = gcra(self._arrivals.get(customer), now, rate=rate, burst=burst)
        self._keep_arrival(customer, allowance.arrival, now)
        request.rate = _RateHeaders(allowance, rate, burst)
        if allowance.retry_after is not None:
            raise LimitReached(
                f"Too many requests: at most {burst} at once and {rate:g} a second are allowed. "
                f"Try again in {allowance.retry_after:.1f} s.",
                code="rate_limited",
                details={"retryAfter": allowance.retry_after},
            )
        most = self._config.max_open_requests
        if self._open[customer] >= most:
            raise LimitReached(
                f"{most} requests are open, streams included. Close some first.",
                code="too_many_open",
                details={"retryAfter": 1},
            )

    def _keep_arrival(self, customer: str, arrival: float, now: float) -> None:
        if len(self._arrivals) >= MAX_TRACKED_CUSTOMERS:
            late = {name: due for name, due in self._arrivals.items() if due > now}
            self._arrivals = late if len(late) < MAX_TRACKED_CUSTOMERS else {}
        self._arrivals[customer] = arrival

    def _wrap_send(self, request: _RequestContext, send: Send) -> Send:
        """Write the access log before the response starts, and add the rate headers to it."""

        async def wrapped(message: Message) -> None:
            kind = message["type"]
            if kind == "http.response.start":
                if request.action in self._config.logged:
                    await self._record(request, "allowed" if message["status"] < 400 else "failed")
                request.add_rate_headers(message)
            elif kind in {"websocket.accept", "websocket.http.response.start"}:
                request.add_rate_headers(message)
            elif kind in {"http.response.body", "websocket.send"}:
                await self._recheck_key(request, send)
            await send(message)

        return wrapped

    async def _recheck_key(self, request: _RequestContext, send: Send) -> None:
        """End a stream whose key has been revoked or has expired meanwhile.

        Raises:
            OSError: The stream was ended; the sender sees it as a client that disconnected.
        """
        now = self._config.clock.monotonic()
        if now - request.checked_at < RECHECK_SECONDS:
            return
        request.checked_at = now
        try:
            await self._config.authenticator.authenticate(request.headers)
        except AccessError as error:
            await self._record(request, "refused")
            is_http = request.scope["type"] == "http"
            close = {"type": "websocket.close", "code": 1008, "reason": error.code}
            await send({"type": "http.response.body"} if is_http else close)
            raise OSError("the key is not valid any more") from error

    async def _record(self, request: _RequestContext, outcome: Outcome) -> None:
        await self._config.log.record(
            who="anonymous" if request.caller is None else request.caller.who,
            action=request.action,
            target=f"{request.method} {request.path}",
            outcome=outcome,
            request_id=request.request_id,
            note=request.note,
        )


@dataclass(frozen=True, slots=True)
class _RateHeaders:
    allowance: Allowance
    rate: float
    burst: int

    def items(self) -> Iterable[tuple[str, str]]:
        """Source: draft-ietf-httpapi-ratelimit-headers-10."""
        window = math.ceil(self.burst / self.rate)
        yield "RateLimit-Policy", f'"requests";q={self.burst};w={window}'
        reset = math.ceil(self.allowance.reset)
        yield "RateLimit", f'"requests";r={self.allowance.remaining};t={reset}'
        if self.allowance.retry_after is not None:
            yield "Retry-After", str(max(math.ceil(self.allowance.retry_after), 1))


class _RequestContext:
    """What the middleware knows of one request."""

    def __init__(self, scope: Scope, checked_at: float) -> None:
        self.scope = scope
        self.checked_at = checked_at
        self.headers = Headers(scope=scope)
        self.method: str = scope.get("method", "GET")  # a WebSocket begins as a GET
        self.path: str = scope["path"]
        self.action = "settings.change"
        self.caller: Caller | None = None
        self.rate: _RateHeaders | None = None

    @property
    def who(self) -> str:
        """How the log names the caller, or the key that was refused."""
        return self.note or "anonymous" if self.caller is None else self.caller.who

    @property
    def request_id(self) -> str | None:
        id: str | None = self.scope.get("state", {}).get("id")
        return id

    @property
    def note(self) -> str | None:
        text: str | None = self.scope.get("state", {}).get("access_note")
        if self.caller is None and text is None:
            try:
                key = parse_key(_credential(self.headers))
            except Unauthenticated:
                return None
            return None if key is None else f"key {key[0]}"
        return text

    def add_rate_headers(self, message: Message) -> None:
        if self.rate is not None:
            headers = MutableHeaders(raw=list(message.get("headers", ())))
            for name, value in self.rate.items():
                headers[name] = value
            message["headers"] = headers.raw

    async def refuse(self, error: DatagenError, receive: Receive, send: Send) -> None:
        """Answer with a problem document; a WebSocket is not accepted."""
        response = self._refusal(error)
        if self.scope["type"] == "http":
            await response(self.scope, receive, send)
        elif "websocket.http.response" in self.scope.get("extensions", {}):
            await receive()
            await send(
                {
                    "type": "websocket.http.response.start",
                    "status": response.status_code,
                    "headers": response.raw_headers,
                }
            )
            await send({"type": "websocket.http.response.body", "body": response.body})
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": error.code})

    def _refusal(self, error: DatagenError) -> Response:
        status, body = wire.problem_document(error, self.request_id or "")
        response = JSONResponse(body, status, media_type=wire.PROBLEM_TYPE)
        if self.rate is not None:
            response.headers.update(dict(self.rate.items()))
        if isinstance(error, Unauthenticated):
            invalid = ', error="invalid_token"' if "authorization" in self.headers else ""
            response.headers["WWW-Authenticate"] = f'Bearer realm="datagen_nb"{invalid}'
        response.headers.update(retry_after_header(error))
        return response


def retry_after_header(error: DatagenError) -> dict[str, str]:
    """The ``Retry-After`` header, in whole seconds, of an error with ``retryAfter``."""
    seconds = error.details.get("retryAfter")
    return {} if seconds is None else {"Retry-After": str(max(math.ceil(seconds), 1))}


def _credential(headers: Headers) -> str:
    """The key of a request; never taken from the URL, which logs keep."""
    scheme, _, credential = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credential:
        return credential.strip()
    if wire.API_KEY in headers:
        return headers[wire.API_KEY].strip()
    raise Unauthenticated(
        "An API key is needed. Set DATAGEN_API_KEY, or use connect(api_key=…), or send "
        "`Authorization: Bearer dg_…`."
    )
