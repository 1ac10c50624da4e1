"""The job card: a live picture of one job, with buttons."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import traitlets

from datagen_nb.core.config import FORMATS
from datagen_nb.core.messages import LogEntry
from datagen_nb.core.status import JobStatus, State
from datagen_nb.job import AsyncJob
from datagen_nb.plain_job import Job
from datagen_nb.ui import bridge
from datagen_nb.ui.snapshot import feed, snapshot_of
from datagen_nb.ui.static_html import job_html, job_text

LONGEST_LINE = 2_000
"""Characters of a log's line that are shown."""

MOST_DOWNLOAD = 32 << 20
"""Bytes of a result that pass through the notebook to the browser."""

CHUNK = 256 << 10
BYTES_A_SECOND = 500_000
"""A Jupyter server cuts off a kernel that sends more than 1,000,000 for long."""


class JobCard(bridge.Panel):
    """Shows a job as it stands, however often its cell, page or kernel is started anew.

    Attributes:
        job: The job; another after a rerun.
        status: Its state, for ``observe`` and ``link``.
    """

    status = traitlets.Unicode()

    def __init__(self, job: Job) -> None:
        status = job.status
        report = job.report if status.status is State.COMPLETED else None
        self.job = job
        self._config = job.configuration
        self._logging: Future[None] | None = None
        self._file: tuple[str, Path] | None = None
        super().__init__("card", job.client.portal, snapshot_of(status, self._config, report))
        self.status = status.status.value
        self._watch(status)

    def _watch(self, status: JobStatus) -> None:
        if not status.status.is_terminal:
            client = self.job.client.asynchronous
            throttle = bridge.Throttle(self._show)
            self.follow(feed(throttle, self.job.asynchronous, self._config, client))

    def _show(self, snapshot: Mapping[str, Any]) -> None:
        if snapshot["status"]["jobId"] == self.job.id:  # not one that a rerun has replaced
            self.put(snapshot)
            self.status = snapshot["status"]["status"]

    async def act(self, request: bridge.Request) -> Any:
        """Do what a button asks."""
        job = self.job.asynchronous
        match request.action:
            case "cancel":
                await job.cancel()
            case "pause":
                await job.pause()
            case "resume":
                await job.resume()
            case "rerun":
                await self._rerun(job)
            case "view":
                await self.open_below(
                    lambda: self.job.result().view(), instead="job.result().view()"
                )
            case "edit":
                await self._edit()
            case "shut":
                self.shut_below()
            case "logs":
                return await self._logs(job, after=int(request.body.get("after", 0)))
            case "download":
                return await self._download(job)
            case "chunk":
                return await self._chunk(int(request.body["start"]))
            case "save":
                data = await job.result()
                return {"path": str(await data.download(_free(Path(self._name()))))}
            case action:
                raise ValueError(f"a card cannot {action}")
        return None

    async def _rerun(self, job: AsyncJob) -> None:
        new = await job.rerun()
        self.shut_below()
        if self._logging is not None:
            self._logging.cancel()
            self._logging = None
        self._file = None
        self.job = Job(new, self.job.client)
        self._show(snapshot_of(new.status, self._config, None))
        self._watch(new.status)

    async def _edit(self) -> None:
        """Open a wizard with the job's configuration."""
        from datagen_nb.ui.wizard import Wizard

        made = partial(Wizard, self.job.client, self._config)
        await self.open_below(made, instead="dg.wizard(client, job)")

    async def _logs(self, job: AsyncJob, *, after: int) -> list[dict[str, Any]]:
        """The lines so far; those to come are sent as they are said."""
        lines = await job.logs(after=after)
        if self._logging is None and not job.status.status.is_terminal:
            self._logging = self.follow(self._send_lines(job, lines[-1].cursor if lines else after))
        return [_line(entry) for entry in lines]

    async def _send_lines(self, job: AsyncJob, after: int) -> None:
        try:
            async with aclosing(job.follow_logs(after=after)) as lines:
                async for entry in lines:
                    self.face.send({"event": "log", "job": job.id, "lines": [_line(entry)]})
        finally:
            self._logging = None

    def _name(self) -> str:
        """What the result is called as a file."""
        kept = "".join(
            letter if letter.isalnum() or letter in "-_. " else "-"
            for letter in self.face.snapshot["title"]
        )
        stem = kept.strip(" .-")[:80] or "table"
        return f"{stem}-synthetic{FORMATS[self._config.output_format][0]}"

    async def _download(self, job: AsyncJob) -> dict[str, Any]:
        """The result as one file, ready to be asked for in chunks, unless it is too large."""
        size = job.status.metadata.output_size or 0
        if size > MOST_DOWNLOAD:
            return {"name": self._name(), "size": size, "tooLarge": True}
        if self._file is None or self._file[0] != job.id:
            data = await job.result()
            folder = Path(tempfile.mkdtemp(prefix="datagen-"))
            self._file = (job.id, await data.download(folder / self._name()))
        return {"name": self._name(), "size": self._file[1].stat().st_size, "tooLarge": False}

    async def _chunk(self, start: int) -> dict[str, Any]:
        if self._file is None:
            raise ValueError("no download was begun: press Download again")
        with self._file[1].open("rb") as file:
            file.seek(start)
            data = file.read(CHUNK)
        await asyncio.sleep(len(data) / BYTES_A_SECOND)
        self.face.send({"event": "chunk", "start": start}, [data])
        return {"size": len(data)}

    def still(self) -> tuple[str, str]:
        """A card that stands still."""
        snapshot = self.face.snapshot
        return job_text(snapshot), job_html(snapshot)


def _line(entry: LogEntry) -> dict[str, Any]:
    made = entry.to_wire()
    if len(entry.message) > LONGEST_LINE:
        made["message"] = f"{entry.message[:LONGEST_LINE]}…"
    return made


def _free(path: Path) -> Path:
    """This name, or the next that nobody has: nothing is written over."""
    tried, number = path, 1
    while tried.exists():
        number += 1
        tried = path.with_stem(f"{path.stem}-{number}")
    return tried
