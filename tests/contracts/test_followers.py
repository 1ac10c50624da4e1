"""Many follow jobs over one connection, all see the end, and a slow one holds up no other."""

import asyncio
from contextlib import aclosing

import pytest

from datagen_nb.api.client import events
from datagen_nb.api.client.jobs import HttpJobs
from datagen_nb.api.client.session import MAX_CONCURRENT_CALLS
from datagen_nb.client.async_job import AsyncJob
from datagen_nb.core.errors import JobNotFound, ServiceUnavailable
from datagen_nb.core.status import State
from datagen_nb.service.settings import Settings
from tests.serving import Proxy, mock_jobs, serving, submitted

pytestmark = pytest.mark.timeout(300)

FOLLOWERS = 150
DEADLINE = 200
FEW = MAX_CONCURRENT_CALLS + 2
"""The stream, a page, and the calls that are under way at once."""


@pytest.fixture
async def line(tmp_path):
    """Jobs over HTTP, and the server whose connections are counted."""
    settings = Settings(max_waiting=FOLLOWERS, max_jobs=50, slots=50)
    async with mock_jobs(tmp_path, speed=200, settings=settings) as here, serving(here) as running:
        server, port = running
        jobs = HttpJobs.over_http(f"http://127.0.0.1:{port}")
        yield jobs, server
        await jobs.aclose()


async def most_connections(server, work):
    """The most that were open while something was done."""
    doing, most = asyncio.ensure_future(work), 0
    while not doing.done():
        most = max(most, len(server.server_state.connections))
        await asyncio.wait([doing], timeout=0.005)
    await doing
    return most


@pytest.mark.parametrize("jobs_followed", [1, FOLLOWERS])
async def test_all_followers_share_one_connection_and_see_the_end(line, jobs_followed):
    """A hundred cards do not take a hundred descriptors, of one job or of as many."""
    jobs, server = line
    made = [await submitted(jobs, str(number)) for number in range(jobs_followed)]
    followed = (made * FOLLOWERS)[:FOLLOWERS]

    async def follow():
        async with asyncio.timeout(DEADLINE):
            ends = await asyncio.gather(*(AsyncJob(jobs, job).wait() for job in followed))
        assert {end.status for end in ends} == {State.COMPLETED}
        assert [end.job_id for end in ends] == [job.job_id for job in followed]

    assert await most_connections(server, follow()) <= FEW


async def test_the_connection_closes_with_the_last_follower(line):
    """And opens again with the next."""
    jobs, _ = line
    for key in "ab":
        job = AsyncJob(jobs, await submitted(jobs, key))
        async with asyncio.timeout(DEADLINE), aclosing(job.updates()) as updates:
            await anext(updates)
            assert jobs._events._reading is not None
        assert jobs._events._reading is None


async def test_a_slow_follower_holds_up_no_other_and_sees_the_newest(line, monkeypatch):
    """Of what waits for it the oldest make room."""
    monkeypatch.setattr(events, "MAX_BUFFERED", 3)
    jobs, _ = line
    job = await submitted(jobs)
    async with asyncio.timeout(DEADLINE), aclosing(jobs.events(job_id=job.job_id)) as slow:
        await anext(slow)
        await AsyncJob(jobs, job).wait()
        rest = [await anext(slow) for _ in range(3)]
    assert rest[-1].data.status is State.COMPLETED


async def test_a_slow_follower_of_all_events_misses_none(line, monkeypatch):
    """It reads pages until it has caught up."""
    monkeypatch.setattr(events, "MAX_BUFFERED", 3)
    jobs, _ = line
    async with asyncio.timeout(DEADLINE), aclosing(jobs.events(after=0)) as slow:
        first = await submitted(jobs, "a")
        seen = [await anext(slow)]
        await AsyncJob(jobs, first).wait()
        await AsyncJob(jobs, await submitted(jobs, "b")).wait()
        while [event.event for event in seen].count("job.completed") < 2:
            seen.append(await anext(slow))
    assert [event.cursor for event in seen] == list(range(1, len(seen) + 1))


async def test_every_follower_hears_why_no_event_comes_any_more(line):
    """A client that is closed, a job that is not there."""
    jobs, _ = line
    job = await submitted(jobs)
    following = jobs.events(job_id=job.job_id)
    async with asyncio.timeout(DEADLINE), aclosing(following):
        await anext(following)
        with pytest.raises(JobNotFound):
            await anext(jobs.events(job_id="j_0000000000000000"))
        await jobs.aclose()
        with pytest.raises(ServiceUnavailable, match="closed"):
            [event async for event in following]


async def test_followers_go_on_through_a_proxy_that_cuts_the_stream(tmp_path):
    """One connection breaks; all of its followers see the end."""
    async with mock_jobs(tmp_path, speed=50) as here, serving(here) as (_, port):
        async with Proxy(port, "cuts").listening() as front:
            jobs = HttpJobs.over_http(f"http://127.0.0.1:{front}")
            job = await submitted(jobs)
            async with asyncio.timeout(DEADLINE):
                await asyncio.gather(*(AsyncJob(jobs, job).wait() for _ in range(20)))
            await jobs.aclose()
