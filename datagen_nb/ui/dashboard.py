"""The dashboard: where a customer stands, what the jobs come to, what needs a look."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import traitlets
from pydantic import Field, TypeAdapter

from datagen_nb.client.async_client import AsyncClient
from datagen_nb.client.sync import Client, Job
from datagen_nb.core.alerts import Alert
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.messages import MAX_DAYS, Overview
from datagen_nb.core.status import JobStatus
from datagen_nb.core.webhooks import WebhookStatus
from datagen_nb.ui.actions import Action, JobId, read_action
from datagen_nb.ui.card import JobCard
from datagen_nb.ui.protocol import Request
from datagen_nb.ui.snapshots import (
    DashboardAlert,
    DashboardFacts,
    DashboardFailure,
    DashboardHealth,
    DashboardJob,
    DashboardSums,
    DashboardWebhook,
)
from datagen_nb.ui.static_html import overview_html, overview_text
from datagen_nb.ui.throttle import send_rate
from datagen_nb.ui.widget import WidgetBase

MIN_INTERVAL = 2.0
"""Between two looks; a hundred running jobs tell more than anybody reads."""

LOOKING_SHARE = 0.1
"""Of the time: what a long history makes slow is looked at seldom."""

MAX_SECONDS = 30.0
"""Until the next update without an event: health and time change without one."""

RECENT, MAX_ALERTS, MAX_WEBHOOKS, DELIVERIES = 50, 10, 10, 50
MAX_NAME_LENGTH = 80


class DashboardClose(Action):
    """Close the card below."""

    action: Literal["close"]


class DashboardDays(Action):
    """Look so far back."""

    action: Literal["days"]
    days: Annotated[int, Field(ge=1, le=MAX_DAYS, strict=True)]


class DashboardOpen(Action):
    """Open the card of a job."""

    action: Literal["open"]
    id: JobId


class DashboardAcknowledge(Action):
    """Take note of an alert."""

    action: Literal["acknowledge"]
    id: Annotated[str, Field(max_length=200)]


DashboardAction = DashboardClose | DashboardDays | DashboardOpen | DashboardAcknowledge
_ACTIONS: TypeAdapter[DashboardAction] = TypeAdapter(
    Annotated[DashboardAction, Field(discriminator="action")]
)


class Dashboard(WidgetBase):
    """Shows where a client's customer stands.

    Attributes:
        status: ``healthy``, ``degraded``, ``unhealthy``, or ``unknown`` while the service does not
            answer.
        days: How far it looks back, 1 to 366; for ``observe``, ``link`` and to be set.
        overview: What it shows of the jobs, as ``Client.overview`` gives it.
    """

    status = traitlets.Unicode("unknown")
    days = traitlets.Int(30, min=1, max=MAX_DAYS)

    def __init__(self, client: Client, *, days: int = 30) -> None:
        self.client = client
        self.overview: Overview | None = None
        self._client = client.asynchronous
        self._shown: Mapping[str, Any] = {}
        self._looking = asyncio.Lock()
        super().__init__("dashboard", client.portal, {"trouble": ""}, days=days)
        self._portal.call(self._look())
        self.start_task(self._live())

    @traitlets.observe("days")
    def _days_changed(self, _change: Any) -> None:
        if self._shown:
            self._portal.start(self._look())

    async def _look(self) -> None:
        """Ask for everything anew and show it; what does not answer leaves the rest as it was."""
        async with self._looking:
            try:
                self.overview, facts = await look(self._client, self.days)
                self._shown, self.status, trouble = facts.to_wire(), facts.health.status, ""
            except DatagenError as error:
                self.status, trouble = "unknown", str(error)
        self.set_snapshot({**self._shown, "trouble": trouble})

    async def _live(self) -> None:
        """Update after each event, and from time to time."""
        event_seen = asyncio.Event()
        watching = asyncio.create_task(self._watch_events(event_seen))
        try:
            while True:
                try:
                    async with asyncio.timeout(MAX_SECONDS):
                        await event_seen.wait()
                except TimeoutError:
                    pass
                event_seen.clear()
                began = time.monotonic()
                await self._look()
                took = time.monotonic() - began
                rest = max(MIN_INTERVAL, send_rate.interval(), took / LOOKING_SHARE)
                await asyncio.sleep(rest)
        finally:
            watching.cancel()

    async def _watch_events(self, event_seen: asyncio.Event) -> None:
        async with aclosing(self._client.jobs.changes()) as changes:
            async for _ in changes:
                event_seen.set()

    async def act(self, request: Request) -> Any:
        """Do what the browser asks."""
        match read_action(_ACTIONS, request, widget="dashboard"):
            case DashboardDays(days=days):
                self.days = days
            case DashboardAcknowledge(id=alert):
                await self._client.alerts.acknowledge(alert)
                await self._look()
            case DashboardOpen(id=job_id):
                job = Job(await self._client.jobs.get(job_id), self.client)
                call = f"client.jobs.get({job.id!r}).card()"
                await self.open_below(lambda: JobCard(job), instead=call)
            case DashboardClose():
                self.close_below()

    def static_repr(self) -> tuple[str, str]:
        """The sums, standing still."""
        return overview_text(self.snapshot), overview_html(self.snapshot)


def dashboard(client: Client, *, days: int = 30) -> Dashboard:
    """Show limits, storage, health and recent jobs of a client, live.

    Args:
        client: The client.
        days: How far to look back, 1 to 366.

    Example:
        ```python
        dg.dashboard(client, days=7)
        ```
    """
    return Dashboard(client, days=days)


async def look(client: AsyncClient, days: int) -> tuple[Overview, DashboardFacts]:
    """Everything that a dashboard shows."""
    overview, limits, info, alerts, webhooks, recent = await asyncio.gather(
        client.overview(days),
        client.limits(),
        client.info(),
        client.alerts.list(active=True, limit=MAX_ALERTS),
        client.webhooks.list(limit=MAX_WEBHOOKS),
        client.jobs.list(limit=RECENT),
    )
    outcomes = await asyncio.gather(*(_outcomes(client, hook) for hook in webhooks.webhooks))
    failed = overview.last_failed
    return overview, DashboardFacts(
        days=days,
        sums=DashboardSums(
            **{name: getattr(overview, name) for name in DashboardSums.model_fields}
        ),
        failed=None if failed is None else _failure(failed),
        limits=limits,
        health=DashboardHealth(
            status=info.health.status, message=info.health.message, version=info.version
        ),
        alerts=tuple(_alert(alert) for alert in alerts.alerts),
        webhooks=tuple(
            _webhook(hook, counts) for hook, counts in zip(webhooks.webhooks, outcomes, strict=True)
        ),
        recent=tuple(DashboardJob(**_facts(job.status)) for job in recent),
    )


async def _outcomes(client: AsyncClient, webhook: WebhookStatus) -> Mapping[str, int]:
    page = await client.webhooks.deliveries(webhook.id, limit=DELIVERIES)
    return Counter(delivery.state for delivery in page.deliveries)


def _webhook(webhook: WebhookStatus, outcomes: Mapping[str, int]) -> DashboardWebhook:
    return DashboardWebhook(
        id=webhook.id,
        # A path or a query may be a secret of its own, as with the hooks of many chats.
        host=urlsplit(webhook.url).hostname or "",
        enabled=webhook.enabled,
        failing_since=webhook.failing_since,
        reason=webhook.disabled_reason,
        outcomes=outcomes,
    )


def _alert(alert: Alert) -> DashboardAlert:
    return DashboardAlert(**{name: getattr(alert, name) for name in DashboardAlert.model_fields})


def _facts(job: JobStatus) -> dict[str, Any]:
    return {
        "id": job.job_id,
        "status": job.status,
        "name": job.name[:MAX_NAME_LENGTH],
        "rows": job.data_size,
        "created": job.created_time,
        "started": job.start_time,
        "ended": job.end_time,
    }


def _failure(job: JobStatus) -> DashboardFailure:
    return DashboardFailure(**_facts(job), words="" if job.error is None else job.error.message)
