"""Limits, turns, cooldown, quota and retention, on the service."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from datagen_nb.core.buckets import objects
from datagen_nb.core.changes import Failed
from datagen_nb.core.errors import (
    ActionRefused,
    ConfigurationError,
    JobNotFound,
    LimitReached,
    SubmitInFlight,
)
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.messages import JobQuery
from datagen_nb.core.status import State
from datagen_nb.service.settings import Settings
from tests.unit.test_service import Scripted, a_world

QUEUED, RUNNING, PAUSED, CANCELLED = State.QUEUED, State.RUNNING, State.PAUSED, State.CANCELLED
DAY = 86_400


async def states(jobs) -> Counter:
    return Counter(job.status for job in (await jobs.history(JobQuery(limit=500))).jobs)


async def started(world, count: int) -> list:
    return [await world.pipeline.next() for _ in range(count)]


async def test_two_hundred_submits_at_once_are_taken_up_to_the_bound(tmp_path):
    """Five run, ten wait, the others are refused; nothing that was refused is kept."""
    async with a_world(tmp_path, max_jobs=5, max_waiting=10) as world:
        await world.submit()
        answers = await asyncio.gather(
            *(world.submit(key=f"race {number}") for number in range(200)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, LimitReached)]
        assert len(refused) == 200 - 14
        assert {error.code for error in refused} == {"queue_full"}
        await started(world, 5)
        while (await states(world.jobs))[RUNNING] < 5:
            await asyncio.sleep(0)
        assert await states(world.jobs) == {RUNNING: 5, QUEUED: 10}
        limits = await world.jobs.limits()
        assert (limits.current_jobs, limits.waiting_jobs, limits.allowed) == (5, 10, False)


async def test_a_customer_may_choose_not_to_wait(tmp_path):
    """Then what could not start is refused; more than the operator allows cannot be chosen."""
    async with a_world(tmp_path, max_jobs=1, max_waiting=10) as world:
        chosen = await world.jobs.set_max_waiting(0)
        assert chosen.max_waiting == 0
        await world.submit()
        with pytest.raises(LimitReached):
            await world.submit()
        with pytest.raises(ConfigurationError, match="maxWaiting = 11"):
            await world.jobs.set_max_waiting(11)
        assert (await world.jobs.set_max_waiting(None)).max_waiting == 10
        await world.submit()


async def test_a_single_job_passes_a_thousand_of_another_customer(tmp_path):
    """It gets the next slot that comes free."""
    settings = {"slots": 2, "max_jobs": 2, "max_waiting": 1000}
    async with a_world(tmp_path, **settings) as world:
        for _ in range(50):
            await world.submit()
        first, _ = await started(world, 2)
        his = await world.submit(key="bob", jobs=world.service.customer("bob"))
        first.complete()
        assert (await world.pipeline.next()).task.job_id == his.job_id


async def test_a_paused_job_leaves_its_slot_to_the_next(tmp_path):
    """And waits for one again when it is resumed."""
    async with a_world(tmp_path, max_jobs=1) as world:
        one, two = await world.submit(), await world.submit()
        await world.pipeline.next()
        await world.reach(one.job_id, RUNNING)
        await world.jobs.pause(one.job_id)
        run = await world.pipeline.next()
        assert run.task.job_id == two.job_id
        assert (await world.jobs.resume(one.job_id)).queue_position == 1
        await world.reach(two.job_id, RUNNING)
        assert await states(world.jobs) == {RUNNING: 1, QUEUED: 1}
        run.complete()
        assert (await world.pipeline.next()).task.job_id == one.job_id


async def test_nothing_starts_in_a_cooldown(tmp_path):
    """Submits are taken and wait; seconds left are reported; then they start by themselves."""
    async with a_world(tmp_path, cooldown_period=30) as world:
        doomed = await world.submit()
        await world.pipeline.next()
        await world.reach(doomed.job_id, RUNNING)
        await world.jobs.cancel(doomed.job_id)
        waiting = await world.submit()
        his = await world.submit(key="bob", jobs=world.service.customer("bob"))
        assert (await world.pipeline.next()).task.job_id == his.job_id
        await world.clock.asleep(30)
        world.clock.advance(29)
        reported = await world.jobs.limits()
        assert (reported.cooldown_left, reported.starts_at_once, reported.allowed) == (
            1,
            False,
            True,
        )
        status = await world.jobs.status(waiting.job_id)
        assert (status.status, status.starts_after) == (QUEUED, reported.cooldown_until)
        assert world.pipeline.runs.empty()
        world.clock.advance(1)
        assert (await world.pipeline.next()).task.job_id == waiting.job_id


async def test_a_job_that_never_started_begins_no_cooldown(tmp_path):
    """Nothing of it has to be stopped: what waits behind it goes on."""
    async with a_world(tmp_path, cooldown_period=30, max_jobs=1) as world:
        running = await world.submit()
        run = await world.pipeline.next()
        doomed = await world.submit()
        waiting = await world.submit()
        await world.jobs.cancel(doomed.job_id)
        assert (await world.jobs.limits()).cooldown_left == 0
        run.complete()
        await world.reach(running.job_id, State.COMPLETED)
        assert (await world.pipeline.next()).task.job_id == waiting.job_id


@pytest.mark.parametrize(("chosen", "period"), [(None, 0), ("7", 7)])
def test_a_service_of_one_user_has_no_cooldown_unless_it_is_set(monkeypatch, chosen, period):
    """A team's has the specification's 30 seconds."""
    monkeypatch.delenv("DATAGEN_COOLDOWN_PERIOD", raising=False)
    assert Settings().cooldown_period == 30
    if chosen is not None:
        monkeypatch.setenv("DATAGEN_COOLDOWN_PERIOD", chosen)
    assert Settings.of_one_user().cooldown_period == period


async def test_a_cooldown_outlives_the_service(tmp_path):
    """A restart in its middle ends it no earlier."""
    async with a_world(tmp_path, cooldown_period=30) as world:
        clock = world.clock
        doomed = await world.submit()
        await world.reach(doomed.job_id, RUNNING)
        await world.jobs.cancel(doomed.job_id)
        waiting = await world.submit()
        clock.advance(10)
    async with a_world(tmp_path, clock=clock, cooldown_period=30) as world:
        await clock.asleep(20)
        assert world.pipeline.runs.empty()
        clock.advance(20)
        assert (await world.pipeline.next()).task.job_id == waiting.job_id


@pytest.mark.parametrize("jump", [-3600, 400 * DAY])
async def test_a_wall_clock_that_jumps_ends_nothing_early(tmp_path, jump):
    """No cooldown, no pause, no retention; what runs goes on."""
    async with a_world(tmp_path, cooldown_period=30, max_jobs=2) as world:
        ended = await world.submit()
        (await world.pipeline.next()).complete()
        await world.reach(ended.job_id, State.COMPLETED)
        paused, running = await world.submit(), None
        await world.pipeline.next()
        await world.reach(paused.job_id, RUNNING)
        await world.jobs.pause(paused.job_id)
        running = await world.submit()
        run = await world.pipeline.next()
        await world.reach(running.job_id, RUNNING)
        cancelled = await world.submit()
        await world.pipeline.next()
        await world.reach(cancelled.job_id, RUNNING)
        await world.jobs.cancel(cancelled.job_id)
        before = await world.jobs.limits()
        world.clock.jump(jump)
        assert (await world.jobs.limits()).cooldown_left == before.cooldown_left == 30
        assert await world.jobs.clean_up() == 0
        assert (await world.jobs.status(paused.job_id)).status is PAUSED
        run.complete()
        done = await world.reach(running.job_id, State.COMPLETED)
        assert done.metadata.processing_time < 60
        assert await states(world.jobs) == {State.COMPLETED: 2, PAUSED: 1, CANCELLED: 1}


async def test_a_wall_clock_that_was_set_is_reported(tmp_path):
    """By how much, and that a start adopts it; a small correction is none."""
    async with a_world(tmp_path) as world:
        world.clock.jump(60)
        assert (await world.service.health.look()).status == "healthy"
        world.clock.jump(7140)
        world.clock.advance(3)
        health = await world.service.health.look()
        assert health.status == "degraded"
        assert "forward by 2 hours" in health.message


async def test_ended_jobs_go_when_their_time_has_passed(tmp_path):
    """By themselves, record and data; running and paused ones stay; the date was known before."""
    async with a_world(tmp_path, retention_days=2, cleanup_seconds=DAY) as world:
        done, lasting = await world.submit(), await world.submit(resume_window=10 * DAY)
        first, _ = await started(world, 2)
        first.complete()
        status = await world.reach(done.job_id, State.COMPLETED)
        assert status.metadata.expiration_date == status.end_time + timedelta(days=2)
        await world.reach(lasting.job_id, RUNNING)
        await world.jobs.pause(lasting.job_id)
        for _ in range(3):
            await world.clock.asleep(DAY)
            assert (await world.jobs.status(done.job_id)).status is State.COMPLETED
            world.clock.advance(DAY)
        await world.clock.asleep(DAY)
        with pytest.raises(JobNotFound) as gone:
            await world.jobs.status(done.job_id)
        assert gone.value.code == "job_deleted"
        assert list(objects(world.bucket, f"jobs/{done.job_id}/")) == []
        assert (await world.jobs.status(lasting.job_id)).status is PAUSED


async def test_a_customer_chooses_how_long_jobs_are_kept(tmp_path):
    """Within the operator's bounds; those that are there already follow."""
    async with a_world(tmp_path, min_retention_days=1, max_retention_days=30) as world:
        job = await world.submit()
        (await world.pipeline.next()).complete()
        await world.reach(job.job_id, State.COMPLETED)
        assert await world.jobs.retention_days() == 180
        assert await world.jobs.set_retention_days(1) == 1
        status = await world.jobs.status(job.job_id)
        assert status.metadata.expiration_date == status.end_time + timedelta(days=1)
        for days in (0.5, 31, -1):
            with pytest.raises(ConfigurationError, match="retentionDays"):
                await world.jobs.set_retention_days(days)
        world.clock.advance(DAY + 1)
        assert await world.jobs.clean_up() == 1


async def test_a_job_is_deleted_on_request_once_it_has_ended(tmp_path):
    """Not before; afterwards its name means nothing, and its bytes count no more."""
    async with a_world(tmp_path) as world:
        job = await world.submit()
        run = await world.pipeline.next()
        await world.reach(job.job_id, RUNNING)
        with pytest.raises(ActionRefused, match="Cancel it first"):
            await world.jobs.delete(job.job_id)
        run.complete()
        await world.reach(job.job_id, State.COMPLETED)
        with pytest.raises(JobNotFound):
            await world.service.customer("bob").delete(job.job_id)
        await world.jobs.delete(job.job_id)
        for ask in (world.jobs.status, world.jobs.delete, world.jobs.manifest, world.jobs.log):
            with pytest.raises(JobNotFound):
                await ask(job.job_id)
        assert list(objects(world.bucket, "jobs/")) == []
        assert (await world.jobs.limits()).storage_used == 0


async def test_data_of_a_deleted_job_goes_though_the_service_died_in_between(tmp_path):
    """The tombstone says that there is something to remove."""
    async with a_world(tmp_path) as world:
        clock = world.clock
        job = await world.submit()
        (await world.pipeline.next()).complete()
        await world.reach(job.job_id, State.COMPLETED)
        await world.service.retention.delete("ann", job.job_id)
        assert list(objects(world.bucket, "jobs/"))
    async with a_world(tmp_path, clock=clock) as world:
        await clock.asleep(world.service.settings.cleanup_seconds)
        assert list(objects(world.bucket, "jobs/")) == []


async def test_bytes_kept_are_bytes_counted(tmp_path):
    """Of a completed job those in the bucket, of a cancelled or failed one none."""
    async with a_world(tmp_path) as world:
        jobs = [await world.submit() for _ in range(3)]
        assert (await world.jobs.limits()).storage_used >= 3
        runs = {run.task.job_id: run for run in await started(world, 3)}
        for job in jobs:
            await world.reach(job.job_id, RUNNING)
        runs[jobs[0].job_id].complete()
        failure = JobFailure(code="bad", message="It failed.")
        runs[jobs[1].job_id].say(Failed(1, failure))
        await world.jobs.cancel(jobs[2].job_id)
        await world.reach(jobs[0].job_id, State.COMPLETED)
        await world.cleaned(jobs[1].job_id)
        await world.cleaned(jobs[2].job_id)
        while world.service.busy:
            await asyncio.sleep(0)
        kept = sum(found.size for found in objects(world.bucket, "jobs/"))
        assert (await world.jobs.limits()).storage_used == kept > 0


async def test_the_file_that_was_asked_for_counts_and_goes_with_its_job(tmp_path):
    """Once, however many jobs wrote it; the job that wrote it last takes it along."""
    async with a_world(tmp_path) as world:
        jobs = []
        for size in (100, 70):
            jobs.append(await world.submit(output_path="out/all.csv", overwrite=True))
            run = await world.pipeline.next()
            await world.reach(jobs[-1].job_id, RUNNING)
            world.bucket.put("out/all.csv", b"x" * size)
            run.complete()
            await world.reach(jobs[-1].job_id, State.COMPLETED)
        parts = sum(found.size for found in objects(world.bucket, "jobs/"))
        assert (await world.jobs.limits()).storage_used == parts + 70
        await world.jobs.delete(jobs[0].job_id)
        assert world.bucket.head("out/all.csv").size == 70
        await world.jobs.delete(jobs[1].job_id)
        assert world.bucket.head("out/all.csv") is None
        assert (await world.jobs.limits()).storage_used == 0


async def test_what_a_cancelled_job_left_is_removed_after_a_restart(tmp_path):
    """A service that died before it could clean up does so at the next start."""
    async with a_world(tmp_path) as world:
        clock = world.clock
        job = await world.submit()
        await world.pipeline.next()
        await world.reach(job.job_id, RUNNING)
        world.service.runner.tasks.start = lambda work, name: work.close()
        await world.jobs.cancel(job.job_id)
        world.bucket.put(f"jobs/{job.job_id}/parts/part-00000.csv", b"a")
    async with a_world(tmp_path, clock=clock) as world:
        await world.cleaned(job.job_id)
        while world.service.busy:
            await asyncio.sleep(0)
        assert (await world.jobs.limits()).storage_used == 0


async def test_a_second_submit_with_a_key_in_flight_is_refused(tmp_path):
    """It is not looked at twice; a moment later it is the first one's job."""

    class Slow(Scripted):
        async def check(self, config):
            asked.set()
            await go_on.wait()

    asked, go_on = asyncio.Event(), asyncio.Event()
    async with a_world(tmp_path, pipeline=Slow()) as world:
        first = asyncio.create_task(world.submit(key="k"))
        await asked.wait()
        with pytest.raises(SubmitInFlight):
            await world.submit(key="k")
        go_on.set()
        assert (await first).job_id == (await world.submit(key="k")).job_id


async def test_a_stage_that_failed_for_a_passing_cause_is_tried_again(tmp_path):
    """A bounded number of times, each later than the one before; then it has failed."""
    failure = JobFailure(
        code="bucket_away", message="Away.", details={"stage": "write", "passing": True}
    )
    async with a_world(tmp_path, max_retries=2, retry_seconds=1) as world:
        job = await world.submit()
        for attempt, wait in ((1, 1), (2, 4)):
            run = await world.pipeline.next()
            assert run.task.attempt == attempt
            run.say(Failed(attempt, failure))
            await world.clock.asleep(wait)
            status = await world.jobs.status(job.job_id)
            assert (status.status, status.metadata.retry_count) == (QUEUED, attempt)
            world.clock.advance(wait)
        run = await world.pipeline.next()
        run.say(Failed(3, failure))
        failed = await world.reach(job.job_id, State.FAILED)
        assert (failed.error, failed.metadata.retry_count) == (failure, 2)


async def test_a_job_that_waits_to_be_tried_again_can_be_cancelled(tmp_path):
    """And is not brought back by its timer."""
    failure = JobFailure(code="away", message="Away.", details={"passing": True})
    async with a_world(tmp_path) as world:
        job = await world.submit()
        (await world.pipeline.next()).say(Failed(1, failure))
        await world.clock.asleep(1)
        await world.jobs.cancel(job.job_id)
        world.clock.advance(1)
        assert not world.service.runner.queue
        await world.reach(job.job_id, CANCELLED)


async def test_many_are_cancelled_at_once(tmp_path):
    """All that have not ended, or those that are named; each refusal is reported."""
    async with a_world(tmp_path, max_jobs=2) as world:
        jobs = [await world.submit() for _ in range(4)]
        await started(world, 2)
        for job in jobs[:2]:
            await world.reach(job.job_id, RUNNING)
        some = await world.jobs.cancel_many([jobs[0].job_id, jobs[0].job_id, "j_no"])
        assert some.cancelled == (jobs[0].job_id,)
        assert [(one.job_id, one.code) for one in some.refused] == [("j_no", "job_not_found")]
        rest = await world.jobs.cancel_many()
        assert set(rest.cancelled) == {job.job_id for job in jobs[1:]}
        assert await states(world.jobs) == {CANCELLED: 4}


async def test_a_paused_job_expires_with_an_event_of_its_own(tmp_path):
    """``job.expired``, and the status says failed and why."""
    async with a_world(tmp_path) as world:
        job = await world.submit(resume_window=60)
        await world.pipeline.next()
        await world.reach(job.job_id, RUNNING)
        await world.jobs.pause(job.job_id)
        await world.clock.asleep(60)
        world.clock.advance(60)
        failed = await world.reach(job.job_id, State.FAILED)
        assert failed.error.code == "resume_window_passed"
        events = (await world.jobs.event_page(after=0)).events
        assert events[-1].event == "job.expired"


async def test_a_full_customer_does_not_spin(tmp_path):
    """What the store refuses to start is tried again after a while, not at once."""
    async with a_world(tmp_path, max_jobs=5) as world:
        await world.service.policy.set("ann", max_jobs=1)
        world.service.policy._known.clear()
        jobs = [await world.submit() for _ in range(3)]
        run = await world.pipeline.next()
        await world.reach(run.task.job_id, RUNNING)
        assert (await states(world.jobs))[RUNNING] == 1
        run.complete()
        await world.clock.through(world.pipeline.next())
        assert len(jobs) == 3
