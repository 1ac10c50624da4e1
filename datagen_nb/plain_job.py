"""One job in plain calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.messages import LogEntry
from datagen_nb.core.status import JobFailure, JobStatus, Stage
from datagen_nb.job import AsyncJob
from datagen_nb.plain_dataset import Dataset

if TYPE_CHECKING:
    from datagen_nb.sync import Client


class Job:
    """One job; as the last line of a cell it is a live card."""

    def __init__(self, job: AsyncJob, client: Client) -> None:
        self._job = job
        self._client = client
        self._portal = client.portal
        self._views = client.views

    def __repr__(self) -> str:
        return repr(self._job)

    def card(self, mode: str | None = None) -> Any:
        """A live card, shown as the last line of a cell, in a box, or with ``display``.

        Args:
            mode: ``widget``, with buttons; ``html`` or ``text``, which need no widgets and are
                updated where they stand. By default as ``DATAGEN_DISPLAY`` says; else ``html`` in
                Colab, where widgets may stand still, and ``widget`` elsewhere.

        Raises:
            ConfigurationError: There is no such mode.
        """
        return self._views.card(self, mode)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.card())  # type: ignore[no-untyped-call]

    def _display_(self) -> Any:
        """What marimo shows."""
        return self.card()

    @property
    def asynchronous(self) -> AsyncJob:
        """The same job for work on the client's thread; see ``Client.portal``."""
        return self._job

    @property
    def client(self) -> Client:
        """Whose job it is."""
        return self._client

    @property
    def id(self) -> str:
        return self._job.id

    @property
    def name(self) -> str:
        return self._job.name

    @property
    def status(self) -> JobStatus:
        """How it stands now."""
        if self._job.status.status.is_terminal:
            return self._job.status
        return self._portal.call(self._job.refresh())

    @property
    def stages(self) -> tuple[Stage, ...]:
        return self.status.stages

    @property
    def error(self) -> JobFailure | None:
        """Why it failed, if it did."""
        return self.status.error

    @property
    def configuration(self) -> JobConfiguration:
        """What it was asked to do."""
        return self._portal.call(self._job.configuration())

    def wait(self) -> Job:
        """See ``AsyncJob.wait``; interrupting it stops the waiting, not the job."""
        self._portal.call(self._job.wait())
        return self

    def result(self) -> Dataset:
        """See ``AsyncJob.result``."""
        return Dataset(self._portal.call(self._job.result()), self._portal, self._views)

    def __await__(self) -> Generator[Any, None, Dataset]:
        data = yield from asyncio.wrap_future(self._portal.start(self._job.result())).__await__()
        return Dataset(data, self._portal, self._views)

    def updates(self) -> Iterator[JobStatus]:
        """See ``AsyncJob.updates``."""
        return self._portal.iterate(self._job.updates())

    def cancel(self) -> JobStatus:
        """See ``AsyncJob.cancel``."""
        return self._portal.call(self._job.cancel())

    def pause(self) -> JobStatus:
        """See ``AsyncJob.pause``."""
        return self._portal.call(self._job.pause())

    def resume(self) -> JobStatus:
        """See ``AsyncJob.resume``."""
        return self._portal.call(self._job.resume())

    def annotate(
        self,
        *,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        note: str | None = None,
    ) -> JobStatus:
        """See ``AsyncJob.annotate``."""
        return self._portal.call(self._job.annotate(name=name, tags=tags, note=note))

    def delete(self) -> None:
        """See ``AsyncJob.delete``."""
        self._portal.call(self._job.delete())

    def rerun(self) -> Job:
        """See ``AsyncJob.rerun``."""
        return Job(self._portal.call(self._job.rerun()), self._client)

    def logs(self, *, after: int = 0) -> Sequence[LogEntry]:
        """See ``AsyncJob.logs``."""
        return self._portal.call(self._job.logs(after=after))

    def follow_logs(self, *, after: int = 0) -> Iterator[LogEntry]:
        """See ``AsyncJob.follow_logs``."""
        return self._portal.iterate(self._job.follow_logs(after=after))

    @property
    def report(self) -> Any:
        """See ``Dataset.report``."""
        return self._views.report(self._portal.call(self._job.report()))

    def watch(self, callback: Callable[[JobStatus], None]) -> Callable[[], None]:
        """Call back with the status now and with each newer one, on the client's thread.

        Returns:
            A function that ends the watching.
        """

        async def follow() -> None:
            async with aclosing(self._job.updates()) as updates:
                async for status in updates:
                    callback(status)

        following = self._portal.start(follow())

        def stop() -> None:
            following.cancel()

        return stop
