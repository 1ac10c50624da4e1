"""The mock pipeline: each scenario does what its name says, in a time of its own."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.buckets.local import LocalBucket
from datagen_nb.core.buckets import Buckets
from datagen_nb.core.changes import (
    Completed,
    Failed,
    Progressed,
    StageCompleted,
    StageStarted,
    Warned,
)
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, LimitReached, Rejected
from datagen_nb.core.pipeline import Task
from datagen_nb.core.status import (
    State,
)
from datagen_nb.core.webhooks import Answer, NotAnswered, WebhookConfig
from datagen_nb.pipelines.built_in import STAGES
from datagen_nb.pipelines.mock import (
    FLAP_SECONDS,
    MADE_UP,
    REFUSALS,
    SCENARIOS,
    SECONDS,
    SUBMIT_SECONDS,
    MockPipeline,
)
from datagen_nb.pipelines.mock_sender import MockSender
from datagen_nb.service.service import JobService
from datagen_nb.service.settings import Settings
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.clock import FakeClock
from tests.deadline import DEADLINE

WHOLE = sum(SECONDS.values())


def a_mock(scenario: str = "succeeds", *, speed: float = 1, seed: int = 0):
    clock = FakeClock()
    return MockPipeline(scenario, speed=speed, seed=seed, clock=clock), clock


def a_task(place: Path, *, attempt: int = 1, **fields) -> Task:
    usual = {
        "data_size": 1000,
        "input_format": "csv",
        "output_format": "parquet",
        "input_path": "in.csv",
    }
    config = JobConfiguration(**{**usual, **fields})
    bucket = LocalBucket(place)
    bucket.put("in.csv", b"a\n1\n")
    return Task("j_0000000000000001", attempt, config, bucket, bucket, bucket)


async def every(pipeline, task):
    async with aclosing(pipeline.run(task)) as signals:
        return [signal async for signal in signals]


def stages_of(signals):
    return [signal.stage for signal in signals if isinstance(signal, StageStarted)]


@pytest.mark.parametrize(
    ("scenario", "speed", "fields"),
    [
        ("soars", 1, {"scenario"}),
        ("succeeds", 0, {"speed"}),
        ("succeeds", -1, {"speed"}),
        ("succeeds", float("nan"), {"speed"}),
        ("", 0, {"scenario", "speed"}),
    ],
)
def test_a_scenario_or_speed_that_there_is_not_is_reported(scenario, speed, fields):
    """All problems at once, with the choices."""
    with pytest.raises(ConfigurationError) as raised:
        a_mock(scenario, speed=speed)
    assert {problem.field for problem in raised.value.problems} == fields
    if "scenario" in fields:
        assert all(name in str(raised.value) for name in SCENARIOS)


@pytest.mark.parametrize(
    ("scenario", "speed", "seconds"),
    [("succeeds", 1, WHOLE), ("succeeds", 20, WHOLE / 20), ("slow", 1, WHOLE * 10)],
)
async def test_a_job_takes_its_time(tmp_path, scenario, speed, seconds):
    """Each stage's seconds by the speed; ``slow`` takes ten times as long."""
    pipeline, clock = a_mock(scenario, speed=speed)
    signals = await clock.through(every(pipeline, a_task(tmp_path)))
    assert isinstance(signals[-1], Completed)
    assert stages_of(signals) == list(STAGES)
    assert clock.monotonic() == pytest.approx(seconds)


async def test_every_job_says_that_its_rows_are_made_up(tmp_path):
    """A warning of the first attempt, and a note in the report."""
    pipeline, clock = a_mock()
    signals = await clock.through(every(pipeline, a_task(tmp_path)))
    assert [signal.message for signal in signals if isinstance(signal, Warned)] == [MADE_UP]
    assert MADE_UP.encode() in LocalBucket(tmp_path).get("jobs/j_0000000000000001/report.json")


async def test_progress_only_grows_within_a_stage(tmp_path):
    """Up to 100, and the rows up to all of them."""
    pipeline, clock = a_mock()
    signals = await clock.through(every(pipeline, a_task(tmp_path)))
    for stage in STAGES:
        reported = [s.progress for s in signals if isinstance(s, Progressed) and s.stage == stage]
        assert reported == sorted(reported)
        assert reported[-1] == 100
    rows = [s.rows_done for s in signals if isinstance(s, Progressed) and s.stage == "generate"]
    assert rows == sorted(rows)
    assert rows[-1] == 1000


async def test_failing_at_a_stage_names_it(tmp_path):
    """Half of *generate* has run; nothing comes after the failure."""
    pipeline, clock = a_mock("fails_at_stage")
    signals = await clock.through(every(pipeline, a_task(tmp_path)))
    assert isinstance(signals[-1], Failed)
    assert signals[-1].error.code == "mock_failure"
    assert signals[-1].error.details["stage"] == stages_of(signals)[-1] == "generate"


async def test_a_flaky_worker_is_lost_once(tmp_path):
    """The first attempt ends without a word, the second completes."""
    pipeline, clock = a_mock("flaky")
    first = await clock.through(every(pipeline, a_task(tmp_path)))
    assert not any(isinstance(signal, Completed | Failed) for signal in first)
    assert stages_of(first)[-1] == "generate"
    second = await clock.through(every(pipeline, a_task(tmp_path, attempt=2)))
    assert isinstance(second[-1], Completed)


async def test_a_rejecting_pipeline_takes_no_job():
    """The others take every one; two of them not at once."""
    config = JobConfiguration(
        data_size=5, input_format="csv", output_format="csv", input_path="in.csv"
    )
    for scenario in set(SCENARIOS) - {"slow_submit", "refused_submit"}:
        pipeline, _ = a_mock(scenario)
        if scenario == "rejected":
            with pytest.raises(Rejected, match="Connect with another"):
                await pipeline.check(config)
        else:
            await pipeline.check(config)


async def test_a_job_that_is_to_be_paused_stands_still_until_it_is(tmp_path):
    """However long one waits in *generate*; its next attempt goes on to the end."""
    pipeline, clock = a_mock("paused")
    seen = []

    async def follow():
        async with aclosing(pipeline.run(a_task(tmp_path))) as signals:
            async for signal in signals:
                seen.append(signal)  # noqa: PERF401, what is seen while it runs matters

    run = asyncio.create_task(follow())
    for _ in range(200):
        await clock.asleep()
        clock.advance(clock.alarms[0])
        await asyncio.sleep(0)
    assert clock.monotonic() > 2 * WHOLE
    assert stages_of(seen)[-1] == "generate"
    assert not run.done()
    run.cancel()
    await asyncio.wait([run])
    assert clock.alarms == []
    second = await clock.through(every(pipeline, a_task(tmp_path, attempt=2)))
    assert isinstance(second[-1], Completed)


@pytest.mark.parametrize(
    ("limit", "waited", "words"), [(20, 20, "20 seconds"), (3600, 60, "1 hour")]
)
async def test_a_job_whose_time_is_over_says_so(tmp_path, limit, waited, words):
    """In *fit*, with the timeout that it was given, after a minute at most."""
    pipeline, clock = a_mock("times_out")
    signals = await clock.through(every(pipeline, a_task(tmp_path, timeout=limit)))
    assert isinstance(signals[-1], Failed)
    assert (signals[-1].error.code, signals[-1].error.details["stage"]) == ("timeout", "fit")
    assert words in signals[-1].error.message
    assert clock.monotonic() == pytest.approx(0.5 + 1 + 2 + waited)


async def rows_of(place: Path, *, seed: int = 0, **fields) -> pa.Table:
    pipeline, clock = a_mock(seed=seed)
    task = a_task(place, output_path="out.parquet", **fields)
    await clock.through(every(pipeline, task))
    return pq.read_table(place / "out.parquet")


async def test_a_seed_gives_the_same_rows(tmp_path):
    """The job's own before the pipeline's; another seed gives others."""
    one = await rows_of(tmp_path / "1", seed=3)
    assert one.equals(await rows_of(tmp_path / "2", seed=3))
    assert one.equals(await rows_of(tmp_path / "3", seed=4, parameters={"seed": 3}))
    assert not one.equals(await rows_of(tmp_path / "4", seed=4))


async def test_rows_are_numbered_through_all_parts(tmp_path):
    """The column ``id`` counts from 1 without a gap."""
    table = await rows_of(tmp_path, data_size=250, parameters={"partRows": 100})
    assert table["id"].to_pylist() == list(range(1, 251))


async def test_what_scenarios_do_the_service_sees(tmp_path):
    """Under the real service each scenario ends where its name says."""
    ends = {
        "succeeds": State.COMPLETED,
        "slow": State.COMPLETED,
        "flaky": State.COMPLETED,
        "fails_at_stage": State.FAILED,
        "times_out": State.FAILED,
        "flapping": State.COMPLETED,
        "slow_submit": State.COMPLETED,
        "lost_events": State.COMPLETED,
        "duplicated_events": State.COMPLETED,
        "reordered_events": State.COMPLETED,
        "failing_webhooks": State.COMPLETED,
    }
    assert set(SCENARIOS) - set(ends) == {"rejected", "refused_submit", "paused"}
    for scenario, end in ends.items():
        clock = SystemClock()
        pipeline = MockPipeline(scenario, speed=1000, seed=0, clock=clock)
        place = tmp_path / scenario
        task = a_task(place / "bucket")
        service = JobService(
            exclusive=True,
            store=await SqliteStore.open(place / "jobs.db"),
            buckets=Buckets(lambda customer, name, task=task: task.bucket),
            pipeline=pipeline,
            clock=clock,
            settings=Settings(),
        )
        await service.start()
        jobs = service.customer("ann")
        job = await jobs.create(task.config, idempotency_key="k")
        async with asyncio.timeout(DEADLINE), aclosing(jobs.events(job_id=job.job_id)) as events:
            async for event in events:
                if event.data.status.is_terminal:
                    break
        assert event.data.status is end, scenario
        assert event.data.metadata.retry_count == (scenario == "flaky")
        if end is State.COMPLETED:  # whatever was lost or came late on the way
            assert {stage.status for stage in event.data.stages} == {"completed"}, scenario
            assert event.data.progress == 100
        await service.aclose()


async def test_health_flaps():
    """It changes every minute, and comes back to where it was."""
    mock, clock = a_mock("flapping")
    seen = []
    for _ in range(5):
        seen.append((await mock.check_health()).status)
        clock.advance(FLAP_SECONDS)
    assert seen == ["healthy", "degraded", "healthy", "unhealthy", "healthy"]
    assert (await a_mock()[0].check_health()).status == "healthy"


async def test_a_submit_can_be_slow(tmp_path):
    """It is accepted when its time has passed, not before."""
    mock, clock = a_mock("slow_submit", speed=2)
    submit = asyncio.ensure_future(mock.check(a_task(tmp_path).config))
    await clock.asleep(SUBMIT_SECONDS / 2)
    assert not submit.done()
    clock.advance(SUBMIT_SECONDS / 2)
    await submit


async def test_a_submit_can_be_refused_for_a_while(tmp_path):
    """Twice, with the moment to try again; then it is taken."""
    mock, _ = a_mock("refused_submit")
    for _ in range(REFUSALS):
        with pytest.raises(LimitReached) as refusal:
            await mock.check(a_task(tmp_path).config)
        assert refusal.value.details["retryAfter"] == 1
    await mock.check(a_task(tmp_path).config)


async def signals_of(scenario, place):
    mock, clock = a_mock(scenario)
    signals = await clock.through(every(mock, a_task(place)))
    return [one for one in signals if isinstance(one, StageStarted | Progressed | StageCompleted)]


async def test_what_a_job_says_is_lost_doubled_or_reordered(tmp_path):
    """Against the same job undisturbed; how it ends always comes, once and last."""
    whole = await signals_of("succeeds", tmp_path / "1")
    lost = await signals_of("lost_events", tmp_path / "2")
    doubled = await signals_of("duplicated_events", tmp_path / "3")
    reordered = await signals_of("reordered_events", tmp_path / "4")

    assert lost == [one for number, one in enumerate(whole, 1) if number % 3]
    assert doubled == [one for one in whole for _ in range(2)]
    assert reordered != whole
    assert sorted(map(repr, reordered)) == sorted(map(repr, whole))
    for scenario in ("lost_events", "duplicated_events", "reordered_events"):
        mock, clock = a_mock(scenario)
        signals = await clock.through(every(mock, a_task(tmp_path / scenario)))
        ends = [one for one in signals if isinstance(one, Completed | Failed)]
        assert ends == signals[-1:]


async def test_an_endpoint_in_trouble_fails_in_every_way(tmp_path):
    """No answer, 500, 429, a redirect; the fifth time it takes the message, and so on."""
    clock = FakeClock()
    sender = MockSender(clock)
    became = []
    for number in range(6):
        try:
            sending = sender.send("https://hooks.example/x", {"webhook-id": str(number)}, b"{}")
            became.append((await clock.through(sending)).status)
        except NotAnswered:
            became.append(None)
    assert became == [None, 500, 429, 301, 204, None]
    assert [one.headers["webhook-id"] for one in sender.sent] == list("012345")


async def test_couriers_count_what_the_mock_makes_of_their_messages(tmp_path):
    """Through the real couriers: an endpoint that fails is reported of as failing."""
    clock = SystemClock()
    sender = MockSender(clock, script=(Answer(500, "It broke."),))
    task = a_task(tmp_path / "bucket")
    service = JobService(
        exclusive=True,
        store=await SqliteStore.open(tmp_path / "jobs.db"),
        buckets=Buckets(lambda customer, name: task.bucket),
        pipeline=MockPipeline("failing_webhooks", speed=1000, seed=0, clock=clock),
        clock=clock,
        settings=Settings(),
        sender=sender,
    )
    await service.start()
    jobs = service.customer("ann")
    hook = WebhookConfig(url="https://hooks.example/x", events=("job.completed",))
    made = await jobs.webhooks.create(hook)
    await jobs.create(task.config, idempotency_key="k")

    async def first_attempt():
        while True:
            for delivery in (await jobs.webhooks.deliveries(made.id)).deliveries:
                if delivery.attempts:
                    return delivery.attempts[0]
            await asyncio.sleep(0.02)

    async with asyncio.timeout(DEADLINE):
        attempt = await first_attempt()
    assert (attempt.status, service.deliveries.counts["failed"]) == (500, 1)
    assert {"webhook-id", "webhook-signature"} <= {name.lower() for name in sender.sent[0].headers}
    await service.aclose()
