"""Waiting for a job, watching it, and submitting it once."""

import asyncio
import threading

import pyarrow as pa
import pytest

import datagen_nb as dg
from datagen_nb.core.errors import DatagenError, IdempotencyConflict, WaitTimeout
from tests.deadline import DEADLINE


def table():
    return pa.table({"a": [1, 2, 3, 4], "b": ["x", "y", "x", "z"]})


@pytest.fixture
def client():
    with dg.connect("mock", speed=200) as connected:
        yield connected


@pytest.fixture
def slow():
    """Jobs that do not end by themselves."""
    with dg.connect("mock", scenario="slow", speed=1) as connected:
        yield connected


@pytest.mark.parametrize("name", ["wait", "result"])
@pytest.mark.parametrize("timeout", [0, 0.05])
def test_waiting_with_a_timeout_ends_and_the_job_goes_on(slow, name, timeout):
    """It says how the job stands and how to go on."""
    job = slow.submit(table(), rows=5)
    with pytest.raises(WaitTimeout, match=r"not ended after 0(.05)? s.*goes on.*wait\(\) or") as it:
        getattr(job, name)(timeout=timeout)
    assert isinstance(it.value, DatagenError)
    assert isinstance(it.value, TimeoutError)
    assert it.value.details["jobId"] == job.id
    assert not job.status.status.is_terminal


@pytest.mark.parametrize("name", ["wait", "result"])
async def test_an_awaited_job_takes_a_timeout_too(name):
    """The same on a loop of one's own."""
    async with dg.AsyncClient.connect("mock", scenario="slow", speed=1) as client:
        job = await client.submit(table(), rows=5)
        with pytest.raises(WaitTimeout):
            await getattr(job, name)(timeout=0.05)


def test_a_job_that_has_ended_is_in_time(client):
    """However little there is."""
    job = client.submit(table(), rows=5).wait(timeout=DEADLINE)
    assert job.wait(timeout=0).status.status == "completed"
    assert len(job.result(timeout=0)) == 5


def test_a_watcher_that_raises_is_reported_once_and_the_others_go_on(client, caplog):
    """With its name; it is called again with the next status."""
    calls, ended = [], threading.Event()

    def broken(status):
        calls.append(status.status)
        raise SystemExit if status.status.is_terminal else LookupError("no such thing")

    job = client.submit(table(), rows=5)
    job.watch(broken)
    job.watch(lambda status: status.status.is_terminal and ended.set())
    assert ended.wait(DEADLINE)
    job.wait()
    assert len(calls) > 1
    [record] = [record for record in caplog.records if record.name == "datagen_nb.client"]
    assert "broken" in record.getMessage()
    assert job.id in record.getMessage()
    assert "no such thing" in caplog.text


def test_a_watching_that_ends_early_is_reported(slow, caplog):
    """Closing the client ends it, say; the sentence says so, without a traceback."""
    first = threading.Event()
    slow.submit(table(), rows=5).watch(lambda _status: first.set())
    assert first.wait(DEADLINE)
    slow.close()
    [record] = [record for record in caplog.records if "no longer watched" in record.getMessage()]
    assert record.exc_info is None


async def test_an_asynchronous_job_is_watched_until_it_is_stopped():
    """On its own loop, by a plain callback."""
    async with dg.AsyncClient.connect("mock", speed=200) as client:
        job = await client.submit(table(), rows=5)
        ended, nothing = asyncio.Event(), []
        job.watch(lambda status: status.status.is_terminal and ended.set())
        job.watch(nothing.append)()
        async with asyncio.timeout(DEADLINE):
            await ended.wait()
        assert not any(status.status.is_terminal for status in nothing)


def test_the_same_idempotency_key_gives_the_same_job(client):
    """Submitting, rerunning, from a template, in a graph; another configuration is refused."""
    source = client.configure(table(), rows=5)
    client.templates.put("t", dg.TemplateDraft(configuration=source.to_wire()))
    first = client.submit(table(), rows=5, idempotency_key="nightly 2026-11-28").wait()
    asks = [
        lambda key: client.submit(table(), rows=5, idempotency_key=key).id,
        lambda key: first.rerun(idempotency_key=key).id,
        lambda key: client.submit_template("t", idempotency_key=key).id,
        lambda key: client.submit_graph({"a": source}, idempotency_key=key)["a"].id,
    ]
    for place, ask in enumerate(asks):
        key = f"key {place}"
        assert ask(key) == ask(key) != first.id
    with pytest.raises(IdempotencyConflict):
        client.submit(table(), rows=6, idempotency_key="nightly 2026-11-28")
