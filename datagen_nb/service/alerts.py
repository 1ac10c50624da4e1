"""Alerts: found by looking, kept as documents, told in the customer's event log.

An alert follows from what is there, so looking again after a crash finds it again; only what is
counted over time, failed jobs and refusals, is kept in memory, the former read back at the start.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

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
from datagen_nb.core.errors import DatagenError, VersionConflict
from datagen_nb.core.messages import JobQuery
from datagen_nb.core.ports import Clock
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.store import Document, Documents, Notice
from datagen_nb.service.health import Level
from datagen_nb.service.webhook_records import WEBHOOK
from datagen_nb.service.webhooks import BY_OWNER

if TYPE_CHECKING:
    from datagen_nb.service.jobs import JobService

logger = logging.getLogger("datagen_nb.service")

KIND = "alert"

OPERATOR = LOCAL_CUSTOMER
"""Whose log tells of the service's own alerts: the home's own user."""

MOST_COUNTED = 1000
"""Ends and refusals of one customer that are remembered."""

_ENDS = {State.FAILED, State.COMPLETED}


class Alerting:
    """Raises and clears all customers' alerts; hears what happens as an ``Observer``."""

    def __init__(self, service: JobService) -> None:
        self._service = service
        self._ends: defaultdict[str, deque[tuple[datetime, bool]]] = defaultdict(_window)
        self._hits: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST_COUNTED))
        self._touched: set[str] = set()
        self._active: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._health: deque[tuple[Level, str]] = deque(maxlen=LOOKS)
        self._swept = service.clock.monotonic()
        self._sweep_failure: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read back what is active and what has ended lately, then look now and then."""
        self._swept = self._service.clock.monotonic()
        for customer in {*await self._service.store.customers(), OPERATOR}:
            await self._recall(customer)
            self._touched.add(customer)
        self._task = asyncio.create_task(self._look_for_ever(), name="alerts")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def customer(self, name: str) -> CustomerAlerts:
        """What one customer may ask."""
        return CustomerAlerts(self._service.store.documents, self._service.clock, name)

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
        self._hits[customer].append(self._service.clock.monotonic())

    def deleted(self, customer: str, jobs: int) -> None:  # noqa: ARG002  there is room again
        self._touched.add(customer)

    def swept(self) -> None:
        self._swept, self._sweep_failure = self._service.clock.monotonic(), None

    def sweep_failed(self, reason: str) -> None:
        self._sweep_failure = reason

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Nobody is alerted to a single request."""

    async def look(self) -> None:
        """Raise what is new, clear what has gone."""
        health = await self._service.health.look()
        self._health.append((health.status, health.message or ""))
        customers = self._touched | {name for name, active in self._active.items() if active}
        self._touched = set()
        for customer in sorted(customers | {OPERATOR}):
            findings = list(customer_findings(await self._facts_of(customer)))
            if customer == OPERATOR:
                room = (health.metrics or {}).get("diskRoomBytes")
                findings += service_findings(self._facts(None if room is None else int(room)))
            await self._settle(customer, findings)

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self.look()
            except DatagenError as error:
                logger.warning("looking for alerts broke off, to go on later: %s", error)
            except Exception:
                logger.exception("looking for alerts broke, to go on later")
            await self._service.health.measure_loop(self._service.settings.watch_seconds)

    async def _recall(self, customer: str) -> None:
        store = self._service.store
        for alert in await _all(store.documents, customer):
            if alert.status == "active":
                self._active[customer][alert.id] = alert.severity
        query = JobQuery(status=tuple(_ENDS), limit=100)
        for job in reversed((await store.page(customer, query)).jobs):
            self.changed(customer, job)

    async def _facts_of(self, customer: str) -> CustomerFacts:
        service = self._service
        since = service.clock.now() - WINDOW
        ends = [failed for at, failed in self._ends[customer] if at >= since]
        if not ends:
            del self._ends[customer]
        recent = service.clock.monotonic() - HITS_WINDOW.total_seconds()
        hits = sum(at >= recent for at in self._hits[customer])
        if not hits:
            del self._hits[customer]
        if ends or hits:
            self._touched.add(customer)  # the window moves on
        standing = await service.store.standing(customer)
        limits = await service.policy.limits_of(customer)
        webhooks = await service.store.documents.page(customer, WEBHOOK, limit=100)
        return CustomerFacts(
            failed=sum(ends),
            completed=len(ends) - sum(ends),
            hits=hits,
            stored=standing.stored,
            quota=limits.storage_quota,
            disabled={
                document.id: str(document.body["disabledReason"])
                for document in webhooks
                if document.body.get("disabledTime") and not document.body.get("isDeleted")
                if document.body.get("disabledReason") not in (None, BY_OWNER)
            },
        )

    def _facts(self, room: int | None) -> ServiceFacts:
        allowed = LATE_SWEEPS * self._service.settings.cleanup_seconds
        late = self._service.clock.monotonic() - self._swept - allowed
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
        now = self._service.clock.now()
        while True:
            kept = await self._service.store.documents.get(customer, KIND, finding.key)
            before = None if kept is None else Alert.from_wire(kept.body)
            goes_on = before is not None and before.status == "active"
            alert = Alert(
                id=finding.key,
                kind=finding.kind,
                severity=finding.severity,
                message=finding.message,
                details=dict(finding.details),
                raised_time=before.raised_time if before and goes_on else now,
                times_raised=(before.times_raised if before else 0) + (not goes_on),
            )
            if before == alert:
                break
            notice = None if finding.told else Notice("alert.raised", now, alert.to_wire())
            if await self._put(customer, kept, alert, notice):
                logger.warning("alert for %s: %s", customer, alert.message)
                break
        self._active[customer][finding.key] = finding.severity

    async def _clear(self, customer: str, key: str) -> None:
        now = self._service.clock.now()
        while kept := await self._service.store.documents.get(customer, KIND, key):
            alert = Alert.from_wire(kept.body)
            if alert.status == "cleared":
                break
            cleared = alert.model_copy(update={"status": "cleared", "cleared_time": now})
            told = alert.kind == "webhook_disabled"
            notice = None if told else Notice("alert.cleared", now, cleared.to_wire())
            if await self._put(customer, kept, cleared, notice):
                break
        self._active[customer].pop(key, None)

    async def _put(
        self, customer: str, kept: Document | None, alert: Alert, notice: Notice | None
    ) -> bool:
        document = kept or Document(customer, KIND, alert.id)
        try:
            await self._service.store.documents.put(
                replace(document, body=alert.to_wire()), notice=notice
            )
        except VersionConflict:
            return False
        if notice is not None:
            self._service.wake(customer)
        return True


class CustomerAlerts:
    """One customer's alerts; implements ``core.alerts.Alerts``."""

    def __init__(self, documents: Documents, clock: Clock, customer: str) -> None:
        self._documents = documents
        self._clock = clock
        self._customer = customer

    async def list(
        self, *, active: bool | None = None, cursor: str = "", limit: int = 50
    ) -> AlertPage:
        alerts = [
            alert
            for alert in await _all(self._documents, self._customer, after=cursor)
            if active is None or (alert.status == "active") is active
        ]
        page, more = tuple(alerts[:limit]), len(alerts) > limit
        return AlertPage(alerts=page, next_cursor=page[-1].id if more else None)

    async def acknowledge(self, alert_id: str) -> Alert:
        while True:
            kept = await self._documents.get(self._customer, KIND, alert_id)
            if kept is None:
                raise no_alert(alert_id)
            alert = Alert.from_wire(kept.body)
            if alert.acknowledged_time is not None:
                return alert
            alert = alert.model_copy(update={"acknowledged_time": self._clock.now()})
            try:
                await self._documents.put(replace(kept, body=alert.to_wire()))
            except VersionConflict:
                continue
            return alert


async def _all(documents: Documents, customer: str, *, after: str = "") -> list[Alert]:
    """A customer's alerts by id; there are few, one for each key."""
    alerts: list[Alert] = []
    while page := await documents.page(customer, KIND, after=after):
        alerts += [Alert.from_wire(document.body) for document in page]
        after = page[-1].id
    return alerts


def _window() -> deque[tuple[datetime, bool]]:
    return deque(maxlen=MOST_COUNTED)
