"""An HTTP server that keeps what it is sent and answers as a test says."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.deadline import DEADLINE


@dataclass
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came, and how to answer: bytes to send, or ``None`` to hang."""

    port: int = 0
    requests: list[Received] = field(default_factory=list)
    answer: Callable[[Received], bytes | None] = lambda request: http(204)
    connections: int = 0
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?x=1"

    async def count(self, number: int) -> list[Received]:
        async with asyncio.timeout(DEADLINE), self.came:
            await self.came.wait_for(lambda: len(self.requests) >= number)
        return self.requests

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                request = await _read(reader)
                async with self.came:
                    self.requests.append(request)
                    self.came.notify_all()
                reply = self.answer(request)
                if reply is None:
                    await reader.read()
                    return
                writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # who sent it is gone, or the test is over
        finally:
            writer.close()


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An answer."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    size = int({name.lower(): value for name, value in headers.items()}["content-length"])
    return Received(method, path, headers, await reader.readexactly(size))


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None):
    """A receiver on this machine, for the length of a block."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
