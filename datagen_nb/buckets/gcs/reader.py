"""An object of Google Cloud Storage as a file to read."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import google_crc32c

from datagen_nb.buckets.gcs.connection import Connection
from datagen_nb.buckets.gcs.errors import damaged

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Reader(io.RawIOBase):
    """One generation of an object, read by ranges; its checksum is verified if all of it is read.

    Args:
        connection: Where it is read from.
        bucket: Name of its bucket.
        name: Its name there.

    Raises:
        NotFound: There is no such object; by a read: it has been replaced or deleted.
    """

    def __init__(self, connection: Connection, bucket: str, name: str) -> None:
        self._connection, self._bucket, self._name = connection, bucket, name
        with connection.errors(bucket, name):
            blob = connection.head(bucket, name)
        self._size: int = blob.size
        self._generation: int = blob.generation
        self._expected: str = blob.crc32c
        self._position = 0
        self._checksum, self._summed = google_crc32c.Checksum(), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position = (
            offset
            + {
                io.SEEK_SET: 0,
                io.SEEK_CUR: self._position,
                io.SEEK_END: self._size,
            }[whence]
        )
        if position < 0:
            raise ValueError(f"{position} is no position in a file")
        self._position = position
        return position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        start = self._position
        stop = min(start + len(view), self._size)
        if start >= stop:
            return 0
        with self._connection.errors(self._bucket, self._name):
            data = self._connection.read_range(
                self._bucket, self._name, start, stop, generation=self._generation
            )
        view[: len(data)] = data
        self._position += len(data)
        self._verify(start, data)
        return len(data)

    def _verify(self, start: int, data: bytes) -> None:
        if start != self._summed:
            return
        self._checksum.update(data)
        self._summed += len(data)
        found = base64.b64encode(self._checksum.digest()).decode()
        if self._summed == self._size and found != self._expected:
            raise damaged(f"gs://{self._bucket}/{self._name}")
