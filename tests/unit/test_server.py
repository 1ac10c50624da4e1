"""What the server keeps to beyond the port: how streams end, whose fault is whose, what is left."""

import asyncio
import json
import re
import socket
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import InvalidStatus

from datagen_nb.api import wire
from datagen_nb.api.client.jobs import HttpJobs
from datagen_nb.api.process.host import Server
from datagen_nb.api.server.app import make_app
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import NotFound
from datagen_nb.core.status import JobStatus, State
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.wiring.service import build_service
from tests.contracts.test_isolation import APP, described, walk
from tests.deadline import DEADLINE

TABLE = b"n,word\n1,a\n2,b\n3,c\n"
STREAM = {"Accept": wire.EVENT_STREAM_TYPE}


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
        service = await build_service(tmp_path / "jobs.sqlite", tmp_path / "buckets", pipeline)
        stack.push_async_callback(service.aclose)
        jobs = service.customer("local")
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        listener.setblocking(False)
        server = Server(make_app(lambda request: jobs, describe=lambda info: info))
        serving = asyncio.create_task(server.serve(sockets=[listener]))

        async def end():
            server.stop()
            await asyncio.wait_for(serving, DEADLINE)

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
    async with asyncio.timeout(DEADLINE), aclosing(line.jobs.events(job_id=job_id)) as events:
        status = (await anext(events)).data
        while status.status is not State.COMPLETED:
            status = (await anext(events)).data
    return status


async def test_an_ending_service_says_goodbye_to_streams_and_answers_polls(line):
    """Neither holds up its end."""
    cursor = (await line.jobs.event_page()).cursor
    async with asyncio.timeout(DEADLINE):
        async with line.plain.stream("GET", wire.EVENTS, headers=STREAM) as answer:
            read = answer.aiter_bytes()
            assert (await anext(read)).startswith(b"event: welcome\n")
            query = {"after": cursor, "wait": 60}
            poll = asyncio.ensure_future(line.plain.get(wire.EVENTS, params=query, timeout=70))
            await asyncio.wait([poll], timeout=0.3)
            line.server.stop()
            assert b"".join([chunk async for chunk in read]).endswith(
                b"event: goodbye\ndata: {}\n\n"
            )
        assert (await poll).json() == {"events": [], "cursor": cursor}


async def test_an_ending_service_opens_no_stream_any_more(line):
    """Who comes in its last moment hears why."""
    line.server._closing.set()
    answer = await line.plain.get(wire.EVENTS, headers=STREAM)
    assert answer.status_code == 503
    assert answer.json()["code"] == wire.SHUTTING_DOWN.code


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
    async with asyncio.timeout(DEADLINE):
        while len(asyncio.all_tasks()) > before:
            await asyncio.sleep(0.01)


async def test_a_hundred_and_fifty_followers_leave_room_for_a_call(line, tmp_path):
    """One card more does not make a call wait for a connection."""
    job_id = (await completed(line, tmp_path)).job_id
    async with asyncio.timeout(DEADLINE), AsyncExitStack() as stack:
        for _ in range(150):
            events = await stack.enter_async_context(aclosing(line.remote.events(job_id=job_id)))
            await anext(events)
        assert (await line.remote.status(job_id)).job_id == job_id


async def test_a_record_of_ours_that_is_broken_is_not_the_callers_fault(line, monkeypatch):
    """Only what the caller sent is answered with 422."""

    async def broken():
        JobStatus.from_wire({"status": "x"})

    monkeypatch.setattr(line.jobs, "info", broken)
    assert (await line.plain.get(wire.INFO)).status_code == 500


async def test_a_part_that_is_gone_is_reported_before_the_answer_begins(line, tmp_path):
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
        ({}, {"Last-Event-ID": str(10**30)}),
        ({}, {"Last-Event-ID": str(10**30), **STREAM}),
    ],
)
async def test_a_cursor_that_no_store_can_hold_is_refused(line, query, headers):
    """With 422, not with a fault of ours."""
    answer = await line.plain.get(wire.EVENTS, params=query, headers=headers)
    assert answer.status_code == answer.json()["status"] == 422


async def test_a_stream_begins_after_the_last_event_id(line, tmp_path):
    """It wins over ``after``, as a browser that reconnects to the same address needs."""
    await completed(line, tmp_path)
    headers = {**STREAM, "Last-Event-ID": "2"}
    opening = line.plain.stream("GET", wire.EVENTS, params={"after": 0}, headers=headers)
    async with asyncio.timeout(DEADLINE), opening as answer:
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
    async with asyncio.timeout(DEADLINE), aclosing(line.remote.events(after=0)) as events:
        event = await anext(events)
    assert (event.job_id, event.data.name) == (job_id, name)


ROUTES = [name for route in walk(APP.routes) for name in described(route)]


async def test_an_unknown_query_parameter_is_refused_by_name(line):
    """On every route; ignored, it would give another list than was asked for."""
    for route in ROUTES:
        method, path = re.sub(r"{\w+}", "x", route).split(" ")
        if "openapi" in path:  # the framework's own, the same whatever is asked
            continue
        if method == "WS":
            with pytest.raises(InvalidStatus) as refused:
                await connect_over(line, f"{path}?stauts=failed")
            reported = json.loads(refused.value.response.body)
        elif method == "HEAD":
            answer = await line.plain.head(path, params={"stauts": "failed"})
            assert answer.status_code == 422
            continue
        else:
            reported = (await line.plain.request(method, path, params={"stauts": "failed"})).json()
        assert (reported["status"], reported["code"]) == (422, "invalid_configuration"), route
        assert "stauts = 'failed'" in reported["detail"]
        if route == "GET /v1/jobs":
            assert "Did you mean status?" in reported["detail"]


def connect_over(line, path):
    place = line.server.servers[0].sockets[0].getsockname()
    return unix_connect(place, uri=f"ws://datagen{path}").__aenter__()


async def test_the_specifications_parameters_page_the_history(line, tmp_path):
    """``offset``, ``startDate`` and ``endDate``, within their bounds and not with their twins."""
    ids = [(await completed(line, tmp_path, key=str(n))).job_id for n in range(3)][::-1]

    async def asked(**params):
        answer = await line.plain.get(wire.JOBS, params=params)
        return answer.status_code, answer.json()

    status, page = await asked(limit=1, offset=1)
    assert (status, [job["jobId"] for job in page["jobs"]]) == (200, ids[1:2])
    status, rest = await asked(limit=5, cursor=page["nextCursor"])
    assert [job["jobId"] for job in rest["jobs"]] == ids[2:]
    assert (await asked(limit=1, offset=3))[1]["jobs"] == []
    assert (await asked(startDate="2100-01-01T00:00:00Z"))[1]["jobs"] == []
    assert len((await asked(endDate="2100-01-01T00:00:00Z"))[1]["jobs"]) == 3
    for params in (
        {"offset": 10_001},
        {"offset": -1},
        {"offset": 1, "cursor": page["nextCursor"]},
        {"since": "2100-01-01T00:00:00Z", "startDate": "2100-01-01T00:00:00Z"},
    ):
        assert (await asked(**params))[0] == 422
