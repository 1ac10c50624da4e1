"""uvicorn's connections, cut when their other end takes nothing any more.

A server may wait for ever for a reader that has stalled: even closing waits until what was
written is taken. After ``PATIENCE`` the connection is dropped instead, with all that hangs on it.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

PATIENCE = 20.0
"""Seconds in which a reader has to take something of what waits for it."""


class _Line(asyncio.Protocol):
    """A connection whose reader has to take something now and then."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _cut: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._cut = self.loop.call_later(PATIENCE, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._keep()

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep()
        super().connection_lost(exc)

    def _keep(self) -> None:
        if self._cut is not None:
            self._cut.cancel()


class HttpLine(_Line, H11Protocol):
    """A connection that speaks HTTP/1.1."""


class WebSocketLine(_Line, WebSocketsSansIOProtocol):
    """A connection that became a WebSocket."""
