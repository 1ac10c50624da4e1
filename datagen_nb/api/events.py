"""The event log without end: as server-sent events and over a WebSocket, by its pages' cursor.

A reader that is slow is never held in memory: events are read from the log as they are sent.
Source: the WHATWG HTML standard, section 9.2, and RFC 6455, section 7.4, for the forms.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.websockets import WebSocket, WebSocketDisconnect

from datagen_nb.api import wire
from datagen_nb.core.messages import Event
from datagen_nb.core.ports import Jobs

HEARTBEAT = 10.0
"""Seconds of silence after which a sign of life is sent, so that both ends notice a dead line."""

PATIENCE = 10.0
"""Seconds that one event may take to be taken off our hands; then its reader is dropped."""

GOING_AWAY, TRY_AGAIN = 1001, 1013
"""Codes that close a WebSocket: the service ends; the reader is too slow. Both may resume."""


async def stream_of_events(
    jobs: Jobs, *, after: int | None, job_id: str | None, closing: asyncio.Event
) -> AsyncGenerator[bytes, None]:
    """Events as they come, until the service ends on purpose: then a goodbye."""
    yield wire.WELCOME
    async with aclosing(_followed(jobs, after, job_id, closing)) as events:
        async for event in events:
            if event is None:
                yield b": alive\n\n"
            else:
                yield _told(event.cursor, event.event, event.to_json())
    yield wire.GOODBYE


async def send_events(
    line: WebSocket,
    jobs: Jobs,
    *,
    after: int | None,
    job_id: str | None,
    closing: asyncio.Event,
) -> None:
    """Send events as they come over an accepted WebSocket, until either side ends it.

    The server below pings; what the reader says is heard and forgotten.
    """
    telling = asyncio.create_task(_tell(line, jobs, after, job_id, closing))
    hearing = asyncio.create_task(_hear(line))
    try:
        await asyncio.wait([telling, hearing], return_when=asyncio.FIRST_COMPLETED)
    finally:
        hearing.cancel()
        telling.cancel()
        told, _ = await asyncio.gather(telling, hearing, return_exceptions=True)
    if isinstance(told, Exception) and not isinstance(told, WebSocketDisconnect):
        raise told


async def _tell(
    line: WebSocket, jobs: Jobs, after: int | None, job_id: str | None, closing: asyncio.Event
) -> None:
    async with aclosing(_followed(jobs, after, job_id, closing)) as events:
        async for event in events:
            if event is None:
                continue
            try:
                async with asyncio.timeout(PATIENCE):
                    await line.send_text(event.to_json())
            except TimeoutError:
                await line.close(TRY_AGAIN, "too slow; go on after the last cursor")
                return
    await line.close(GOING_AWAY, "the service ends; go on after the last cursor")


async def _hear(line: WebSocket) -> None:
    while (await line.receive())["type"] != "websocket.disconnect":
        pass


async def _followed(
    jobs: Jobs, after: int | None, job_id: str | None, closing: asyncio.Event
) -> AsyncGenerator[Event | None, None]:
    """Events until the service ends, and ``None`` after each silence."""
    async with aclosing(jobs.events(after=after, job_id=job_id)) as events:
        step: asyncio.Task[Event] = asyncio.ensure_future(anext(events))
        end = asyncio.ensure_future(closing.wait())
        try:
            while not closing.is_set():
                await asyncio.wait(
                    [step, end], timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED
                )
                if step.done():
                    yield step.result()
                    step = asyncio.ensure_future(anext(events))
                elif not end.done():
                    yield None
        finally:
            step.cancel()
            end.cancel()
            await asyncio.gather(step, end, return_exceptions=True)


def _told(cursor: int, event: str, data: str) -> bytes:
    return f"id: {cursor}\nevent: {event}\ndata: {data}\n\n".encode()
