"""``HttpJobs``: the ``Jobs`` port over HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any, Self

from datagen_nb.api import wire
from datagen_nb.api.client.alerts import HttpAlerts
from datagen_nb.api.client.events import HttpEvents
from datagen_nb.api.client.models import M, build_body, parse_response
from datagen_nb.api.client.plans import JSON, HttpPlans, HttpSchedules, HttpTemplates
from datagen_nb.api.client.session import ATTEMPTS, Restart, Session
from datagen_nb.api.client.uploads import HttpUploads
from datagen_nb.api.client.webhooks import HttpWebhooks
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import JobNotFound, ServiceUnavailable
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.manifest import Manifest
from datagen_nb.core.messages import (
    Annotation,
    Cancellations,
    CleanUp,
    Deletions,
    Event,
    EventPage,
    JobCounts,
    JobPage,
    JobQuery,
    LogEntry,
    LogPage,
    ManyJobs,
    NamedJobs,
    Overview,
    QueueChoice,
    Rerun,
    Retention,
    RetentionChoice,
    ServiceInfo,
)
from datagen_nb.core.result import Report
from datagen_nb.core.secrets import Secret
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.uploads import UploadRequest, send

LOG_WAIT = 20.0
"""Longest wait of one request for a job's next log lines, in seconds."""


class HttpJobs:
    """One customer's jobs at a service; implements ``core.ports.Jobs``."""

    def __init__(self, session: Session, *, shares_files: bool) -> None:
        self._session = session
        self._shares_files = shares_files
        self._events = HttpEvents(session)
        self.alerts = HttpAlerts(session)
        self.plans = HttpPlans(session)
        self.schedules = HttpSchedules(session)
        self.templates = HttpTemplates(session)
        self.uploads = HttpUploads(session)
        self.webhooks = HttpWebhooks(session)

    @classmethod
    def over_socket(cls, path: str, *, restart: Restart | None = None) -> Self:
        """The jobs of the local service."""
        return cls(Session.over_socket(path, restart=restart), shares_files=True)

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
        values = query.to_wire()
        params = {name: values[name] for name in ("since", "until", "text") if name in values}
        return await self._get(JobCounts, wire.job_path("counts"), **params)

    async def overview(self, days: int = 30) -> Overview:
        return await self._get(Overview, wire.OVERVIEW, days=days)

    async def annotate(self, job_id: str, annotation: Annotation) -> JobStatus:
        content = annotation.to_json().encode()
        body = await self._session.send(
            "PATCH", wire.job_path(job_id), idempotent=True, headers=JSON, content=content
        )
        return parse_response(JobStatus, body)

    async def cancel(self, job_id: str) -> JobStatus:
        return await self._act(job_id, "cancel", {State.CANCELLED})

    async def cancel_many(self, job_ids: Sequence[str] | None = None) -> Cancellations:
        content = build_body(ManyJobs, job_ids=None if job_ids is None else tuple(job_ids))
        path = wire.job_path("cancel")
        body = await self._session.send(
            "POST", path, idempotent=False, headers=JSON, content=content
        )
        return parse_response(Cancellations, body)

    async def pause(self, job_id: str) -> JobStatus:
        return await self._act(job_id, "pause", {State.PAUSED})

    async def resume(self, job_id: str) -> JobStatus:
        return await self._act(job_id, "resume", {State.QUEUED, State.RUNNING})

    async def rerun(
        self,
        job_id: str,
        overrides: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str,
    ) -> JobStatus:
        content = build_body(Rerun, overrides=dict(overrides)) if overrides else None
        return await self._post(
            wire.job_path(job_id, "rerun"), key=idempotency_key, content=content
        )

    async def delete(self, job_id: str) -> None:
        path = wire.job_path(job_id)
        try:
            await self._session.send("DELETE", path, idempotent=False)
        except ServiceUnavailable:  # it may have arrived: a job that is gone was deleted
            with suppress(JobNotFound):
                await self._session.send("DELETE", path, idempotent=True)

    async def delete_many(self, job_ids: Sequence[str]) -> Deletions:
        content, path = build_body(NamedJobs, job_ids=tuple(job_ids)), wire.job_path("delete")
        body = await self._session.send(
            "POST", path, idempotent=False, headers=JSON, content=content
        )
        return parse_response(Deletions, body)

    async def limits(self) -> RateLimitStatus:
        return await self._get(RateLimitStatus, wire.LIMITS)

    async def set_max_waiting(self, jobs: int | None) -> RateLimitStatus:
        return await self._put(
            RateLimitStatus, wire.LIMITS, build_body(QueueChoice, max_waiting=jobs)
        )

    async def retention_days(self) -> float:
        return (await self._get(Retention, wire.RETENTION)).days

    async def set_retention_days(self, days: float | None) -> float:
        return (
            await self._put(Retention, wire.RETENTION, build_body(RetentionChoice, days=days))
        ).days

    async def clean_up(self) -> int:
        body = await self._session.send("POST", wire.CLEAN_UP, idempotent=True)
        return parse_response(CleanUp, body).deleted

    async def log(self, job_id: str, *, after: int = 0, wait: float = 0) -> Sequence[LogEntry]:
        path = wire.job_path(job_id, "log")
        params = {"after": after, "wait": min(wait, LOG_WAIT)}
        body = await self._session.send(
            "GET", path, idempotent=True, params=params, long_poll=wait > 0
        )
        return parse_response(LogPage, body).entries

    def events(
        self, *, after: int | None = None, job_id: str | None = None
    ) -> AsyncGenerator[Event, None]:
        return self._events.follow(after, job_id)

    async def event_page(self, *, after: int | None = None, wait: float = 0) -> EventPage:
        return await self._events.page(after=after, wait=wait)

    async def manifest(self, job_id: str) -> Manifest:
        return await self._get(Manifest, wire.job_path(job_id, "manifest"))

    async def report(self, job_id: str) -> Report:
        return await self._get(Report, wire.job_path(job_id, "report"))

    async def read_part(
        self, job_id: str, index: int, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        async for data in self._read(wire.job_path(job_id, "parts", str(index)), start, stop):
            yield data

    async def read_model(
        self, job_id: str, *, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        async for data in self._read(wire.job_path(job_id, "model"), start, stop):
            yield data

    async def _read(self, path: str, start: int, stop: int | None) -> AsyncIterator[bytes]:
        """The bytes of a file from ``start`` on; a connection that breaks is taken up there."""
        place, failures = start, 0
        while stop is None or place < stop:
            try:
                async with self._session.stream(path, headers=_range(place, stop)) as response:
                    if response.status_code != 206:  # the whole file: skip what was not requested
                        skip, end = place, stop
                    else:
                        skip, end = 0, None if stop is None else stop - place
                    async for chunk in response.aiter_bytes():
                        data = chunk[skip : None if end is None else max(end, 0)]
                        skip = max(skip - len(chunk), 0)
                        end = None if end is None else end - len(chunk)
                        place += len(data)
                        if data:
                            failures = 0
                            yield data
            except ServiceUnavailable:
                failures += 1
                if failures == ATTEMPTS:
                    raise
                await self._session.prepare_retry(failures)
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
        """Ask a local service to shut down."""
        await self._session.send("POST", wire.SHUTDOWN, idempotent=False)

    async def aclose(self) -> None:
        await self._events.aclose()
        await self._session.aclose()

    async def _get(self, model: type[M], path: str, **params: Any) -> M:
        return parse_response(
            model, await self._session.send("GET", path, idempotent=True, params=params)
        )

    async def _put(self, model: type[M], path: str, content: bytes) -> M:
        body = await self._session.send("PUT", path, idempotent=True, headers=JSON, content=content)
        return parse_response(model, body)

    async def _post(
        self, path: str, *, key: str | None = None, content: bytes | None = None
    ) -> JobStatus:
        headers = {} if key is None else {wire.IDEMPOTENCY_KEY: key}
        if content is not None:
            headers |= JSON
        body = await self._session.send(
            "POST", path, idempotent=key is not None, headers=headers, content=content
        )
        return parse_response(JobStatus, body)

    async def _act(self, job_id: str, action: str, reached: AbstractSet[State]) -> JobStatus:
        path = wire.job_path(job_id, action)
        try:
            return await self._post(path)
        except ServiceUnavailable:  # it may have arrived: the job's state shows it
            status = await self.status(job_id)
            return status if status.status in reached else await self._post(path)


def _range(start: int, stop: int | None) -> dict[str, str]:
    if start == 0 and stop is None:
        return {}
    return {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}
