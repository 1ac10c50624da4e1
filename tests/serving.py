"""A service of the mock pipeline at a port of this machine, and a proxy before it."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress

from datagen_nb.api.process.host import Server
from datagen_nb.api.server.app import make_app
from datagen_nb.api.server.event_streams import StreamTimes
from datagen_nb.core.access import LOCAL_CUSTOMER
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.pipelines.mock import MockPipeline
from datagen_nb.wiring.service import build_service
from tests.deadline import DEADLINE


@asynccontextmanager
async def serving(jobs, **times):
    """A server of some jobs, and its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        listener.setblocking(False)
        app = make_app(
            lambda _: jobs, describe=lambda info: info, stream_times=StreamTimes(**times)
        )
        server = Server(app)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(DEADLINE):
                while not server.started:
                    await asyncio.sleep(0.01)
            yield server, listener.getsockname()[1]
        finally:
            server.stop()
            await asyncio.wait_for(running, DEADLINE)


@asynccontextmanager
async def mock_jobs(folder, *, speed, **settings):
    """The jobs of one customer at a service whose pipeline plays."""
    pipeline = MockPipeline("succeeds", speed=speed, seed=7, clock=SystemClock())
    service = await build_service(folder / "jobs.sqlite", folder / "buckets", pipeline, **settings)
    await asyncio.to_thread(
        service.buckets(LOCAL_CUSTOMER, "default").put, "in.csv", b"a,b\n1,2\n3,4\n"
    )
    try:
        yield service.customer(LOCAL_CUSTOMER)
    finally:
        await service.aclose()


async def submitted(jobs, key="k"):
    config = JobConfiguration(
        data_size=20, input_format="csv", output_format="csv", input_path="in.csv"
    )
    return await jobs.create(config, idempotency_key=key)


STREAM = b"content-type: text/event-stream"


class Proxy:
    """Passes connections on, but for what it does to streams of events.

    Attributes:
        way: ``passes``; ``holds`` a stream until it ends; ``gathers`` 64 KiB of one; ``cuts`` one
            after its first words; ``dies`` then, its line to the client staying open; ``delays``
            each word.
        opened: Connections to it, ever.
        streams: Streams that went through it.
    """

    def __init__(self, upstream, way):
        self.way = way
        self.opened = 0
        self.streams = 0
        self._upstream = upstream

    @asynccontextmanager
    async def listening(self):
        """Its port."""
        async with await asyncio.start_server(self._connected, "127.0.0.1", 0) as server:
            yield server.sockets[0].getsockname()[1]

    async def _connected(self, reader, writer):
        self.opened += 1
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        ways = [self._forward(reader, up_writer), self._answer(up_reader, writer)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            up_writer.close()
            writer.close()

    async def _forward(self, reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def _answer(self, reader, writer):
        held, is_stream = b"", False
        while data := await reader.read(65536):
            if STREAM in data.lower():
                self.streams += 1
                is_stream = True
            if is_stream and self.way in {"holds", "gathers"}:
                held += data
                if self.way == "holds" or len(held) < 65536:
                    continue
                data, held = held, b""
            if is_stream and self.way == "delays":
                await asyncio.sleep(0.1)
            writer.write(data)
            await writer.drain()
            if is_stream and self.way == "cuts":
                return
            if is_stream and self.way == "dies":
                await asyncio.Event().wait()
        with suppress(ConnectionError):
            writer.write(held)
            await writer.drain()
