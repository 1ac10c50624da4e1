"""Routes over ``Uploads``: inputs that are sent in chunks.

The headers are those of resumable uploads (tus 1.0; draft-ietf-httpbis-resumable-upload).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.routes.asking import Asked, answer, refuse, tells
from datagen_nb.core.errors import (
    ConfigurationError,
    Conflict,
    InputError,
    NotFound,
    Problem,
    QuotaExceeded,
)
from datagen_nb.core.uploads import MOST_CHUNK, MOST_SIZE, Upload, UploadRequest

routes = APIRouter(tags=["uploads"])

ONE = f"{wire.UPLOADS}/{{upload_id}}"

Name = Annotated[str, Path(description="`<sha256>.<format>`, as the upload's begin told.")]
Offset = Annotated[
    int,
    Header(alias=wire.UPLOAD_OFFSET, ge=0, le=MOST_SIZE, description="Where the chunk begins."),
]
_STANDS = ["Upload-Offset", "Upload-Length", "Cache-Control"]


def _headers(upload: Upload) -> dict[str, str]:
    return {
        wire.UPLOAD_OFFSET: str(upload.offset),
        wire.UPLOAD_LENGTH: str(upload.size),
        "Cache-Control": "no-store",
    }


@routes.post(
    wire.UPLOADS,
    status_code=201,
    response_model=Upload,
    responses={
        **tells(QuotaExceeded, Conflict, InputError),
        200: {"model": Upload, "description": "It is known.", "x-headers": ["Location", *_STANDS]},
        201: {"description": "It has begun.", "x-headers": ["Location", *_STANDS]},
    },
)
async def begin_upload(jobs: Asked, body: UploadRequest) -> Response:
    """Begin an upload, or learn where one goes on; with a `path` the input is there already."""
    upload = await jobs.uploads.begin(body)
    headers = {"Location": wire.named(wire.UPLOADS, upload.upload_id), **_headers(upload)}
    is_new = upload.path is None and upload.offset == 0
    return answer(upload, status=201 if is_new else 200, headers=headers)


@routes.get(ONE, response_model=Upload, responses={**tells(NotFound), 200: {"x-headers": _STANDS}})
async def get_upload(jobs: Asked, upload_id: Name) -> Response:
    """How far an upload has come."""
    upload = await jobs.uploads.get(upload_id)
    return answer(upload, headers=_headers(upload))


@routes.head(
    ONE, response_class=Response, responses={**tells(NotFound), 200: {"x-headers": _STANDS}}
)
async def look_at_upload(jobs: Asked, upload_id: Name) -> Response:
    """How far an upload has come, in headers."""
    return Response(headers=_headers(await jobs.uploads.get(upload_id)))


@routes.patch(
    ONE,
    response_model=Upload,
    responses={**tells(NotFound, Conflict, InputError), 200: {"x-headers": _STANDS}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": f"The next bytes, at most {MOST_CHUNK:,}.",
            "content": {wire.CHUNK: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def append_to_upload(
    jobs: Asked, request: Request, upload_id: Name, offset: Offset
) -> Response:
    """Add the next chunk; with the last one the input is checked against its digest."""
    data = await _bounded(request)
    if data is None:
        rule = f"has to be at most {MOST_CHUNK:,} bytes"
        problem = Problem("body", "(too long)", rule, "Send it in several chunks.")
        error = ConfigurationError([problem], code="chunk_too_long")
        return refuse(request, error, status=413)
    upload = await jobs.uploads.append(upload_id, offset, data)
    return answer(upload, headers=_headers(upload))


@routes.delete(ONE, status_code=204, responses=tells(NotFound, Conflict))
async def delete_upload(jobs: Asked, upload_id: Name) -> Response:
    """Drop an upload, or the input it has become."""
    await jobs.uploads.delete(upload_id)
    return Response(status_code=204)


async def _bounded(request: Request) -> bytes | None:
    """A request's body, or ``None`` as soon as it is longer than a chunk may be."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MOST_CHUNK:
            return None
    return bytes(data)
