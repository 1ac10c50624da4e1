"""The rules over what a customer may have and do at once."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.core.errors import LimitReached, QuotaExceeded
from datagen_nb.core.limits import (
    Limits,
    check_submit,
    cooldown_left,
    gcra,
    limit_status,
    may_start,
    reservation,
)
from datagen_nb.core.store import CustomerUsage

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LIMITS = Limits(max_jobs=5, max_waiting=2, cooldown_period=30, storage_quota=100)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("running", "waiting", "taken"),
    [(0, 0, True), (5, 1, True), (5, 2, False), (0, 7, False), (4, 3, False), (6, 0, True)],
)
def test_a_job_is_taken_while_there_is_room_to_run_or_wait(running, waiting, taken):
    """Of both together there are as many as may run and wait."""
    usage = CustomerUsage(running=running, waiting=waiting)
    if taken:
        check_submit(usage, LIMITS, NOW)
    else:
        with pytest.raises(LimitReached) as refused:
            check_submit(usage, LIMITS, NOW)
        assert refused.value.code == "queue_full"
        assert refused.value.details["retryAfter"] > 0
    assert limit_status(usage, LIMITS, NOW).allowed is taken


def test_who_wants_no_queue_is_refused_at_once():
    """With nothing that may wait, a job that could not start is not taken."""
    limits = LIMITS.model_copy(update={"max_waiting": 0})
    check_submit(CustomerUsage(running=4), limits, NOW)
    with pytest.raises(LimitReached, match="5 jobs run"):
        check_submit(CustomerUsage(running=5), limits, NOW)
    with pytest.raises(LimitReached) as refused:
        check_submit(CustomerUsage(last_cancelled=ago(10)), limits, NOW)
    assert (refused.value.code, refused.value.details["retryAfter"]) == ("cooling_down", 20)


def test_in_a_cooldown_nothing_starts_but_jobs_are_taken():
    """Seconds left are reported; when it has passed, jobs start."""
    usage = CustomerUsage(last_cancelled=ago(29))
    assert cooldown_left(usage, LIMITS, NOW) == 1
    assert not may_start(usage, LIMITS, NOW)
    check_submit(usage, LIMITS, NOW)
    reported = limit_status(usage, LIMITS, NOW)
    assert (reported.allowed, reported.starts_at_once, reported.cooldown_left) == (True, False, 1)
    assert reported.cooldown_until == NOW + timedelta(seconds=1)
    assert "1 s" in reported.reason
    over = limit_status(usage, LIMITS, NOW + timedelta(seconds=1))
    assert (over.starts_at_once, over.cooldown_left, over.reason) == (True, 0, None)
    assert over.cooldown_until is None


def test_a_cooldown_is_never_longer_than_a_whole_one():
    """Also when a clock that was set back puts the cancellation into the future."""
    assert cooldown_left(CustomerUsage(last_cancelled=ago(-3600)), LIMITS, NOW) == 30


def test_storage_is_refused_beyond_the_quota():
    """To the byte; without a quota anything goes."""
    usage = CustomerUsage(stored=90)
    assert reservation(usage, LIMITS, 5, 10) == 10
    with pytest.raises(QuotaExceeded) as refused:
        reservation(usage, LIMITS, 11, 20)
    facts = refused.value.details
    assert (facts["needed"], facts["stored"], facts["quota"]) == (11, 90, 100)
    unbounded = LIMITS.model_copy(update={"storage_quota": None})
    assert reservation(usage, unbounded, 1, 10**15) == 10**15


def test_a_job_that_may_fit_reserves_all_that_is_left():
    """It is refused for its least, never for its most; and reserves at least a byte."""
    assert reservation(CustomerUsage(stored=90), LIMITS, 10, 10**6) == 10
    assert reservation(CustomerUsage(), LIMITS, 0, 0) == 1
    with pytest.raises(QuotaExceeded):
        reservation(CustomerUsage(stored=100), LIMITS, 0, 0)


@given(
    usage=st.builds(
        CustomerUsage,
        running=st.integers(0, 9),
        waiting=st.integers(0, 9),
        stored=st.integers(0, 200),
        last_cancelled=st.none() | st.integers(-60, 60).map(ago),
    )
)
def test_what_is_reported_is_what_happens(usage):
    """The status and the rules never differ."""
    reported = limit_status(usage, LIMITS, NOW)
    refusal = None
    try:
        check_submit(usage, LIMITS, NOW)
    except (LimitReached, QuotaExceeded) as refused:
        refusal = refused.message
    assert reported.allowed == (refusal is None)
    if refusal is not None:
        assert reported.reason == refusal
    if reported.starts_at_once:
        assert may_start(usage, LIMITS, NOW)
    assert (reported.reason is None) == reported.starts_at_once


@given(
    rate=st.floats(0.1, 1000),
    burst=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 5), max_size=200),
)
def test_no_window_holds_more_requests_than_rate_and_burst_allow(rate, burst, gaps):
    """Whatever the gaps: in any stretch of time at most burst + rate x time are let in."""
    arrival, now, let_in = None, 0.0, []
    for gap in gaps:
        now += gap
        decision = gcra(arrival, now, rate=rate, burst=burst)
        arrival = decision.arrival
        if decision.retry_after is None:
            let_in.append(now)
        else:
            assert decision.retry_after > 0
            assert decision.remaining == 0
    for first, begin in enumerate(let_in):
        for last in range(first, len(let_in)):
            assert last - first + 1 <= burst + rate * (let_in[last] - begin) + 1e-6


def test_a_whole_burst_is_admitted_at_once_and_reported():
    """Then one more per spacing."""
    arrival, left = None, []
    for _ in range(3):
        decision = gcra(arrival, 100.0, rate=2, burst=3)
        arrival = decision.arrival
        left.append((decision.remaining, decision.retry_after))
    assert left == [(2, None), (1, None), (0, None)]
    refused = gcra(arrival, 100.0, rate=2, burst=3)
    assert refused.retry_after == pytest.approx(0.5)
    assert gcra(refused.arrival, 100.5, rate=2, burst=3).retry_after is None
