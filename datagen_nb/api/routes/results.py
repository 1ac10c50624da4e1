"""Routes over what a completed job made."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import StreamingResponse

from datagen_nb.api import wire
from datagen_nb.api.ranges import Asked as Range
from datagen_nb.api.ranges import asked_of
from datagen_nb.api.routes.asking import Asked, answer, refuse, tells
from datagen_nb.core.errors import (
    ConfigurationError,
    JobNotFound,
    NotFound,
    Problem,
    ResultNotReady,
)
from datagen_nb.core.ports import Jobs
from datagen_nb.core.result import Manifest, Part, Report

routes = APIRouter(tags=["results"])

BYTES = "application/octet-stream"
Index = Annotated[int, Path(description="Counts from 0; the manifest says how many there are.")]

_MISSES = tells(JobNotFound, NotFound, ResultNotReady)
_BODY = {"content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}
_HEADERS = ("Accept-Ranges", "ETag", "Cache-Control")
PARTS_HEAD: dict[int | str, dict[str, Any]] = {
    200: {"description": "The part is there.", "x-headers": [*_HEADERS, "Content-Length"]},
    304: {"description": "It is as the caller knows it.", "x-headers": [*_HEADERS]},
}
PARTS: dict[int | str, dict[str, Any]] = {
    **PARTS_HEAD,
    200: {"description": "The whole part.", **_BODY, "x-headers": [*_HEADERS, "Content-Length"]},
    206: {"description": "The range.", **_BODY, "x-headers": [*_HEADERS, "Content-Range"]},
    416: {"x-errors": ["ConfigurationError"], "x-headers": ["Content-Range"]},
}


@routes.get(wire.job_path("{job_id}", "manifest"), response_model=Manifest, responses=_MISSES)
async def get_manifest(jobs: Asked, job_id: str) -> Response:
    """What a completed job made, part by part."""
    return answer(await jobs.manifest(job_id))


@routes.get(wire.job_path("{job_id}", "report"), response_model=Report, responses=_MISSES)
async def get_report(jobs: Asked, job_id: str) -> Response:
    """How like the input the result is, and whether rows of the input come back."""
    return answer(await jobs.report(job_id))


@routes.get(
    wire.job_path("{job_id}", "parts", "{index}"),
    response_class=Response,
    responses={**_MISSES, **PARTS},
)
async def get_part(jobs: Asked, request: Request, job_id: str, index: Index) -> Response:
    """The bytes of one part, or one range of them (RFC 9110)."""
    part = await _found(jobs, job_id, index)
    asked = asked_of(request.headers, tag=_tag(part), size=part.size)
    if asked.status in {304, 416} or part.size == 0:
        return _without_bytes(asked, part, request)
    chunks = jobs.read_part(job_id, index, start=asked.start, stop=asked.stop)
    first = await anext(aiter(chunks), b"")  # a part that is gone is told before the answer begins
    return StreamingResponse(
        _after(first, chunks),
        asked.status,
        media_type=BYTES,
        headers=asked.headers(_tag(part), part.size),
    )


@routes.head(
    wire.job_path("{job_id}", "parts", "{index}"),
    response_class=Response,
    responses={**_MISSES, **PARTS_HEAD},
)
async def look_at_part(jobs: Asked, request: Request, job_id: str, index: Index) -> Response:
    """What `GET` would answer, without the bytes."""
    part = await _found(jobs, job_id, index)
    # A range means something to GET only.
    unranged = {name: text for name, text in request.headers.items() if name != "range"}
    return _without_bytes(asked_of(unranged, tag=_tag(part), size=part.size), part, request)


async def _found(jobs: Jobs, job_id: str, index: int) -> Part:
    parts = (await jobs.manifest(job_id)).parts
    if not 0 <= index < len(parts):
        raise NotFound(f"Job {job_id} has {len(parts)} parts; there is no part {index}.")
    return parts[index]


def _tag(part: Part) -> str:
    return f'"{part.sha256}"'


def _without_bytes(asked: Range, part: Part, request: Request) -> Response:
    headers = asked.headers(_tag(part), part.size)
    if asked.status != 416:
        return Response(None, asked.status, headers, media_type=BYTES)
    rule = f"has to begin before byte {part.size:,}, where the part ends"
    problem = Problem("Range", request.headers["range"][:80], rule, "Ask for less.")
    error = ConfigurationError([problem], code="range_not_satisfiable")
    return refuse(request, error, status=416, headers=headers)


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    async for chunk in rest:
        yield chunk
