"""``HttpJobs``: the ``Jobs`` port across the wire."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import aclosing
from typing import Any, Self

from datagen_nb.api import wire
from datagen_nb.api.answers import M
from datagen_nb.api.answers import read as _read
from datagen_nb.api.remote_plans import HttpPlans, HttpTemplates
from datagen_nb.api.session import ATTEMPTS, Revive, Session
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ServiceUnavailable
from datagen_nb.core.messages import EventPage, JobEvent, JobPage, JobQuery, LogEntry, ServiceInfo
from datagen_nb.core.result import Manifest, Report
from datagen_nb.core.secrets import Secret
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.wire_model import WireModel

POLL = 20.0
"""Seconds that a poll waits for the first event."""

SILENT_STREAMS = 3
"""Streams in a row that end before a line arrives, after which events are polled instead."""


class _Log(WireModel):
    entries: tuple[LogEntry, ...]


class _Uploaded(WireModel):
    path: str


class HttpJobs:
    """One customer's jobs at a service; implements ``core.ports.Jobs``."""

    def __init__(self, session: Session, *, shares_files: bool) -> None:
        self._session = session
        self._shares_files = shares_files
        self.plans = HttpPlans(session)
        self.templates = HttpTemplates(session)

    @classmethod
    def over_socket(cls, path: str, *, revive: Revive | None = None) -> Self:
        """The jobs of the local service."""
        return cls(Session.over_socket(path, revive=revive), shares_files=True)

    @classmethod
    def over_http(cls, url: str, *, key: Secret | None = None) -> Self:
        """The jobs at a deployed service."""
        return cls(Session.over_http(url, key=key), shares_files=False)

    @property
    def shares_files(self) -> bool:
        return self._shares_files

    async def create(self, config: JobConfiguration, *, idempotency_key: str) -> JobStatus:
        return await self._post(wire.JOBS, key=idempotency_key, content=config.to_json().encode())

    async def status(self, job_id: str) -> JobStatus:
        return await self._get(JobStatus, wire.job_path(job_id))

    async def configuration(self, job_id: str) -> JobConfiguration:
        return await self._get(JobConfiguration, wire.job_path(job_id, "configuration"))

    async def history(self, query: JobQuery) -> JobPage:
        return await self._get(JobPage, wire.JOBS, **query.to_wire())

    async def cancel(self, job_id: str) -> JobStatus:
        return await self._act(job_id, "cancel", {State.CANCELLED})

    async def pause(self, job_id: str) -> JobStatus:
        return await self._act(job_id, "pause", {State.PAUSED})

    async def resume(self, job_id: str) -> JobStatus:
        return await self._act(job_id, "resume", {State.QUEUED, State.RUNNING})

    async def rerun(self, job_id: str, *, idempotency_key: str) -> JobStatus:
        return await self._post(wire.job_path(job_id, "rerun"), key=idempotency_key)

    async def log(self, job_id: str, *, after: int = 0) -> Sequence[LogEntry]:
        path = wire.job_path(job_id, "log")
        body = await self._session.send("GET", path, safe=True, params={"after": after})
        return _read(_Log, body).entries

    async def events(
        self, *, after: int | None = None, job_id: str | None = None
    ) -> AsyncGenerator[JobEvent, None]:
        if after is None and job_id is None:
            after = (await self.event_page()).cursor
        silent, is_stopped = 0, False
        while silent < SILENT_STREAMS:
            try:
                async with aclosing(self._stream(after, job_id)) as stream:
                    async for event in stream:
                        is_stopped = False
                        if event is not None:
                            silent = 0
                            after = event.cursor
                            yield event
            except (_Goodbye, ServiceUnavailable) as error:
                ends = isinstance(error, _Goodbye) or error.code == wire.ENDING.code
                is_stopped = is_stopped or ends
                if is_stopped:  # on purpose: who only looks on must not start it again
                    await self._session.outlast()
                else:
                    silent += 1
                    await self._session.revive(silent)
            else:
                silent += 1
        async with aclosing(self._poll(after, job_id)) as polled:
            async for event in polled:
                yield event

    async def event_page(self, *, after: int | None = None, wait: float = 0) -> EventPage:
        return await self._get(EventPage, wire.EVENTS, after=after, wait=wait)

    async def manifest(self, job_id: str) -> Manifest:
        return await self._get(Manifest, wire.job_path(job_id, "manifest"))

    async def report(self, job_id: str) -> Report:
        return await self._get(Report, wire.job_path(job_id, "report"))

    async def read_part(self, job_id: str, index: int) -> AsyncIterator[bytes]:
        path = wire.job_path(job_id, "parts", str(index))
        arrived = failures = 0
        while True:
            try:
                async with self._session.stream(path) as response:
                    known = arrived  # a part never changes: what was read once is passed over
                    async for chunk in response.aiter_bytes():
                        fresh, known = chunk[known:], max(known - len(chunk), 0)
                        arrived += len(fresh)
                        if fresh:
                            failures = 0
                            yield fresh
            except ServiceUnavailable:
                failures += 1
                if failures == ATTEMPTS:
                    raise
                await self._session.revive(failures)
            else:
                return

    async def upload(
        self, digest: str, format: str, size: int, chunks: AsyncIterator[bytes]
    ) -> str:
        path = f"{wire.UPLOADS}/{digest}.{format}"
        there = await self._session.look(path)
        if there is not None and wire.UPLOADED_AS in there:
            return there[wire.UPLOADED_AS]
        headers = {"Content-Length": str(size)}
        body = await self._session.send("PUT", path, safe=False, headers=headers, content=chunks)
        return _read(_Uploaded, body).path

    async def info(self) -> ServiceInfo:
        return await self._get(ServiceInfo, wire.INFO)

    async def shut_down(self) -> None:
        """Ask a local service to end."""
        await self._session.send("POST", wire.SHUTDOWN, safe=False)

    async def aclose(self) -> None:
        await self._session.aclose()

    async def _get(self, model: type[M], path: str, **params: Any) -> M:
        return _read(model, await self._session.send("GET", path, safe=True, params=params))

    async def _post(
        self, path: str, *, key: str | None = None, content: bytes | None = None
    ) -> JobStatus:
        headers = {} if key is None else {wire.IDEMPOTENCY_KEY: key}
        body = await self._session.send(
            "POST", path, safe=key is not None, headers=headers, content=content
        )
        return _read(JobStatus, body)

    async def _act(self, job_id: str, action: str, reached: AbstractSet[State]) -> JobStatus:
        path = wire.job_path(job_id, action)
        try:
            return await self._post(path)
        except ServiceUnavailable:  # whether it was heard, only the job can tell
            status = await self.status(job_id)
            return status if status.status in reached else await self._post(path)

    async def _stream(
        self, after: int | None, job_id: str | None
    ) -> AsyncGenerator[JobEvent | None, None]:
        """Events of one stream; ``None`` when it is open."""
        params = {"after": after, "jobId": job_id}
        async with self._session.stream(
            wire.EVENTS, params=params, accept=wire.EVENT_STREAM
        ) as response:
            async for block in _blocks(response.aiter_bytes()):
                if block == wire.GOODBYE.strip():
                    raise _Goodbye
                if block == wire.WELCOME.strip():
                    yield None
                for line in block.split(b"\n"):
                    if line.startswith(b"data: "):
                        yield _read(JobEvent, line.removeprefix(b"data: "))

    async def _poll(self, after: int | None, job_id: str | None) -> AsyncGenerator[JobEvent, None]:
        if after is None and job_id is not None:
            after = (await self.event_page()).cursor
            status = await self.status(job_id)
            yield JobEvent(
                cursor=after,
                event="job.updated",
                job_id=job_id,
                timestamp=status.last_updated,
                data=status,
            )
        while True:
            try:
                page = await self.event_page(after=after, wait=POLL)
            except ServiceUnavailable:
                await self._session.outlast()
                continue
            after = page.cursor
            for event in page.events:
                if job_id in (None, event.job_id):
                    yield event


class _Goodbye(Exception):
    """A stream of events ended because its service was told to end."""


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Cut a stream of events where a line is empty.

    httpx's own lines end at every line separator that Unicode has, inside a job's name too.
    """
    rest = b""
    async for chunk in chunks:
        *blocks, rest = (rest + chunk).split(b"\n\n")
        for block in blocks:
            yield block
