"""Two services on one store, on a clock that the test moves: leases, events, one leader."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from datagen_nb.core.errors import LimitReached
from datagen_nb.core.status import State
from datagen_nb.service.service import JobService
from datagen_nb.service.settings import Settings
from tests.clock import FakeClock
from tests.contracts.test_store import Opener, adapter, opened
from tests.deadline import DEADLINE
from tests.unit.test_service import Scripted, World, bucket_of

__all__ = ["adapter", "opened"]  # fixtures: every store that several services may share

LEASE = 30


@dataclass(frozen=True)
class Place:
    opened: Opener
    folder: Path


@pytest.fixture
def place(opened, tmp_path):
    """Where services meet: the store they open, and the folder of their buckets."""
    return Place(opened, tmp_path)


@asynccontextmanager
async def member(place, clock, **settings):
    """One service of several on a store."""
    pipeline = Scripted()
    service = JobService(
        store=await place.opened(),
        buckets=lambda customer, name: bucket_of(place.folder, customer, name),
        pipeline=pipeline,
        clock=clock,
        settings=Settings(
            **{"cooldown_period": 0, "watch_seconds": 1e9, "lease_seconds": LEASE, **settings}
        ),
    )
    await service.start()
    try:
        yield World(place.folder, clock, pipeline, service)
    finally:
        await service.aclose()


@asynccontextmanager
async def pair(place, **settings):
    clock = FakeClock()
    async with member(place, clock, **settings) as a, member(place, clock, **settings) as b:
        yield clock, a, b


async def settle(*worlds):
    """Let the services come to rest: whatever waits for a store has had its answer."""
    for _ in range(10):
        for world in worlds:
            await world.service.store.documents.delete("", "nothing", "nothing")
            await world.service.store.usage("ann")


async def until(clock, condition, *worlds, seconds=0.5):
    """Let time pass in steps until something holds."""
    async with asyncio.timeout(DEADLINE):
        while not await condition():
            clock.advance(seconds)
            await settle(*worlds)


async def state(world, job_id):
    return (await world.jobs.status(job_id)).status


async def test_a_second_service_leaves_a_running_job_alone(place):
    """However long it runs, as its service renews the lease."""
    clock = FakeClock()
    async with member(place, clock) as a:
        job = await a.submit()
        run = await a.pipeline.next()
        async with member(place, clock) as b:
            for _ in range(20):
                clock.advance(LEASE / 3)
                await settle(a, b)
            status = await b.jobs.status(job.job_id)
            assert (status.status, status.attempt) == (State.RUNNING, 1)
            assert b.pipeline.runs.empty()
            assert not run.closed.is_set()
        assert await state(a, job.job_id) is State.RUNNING


async def test_a_job_whose_service_is_lost_is_taken_over_when_its_lease_has_expired(place):
    """Once, by the other, as its next attempt; and not a moment before."""
    async with pair(place) as (clock, a, b):
        job = await a.submit()
        await a.pipeline.next()
        await a.service.runner.leases.stop()  # it no longer renews, as a process that hangs
        clock.advance(LEASE - 1)
        await settle(a, b)
        assert (await b.jobs.status(job.job_id)).attempt == 1
        clock.advance(LEASE / 3 + 1)
        run = await b.pipeline.next()
        assert (run.task.job_id, run.task.attempt) == (job.job_id, 2)
        status = await b.jobs.status(job.job_id)
        assert (status.attempt, status.metadata.retry_count) == (2, 1)


async def test_a_service_that_stops_releases_its_jobs(place):
    """The other takes them over with its next look, without waiting for the lease."""
    clock = FakeClock()
    async with member(place, clock) as b:
        async with member(place, clock, slots=2) as a:
            # Both see the job; the first one has it.
            job = await a.submit()
            await a.pipeline.next()
        clock.advance(LEASE / 3)
        run = await b.pipeline.next()
        assert (run.task.job_id, run.task.attempt) == (job.job_id, 2)


async def test_a_reader_hears_what_is_submitted_elsewhere(place):
    """By its event stream, after one poll."""
    async with pair(place) as (clock, a, b):
        after = (await b.jobs.event_page()).cursor
        reading = asyncio.create_task(b.jobs.event_page(after=after, wait=3600))
        job = await a.submit()

        async def heard():
            return reading.done()

        await until(clock, heard, a, b)
        assert [event.job_id for event in (await reading).events][:1] == [job.job_id]
        assert clock.monotonic() <= 5


async def test_a_job_that_was_cancelled_elsewhere_stops(place):
    """Its worker ends although it says nothing."""
    async with pair(place) as (clock, a, b):
        job = await a.submit()
        run = await a.pipeline.next()
        await b.jobs.cancel(job.job_id)

        async def stopped():
            return run.closed.is_set()

        await until(clock, stopped, a, b)
        assert await state(a, job.job_id) is State.CANCELLED


async def test_a_job_paused_here_may_be_resumed_elsewhere(place):
    """Whichever service has room goes on with it, once."""
    async with pair(place) as (clock, a, b):
        job = await a.submit()
        run = await a.pipeline.next()
        await a.jobs.pause(job.job_id)
        await run.closed.wait()
        await b.jobs.resume(job.job_id)
        again = await b.pipeline.next()
        assert again.task.attempt == 2
        clock.advance(1)
        await settle(a, b)
        assert a.pipeline.runs.empty()


async def test_what_waits_at_a_full_service_runs_at_another(place):
    """Each process fills the slots that it has free."""
    async with pair(place, slots=1) as (clock, a, b):
        first, second = await a.submit(), await a.submit()
        assert (await a.pipeline.next()).task.job_id == first.job_id

        async def runs():
            return await state(b, second.job_id) is State.RUNNING

        await until(clock, runs, a, b)
        assert (await b.pipeline.next()).task.job_id == second.job_id


async def test_a_jobs_follower_starts_wherever_its_predecessor_ends(place):
    """The service that knows of the follower hears of the end."""
    async with pair(place, slots=1) as (clock, a, b):
        first = await a.submit()
        run = await a.pipeline.next()
        second = await b.submit("second", after=(first.job_id,))
        run.complete()

        async def runs():
            return await state(b, second.job_id) is State.RUNNING

        await until(clock, runs, a, b)


async def test_no_more_jobs_run_at_all_services_than_a_customer_may(place):
    """Nor are more taken than may wait."""
    async with pair(place, max_jobs=2, max_waiting=3) as (clock, a, b):
        results = await asyncio.gather(
            *(
                world.submit(f"{name} {n}")
                for n in range(8)
                for name, world in (("a", a), ("b", b))
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(one, LimitReached) for one in results) == 11
        for _ in range(10):
            clock.advance(1)
            await settle(a, b)
            limits = await a.jobs.limits()
            assert limits.current_jobs <= 2
        assert (limits.current_jobs, limits.waiting_jobs) == (2, 3)
        assert a.pipeline.runs.qsize() + b.pipeline.runs.qsize() == 2


async def test_one_service_leads_and_another_takes_over(place):
    """When the leader stops at once; when it is lost, after its lease."""
    clock = FakeClock()
    async with member(place, clock) as first:
        assert first.service.leads
        async with member(place, clock) as second:
            assert not second.service.leads
        async with member(place, clock) as second:
            await first.service._leadership.aclose()
            clock.advance(LEASE / 3)

            async def leads():
                return second.service.leads

            await until(clock, leads, first, second, seconds=1)
            assert not first.service.leads


async def test_by_the_default_settings_a_lost_leader_is_replaced_within_thirty_seconds(place):
    """Counted from its last renewal."""
    seconds = Settings.model_fields["lease_seconds"].default
    async with pair(place, lease_seconds=seconds) as (clock, a, b):
        lost = clock.now()
        campaign = a.service._leadership._campaign
        campaign.cancel()
        await asyncio.gather(campaign, return_exceptions=True)

        async def taken():
            return b.service.leads

        await until(clock, taken, a, b, seconds=1)
        assert clock.now() - lost <= timedelta(seconds=30)


async def test_a_leader_that_could_not_renew_steps_down(place):
    """As one that was suspended for longer than its lease, while another took over."""
    async with pair(place) as (clock, a, b):
        campaign = a.service._leadership._campaign
        campaign.cancel()
        await asyncio.gather(campaign, return_exceptions=True)
        clock.advance(LEASE + 1)

        async def taken():
            return b.service.leads

        await until(clock, taken, a, b, seconds=1)
        assert not a.service.leads
        await a.service._leadership._turn()
        assert b.service.leads
        assert not a.service.leads
        assert not a.service.scheduler._tasks
