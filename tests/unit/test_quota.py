"""The storage quota is a bound: for what is reserved, for what is written, for many at once."""

import asyncio

import pytest

from datagen_nb.buckets.local import LocalBucket
from datagen_nb.core.buckets import objects
from datagen_nb.core.changes import Completed
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.errors import OutputError, QuotaExceeded
from datagen_nb.core.pipeline import PartsWritten
from datagen_nb.core.status import State
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.service.jobs import submit
from tests.deadline import DEADLINE
from tests.unit.test_estimates import Looking
from tests.unit.test_service import a_world

QUOTA = 200_000


class Unmeasured(MockPipeline):
    """Makes real bytes, and takes forever to look at a table."""

    async def measure(self, look):
        await asyncio.Event().wait()


class Mistaken(MockPipeline):
    """Makes real bytes, and takes a row for a tenth of what it is."""

    async def measure(self, look):
        found = await super().measure(look)
        tenth = {format: size / 10 for format, size in found.bytes_per_row.items()}
        return found.model_copy(update={"bytes_per_row": tenth})


@pytest.mark.parametrize("kind", [Unmeasured, Mistaken, MockPipeline])
async def test_twelve_submits_at_once_keep_no_more_than_the_quota(tmp_path, monkeypatch, kind):
    """Each could have its table; none is kept beyond the bound, whatever was expected of it."""
    monkeypatch.setattr(submit, "LOOK_SECONDS", 0.05)
    clock = SystemClock()
    pipeline = kind("succeeds", speed=1000, seed=7, clock=clock)
    async with a_world(tmp_path, clock=clock, pipeline=pipeline, storage_quota=QUOTA) as world:
        for number in range(12):
            world.bucket.put(f"in-{number}.csv", b"a\n1\n")
        answers = await asyncio.gather(
            *(
                world.submit(
                    input_path=f"in-{number}.csv", data_size=2_000, parameters={"partRows": 100}
                )
                for number in range(12)
            ),
            return_exceptions=True,
        )
        taken = [one for one in answers if not isinstance(one, Exception)]
        assert taken
        assert all(isinstance(one, QuotaExceeded) for one in answers if one not in taken)

        for job in taken:
            await world.reach(job.job_id, State.COMPLETED, State.FAILED)
        ended = [await world.jobs.status(job.job_id) for job in taken]
        for job in ended:
            if job.status is State.FAILED:
                assert job.error.code == "storage_quota"
                assert job.error.details["remedy"]
                await world.cleaned(job.job_id)
        kept = sum(found.size for found in objects(world.bucket, "jobs/"))
        assert any(job.status is State.COMPLETED for job in ended)
        assert kept <= QUOTA
        assert (await world.jobs.limits()).storage_used == kept


async def test_a_job_that_writes_more_than_it_reserved_reserves_more(tmp_path):
    """While the quota has room: the next job is refused for it."""
    async with a_world(tmp_path, pipeline=Looking(), storage_quota=1_000_000) as world:
        job = await world.submit()
        reserved = (await world.jobs.limits()).storage_used
        run = await world.pipeline.next()
        run.say(PartsWritten(500_000))
        async with asyncio.timeout(DEADLINE):
            while (await world.jobs.limits()).storage_used == reserved:
                await asyncio.sleep(0)

        assert (await world.jobs.limits()).storage_used == 625_000
        with pytest.raises(QuotaExceeded):
            await world.submit(data_size=100_000)
        assert (await world.jobs.status(job.job_id)).status is State.RUNNING


async def test_a_job_ends_at_the_quota(tmp_path):
    """Its worker is stopped, what it wrote is gone, and it says why and what now."""
    async with a_world(tmp_path, pipeline=Looking(), storage_quota=1_000_000) as world:
        job = await world.submit()
        run = await world.pipeline.next()
        world.bucket.put(f"jobs/{job.job_id}/parts/part-00000.csv", b"x")
        run.say(PartsWritten(1_000_001))

        failed = await world.reach(job.job_id, State.FAILED)

        await run.closed.wait()
        await world.cleaned(job.job_id)
        assert failed.error.code == "storage_quota"
        assert "1.0 MB" in failed.error.message
        assert "fewer rows" in failed.error.details["remedy"]


async def test_the_model_of_a_completed_job_counts(tmp_path):
    """Until the job is deleted, and its model with it."""
    async with a_world(tmp_path, pipeline=Looking(), storage_quota=1_000_000) as world:
        job = await world.submit()
        run = await world.pipeline.next()
        world.bucket.put(f"jobs/{job.job_id}/model", b"m" * 400_000)
        world.bucket.put(f"jobs/{job.job_id}/parts/part-00000.csv", b"x" * 1_000)
        run.say(Completed(1, 1_000))
        await world.reach(job.job_id, State.COMPLETED)

        kept = sum(found.size for found in objects(world.bucket, "jobs/"))
        assert kept >= 401_000
        assert (await world.jobs.limits()).storage_used == kept
        await world.jobs.delete(job.job_id)
        assert (await world.jobs.limits()).storage_used == 0
        assert list(objects(world.bucket, "jobs/")) == []


async def test_a_file_in_the_bucket_counts_beside_its_parts(tmp_path):
    """Half of the quota is the most that such a job may write."""
    async with a_world(tmp_path, pipeline=Looking(), storage_quota=1_000_000) as world:
        job = await world.submit(output_path="out.csv")
        (await world.pipeline.next()).say(PartsWritten(500_001))

        failed = await world.reach(job.job_id, State.FAILED)

        assert failed.error.code == "storage_quota"


async def test_what_may_fit_is_taken_with_a_warning_and_what_cannot_is_refused(tmp_path):
    """By the two ends of the estimate; the warning names the rows that fit."""
    async with a_world(tmp_path, pipeline=Looking(), storage_quota=1_000_000) as world:
        taken = await world.submit(data_size=17_000)
        [warning] = taken.estimate.warnings
        assert (warning.code, warning.certain) == ("larger_than_quota", False)
        await world.jobs.cancel(taken.job_id)
        await world.cleaned(taken.job_id)

        with pytest.raises(QuotaExceeded, match=r"1\.0 MB"):
            await world.submit(data_size=100_000)


async def test_what_the_disk_cannot_hold_is_refused(tmp_path, monkeypatch):
    """With the rows that it could; the estimate says so before."""
    monkeypatch.setattr(LocalBucket, "free_bytes", lambda self, path: 1_000_000)
    async with a_world(tmp_path, pipeline=Looking()) as world:
        with pytest.raises(OutputError, match="on the disk are free") as refused:
            await world.submit(data_size=10**6)

        assert refused.value.code == "disk_full"
        assert str(refused.value.details["rowsThatFit"]) in refused.value.message
