"""The dashboard: where a customer stands, what the jobs come to, what needs a look."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

import traitlets

from datagen_nb.client import AsyncClient
from datagen_nb.core.alerts import Alert
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.messages import MOST_DAYS, Overview
from datagen_nb.core.status import JobStatus
from datagen_nb.core.webhooks import WebhookStatus
from datagen_nb.plain_job import Job
from datagen_nb.sync import Client
from datagen_nb.ui import bridge
from datagen_nb.ui.card import JobCard
from datagen_nb.ui.static_html import overview_html, overview_text

LEAST_SECONDS = 2.0
"""Between two looks; a hundred running jobs tell more than anybody reads."""

LOOKING_SHARE = 0.1
"""Of the time: what a long history makes slow is looked at seldom."""

MOST_SECONDS = 30.0
"""Until the next look when nothing is told: health and time pass without events."""

RECENT, MOST_ALERTS, MOST_WEBHOOKS, DELIVERIES = 50, 10, 10, 50
LONGEST_NAME = 80


class Dashboard(bridge.Panel):
    """Shows where a client's customer stands.

    Attributes:
        status: ``healthy``, ``degraded``, ``unhealthy``, or ``unknown`` while the service does not
            answer.
        days: How far it looks back, 1 to 366; for ``observe``, ``link`` and to be set.
        overview: What it shows of the jobs, as ``Client.overview`` gives it.
    """

    status = traitlets.Unicode("unknown")
    days = traitlets.Int(30, min=1, max=MOST_DAYS)

    def __init__(self, client: Client, *, days: int = 30) -> None:
        self.client = client
        self.overview: Overview | None = None
        self._client = client.asynchronous
        self._shown: dict[str, Any] = {}
        self._looking = asyncio.Lock()
        super().__init__("dashboard", client.portal, {"trouble": ""}, days=days)
        self._portal.call(self._look())
        self.follow(self._live())

    @traitlets.observe("days")
    def _days_changed(self, _change: Any) -> None:
        if self._shown:
            self._portal.start(self._look())

    async def _look(self) -> None:
        """Ask for everything anew and show it; what does not answer leaves the rest as it was."""
        async with self._looking:
            try:
                self.overview, self._shown = await look(self._client, self.days)
                health, trouble = str(self._shown["health"]["status"]), ""
            except DatagenError as error:
                health, trouble = "unknown", str(error)
        self.status = health
        self.put({**self._shown, "trouble": trouble})

    async def _live(self) -> None:
        """Look whenever something was told, and from time to time."""
        told = asyncio.Event()
        hearing = asyncio.create_task(self._hear_events(told))
        try:
            while True:
                try:
                    async with asyncio.timeout(MOST_SECONDS):
                        await told.wait()
                except TimeoutError:
                    pass
                told.clear()
                began = time.monotonic()
                await self._look()
                took = time.monotonic() - began
                rest = max(LEAST_SECONDS, bridge.pace.seconds(), took / LOOKING_SHARE)
                await asyncio.sleep(rest)
        finally:
            hearing.cancel()

    async def _hear_events(self, told: asyncio.Event) -> None:
        async with aclosing(self._client.jobs.changes()) as changes:
            async for _ in changes:
                told.set()

    async def act(self, request: bridge.Request) -> Any:
        """Do what the browser asks."""
        match request.action:
            case "days":
                self.days = int(request.body["days"])
            case "acknowledge":
                await self._client.alerts.acknowledge(str(request.body["id"]))
                await self._look()
            case "open":
                job = Job(await self._client.jobs.get(str(request.body["id"])), self.client)
                call = f"client.jobs.get({job.id!r}).card()"
                await self.open_below(lambda: JobCard(job), instead=call)
            case "shut":
                self.shut_below()
            case action:
                return await super().act(bridge.Request(action, request.body))
        return None

    def still(self) -> tuple[str, str]:
        """The sums, standing still."""
        return overview_text(self.face.snapshot), overview_html(self.face.snapshot)


def dashboard(client: Client, *, days: int = 30) -> Dashboard:
    """Where the client's customer stands; see ``Dashboard``."""
    return Dashboard(client, days=days)


async def look(client: AsyncClient, days: int) -> tuple[Overview, dict[str, Any]]:
    """Everything that a dashboard shows; its form is ``Snapshot`` in ``widgets/src/dashboard``."""
    overview, limits, info, alerts, webhooks, recent = await asyncio.gather(
        client.overview(days),
        client.limits(),
        client.info(),
        client.alerts.list(active=True, limit=MOST_ALERTS),
        client.webhooks.list(limit=MOST_WEBHOOKS),
        client.jobs.list(limit=RECENT),
    )
    outcomes = await asyncio.gather(*(_outcomes(client, hook) for hook in webhooks.webhooks))
    failed = overview.last_failed
    sums = overview.to_wire()
    sums.pop("lastFailed", None)
    return overview, {
        "days": days,
        "sums": sums,
        "failed": None if failed is None else _bar(failed) | {"words": _why(failed)},
        "limits": limits.to_wire(),
        "health": {**info.health.to_wire(), "version": info.version},
        "alerts": [_alert(alert) for alert in alerts.alerts],
        "webhooks": [
            _webhook(hook, told) for hook, told in zip(webhooks.webhooks, outcomes, strict=True)
        ],
        "recent": [_bar(job.status) for job in recent],
    }


async def _outcomes(client: AsyncClient, webhook: WebhookStatus) -> Mapping[str, int]:
    page = await client.webhooks.deliveries(webhook.id, limit=DELIVERIES)
    return Counter(delivery.state for delivery in page.deliveries)


def _webhook(webhook: WebhookStatus, outcomes: Mapping[str, int]) -> dict[str, Any]:
    said = webhook.to_wire()
    return {
        "id": webhook.id,
        # A path or a query may be a secret of its own, as with the hooks of many chats.
        "host": urlsplit(webhook.url).hostname or "",
        "enabled": webhook.enabled,
        "failingSince": said.get("failingSince"),
        "reason": webhook.disabled_reason,
        "outcomes": dict(outcomes),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    said = alert.to_wire()
    names = ("id", "severity", "message", "raisedTime", "acknowledgedTime")
    return {name: said[name] for name in names if name in said}


def _bar(job: JobStatus) -> dict[str, Any]:
    said = job.to_wire()
    return {
        "id": job.job_id,
        "status": job.status.value,
        "name": job.name[:LONGEST_NAME],
        "rows": job.data_size,
        "created": said["createdTime"],
        "started": said.get("startTime"),
        "ended": said.get("endTime"),
    }


def _why(job: JobStatus) -> str:
    return "" if job.error is None else job.error.message
