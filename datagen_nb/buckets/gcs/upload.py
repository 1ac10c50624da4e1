"""Writing objects of Google Cloud Storage: small ones in one request, others by resumable uploads.

A write whose response was lost is repeated, and may then be refused because of its own success.
Each write therefore marks its object: the writer that finds its own mark has succeeded.
"""

from __future__ import annotations

import base64
import io
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import google_crc32c
import requests
from google.api_core.exceptions import from_http_response
from google.api_core.retry import exponential_sleep_generator
from google.cloud import storage

from datagen_nb.buckets.gcs.connection import (
    FIRST_DELAY,
    LONGEST_DELAY,
    REQUEST_OPTIONS,
    RETRY_SECONDS,
    TIMEOUT,
    Connection,
)
from datagen_nb.buckets.gcs.errors import NO_ANSWER, PASSING, damaged, unavailable
from datagen_nb.core.buckets import IfVersion, Mode
from datagen_nb.core.errors import NotFound, ServiceUnavailable, VersionConflict

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MARK = "datagen-write"
"""Key of the object's metadata that names the write."""

CONTENT_TYPE = "application/octet-stream"

CHUNK_BYTES = 8 << 20
"""Bytes of one request of a resumable upload; a multiple of 256 KiB, as Google requires."""

_MADE = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})
_LOST = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_PERSISTED = re.compile(r"bytes=0-(\d+)")


def put(connection: Connection, bucket: str, name: str, data: bytes, mode: Mode) -> None:
    """Write a small object in one request; its checksum is sent with it.

    Raises:
        VersionConflict: The condition of ``mode`` does not hold.
        StorageError: The bucket cannot be used.
    """
    write = _Write(connection, bucket, name, mode)
    with write.errors():
        write.blob.upload_from_string(
            data, CONTENT_TYPE, checksum="crc32c", **write.condition, **REQUEST_OPTIONS
        )


class ResumableUpload(io.RawIOBase):
    """A file whose bytes are sent in chunks; the object is there when the last one has arrived.

    The session is opened at once, so that a missing right or a wrong bucket shows before any data
    is made. A chunk that is lost is sent again from where the server has it.

    Args:
        connection: Where it is sent to.
        bucket: Name of the bucket.
        name: The object's name there.
        mode: When the write takes place.

    Raises:
        VersionConflict: The condition of ``mode`` does not hold; also by ``publish``.
        StorageError: The bucket cannot be used.
    """

    def __init__(self, connection: Connection, bucket: str, name: str, mode: Mode) -> None:
        self._write = _Write(connection, bucket, name, mode)
        self._buffer = bytearray()
        self._sent = 0
        self._checksum = google_crc32c.Checksum()
        with self._write.errors():
            self._url: str = self._write.blob.create_resumable_upload_session(
                CONTENT_TYPE, checksum=None, **self._write.condition, **REQUEST_OPTIONS
            )

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._sent + len(self._buffer)

    def write(self, data: ReadableBuffer) -> int:
        view = memoryview(data).cast("B")
        self._buffer += view
        while len(self._buffer) > CHUNK_BYTES:
            chunk = bytes(self._buffer[:CHUNK_BYTES])
            del self._buffer[:CHUNK_BYTES]
            self._send(chunk, is_last=False)
        return len(view)

    def publish(self) -> None:
        """Send the rest; then the object is there."""
        self._write.check_condition()
        made = None
        with self._write.errors():
            made = self._send(bytes(self._buffer), is_last=True)
        if made is not None and made.get("crc32c") != self._digest():
            self._write.remove(made.get("generation"))
            raise damaged(self._write.label)

    def abandon(self) -> None:
        """End the session; without this Google ends it after a week. Nothing of it is visible."""
        with suppress(*NO_ANSWER):
            self._write.connection.uploads.delete(self._url, timeout=TIMEOUT)

    def _send(self, chunk: bytes, *, is_last: bool) -> Mapping[str, Any] | None:
        """Send a chunk; return the object's metadata if it is made, and known."""
        self._checksum.update(chunk)
        start, end = self._sent, self._sent + len(chunk)
        total = str(end) if is_last else "*"
        at, is_question = start, False
        deadline = time.monotonic() + RETRY_SECONDS
        delays = exponential_sleep_generator(FIRST_DELAY, LONGEST_DELAY, 2)
        while True:
            rest = b"" if is_question else chunk[at - start :]
            response = self._request(rest, at, total)
            if response is not None and response.status_code in _MADE:
                self._sent = end
                return cast("Mapping[str, Any]", response.json())
            if response is not None and response.status_code == HTTPStatus.PERMANENT_REDIRECT:
                there = _persisted(response)
                if there < start:
                    raise self._lost()
                if there == end and not is_last:
                    self._sent = end
                    return None
                is_ahead, at, is_question = is_question or there > at, there, False
                if is_ahead:
                    continue
            elif response is None or response.status_code in PASSING:
                is_question = True
            elif response.status_code in _LOST:
                raise self._lost()
            else:
                raise from_http_response(response)
            if time.monotonic() > deadline:
                answer = "no answer" if response is None else f"status {response.status_code}"
                raise unavailable(self._write.label, f"the bytes were answered with {answer}")
            time.sleep(next(delays))

    def _request(self, data: bytes, at: int, total: str) -> requests.Response | None:
        """Send bytes, or with none ask how many have arrived; ``None`` without a response."""
        place = f"{at}-{at + len(data) - 1}" if data else "*"
        headers = {"Content-Range": f"bytes {place}/{total}"}
        if total != "*":
            headers["X-Goog-Hash"] = f"crc32c={self._digest()}"
        try:
            return self._write.connection.uploads.put(
                self._url, data, headers=headers, timeout=TIMEOUT, allow_redirects=False
            )
        except NO_ANSWER:
            return None

    def _digest(self) -> str:
        return base64.b64encode(self._checksum.digest()).decode()

    def _lost(self) -> ServiceUnavailable:
        return unavailable(self._write.label, "the upload was interrupted, and has to start anew")


class _Write:
    """The one object that is written, and the condition of the write."""

    def __init__(self, connection: Connection, bucket: str, name: str, mode: Mode) -> None:
        self.connection, self._bucket, self._name = connection, bucket, name
        self.label = f"gs://{bucket}/{name}"
        self._mark = secrets.token_hex(16)
        self.blob = connection.client.bucket(bucket).blob(name, kms_key_name=connection.kms_key)
        self.blob.metadata = {MARK: self._mark}
        self.condition: dict[str, int] = {}
        if mode == "create":
            self.condition = {"if_generation_match": 0}
        elif isinstance(mode, IfVersion):
            if not mode.version.isdecimal():
                raise VersionConflict(self.label)
            self.condition = {"if_generation_match": int(mode.version)}

    @contextmanager
    def errors(self) -> Iterator[None]:
        """As of the connection; a write that was refused because it had succeeded has succeeded."""
        try:
            with self.connection.errors(self._bucket, self._name):
                yield
        except NotFound as error:  # the version that was to be replaced is gone
            raise VersionConflict(self.label) from error
        except VersionConflict:
            there = self._current()
            if there is None or (there.metadata or {}).get(MARK) != self._mark:
                raise

    def check_condition(self) -> None:
        """Find a conflict before the last bytes are sent.

        Google checks the condition again with the last ones; the emulators of it do not.
        """
        if self.condition:
            there = self._current()
            generation = 0 if there is None else there.generation
            if generation != self.condition["if_generation_match"]:
                raise VersionConflict(self.label)

    def remove(self, generation: str | None) -> None:
        """Remove the object, if it is still the one that this write made."""
        with suppress(NotFound, VersionConflict):
            with self.connection.errors(self._bucket, self._name):
                self.blob.delete(if_generation_match=generation, **REQUEST_OPTIONS)

    def _current(self) -> storage.Blob | None:
        try:
            with self.connection.errors(self._bucket, self._name):
                return self.connection.head(self._bucket, self._name)
        except NotFound:
            return None


def _persisted(response: requests.Response) -> int:
    """How many bytes of an upload have arrived."""
    found = _PERSISTED.fullmatch(response.headers.get("Range", ""))
    return int(found[1]) + 1 if found else 0
