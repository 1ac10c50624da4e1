"""``HttpJobs``: the ``Jobs`` port across the wire."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import aclosing, suppress
from typing import Any, Self

from datagen_nb.api import wire
from datagen_nb.api.answers import M, say
from datagen_nb.api.answers import read as _read
from datagen_nb.api.remote_alerts import HttpAlerts
from datagen_nb.api.remote_plans import JSON, HttpPlans, HttpSchedules, HttpTemplates
from datagen_nb.api.remote_uploads import HttpUploads
from datagen_nb.api.remote_webhooks import HttpWebhooks
from datagen_nb.api.session import ATTEMPTS, Revive, Session
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import JobNotFound, ServiceUnavailable
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import (
    OTHER_EVENTS,
    Annotation,
    Cancellations,
    CleanUp,
    Deletions,
    Event,
    EventPage,
    JobCounts,
    JobEvent,
    JobPage,
    JobQuery,
    LogEntry,
    LogPage,
    ManyJobs,
    NamedJobs,
    OtherEvent,
    Overview,
    QueueChoice,
    Retention,
    RetentionChoice,
    ServiceInfo,
)
from datagen_nb.core.result import Manifest, Report
from datagen_nb.core.secrets import Secret
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.uploads import UploadRequest, send

POLL = 20.0
"""Seconds that a poll waits for the first event."""

SILENT_STREAMS = 3
"""Streams in a row that end before a line arrives, after which events are polled instead."""


class HttpJobs:
    """One customer's jobs at a service; implements ``core.ports.Jobs``."""

    def __init__(self, session: Session, *, shares_files: bool) -> None:
        self._session = session
        self._shares_files = shares_files
        self.alerts = HttpAlerts(session)
        self.plans = HttpPlans(session)
        self.schedules = HttpSchedules(session)
        self.templates = HttpTemplates(session)
        self.uploads = HttpUploads(session)
        self.webhooks = HttpWebhooks(session)

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

    async def counts(self, query: JobQuery) -> JobCounts:
        asked = query.to_wire()
        params = {name: asked[name] for name in ("since", "until", "text") if name in asked}
        return await self._get(JobCounts, wire.job_path("counts"), **params)

    async def overview(self, days: int = 30) -> Overview:
        return await self._get(Overview, wire.OVERVIEW, days=days)

    async def annotate(self, job_id: str, annotation: Annotation) -> JobStatus:
        content = annotation.to_json().encode()
        # The same words written twice are the same words.
        body = await self._session.send(
            "PATCH", wire.job_path(job_id), safe=True, headers=JSON, content=content
        )
        return _read(JobStatus, body)

    async def cancel(self, job_id: str) -> JobStatus:
        return await self._act(job_id, "cancel", {State.CANCELLED})

    async def cancel_many(self, job_ids: Sequence[str] | None = None) -> Cancellations:
        which = say(ManyJobs, job_ids=None if job_ids is None else tuple(job_ids))
        path = wire.job_path("cancel")
        body = await self._session.send("POST", path, safe=False, headers=JSON, content=which)
        return _read(Cancellations, body)

    async def pause(self, job_id: str) -> JobStatus:
        return await self._act(job_id, "pause", {State.PAUSED})

    async def resume(self, job_id: str) -> JobStatus:
        return await self._act(job_id, "resume", {State.QUEUED, State.RUNNING})

    async def rerun(self, job_id: str, *, idempotency_key: str) -> JobStatus:
        return await self._post(wire.job_path(job_id, "rerun"), key=idempotency_key)

    async def delete(self, job_id: str) -> None:
        path = wire.job_path(job_id)
        try:
            await self._session.send("DELETE", path, safe=False)
        except ServiceUnavailable:  # whether it was heard, only the job's absence can tell
            with suppress(JobNotFound):
                await self._session.send("DELETE", path, safe=True)

    async def delete_many(self, job_ids: Sequence[str]) -> Deletions:
        which, path = say(NamedJobs, job_ids=tuple(job_ids)), wire.job_path("delete")
        body = await self._session.send("POST", path, safe=False, headers=JSON, content=which)
        return _read(Deletions, body)

    async def limits(self) -> RateLimitStatus:
        return await self._get(RateLimitStatus, wire.LIMITS)

    async def set_max_waiting(self, jobs: int | None) -> RateLimitStatus:
        return await self._put(RateLimitStatus, wire.LIMITS, say(QueueChoice, max_waiting=jobs))

    async def retention_days(self) -> float:
        return (await self._get(Retention, wire.RETENTION)).days

    async def set_retention_days(self, days: float | None) -> float:
        return (await self._put(Retention, wire.RETENTION, say(RetentionChoice, days=days))).days

    async def clean_up(self) -> int:
        body = await self._session.send("POST", wire.CLEAN_UP, safe=True)
        return _read(CleanUp, body).deleted

    async def log(self, job_id: str, *, after: int = 0, wait: float = 0) -> Sequence[LogEntry]:
        path = wire.job_path(job_id, "log")
        params = {"after": after, "wait": min(wait, POLL)}
        body = await self._session.send("GET", path, safe=True, params=params)
        return _read(LogPage, body).entries

    async def events(
        self, *, after: int | None = None, job_id: str | None = None
    ) -> AsyncGenerator[Event, None]:
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

    async def read_part(
        self, job_id: str, index: int, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        path = wire.job_path(job_id, "parts", str(index))
        place, failures = start, 0
        while stop is None or place < stop:
            try:
                async with self._session.stream(path, headers=_range(place, stop)) as response:
                    if response.status_code != 206:  # a whole part: pass over what is not wanted
                        known, end = place, stop
                    else:
                        known, end = 0, None if stop is None else stop - place
                    async for chunk in response.aiter_bytes():
                        fresh = chunk[known : None if end is None else max(end, 0)]
                        known = max(known - len(chunk), 0)
                        end = None if end is None else end - len(chunk)
                        place += len(fresh)
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
        request = UploadRequest(digest=digest, format=format, size=size)
        return await send(self.uploads, request, chunks)

    async def info(self) -> ServiceInfo:
        return await self._get(ServiceInfo, wire.INFO)

    async def shut_down(self) -> None:
        """Ask a local service to end."""
        await self._session.send("POST", wire.SHUTDOWN, safe=False)

    async def aclose(self) -> None:
        await self._session.aclose()

    async def _get(self, model: type[M], path: str, **params: Any) -> M:
        return _read(model, await self._session.send("GET", path, safe=True, params=params))

    async def _put(self, model: type[M], path: str, content: bytes) -> M:
        body = await self._session.send("PUT", path, safe=True, headers=JSON, content=content)
        return _read(model, body)

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
    ) -> AsyncGenerator[Event | None, None]:
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
                said = dict(line.partition(b": ")[::2] for line in block.split(b"\n"))
                if b"data" in said:
                    if said.get(b"event", b"").decode() in OTHER_EVENTS:
                        yield _read(OtherEvent, said[b"data"])
                    else:
                        yield _read(JobEvent, said[b"data"])

    async def _poll(self, after: int | None, job_id: str | None) -> AsyncGenerator[Event, None]:
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


def _range(start: int, stop: int | None) -> dict[str, str]:
    if start == 0 and stop is None:
        return {}
    return {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}


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
