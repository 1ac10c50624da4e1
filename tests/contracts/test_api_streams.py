"""Pages, server-sent events and WebSockets of one log, over real sockets; nothing is left over."""

import asyncio
import json
import random
import socket
import struct
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from datagen_nb.api import wire
from datagen_nb.api.process.host import Server
from datagen_nb.api.server import event_streams
from datagen_nb.api.server.app import make_app
from datagen_nb.api.server.event_streams import DEFAULT_TIMES, StreamTimes
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.messages import OtherEvent
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.wiring.service import build_service
from tests.deadline import DEADLINE

SEED = 20
CONNECTIONS = 1000
UNKNOWN_JOB = "j_0000000000000000"


class Line:
    """A service's jobs and a server of them at a port of this machine."""

    def __init__(self, jobs, server, port):
        self.jobs = jobs
        self.server = server
        self.port = port
        self.http = f"http://127.0.0.1:{port}"
        self.ws = f"ws://127.0.0.1:{port}{wire.EVENTS}"

    async def page(self, **query):
        async with httpx.AsyncClient(base_url=self.http) as client:
            answer = await client.get(wire.EVENTS, params=query, timeout=70)
            return answer.json()["events"]

    async def sent(self, number, **query):
        """The first events of a stream of server-sent events."""
        found = []
        async with httpx.AsyncClient(base_url=self.http) as client:
            headers = {"Accept": wire.EVENT_STREAM_TYPE}
            async with client.stream("GET", wire.EVENTS, params=query, headers=headers) as answer:
                async with aclosing(answer.aiter_lines()) as received:
                    async for text in received:
                        if text.startswith('data: {"cursor"'):
                            found.append(json.loads(text.removeprefix("data: ")))
                        if len(found) == number:
                            break
        return found

    async def pushed(self, number, **query):
        """The first messages of a WebSocket."""
        async with connect(f"{self.ws}?{httpx.QueryParams(query)}") as line:
            return [await heard(line) for _ in range(number)]


async def heard(line):
    """The next event of a WebSocket, passing over what says that it is alive."""
    while "cursor" not in (received := json.loads(await line.recv())):
        pass
    return received


@pytest.fixture
async def serve():
    """Serves an application at a port until the test ends."""
    async with AsyncExitStack() as stack:

        async def start(jobs, *, times=DEFAULT_TIMES, send_timeout=20.0):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
            listener.setblocking(False)
            app = make_app(
                lambda _: jobs,
                describe=lambda info: info,
                stream_times=times,
            )
            server = Server(app, send_timeout=send_timeout)
            serving = asyncio.create_task(server.serve(sockets=[listener]))

            async def end():
                server.stop()
                await asyncio.wait_for(serving, DEADLINE)

            stack.push_async_callback(end)
            async with asyncio.timeout(DEADLINE):
                while not server.started:
                    await asyncio.sleep(0.01)
            return Line(jobs, server, listener.getsockname()[1])

        yield start


@pytest.fixture
async def service(tmp_path):
    pipeline = MockPipeline("succeeds", speed=2000, seed=7, clock=SystemClock())
    service = await build_service(tmp_path / "jobs.sqlite", tmp_path / "buckets", pipeline)
    await asyncio.to_thread(service.buckets("local", "default").put, "in.csv", b"a\n1\n")
    yield service
    await service.aclose()


@pytest.fixture
async def line(serve, service):
    return await serve(service.customer("local"))


async def made(jobs, key="k"):
    config = JobConfiguration(
        data_size=20, input_format="csv", output_format="csv", input_path="in.csv", is_async=False
    )
    return (await jobs.create(config, idempotency_key=key)).job_id


async def test_page_stream_and_websocket_tell_the_same(line):
    """The same events in the same JSON behind the same cursor."""
    await made(line.jobs)
    paged = await line.page(after=0)
    assert [event["cursor"] for event in paged] == list(range(1, len(paged) + 1))
    async with asyncio.timeout(DEADLINE):
        assert await line.sent(len(paged), after=0) == paged
        assert await line.pushed(len(paged), after=0) == paged


async def test_a_reader_may_change_its_way_anywhere(line):
    """One way goes on where the other ended."""
    await made(line.jobs)
    paged = await line.page(after=0)
    async with asyncio.timeout(DEADLINE):
        found = await line.pushed(2, after=0)
        found += await line.sent(2, after=found[-1]["cursor"])
        found += await line.pushed(1, after=found[-1]["cursor"])
        found += await line.page(after=found[-1]["cursor"])
    assert found == paged


async def test_a_websocket_tells_what_happens_from_now_on(line):
    """Without a cursor nothing old comes."""
    await made(line.jobs, "old")
    async with asyncio.timeout(DEADLINE), connect(line.ws, max_queue=None) as reader:
        new = await made(line.jobs, "new")
        first = await heard(reader)
    assert (first["event"], first["jobId"]) == ("job.created", new)


async def test_a_websocket_of_one_job_begins_with_how_it_stands(line):
    """As a stream does, so that a watcher misses nothing."""
    await made(line.jobs, "other")
    job_id = await made(line.jobs)
    async with asyncio.timeout(DEADLINE):
        [first] = await line.pushed(1, jobId=job_id)
    assert (first["jobId"], first["data"]["status"]) == (job_id, "completed")


async def test_a_websocket_of_an_unknown_job_is_not_accepted(line):
    """It hears the problem document that a page would."""
    with pytest.raises(InvalidStatus) as raised:
        async with connect(f"{line.ws}?jobId={UNKNOWN_JOB}"):
            pass
    answer = raised.value.response
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == wire.PROBLEM_TYPE
    assert json.loads(answer.body)["code"] == "job_not_found"


@pytest.mark.parametrize("query", ["after=-1", "after=x", f"after={2**63}"])
async def test_a_websocket_with_a_cursor_that_is_none_is_not_accepted(line, query):
    """Nothing is opened for it."""
    with pytest.raises(InvalidStatus):
        async with connect(f"{line.ws}?{query}"):
            pass


async def test_an_ending_service_closes_websockets_with_a_reason(line):
    """1001: its readers go on after their cursor."""
    async with asyncio.timeout(DEADLINE), connect(line.ws, max_queue=None) as reader:
        line.server.stop()
        with pytest.raises(ConnectionClosed) as raised:
            await heard(reader)
    assert raised.value.rcvd.code == event_streams.GOING_AWAY


async def test_what_a_websocket_says_is_heard_and_forgotten(line):
    """It neither ends the stream nor fills a queue."""
    async with asyncio.timeout(DEADLINE), connect(line.ws, max_queue=None) as reader:
        for _ in range(100):
            await reader.send("x" * 1000)
        job_id = await made(line.jobs)
        assert (await heard(reader))["jobId"] == job_id


@pytest.mark.parametrize("way", ["stream", "websocket"])
async def test_a_quiet_stream_opens_with_its_interval_and_has_heartbeats(serve, line, way):
    """Its reader knows how long a silence may be, whatever lies between."""
    line = await serve(line.jobs, times=StreamTimes(heartbeat=0.05))
    async with asyncio.timeout(DEADLINE):
        if way == "websocket":
            async with connect(line.ws) as reader:
                received = [json.loads(await reader.recv()) for _ in range(3)]
            assert received[0] == {"event": "welcome", "data": {"heartbeatSeconds": 0.05}}
            assert received[1:] == [{"event": "heartbeat", "data": {}}] * 2
            return
        headers = {"Accept": wire.EVENT_STREAM_TYPE}
        async with httpx.AsyncClient(base_url=line.http) as client:
            async with client.stream("GET", wire.EVENTS, headers=headers) as answer:
                assert answer.headers["X-Accel-Buffering"] == "no"
                assert "no-transform" in answer.headers["Cache-Control"]
                async with aclosing(answer.aiter_lines()) as texts:
                    received = [await anext(texts) for _ in range(6)]
    assert received[:3] == ["event: welcome", 'data: {"heartbeatSeconds":0.05}', ""]
    assert received[3:] == ["event: heartbeat", "data: {}", ""]


class Talker:
    """Jobs that have something to tell at once, as fast as it is taken; counts who listens."""

    def __init__(self):
        self.listening = 0
        self.reported = 0

    async def events(self, *, after=None, job_id=None):
        self.listening += 1
        cursor = after or 0
        try:
            while True:
                cursor += 1
                self.reported = max(self.reported, cursor)
                yield OtherEvent(
                    cursor=cursor,
                    event="alert.raised",
                    timestamp=datetime(2026, 1, 1, tzinfo=UTC),
                    data={"text": "x" * 10_000},
                )
                await asyncio.sleep(0)
        finally:
            self.listening -= 1


async def still(check, deadline=DEADLINE):
    async with asyncio.timeout(deadline):
        while not check():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("way", ["stream", "websocket"])
async def test_a_reader_that_stalls_is_dropped_and_resumes_without_loss(serve, way):
    """It holds up no other: its tasks end, and what was reported meanwhile stays bounded."""
    talker = Talker()
    line = await serve(talker, send_timeout=0.5)
    before = len(asyncio.all_tasks())
    if way == "websocket":
        reader = await connect(f"{line.ws}?after=0", max_queue=1, max_size=None)
        first = await heard(reader)
        drop = reader.transport.abort
        reader.transport.pause_reading()
    else:
        stalled = socket.create_connection(("127.0.0.1", line.port))
        stalled.sendall(_request("stream", "after=0"))
        first, drop = {"cursor": 0}, stalled.close
    await still(lambda: talker.listening == 1)
    await still(lambda: talker.listening == 0)
    assert not line.server.server_state.connections
    assert talker.reported < 5000
    drop()
    again = line.sent if way == "stream" else line.pushed
    found = await again(3, after=first["cursor"])
    assert [event["cursor"] for event in found] == [first["cursor"] + n for n in (1, 2, 3)]
    await still(lambda: len(asyncio.all_tasks()) <= before + 1)


async def test_a_slow_reader_is_disconnected_with_the_reason(serve):
    """1013, when it takes what was written before."""
    line = await serve(Talker(), times=StreamTimes(send_timeout=0.3))
    async with asyncio.timeout(DEADLINE):
        async with connect(f"{line.ws}?after=0", max_queue=1, max_size=None) as reader:
            reader.transport.pause_reading()
            await asyncio.sleep(1)
            reader.transport.resume_reading()
            async for _ in _until_closed(reader):
                pass
    assert reader.close_code == event_streams.TRY_AGAIN


async def _until_closed(reader):
    try:
        while True:
            yield await reader.recv()
    except ConnectionClosed:
        return


def _handles():
    return len([*Path("/proc/self/fd").iterdir()])


def _request(way, query):
    head = [f"GET {wire.EVENTS}?{query} HTTP/1.1", "Host: x"]
    if way == "stream":
        head.append(f"Accept: {wire.EVENT_STREAM_TYPE}")
    if way == "websocket":
        head += [
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
    return "\r\n".join([*head, "", ""]).encode()


async def _reset_somewhere(line, chance, cursor):
    """Open a connection of some kind, go some way, and reset it as a dying machine does."""
    way = chance.choice(["page", "stream", "websocket"])
    request = _request(way, f"after={cursor}&wait=60")
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    number = writer.get_extra_info("socket")
    try:
        writer.write(request[: chance.choice([0, 10, len(request), len(request), len(request)])])
        await writer.drain()
        for _ in range(chance.randrange(3)):
            async with asyncio.timeout(chance.random() * 0.3):
                await reader.read(chance.choice([1, 100, 10_000]))
        await asyncio.sleep(chance.random() * 0.1)
    except TimeoutError:
        pass
    finally:
        number.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


async def test_a_thousand_connections_that_are_reset_leave_nothing_behind(line, service):
    """No task, no handle, no listener; and the log goes on for those who come next."""
    chance = random.Random(SEED)
    await made(line.jobs, "first")
    await line.page(after=0)
    tasks, handles = len(asyncio.all_tasks()), _handles()
    room = asyncio.Semaphore(200)
    most = 0

    async def one(number):
        nonlocal most
        async with room:
            if number % 50 == 0:
                await made(line.jobs, f"k{number}")
            most = max(most, len(line.server.server_state.connections))
            await _reset_somewhere(line, chance, chance.choice([0, 10**6]))

    async with asyncio.timeout(60):
        await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    assert most > 20
    await still(lambda: not line.server.server_state.connections)
    await still(lambda: not line.server.server_state.tasks)
    await still(lambda: len(asyncio.all_tasks()) <= tasks)
    await still(lambda: _handles() <= handles)
    assert not service.busy
    paged = await line.page(after=0)
    assert [event["cursor"] for event in paged] == list(range(1, len(paged) + 1))
