"""A pipeline elsewhere over a network that loses, doubles and delays what is sent."""

import asyncio
import json
import logging
from contextlib import aclosing

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen_nb.api.client.session import Session
from datagen_nb.buckets.local import LocalBucket
from datagen_nb.core.changes import Completed, Failed, Progressed, StageStarted
from datagen_nb.core.errors import (
    DatagenError,
    InputError,
    JobNotFound,
    LimitReached,
    ProtocolError,
    Rejected,
    ServiceUnavailable,
)
from datagen_nb.core.pipeline import Heartbeat, InputProbe, Logged, PartsWritten
from datagen_nb.core.secrets import Secret
from datagen_nb.core.status import State
from datagen_nb.pipelines.built_in import INFO
from datagen_nb.pipelines.remote.breaker import FAILURES, OPEN_SECONDS
from datagen_nb.pipelines.remote.pipeline import OUTAGE_SECONDS, RemotePipeline
from datagen_nb.pipelines.remote.service import ABANDONED_SECONDS, FORGET_SECONDS, SWEEP_SECONDS
from tests.clock import FakeClock
from tests.remote_world import CONFIG, SIGNALS, QuickClock, a_world

KEY = "dg_0123456789ab_" + "s" * 43


def without_progress(signals):
    """Signals but for those of which only the newest is kept."""
    return [signal for signal in signals if not isinstance(signal, Progressed | PartsWritten)]


FAULTS = ("none", "loses", "forgets", "doubles", "repeats", "busy")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(FAULTS), max_size=30))
def test_whatever_the_network_does_each_signal_arrives_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, faults: list[str]
) -> None:
    """A submit makes one run, however often it is sent; the newest progress is never lost."""

    async def check() -> None:
        async with a_world(tmp_path_factory.getbasetemp(), *SIGNALS) as world:
            await world.remote.describe()
            world.network.faults = [*faults]
            signals = await world.run()
            assert without_progress(signals) == without_progress(SIGNALS)
            assert len(world.pipeline.tasks) == 1
            shown = [signal for signal in signals if not isinstance(signal, Logged)]
            assert [s for s in shown if isinstance(s, Progressed)][-1] == SIGNALS[-4]
            assert [s for s in shown if isinstance(s, PartsWritten)][-1] == SIGNALS[-3]

    asyncio.run(check())


async def test_what_was_submitted_is_the_task(tmp_path):
    """With its buckets as the server opens them."""
    async with a_world(tmp_path, *SIGNALS) as world:
        await world.run(name="tables")
        (task,) = world.pipeline.tasks
        assert task.to_wire() == world.task(name="tables").to_wire()


async def test_retry_after_is_obeyed(tmp_path):
    """A busy server says when it wants to be asked again."""
    async with a_world(tmp_path, *SIGNALS) as world:
        world.network.faults = ["busy"]
        await world.run()
        assert 7 in world.clock.slept


async def begin_and_leave(world):
    """Run the job until its first stage has started, and stop reading it."""
    world.pipeline.may_go_on.clear()
    run = world.remote.run(world.task())
    async for signal in run:
        if isinstance(signal, StageStarted):
            break
    await run.aclose()


async def test_a_closed_run_is_paused_and_resumed_by_the_next(tmp_path):
    """The server goes on with the configuration that it has, as another attempt."""
    async with a_world(tmp_path, *SIGNALS) as world:
        await begin_and_leave(world)
        assert world.pipeline.stopped == {1: 1}
        assert (await world.remote.calls.status("j_1")).status is State.PAUSED

        world.pipeline.may_go_on.set()
        world.pipeline.signals = (Completed(2, 5),)
        assert await world.run(attempt=2) == [Completed(2, 5)]
        paths = [request.url.path for request in world.network.requests]
        assert paths.count("/v1/pipeline/jobs") == 1
        assert paths.count("/v1/pipeline/jobs/j_1/resume") == 1


async def test_a_server_that_has_forgotten_the_job_gets_it_again(tmp_path):
    """The attempt is lost, the next one is submitted."""
    async with a_world(tmp_path, *SIGNALS) as world:
        world.pipeline.may_go_on.clear()
        signals = []
        async with aclosing(world.remote.run(world.task())) as run:
            async for signal in run:
                signals.append(signal)
                if isinstance(signal, StageStarted):
                    await world.restart()
        assert isinstance(signals[-1], Logged)
        assert "restarted" in signals[-1].message

        world.pipeline.may_go_on.set()
        world.pipeline.signals = (Completed(2, 5),)
        assert await world.run(attempt=2) == [Completed(2, 5)]
        assert [task.attempt for task in world.pipeline.tasks] == [1, 2]


async def test_a_worker_that_is_lost_ends_the_attempt_without_a_result(tmp_path):
    """The service makes another, for which the server keeps the job."""
    async with a_world(tmp_path, StageStarted(1, "fit")) as world:
        signals = await world.run()
        assert [type(signal) for signal in signals] == [StageStarted, Logged]
        assert (await world.remote.calls.status("j_1")).status is State.PAUSED
        world.pipeline.signals = (Completed(2, 5),)
        assert await world.run(attempt=2) == [Completed(2, 5)]


async def test_a_newer_attempt_stops_an_older_one_and_an_older_one_is_refused(tmp_path):
    """As after a service was killed: the new one takes the job over."""
    async with a_world(tmp_path, *SIGNALS) as world:
        world.pipeline.may_go_on.clear()
        older = asyncio.create_task(world.run())
        while not world.pipeline.tasks:
            await asyncio.sleep(0)
        newer = asyncio.create_task(world.run(attempt=2))
        while len(world.pipeline.tasks) < 2:
            await asyncio.sleep(0)
        assert world.pipeline.stopped[1] == 1
        assert not any(isinstance(signal, Completed | Failed) for signal in await older)
        assert await world.run() == []
        newer.cancel()
        await asyncio.wait([newer])


async def test_an_outage_is_waited_out(tmp_path):
    """And costs the job nothing; its worker goes on in the meantime."""
    async with a_world(tmp_path, *SIGNALS) as world:
        signals = []
        async with aclosing(world.remote.run(world.task())) as run:
            async for signal in run:
                signals.append(signal)
                if isinstance(signal, Heartbeat) and len(signals) == 1:
                    world.network.faults = ["loses"] * 50
        signals = [signal for signal in signals if not isinstance(signal, Heartbeat)]
        assert without_progress(signals) == without_progress(SIGNALS)


async def test_an_outage_that_lasts_is_a_failure_that_passes(tmp_path, caplog):
    """The job says that the pipeline does not answer; the log says where."""
    async with a_world(tmp_path, *SIGNALS) as world:
        world.pipeline.may_go_on.clear()
        began = None
        async with aclosing(world.remote.run(world.task())) as run:
            async for signal in run:
                if isinstance(signal, StageStarted):
                    began = world.clock.monotonic()
                    world.network.is_down = True
        assert isinstance(signal, Failed)
        assert signal.error.code == "pipeline_unavailable"
        assert signal.error.details["passing"]
        assert "http" not in signal.error.message
        assert "http://pipeline" in caplog.text
        assert world.clock.monotonic() - began > OUTAGE_SECONDS


async def test_a_pipeline_that_does_not_answer_is_left_alone_for_a_while(tmp_path):
    """After a few failures in a row, calls fail at once; one is tried now and then."""
    async with a_world(tmp_path) as world:
        await world.remote.calls.check_health()
        world.network.is_down = True
        for _ in range(FAILURES):
            with pytest.raises(ServiceUnavailable):
                await world.remote.calls.check_health()
        tried = len(world.network.requests)
        with pytest.raises(ServiceUnavailable) as refused:
            await world.remote.calls.check_health()
        assert refused.value.code == "circuit_open"
        assert len(world.network.requests) == tried
        assert (await world.remote.check_health()).status == "unhealthy"

        world.network.is_down = False
        world.clock.slept.append(OPEN_SECONDS)
        assert (await world.remote.check_health()).status == "healthy"
        await world.remote.calls.check_health()


async def test_errors_of_a_pipeline_arrive_as_they_were(tmp_path):
    """With their class, code and facts; a description is kept for a moment."""
    async with a_world(tmp_path) as world:
        probe = InputProbe(CONFIG, LocalBucket(tmp_path))
        for question in (world.remote.measure, world.remote.inspect, world.remote.preview):
            with pytest.raises(InputError) as caught:
                await question(probe)
            assert caught.value.details == {"path": "a.csv"}
        for refusal in (Rejected("Not this one."), LimitReached("Busy.", code="pipeline_busy")):
            world.pipeline.refusal = refusal
            with pytest.raises(type(refusal), match=refusal.message):
                await world.remote.check(CONFIG)
        asked = len(world.network.requests)
        assert await world.remote.describe() == await world.remote.describe() == INFO
        assert len(world.network.requests) == asked + 1


@pytest.mark.parametrize(
    ("refusal", "fields", "expected"),
    [
        (Rejected("Not this one."), {}, "Not this one."),
        (None, {"parameters": {"seeds": 1}}, "seeds"),
        (None, {"output_format": "csv", "output_path": "../x"}, None),
    ],
)
async def test_a_rejected_job_fails_and_says_why(tmp_path, refusal, fields, expected):
    """A submit is answered with ``rejected``."""
    async with a_world(tmp_path, Completed(1, 1)) as world:
        world.pipeline.refusal = refusal
        signals = await world.run(**fields)
        if expected is None:
            assert signals == [Completed(1, 1)]  # a bucket itself keeps paths inside
            return
        assert [type(signal) for signal in signals] == [Failed]
        assert signals[0].error.code == "rejected"
        assert expected in signals[0].error.message
        assert world.pipeline.tasks == []


async def test_what_lies_outside_the_roots_is_rejected(tmp_path):
    """Whichever bucket of a task it is; a probe is refused too."""
    folder = tmp_path / "root"
    folder.mkdir()
    outside = LocalBucket(tmp_path / "other")
    async with a_world(folder, Completed(1, 1)) as world:
        for name in ("bucket", "source", "target"):
            wire = {**world.task().to_wire(), name: outside.address()}
            submission = await world.service.submit("ann", wire)
            assert submission.status == "rejected"
            assert "--root" in submission.message
        with pytest.raises(DatagenError, match="--root"):
            await world.remote.inspect(InputProbe(CONFIG, outside))
        assert world.pipeline.tasks == []


@pytest.mark.parametrize("changes", [{"attempt": True}, {"more": 1}, {"bucket": "s3://x"}])
async def test_what_is_no_task_is_rejected(tmp_path, changes):
    """It says what is not understood."""
    async with a_world(tmp_path, Completed(1, 1)) as world:
        submission = await world.service.submit("ann", {**world.task().to_wire(), **changes})
        assert submission.status == "rejected"
        assert submission.message
        assert world.pipeline.tasks == []


@pytest.mark.parametrize("job_id", ["", "../j_1", "a/b", KEY, "j" * 65])
async def test_an_id_that_no_job_can_have_is_refused(tmp_path, job_id):
    """It would be part of paths, and keys would be in logs."""
    async with a_world(tmp_path, Completed(1, 1)) as world:
        with pytest.raises(JobNotFound):
            await world.service.submit("ann", {**world.task().to_wire(), "jobId": job_id})
        assert world.pipeline.tasks == []


async def test_a_caller_has_its_own_jobs(tmp_path):
    """Another's cannot be seen, stopped or resumed, though its id is known."""
    async with a_world(tmp_path, *SIGNALS) as world:
        await world.run()
        bob = world.connect(**{"x-caller": "bob"})
        for call in (
            bob.calls.status("j_1"),
            bob.calls.updates("j_1", 1),
            bob.calls.pause("j_1", 1),
            bob.calls.resume("j_1", 2),
            bob.calls.cancel("j_1"),
        ):
            with pytest.raises(DatagenError, match="does not know job"):
                await call
        assert without_progress(await world.run(remote=bob)) == without_progress(SIGNALS)
        assert len(world.pipeline.tasks) == 2
        await bob.aclose()


async def test_a_job_that_is_forgotten_is_cancelled(tmp_path):
    """Also twice, and one that the server does not know."""
    async with a_world(tmp_path, *SIGNALS) as world:
        await begin_and_leave(world)
        for job_id in ("j_1", "j_1", "j_2"):
            await world.remote.forget(job_id)
        assert (await world.remote.calls.status("j_1")).status is State.CANCELLED


async def test_jobs_wait_for_a_slot(tmp_path):
    """The server has one; the second job is queued until the first has stopped."""
    async with a_world(tmp_path, *SIGNALS) as world:
        world.pipeline.may_go_on.clear()
        first = asyncio.create_task(world.run())
        while not world.pipeline.tasks:
            await asyncio.sleep(0)
        await world.remote.calls.submit(world.task(job_id="j_2"))
        assert (await world.remote.calls.status("j_2")).status is State.QUEUED
        first.cancel()
        await asyncio.wait([first])
        while len(world.pipeline.tasks) < 2:
            await asyncio.sleep(0)
        assert (await world.remote.calls.status("j_2")).status is State.RUNNING


async def test_an_attempt_that_is_not_asked_about_is_paused_and_later_forgotten(tmp_path):
    """As of a service that was killed; it costs the machine nothing for long."""
    clock = FakeClock()
    async with a_world(tmp_path, *SIGNALS, server_clock=clock) as world:
        world.pipeline.may_go_on.clear()
        await world.remote.calls.submit(world.task())
        while not world.pipeline.tasks:
            await asyncio.sleep(0)

        async def let_pass(seconds):
            await clock.asleep(SWEEP_SECONDS)
            clock.advance(seconds)
            await clock.asleep(SWEEP_SECONDS)

        await let_pass(ABANDONED_SECONDS - 1)
        assert not world.pipeline.stopped
        await world.remote.calls.updates("j_1", 1)
        await let_pass(ABANDONED_SECONDS - 1)
        assert not world.pipeline.stopped
        await let_pass(ABANDONED_SECONDS)
        assert world.pipeline.stopped == {1: 1}
        assert (await world.remote.calls.status("j_1")).status is State.PAUSED
        await let_pass(FORGET_SECONDS)
        with pytest.raises(DatagenError, match="does not know job"):
            await world.remote.calls.status("j_1")


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError("No table."), "input_unreadable"), (RuntimeError("boom"), "internal_error")],
)
async def test_what_a_pipeline_raises_is_the_failure_of_the_job(tmp_path, error, code):
    """A mistake of the program is in the log of the server only."""
    async with a_world(tmp_path, error) as world:
        (failed,) = await world.run()
        assert failed.error.code == code
        assert "boom" not in failed.error.message


async def test_an_answer_of_something_else_is_a_protocol_error(tmp_path):
    """As of a web page at the address."""
    async with a_world(tmp_path, *SIGNALS) as world:
        for answer in (b"<html>", b"{}", b"1"):
            world.network._server = httpx.MockTransport(
                lambda _, answer=answer: httpx.Response(200, content=answer)
            )
            with pytest.raises(ProtocolError, match="check-pipeline"):
                await world.remote.calls.describe()
            with pytest.raises(ProtocolError, match="check-pipeline"):
                await world.remote.calls.pause("j_1", 1)


async def test_the_key_is_shown_nowhere(tmp_path, caplog):
    """Not by a representation, an error or the log."""
    caplog.set_level(logging.DEBUG)
    remote = RemotePipeline(Session.over_http("http://127.0.0.1:9", key=Secret(KEY)), QuickClock())
    with pytest.raises(ServiceUnavailable) as caught:
        await remote.describe()
    shown = [repr(remote), repr(vars(remote)), repr(vars(remote.calls)), str(caught.value)]
    shown += [json.dumps(caught.value.details), caplog.text]
    assert not any("sss" in text for text in shown)
    await remote.aclose()
