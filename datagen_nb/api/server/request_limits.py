"""Upper bounds of what one request may send: the outermost ASGI middleware.

    path and query       8 KiB
    headers              100, together 32 KiB
    body                 64 KiB of JSON; 512 KiB of a graph or for a pipeline; 1 MiB of an upload's
                         chunk, which its route checks
    JSON                 2,000 values, of a graph or for a pipeline 10,000; 32 levels
    WebSocket message    64 KiB

JSON is measured before it is parsed. Responses are bounded elsewhere: pages by ``limit``, open
streams by ``AuthConfig.max_open_requests``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datagen_nb.api import wire
from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.pipeline_service import PIPELINE

MAX_BODY = 64 << 10
"""Bytes of a body; enough for 50,000 characters of parameters, or 500 job ids."""

MAX_GRAPH = 512 << 10
"""Bytes of a body with a whole graph of configurations, or with one that came in a graph."""

MAX_UPLOAD = 2 << 20
"""Bytes that reach the route of upload chunks, which refuses a long one with its own error."""

MAX_VALUES = 2_000
MAX_GRAPH_VALUES = 10_000
MAX_LEVELS = 32
MAX_ADDRESS = 8 << 10
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 << 10
MAX_MESSAGE = 64 << 10
"""Bytes of a WebSocket message; enforced by uvicorn."""


class RequestLimits:
    """The ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        excess = _excess(scope)
        if excess is None and scope["type"] == "http":
            await _LimitedRequest(self._app, scope, receive, send).run()
        elif excess is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _refuse(excess, scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1009, "reason": "too long"})


@dataclass(frozen=True, slots=True)
class _Excess:
    """Which part of a request is too large, its bound, and the response to it."""

    what: str
    bound: str
    status: int
    code: str


def _too_long(what: str, bound: str, status: int) -> _Excess:
    return _Excess(what, bound, status, f"{what}_too_long")


class _LimitedRequest:
    """A request whose body is counted while it arrives; ``Content-Length`` may be absent.

    A JSON body is held back until it is complete and measured.
    """

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send = send
        self._max_bytes, self._max_values = body_limits_of(scope["path"])
        self._size = 0
        self._has_begun = False
        self._is_refused = False

    async def run(self) -> None:
        await self._app(self._scope, self.receive, self.send)

    async def receive(self) -> Message:
        message = await self._next()
        if self._max_values is None or message["type"] != "http.request":
            return message
        body = bytearray(message.get("body", b""))
        while message.get("more_body", False):
            message = await self._next()
            if message["type"] != "http.request":
                return message
            body += message.get("body", b"")
        excess = _excess_of_json(body, self._max_values)
        if excess is not None:
            return await self._refuse(excess)
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    async def _next(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size <= self._max_bytes:
            return message
        return await self._refuse(_too_long("body", f"{self._max_bytes:,} bytes", 413))

    async def _refuse(self, excess: _Excess) -> Message:
        if not self._has_begun:
            self._is_refused = True
            await _refuse(excess, self._scope, _disconnected, self._send)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self._has_begun = True
        if not self._is_refused:
            await self._send(message)


_CHUNK = re.compile(f"{wire.UPLOADS}/[^/]+")

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A JSON string, or the beginning of an unterminated one; matches without backtracking."""


def body_limits_of(path: str) -> tuple[int, int | None]:
    """Maximum bytes and JSON values of a body sent to a path; values are ``None`` for raw bytes."""
    if _CHUNK.fullmatch(path):
        return MAX_UPLOAD, None
    if path == wire.GRAPHS or path.startswith(PIPELINE):
        return MAX_GRAPH, MAX_GRAPH_VALUES
    return MAX_BODY, MAX_VALUES


def _excess_of_json(body: bytearray, max_values: int) -> _Excess | None:
    """Which bound a JSON text exceeds, found without parsing it."""
    too_many = _Excess("body", f"{max_values:,} values", 422, "body_too_complex")
    if body.count(b'"') - body.count(b'\\"') > 4 * max_values:  # a name and a text each
        return too_many
    marks = _STRING.sub(b"", body)
    if marks.count(b",") + marks.count(b"{") + marks.count(b"[") > max_values:
        return too_many
    level = 0
    for mark in re.findall(rb"[\[\]{}]", marks):
        level += 1 if mark in b"[{" else -1
        if level > MAX_LEVELS:
            return _Excess("body", f"nested {MAX_LEVELS} levels deep", 422, "body_too_complex")
    return None


def _excess(scope: Scope) -> _Excess | None:
    headers = scope["headers"]
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_ADDRESS:
        return _too_long("address", f"{MAX_ADDRESS:,} bytes", 414)
    if len(headers) > MAX_HEADERS:
        return _too_long("headers", f"{MAX_HEADERS} lines", 431)
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        return _too_long("headers", f"{MAX_HEADER_BYTES:,} bytes", 431)
    announced = dict(headers).get(b"content-length", b"")
    max_bytes, _ = body_limits_of(scope["path"])
    if announced.isdigit() and int(announced) > max_bytes:
        return _too_long("body", f"{max_bytes:,} bytes", 413)
    return None


async def _refuse(excess: _Excess, scope: Scope, receive: Receive, send: Send) -> None:
    problem = Problem(excess.what, "(too much)", f"has to be at most {excess.bound}", "Send less.")
    error = ConfigurationError([problem], code=excess.code)
    request_id = scope.get("state", {}).get("id") or wire.new_request_id()
    _, body = wire.problem_document(error, request_id)
    response = JSONResponse(
        {**body, "status": excess.status},
        excess.status,
        # The rest of the request is not read, so the connection cannot be used again.
        headers={wire.REQUEST_ID: request_id, "Connection": "close"},
        media_type=wire.PROBLEM_TYPE,
    )
    await response(scope, receive, send)


async def _disconnected() -> Message:
    return {"type": "http.disconnect"}
