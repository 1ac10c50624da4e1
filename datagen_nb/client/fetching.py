"""Bytes that arrive in chunks, written to a file and digested on the way."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from hashlib import _Hash

PIECE = 1 << 20
"""Bytes that are written at once."""


async def fetch(chunks: AsyncIterator[bytes], file: BinaryIO) -> str:
    """Write all chunks to a file; return their SHA-256, in hex."""
    digest = hashlib.sha256()
    async for piece in _pieces(chunks):
        await asyncio.to_thread(_keep, piece, file, digest)
    return digest.hexdigest()


async def _pieces(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Chunks joined until they are worth a thread's hop."""
    joined = bytearray()
    async for chunk in chunks:
        joined += chunk
        if len(joined) >= PIECE:
            yield bytes(joined)
            joined.clear()
    yield bytes(joined)


def _keep(piece: bytes, file: BinaryIO, digest: _Hash) -> None:
    digest.update(piece)
    file.write(piece)
