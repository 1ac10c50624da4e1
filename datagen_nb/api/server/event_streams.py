"""The event log as an endless stream: server-sent events, or a WebSocket.

Nothing is buffered for a slow reader: events are read from the log as they are sent.
Source: the WHATWG HTML standard, section 9.2 (server-sent events); RFC 6455, section 7.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from starlette.websockets import WebSocket, WebSocketDisconnect

from datagen_nb.api import wire
from datagen_nb.core.messages import Event, Welcome
from datagen_nb.core.ports import Jobs

PING_SECONDS = 10.0
"""Seconds between two pings of a WebSocket; a reader that does not answer is disconnected."""

GOING_AWAY, TRY_AGAIN = 1001, 1013
"""WebSocket close codes: the service shuts down; the reader is too slow. Both may resume."""


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """Seconds of a stream.

    Attributes:
        heartbeat: Without an event, until a heartbeat is sent; both ends notice a dead connection.
        send_timeout: In which the reader of a WebSocket has to accept an event; a slower one is
            disconnected.
    """

    heartbeat: float = 2.0
    send_timeout: float = 10.0


DEFAULT_TIMES = StreamTimes()


async def sse_events(
    jobs: Jobs,
    *,
    after: int | None,
    job_id: str | None,
    closing: asyncio.Event,
    times: StreamTimes,
) -> AsyncGenerator[bytes, None]:
    """Server-sent events until the service shuts down; the last one is ``goodbye``."""
    yield _sse(wire.STREAM_OPEN, Welcome(heartbeat_seconds=times.heartbeat).to_json())
    async with aclosing(
        _events_or_silence(jobs, after, job_id, closing, times.heartbeat)
    ) as events:
        async for event in events:
            if event is None:
                yield _sse(wire.HEARTBEAT)
            else:
                yield f"id: {event.cursor}\n".encode() + _sse(event.event, event.to_json())
    yield _sse(wire.STREAM_END)


async def send_events(
    websocket: WebSocket,
    jobs: Jobs,
    *,
    after: int | None,
    job_id: str | None,
    closing: asyncio.Event,
    times: StreamTimes,
) -> None:
    """Send events over an accepted WebSocket until either side closes it.

    uvicorn sends the pings; messages of the reader are discarded.
    """
    sending = asyncio.create_task(_send(websocket, jobs, after, job_id, closing, times))
    receiving = asyncio.create_task(_receive(websocket))
    try:
        await asyncio.wait([sending, receiving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        receiving.cancel()
        sending.cancel()
        result, _ = await asyncio.gather(sending, receiving, return_exceptions=True)
    if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
        raise result


async def _send(
    websocket: WebSocket,
    jobs: Jobs,
    after: int | None,
    job_id: str | None,
    closing: asyncio.Event,
    times: StreamTimes,
) -> None:
    await websocket.send_text(
        _text(wire.STREAM_OPEN, Welcome(heartbeat_seconds=times.heartbeat).to_json())
    )
    async with aclosing(
        _events_or_silence(jobs, after, job_id, closing, times.heartbeat)
    ) as events:
        async for event in events:
            text = _text(wire.HEARTBEAT) if event is None else event.to_json()
            try:
                async with asyncio.timeout(times.send_timeout):
                    await websocket.send_text(text)
            except TimeoutError:
                await websocket.close(TRY_AGAIN, "too slow; resume after the last cursor")
                return
    await websocket.close(GOING_AWAY, "the service shuts down; resume after the last cursor")


async def _receive(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _events_or_silence(
    jobs: Jobs,
    after: int | None,
    job_id: str | None,
    closing: asyncio.Event,
    heartbeat: float,
) -> AsyncGenerator[Event | None, None]:
    """Events until the service shuts down, and ``None`` after each silence."""
    async with aclosing(jobs.events(after=after, job_id=job_id)) as events:
        upcoming: asyncio.Task[Event] = asyncio.ensure_future(anext(events))
        end = asyncio.ensure_future(closing.wait())
        try:
            while not closing.is_set():
                await asyncio.wait(
                    [upcoming, end], timeout=heartbeat, return_when=asyncio.FIRST_COMPLETED
                )
                if upcoming.done():
                    yield upcoming.result()
                    upcoming = asyncio.ensure_future(anext(events))
                elif not end.done():
                    yield None
        finally:
            upcoming.cancel()
            end.cancel()
            await asyncio.gather(upcoming, end, return_exceptions=True)


def _sse(event: str, data: str = "{}") -> bytes:
    return f"event: {event}\ndata: {data}\n\n".encode()


def _text(event: str, data: str = "{}") -> str:
    """A WebSocket message that is not an event; like one, but without a cursor."""
    return f'{{"event":"{event}","data":{data}}}'
