"""The job card: a live picture of one job, with buttons."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from contextlib import aclosing
from typing import Any

import anywidget
import traitlets

from datagen_nb.core.errors import DatagenError
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobStatus, State
from datagen_nb.job import AsyncJob
from datagen_nb.sync import Job
from datagen_nb.ui import bridge
from datagen_nb.ui.snapshot import snapshot_of
from datagen_nb.ui.static_html import job_html, job_text

LEAST_SECONDS = 0.2
BEAT_SECONDS = 4.0


class JobCard(anywidget.AnyWidget):
    """Shows a job as it stands, however often its cell, page or kernel is started anew.

    Attributes:
        snapshot: What the card shows; written by the feed alone.
        beat: The kernel's time, in seconds since 1970, told anew while the job has not ended.
        status: The job's state, for ``observe`` and ``link``.
    """

    _esm = bridge.built("card.js")
    _css = bridge.built("card.css")

    snapshot = traitlets.Dict().tag(sync=True)
    beat = traitlets.Float(0).tag(sync=True)
    status = traitlets.Unicode()

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._feeding: Future[None] | None = None
        self._portal = job.portal
        self._config = job.configuration
        status = job.status
        report = job.report if status.status is State.COMPLETED else None
        self.on_msg(self._hear)
        self._put((status, report))
        self._follow(job.asynchronous)

    def _follow(self, job: AsyncJob) -> None:
        """Show this job from now on."""
        self._job = job
        self.beat = time.time()
        if not job.status.status.is_terminal:
            self._feeding = self._portal.start(self._feed(job))

    async def _feed(self, job: AsyncJob) -> None:
        """On the client's thread, until the job has ended or the card shows another."""
        throttle = bridge.Throttle(self._put, LEAST_SECONDS)
        beating = asyncio.ensure_future(self._beat())
        try:
            async with aclosing(job.updates()) as updates:
                async for status in updates:
                    if job is not self._job:
                        return
                    report = await job.report() if status.status is State.COMPLETED else None
                    throttle.offer((status, report), at_once=status.status.is_terminal)
        except DatagenError as error:
            self.snapshot = {**self.snapshot, "trouble": str(error)}
        finally:
            throttle.close()
            beating.cancel()

    def close(self) -> None:
        """Take the card away; the job goes on."""
        if self._feeding is not None:
            self._feeding.cancel()
        super().close()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self.beat = time.time()

    def _put(self, told: tuple[JobStatus, Report | None]) -> None:
        status, report = told
        self.snapshot = snapshot_of(status, self._config, report)
        self.status = status.status.value

    def _hear(self, _widget: Any, content: Any, _buffers: Any) -> None:
        bridge.answer(self.send, content, lambda action: self._portal.start(self._act(action)))

    async def _act(self, action: str) -> None:
        """Do what a button asks, on the client's thread."""
        match action:
            case "cancel":
                await self._job.cancel()
            case "pause":
                await self._job.pause()
            case "resume":
                await self._job.resume()
            case "rerun":
                self._follow(await self._job.rerun())
            case _:
                raise ValueError(f"a card cannot {action}")

    _ipython_display_ = None

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        html = job_html(self.snapshot)
        return bridge.bundle(self, text=job_text(self.snapshot), html=html)
