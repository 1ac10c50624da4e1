"""Routes over what a completed job made."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from datagen_nb.api import wire
from datagen_nb.api.routes.asking import Asked, answer, tells
from datagen_nb.core.errors import JobNotFound, NotFound, ResultNotReady
from datagen_nb.core.result import Manifest, Report

routes = APIRouter(tags=["results"])

_MISSES = tells(JobNotFound, NotFound, ResultNotReady)


@routes.get(wire.job_path("{job_id}", "manifest"), response_model=Manifest, responses=_MISSES)
async def get_manifest(jobs: Asked, job_id: str) -> Response:
    """What a completed job made, part by part."""
    return answer(await jobs.manifest(job_id))


@routes.get(wire.job_path("{job_id}", "report"), response_model=Report, responses=_MISSES)
async def get_report(jobs: Asked, job_id: str) -> Response:
    """How like the input the result is, and whether rows of the input come back."""
    return answer(await jobs.report(job_id))


@routes.get(wire.job_path("{job_id}", "parts", "{index}"), responses=_MISSES)
async def get_part(jobs: Asked, job_id: str, index: int) -> Response:
    """The bytes of one part."""
    found = await jobs.manifest(job_id)
    if not 0 <= index < len(found.parts):
        raise NotFound(f"Job {job_id} has {len(found.parts)} parts; there is no part {index}.")
    chunks = jobs.read_part(job_id, index)
    first = await anext(aiter(chunks), b"")  # a part that is gone is told before the answer begins
    return StreamingResponse(
        _after(first, chunks),
        media_type="application/octet-stream",
        headers={"Content-Length": str(found.parts[index].size)},
    )


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    async for chunk in rest:
        yield chunk
