"""``HttpEvents``: one connection reads a customer's events for all subscribers of a client."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

from datagen_nb.api import wire
from datagen_nb.api.client.event_stream import EventStream
from datagen_nb.api.client.models import parse_response
from datagen_nb.api.client.session import Session
from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.messages import Event, EventPage, JobEvent
from datagen_nb.core.status import JobStatus

MAX_BUFFERED = 200
"""Events that wait for one subscriber; a slow one loses its oldest."""


class HttpEvents:
    """A customer's events, for all subscribers on one event loop.

    The connection opens with the first subscriber and closes with the last. A slow subscriber
    delays no other: one of a single job skips to the newest events, one of all events reads pages
    to catch up.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._subscribers: defaultdict[str | None, set[_Subscriber]] = defaultdict(set)
        self._reading: asyncio.Task[None] | None = None
        self._stream: EventStream | None = None

    async def page(self, *, after: int | None = None, wait: float = 0) -> EventPage:
        """See ``core.ports.Jobs.event_page``."""
        params = {"after": after, "wait": wait}
        body = await self._session.send(
            "GET", wire.EVENTS, idempotent=True, params=params, long_poll=wait > 0
        )
        return parse_response(EventPage, body)

    async def follow(self, after: int | None, job_id: str | None) -> AsyncGenerator[Event, None]:
        """See ``core.ports.Jobs.events``."""
        if after is None and job_id is not None:
            events = self._latest(job_id)
        else:
            events = self._gapless(after, job_id)
        async with aclosing(events):
            async for event in events:
                yield event

    async def aclose(self) -> None:
        """Stop reading; subscribers get ``ServiceUnavailable``."""
        self._fail(ServiceUnavailable("The client was closed.", code="client_closed"))
        await self._stop()

    async def _latest(self, job_id: str) -> AsyncGenerator[Event, None]:
        async with self._subscribed(job_id) as (subscriber, cursor):
            body = await self._session.send("GET", wire.job_path(job_id), idempotent=True)
            status = parse_response(JobStatus, body)
            yield JobEvent.current(status, cursor)
            while True:
                for event in await subscriber.take():
                    if not (isinstance(event, JobEvent) and _is_known(event.data, status)):
                        yield event

    async def _gapless(self, after: int | None, job_id: str | None) -> AsyncGenerator[Event, None]:
        async with self._subscribed(job_id) as (subscriber, _):
            if after is None:
                after = (await self.page()).cursor
            missed = True
            while True:
                if missed:
                    page = await self.page(after=after)
                    events, missed = page.events, bool(page.events)
                else:
                    events = await subscriber.take()
                    if missed := subscriber.has_lost:
                        subscriber.has_lost = False
                        continue
                for event in events:
                    if event.cursor > after:
                        after = event.cursor
                        if job_id in (None, event.job_id):
                            yield event

    @asynccontextmanager
    async def _subscribed(
        self, job_id: str | None
    ) -> AsyncGenerator[tuple[_Subscriber, int], None]:
        """A new subscriber, and the cursor after which it gets every event."""
        subscriber = _Subscriber()
        self._subscribers[job_id].add(subscriber)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="read events")
        elif self._stream is not None:
            subscriber.begin(self._stream.cursor)
        try:
            yield subscriber, await subscriber.first_cursor()
        finally:
            self._subscribers[job_id].discard(subscriber)
            if not self._subscribers[job_id]:
                del self._subscribers[job_id]
            if not self._subscribers:
                await self._stop()

    async def _stop(self) -> None:
        reading, self._reading, self._stream = self._reading, None, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            self._stream = EventStream(self._session, (await self.page()).cursor)
            for subscribers in self._subscribers.values():
                for subscriber in subscribers:
                    subscriber.begin(self._stream.cursor)
            async with aclosing(self._stream.events()) as events:
                async for event in events:
                    for key in {None, event.job_id}:
                        for subscriber in self._subscribers.get(key, ()):
                            subscriber.offer(event)
        except Exception as error:
            if self._reading is asyncio.current_task():
                self._reading = self._stream = None
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        for subscribers in self._subscribers.values():
            for subscriber in subscribers:
                subscriber.fail(error)


class _Subscriber:
    """The buffer of one subscriber.

    Attributes:
        has_lost: Whether it has dropped events.
    """

    def __init__(self) -> None:
        self.has_lost = False
        self._cursor: int | None = None
        self._buffer: deque[Event] = deque(maxlen=MAX_BUFFERED)
        self._failure: Exception | None = None
        self._changed = asyncio.Event()

    def begin(self, cursor: int) -> None:
        """Set the cursor after which events are offered."""
        self._cursor = cursor
        self._changed.set()

    def offer(self, event: Event) -> None:
        """Add an event; drop the oldest if the buffer is full."""
        self.has_lost = self.has_lost or len(self._buffer) == MAX_BUFFERED
        self._buffer.append(event)
        self._changed.set()

    def fail(self, error: Exception) -> None:
        """Raise an error once the buffer is empty."""
        self._failure = error
        self._changed.set()

    async def first_cursor(self) -> int:
        """Wait for ``begin``; return its cursor."""
        while self._cursor is None:
            await self._change()
        return self._cursor

    async def take(self) -> tuple[Event, ...]:
        """Wait for events; return all that are buffered."""
        while not self._buffer:
            await self._change()
        events = tuple(self._buffer)
        self._buffer.clear()
        return events

    async def _change(self) -> None:
        if self._failure is not None:
            raise self._failure
        await self._changed.wait()
        self._changed.clear()


def _is_known(status: JobStatus, seen: JobStatus) -> bool:
    """Whether a status is not newer than one that was already delivered."""
    return status.last_updated < seen.last_updated or status == seen
