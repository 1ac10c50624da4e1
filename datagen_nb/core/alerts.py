"""Alerts for a customer or the operator, and the rules that raise and clear them.

There is at most one active alert for a key. It is cleared when its cause is gone.
Source: the specification, section 5.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Protocol

from pydantic import Field

from datagen_nb.core.errors import NotFound
from datagen_nb.core.summary import Summarized, Summary, listed
from datagen_nb.core.wire_model import Instant, WireModel
from datagen_nb.core.words import duration

AlertKind = Literal[
    "job_failures",
    "limit_violations",
    "storage_quota",
    "health",
    "disk_space",
    "retention",
    "webhook_disabled",
]
Severity = Literal["warning", "critical"]

WINDOW = timedelta(hours=1)
"""The time in which failed jobs are counted."""

MIN_FAILURES = 3
FAILING_SHARE = 0.5
MANY_FAILURES = 10
MOSTLY_FAILING = 0.9

HITS_WINDOW = timedelta(minutes=5)
"""The time in which refusals by a limit are counted."""

MANY_HITS = 20

QUOTA_WARNING = 0.80
QUOTA_CRITICAL = 0.95

DISK_WARNING = 2 << 30
DISK_CRITICAL = 256 << 20
"""Bytes of room below which jobs are soon, or already, without a place for their results."""

LOOKS = 2
"""Looks in a row that decide over the alert of health."""

LATE_SWEEPS = 3
"""Intervals of cleaning up that may pass without one that went through."""


class Alert(WireModel):
    """An alert.

    Args:
        id: The kind, with the id of the object if there can be several.
        kind: The kind of problem.
        severity: How serious it is.
        status: ``active`` while its cause lasts, then ``cleared``.
        message: What happened, and what to do about it.
        details: Facts for programs.
        raised_time: When it was last raised.
        cleared_time: When it was cleared.
        acknowledged_time: When it was acknowledged; removed when it is raised again.
        times_raised: How often it was raised.
    """

    id: str
    kind: AlertKind
    severity: Severity
    status: Literal["active", "cleared"] = "active"
    message: str
    details: dict[str, Any] = Field(default_factory=dict)
    raised_time: Instant
    cleared_time: Instant | None = None
    acknowledged_time: Instant | None = None
    times_raised: int = 1


class AlertPage(Summarized, WireModel):
    """A page of alerts in order of id; ``next_cursor`` is absent on the last page."""

    alerts: tuple[Alert, ...]
    next_cursor: str | None = None

    def _summary(self) -> Summary:
        rows = [[one.id, one.severity, one.status, one.message] for one in self.alerts]
        return listed(
            "Alerts",
            ["id", "severity", "status", "message"],
            rows,
            more=self.next_cursor is not None,
        )


class Alerts(Protocol):
    """A customer's alerts; the operator also has those of the service."""

    async def list(
        self, *, active: bool | None = None, cursor: str = "", limit: int = 50
    ) -> AlertPage:
        """List alerts, the newest first.

        Args:
            active: Only those that are active, or that are not.
            cursor: Where the page before ended; empty for the first.
            limit: Most entries of the page, 1 to 500.

        Example:
            ```python
            page = await client.alerts.list(active=True)
            ```
        """
        ...

    async def acknowledge(self, alert_id: str) -> Alert:
        """Mark an alert as seen.

        Args:
            alert_id: As ``list`` gives it.

        Raises:
            NotFound: There is none.

        Example:
            ```python
            await client.alerts.acknowledge(page.alerts[0].id)
            ```
        """
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause for an alert, found now.

    Attributes:
        key: What it is deduplicated by; the alert's id.
        kind: Its kind.
        severity: Its severity.
        message: What, where, what now.
        details: The facts.
        reported: Whether the customer has been informed already by what found it.
    """

    key: str
    kind: AlertKind
    severity: Severity
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    reported: bool = False


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What is known of one customer.

    Attributes:
        failed: Jobs that failed within ``WINDOW``.
        completed: Jobs that completed within it.
        hits: Refusals by a limit within ``HITS_WINDOW``.
        stored: Bytes kept and reserved.
        quota: Bytes allowed, if bounded.
        disabled: Webhooks that the service has disabled, with the reason.
    """

    failed: int = 0
    completed: int = 0
    hits: int = 0
    stored: int = 0
    quota: int | None = None
    disabled: Mapping[str, str] = field(default_factory=dict)


def customer_findings(facts: CustomerFacts) -> Iterator[Finding]:
    """What a customer should be alerted to."""
    ended = facts.failed + facts.completed
    if facts.failed >= MIN_FAILURES and facts.failed >= FAILING_SHARE * ended:
        bad = facts.failed >= MANY_FAILURES and facts.failed >= MOSTLY_FAILING * ended
        yield Finding(
            "job_failures",
            "job_failures",
            "critical" if bad else "warning",
            f"{facts.failed} of the {ended} jobs that ended in the last hour failed. "
            "Their errors say why; the newest are first in the history.",
            {"failed": facts.failed, "ended": ended},
        )
    if facts.hits >= MANY_HITS:
        yield Finding(
            "limit_violations",
            "limit_violations",
            "warning",
            f"{facts.hits} requests were refused by a limit in the last five minutes. "
            "Wait as long as Retry-After says before asking again.",
            {"refused": facts.hits},
        )
    if facts.quota is not None and facts.stored >= QUOTA_WARNING * facts.quota:
        full = facts.stored >= QUOTA_CRITICAL * facts.quota
        yield Finding(
            "storage_quota",
            "storage_quota",
            "critical" if full else "warning",
            f"{facts.stored:,} of {facts.quota:,} bytes are kept or reserved. "
            "Delete jobs that are done with, or keep jobs for fewer days.",
            {"stored": facts.stored, "quota": facts.quota},
        )
    for webhook, reason in facts.disabled.items():
        yield Finding(
            f"webhook_disabled.{webhook}",
            "webhook_disabled",
            "warning",
            f"Webhook {webhook} was disabled: {reason} Enable it again when its endpoint answers.",
            {"webhookId": webhook},
            reported=True,
        )


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What is known of the service.

    Attributes:
        health: As it was at the last looks, the newest last; at most ``LOOKS``.
        health_message: Why, at the last that was not healthy.
        health_alerted: Whether there is an alert of it now.
        room: Bytes that can still be written, if known.
        sweep_failure: Why the last cleaning up broke off, if it did.
        sweep_late: Seconds by which it is late.
    """

    health: tuple[Literal["healthy", "degraded", "unhealthy"], ...] = ()
    health_message: str = ""
    health_alerted: bool = False
    room: int | None = None
    sweep_failure: str | None = None
    sweep_late: float = 0.0


def service_findings(facts: ServiceFacts) -> Iterator[Finding]:
    """What the operator should be alerted to.

    Health alerts after ``LOOKS`` that were not healthy, until as many were: what flaps does not
    flap its alert.
    """
    ill = sum(level != "healthy" for level in facts.health)
    if ill >= LOOKS or (facts.health_alerted and (ill or len(facts.health) < LOOKS)):
        down = "unhealthy" in facts.health
        yield Finding(
            "health",
            "health",
            "critical" if down else "warning",
            f"The service is {'unhealthy' if down else 'degraded'}: "
            f"{facts.health_message or 'it has just started'}. Its health says more.",
        )
    if facts.room is not None and facts.room < DISK_WARNING:
        yield Finding(
            "disk_space",
            "disk_space",
            "critical" if facts.room < DISK_CRITICAL else "warning",
            f"{facts.room:,} bytes are left for results. Make room, or delete jobs.",
            {"room": facts.room},
        )
    if facts.sweep_failure is not None or facts.sweep_late > 0:
        why = (
            f"it broke off: {facts.sweep_failure}"
            if facts.sweep_failure is not None
            else f"it is {duration(facts.sweep_late)} late"
        )
        yield Finding(
            "retention",
            "retention",
            "warning",
            f"Deleting what has been kept long enough does not go on; {why}. "
            "The service's log has more.",
        )


def no_alert(alert_id: str) -> NotFound:
    """The error for an unknown alert."""
    return NotFound(
        f"There is no alert {alert_id[:80]!r}. The list of alerts shows those there are.",
        code="alert_not_found",
        details={"alert": alert_id[:80]},
    )
