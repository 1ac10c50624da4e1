"""The job service on a clock and a pipeline that do only what the test says."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from datagen_nb.buckets.local import LocalBucket
from datagen_nb.core.buckets import Buckets, objects
from datagen_nb.core.changes import Completed, Failed, Progressed, StageStarted, Warned
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ActionRefused,
    ConfigurationError,
    IdempotencyConflict,
    InputError,
    JobNotFound,
    NotFound,
    Rejected,
    ResultNotReady,
    ServiceUnavailable,
)
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.manifest import Manifest, Part
from datagen_nb.core.messages import Health, JobQuery
from datagen_nb.core.pipeline import Heartbeat, InputProbe, Logged, Task
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.plans import Preview
from datagen_nb.core.status import State
from datagen_nb.pipelines.built_in import INFO
from datagen_nb.service.service import JobService
from datagen_nb.service.settings import Settings
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.clock import FakeClock
from tests.deadline import DEADLINE

FAILURE = JobFailure(code="mock_failure", message="It failed.")
QUEUED, RUNNING, PAUSED = State.QUEUED, State.RUNNING, State.PAUSED


@dataclass
class Run:
    """One attempt: what is put into ``signals`` is said; ``None`` ends it, an error is raised."""

    task: Task
    signals: asyncio.Queue = field(default_factory=asyncio.Queue)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    may_close: asyncio.Event = field(default_factory=asyncio.Event)
    disturbed: bool = False

    def say(self, *signals) -> None:
        for signal in signals:
            self.signals.put_nowait(signal)

    def complete(self, size: int = 3) -> None:
        part = Part(name=f"jobs/{self.task.job_id}/parts/0", rows=1, size=size, sha256="0" * 64)
        manifest = Manifest(
            job_id=self.task.job_id,
            format="csv",
            rows=1,
            size=size,
            parts=(part,),
            arrow_schema="",
        )
        self.task.bucket.put(part.name, b"a\n1")
        self.task.bucket.put(f"jobs/{self.task.job_id}/manifest.json", manifest.to_json().encode())
        self.say(Completed(self.task.attempt, size))


class Scripted:
    """A pipeline whose every run the test holds in its hand."""

    def __init__(self) -> None:
        self.runs: asyncio.Queue[Run] = asyncio.Queue()
        self.rejects = False
        self.closes_slowly = False
        self.health = Health(status="healthy")
        self.forgotten: list[str] = []

    async def describe(self) -> PipelineInfo:
        return INFO

    async def check(self, config: JobConfiguration) -> None:
        if self.rejects:
            raise Rejected("Not this one.")

    async def run(self, task: Task) -> AsyncGenerator:
        run = Run(task)
        task.bucket.put(f"jobs/{task.job_id}/scratch/attempt", str(task.attempt).encode())
        if not self.closes_slowly:
            run.may_close.set()
        self.runs.put_nowait(run)
        try:
            yield Heartbeat(pid=1000 + task.attempt)
            while (signal := await run.signals.get()) is not None:
                if isinstance(signal, Exception):
                    raise signal
                yield signal
        finally:
            try:
                await run.may_close.wait()
            except asyncio.CancelledError:
                run.disturbed = True
                raise
            finally:
                run.closed.set()

    async def forget(self, job_id: str) -> None:
        self.forgotten.append(job_id)

    async def measure(self, probe: InputProbe) -> TableFacts:
        raise InputError("Nothing is known of it.")

    async def inspect(self, probe: InputProbe) -> Inspection:
        raise InputError("Nothing is known of it.")

    async def preview(self, probe: InputProbe) -> Preview:
        raise InputError("Nothing is known of it.")

    async def check_health(self) -> Health:
        return self.health

    async def aclose(self) -> None: ...

    async def next(self) -> Run:
        async with asyncio.timeout(DEADLINE):
            return await self.runs.get()


@dataclass
class World:
    """A service and all that it stands on."""

    place: Path
    clock: FakeClock
    pipeline: Scripted
    service: JobService

    def __post_init__(self) -> None:
        self.jobs = self.service.customer("ann")
        self.bucket = bucket_of(self.place, "ann")

    async def submit(self, key: str = "", jobs=None, **fields):
        self.count = getattr(self, "count", 0) + 1
        bucket_of(self.place, "bob").put("in.csv", b"a\n1\n")
        self.bucket.put("in.csv", b"a\n1\n")
        return await (jobs or self.jobs).create(
            config(**fields), idempotency_key=key or f"key {self.count}"
        )

    async def reach(self, job_id: str, *states: State, jobs=None):
        """Wait until the job is in one of the states."""
        async with asyncio.timeout(DEADLINE):
            async with aclosing((jobs or self.jobs).events(job_id=job_id)) as events:
                async for event in events:
                    if event.data.status in states:
                        break
        return event.data

    async def heard(self, job_id: str, holds):
        """Wait until the job's status is as asked."""
        async with asyncio.timeout(DEADLINE):
            async with aclosing(self.jobs.events(job_id=job_id)) as events:
                async for event in events:
                    if holds(event.data):
                        break
        return event.data

    async def settled(self) -> None:
        """Wait until no job waits or runs: the observers have been called for what has ended."""
        async with asyncio.timeout(DEADLINE):
            while self.service.runner.busy:
                await asyncio.sleep(0)

    async def cleaned(self, job_id: str) -> None:
        """Wait until nothing of the job is left, and no removal is under way."""
        async with asyncio.timeout(DEADLINE):
            while self.service.runner.tasks or list(objects(self.bucket, f"jobs/{job_id}")):
                await asyncio.sleep(0)


def config(**fields) -> JobConfiguration:
    usual = {
        "data_size": 1000,
        "input_format": "csv",
        "output_format": "csv",
        "input_path": "in.csv",
    }
    return JobConfiguration(**{**usual, **fields})


def bucket_of(place: Path, customer: str, name: str = "default") -> LocalBucket | None:
    return LocalBucket(place / customer) if name == "default" else None


@asynccontextmanager
async def a_world(place: Path, *, clock=None, pipeline=None, **settings):
    """Open a world; a second one at the same place finds what the first left."""
    clock, pipeline = clock or FakeClock(), pipeline or Scripted()
    service = JobService(
        exclusive=True,
        store=await SqliteStore.open(place / "jobs.db"),
        buckets=Buckets(lambda customer, name: bucket_of(place, customer, name)),
        pipeline=pipeline,
        clock=clock,
        settings=Settings(**{"cooldown_period": 0, "watch_seconds": 1e9, **settings}),
    )
    await service.start()
    try:
        yield World(place, clock, pipeline, service)
    finally:
        await service.aclose()


@pytest.fixture
async def world(tmp_path):
    async with a_world(tmp_path, max_jobs=2) as world:
        yield world


async def test_a_job_goes_from_queue_to_completion(world):
    """Its signals become its status, its worker is known while it runs."""
    job = await world.submit(name="first")
    run = await world.pipeline.next()
    assert (run.task.job_id, run.task.attempt) == (job.job_id, 1)
    run.say(StageStarted(1, "fit"), Warned(1, "odd"), Progressed(1, "fit", 50.0))
    status = await world.heard(job.job_id, lambda s: s.warnings and s.progress > 0)
    assert (status.status, status.running_stage.name) == (RUNNING, "fit")
    assert world.service.runner.workers_of("ann") == {job.job_id: 1001}
    assert world.service.busy
    run.complete()
    status = await world.reach(job.job_id, State.COMPLETED)
    assert (status.progress, status.attempt) == (100.0, 1)
    await run.closed.wait()
    assert (await world.jobs.manifest(job.job_id)).size == 3
    assert b"".join([c async for c in world.jobs.read_part(job.job_id, 0)]) == b"a\n1"
    messages = [line.message for line in await world.jobs.log(job.job_id)]
    assert "odd" in messages


async def test_only_so_many_jobs_run_at_once_in_the_order_they_came(world):
    """Two run, the third waits for the first that ends, the fourth for the next."""
    jobs = [await world.submit() for _ in range(4)]
    runs = [await world.pipeline.next() for _ in range(2)]
    assert [run.task.job_id for run in runs] == [job.job_id for job in jobs[:2]]
    await world.reach(jobs[1].job_id, RUNNING)
    assert world.pipeline.runs.empty()
    assert (await world.jobs.status(jobs[2].job_id)).status is QUEUED
    runs[1].complete()
    assert (await world.pipeline.next()).task.job_id == jobs[2].job_id
    assert world.pipeline.runs.empty()
    runs[0].say(Failed(1, FAILURE))
    assert (await world.pipeline.next()).task.job_id == jobs[3].job_id


async def test_a_queued_job_knows_its_place(world):
    """1 is next; who runs has none; a page tells it too."""
    jobs = [await world.submit() for _ in range(5)]
    first = await world.pipeline.next()
    await world.reach(jobs[1].job_id, RUNNING)
    places = [(await world.jobs.status(job.job_id)).queue_position for job in jobs]
    assert places == [None, None, 1, 2, 3]
    await world.jobs.cancel(jobs[2].job_id)
    page = await world.jobs.history(JobQuery())
    assert [job.queue_position for job in page.jobs] == [2, 1, None, None, None]
    first.complete()
    await world.reach(jobs[3].job_id, RUNNING)
    assert (await world.jobs.status(jobs[4].job_id)).queue_position == 1


async def test_a_queued_job_is_cancelled_and_never_runs(world):
    """The room that comes free goes to the next."""
    jobs = [await world.submit() for _ in range(4)]
    first = await world.pipeline.next()
    await world.pipeline.next()
    cancelled = await world.jobs.cancel(jobs[2].job_id)
    assert (cancelled.status, cancelled.attempt) == (State.CANCELLED, 0)
    first.complete()
    assert (await world.pipeline.next()).task.job_id == jobs[3].job_id


async def test_a_cancelled_run_is_stopped_and_leaves_nothing(world):
    """The generator is closed, the job's objects go, others' stay."""
    job = await world.submit()
    run = await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    run.task.bucket.put(f"jobs/{job.job_id}/parts/part-00000.csv", b"a")
    status = await world.jobs.cancel(job.job_id)
    assert status.status is State.CANCELLED
    await asyncio.wait_for(run.closed.wait(), DEADLINE)
    await world.cleaned(job.job_id)
    assert world.bucket.head("in.csv") is not None
    assert world.pipeline.forgotten == [job.job_id]
    assert world.service.runner.workers_of("ann") == {}
    assert not world.service.busy
    with pytest.raises(ActionRefused):
        await world.jobs.cancel(job.job_id)


async def test_a_paused_job_stops_and_goes_on_as_a_new_attempt(world):
    """Its objects stay for the next attempt."""
    job = await world.submit()
    run = await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    run.task.bucket.put(f"jobs/{job.job_id}/parts/part-00000.csv", b"a")
    status = await world.jobs.pause(job.job_id)
    assert status.status is PAUSED
    assert (status.resume_until - world.clock.now()).total_seconds() == 86_400
    await asyncio.wait_for(run.closed.wait(), DEADLINE)
    assert not run.disturbed
    assert world.pipeline.runs.empty()
    status = await world.jobs.resume(job.job_id)
    assert (status.status, status.resume_until) == (QUEUED, None)
    second = await world.pipeline.next()
    assert (second.task.job_id, second.task.attempt) == (job.job_id, 2)
    assert second.task.bucket.get(f"jobs/{job.job_id}/parts/part-00000.csv") == b"a"
    second.complete()
    await world.reach(job.job_id, State.COMPLETED)


async def test_a_queued_job_can_be_paused(world):
    """It leaves the queue, and joins its end when it is resumed."""
    jobs = [await world.submit() for _ in range(4)]
    first = await world.pipeline.next()
    await world.pipeline.next()
    await world.jobs.pause(jobs[2].job_id)
    assert (await world.jobs.resume(jobs[2].job_id)).queue_position == 2
    first.complete()
    assert (await world.pipeline.next()).task.job_id == jobs[3].job_id


@pytest.mark.parametrize("action", ["resume", "cancel"])
async def test_a_worker_that_is_stopping_is_left_to_it(world, action):
    """A second word to the job does not break off the stopping; a new run waits for its end."""
    world.pipeline.closes_slowly = True
    job = await world.submit()
    run = await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    await world.jobs.pause(job.job_id)
    await getattr(world.jobs, action)(job.job_id)
    await world.jobs.status(job.job_id)
    assert not run.closed.is_set()
    assert world.pipeline.runs.empty()
    run.may_close.set()
    await asyncio.wait_for(run.closed.wait(), DEADLINE)
    assert not run.disturbed
    if action == "resume":
        second = await world.pipeline.next()
        assert second.task.attempt == 2
        second.may_close.set()
    else:
        await world.cleaned(job.job_id)


async def test_what_a_stopping_worker_says_changes_nothing(world):
    """It was paused; that it completed comes too late."""
    job = await world.submit()
    run = await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    run.say(Progressed(1, "fit", 10.0))
    await world.heard(job.job_id, lambda status: status.progress > 0)
    paused = await world.jobs.pause(job.job_id)
    run.say(Completed(1, 5))
    await asyncio.wait_for(run.closed.wait(), DEADLINE)
    assert await world.jobs.status(job.job_id) == paused


async def test_a_pause_is_known_though_the_run_hears_late_of_what_it_wrote(world, monkeypatch):
    """Its last word was written before the pause, and read after it: the job is paused."""
    job = await world.submit()
    run = await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    replace, is_paused = world.service.store.replace, asyncio.Event()

    async def late(record, event, **rest):
        kept = await replace(record, event, **rest)
        if event == "job.paused":
            is_paused.set()
            for _ in range(3):
                await asyncio.sleep(0)
        elif kept.status.progress:
            await is_paused.wait()
        return kept

    monkeypatch.setattr(world.service.store, "replace", late)
    run.say(Progressed(1, "fit", 10.0))
    async with asyncio.timeout(DEADLINE):
        while not (await world.jobs.status(job.job_id)).progress:
            await asyncio.sleep(0)
    assert (await world.jobs.pause(job.job_id)).progress
    assert (await world.jobs.resume(job.job_id)).status is QUEUED
    assert (await world.pipeline.next()).task.attempt == 2


async def test_a_pause_lasts_no_longer_than_its_window(world):
    """Then the job fails, says until when it could have been resumed, and leaves nothing."""
    job = await world.submit(resume_window=60)
    await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    paused = await world.jobs.pause(job.job_id)
    await world.clock.asleep(60)
    world.clock.advance(59)
    assert (await world.jobs.status(job.job_id)).status is PAUSED
    world.clock.advance(1)
    failed = await world.reach(job.job_id, State.FAILED)
    assert failed.error.code == "resume_window_passed"
    assert paused.resume_until.isoformat() in failed.error.message
    await world.cleaned(job.job_id)
    with pytest.raises(ActionRefused):
        await world.jobs.resume(job.job_id)


async def test_a_resumed_job_does_not_expire(world):
    """The alarm of an earlier pause is off; that of a later one counts from its own pause."""
    job = await world.submit(resume_window=60)
    await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    await world.jobs.pause(job.job_id)
    await world.clock.asleep(60)
    world.clock.advance(50)
    await world.jobs.resume(job.job_id)
    await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    assert not any(abs(left - 10) < 1 for left in world.clock.alarms)
    await world.jobs.pause(job.job_id)
    await world.clock.asleep(60)
    world.clock.advance(20)
    assert (await world.jobs.status(job.job_id)).status is PAUSED


async def test_a_job_resumed_in_its_last_moment_is_not_failed(world):
    """Expiry looks again whether the job is still paused, however long its log takes."""
    job = await world.submit(resume_window=60)
    await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    await world.jobs.pause(job.job_id)
    await world.clock.asleep(60)
    expiry = world.service.runner.expiries.timers[job.job_id]
    store = world.service.store
    note, noting, go_on = store.append_log, asyncio.Event(), asyncio.Event()
    get = store.get

    async def slowly(customer, job_id, *entries):
        noting.set()
        await go_on.wait()
        return await (note if entries else get)(customer, job_id, *entries)

    store.append_log = store.get = slowly
    world.clock.advance(60)
    await asyncio.wait_for(noting.wait(), DEADLINE)
    store.append_log, store.get = note, get
    await world.jobs.resume(job.job_id)
    second = await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    go_on.set()
    await asyncio.wait([expiry], timeout=DEADLINE)
    second.complete()
    assert (await world.reach(job.job_id, State.COMPLETED, State.FAILED)).error is None


async def test_a_job_ends_at_its_timeout(world):
    """It is stopped, reported, and leaves nothing."""
    job = await world.submit(timeout=100)
    run = await world.pipeline.next()
    await world.clock.asleep(100)
    world.clock.advance(99)
    assert (await world.jobs.status(job.job_id)).status is RUNNING
    world.clock.advance(1)
    failed = await world.reach(job.job_id, State.FAILED)
    assert (failed.error.code, failed.error.details["retryHelps"]) == ("timeout", False)
    assert "1 minute 40 seconds" in failed.error.message
    await run.closed.wait()
    await world.cleaned(job.job_id)


async def test_the_timeout_counts_all_attempts_but_no_pause(world):
    """40 of 100 seconds before the pause leave 60 after it."""
    job = await world.submit(timeout=100)
    await world.pipeline.next()
    await world.clock.asleep(100)
    world.clock.advance(40)
    await world.jobs.pause(job.job_id)
    world.clock.advance(5000)
    await world.jobs.resume(job.job_id)
    await world.pipeline.next()
    await world.clock.asleep(60)
    world.clock.advance(60)
    assert (await world.reach(job.job_id, State.FAILED)).error.code == "timeout"


async def test_a_lost_worker_costs_an_attempt(world):
    """The job is queued again at once and goes on."""
    job = await world.submit()
    run = await world.pipeline.next()
    run.say(StageStarted(1, "generate"), None)
    second = await world.pipeline.next()
    assert second.task.attempt == 2
    status = await world.heard(job.job_id, lambda status: status.attempt == 2)
    assert status.metadata.retry_count == 1
    second.complete()
    await world.reach(job.job_id, State.COMPLETED)
    levels = [line.level for line in await world.jobs.log(job.job_id)]
    assert "warning" in levels


async def test_three_workers_lost_without_a_row_more_end_the_job(world):
    """The failure says how often, in which stage, and what to do; nothing is left."""
    job = await world.submit()
    for attempt in (1, 2, 3):
        run = await world.pipeline.next()
        assert run.task.attempt == attempt
        run.say(StageStarted(attempt, "fit"), None)
    failed = await world.reach(job.job_id, State.FAILED)
    assert failed.error.code == "worker_died"
    assert failed.error.details["stage"] == "fit"
    assert failed.metadata.retry_count == 2
    await world.cleaned(job.job_id)
    assert world.pipeline.runs.empty()


async def test_a_job_that_gets_further_may_lose_many_workers(world):
    """Only losses in a row without a new part count."""
    await world.submit()
    for attempt in range(1, 8):
        run = await world.pipeline.next()
        assert run.task.attempt == attempt
        run.say(Progressed(attempt, "generate", 10.0, 100 * (attempt // 2)), None)
    (await world.pipeline.next()).complete()


@pytest.fixture
async def outage(world, monkeypatch):
    """While set, the store takes no change, as on a full disk."""
    outage, replace = asyncio.Event(), world.service.store.replace

    async def failing(record, event, **rest):
        if outage.is_set():
            raise ServiceUnavailable("The disk is full.", code="store_unavailable")
        return await replace(record, event, **rest)

    monkeypatch.setattr(world.service.store, "replace", failing)
    return outage


async def test_a_job_outlives_a_store_that_takes_nothing_for_a_while(world, outage):
    """Its worker is stopped, since it cannot be followed; then another goes on from its parts."""
    job = await world.submit()
    run = await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    outage.set()
    run.say(StageStarted(1, "fit"))
    await asyncio.wait_for(run.closed.wait(), DEADLINE)
    await world.clock.asleep(5)
    outage.clear()
    world.clock.advance(5)
    second = await world.pipeline.next()
    assert second.task.attempt == 2
    second.complete()
    await world.reach(job.job_id, State.COMPLETED)


async def test_a_job_begins_when_the_store_takes_it(world, outage):
    """It does not fall out of the queue."""
    outage.set()
    job = await world.submit()
    await world.clock.asleep(5)
    world.clock.advance(5)
    await world.clock.asleep(5)
    assert world.pipeline.runs.empty()
    outage.clear()
    world.clock.advance(5)
    assert (await world.pipeline.next()).task.job_id == job.job_id


async def test_an_end_is_kept_when_the_store_takes_it(world, outage):
    """A bug, a lost worker: neither leaves a job in the state running without a run."""
    bug, lost = await world.submit(), await world.submit()
    first, second = await world.pipeline.next(), await world.pipeline.next()
    await world.reach(lost.job_id, RUNNING)
    outage.set()
    first.say(ValueError("a bug"))
    second.say(None)
    for run in (first, second):
        await asyncio.wait_for(run.closed.wait(), DEADLINE)
    await world.clock.asleep(5, count=2)
    outage.clear()
    world.clock.advance(5)
    assert (await world.reach(bug.job_id, State.FAILED)).error.code == "internal_error"
    assert (await world.pipeline.next()).task.job_id == lost.job_id


async def test_a_service_takes_up_what_another_left(tmp_path):
    """Running jobs are queued again, first come first; queued ones stay; paused ones expire."""
    clock = FakeClock()
    async with a_world(tmp_path, clock=clock, max_jobs=1) as world:
        jobs = [await world.submit(name=str(n), resume_window=60) for n in range(3)]
        run = await world.pipeline.next()
        await world.reach(jobs[0].job_id, RUNNING)
        await world.jobs.pause(jobs[2].job_id)
    assert run.closed.is_set()
    clock.advance(10)
    async with a_world(tmp_path, clock=clock, max_jobs=1) as world:
        second = await world.pipeline.next()
        assert (second.task.job_id, second.task.attempt) == (jobs[0].job_id, 2)
        status = await world.reach(jobs[0].job_id, RUNNING)
        assert status.metadata.retry_count == 1
        assert (await world.jobs.status(jobs[1].job_id)).queue_position == 1
        await world.clock.asleep(50)
        world.clock.advance(50)
        failed = await world.reach(jobs[2].job_id, State.FAILED)
        assert failed.error.code == "resume_window_passed"
        second.complete()
        assert (await world.pipeline.next()).task.job_id == jobs[1].job_id


async def test_a_window_that_passed_while_no_service_ran_has_passed(tmp_path):
    """The next service says so at once."""
    clock = FakeClock()
    async with a_world(tmp_path, clock=clock) as world:
        job = await world.submit(resume_window=60)
        await world.pipeline.next()
        await world.jobs.pause(job.job_id)
    clock.advance(3600)
    async with a_world(tmp_path, clock=clock) as world:
        failed = await world.reach(job.job_id, State.FAILED)
        assert failed.error.code == "resume_window_passed"


async def test_a_service_that_stops_finishes_its_cleaning(tmp_path):
    """A cancelled job leaves nothing, even when its worker is still stopping."""
    async with a_world(tmp_path) as world:
        world.pipeline.closes_slowly = True
        job = await world.submit()
        run = await world.pipeline.next()
        await world.reach(job.job_id, RUNNING)
        run.task.bucket.put(f"jobs/{job.job_id}/parts/part-00000.csv", b"a")
        await world.jobs.cancel(job.job_id)
        asyncio.get_running_loop().call_later(0.05, run.may_close.set)
        await world.service.runner.aclose()
        assert not run.disturbed
        assert list(objects(world.bucket, f"jobs/{job.job_id}")) == []


async def test_the_same_key_and_body_give_the_same_job(world):
    """And it runs once."""
    first = await world.submit("k")
    again = await world.submit("k")
    assert again.job_id == first.job_id
    await world.pipeline.next()
    await world.reach(first.job_id, RUNNING)
    assert (await world.submit("k")).status is RUNNING
    assert len((await world.jobs.history(JobQuery())).jobs) == 1
    assert world.pipeline.runs.empty()


async def test_a_retried_submit_finds_its_job_though_the_input_is_gone(world):
    """What was accepted stays accepted."""
    first = await world.submit("k")
    assert world.bucket.delete("in.csv") == 1
    assert (await world.submit("k")).job_id == first.job_id


async def test_the_same_key_with_another_body_is_a_conflict(world):
    """The error names the job that has the key; no job is made."""
    first = await world.submit("k")
    with pytest.raises(IdempotencyConflict) as raised:
        await world.submit("k", data_size=5)
    assert raised.value.details == {"jobId": first.job_id}
    assert len((await world.jobs.history(JobQuery())).jobs) == 1


async def test_a_rerun_is_a_new_job_of_the_same_configuration(world):
    """Whatever became of the first."""
    first = await world.submit()
    await world.jobs.cancel(first.job_id)
    again = await world.jobs.rerun(first.job_id, idempotency_key="again")
    assert again.job_id != first.job_id
    assert await world.jobs.configuration(again.job_id) == config()
    with pytest.raises(JobNotFound):
        await world.jobs.rerun("j_0000000000000000", idempotency_key="x")


async def test_what_cannot_run_becomes_no_job(world):
    """A rejected configuration, an absent input, an unknown bucket."""
    with pytest.raises(InputError, match="nowhere") as raised:
        await world.submit(input_path="nowhere.csv")
    assert raised.value.code == "input_not_found"
    with pytest.raises(NotFound, match="bucket 'x'"):
        await world.submit(input_bucket="x")
    with pytest.raises(NotFound, match="bucket 'y'"):
        await world.submit(output_bucket="y")
    world.pipeline.rejects = True
    with pytest.raises(Rejected):
        await world.submit()
    assert (await world.jobs.history(JobQuery())).jobs == ()


async def test_customers_do_not_reach_each_others_jobs(world):
    """To one the other's job does not exist, by any call."""
    job = await world.submit()
    bob = world.service.customer("bob")
    for call in (bob.status, bob.configuration, bob.cancel, bob.pause, bob.resume, bob.log):
        with pytest.raises(JobNotFound):
            await call(job.job_id)
    for call in (bob.manifest, bob.report):
        with pytest.raises(JobNotFound):
            await call(job.job_id)
    his = await world.submit(jobs=bob)
    assert [one.job_id for one in (await bob.history(JobQuery())).jobs] == [his.job_id]
    assert (await bob.event_page(after=0)).events[0].job_id == his.job_id


async def chunks(*parts: bytes):
    for part in parts:
        yield part


async def test_an_upload_lies_under_its_digest(world):
    """What is already there is not read again."""
    digest = hashlib.sha256(b"a\n1\n").hexdigest()
    path = await world.jobs.upload(digest, "csv", 4, chunks(b"a\n", b"1\n"))
    assert path == f"inputs/{digest}.csv"
    assert world.bucket.get(path) == b"a\n1\n"

    async def never():
        raise AssertionError("it was read again")
        yield b""

    assert await world.jobs.upload(digest, "csv", 4, never()) == path


@pytest.mark.parametrize("parts", [(b"a\n2\n",), (b"a\n",), (b"a\n1\n", b"more"), ()])
async def test_a_damaged_upload_leaves_nothing(world, parts):
    """Other bytes, too few, too many, none."""
    digest = hashlib.sha256(b"a\n1\n").hexdigest()
    with pytest.raises(InputError) as raised:
        await world.jobs.upload(digest, "csv", 4, chunks(*parts))
    assert raised.value.code == "upload_damaged"
    assert list(objects(world.bucket, "inputs")) == []


async def test_an_upload_that_breaks_off_leaves_nothing(world):
    """As when the sender is gone; the error is the sender's."""

    async def broken():
        yield b"a\n"
        raise ConnectionResetError("gone")

    digest = hashlib.sha256(b"a\n1\n").hexdigest()
    with pytest.raises(ConnectionResetError):
        await world.jobs.upload(digest, "csv", 4, broken())
    assert list(objects(world.bucket, "inputs")) == []


@pytest.mark.parametrize(("digest", "format"), [("0" * 64, "xls"), ("../../x", "csv"), ("", "csv")])
async def test_an_upload_has_to_be_named_by_digest_and_format(world, digest, format):
    """Anything else is the caller's mistake, and reported as that."""
    with pytest.raises(ConfigurationError):
        await world.jobs.upload(digest, format, 1, chunks(b"a"))


async def test_a_job_without_a_result_says_in_which_state_it_is(world):
    """Queued, running, failed: there is no manifest, report or part."""
    job = await world.submit()
    run = await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    for call in (world.jobs.manifest, world.jobs.report):
        with pytest.raises(ResultNotReady, match="is running") as raised:
            await call(job.job_id)
        assert raised.value.details == {"jobId": job.job_id, "status": "running"}
    with pytest.raises(ResultNotReady):
        await anext(world.jobs.read_part(job.job_id, 0))
    run.say(Failed(1, FAILURE))
    await world.reach(job.job_id, State.FAILED)
    with pytest.raises(ResultNotReady, match="is failed"):
        await world.jobs.manifest(job.job_id)


async def test_a_part_that_there_is_not_is_not_found(world):
    """Neither beyond the end nor before the beginning."""
    job = await world.submit()
    (await world.pipeline.next()).complete()
    await world.reach(job.job_id, State.COMPLETED)
    for index in (1, -1):
        with pytest.raises(NotFound, match="parts 0 to 0"):
            await anext(world.jobs.read_part(job.job_id, index))


async def test_a_watcher_sees_the_job_as_it_stands_and_then_every_change(world):
    """The snapshot first, then events without gap, none twice."""
    job = await world.submit()
    run = await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    async with asyncio.timeout(DEADLINE), aclosing(world.jobs.events(job_id=job.job_id)) as events:
        first = await anext(events)
        assert (first.event, first.data.status) == ("job.updated", RUNNING)
        other = await world.submit()
        run.say(StageStarted(1, "fit"), *(Progressed(1, "fit", float(n)) for n in range(20)))
        run.complete()
        seen = []
        async for event in events:
            seen.append(event)
            if event.data.status.is_terminal:
                break
    assert {event.job_id for event in seen} == {job.job_id}
    assert [event.event for event in seen] == ["job.updated"] * 21 + ["job.completed"]
    assert seen[0].cursor > first.cursor
    assert [e.data.stages[2].progress for e in seen[1:-1]] == [float(n) for n in range(20)]
    assert other.job_id != job.job_id


async def test_events_from_a_cursor_are_gapless(world):
    """From the first to now, then on, of any job."""
    jobs = [await world.submit() for _ in range(2)]
    for _ in jobs:
        run = await world.pipeline.next()
        run.complete()
    for job in jobs:
        await world.reach(job.job_id, State.COMPLETED)
    page = await world.jobs.event_page(after=0)
    assert [event.cursor for event in page.events] == list(range(1, page.cursor + 1))
    assert [event.event for event in page.events if event.job_id == jobs[0].job_id] == [
        "job.created",
        "job.updated",
        "job.completed",
    ]
    seen = []
    async with asyncio.timeout(DEADLINE), aclosing(world.jobs.events(after=1)) as events:
        async for event in events:
            seen.append(event)
            if event.cursor == page.cursor:
                break
    assert tuple(seen) == page.events[1:]


async def test_each_action_has_its_own_event(world):
    """Paused, resumed and cancelled are reported by their names."""
    job = await world.submit()
    await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    await world.jobs.pause(job.job_id)
    await world.jobs.resume(job.job_id)
    await world.jobs.cancel(job.job_id)
    names = [event.event for event in (await world.jobs.event_page(after=0)).events]
    assert [name for name in names if name != "job.updated"] == [
        "job.created",
        "job.paused",
        "job.resumed",
        "job.cancelled",
    ]


async def test_an_empty_page_of_events_waits_for_the_first(world):
    """And is given back empty, at the same place, when none comes in time."""
    here = (await world.jobs.event_page()).cursor
    empty = await world.jobs.event_page(after=here, wait=0.01)
    assert (empty.events, empty.cursor) == ((), here)
    waiting = asyncio.create_task(world.jobs.event_page(after=here, wait=10))
    job = await world.submit()
    assert (await waiting).events[0].job_id == job.job_id


async def test_a_synchronous_submit_answers_at_the_end(world):
    """``isAsync: false`` gives the terminal status."""
    submit = asyncio.create_task(world.submit(is_async=False))
    run = await world.pipeline.next()
    assert not submit.done()
    run.complete()
    assert (await asyncio.wait_for(submit, DEADLINE)).status is State.COMPLETED


async def test_a_synchronous_submit_waits_no_longer_than_it_may(tmp_path):
    """Then it answers with the job as it stands, and the job goes on."""
    async with a_world(tmp_path, wait_seconds=0.05) as world:
        status = await world.submit(is_async=False)
        assert status.status in {QUEUED, RUNNING}
        (await world.pipeline.next()).complete()
        await world.reach(status.job_id, State.COMPLETED)


@pytest.mark.parametrize("error", [ValueError("a bug"), TimeoutError("another")])
async def test_a_bug_in_the_pipeline_fails_the_job(world, error, caplog):
    """With a code that says whose fault it is; the service goes on."""
    job = await world.submit()
    run = await world.pipeline.next()
    with caplog.at_level(logging.ERROR, "datagen_nb.service"):
        run.say(error)
        failed = await world.reach(job.job_id, State.FAILED)
    assert failed.error.code == "internal_error"
    assert type(error).__name__ in failed.error.message
    assert str(error) not in failed.error.message
    assert caplog.records[0].exc_info[1] is error
    await world.cleaned(job.job_id)
    await world.submit()
    (await world.pipeline.next()).complete()


async def test_a_refusal_from_the_pipeline_keeps_its_own_code(world):
    """An error that this package raises on purpose is no bug."""
    job = await world.submit()
    run = await world.pipeline.next()
    run.say(InputError("Row 3 is odd.", code="ragged_row", details={"row": 3}))
    failed = await world.reach(job.job_id, State.FAILED)
    assert (failed.error.code, failed.error.message) == ("ragged_row", "Row 3 is odd.")
    assert failed.error.details["row"] == 3


async def test_a_failure_is_reported_once_and_leaves_nothing(world):
    """In the status, in the log, as an event."""
    job = await world.submit()
    run = await world.pipeline.next()
    run.say(StageStarted(1, "fit"), Logged("info", "so far"), Failed(1, FAILURE))
    failed = await world.reach(job.job_id, State.FAILED)
    assert failed.error == FAILURE
    assert failed.stages[2].status == "failed"
    await run.closed.wait()
    await world.cleaned(job.job_id)
    errors = [line for line in await world.jobs.log(job.job_id) if line.level == "error"]
    assert [line.message for line in errors] == [FAILURE.message]


async def test_a_service_describes_itself(world):
    """Its health is the pipeline's, its workers those that run."""
    job = await world.submit()
    run = await world.pipeline.next()
    run.say(StageStarted(1, "fit"))
    await world.heard(job.job_id, lambda status: status.running_stage)
    info = await world.jobs.info()
    assert (info.health.status, info.workers) == ("healthy", {job.job_id: 1001})
    assert (await world.service.customer("bob").info()).workers == {}
    assert world.jobs.shares_files is False


async def test_names_of_jobs_sort_by_their_time_even_when_the_clock_jumps_back(world):
    """A page stays in order."""
    jobs = [await world.submit()]
    world.clock.jump(-3600)
    jobs += [await world.submit(), await world.submit()]
    names = [job.job_id for job in jobs]
    assert names == sorted(names)
    assert all(len(name) == 18 and name.startswith("j_") for name in names)


async def test_of_many_cancellations_at_once_one_is_done(world):
    """The others are refused; there is one event of it."""
    job = await world.submit()
    await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    ends = await asyncio.gather(
        *(world.jobs.cancel(job.job_id) for _ in range(10)), return_exceptions=True
    )
    assert sum(isinstance(end, ActionRefused) for end in ends) == 9
    events = (await world.jobs.event_page(after=0)).events
    assert [event.event for event in events].count("job.cancelled") == 1


async def test_a_pause_and_the_workers_words_at_once_lose_neither(world):
    """Each change is made to what the other left."""
    job = await world.submit()
    run = await world.pipeline.next()
    await world.reach(job.job_id, RUNNING)
    run.say(StageStarted(1, "fit"), *(Progressed(1, "fit", float(n)) for n in range(40)))
    await world.jobs.pause(job.job_id)
    await asyncio.wait_for(run.closed.wait(), DEADLINE)
    events = (await world.jobs.event_page(after=0)).events
    assert [event.cursor for event in events] == list(range(1, len(events) + 1))
    assert [event.event for event in events].count("job.paused") == 1
    assert events[-1].event == "job.paused"
    shown = [event.data.stages[2].progress for event in events if event.data.running_stage]
    assert shown == [0.0, *map(float, range(40))][: len(shown)]


def test_an_operator_sets_the_bounds_in_the_environment(monkeypatch):
    """As ``DATAGEN_MAX_JOBS``; what makes no sense is refused."""
    assert Settings().max_jobs == 5
    monkeypatch.setenv("DATAGEN_MAX_JOBS", "2")
    assert Settings().max_jobs == 2
    monkeypatch.setenv("DATAGEN_MAX_JOBS", "0")
    with pytest.raises(ConfigurationError, match="DATAGEN_MAX_JOBS = '0'"):
        Settings()


async def test_readers_at_one_place_are_read_for_once(world, monkeypatch):
    """What one reader gets all get; one that leaves takes nothing from the others."""
    await world.submit()
    reads, store = [], world.service.store
    events = store.events

    async def counted(customer, **which):
        reads.append(which["after"])
        return await events(customer, **which)

    monkeypatch.setattr(store, "events", counted)
    readers = [asyncio.create_task(world.jobs.event_page(after=0)) for _ in range(50)]
    await asyncio.sleep(0)
    readers[0].cancel()
    pages = await asyncio.gather(*readers[1:])
    assert reads == [0]
    assert all(page == pages[0] for page in pages)
    assert (await world.jobs.event_page(after=0)).events[0].event == "job.created"
    assert reads == [0, 0]
    assert world.service.feed.reads == {}


async def test_a_reading_that_fails_is_reported_and_done_anew(world, monkeypatch):
    """By everyone who shared it; the next one reads again."""
    await world.submit()
    events = world.service.store.events

    async def failing(customer, **which):
        raise ServiceUnavailable("Away.", code="store_unavailable")

    monkeypatch.setattr(world.service.store, "events", failing)
    asked = (world.jobs.event_page(after=0) for _ in range(3))
    refusals = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in refusals} == {ServiceUnavailable}
    monkeypatch.setattr(world.service.store, "events", events)
    assert (await world.jobs.event_page(after=0)).events
