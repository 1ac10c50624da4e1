"""How much one request may send, whatever the route: an ASGI layer before everything else.

    path and query       8 KiB
    headers              100, together 32 KiB
    body                 2 MiB; of a chunk of an upload 1 MiB, which its route counts
    WebSocket message    64 KiB

Routes bound what they answer: pages by ``limit``, streams by the door.
"""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datagen_nb.api import wire
from datagen_nb.core.errors import ConfigurationError, Problem

MOST_BODY = 2 << 20
MOST_ADDRESS = 8 << 10
MOST_HEADERS = 100
MOST_HEADER_BYTES = 32 << 10
MOST_MESSAGE = 64 << 10
"""For the server that holds the WebSockets; it counts their messages itself."""


class Bounds:
    """The ASGI layer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        excess = _excess(scope)
        if excess is None and scope["type"] == "http":
            await _Counted(self._app, scope, receive, send).run()
        elif excess is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await _refuse(*excess, scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1009, "reason": "too long"})


class _Counted:
    """A request whose body is counted as it comes, since its length need not be announced."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send = send
        self._size = 0
        self._has_begun = False
        self._is_refused = False

    async def run(self) -> None:
        await self._app(self._scope, self.receive, self.send)

    async def receive(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size <= MOST_BODY:
            return message
        if not self._has_begun:
            self._is_refused = True
            await _refuse("body", f"{MOST_BODY:,} bytes", 413, self._scope, _nothing, self._send)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self._has_begun = True
        if not self._is_refused:
            await self._send(message)


def _excess(scope: Scope) -> tuple[str, str, int] | None:
    """What is too long, its bound, and the status that says so."""
    headers = scope["headers"]
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MOST_ADDRESS:
        return "address", f"{MOST_ADDRESS:,} bytes", 414
    if len(headers) > MOST_HEADERS:
        return "headers", f"{MOST_HEADERS} lines", 431
    if sum(len(name) + len(value) for name, value in headers) > MOST_HEADER_BYTES:
        return "headers", f"{MOST_HEADER_BYTES:,} bytes", 431
    announced = dict(headers).get(b"content-length", b"")
    if announced.isdigit() and int(announced) > MOST_BODY:
        return "body", f"{MOST_BODY:,} bytes", 413
    return None


async def _refuse(
    what: str, bound: str, status: int, scope: Scope, receive: Receive, send: Send
) -> None:
    problem = Problem(what, "(too long)", f"has to be at most {bound}", "Shorten it.")
    error = ConfigurationError([problem], code=f"{what}_too_long")
    request_id = scope.get("state", {}).get("id") or wire.new_request_id()
    _, body = wire.problem(error, request_id)
    answer = JSONResponse(
        {**body, "status": status},
        status,
        # What is left of the request is not read, so the line cannot carry another.
        headers={wire.REQUEST_ID: request_id, "Connection": "close"},
        media_type=wire.PROBLEM,
    )
    await answer(scope, receive, send)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
