"""Inputs that are sent in chunks: what is said of them, and how one is sent however it breaks off.

An upload is named by what it will be, ``<sha256>.<format>``: whoever begins it again goes on with
it, and what is there already is not sent again.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol

from pydantic import Field, model_validator

from datagen_nb.core.config import FORMATS, INPUTS
from datagen_nb.core.errors import ConfigurationError, Conflict, InputError, NotFound, Problem
from datagen_nb.core.wire_model import Instant, WireModel

MOST_CHUNK = 1 << 20
"""Bytes of one chunk."""

MOST_SIZE = 1 << 44
"""Bytes of one input."""

WRONG_OFFSET = "upload_offset"

_DIGEST = re.compile("[0-9a-f]{64}")


class UploadRequest(WireModel):
    """An input to be sent.

    Args:
        digest: SHA-256 of its bytes, in hex.
        format: One of the formats of a table.
        size: Bytes.
    """

    digest: str = Field(json_schema_extra={"pattern": "^[0-9a-f]{64}$"})
    format: str = Field(json_schema_extra={"enum": [*FORMATS]})
    size: int = Field(json_schema_extra={"minimum": 0, "maximum": MOST_SIZE})

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
        if not 0 <= self.size <= MOST_SIZE:
            rule = f"has to be 0 to {MOST_SIZE:,} bytes"
            problems.append(Problem("size", str(self.size), rule, "Send the input's own."))
        if problems:
            raise ConfigurationError(problems)
        return self

    @property
    def upload_id(self) -> str:
        return f"{self.digest}.{self.format}"

    @property
    def path(self) -> str:
        """Where it will lie in the customer's bucket."""
        return f"{INPUTS}/{self.digest}{FORMATS[self.format][0]}"


class Upload(WireModel):
    """How far an upload has come.

    Args:
        upload_id: ``<sha256>.<format>``.
        size: Bytes that it will have.
        offset: Bytes that are there; the next chunk begins here.
        path: Where the input lies, when it is whole and its digest is right.
        expires: When it is removed, unless it is sent further or a job is made of it.
    """

    upload_id: str
    size: int
    offset: int
    path: str | None = None
    expires: Instant | None = None


class Uploads(Protocol):
    """One customer's uploads."""

    async def begin(self, request: UploadRequest) -> Upload:
        """Begin an upload, or go on with it.

        Raises:
            QuotaExceeded: The customer's storage has no room for it.
        """
        ...

    async def get(self, upload_id: str) -> Upload: ...

    async def append(self, upload_id: str, offset: int, data: bytes) -> Upload:
        """Add a chunk, at most ``MOST_CHUNK`` bytes; the last one makes the upload an input.

        Raises:
            NotFound: It was never begun, or has expired.
            Conflict: ``upload_offset``: it goes on elsewhere; ``details["offset"]`` says where.
            InputError: ``upload_damaged``: it is not what was announced, and is dropped.
        """
        ...

    async def delete(self, upload_id: str) -> None:
        """Drop an upload, or the input it has become.

        Raises:
            Conflict: ``input_in_use``: a job that has not ended reads it.
        """
        ...


async def send(uploads: Uploads, request: UploadRequest, chunks: AsyncIterator[bytes]) -> str:
    """Send an input from where it stands; return its path in the customer's bucket."""
    upload = await uploads.begin(request)
    if upload.path is not None:
        return upload.path
    async for place, chunk in _from(upload.offset, chunks):
        upload = await uploads.append(request.upload_id, place, chunk)
        if upload.path is not None and upload.offset > place + len(chunk):
            return upload.path  # somebody else was quicker
    if upload.path is None:
        await uploads.delete(request.upload_id)
        raise damaged(upload.offset, request.size)
    return upload.path


async def _from(
    start: int, chunks: AsyncIterator[bytes]
) -> AsyncGenerator[tuple[int, bytes], None]:
    """What follows ``start``, with its place, in pieces of ``MOST_CHUNK`` but for the last."""
    passed, rest = 0, bytearray()
    async for chunk in chunks:
        fresh = chunk[max(start - passed, 0) :]
        passed += len(chunk)
        rest += fresh
        while len(rest) >= MOST_CHUNK:
            yield start, bytes(rest[:MOST_CHUNK])
            start += MOST_CHUNK
            del rest[:MOST_CHUNK]
    if rest:
        yield start, bytes(rest)


def request_of(upload_id: str, size: int) -> UploadRequest:
    """What an upload's name says of it.

    Raises:
        NotFound: No upload can have such a name.
    """
    digest, _, format = upload_id.partition(".")
    try:
        return UploadRequest(digest=digest, format=format, size=size)
    except ConfigurationError as error:
        raise no_upload(upload_id) from error


def no_upload(upload_id: str) -> NotFound:
    """The error that tells that there is no such upload, or none of this customer's."""
    return NotFound(f"There is no upload {upload_id[:80]!r}. Begin it, then send its chunks.")


def wrong_offset(given: int, offset: int) -> Conflict:
    """The error that tells where an upload goes on."""
    return Conflict(
        f"The upload goes on at byte {offset:,}, not at {given:,}. Send it from there.",
        code=WRONG_OFFSET,
        details={"offset": offset},
    )


def damaged(arrived: int, size: int) -> InputError:
    """The error that tells that an upload is not what was announced."""
    return InputError(
        f"The upload is damaged: {arrived:,} of {size:,} bytes arrived, or others than were "
        "announced. Send it again.",
        code="upload_damaged",
        details={"arrived": arrived, "size": size},
    )
