"""Limits of a customer, and the rules that apply them.

Each rule is a pure function of usage, limits and time; a store calls it inside its transaction.
Source: the specification, sections 1.2 and 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor

from pydantic import Field

from datagen_nb.core.errors import LimitReached, QuotaExceeded
from datagen_nb.core.store import CustomerUsage
from datagen_nb.core.summary import Summarized, Summary
from datagen_nb.core.wire_model import Instant, WireModel
from datagen_nb.core.words import duration
from datagen_nb.core.words import size as in_bytes

RETENTION_DAYS = 180

MAKE_ROOM = "Delete jobs that are no longer needed, or ask for fewer rows."


class Limits(WireModel):
    """Limits of a customer.

    Args:
        max_jobs: Jobs that run at once.
        max_waiting: Queued jobs in addition; with 0, a job that cannot start at once is refused.
        cooldown_period: Seconds after a cancellation in which no job starts.
        storage_quota: Bytes in the customer's bucket; ``None`` if unlimited.
        retention_days: Days from a job's end until it is deleted.
        request_rate: API requests per second in the long run.
        request_burst: API requests at once.
    """

    max_jobs: int = Field(5, ge=1, le=1000)
    max_waiting: int = Field(100, ge=0, le=100_000)
    cooldown_period: float = Field(30, ge=0, le=3600)
    storage_quota: int | None = Field(None, ge=0)
    retention_days: float = Field(RETENTION_DAYS, gt=0, le=36_500)
    request_rate: float = Field(50, gt=0)
    request_burst: int = Field(200, ge=1)


class RateLimitStatus(Summarized, WireModel):
    """Limits and current usage of a customer.

    Args:
        current_jobs: Running jobs.
        max_jobs: Jobs that may run at once.
        cooldown_period: Seconds after a cancellation in which no job starts.
        allowed: Whether a job submitted now would be accepted.
        starts_at_once: Whether it would also start at once.
        waiting_jobs: Queued jobs.
        max_waiting: Jobs that may be queued.
        cooldown_left: Seconds until the cooldown ends; 0 without one.
        cooldown_until: When the cooldown ends; absent without one.
        storage_used: Bytes stored and reserved.
        storage_quota: Bytes allowed; absent if unlimited.
        reason: Why a job would be refused or queued.
    """

    current_jobs: int
    max_jobs: int
    cooldown_period: float
    allowed: bool
    starts_at_once: bool
    waiting_jobs: int
    max_waiting: int
    cooldown_left: float
    cooldown_until: Instant | None = None
    storage_used: int
    storage_quota: int | None = None
    reason: str | None = None

    def _summary(self) -> Summary:
        running = f"{self.current_jobs:,} of {self.max_jobs:,}"
        queued = f"{self.waiting_jobs:,} of {self.max_waiting:,}"
        new = "starts at once" if self.starts_at_once else "waits" if self.allowed else "is refused"
        quota = self.storage_quota
        allowed = "unlimited" if quota is None else f"at most {in_bytes(quota)}"
        left = f", {duration(self.cooldown_left)} left" if self.cooldown_left else ""
        cooldown = duration(self.cooldown_period) + left if self.cooldown_period else "none"
        facts = [
            ("Running", running),
            ("Queued", queued),
            ("A new job", new),
            ("Cooldown after a cancellation", cooldown),
            ("Storage", f"{in_bytes(self.storage_used)}, {allowed}"),
        ]
        line = f"{running} running, {queued} queued, a new job {new}"
        return Summary("Limits", line, facts, notes=[self.reason] if self.reason else [])


def cooldown_until(usage: CustomerUsage, limits: Limits) -> datetime | None:
    """The end of the cooldown of the newest cancellation, in the past or the future."""
    if usage.last_cancelled is None or not limits.cooldown_period:
        return None
    return usage.last_cancelled + timedelta(seconds=limits.cooldown_period)


def cooldown_left(usage: CustomerUsage, limits: Limits, now: datetime) -> float:
    """Seconds until the cooldown ends; at most a whole cooldown."""
    until = cooldown_until(usage, limits)
    if until is None:
        return 0.0
    return min(max((until - now).total_seconds(), 0.0), limits.cooldown_period)


def check_submit(usage: CustomerUsage, limits: Limits, now: datetime) -> None:
    """Check that one more job is accepted, regardless of its size.

    Raises:
        LimitReached: ``queue_full`` or ``cooling_down``.
        QuotaExceeded: The storage quota is used up.
    """
    left = cooldown_left(usage, limits, now)
    if left and not limits.max_waiting:
        raise LimitReached(
            f"After a cancellation no job starts for {duration(limits.cooldown_period)}; "
            f"{duration(round(left))} are left. Submit again then.",
            code="cooling_down",
            details={"retryAfter": left},
        )
    if usage.running + usage.waiting >= limits.max_jobs + limits.max_waiting:
        raise LimitReached(
            f"{usage.running} jobs run (at most {limits.max_jobs}) and {usage.waiting} wait "
            f"(at most {limits.max_waiting}). Submit again when one has ended, or cancel one.",
            code="queue_full",
            details={
                "retryAfter": max(left, 5.0),
                "running": usage.running,
                "waiting": usage.waiting,
            },
        )
    check_storage(usage, limits, 0)


def reservation(usage: CustomerUsage, limits: Limits, least: int, most: int) -> int:
    """Bytes to reserve for a job whose result is expected to have ``least`` to ``most`` bytes.

    This is ``most``, or what is left of the quota if only ``least`` fits. It is never 0: what a
    cancelled job left behind is found by its reservation.

    Raises:
        QuotaExceeded: Not even ``least`` bytes fit.
    """
    check_storage(usage, limits, max(least, 1))
    if limits.storage_quota is not None:
        most = min(most, limits.storage_quota - usage.stored)
    return max(most, 1)


def check_storage(usage: CustomerUsage, limits: Limits, size: int) -> None:
    """Check that ``size`` more bytes fit into the quota.

    Raises:
        QuotaExceeded: They do not.
    """
    if limits.storage_quota is not None and usage.stored + size > limits.storage_quota:
        raise QuotaExceeded(
            f"About {in_bytes(size)} would be added to the {in_bytes(usage.stored)} that are "
            f"kept or reserved; the quota is {in_bytes(limits.storage_quota)}. {MAKE_ROOM}",
            details={
                "remedy": MAKE_ROOM,
                "needed": size,
                "stored": usage.stored,
                "quota": limits.storage_quota,
            },
        )


def may_start(usage: CustomerUsage, limits: Limits, now: datetime) -> bool:
    """Whether one more job may run."""
    return usage.running < limits.max_jobs and not cooldown_left(usage, limits, now)


def limit_status(usage: CustomerUsage, limits: Limits, now: datetime) -> RateLimitStatus:
    """Limits and usage of a customer, with the results of the rules above."""
    left = cooldown_left(usage, limits, now)
    starts = not usage.waiting and may_start(usage, limits, now)
    taken, reason = True, None
    try:
        check_submit(usage, limits, now)
    except (LimitReached, QuotaExceeded) as refusal:
        taken, reason = False, refusal.message
    if taken and left:
        reason = f"A job was cancelled; the next one starts in {duration(round(left))}."
    elif taken and not starts:
        reason = f"{usage.running} of {limits.max_jobs} jobs run; a new one would wait."
    return RateLimitStatus(
        current_jobs=usage.running,
        max_jobs=limits.max_jobs,
        cooldown_period=limits.cooldown_period,
        allowed=taken,
        starts_at_once=taken and starts,
        waiting_jobs=usage.waiting,
        max_waiting=limits.max_waiting,
        cooldown_left=left,
        cooldown_until=cooldown_until(usage, limits) if left else None,
        storage_used=usage.stored,
        storage_quota=limits.storage_quota,
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class Allowance:
    """A rate limit's decision on one request.

    Attributes:
        arrival: The theoretical arrival time to store, in seconds of a monotonic clock.
        remaining: Requests that could follow at once.
        reset: Seconds until the whole burst is available again.
        retry_after: Seconds to wait; ``None`` if the request is allowed.
    """

    arrival: float
    remaining: int
    reset: float
    retry_after: float | None = None


def gcra(arrival: float | None, now: float, *, rate: float, burst: int) -> Allowance:
    """The generic cell rate algorithm, for one request at ``now``.

    Args:
        arrival: The stored arrival time of the previous request, if there was one.
        now: Seconds of a monotonic clock.
        rate: Requests per second in the long run.
        burst: Requests at once, at least 1.

    Source: ITU-T I.371, annex A (virtual scheduling).
    """
    spacing, tolerance = 1 / rate, (burst - 1) / rate
    due = max(arrival if arrival is not None else now, now)
    if due - now > tolerance + 1e-9:
        return Allowance(due, 0, due - now, retry_after=due - now - tolerance)
    following = due + spacing
    room = tolerance - (following - now)
    return Allowance(following, max(floor(room / spacing + 1e-9) + 1, 0), following - now)
