"""The history: a customer's jobs as a live table, filtered, sorted, paged, acted on together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Any, assert_never

import traitlets

from datagen_nb.client.async_job import AsyncJob
from datagen_nb.client.sync import Client, Job
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.messages import Event, JobCounts, JobEvent, JobQuery, Sort
from datagen_nb.core.status import JobStatus, State
from datagen_nb.ui.actions import read_action
from datagen_nb.ui.card import JobCard
from datagen_nb.ui.history_actions import (
    HISTORY_ACTIONS,
    HistoryAnnotate,
    HistoryButton,
    HistoryEnd,
    HistoryJob,
    HistoryPeriod,
    HistorySelect,
    HistorySort,
    HistoryStates,
    HistoryText,
)
from datagen_nb.ui.protocol import Request
from datagen_nb.ui.report import report_panel
from datagen_nb.ui.snapshots import HistoryQuery, HistoryRow, HistorySnapshot, Period
from datagen_nb.ui.static_html import jobs_html, jobs_text
from datagen_nb.ui.throttle import Throttle, send_rate
from datagen_nb.ui.widget import WidgetBase

if TYPE_CHECKING:
    import pandas as pd

PAGE = 50
INSTANT = "datetime64[ms, UTC]"

SHOWN_TAGS, MAX_TAG_LENGTH, MAX_NOTE_LENGTH, MAX_SOURCE_LENGTH = 6, 40, 120, 200
MIN_INTERVAL = 0.5
"""Between two snapshots; a hundred running jobs tell more than anybody reads."""


class History(WidgetBase):
    """Shows the jobs of a client.

    Attributes:
        selected: Ids of the jobs that are marked, for ``observe`` and ``link``.
        status: States that are shown; empty means all. Setting it filters.

    Example:
        ```python
        history = dg.history(client)
        history.filter(status="failed", text="nightly")
        history  # one marks some; then
        history.selection()
        ```
    """

    selected = traitlets.Tuple()
    status = traitlets.Tuple()

    def __init__(self, client: Client) -> None:
        self.client = client
        self._jobs = client.asynchronous.jobs
        self._query = JobQuery(limit=PAGE)
        self._period: Period = "all"
        self._cursors: list[str | None] = [None]
        self._next: str | None = None
        self._rows: dict[str, JobStatus] = {}
        self._counts = JobCounts(by_state={}, total=0)
        self._trouble = ""
        self._is_stale = False
        self._reading: asyncio.Task[None] | None = None
        super().__init__("history", client.portal, {})
        self._portal.call(self._read())
        self.start_task(self._live())

    def filter(
        self,
        *,
        status: State | str | Sequence[State | str] | None = None,
        text: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Sort | None = None,
        order: str | None = None,
    ) -> None:
        """Choose which jobs are shown, and in which order; what is left out stays.

        Arguments are those of ``Client.jobs.list``.
        """
        if status is not None:
            chosen = (status,) if isinstance(status, str) else tuple(status)
            self.status = tuple(State(one).value for one in chosen)
        filters = {"text": text, "since": since, "until": until, "sort": sort, "order": order}
        changes = {name: value for name, value in filters.items() if value is not None}
        if changes:
            self._portal.call(self._narrow(changes))

    def frame(self) -> pd.DataFrame:
        """The page that is shown."""
        return _frame(list(self._rows.values()))

    def selection(self) -> pd.DataFrame:
        """The jobs that are marked, from whatever pages."""
        return _frame(self._portal.call(self._read_selected()))

    async def _read_selected(self) -> list[JobStatus]:
        found = []
        for job_id in self.selected:
            try:
                found.append(self._rows.get(job_id) or (await self._jobs.get(job_id)).status)
            except DatagenError:
                continue  # it was deleted meanwhile
        return found

    @traitlets.validate("status")
    def _only_states(self, proposal: Any) -> tuple[str, ...]:
        return tuple(State(one).value for one in proposal["value"])

    @traitlets.observe("status")
    def _status_changed(self, change: Any) -> None:
        self._portal.start(self._narrow({"status": tuple(State(one) for one in change.new)}))

    @traitlets.observe("selected")
    def _selected_changed(self, _change: Any) -> None:
        self._portal.loop.call_soon_threadsafe(self._show)

    async def _narrow(self, changes: Mapping[str, Any]) -> None:
        """Ask for something else, from its first page on."""
        fields = {**self._query.model_dump(), **changes, "cursor": None}
        for name in ("since", "until"):
            if isinstance(changes.get(name), datetime):
                fields[name] = changes[name].astimezone()
        self._query = JobQuery.model_validate(fields)
        self._cursors = [None]
        await self._read()

    async def _read(self) -> None:
        """Read the page and the counts anew; of many wishes at once the last is granted."""
        while True:
            self._is_stale = False
            query = self._query.model_copy(update={"cursor": self._cursors[-1]})
            try:
                page = await self._jobs.page(query)
                self._counts = await self._jobs.counts(
                    since=query.since, until=query.until, text=query.text
                )
                self._trouble = ""
            except DatagenError as error:
                self._trouble = str(error)
                break
            if page.jobs or len(self._cursors) == 1:
                self._rows = {job.job_id: job for job in page.jobs}
                self._next = page.next_cursor
                break
            self._cursors.pop()  # the last page has gone
        self._show()

    async def _live(self) -> None:
        """Follow every change, until the widget is closed."""
        throttle = Throttle(self._renew, lambda: max(MIN_INTERVAL, send_rate.interval()))
        try:
            async with aclosing(self._jobs.changes()) as changes:
                async for event in changes:
                    self._take(event, throttle)
        except DatagenError as error:
            self._trouble = str(error)
            self._show()
        finally:
            throttle.close()

    def _take(self, event: Event, throttle: Throttle) -> None:
        if event.job_id is None:
            return
        before = self._rows.get(event.job_id)
        if isinstance(event, JobEvent) and before is not None:
            self._rows[event.job_id] = event.data
        moved = (
            before is None
            or not isinstance(event, JobEvent)
            or before.status is not event.data.status
        )
        if before is None and isinstance(event, JobEvent) and event.event == "job.updated":
            return  # progress of a job that is on another page
        self._is_stale = self._is_stale or moved
        throttle.offer(None, at_once=moved and self._reading is None)

    def _renew(self, _: Any) -> None:
        if not self._is_stale:
            self._show()
        elif self._reading is None:
            self._reading = asyncio.ensure_future(self._read_until_fresh())

    async def _read_until_fresh(self) -> None:
        try:
            while self._is_stale:
                await self._read()
                await asyncio.sleep(MIN_INTERVAL)
        finally:
            self._reading = None

    def _show(self) -> None:
        query, first = self._query, PAGE * (len(self._cursors) - 1)
        states = query.status or tuple(State)
        shown = HistorySnapshot(
            rows=tuple(_row(job) for job in self._rows.values()),
            counts=self._counts.by_state,
            total=sum(self._counts.by_state.get(state, 0) for state in states),
            first=first,
            more=self._next is not None,
            query=HistoryQuery(
                status=query.status,
                text=query.text,
                period=self._period,
                sort=query.sort,
                order=query.order,
            ),
            selected=self.selected,
            trouble=self._trouble,
        )
        self.set_snapshot(shown.to_wire())

    async def act(self, request: Request) -> Any:
        """Do what the browser asks."""
        match read_action(HISTORY_ACTIONS, request, widget="history"):
            case HistoryStates(states=states):
                self.status = tuple(states)
            case HistoryText(text=text):
                await self._narrow({"text": text})
            case HistoryPeriod(period=period, since=since, until=until):
                self._period = period
                await self._narrow({"since": since, "until": until})
            case HistorySort(by=sort, order=order):
                await self._narrow({"sort": sort, "order": order})
            case HistorySelect(ids=ids):
                self.selected = ids
                await asyncio.sleep(0)  # the snapshot that shows it goes before the answer
            case HistoryEnd() as end:
                return await self._end(end)
            case HistoryAnnotate(id=job_id, tags=tags, note=note):
                job = await self._jobs.get(job_id)
                await job.annotate(tags=tags, note=note)
            case HistoryJob() as wanted:
                return await self._act_on(await self._jobs.get(wanted.id), wanted)
            case HistoryButton() as button:
                await self._press(button)
        return None

    async def _press(self, button: HistoryButton) -> None:
        match button.action:
            case "everything":
                self._period, self.status = "all", ()
                await self._narrow({"status": (), "text": "", "since": None, "until": None})
            case "next":
                if self._next is not None:
                    self._cursors.append(self._next)
                    await self._read()
            case "previous":
                if len(self._cursors) > 1:
                    self._cursors.pop()
                    await self._read()
            case "close":
                self.close_below()
            case unknown:
                assert_never(unknown)

    async def _end(self, end: HistoryEnd) -> dict[str, Any]:
        """Cancel or delete jobs; how many were, and why others were not."""
        if end.action == "cancel":
            cancelled = await self._jobs.cancel(*end.ids)
            done, refused = len(cancelled.cancelled), cancelled.refused
        else:
            deleted = await self._jobs.delete(*end.ids)
            done, refused = len(deleted.deleted), deleted.refused
            self.selected = tuple(one for one in self.selected if one not in deleted.deleted)
        return {"done": done, "refused": [one.message for one in refused]}

    async def _act_on(self, job: AsyncJob, wanted: HistoryJob) -> Any:
        call = f"client.jobs.get({job.id!r})"
        match wanted.action:
            case "pause":
                await job.pause()
            case "resume":
                await job.resume()
            case "rerun":
                await job.rerun()
            case "note":
                return {"tags": list(job.status.tags), "note": job.status.note}
            case "open":
                plain = Job(job, self.client)
                await self.open_below(lambda: JobCard(plain), instead=f"{call}.card()")
            case "view":
                plain = Job(job, self.client)
                instead = f"{call}.result().view()"
                await self.open_below(lambda: plain.result().view(), instead=instead)
            case "report":
                report = await job.report()
                title = job.status.name or job.id
                instead = f"{call}.report"
                await self.open_below(lambda: report_panel(report, title), instead=instead)
            case unknown:
                assert_never(unknown)
        return None

    def static_repr(self) -> tuple[str, str]:
        """The first jobs, standing still."""
        return jobs_text(self.snapshot), jobs_html(self.snapshot)


def history(client: Client) -> History:
    """Show the jobs of a client as a live table.

    Args:
        client: The client.

    Returns:
        A widget; ``selection()`` gives the jobs that are marked.

    Example:
        ```python
        dg.history(client)
        ```
    """
    return History(client)


def _row(job: JobStatus) -> HistoryRow:
    metadata = job.metadata
    details = job.error.details or {} if job.error else {}
    return HistoryRow(
        id=job.job_id,
        status=job.status,
        progress=job.progress,
        name=job.name,
        tags=tuple(tag[:MAX_TAG_LENGTH] for tag in job.tags[:SHOWN_TAGS]),
        note=job.note[:MAX_NOTE_LENGTH],
        rows=job.data_size,
        created=job.created_time,
        ended=job.end_time,
        took=metadata.processing_time,
        size=metadata.output_size,
        fidelity=metadata.fidelity,
        source=job.source[:MAX_SOURCE_LENGTH] or None,
        place=job.queue_position,
        starts_after=job.starts_after,
        stage=details.get("stage"),
        expires=metadata.expiration_date,
    )


def _frame(jobs: Sequence[JobStatus]) -> pd.DataFrame:
    import pandas as pd

    columns = {
        "id": [job.job_id for job in jobs],
        "status": [job.status.value for job in jobs],
        "name": [job.name for job in jobs],
        "rows": [job.data_size for job in jobs],
        "created": pd.Series([job.created_time for job in jobs], dtype=INSTANT),
        "ended": pd.Series([job.end_time for job in jobs], dtype=INSTANT),
        "took": pd.array([job.metadata.processing_time for job in jobs], dtype="Float64"),
        "size": pd.array([job.metadata.output_size for job in jobs], dtype="Int64"),
        "fidelity": pd.array([job.metadata.fidelity for job in jobs], dtype="Float64"),
        "source": [job.source for job in jobs],
        "tags": [list(job.tags) for job in jobs],
        "note": [job.note for job in jobs],
    }
    return pd.DataFrame(columns)
