"""Alerts: found by regular checks, kept as documents, announced in the customer's event log.

An alert follows from what is there, so looking again after a crash finds it again; only what is
counted over time, failed jobs and refusals, is kept in memory, the former read back at the start.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from datagen_nb.core.access import LOCAL_CUSTOMER
from datagen_nb.core.alerts import (
    HITS_WINDOW,
    LATE_SWEEPS,
    LOOKS,
    WINDOW,
    Alert,
    AlertPage,
    CustomerFacts,
    Finding,
    ServiceFacts,
    customer_findings,
    no_alert,
    service_findings,
)
from datagen_nb.core.errors import DatagenError, NotFound
from datagen_nb.core.messages import JobQuery, check_page
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.store import Notice
from datagen_nb.service.collection import Collection
from datagen_nb.service.context import ServiceContext
from datagen_nb.service.monitoring.health import HealthCheck, Level
from datagen_nb.service.tasks import BackgroundTasks
from datagen_nb.service.webhooks.records import WEBHOOK
from datagen_nb.service.webhooks.registry import BY_OWNER

logger = logging.getLogger("datagen_nb.service")

KIND = "alert"

OPERATOR = LOCAL_CUSTOMER
"""Whose log tells of the service's own alerts: the home's own user."""

MAX_COUNTED = 1000
"""Ends and refusals of one customer that are remembered."""

_ENDS = {State.FAILED, State.COMPLETED}


class Alerting:
    """Raises and clears all customers' alerts; hears what happens as an ``Observer``."""

    def __init__(self, context: ServiceContext, health: HealthCheck) -> None:
        self._context = context
        self._check = health
        self._alerts = _alerts(context)
        self._ends: defaultdict[str, deque[tuple[datetime, bool]]] = defaultdict(_window)
        self._hits: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MAX_COUNTED))
        self._touched: set[str] = set()
        self._looking = asyncio.Lock()
        self._active: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._health: deque[tuple[Level, str]] = deque(maxlen=LOOKS)
        self._swept = context.clock.monotonic()
        self._sweep_failure: str | None = None
        self._stale: set[str] = set()
        self._tasks = BackgroundTasks()

    async def start(self) -> None:
        """Read back what is active and what has ended lately, then look now and then."""
        self._swept = self._context.clock.monotonic()
        for customer in {*await self._context.store.customers(), OPERATOR}:
            await self._recall(customer)
            self._touched.add(customer)
        self._tasks.start(self._keep_looking(), name="alerts")

    async def aclose(self) -> None:
        await self._tasks.cancel()

    def changed_elsewhere(self, customer: str) -> None:
        """Read a customer's ends again before the next look: another process may have made some."""
        self._stale.add(customer)
        self._touched.add(customer)

    def customer(self, name: str) -> CustomerAlerts:
        """What one customer may ask."""
        return CustomerAlerts(self._context, name)

    def severities(self) -> Iterable[str]:
        """The severity of each active alert."""
        return [severity for active in self._active.values() for severity in active.values()]

    def created(self, customer: str, status: JobStatus) -> None:  # noqa: ARG002  it reserves room
        self._touched.add(customer)

    def changed(self, customer: str, status: JobStatus) -> None:
        if status.status.is_terminal:
            self._touched.add(customer)
        if status.status in _ENDS and status.end_time is not None:
            self._ends[customer].append((status.end_time, status.status is State.FAILED))

    def refused(self, customer: str, code: str) -> None:  # noqa: ARG002  any limit counts
        self._touched.add(customer)
        self._hits[customer].append(self._context.clock.monotonic())

    def deleted(self, customer: str, jobs: int) -> None:  # noqa: ARG002  there is room again
        self._touched.add(customer)

    def swept(self) -> None:
        self._swept, self._sweep_failure = self._context.clock.monotonic(), None

    def sweep_failed(self, reason: str) -> None:
        self._sweep_failure = reason

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A single request raises no alert."""

    async def look(self) -> None:
        """Raise what is new, clear what has gone; one look waits for another that has begun."""
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
        health = await self._check.look()
        self._health.append((health.status, health.message or ""))
        customers = self._touched | {name for name, active in self._active.items() if active}
        self._touched = set()
        while self._stale:
            await self._recall(self._stale.pop())
        for customer in sorted(customers | {OPERATOR}):
            findings = list(customer_findings(await self._facts_of(customer)))
            if customer == OPERATOR:
                room = (health.metrics or {}).get("diskRoomBytes")
                findings += service_findings(self._facts(None if room is None else int(room)))
            await self._settle(customer, findings)

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self.look()
            except DatagenError as error:
                logger.warning("looking for alerts broke off, to go on later: %s", error)
            except Exception:
                logger.exception("looking for alerts broke, to go on later")
            await self._check.measure_loop(self._context.settings.watch_seconds)

    async def _recall(self, customer: str) -> None:
        async for entry in self._alerts.all(customer):
            if entry.value.status == "active":
                self._active[customer][entry.id] = entry.value.severity
        self._ends.pop(customer, None)
        query = JobQuery(status=tuple(_ENDS), limit=100)
        for job in reversed((await self._context.store.page(customer, query)).jobs):
            self.changed(customer, job)

    async def _facts_of(self, customer: str) -> CustomerFacts:
        context = self._context
        since = context.clock.now() - WINDOW
        ends = [failed for at, failed in self._ends[customer] if at >= since]
        if not ends:
            del self._ends[customer]
        recent = context.clock.monotonic() - HITS_WINDOW.total_seconds()
        hits = sum(at >= recent for at in self._hits[customer])
        if not hits:
            del self._hits[customer]
        if ends or hits:
            self._touched.add(customer)  # the window moves on
        usage = await context.store.usage(customer)
        limits = await context.policy.limits_of(customer)
        webhooks = await context.store.documents.page(customer, WEBHOOK, limit=100)
        return CustomerFacts(
            failed=sum(ends),
            completed=len(ends) - sum(ends),
            hits=hits,
            stored=usage.stored,
            quota=limits.storage_quota,
            disabled={
                document.id: str(document.body["disabledReason"])
                for document in webhooks
                if document.body.get("disabledTime") and not document.body.get("isDeleted")
                if document.body.get("disabledReason") not in (None, BY_OWNER)
            },
        )

    def _facts(self, room: int | None) -> ServiceFacts:
        allowed = LATE_SWEEPS * self._context.settings.cleanup_seconds
        late = self._context.clock.monotonic() - self._swept - allowed
        return ServiceFacts(
            health=tuple(status for status, _ in self._health),
            health_message=next((why for _, why in reversed(self._health) if why), ""),
            health_alerted="health" in self._active[OPERATOR],
            room=room,
            sweep_failure=self._sweep_failure,
            sweep_late=max(late, 0.0),
        )

    async def _settle(self, customer: str, findings: list[Finding]) -> None:
        """Bring a customer's alerts in line with what was found."""
        found = {finding.key: finding for finding in findings}
        for finding in found.values():
            if self._active[customer].get(finding.key) != finding.severity:
                await self._raise(customer, finding)
        for key in [key for key in self._active[customer] if key not in found]:
            await self._clear(customer, key)
        if not self._active[customer]:
            del self._active[customer]

    async def _raise(self, customer: str, finding: Finding) -> None:
        now = self._context.clock.now()

        def fold(before: Alert | None) -> Alert:
            goes_on = before is not None and before.status == "active"
            return Alert(
                id=finding.key,
                kind=finding.kind,
                severity=finding.severity,
                message=finding.message,
                details=dict(finding.details),
                raised_time=before.raised_time if before and goes_on else now,
                times_raised=(before.times_raised if before else 0) + (not goes_on),
            )

        def notice(_: Alert | None, alert: Alert) -> Notice | None:
            return None if finding.reported else Notice("alert.raised", now, alert.to_wire())

        before = await self._alerts.get(customer, finding.key)
        alert = await self._alerts.update(customer, finding.key, fold, notice=notice)
        if alert != before:
            logger.warning("alert for %s: %s", customer, alert.message)
        self._active[customer][finding.key] = finding.severity

    async def _clear(self, customer: str, key: str) -> None:
        now = self._context.clock.now()

        def fold(alert: Alert | None) -> Alert:
            if alert is None:
                raise no_alert(key)
            if alert.status == "cleared":
                return alert
            return alert.model_copy(update={"status": "cleared", "cleared_time": now})

        def notice(_: Alert | None, alert: Alert) -> Notice | None:
            if alert.kind == "webhook_disabled":
                return None  # the part that enables the webhook reports it
            return Notice("alert.cleared", now, alert.to_wire())

        with suppress(NotFound):  # deleted meanwhile: there is nothing to clear
            await self._alerts.update(customer, key, fold, notice=notice)
        self._active[customer].pop(key, None)


class CustomerAlerts:
    """One customer's alerts; implements ``core.alerts.Alerts``."""

    def __init__(self, context: ServiceContext, customer: str) -> None:
        self._alerts = _alerts(context)
        self._clock = context.clock
        self._customer = customer

    async def list(
        self, *, active: bool | None = None, cursor: str = "", limit: int = 50
    ) -> AlertPage:
        check_page(limit)
        alerts = [
            entry.value
            async for entry in self._alerts.all(self._customer, after=cursor)
            if active is None or (entry.value.status == "active") is active
        ]
        page, more = tuple(alerts[:limit]), len(alerts) > limit
        return AlertPage(alerts=page, next_cursor=page[-1].id if more else None)

    async def acknowledge(self, alert_id: str) -> Alert:
        now = self._clock.now()

        def fold(alert: Alert | None) -> Alert:
            if alert is None:
                raise no_alert(alert_id)
            if alert.acknowledged_time is not None:
                return alert
            return alert.model_copy(update={"acknowledged_time": now})

        return await self._alerts.update(self._customer, alert_id, fold)


def _alerts(context: ServiceContext) -> Collection[Alert]:
    return Collection.of(context.documents, KIND, Alert, publish=context.bus.publish)


def _window() -> deque[tuple[datetime, bool]]:
    return deque(maxlen=MAX_COUNTED)
