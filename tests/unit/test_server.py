"""What the server keeps to beyond the port: how streams end, whose fault is whose, what is left."""

import asyncio
import socket
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest

from datagen_nb.api import wire
from datagen_nb.api.host import _Server
from datagen_nb.api.remote import HttpJobs
from datagen_nb.api.server import make_app
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import NotFound
from datagen_nb.core.messages import JobQuery
from datagen_nb.core.status import State
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.wiring import _service

TABLE = b"n,word\n1,a\n2,b\n3,c\n"
STREAM = {"Accept": wire.EVENT_STREAM}


class Line:
    """A service's own jobs, its server, and two ends of a real socket to it."""

    def __init__(self, jobs, server, plain, remote):
        self.jobs = jobs
        self.server = server
        self.plain = plain
        self.remote = remote


@pytest.fixture
async def line(tmp_path):
    async with AsyncExitStack() as stack:
        pipeline = MockPipeline("succeeds", speed=500, seed=7, clock=SystemClock())
        service = await _service(tmp_path / "jobs.sqlite", tmp_path / "buckets", pipeline)
        stack.push_async_callback(service.aclose)
        jobs = service.customer("local")
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        listener.setblocking(False)
        server = _Server(make_app(lambda request: jobs, describe=lambda info: info))
        serving = asyncio.create_task(server.serve(sockets=[listener]))

        async def end():
            server.end()
            await asyncio.wait_for(serving, 10)

        stack.push_async_callback(end)
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "s"))
        client = httpx.AsyncClient(transport=transport, base_url="http://datagen")
        plain = await stack.enter_async_context(client)
        remote = HttpJobs.over_socket(str(tmp_path / "s"))
        stack.push_async_callback(remote.aclose)
        (tmp_path / "in.csv").write_bytes(TABLE)
        yield Line(jobs, server, plain, remote)


async def completed(line, folder, key="key", **values):
    config = JobConfiguration(
        data_size=20,
        input_format="csv",
        output_format="csv",
        input_bucket="file",
        input_path=str(folder / "in.csv"),
        **values,
    )
    job_id = (await line.jobs.create(config, idempotency_key=key)).job_id
    async with asyncio.timeout(20), aclosing(line.jobs.events(job_id=job_id)) as events:
        status = (await anext(events)).data
        while status.status is not State.COMPLETED:
            status = (await anext(events)).data
    return status


async def test_an_ending_service_says_goodbye_to_streams_and_answers_polls(line):
    """Neither holds up its end."""
    cursor = (await line.jobs.event_page()).cursor
    async with asyncio.timeout(10):
        async with line.plain.stream("GET", wire.EVENTS, headers=STREAM) as answer:
            read = answer.aiter_bytes()
            assert await anext(read) == wire.WELCOME
            query = {"after": cursor, "wait": 60}
            poll = asyncio.ensure_future(line.plain.get(wire.EVENTS, params=query, timeout=70))
            await asyncio.wait([poll], timeout=0.3)
            line.server.end()
            assert b"".join([chunk async for chunk in read]).endswith(wire.GOODBYE)
        assert (await poll).json() == {"events": [], "cursor": cursor}


async def test_an_ending_service_opens_no_stream_any_more(line):
    """Who comes in its last moment hears why."""
    line.server._closing.set()
    answer = await line.plain.get(wire.EVENTS, headers=STREAM)
    assert answer.status_code == 503
    assert answer.json()["code"] == wire.ENDING.code


async def test_streams_that_are_dropped_leave_no_task_behind(line):
    """As many tasks afterwards as before."""
    await line.plain.get(wire.INFO)
    before = len(asyncio.all_tasks())
    async with AsyncExitStack() as stack:
        readers = []  # one that is collected closes its answer
        for _ in range(40):
            opening = line.plain.stream("GET", wire.EVENTS, headers=STREAM)
            readers.append((await stack.enter_async_context(opening)).aiter_bytes())
            await anext(readers[-1])
        assert len(asyncio.all_tasks()) > before + 40
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0.01)


async def test_a_hundred_and_fifty_followers_leave_room_for_a_call(line, tmp_path):
    """One card more does not make a call wait for a connection."""
    job_id = (await completed(line, tmp_path)).job_id
    async with asyncio.timeout(30), AsyncExitStack() as stack:
        for _ in range(150):
            events = await stack.enter_async_context(aclosing(line.remote.events(job_id=job_id)))
            await anext(events)
        assert (await line.remote.status(job_id)).job_id == job_id


async def test_a_record_of_ours_that_is_broken_is_not_the_callers_fault(line, monkeypatch):
    """Only what the caller sent is answered with 422."""

    async def broken():
        JobQuery.from_wire({"limit": "x"})

    monkeypatch.setattr(line.jobs, "info", broken)
    assert (await line.plain.get(wire.INFO)).status_code == 500


async def test_a_part_that_is_gone_is_told_before_the_answer_begins(line, tmp_path):
    """As an error with its reason, not as an answer that breaks off."""
    job_id = (await completed(line, tmp_path)).job_id
    name = (await line.jobs.manifest(job_id)).parts[0].name
    (tmp_path / "buckets" / "local" / name).unlink()
    answer = await line.plain.get(wire.job_path(job_id, "parts", "0"))
    assert answer.status_code == 404
    with pytest.raises(NotFound):
        await anext(aiter(line.remote.read_part(job_id, 0)))


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({"after": str(2**63)}, {}),
        ({"after": "-1"}, {}),
        ({}, {wire.LAST_EVENT_ID: str(10**30)}),
        ({}, {wire.LAST_EVENT_ID: str(10**30), **STREAM}),
    ],
)
async def test_a_cursor_that_no_store_can_hold_is_refused(line, query, headers):
    """With 422, not with a fault of ours."""
    answer = await line.plain.get(wire.EVENTS, params=query, headers=headers)
    assert answer.status_code == answer.json()["status"] == 422


async def test_a_stream_begins_after_the_last_event_id(line, tmp_path):
    """It wins over ``after``, as a browser that reconnects to the same address needs."""
    await completed(line, tmp_path)
    headers = {**STREAM, wire.LAST_EVENT_ID: "2"}
    opening = line.plain.stream("GET", wire.EVENTS, params={"after": 0}, headers=headers)
    async with asyncio.timeout(10), opening as answer:
        async with aclosing(answer.aiter_lines()) as lines:
            async for text in lines:
                if text.startswith("id: "):
                    break
        assert text == "id: 3"


async def test_a_page_of_one_job_holds_no_other(line, tmp_path):
    """``jobId`` narrows pages as it narrows streams; the cursor moves all the same."""
    first = await completed(line, tmp_path, key="a")
    await completed(line, tmp_path, key="b")
    whole = (await line.plain.get(wire.EVENTS, params={"after": 0})).json()
    query = {"after": 0, "jobId": first.job_id}
    mine = (await line.plain.get(wire.EVENTS, params=query)).json()
    assert {event["jobId"] for event in mine["events"]} == {first.job_id}
    assert mine["cursor"] == whole["cursor"]


async def test_a_name_with_line_separators_reaches_every_follower(line, tmp_path):
    """Through the store, the stream and back."""
    name = "one\u2028two\x85three\x0bfour"
    job_id = (await completed(line, tmp_path, name=name)).job_id
    async with asyncio.timeout(10), aclosing(line.remote.events(after=0)) as events:
        event = await anext(events)
    assert (event.job_id, event.data.name) == (job_id, name)
