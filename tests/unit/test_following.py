"""Jobs that follow others: they wait, start, or fail with them, across restarts too."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen_nb.core.changes import Cancelled, Failed
from datagen_nb.core.errors import ConfigurationError, LimitReached, ServiceUnavailable
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.messages import JobQuery
from datagen_nb.core.plans import Doomed, Graph, Ready, Waiting, order, readiness
from datagen_nb.core.status import State, fold, new_status
from datagen_nb.service.tasks import RETRY_DELAY
from tests.clock import START
from tests.deadline import DEADLINE
from tests.pipelines import WEIGHTS
from tests.unit.test_service import a_world, config, world

__all__ = ["world"]  # a fixture

FAILURE = JobFailure(code="broken", message="It broke.")


def stands(state):
    status = new_status(f"j_{state}", config(), START, WEIGHTS)
    return status.model_copy(update={"status": state})


@pytest.mark.parametrize("after_failure", ["fail", "run"])
@pytest.mark.parametrize("state", [None, *State])
def test_readiness_has_an_answer_for_every_state(state, after_failure):
    """Ended well, or deleted: ready. Not ended: waiting. Ended otherwise: as was chosen."""
    found = readiness([None if state is None else stands(state)], after_failure)

    if state in {None, State.COMPLETED}:
        assert found == Ready()
    elif not state.is_terminal:
        assert found == Waiting((f"j_{state}",))
    elif after_failure == "run":
        assert found == Ready()
    else:
        assert isinstance(found, Doomed)
        assert found.error.code == "dependency_failed"
        assert found.error.details["jobId"] == f"j_{state}"


def test_one_failure_is_enough_and_need_not_wait_for_the_others():
    """What cannot start any more says so at once."""
    found = readiness([stands(State.RUNNING), stands(State.FAILED)], "fail")

    assert isinstance(found, Doomed)


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=4), max_size=10))
def test_an_order_puts_each_behind_those_it_follows_or_names_the_circle(graph):
    """The circle that is named is one: each of it follows the next."""
    graph = {str(name): [str(one) for one in before] for name, before in graph.items()}
    try:
        placed = order(graph)
    except ConfigurationError as error:
        names = error.problems[0].value.split(" → ")
        assert names[0] == names[-1]
        assert all(then in graph[name] for name, then in itertools.pairwise(names))
        return
    assert sorted(placed) == sorted(graph)
    for name, before in graph.items():
        for one in set(before) & set(graph):
            assert placed.index(one) < placed.index(name)


async def test_a_job_waits_until_those_it_follows_have_completed(world):
    """It is queued, has no place in the queue, and tells for whom it waits."""
    first, second = await world.submit(), await world.submit()
    runs = [await world.pipeline.next(), await world.pipeline.next()]

    third = await world.submit(after=(first.job_id, second.job_id))

    assert (third.status, third.queue_position) == (State.QUEUED, None)
    assert third.waiting_for == (first.job_id, second.job_id)
    runs[0].complete()
    await world.reach(first.job_id, State.COMPLETED)
    async with asyncio.timeout(DEADLINE):
        while (await world.jobs.status(third.job_id)).waiting_for != (second.job_id,):
            await asyncio.sleep(0)
    runs[1].complete()
    run = await world.pipeline.next()
    assert run.task.job_id == third.job_id
    assert (await world.jobs.status(third.job_id)).waiting_for == ()


async def test_a_job_that_follows_ended_ones_starts_at_once(world):
    """Nothing is left to wait for."""
    first = await world.submit()
    (await world.pipeline.next()).complete()
    await world.reach(first.job_id, State.COMPLETED)

    second = await world.submit(after=(first.job_id,))

    assert (await world.pipeline.next()).task.job_id == second.job_id


async def test_failure_is_passed_on_along_the_whole_chain(world):
    """With a code of its own, and what was the cause."""
    first = await world.submit()
    second = await world.submit(after=(first.job_id,))
    third = await world.submit(after=(second.job_id,))
    run = await world.pipeline.next()
    run.say(Failed(1, FAILURE))

    failed = await world.reach(third.job_id, State.FAILED)

    assert failed.error.code == "dependency_failed"
    assert failed.error.details["jobId"] == second.job_id
    assert failed.error.details["cause"] == "dependency_failed"
    error = (await world.jobs.status(second.job_id)).error
    assert (error.details["jobId"], error.details["cause"]) == (first.job_id, "broken")
    assert failed.attempt == 0


async def test_cancelling_is_passed_on_too_unless_it_runs_all_the_same(world):
    """By the choice of each that follows."""
    first = await world.submit()
    await world.pipeline.next()
    doomed = await world.submit(after=(first.job_id,))
    kept = await world.submit(after=(first.job_id,), after_failure="run")

    await world.jobs.cancel(first.job_id)

    assert (await world.reach(doomed.job_id, State.FAILED)).error.details["status"] == "cancelled"
    assert (await world.pipeline.next()).task.job_id == kept.job_id


async def test_a_waiting_job_can_be_cancelled_and_paused_and_resumed(world):
    """Resumed, it waits again for those that have not ended."""
    first = await world.submit()
    run = await world.pipeline.next()
    cancelled = await world.submit(after=(first.job_id,))
    paused = await world.submit(after=(first.job_id,))
    await world.jobs.cancel(cancelled.job_id)
    await world.jobs.pause(paused.job_id)

    resumed = await world.jobs.resume(paused.job_id)

    assert resumed.waiting_for == (first.job_id,)
    run.complete()
    assert (await world.pipeline.next()).task.job_id == paused.job_id
    assert (await world.jobs.status(cancelled.job_id)).status is State.CANCELLED


async def test_a_waiting_job_does_not_hold_up_those_behind_it(world):
    """Others take the slots meanwhile."""
    first = await world.submit()
    await world.pipeline.next()
    await world.submit(after=(first.job_id,))

    other = await world.submit()

    assert (await world.pipeline.next()).task.job_id == other.job_id


async def test_jobs_go_on_waiting_after_a_restart(tmp_path):
    """And what ended while it was not watched is taken into account."""
    async with a_world(tmp_path) as world:
        first, lost = await world.submit(), await world.submit()
        waits = await world.submit(after=(first.job_id,))
        doomed = await world.submit(after=(lost.job_id,))
        store = world.service.store
    async with a_world(tmp_path) as world:
        store = world.service.store
        runs = {run.task.job_id: run for run in [await world.pipeline.next() for _ in "ab"]}
        assert (await world.jobs.status(waits.job_id)).waiting_for == (first.job_id,)
        # As if the service was killed between the end of one and its word to those behind it.
        world.service.runner.dependencies.ended = lambda *_: None
        runs[first.job_id].complete()
        runs[lost.job_id].say(Failed(2, FAILURE))
        await world.reach(first.job_id, State.COMPLETED)
        await world.reach(lost.job_id, State.FAILED)
        assert (await store.get("ann", waits.job_id)).status.status is State.QUEUED
    async with a_world(tmp_path) as world:
        assert (await world.pipeline.next()).task.job_id == waits.job_id
        assert (await world.reach(doomed.job_id, State.FAILED)).error.code == "dependency_failed"


async def test_a_predecessor_that_completed_and_was_deleted_dooms_nobody(tmp_path):
    """Not even when the service has been started anew since."""
    async with a_world(tmp_path) as world:
        done, slow = await world.submit(), await world.submit()
        runs = {run.task.job_id: run for run in [await world.pipeline.next() for _ in "ab"]}
        waits = await world.submit(after=(done.job_id, slow.job_id))
        runs[done.job_id].complete()
        await world.reach(done.job_id, State.COMPLETED)
        await world.jobs.delete(done.job_id)
    async with a_world(tmp_path) as world:
        (await world.pipeline.next()).complete()
        assert (await world.pipeline.next()).task.job_id == waits.job_id


async def test_unknown_and_foreign_predecessors_are_refused_alike(world):
    """Every one of them is reported; nothing is submitted."""
    foreign = await world.submit(jobs=world.service.customer("bob"))

    with pytest.raises(ConfigurationError) as caught:
        await world.submit(after=("j_nobody", foreign.job_id))

    problems = caught.value.problems
    assert [problem.value for problem in problems] == ["'j_nobody'", f"'{foreign.job_id}'"]
    assert len({(problem.field, problem.rule, problem.remedy) for problem in problems}) == 1


async def test_a_rerun_follows_nobody(world):
    """It is wanted now."""
    first = await world.submit()
    await world.pipeline.next()
    second = await world.submit(after=(first.job_id,))
    await world.jobs.cancel(first.job_id)
    await world.reach(second.job_id, State.FAILED)

    again = await world.jobs.rerun(second.job_id, idempotency_key="again")

    assert (await world.pipeline.next()).task.job_id == again.job_id


def test_a_cancelled_status_is_no_success():
    """What the rule reads is what ``fold`` makes."""
    status = fold(new_status("j_1", config(), START, WEIGHTS), Cancelled(), START)

    assert isinstance(readiness([status], "fail"), Doomed)


async def test_a_graph_that_was_refused_halfway_goes_on_under_its_key(tmp_path):
    """What was taken stays; the same graph again makes the rest, once."""
    fields = config().to_wire()
    graph = Graph(
        jobs={"c": fields | {"after": ["b"]}, "b": fields | {"after": ["a"]}, "a": fields}
    )
    async with a_world(tmp_path, max_jobs=1, max_waiting=1) as world:
        world.bucket.put("in.csv", b"a\n1\n")
        with pytest.raises(LimitReached):
            await world.jobs.plans.create_many(graph, idempotency_key="g")
        taken = (await world.jobs.history(JobQuery())).jobs
        assert len(taken) == 2
        (await world.pipeline.next()).complete()
        await world.reach(taken[1].job_id, State.COMPLETED)

        made = await world.jobs.plans.create_many(graph, idempotency_key="g")

        assert [made.jobs[name].job_id for name in "ab"] == [job.job_id for job in taken[::-1]]
        assert len((await world.jobs.history(JobQuery())).jobs) == 3
        assert made.jobs["c"].waiting_for == (made.jobs["b"].job_id,)


async def test_a_service_ends_at_once_although_its_store_takes_nothing(tmp_path, monkeypatch):
    """No caller waits for a check that cannot succeed."""
    async with a_world(tmp_path) as world:
        first = await world.submit()
        await world.pipeline.next()
        waits = await world.submit(after=(first.job_id,))
        async with asyncio.timeout(DEADLINE):
            while world.service.runner.dependencies.busy:
                await asyncio.sleep(0)

        async def full(*_):
            raise ServiceUnavailable("The disk is full.")

        monkeypatch.setattr(world.service.store, "get", full)
        world.service.runner.dependencies.ended("ann", first.job_id)
        await world.clock.asleep(RETRY_DELAY)
        monkeypatch.undo()
        async with asyncio.timeout(5):
            await world.service.runner.dependencies.aclose()
        assert (await world.jobs.status(waits.job_id)).status is State.QUEUED
