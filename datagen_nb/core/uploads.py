"""Uploads: input files sent in chunks, and resumed after an interruption.

An upload's id is ``<sha256>.<format>`` of its file: to begin the same file again continues the
upload, and nothing is sent twice.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol

from pydantic import Field, model_validator

from datagen_nb.core.errors import ConfigurationError, Conflict, InputError, NotFound, Problem
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.places import INPUTS
from datagen_nb.core.summary import Summarized, Summary, listed
from datagen_nb.core.wire_model import Instant, RequestModel, WireModel
from datagen_nb.core.words import local_time, size

MAX_CHUNK = 1 << 20
"""Bytes of one chunk."""

MAX_SIZE = 1 << 44
"""Bytes of one input."""

WRONG_OFFSET = "upload_offset"

_DIGEST = re.compile("[0-9a-f]{64}")


class UploadRequest(RequestModel):
    """A file to upload.

    Args:
        digest: SHA-256 of its bytes, in hex.
        format: Its table format.
        size: Its size in bytes.
    """

    digest: str = Field(json_schema_extra={"pattern": "^[0-9a-f]{64}$"})
    format: str = Field(json_schema_extra=lambda schema: schema.update(enum=[*FORMATS]))
    size: int = Field(json_schema_extra={"minimum": 0, "maximum": MAX_SIZE})

    @model_validator(mode="after")
    def _check(self) -> UploadRequest:
        problems = []
        if not _DIGEST.fullmatch(self.digest):
            rule = "has to be a SHA-256 in hex"
            problems.append(Problem("digest", repr(self.digest[:80]), rule, "Send the input's."))
        if self.format not in FORMATS:
            rule = f"has to be one of {', '.join(FORMATS)}"
            given = repr(self.format[:80])
            problems.append(Problem("format", given, rule, "Send one of these."))
        if not 0 <= self.size <= MAX_SIZE:
            rule = f"has to be 0 to {MAX_SIZE:,} bytes"
            problems.append(Problem("size", str(self.size), rule, "Send the input's own."))
        if problems:
            raise ConfigurationError(problems)
        return self

    @property
    def upload_id(self) -> str:
        return f"{self.digest}.{self.format}"

    @property
    def path(self) -> str:
        """Its path in the customer's bucket."""
        return f"{INPUTS}/{self.digest}{FORMATS[self.format].endings[0]}"


class Upload(WireModel):
    """Progress of an upload.

    Args:
        upload_id: ``<sha256>.<format>``.
        size: Size of the file in bytes.
        offset: Bytes received; the next chunk begins here.
        path: Path of the finished input; absent while the upload is incomplete.
        expires: When it is deleted, unless it is continued or a job uses it.
    """

    upload_id: str
    size: int
    offset: int
    path: str | None = None
    expires: Instant | None = None


class UploadPage(Summarized, WireModel):
    """A page of uploads in order of id; ``next_cursor`` is absent on the last page."""

    uploads: tuple[Upload, ...]
    next_cursor: str | None = None

    def _summary(self) -> Summary:
        rows = [
            [
                upload.upload_id,
                size(upload.size),
                size(upload.offset),
                "" if upload.expires is None else local_time(upload.expires),
            ]
            for upload in self.uploads
        ]
        return listed(
            "Uploads",
            ["id", "size", "received", "expires"],
            rows,
            more=self.next_cursor is not None,
        )


class Uploads(Protocol):
    """One customer's uploads."""

    async def list(self, *, cursor: str = "", limit: int = 50) -> UploadPage:
        """Uploads that have begun and inputs that are kept of them, by digest.

        Args:
            cursor: ``next_cursor`` of the page before.
            limit: Uploads on the page, 1 to 500.

        Example:
            ```python
            for upload in client.uploads.list().uploads:
                client.uploads.delete(upload.upload_id)
            ```
        """
        ...

    async def begin(self, request: UploadRequest) -> Upload:
        """Begin an upload, or continue it.

        Args:
            request: Digest, format and size of the file.

        Raises:
            QuotaExceeded: There is no room for it in the customer's storage.

        Example:
            ```python
            request = UploadRequest(digest=sha256, format="csv", size=size)
            upload = await client.uploads.begin(request)
            ```
        """
        ...

    async def get(self, upload_id: str) -> Upload:
        """Get how far an upload is.

        Args:
            upload_id: ``<sha256>.<format>``.

        Raises:
            NotFound: It was never begun, or has expired.

        Example:
            ```python
            upload = await client.uploads.get(upload.upload_id)
            upload.offset
            ```
        """
        ...

    async def append(self, upload_id: str, offset: int, data: bytes) -> Upload:
        """Add a chunk; the last one makes the upload an input.

        Args:
            upload_id: ``<sha256>.<format>``.
            offset: Bytes before it.
            data: At most ``MAX_CHUNK`` bytes.

        Raises:
            NotFound: It was never begun, or has expired.
            Conflict: ``upload_offset``: it continues elsewhere; ``details["offset"]`` says where.
            InputError: ``upload_damaged``: it is not what was announced, and is dropped.

        Example:
            ```python
            upload = await client.uploads.append(upload.upload_id, upload.offset, chunk)
            ```
        """
        ...

    async def delete(self, upload_id: str) -> None:
        """Delete an upload, or the input it has become.

        Args:
            upload_id: ``<sha256>.<format>``.

        Raises:
            Conflict: ``input_in_use``: a job that has not ended reads it.

        Example:
            ```python
            await client.uploads.delete(upload.upload_id)
            ```
        """
        ...


async def send(uploads: Uploads, request: UploadRequest, chunks: AsyncIterator[bytes]) -> str:
    """Send a file from its current offset; return its path in the customer's bucket."""
    upload = await uploads.begin(request)
    if upload.path is not None:
        return upload.path
    async for place, chunk in _from(upload.offset, chunks):
        upload = await uploads.append(request.upload_id, place, chunk)
        if upload.path is not None and upload.offset > place + len(chunk):
            return upload.path  # another client has finished it
    if upload.path is None:
        await uploads.delete(request.upload_id)
        raise damaged(upload.offset, request.size)
    return upload.path


async def _from(
    start: int, chunks: AsyncIterator[bytes]
) -> AsyncGenerator[tuple[int, bytes], None]:
    """The bytes from ``start`` in chunks of ``MAX_CHUNK``, each with its offset."""
    passed, rest = 0, bytearray()
    async for chunk in chunks:
        fresh = chunk[max(start - passed, 0) :]
        passed += len(chunk)
        rest += fresh
        while len(rest) >= MAX_CHUNK:
            yield start, bytes(rest[:MAX_CHUNK])
            start += MAX_CHUNK
            del rest[:MAX_CHUNK]
    if rest:
        yield start, bytes(rest)


def request_of(upload_id: str, size: int) -> UploadRequest:
    """The upload request of an upload's id.

    Raises:
        NotFound: The id is not a valid one.
    """
    digest, _, format = upload_id.partition(".")
    try:
        return UploadRequest(digest=digest, format=format, size=size)
    except ConfigurationError as error:
        raise no_upload(upload_id) from error


def no_upload(upload_id: str) -> NotFound:
    """The error for an unknown upload."""
    return NotFound(f"There is no upload {upload_id[:80]!r}. Begin it, then send its chunks.")


def wrong_offset(given: int, offset: int) -> Conflict:
    """The error for a chunk at a wrong offset."""
    return Conflict(
        f"The upload continues at byte {offset:,}, not at {given:,}. Send it from there.",
        code=WRONG_OFFSET,
        details={"offset": offset},
    )


def damaged(arrived: int, size: int) -> InputError:
    """The error for an upload whose bytes do not have the announced size and digest."""
    return InputError(
        f"The upload is damaged: {arrived:,} of {size:,} bytes arrived, or their SHA-256 is not "
        "the announced one. Send it again.",
        code="upload_damaged",
        details={"arrived": arrived, "size": size},
    )
