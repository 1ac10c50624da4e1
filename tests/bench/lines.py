"""A client that costs next to nothing: HTTP/1.1 over one kept line, bytes in, status out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path


class Line:
    """One connection; asks one thing after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        fields = {"host": "bench", "content-type": "application/json"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        start = f"{method} {path} HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n"
        self._writer.write(start.encode() + body)
        await self._writer.drain()

    async def head(self) -> tuple[int, int]:
        """Status and content length of the next answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0].strip()
        return int(head.split(b" ", 2)[1]), int(length or 0)

    async def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, bytes]:
        await self.send(method, path, body, **headers)
        status, length = await self.head()
        return status, await self.reader.readexactly(length)


@asynccontextmanager
async def line(socket: Path, *, within: float = 30) -> AsyncGenerator[Line, None]:
    """A line to a socket, once a server listens there."""
    start = time.perf_counter()
    while True:
        try:
            reader, writer = await asyncio.open_unix_connection(socket, limit=1 << 22)
            break
        except OSError:
            if time.perf_counter() - start > within:
                raise
            await asyncio.sleep(0.02)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
