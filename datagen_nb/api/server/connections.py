"""uvicorn's connections with an upper bound of their number and timeouts for slow peers.

By default uvicorn waits for ever for the rest of a request and for a reader that has stalled; even
closing waits until the peer has read everything. Here each has a timeout, after which the
connection is dropped:

    head of a request     HEAD_SECONDS, from its first byte or from connecting
    its body              BODY_SECONDS in all
    between two requests  uvicorn's ``timeout_keep_alive``
    a reader that stalls  SEND_TIMEOUT
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

logger = logging.getLogger("datagen_nb.api")

SEND_TIMEOUT = 20.0
"""Seconds in which a reader has to accept some of the bytes that wait for it."""

HEAD_SECONDS = 10.0
BODY_SECONDS = 60.0
"""Enough for an upload's chunk of 1 MiB at 18 kB a second."""

MAX_CONNECTIONS = 10_000
"""Connections of one listener; one remote address may hold half of them."""

LINGER_SECONDS = 1.0
"""Seconds between the last response and dropping the connection."""

_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class ConnectionConfig(uvicorn.Config):
    """uvicorn's settings, and the count of a server's connections by remote address."""

    def __init__(
        self,
        app: Any,
        *,
        max_connections: int = MAX_CONNECTIONS,
        send_timeout: float = SEND_TIMEOUT,
        tls: ssl.SSLContext | None = None,
        **settings: Any,
    ) -> None:
        # h11 bounds the size of the headers while they arrive.
        super().__init__(app, http=HttpConnection, ws=WebSocketConnection, **settings)
        self.max_connections = max_connections
        self.send_timeout = send_timeout
        self._tls = tls
        self._addresses: dict[asyncio.BaseTransport, str] = {}
        self._held: Counter[str] = Counter()

    def load(self) -> None:
        super().load()
        self.ssl = self._tls

    def admit(self, transport: asyncio.BaseTransport) -> bool:
        """Count a connection once; return whether it may stay open."""
        if transport in self._addresses:
            return True
        address = _address(transport)
        self._addresses[transport] = address
        self._held[address] += 1
        limit = self.max_connections // 2 if address else self.max_connections
        if len(self._addresses) <= self.max_connections and self._held[address] <= limit:
            return True
        logger.warning(
            "a connection of %s was refused: at most %d, and %d from one address",
            address or "this user",
            self.max_connections,
            limit,
        )
        return False

    def release(self, transport: asyncio.BaseTransport) -> None:
        """Stop counting a connection that has ended."""
        address = self._addresses.pop(transport)
        self._held[address] -= 1
        if not self._held[address]:
            del self._held[address]


def _address(transport: asyncio.BaseTransport) -> str:
    """The peer's address; empty on a unix socket. For IPv6 the /64 network that one host has."""
    peer = transport.get_extra_info("peername")
    if not isinstance(peer, tuple):
        return ""
    host = ip_address(peer[0])
    return host.exploded[:19] if isinstance(host, IPv6Address) else str(host)


class _Connection(asyncio.Protocol):
    """A counted connection that is dropped when its reader stalls."""

    config: ConnectionConfig
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if not self.config.admit(transport):
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall_timer = self.loop.call_later(self.config.send_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_stall_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_stall_timer()
        self.config.release(self.transport)
        super().connection_lost(exc)

    def _cancel_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()


class HttpConnection(_Connection, H11Protocol):  # type: ignore[misc]  # uvicorn types its config
    """An HTTP/1.1 connection."""

    _awaiting: Literal["head", "body"] | None = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._update_deadline()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._update_deadline()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._update_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._set_deadline(None)

    def _update_deadline(self) -> None:
        """Set the timeout of what the peer has to send next."""
        state = self.conn.their_state
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._set_deadline(None)
        elif state is h11.IDLE and self.timeout_keep_alive_task is None:
            self._set_deadline("head")
        else:
            self._set_deadline("body" if state is h11.SEND_BODY else None)

    def _set_deadline(self, what: Literal["head", "body"] | None) -> None:
        if what == self._awaiting:
            return
        self._awaiting = what
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if what is not None:
            seconds = HEAD_SECONDS if what == "head" else BODY_SECONDS
            self._deadline = self.loop.call_later(seconds, self._time_out)

    def _time_out(self) -> None:
        if self.flow.read_paused:  # the application is not reading
            self._deadline = self.loop.call_later(BODY_SECONDS, self._time_out)
            return
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.write(_TIMED_OUT)
        self.transport.close()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)


class WebSocketConnection(_Connection, WebSocketsSansIOProtocol):  # type: ignore[misc]  # as above
    """A WebSocket connection."""
