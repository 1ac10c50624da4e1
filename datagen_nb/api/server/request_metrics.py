"""Reports route, status and duration of every response to an observer."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datagen_nb.core.observer import Observer
from datagen_nb.core.ports import Clock

UNROUTED = "(none)"
"""The label of all paths without a route; as labels of their own they could be any number."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """The ASGI middleware; responses sent before a route is chosen count as unrouted."""

    def __init__(self, app: ASGIApp, observer: Observer, clock: Clock) -> None:
        self._app = app
        self._observer = observer
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = self._clock.monotonic()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = self._clock.monotonic() - start
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._observer.answered(method, route_of(scope), message["status"], seconds)
            await send(message)

        await self._app(scope, receive, observed)


def route_of(scope: Scope) -> str:
    """The path template of the route that handled a request, as ``/v1/jobs/{job_id}``."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else UNROUTED
