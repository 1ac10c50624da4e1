"""Buckets of Google Cloud Storage.

This module loads nothing of Google's: a ``GcsBucket`` is a name. Its first operation connects.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import quote

from datagen_nb.buckets.gcs.access import GcsAccess
from datagen_nb.core.buckets import PAGE_SIZE, Mode, ObjectMeta
from datagen_nb.core.cloud_paths import SCHEME
from datagen_nb.core.errors import NotFound, StorageError

if TYPE_CHECKING:
    from datagen_nb.buckets.gcs.connection import Connection

MAX_NAME_BYTES = 1024
"""Bytes of an object's name in UTF-8."""

READ_BYTES = 4 << 20
"""Least bytes that an open object requests at once."""

DELETES_AT_ONCE = 8

_NO_TEXT = re.compile(r"[\0\r\n\ud800-\udfff]")
"""What no object's name contains; a surrogate stands for a byte of a file's name."""


@dataclass(frozen=True)
class GcsBucket:
    """A bucket of Google Cloud Storage, or a folder in one; implements ``core.buckets.Bucket``.

    Versions are generations. An object that is replaced while it is read cannot be read on. The
    CRC32C of an object is checked whenever it is written, and read as a whole.

    Args:
        name: Of the bucket.
        prefix: The folder with all objects, ending in ``/``; empty for the whole bucket.
        access: The account and the key that are used. They are not in the address.

    Example:
        ```python
        bucket = GcsBucket("acme-tables", "customers/ann/")
        ```
    """

    name: str
    prefix: str = ""
    access: GcsAccess = field(default=GcsAccess())

    def address(self, path: str = "") -> str:
        base = f"{SCHEME}{self.name}/{quote(self.prefix)}".rstrip("/")
        return f"{base}/{quote(_checked(path))}" if path else base

    @contextmanager
    def writer(self, path: str, *, mode: Mode = "overwrite") -> Iterator[BinaryIO]:
        connection = self._connection
        from datagen_nb.buckets.gcs.upload import ResumableUpload

        upload = ResumableUpload(connection, self.name, self._object(path), mode)
        try:
            yield cast("BinaryIO", upload)
            upload.publish()
        except BaseException:
            upload.abandon()
            raise

    def put(self, path: str, data: bytes, *, mode: Mode = "overwrite") -> None:
        connection = self._connection
        from datagen_nb.buckets.gcs.upload import put

        put(connection, self.name, self._object(path), data, mode)

    def open(self, path: str) -> BinaryIO:
        connection = self._connection
        from datagen_nb.buckets.gcs.reader import Reader

        try:
            reader = Reader(connection, self.name, self._object(path))
        except NotFound:
            if next(self.list(f"{path.rstrip('/')}/", page_size=1), None):
                raise self._is_folder(path) from None
            raise
        return io.BufferedReader(reader, READ_BYTES)

    def get(self, path: str) -> bytes:
        name = self._object(path)
        with self._connection.errors(self.name, name):
            return self._connection.read(self.name, name)

    def get_range(self, path: str, start: int, stop: int) -> bytes:
        if not 0 <= start <= stop:
            raise ValueError(f"{start} to {stop} is no range of bytes")
        name = self._object(path)
        with self._connection.errors(self.name, name):
            if start == stop:
                self._connection.head(self.name, name)
                return b""
            return self._connection.read_range(self.name, name, start, stop)

    def head(self, path: str) -> ObjectMeta | None:
        try:
            name = self._object(path)
            with self._connection.errors(self.name, name):
                blob = self._connection.head(self.name, name)
        except NotFound:
            return None
        return _meta(path, blob)

    def list(
        self, prefix: str = "", *, after: str = "", page_size: int = PAGE_SIZE
    ) -> Iterator[Sequence[ObjectMeta]]:
        cut = len(self.prefix)
        objects = (
            _meta(blob.name[cut:], blob)
            for blob in self._blobs(prefix, after=after, page_size=page_size)
            # Consoles mark a folder by an object ``folder/``.
            if blob.name[cut:] != after and _is_name(blob.name[cut:])
        )
        while page := tuple(islice(objects, page_size)):
            yield page

    def delete(self, path: str) -> bool:
        try:
            return self._delete(self._object(path))
        except NotFound:
            return False

    def delete_prefix(self, prefix: str) -> int:
        if not prefix.endswith("/"):
            raise ValueError(f"{prefix!r} is no prefix of a folder: it has to end in '/'")
        if not _is_name(prefix[:-1]):
            return 0
        blobs = self._blobs(prefix)
        count = 0
        with ThreadPoolExecutor(DELETES_AT_ONCE) as pool:
            while names := [blob.name for blob in islice(blobs, PAGE_SIZE)]:
                count += sum(pool.map(self._delete, names))
        return count

    @property
    def _connection(self) -> Connection:
        try:
            from datagen_nb.buckets.gcs.connection import connection
        except ImportError as error:
            remedy = "Install it where the service runs: pip install 'datagen-nb[gcp]'."
            raise StorageError(
                f"{self.address()} takes another package to read and write. {remedy}",
                code="package_missing",
                details={"remedy": remedy},
            ) from error
        return connection(self.access)

    def _blobs(self, prefix: str, *, after: str = "", page_size: int = PAGE_SIZE) -> Iterator[Any]:
        """The objects with a prefix, from ``after`` on."""
        start, prefix = self.prefix + after, self.prefix + prefix
        with self._connection.errors(self.name, prefix):
            yield from self._connection.list(self.name, prefix, start=start, page_size=page_size)

    def _delete(self, name: str) -> bool:
        try:
            with self._connection.errors(self.name, name):
                self._connection.delete(self.name, name)
        except NotFound:
            return False
        return True

    def _object(self, path: str) -> str:
        """The name of an object in the whole bucket."""
        name = self.prefix + _checked(path)
        if len(name.encode()) > MAX_NAME_BYTES:
            raise _no_object(path)
        return name

    def _is_folder(self, path: str) -> NotFound:
        return NotFound(
            f"There is no object {path!r} in this bucket: it is a folder.",
            code="not_a_file",
            details={"path": path, "what": "a folder"},
        )


def _meta(path: str, blob: Any) -> ObjectMeta:
    return ObjectMeta(path, blob.size, str(blob.generation))


def _is_name(path: str) -> bool:
    return not any(part in ("", ".", "..") for part in path.split("/")) and not _NO_TEXT.search(
        path
    )


def _checked(path: str) -> str:
    if not _is_name(path):
        raise _no_object(path)
    return path


def _no_object(path: str) -> NotFound:
    return NotFound(f"There is no object {path!r} in this bucket.", details={"path": path})
