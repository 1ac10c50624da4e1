"""Routes of a completed job's results."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse

from datagen_nb.api import wire
from datagen_nb.api.server.ranges import ByteRange, requested_range
from datagen_nb.api.server.routes.dependencies import (
    JobsDep,
    error_responses,
    json_response,
    problem_response,
)
from datagen_nb.core.errors import (
    ConfigurationError,
    JobNotFound,
    NotFound,
    Problem,
    ResultNotReady,
)
from datagen_nb.core.manifest import Manifest, ModelFile, Part, kept_model
from datagen_nb.core.ports import Jobs
from datagen_nb.core.result import Report

routes = APIRouter(tags=["results"])

BYTES = "application/octet-stream"
File = Part | ModelFile
Index = Annotated[int, Path(description="Number of the part, from 0; the manifest lists them.")]

_MISSES = error_responses(JobNotFound, NotFound, ResultNotReady)
_BODY = {"content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}
_HEADERS = ("Accept-Ranges", "ETag", "Cache-Control")
FILE_HEAD: dict[int | str, dict[str, Any]] = {
    200: {"description": "It exists.", "x-headers": [*_HEADERS, "Content-Length"]},
    304: {
        "description": "It has not changed since the client fetched it.",
        "x-headers": [*_HEADERS],
    },
}
FILE: dict[int | str, dict[str, Any]] = {
    **FILE_HEAD,
    200: {"description": "All of it.", **_BODY, "x-headers": [*_HEADERS, "Content-Length"]},
    206: {
        "description": "The requested range.",
        **_BODY,
        "x-headers": [*_HEADERS, "Content-Range"],
    },
    416: {"x-errors": ["ConfigurationError"], "x-headers": ["Content-Range"]},
}


@routes.get(wire.job_path("{job_id}", "manifest"), response_model=Manifest, responses=_MISSES)
async def get_manifest(jobs: JobsDep, job_id: str) -> Response:
    """Get the manifest of a completed job: its parts, with sizes and digests."""
    return json_response(await jobs.manifest(job_id))


@routes.get(wire.job_path("{job_id}", "report"), response_model=Report, responses=_MISSES)
async def get_report(jobs: JobsDep, job_id: str) -> Response:
    """Get the quality report of a result: fidelity to the input, and memorised rows."""
    return json_response(await jobs.report(job_id))


@routes.get(
    wire.job_path("{job_id}", "parts", "{index}"),
    response_class=Response,
    responses={**_MISSES, **FILE},
)
async def get_part(jobs: JobsDep, request: Request, job_id: str, index: Index) -> Response:
    """Download a part, or a byte range of it (RFC 9110)."""
    part = await _part(jobs, job_id, index)
    return await _download(request, part, partial(jobs.read_part, job_id, index))


@routes.head(
    wire.job_path("{job_id}", "parts", "{index}"),
    response_class=Response,
    responses={**_MISSES, **FILE_HEAD},
)
async def head_part(jobs: JobsDep, request: Request, job_id: str, index: Index) -> Response:
    """Get the headers that `GET` would send."""
    return _head(request, await _part(jobs, job_id, index))


@routes.get(
    wire.job_path("{job_id}", "model"), response_class=Response, responses={**_MISSES, **FILE}
)
async def get_model(jobs: JobsDep, request: Request, job_id: str) -> Response:
    """Download the model that made a completed job's rows, or a byte range of it (RFC 9110)."""
    model = kept_model(await jobs.manifest(job_id))
    return await _download(request, model, partial(jobs.read_model, job_id))


@routes.head(
    wire.job_path("{job_id}", "model"), response_class=Response, responses={**_MISSES, **FILE_HEAD}
)
async def head_model(jobs: JobsDep, request: Request, job_id: str) -> Response:
    """Get the headers that `GET` would send."""
    return _head(request, kept_model(await jobs.manifest(job_id)))


async def _part(jobs: Jobs, job_id: str, index: int) -> Part:
    parts = (await jobs.manifest(job_id)).parts
    if not 0 <= index < len(parts):
        raise NotFound(f"Job {job_id} has {len(parts)} parts; there is no part {index}.")
    return parts[index]


class _Read(Protocol):
    def __call__(self, *, start: int, stop: int) -> AsyncIterator[bytes]: ...


async def _download(request: Request, file: File, read: _Read) -> Response:
    asked = requested_range(request.headers, tag=_tag(file), size=file.size)
    if asked.status in {304, 416} or file.size == 0:
        return _without_bytes(asked, file, request)
    chunks = read(start=asked.start, stop=asked.stop)
    first = await anext(aiter(chunks), b"")  # a missing file has to fail before the response starts
    return StreamingResponse(
        _after(first, chunks),
        asked.status,
        media_type=BYTES,
        headers=asked.headers(_tag(file), file.size),
    )


def _head(request: Request, file: File) -> Response:
    # Range is defined for GET only.
    unranged = {name: text for name, text in request.headers.items() if name != "range"}
    return _without_bytes(requested_range(unranged, tag=_tag(file), size=file.size), file, request)


def _tag(file: File) -> str:
    return f'"{file.sha256}"'


def _without_bytes(asked: ByteRange, file: File, request: Request) -> Response:
    headers = asked.headers(_tag(file), file.size)
    if asked.status != 416:
        return Response(None, asked.status, headers, media_type=BYTES)
    rule = f"has to begin before byte {file.size:,}, the end"
    problem = Problem("Range", request.headers["range"][:80], rule, "Choose another range.")
    error = ConfigurationError([problem], code="range_not_satisfiable")
    return problem_response(request, error, status=416, headers=headers)


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    async for chunk in rest:
        yield chunk
