"""Reads from the local service are cancelled, and clients dropped, without a warning."""

import asyncio
import os
import subprocess
import sys

import httpx
import pytest

from datagen_nb.api.client.session import Session
from datagen_nb.core.errors import ServiceUnavailable
from tests.deadline import DEADLINE

ROUNDS = 20

DROPPED = """
import gc, sys
import datagen_nb as dg

client = dg.connect()
client.submit(sys.argv[1], rows=5).watch(lambda status: None)
data = dg.connect().submit(sys.argv[1], rows=5).result()
dg.connect().jobs.list()
gc.collect()
"""


class Server:
    """Answers a connection's first request with a head and a first byte; the rest is the test's.

    Attributes:
        writers: Of the connections, in their order.
        ended: Set when a client has closed one.
    """

    def __init__(self, path):
        self.path = str(path)
        self.writers = []
        self.ended = asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_unix_server(self._answer, self.path)
        return self

    async def __aexit__(self, *exc):
        for writer in self.writers:
            writer.close()
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, reader, writer):
        self.writers.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await reader.read()
        self.ended.set()


@pytest.fixture
async def server(tmp_path):
    async with Server(tmp_path / "s") as one:
        yield one


async def test_a_read_is_cancelled_in_the_turn_in_which_bytes_arrive(server):
    """The loop logs nothing then."""
    logged = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: logged.append(context))
    session = Session.over_socket(server.path)

    async def read(begun):
        async with session.stream("/v1/events") as response:
            async for _ in response.aiter_raw():
                begun.set()

    for _ in range(ROUNDS):
        begun = asyncio.Event()
        reading = asyncio.create_task(read(begun))
        await begun.wait()
        await asyncio.sleep(0)  # the next read waits for the socket now
        server.writers[-1].write(b"1\r\nb\r\n")  # reaches the socket at once
        loop.call_soon(reading.cancel)  # runs before what the socket's readiness calls
        await asyncio.wait([reading])
        assert reading.cancelled()
    await session.aclose()
    assert logged == []


async def test_a_service_that_closed_an_idle_connection_is_asked_over_a_new_one(server):
    """A request is not sent into a connection that ended."""
    session = Session.over_socket(server.path)
    for count in (1, 2):
        async with session.stream("/v1/info") as response:
            chunks = response.aiter_raw()
            assert await anext(chunks) == b"a"
            server.writers[-1].write(b"0\r\n\r\n")
            assert [chunk async for chunk in chunks] == []
        assert len(server.writers) == count
        server.writers[-1].close()
        await server.writers[-1].wait_closed()
        for _ in range(3):  # turns of the loop in which the end is noticed
            await asyncio.sleep(0)
    await session.aclose()


async def test_what_is_read_while_a_session_closes_ends(server):
    """No call waits for a connection that is gone."""
    session = Session.over_socket(server.path)

    async def read_and_close():
        async with session.stream("/v1/events") as response:
            async for _ in response.aiter_raw():
                await session.aclose()

    with pytest.raises(ServiceUnavailable):
        await asyncio.wait_for(read_and_close(), DEADLINE)


async def test_a_session_that_is_dropped_closes_its_connections(server):
    """The other side sees the end, though ``aclose`` was not called."""
    session = Session.over_socket(server.path)
    async with session.stream("/v1/info") as response:
        chunks = response.aiter_raw()
        await anext(chunks)
        server.writers[-1].write(b"0\r\n\r\n")
        assert [chunk async for chunk in chunks] == []
    assert not server.ended.is_set()
    del session, response, chunks
    async with asyncio.timeout(DEADLINE):
        await server.ended.wait()


async def test_nothing_listens(tmp_path):
    """The error is httpx's own, which the session knows how to retry."""
    from datagen_nb.api.client.unix_socket import UnixTransport

    async with httpx.AsyncClient(transport=UnixTransport(str(tmp_path / "s"), idle=1)) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://datagen/")


@pytest.mark.slow
def test_clients_that_are_never_closed_warn_nowhere(tmp_path):
    """Collected or still there when the interpreter ends, and with warnings as errors."""
    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.launch import stop

    table = tmp_path / "t.csv"
    table.write_text("a,b\n" + "1,x\n2,y\n3,z\n" * 20)
    home = tmp_path / "home"
    try:
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-X", "dev", "-c", DROPPED, str(table)],
            env={**os.environ, "DATAGEN_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
    finally:
        asyncio.run(stop(Home.open(home)))
    assert ended.returncode == 0, ended.stderr
    assert not [word for word in ("Warning", "Traceback", "ignored") if word in ended.stderr], (
        ended.stderr
    )
