"""Routes of uploads: input files that are sent in chunks.

The headers are those of resumable uploads (tus 1.0; draft-ietf-httpbis-resumable-upload).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.server.routes.dependencies import (
    JobsDep,
    error_responses,
    json_response,
    problem_response,
)
from datagen_nb.api.server.routes.plans import Cursor, Limit
from datagen_nb.core.errors import (
    ConfigurationError,
    Conflict,
    InputError,
    NotFound,
    Problem,
    QuotaExceeded,
)
from datagen_nb.core.uploads import MAX_CHUNK, MAX_SIZE, Upload, UploadPage, UploadRequest

routes = APIRouter(tags=["uploads"])

ONE = f"{wire.UPLOADS}/{{upload_id}}"

Name = Annotated[
    str, Path(description="`<sha256>.<format>`; the response that began the upload has it.")
]
Offset = Annotated[
    int,
    Header(
        alias=wire.UPLOAD_OFFSET,
        ge=0,
        le=MAX_SIZE,
        description="Byte offset of the chunk in the file.",
    ),
]
_HEADERS = ["Upload-Offset", "Upload-Length", "Cache-Control"]
_CREATED_HEADERS = ["Location", *_HEADERS]


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
        **error_responses(QuotaExceeded, Conflict, InputError),
        200: {
            "model": Upload,
            "description": "The upload, or the finished input, exists already.",
            "x-headers": ["Location", *_HEADERS],
        },
        201: {
            "description": "The upload has begun.",
            "x-headers": ["Location", *_HEADERS],
        },
    },
)
async def begin_upload(jobs: JobsDep, body: UploadRequest) -> Response:
    """Begin or continue an upload. If the response has a `path`, the input exists already."""
    upload = await jobs.uploads.begin(body)
    headers = {"Location": wire.resource_path(wire.UPLOADS, upload.upload_id), **_headers(upload)}
    is_new = upload.path is None and upload.offset == 0
    return json_response(upload, status=201 if is_new else 200, headers=headers)


@routes.get(wire.UPLOADS, response_model=UploadPage)
async def list_uploads(jobs: JobsDep, cursor: Cursor = "", limit: Limit = 50) -> Response:
    """List unfinished uploads and uploaded inputs, in order of digest."""
    return json_response(await jobs.uploads.list(cursor=cursor, limit=limit))


@routes.get(
    ONE,
    response_model=Upload,
    responses={**error_responses(NotFound), 200: {"x-headers": _HEADERS}},
)
async def get_upload(jobs: JobsDep, upload_id: Name) -> Response:
    """Get the progress of an upload."""
    upload = await jobs.uploads.get(upload_id)
    return json_response(upload, headers=_headers(upload))


@routes.head(
    ONE,
    response_class=Response,
    responses={**error_responses(NotFound), 200: {"x-headers": _HEADERS}},
)
async def head_upload(jobs: JobsDep, upload_id: Name) -> Response:
    """Get the progress of an upload as headers."""
    return Response(headers=_headers(await jobs.uploads.get(upload_id)))


@routes.patch(
    ONE,
    response_model=Upload,
    responses={
        **error_responses(NotFound, Conflict, InputError),
        200: {"x-headers": _HEADERS},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": f"The next chunk, at most {MAX_CHUNK:,} bytes.",
            "content": {wire.CHUNK_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def append_to_upload(
    jobs: JobsDep, request: Request, upload_id: Name, offset: Offset
) -> Response:
    """Append a chunk. After the last one the file is checked against its digest."""
    data = await _bounded(request)
    if data is None:
        rule = f"has to be at most {MAX_CHUNK:,} bytes"
        problem = Problem("body", "(too long)", rule, "Send it in several chunks.")
        error = ConfigurationError([problem], code="chunk_too_long")
        return problem_response(request, error, status=413)
    upload = await jobs.uploads.append(upload_id, offset, data)
    return json_response(upload, headers=_headers(upload))


@routes.delete(ONE, status_code=204, responses=error_responses(NotFound, Conflict))
async def delete_upload(jobs: JobsDep, upload_id: Name) -> Response:
    """Delete an upload, or the uploaded input."""
    await jobs.uploads.delete(upload_id)
    return Response(status_code=204)


async def _bounded(request: Request) -> bytes | None:
    """A request's body; ``None`` if it is longer than ``MAX_CHUNK``."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_CHUNK:
            return None
    return bytes(data)
