"""Progress that is paid for by the write: what waits, and when it is written."""

from datagen_nb.core.changes import Progressed, StageStarted
from datagen_nb.core.pipeline import Heartbeat, Logged
from datagen_nb.core.status import State
from tests.deadline import DEADLINE
from tests.unit.test_service import a_world


async def test_progress_is_written_once_in_so_many_seconds(tmp_path):
    """A heartbeat brings the newest, and the end of the job all that still waited."""
    async with a_world(tmp_path, progress_seconds=1) as world:
        job = await world.submit()
        run = await world.pipeline.next()
        run.say(StageStarted(1, "fit"), *(Progressed(1, "fit", float(n)) for n in range(50)))
        run.say(Logged("info", "half"))
        await world.heard(job.job_id, lambda status: status.running_stage is not None)
        assert await world.jobs.log(job.job_id, after=1, wait=DEADLINE)
        assert await world.service.store.last_cursor("ann") == 3

        world.clock.advance(1)
        run.say(Heartbeat())
        status = await world.heard(job.job_id, lambda status: status.running_stage.progress > 0)
        assert status.running_stage.progress == 49.0
        assert await world.service.store.last_cursor("ann") == 4

        run.say(Progressed(1, "fit", 70.0))
        world.clock.advance(0.5)
        run.complete()
        done = await world.reach(job.job_id, State.COMPLETED)
        assert await world.service.store.last_cursor("ann") == 5
        assert done.metadata.processing_time == 1.5


async def test_progress_that_waits_is_lost_with_its_attempt_alone(tmp_path):
    """The job is paused in between: it stands where it was written last."""
    async with a_world(tmp_path, progress_seconds=1) as world:
        job = await world.submit()
        run = await world.pipeline.next()
        run.say(StageStarted(1, "fit"), Progressed(1, "fit", 10.0))
        await world.heard(job.job_id, lambda status: status.running_stage is not None)
        await world.jobs.pause(job.job_id)
        await run.closed.wait()
        assert (await world.jobs.status(job.job_id)).status is State.PAUSED
        assert await world.service.store.last_cursor("ann") == 4
