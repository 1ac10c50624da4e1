"""The mock pipeline: each scenario does what its name says, in a time of its own."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen_nb.buckets.local import LocalBucket
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, Rejected
from datagen_nb.core.ports import Task
from datagen_nb.core.status import (
    STAGES,
    Completed,
    Failed,
    Progressed,
    StageStarted,
    State,
    Warned,
)
from datagen_nb.pipelines.mock import MADE_UP, SCENARIOS, SECONDS, MockPipeline
from datagen_nb.service.jobs import JobService
from datagen_nb.service.settings import Settings
from datagen_nb.stores.sqlite import SqliteStore
from tests.clock import FakeClock

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
def test_a_scenario_or_speed_that_there_is_not_is_told(scenario, speed, fields):
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
        told = [s.progress for s in signals if isinstance(s, Progressed) and s.stage == stage]
        assert told == sorted(told)
        assert told[-1] == 100
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
    """The others take every one."""
    config = JobConfiguration(
        data_size=5, input_format="csv", output_format="csv", input_path="in.csv"
    )
    for scenario in SCENARIOS:
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


@pytest.mark.parametrize(("limit", "waited"), [(20, 20), (3600, 60)])
async def test_a_job_whose_time_is_over_says_so(tmp_path, limit, waited):
    """In *fit*, with the timeout that it was given, after a minute at most."""
    pipeline, clock = a_mock("times_out")
    signals = await clock.through(every(pipeline, a_task(tmp_path, timeout=limit)))
    assert isinstance(signals[-1], Failed)
    assert (signals[-1].error.code, signals[-1].error.details["stage"]) == ("timeout", "fit")
    assert f"{limit:,} s" in signals[-1].error.message
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
    }
    for scenario, end in ends.items():
        clock = SystemClock()
        pipeline = MockPipeline(scenario, speed=1000, seed=0, clock=clock)
        place = tmp_path / scenario
        task = a_task(place / "bucket")
        service = JobService(
            store=await SqliteStore.open(place / "jobs.db"),
            buckets=lambda customer, name, task=task: task.bucket,
            pipeline=pipeline,
            clock=clock,
            settings=Settings(),
        )
        await service.start()
        jobs = service.customer("ann")
        job = await jobs.create(task.config, idempotency_key="k")
        async with asyncio.timeout(30), aclosing(jobs.events(job_id=job.job_id)) as events:
            async for event in events:
                if event.data.status.is_terminal:
                    break
        assert event.data.status is end, scenario
        assert event.data.metadata.retry_count == (scenario == "flaky")
        await service.aclose()
