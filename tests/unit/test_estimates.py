"""Estimates: ranges that hold the truth, that narrow with each job, and are quick."""

import asyncio
import itertools
import os
import time
from contextlib import aclosing, asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.client.async_client import AsyncClient
from datagen_nb.core.access import LOCAL_CUSTOMER
from datagen_nb.core.buckets import Buckets
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import DatagenWarning, InputError, LimitReached
from datagen_nb.core.estimates import Estimate, Space, TableFacts, judge
from datagen_nb.core.plans import Preview
from datagen_nb.core.status import State
from datagen_nb.core.throughput import (
    MIN_UNCERTAINTY,
    SECONDS,
    STEP_OF,
    Spread,
    Throughput,
    estimate,
    expected_bytes,
    expected_seconds,
    kind_of_work,
)
from datagen_nb.pipelines.built_in import STAGES
from datagen_nb.pipelines.local import LocalPipeline
from datagen_nb.service.jobs import estimates as service_estimate
from datagen_nb.service.service import JobService
from datagen_nb.service.settings import Settings
from datagen_nb.stores.sqlite.store import SqliteStore
from datagen_nb.wiring.service import build_service
from tests.deadline import DEADLINE
from tests.unit.test_service import Scripted, a_world, config

FACTS = TableFacts(
    rows=1000,
    columns=10,
    size=50_000,
    bytes_fixed=dict.fromkeys(("csv", "json", "jsonl", "parquet"), 100.0),
    bytes_per_row=dict.fromkeys(("csv", "json", "jsonl", "parquet"), 50.0),
)
NOTHING = Throughput()


class Looking(Scripted):
    """A pipeline that counts the looks and holds them as long as the test asks."""

    def __init__(self, facts=FACTS):
        super().__init__()
        self.facts = facts
        self.looks = 0
        self.may_look = asyncio.Event()
        self.may_look.set()

    async def measure(self, look):
        self.looks += 1
        await self.may_look.wait()
        return self.facts

    async def inspect(self, look):
        raise AssertionError("an estimate measures, and inspects nothing")

    async def preview(self, look):
        await self.may_look.wait()
        return Preview(columns=(), rows=(), training_rows=2)


def test_every_stage_belongs_to_a_step():
    """A stage that is added has to be counted somewhere."""
    assert set(STEP_OF) == set(STAGES)
    assert {*STEP_OF.values(), "start"} == set(SECONDS)


@given(
    st.integers(1, 10**9),
    st.sampled_from(["csv", "json", "jsonl", "parquet"]),
    st.lists(st.floats(0.01, 100), max_size=5),
)
def test_a_range_holds_what_was_expected_of_it(rows, format, ratios):
    """The low end is below the high one, and more rows never take less."""
    known = Throughput()
    for ratio in ratios:
        known = known.updated(dict.fromkeys((*SECONDS, "bytes"), ratio))
    one = estimate(config(data_size=rows, output_format=format), FACTS, alike=known, overall=known)
    more = estimate(
        config(data_size=2 * rows, output_format=format), FACTS, alike=known, overall=known
    )

    assert 0 <= one.seconds_low < one.seconds_high <= more.seconds_high
    assert 0 <= one.bytes_low < one.bytes_high <= more.bytes_high


def test_a_prior_says_that_it_is_one():
    """Until a job has ended nothing is known of this machine."""
    assert estimate(config(), FACTS, alike=NOTHING, overall=NOTHING).basis == "prior"
    known = NOTHING.updated({"make": 1.0})
    found = estimate(config(), FACTS, alike=NOTHING, overall=known)
    assert (found.basis, found.jobs) == ("measured", 1)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 5.0])
def test_jobs_that_end_alike_move_the_range_to_the_truth_and_narrow_it(ratio):
    """After a dozen of them the truth is inside, and the ends are less than twice apart."""
    known, task = NOTHING, config(data_size=100_000)
    for _ in range(12):
        known = known.updated(dict.fromkeys((*SECONDS, "bytes"), ratio))

    found = estimate(task, FACTS, alike=known, overall=known)

    truth = ratio * sum(expected_seconds(task, FACTS.rows, FACTS.columns).values())
    assert found.seconds_low < truth < found.seconds_high
    assert found.bytes_low < ratio * expected_bytes(task, FACTS) < found.bytes_high
    before = estimate(task, FACTS, alike=NOTHING, overall=NOTHING)
    width = found.seconds_high / found.seconds_low
    assert width < before.seconds_high / before.seconds_low / 2


def test_a_machine_that_became_slower_is_believed_in_the_end():
    """Old jobs fade."""
    spread = Spread()
    for ratio in [1.0] * 200 + [4.0] * 200:
        spread = spread.updated(ratio)

    low, high = spread.range(1.0)

    assert low < 4.0 < high


def test_a_range_is_never_narrower_than_machines_are_steady():
    """A hundred equal jobs do not make a point of it."""
    spread = Spread()
    for _ in range(100):
        spread = spread.updated(1.0)

    low, high = spread.range(10.0)

    assert high / low == pytest.approx(2.718 ** (4 * MIN_UNCERTAINTY), rel=0.01)


def test_jobs_of_like_width_are_of_one_kind():
    """Columns count to the next power of two."""
    kinds = {columns: kind_of_work(config(), columns) for columns in (1, 2, 3, 4, 5, 8, 9)}

    assert kinds[3] == kinds[4] != kinds[5] == kinds[8] != kinds[9]


def test_the_truth_stands_beside_the_estimate():
    """And whether it lay inside."""
    judged = estimate(config(), FACTS, alike=NOTHING, overall=NOTHING)

    inside = judged.compared(judged.bytes_high, judged.seconds_low)
    outside = judged.compared(judged.bytes_high + 1, judged.seconds_low)

    assert (inside.holds, outside.holds) == (True, False)
    assert inside.actual_bytes == judged.bytes_high


def said_of(rows=1_000_000, seconds=(60.0, 120.0), size=(1_000_000, 2_000_000)):
    return Estimate(
        rows=rows,
        bytes_low=size[0],
        bytes_high=size[1],
        seconds_low=seconds[0],
        seconds_high=seconds[1],
        basis="prior",
        input_rows=1000,
        input_columns=10,
    )


def test_an_estimate_that_fits_warns_of_nothing():
    """Nor at the very end of its ranges."""
    judged = judge(config(timeout=120), said_of(), [Space("larger_than_disk", 2_000_000)])

    assert judged.warnings == ()


def test_a_job_longer_than_its_timeout_is_reported_which_timeout_it_needs():
    """In words, with the value beside: 23 hours to 26 hours in an hour."""
    long = said_of(seconds=(83_700.0, 93_540.0))

    [warning] = judge(config(timeout=3600), long, []).warnings

    assert (warning.code, warning.field, warning.value) == ("longer_than_timeout", "timeout", 93600)
    assert warning.certain
    assert "23 hours 15 minutes to 25 hours 59 minutes" in warning.message
    assert "1 hour will" in warning.message
    assert warning.remedy == "Set timeout=93600 (26 hours)."


def test_no_timeout_is_offered_that_no_job_may_have():
    """What would take months is to ask for fewer rows."""
    [warning] = judge(config(timeout=3600), said_of(seconds=(1e7, 1e8)), []).warnings

    assert warning.field == "dataSize"
    assert "30 days" in warning.remedy


@given(
    st.integers(1, 10**10),
    st.floats(0.1, 1e8),
    st.floats(1, 5),
    st.integers(0, 10**13),
    st.integers(1, 2),
    st.integers(1, 30 * 86_400),
)
def test_what_a_warning_offers_ends_it(rows, seconds, spread, left, copies, timeout):
    """With its value in place the same job is judged without it."""
    judged = said_of(rows, (seconds, seconds * spread), (rows * 50, int(rows * 50 * spread)))
    spaces = [Space("larger_than_quota", left, copies)]
    for warning in judge(config(data_size=rows, timeout=timeout), judged, spaces).warnings:
        if warning.field is None:
            continue
        assert str(warning.value) in warning.remedy
        if warning.field == "timeout":
            assert judged.seconds_high <= warning.value <= 30 * 86_400
        else:
            assert 1 <= warning.value < rows or warning.code == "longer_than_timeout"
            share = warning.value / rows
            fits = {
                "larger_than_quota": judged.bytes_high * copies * share <= left,
                "longer_than_timeout": judged.seconds_high * share <= 30 * 86_400,
            }
            assert fits[warning.code]


def test_where_nothing_fits_nothing_is_offered():
    """A full quota is to be made room in first."""
    [warning] = judge(config(), said_of(), [Space("larger_than_quota", 0)]).warnings

    assert (warning.field, warning.value, warning.certain) == (None, None, True)
    assert warning.remedy == "Delete jobs that are no longer needed."


async def test_a_submit_shows_what_its_estimate_warns_of(tmp_path):
    """As a Python warning, with the job's id; the job goes on."""
    small = FACTS.model_copy(update={"bytes_per_row": dict.fromkeys(FACTS.bytes_per_row, 0.001)})
    pipeline = Looking(small)
    async with a_world(tmp_path, pipeline=pipeline) as world:
        world.bucket.put("in.csv", b"a\n1\n")
        client = AsyncClient(world.jobs)

        with pytest.warns(DatagenWarning, match="Set timeout=") as shown:
            job = await client.submit(config(data_size=10**9, timeout=60))

        assert job.id in str(shown[0].message)
        assert job.status.status is State.QUEUED


async def test_an_input_is_looked_at_once_until_it_changes(tmp_path):
    """Also when many ask at the same moment."""
    pipeline = Looking()
    async with a_world(tmp_path, pipeline=pipeline) as world:
        world.bucket.put("in.csv", b"a\n1\n")
        pipeline.may_look.clear()
        asking = [asyncio.create_task(world.jobs.plans.estimate(config())) for _ in range(20)]
        while not pipeline.looks:
            await asyncio.sleep(0)
        pipeline.may_look.set()
        await asyncio.gather(*asking)
        await world.jobs.plans.estimate(config(data_size=5))
        assert pipeline.looks == 1

        world.bucket.put("in.csv", b"a\n2\n")
        await world.jobs.plans.estimate(config())
        await world.jobs.plans.estimate(config(parameters={"delimiter": ";"}))
        assert pipeline.looks == 3


async def test_what_is_known_of_one_customers_input_tells_another_nothing(tmp_path):
    """Not even that it has been looked at."""
    pipeline = Looking()
    async with a_world(tmp_path, pipeline=pipeline) as world:
        world.bucket.put("in.csv", b"a\n1\n")
        (tmp_path / "bob").mkdir()
        os.link(tmp_path / "ann" / "in.csv", tmp_path / "bob" / "in.csv")

        await world.jobs.plans.estimate(config())
        await world.service.customer("bob").plans.estimate(config())

        assert pipeline.looks == 2


async def test_a_submit_does_not_wait_for_a_look_that_takes_long(tmp_path, monkeypatch):
    """The job is taken, and has its estimate and what it reserves when the look is done."""
    monkeypatch.setattr(service_estimate, "SUBMIT_SECONDS", 0.01)
    pipeline = Looking()
    pipeline.may_look.clear()
    async with a_world(tmp_path, pipeline=pipeline) as world:
        job = await world.submit()
        assert job.estimate is None

        pipeline.may_look.set()
        found = await world.heard(job.job_id, lambda status: status.estimate is not None)

        assert pipeline.looks == 1
        assert (await world.jobs.limits()).storage_used == found.estimate.bytes_high


async def test_a_submit_reserves_what_its_result_may_have(tmp_path):
    """The high end counts towards the quota."""
    async with a_world(tmp_path, pipeline=Looking()) as world:
        job = await world.submit()

        assert (await world.jobs.limits()).storage_used == job.estimate.bytes_high


async def test_looks_are_few_at_once_and_few_may_wait(tmp_path):
    """One more is asked to come again."""
    pipeline = Looking()
    pipeline.may_look.clear()
    async with a_world(tmp_path, pipeline=pipeline) as world:
        world.bucket.put("in.csv", b"a\n1\n")
        most = service_estimate.LOOKS + service_estimate.MAX_WAITING
        asking = [asyncio.create_task(world.jobs.plans.preview(config())) for _ in range(most)]
        async with asyncio.timeout(DEADLINE):
            while world.service.estimator._waiting < service_estimate.MAX_WAITING:
                await asyncio.sleep(0)

        with pytest.raises(LimitReached) as caught:
            await world.jobs.plans.preview(config())

        assert caught.value.details["retryAfter"] > 0
        pipeline.may_look.set()
        assert len(await asyncio.gather(*asking)) == most


async def test_a_look_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    """And the message says what can be done instead."""
    monkeypatch.setattr(service_estimate, "LOOK_SECONDS", 0.01)
    pipeline = Looking()
    pipeline.may_look.clear()
    async with a_world(tmp_path, pipeline=pipeline) as world:
        world.bucket.put("in.csv", b"a\n1\n")

        with pytest.raises(InputError, match="Submit the job") as caught:
            await world.jobs.plans.preview(config())

        assert caught.value.code == "look_too_slow"


@asynccontextmanager
async def local_service(folder):
    pipeline = LocalPipeline()
    await pipeline.warm()
    service = await build_service(folder / "jobs.sqlite", folder / "buckets", pipeline)
    try:
        yield service
    finally:
        await service.aclose()


def of_diamonds(diamonds, **fields):
    usual = {
        "data_size": 20_000,
        "input_format": "parquet",
        "output_format": "csv",
        "input_bucket": "file",
        "input_path": str(diamonds),
        "parameters": {"seed": 1},
    }
    return JobConfiguration(**usual | fields)


async def completed(jobs, task, key):
    """The status with which a job has ended; one that a busy machine makes slowly too."""
    made = await jobs.create(task, idempotency_key=key)
    async with aclosing(jobs.events(job_id=made.job_id)) as events:
        return await anext(event.data async for event in events if event.data.status.is_terminal)


@pytest.mark.slow
async def test_the_truth_of_real_jobs_lies_in_their_ranges(tmp_path, diamonds):
    """Of every format and of sizes far apart: the bytes, from the first job on."""
    keys = itertools.count()
    async with local_service(tmp_path) as service:
        jobs = service.customer(LOCAL_CUSTOMER)
        judged = []
        for rows, format in [
            (20_000, "csv"),
            (100, "parquet"),
            (150_000, "parquet"),
            (60_000, "jsonl"),
            (20_000, "json"),
            (100_000, "csv"),
        ]:
            task = of_diamonds(diamonds, data_size=rows, output_format=format)
            done = await completed(jobs, task, str(next(keys)))
            assert done.status is State.COMPLETED
            judged.append(done.estimate)
            # Its seconds are not held: other programs run here too.
            assert done.estimate.bytes_low <= done.estimate.actual_bytes <= done.estimate.bytes_high
        assert [one.basis for one in judged] == ["prior"] + ["measured"] * 5
        assert (judged[0].input_rows, judged[0].input_columns) == (53_940, 10)


@pytest.mark.slow
async def test_the_throughput_of_jobs_outlives_the_service(tmp_path, diamonds):
    """The next one begins with it."""
    async with local_service(tmp_path) as service:
        jobs = service.customer(LOCAL_CUSTOMER)
        await completed(jobs, of_diamonds(diamonds, data_size=500), "k")
        before = await jobs.plans.estimate(of_diamonds(diamonds))
    async with local_service(tmp_path) as service:
        after = await service.customer(LOCAL_CUSTOMER).plans.estimate(of_diamonds(diamonds))

    assert before.basis == "measured"
    assert after == before


async def test_a_known_input_costs_a_submit_less_than_two_milliseconds(tmp_path):
    """Of the processor, since other programs run here too; a hundred wait for one look."""
    store = await SqliteStore.open(tmp_path / "jobs.db")
    pipeline = Looking()
    service = JobService(
        exclusive=True,
        store=store,
        buckets=Buckets(
            lambda customer, name: (
                LocalFiles() if name == "file" else LocalBucket(tmp_path / customer)
            )
        ),
        pipeline=pipeline,
        clock=SystemClock(),
        settings=Settings(),
    )
    (tmp_path / "in.csv").write_text("a\n1\n")
    task = config(input_bucket="file", input_path=str(tmp_path / "in.csv"))
    found = service.estimator.find("ann", task)
    await service.estimator.at_submit("ann", task, found)
    began = time.process_time()
    for _ in range(100):
        assert await service.estimator.at_submit("ann", task, found) is not None
    seconds = (time.process_time() - began) / 100
    await store.aclose()

    assert pipeline.looks == 1
    assert seconds < 0.002
