"""The event log as server-sent events, with the same cursor as its pages.

Source: the WHATWG HTML standard, section 9.2, for the stream's form.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from datagen_nb.core.ports import JobEvent, Jobs

HEARTBEAT = 10.0
"""Seconds of silence after which a comment is sent, so that both ends notice a dead line."""


async def stream_of_events(
    jobs: Jobs, *, after: int | None, job_id: str | None
) -> AsyncGenerator[bytes, None]:
    """Events as they come, without end."""
    yield b": welcome\n\n"
    async with aclosing(jobs.events(after=after, job_id=job_id)) as events:
        step: asyncio.Task[JobEvent] = asyncio.ensure_future(anext(events))
        try:
            while True:
                done, _ = await asyncio.wait([step], timeout=HEARTBEAT)
                if not done:
                    yield b": alive\n\n"
                    continue
                event = step.result()
                text = f"id: {event.cursor}\nevent: {event.event}\ndata: {event.to_json()}\n\n"
                yield text.encode()
                step = asyncio.ensure_future(anext(events))
        finally:
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)
