"""The event log as server-sent events, with the same cursor as its pages.

Source: the WHATWG HTML standard, section 9.2, for the stream's form.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from datagen_nb.api import wire
from datagen_nb.core.messages import Event, EventPage
from datagen_nb.core.ports import Jobs

HEARTBEAT = 10.0
"""Seconds of silence after which a comment is sent, so that both ends notice a dead line."""


async def stream_of_events(
    jobs: Jobs, *, after: int | None, job_id: str | None, closing: asyncio.Event
) -> AsyncGenerator[bytes, None]:
    """Events as they come, until the service ends on purpose: then a goodbye."""
    yield wire.WELCOME
    async with aclosing(jobs.events(after=after, job_id=job_id)) as events:
        step: asyncio.Task[Event] = asyncio.ensure_future(anext(events))
        end = asyncio.ensure_future(closing.wait())
        try:
            while not closing.is_set():
                await asyncio.wait(
                    [step, end], timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED
                )
                if step.done():
                    event = step.result()
                    yield _told(event.cursor, event.event, event.to_json())
                    step = asyncio.ensure_future(anext(events))
                elif not end.done():
                    yield b": alive\n\n"
            yield wire.GOODBYE
        finally:
            step.cancel()
            end.cancel()
            await asyncio.gather(step, end, return_exceptions=True)


async def page_of_events(
    jobs: Jobs, *, after: int | None, wait: float, closing: asyncio.Event
) -> EventPage:
    """A page of events; the wait for the first is cut short when the service ends."""
    page = asyncio.ensure_future(jobs.event_page(after=after, wait=wait))
    end = asyncio.ensure_future(closing.wait())
    try:
        await asyncio.wait([page, end], return_when=asyncio.FIRST_COMPLETED)
        return page.result() if page.done() else await jobs.event_page(after=after)
    finally:
        page.cancel()
        end.cancel()
        await asyncio.gather(page, end, return_exceptions=True)


def _told(cursor: int, event: str, data: str) -> bytes:
    return f"id: {cursor}\nevent: {event}\ndata: {data}\n\n".encode()
