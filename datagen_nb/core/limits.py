"""What a customer may have and do at once: values, and the rules that decide over them.

Each rule is a function of what is there and of the time; a store asks it inside its transaction.
Source: the specification, sections 1.2 and 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor

from pydantic import Field

from datagen_nb.core.errors import LimitReached, QuotaExceeded
from datagen_nb.core.store import Standing
from datagen_nb.core.wire_model import Instant, WireModel

RETENTION_DAYS = 180


class Limits(WireModel):
    """Bounds of one customer.

    Args:
        max_jobs: Jobs that run at once.
        max_waiting: Jobs that wait beyond these; 0 refuses at once what cannot start.
        cooldown_period: Seconds after a cancellation in which nothing new starts.
        storage_quota: Bytes in the customer's bucket; ``None`` for no bound.
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


class RateLimitStatus(WireModel):
    """Where a customer stands; the first three are the specification's.

    Args:
        current_jobs: Jobs that run.
        max_jobs: Jobs that may run at once.
        cooldown_period: Seconds of a cooldown.
        allowed: Whether a job submitted now would be taken.
        starts_at_once: Whether it would also start at once.
        waiting_jobs: Jobs that are queued.
        max_waiting: Jobs that may be queued.
        cooldown_left: Seconds until jobs start again; 0 outside a cooldown.
        cooldown_until: The instant of that, if there is one.
        storage_used: Bytes kept and reserved.
        storage_quota: Bytes allowed, if bounded.
        reason: Why a job would not be taken or start at once, in words.
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


def cooldown_until(standing: Standing, limits: Limits) -> datetime | None:
    """The end of the cooldown that the newest cancellation began, past or to come."""
    if standing.last_cancelled is None or not limits.cooldown_period:
        return None
    return standing.last_cancelled + timedelta(seconds=limits.cooldown_period)


def cooldown_left(standing: Standing, limits: Limits, now: datetime) -> float:
    """Seconds until jobs start again; never more than a whole cooldown."""
    until = cooldown_until(standing, limits)
    if until is None:
        return 0.0
    return min(max((until - now).total_seconds(), 0.0), limits.cooldown_period)


def check_submit(standing: Standing, limits: Limits, now: datetime, *, size: int = 0) -> None:
    """Decide whether one more job, expected to keep ``size`` bytes, is taken.

    Raises:
        LimitReached: ``queue_full`` or ``cooling_down``.
        QuotaExceeded: Its result would not fit.
    """
    left = cooldown_left(standing, limits, now)
    if left and not limits.max_waiting:
        raise LimitReached(
            f"After a cancellation nothing new starts for {limits.cooldown_period:g} s; "
            f"{left:.0f} s are left. Submit again then.",
            code="cooling_down",
            details={"retryAfter": left},
        )
    if standing.running + standing.waiting >= limits.max_jobs + limits.max_waiting:
        raise LimitReached(
            f"{standing.running} jobs run (at most {limits.max_jobs}) and {standing.waiting} wait "
            f"(at most {limits.max_waiting}). Submit again when one has ended, or cancel one.",
            code="queue_full",
            details={
                "retryAfter": max(left, 5.0),
                "running": standing.running,
                "waiting": standing.waiting,
            },
        )
    check_storage(standing, limits, size)


def check_storage(standing: Standing, limits: Limits, size: int) -> None:
    """Decide whether so many more bytes may be kept.

    Raises:
        QuotaExceeded: They would not fit.
    """
    if limits.storage_quota is not None and standing.stored + size > limits.storage_quota:
        raise QuotaExceeded(
            f"About {size:,} bytes would be added to the {standing.stored:,} that are kept or "
            f"reserved; the quota is {limits.storage_quota:,}. Delete jobs that are done with, "
            "or ask for fewer rows.",
            details={
                "needed": size,
                "stored": standing.stored,
                "quota": limits.storage_quota,
            },
        )


def may_start(standing: Standing, limits: Limits, now: datetime) -> bool:
    """Decide whether one more job may run."""
    return standing.running < limits.max_jobs and not cooldown_left(standing, limits, now)


def limit_status(standing: Standing, limits: Limits, now: datetime) -> RateLimitStatus:
    """Where a customer stands, with the rules' own answers."""
    left = cooldown_left(standing, limits, now)
    starts = not standing.waiting and may_start(standing, limits, now)
    taken, reason = True, None
    try:
        check_submit(standing, limits, now)
    except (LimitReached, QuotaExceeded) as refusal:
        taken, reason = False, refusal.message
    if taken and left:
        reason = f"A job was cancelled; the next one starts in {left:.0f} s."
    elif taken and not starts:
        reason = f"{standing.running} of {limits.max_jobs} jobs run; a new one would wait."
    return RateLimitStatus(
        current_jobs=standing.running,
        max_jobs=limits.max_jobs,
        cooldown_period=limits.cooldown_period,
        allowed=taken,
        starts_at_once=taken and starts,
        waiting_jobs=standing.waiting,
        max_waiting=limits.max_waiting,
        cooldown_left=left,
        cooldown_until=cooldown_until(standing, limits) if left else None,
        storage_used=standing.stored,
        storage_quota=limits.storage_quota,
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a rate limit says of one request.

    Attributes:
        arrival: The theoretical arrival time to keep, in seconds of a monotonic clock.
        remaining: Requests that could follow at once.
        reset: Seconds until the whole burst is there again.
        retry_after: Seconds to wait; ``None`` when the request is let in.
    """

    arrival: float
    remaining: int
    reset: float
    retry_after: float | None = None


def gcra(arrival: float | None, now: float, *, rate: float, burst: int) -> Allowance:
    """The generic cell rate algorithm, for one request at ``now``.

    Args:
        arrival: The theoretical arrival time kept from the request before, if there was one.
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
