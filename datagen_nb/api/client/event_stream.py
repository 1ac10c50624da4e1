"""Reads a customer's events through proxies and failures: each event once, in order.

A proxy may buffer a stream, cut it, or keep a dead connection open. A stream without an event or a
heartbeat in time is closed; pages are then polled from the same cursor, and after a while a stream
is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing

from datagen_nb.api import wire
from datagen_nb.api.client.models import parse_response
from datagen_nb.api.client.session import Session
from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.messages import OTHER_EVENTS, Event, EventPage, JobEvent, OtherEvent, Welcome

HEARTBEAT_GRACE = 4.0
"""Seconds in which a stream has to open, and that a page may take in addition to its wait."""

HEARTBEATS_MISSED = 2
"""Missed heartbeats after which a stream is closed."""

POLL_SECONDS = 5.0
"""Seconds that a polled page waits for its first event."""

FIRST_POLLING_SECONDS, MAX_POLLING_SECONDS = 15.0, 300.0
"""Seconds of polling until a stream is tried again; doubled after each failure."""

MAX_STREAM_FAILURES = 3
"""Consecutive streams that end before an event or a heartbeat until events are polled."""


class EventStream:
    """An endless stream of a customer's events.

    Args:
        session: Sends the requests.
        cursor: The cursor after which to start.

    Attributes:
        cursor: The cursor of the last event that was yielded.
    """

    def __init__(self, session: Session, cursor: int) -> None:
        self.cursor = cursor
        self._session = session
        self._failures = 0
        self._polling_seconds = FIRST_POLLING_SECONDS
        self._is_polling = False
        self._is_shut_down = False

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield each event after the cursor once, in order.

        Raises:
            ServiceUnavailable: The service is unreachable for too long.
            DatagenError: The service refuses the request.
        """
        while True:
            try:
                source = self._poll() if self._is_polling else self._stream()
                async with aclosing(source) as events:
                    async for event in events:
                        if event.cursor > self.cursor:
                            self.cursor = event.cursor
                            yield event
            except _StreamSilent:
                self._is_polling = True
            except (_StreamEnded, ServiceUnavailable) as error:
                ends = isinstance(error, _StreamEnded) or error.code == wire.SHUTTING_DOWN.code
                self._is_shut_down = self._is_shut_down or ends
                await self._wait()
            else:
                self._failures += not self._is_polling
                self._is_polling = self._failures >= MAX_STREAM_FAILURES

    async def _wait(self) -> None:
        """After a failure: restart the service, or wait until it is up again."""
        if self._is_shut_down:  # on purpose: a reader of events must not start it again
            await self._session.wait_until_up()
            return
        self._failures += 1
        self._is_polling = self._failures >= MAX_STREAM_FAILURES
        if self._failures > MAX_STREAM_FAILURES:
            await self._session.wait_until_up()
        else:
            await self._session.prepare_retry(self._failures)

    async def _stream(self) -> AsyncGenerator[Event, None]:
        """Yield the events of one stream."""
        grace = HEARTBEAT_GRACE
        async with AsyncExitStack() as stack:
            stream = self._session.stream(
                wire.EVENTS, params={"after": self.cursor}, accept=wire.EVENT_STREAM_TYPE
            )
            try:
                async with asyncio.timeout(grace):
                    response = await stack.enter_async_context(stream)
            except TimeoutError as error:
                raise _StreamSilent from error
            blocks = await stack.enter_async_context(aclosing(_blocks(response.aiter_bytes())))
            while True:
                try:
                    async with asyncio.timeout(grace):
                        block = await anext(blocks)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    raise _StreamSilent from error
                fields = dict(line.partition(b": ")[::2] for line in block.split(b"\n"))
                kind = fields.get(b"event", b"").decode()
                if kind == wire.STREAM_END:
                    raise _StreamEnded
                self._is_shut_down = False
                if kind == wire.STREAM_OPEN:
                    interval = parse_response(Welcome, fields.get(b"data", b"")).heartbeat_seconds
                    grace = HEARTBEATS_MISSED * interval
                    continue
                self._failures, self._polling_seconds = 0, FIRST_POLLING_SECONDS
                if kind in OTHER_EVENTS:
                    yield parse_response(OtherEvent, fields[b"data"])
                elif kind != wire.HEARTBEAT:
                    yield parse_response(JobEvent, fields[b"data"])

    async def _poll(self) -> AsyncGenerator[Event, None]:
        """Yield the events of pages until a stream is tried again; the first page does not wait."""
        now = asyncio.get_running_loop().time
        end, wait = now() + self._polling_seconds, 0.0
        while now() < end:
            page = await self._page(wait)
            self._failures, self._is_shut_down = 0, False
            for event in page.events:
                yield event
            self.cursor = max(self.cursor, page.cursor)
            wait = min(POLL_SECONDS, max(end - now(), 0))
        self._polling_seconds = min(2 * self._polling_seconds, MAX_POLLING_SECONDS)

    async def _page(self, wait: float) -> EventPage:
        params = {"after": self.cursor, "wait": wait}
        try:
            async with asyncio.timeout(wait + HEARTBEAT_GRACE):
                async with self._session.stream(wire.EVENTS, params=params) as response:
                    return parse_response(EventPage, await response.aread())
        except TimeoutError as error:
            raise ServiceUnavailable(
                "The service did not answer in time. A proxy before it may be buffering responses."
            ) from error


class _StreamSilent(Exception):
    """A stream sent neither an event nor a heartbeat in time."""


class _StreamEnded(Exception):
    """A stream ended because the service shuts down."""


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Split a stream of server-sent events at empty lines.

    ``httpx.Response.aiter_lines`` splits at every Unicode line separator, also inside a job's name.
    """
    rest = b""
    async for chunk in chunks:
        *blocks, rest = (rest + chunk).split(b"\n\n")
        for block in blocks:
            yield block
