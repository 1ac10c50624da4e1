"""The job card: a live picture of one job, with buttons."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, Literal, assert_never

import traitlets
from pydantic import Field, TypeAdapter, model_validator

from datagen_nb.client.async_job import AsyncJob
from datagen_nb.client.sync import Job
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.messages import LogEntry
from datagen_nb.core.status import JobStatus, State
from datagen_nb.ui.actions import Action, Number, read_action
from datagen_nb.ui.protocol import Request
from datagen_nb.ui.report import file_stem, report_panel
from datagen_nb.ui.snapshot import feed, newer, snapshot_of
from datagen_nb.ui.static_html import job_html, job_text
from datagen_nb.ui.throttle import Throttle
from datagen_nb.ui.widget import WidgetBase, run_in_thread

MAX_LINE_LENGTH = 2_000
"""Characters of a log's line that are shown."""

MAX_DOWNLOAD = 32 << 20
"""Bytes of a result that pass through the notebook to the browser."""

CHUNK = 256 << 10
BYTES_A_SECOND = 500_000
"""A Jupyter server cuts off a kernel that sends more than 1,000,000 for long."""


class CardButton(Action):
    """A button was pressed."""

    action: Literal["cancel", "pause", "resume", "rerun", "view", "report", "close"]


class CardEdit(Action):
    """Open a wizard; with a field that a warning of an estimate asks to change, and its value."""

    action: Literal["edit"]
    field: Literal["timeout", "dataSize"] | None = None
    value: Annotated[int, Field(gt=0, lt=2**53, strict=True)] | None = None

    @model_validator(mode="after")
    def _is_a_change(self) -> CardEdit:
        if (self.field is None) != (self.value is None):
            raise ValueError("a field and its value come together")
        return self


class CardLogs(Action):
    """Lines of the log."""

    action: Literal["logs"]
    after: Number = 0


CardFileName = Literal["result", "model"]


class CardFile(Action):
    """The result or the model of the job as a file: to the browser, or beside the notebook."""

    action: Literal["download", "save"]
    file: CardFileName


class CardChunk(Action):
    """A piece of a file that a download was begun of, from a byte on."""

    action: Literal["chunk"]
    file: CardFileName
    start: Number


CardAction = CardButton | CardEdit | CardLogs | CardFile | CardChunk
_ACTIONS: TypeAdapter[CardAction] = TypeAdapter(
    Annotated[CardAction, Field(discriminator="action")]
)


class JobCard(WidgetBase):
    """Shows a job as it stands, however often its cell, page or kernel is started anew.

    Attributes:
        job: The job; what a rerun makes has a card of its own, below this one.
        status: Its state, for ``observe`` and ``link``.
    """

    status = traitlets.Unicode()

    def __init__(self, job: Job) -> None:
        status = job.status
        report = model_size = None
        if status.status is State.COMPLETED:
            report, model_size = job.report, job.model.size()
        self.job = job
        self._config = job.configuration
        self._logging: Future[None] | None = None
        self._files: dict[CardFileName, Path] = {}
        self._reruns: list[str] = []
        snapshot = snapshot_of(status, self._config, report, model_size=model_size)
        super().__init__("card", job.client.portal, snapshot)
        self.status = status.status.value
        self._watch(status)

    def _watch(self, status: JobStatus) -> None:
        if not status.status.is_terminal:
            client = self.job.client.asynchronous
            throttle = Throttle(self._show)
            self.start_task(feed(throttle, self.job.asynchronous, self._config, client))

    def _show(self, snapshot: Mapping[str, Any]) -> None:
        self.set_snapshot({**snapshot, "reruns": list(self._reruns)})
        self.status = snapshot["status"]["status"]

    async def act(self, request: Request) -> Any:
        """Do what the browser asks."""
        match read_action(_ACTIONS, request, widget="card"):
            case CardEdit() as edit:
                return await self._edit(edit)
            case CardLogs(after=after):
                return await self._logs(self.job.asynchronous, after=after)
            case CardFile(action="download", file=file):
                return await self._download(file)
            case CardFile(action="save", file=file):
                path = await asyncio.to_thread(_free, Path(self._name(file)))
                return {"path": str(await self._fetch(file, path))}
            case CardChunk(file=file, start=start):
                return await self._chunk(file, start)
            case CardButton() as button:
                return await self._press(button)

    async def _press(self, button: CardButton) -> Any:
        job = self.job.asynchronous
        match button.action:
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
            case "report":
                report = await job.report()
                title = self.snapshot["title"]
                await self.open_below(lambda: report_panel(report, title), instead="job.report")
            case "close":
                self.close_below()
            case unknown:
                assert_never(unknown)
        return None

    async def _rerun(self, job: AsyncJob) -> None:
        """Run the job again: the new one is shown below, and named here for good."""
        new = Job(await job.rerun(), self.job.client)
        self._reruns.append(new.id)
        self._show(self.snapshot)
        if not self._is_bare:
            self.add_below(await run_in_thread(lambda: JobCard(new)))

    async def _edit(self, edit: CardEdit) -> None:
        """Open a wizard with the job's configuration, one field of it changed if that is asked."""
        config, names = self._config, {"timeout": "timeout", "dataSize": "data_size"}
        if edit.field is not None:
            config = config.model_copy(update={names[edit.field]: edit.value})
        step: Literal["data", "review"] = "data" if edit.field is None else "review"
        client = self.job.client
        await self.open_below(
            lambda: client.views.wizard(client, config, step), instead="dg.wizard(client, job)"
        )

    async def _logs(self, job: AsyncJob, *, after: int) -> list[dict[str, Any]]:
        """The lines so far; those to come are sent as they are logged."""
        lines = await job.logs(after=after)
        if self._logging is None and not job.status.status.is_terminal:
            self._logging = self.start_task(
                self._send_lines(job, lines[-1].cursor if lines else after)
            )
        return [_line(entry) for entry in lines]

    async def _send_lines(self, job: AsyncJob, after: int) -> None:
        try:
            async with aclosing(job.follow_logs(after=after)) as lines:
                async for entry in lines:
                    self.view_model.send({"event": "log", "job": job.id, "lines": [_line(entry)]})
        finally:
            self._logging = None

    def _name(self, file: CardFileName) -> str:
        """What the result or the model is called as a file."""
        stem = file_stem(self.snapshot["title"])
        if file == "model":
            return f"{stem}.model"
        return f"{stem}-synthetic{FORMATS[self._config.output_format].endings[0]}"

    async def _size(self, file: CardFileName) -> int:
        """About how large a file is."""
        job = self.job.asynchronous
        if file == "model":
            return await job.model.size() or 0
        return job.status.metadata.output_size or 0

    async def _fetch(self, file: CardFileName, path: Path) -> Path:
        job = self.job.asynchronous
        if file == "model":
            return await job.model.download(path)
        return Path(await (await job.result()).download(path))

    async def _download(self, file: CardFileName) -> dict[str, Any]:
        """One file, ready to be asked for in chunks, unless it is too large."""
        name, size = self._name(file), await self._size(file)
        if size > MAX_DOWNLOAD:
            return {"name": name, "size": size, "tooLarge": True}
        if file not in self._files:
            folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="datagen-"))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._files[file] = await self._fetch(file, folder / name)
        written = await asyncio.to_thread(self._files[file].stat)
        return {"name": name, "size": written.st_size, "tooLarge": False}

    async def _chunk(self, file: CardFileName, start: int) -> dict[str, Any]:
        if file not in self._files:
            raise ValueError("no download was begun: press Download again")
        data = await asyncio.to_thread(_piece, self._files[file], start)
        await asyncio.sleep(len(data) / BYTES_A_SECOND)
        self.view_model.send({"event": "chunk", "file": file, "start": start}, [data])
        return {"size": len(data)}

    @property
    def is_final(self) -> bool:
        return State(self.snapshot["status"]["status"]).is_terminal

    async def refresh(self) -> None:
        job = self.job.asynchronous
        client = self.job.client.asynchronous
        self._show(await newer(await job.refresh(), job, self._config, client))

    def static_repr(self) -> tuple[str, str]:
        """A card that stands still."""
        snapshot = self.snapshot
        return job_text(snapshot), job_html(snapshot)


def _line(entry: LogEntry) -> dict[str, Any]:
    made = entry.to_wire()
    if len(entry.message) > MAX_LINE_LENGTH:
        made["message"] = f"{entry.message[:MAX_LINE_LENGTH]}…"
    return made


def _piece(path: Path, start: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(CHUNK)


def _free(path: Path) -> Path:
    """This name, or the next free one: nothing is overwritten."""
    tried, number = path, 1
    while tried.exists():
        number += 1
        tried = path.with_stem(f"{path.stem}-{number}")
    return tried
