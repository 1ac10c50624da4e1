"""Routes that take inputs in."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.routes.asking import Asked
from datagen_nb.core.config import FORMATS
from datagen_nb.core.errors import InputError

routes = APIRouter(tags=["uploads"])

_UPLOAD = re.compile(r"([0-9a-f]{64})\.(\w+)")


@routes.put(f"{wire.UPLOADS}/{{name}}")
async def upload(
    jobs: Asked, request: Request, name: str, content_length: Annotated[int, Header(ge=0)]
) -> dict[str, str]:
    """Put an input into the customer's bucket."""
    digest, format = _upload_name(name)
    return {"path": await jobs.upload(digest, format, content_length, request.stream())}


@routes.head(f"{wire.UPLOADS}/{{name}}")
async def uploaded(jobs: Asked, name: str) -> Response:
    """Tell whether an input is there."""
    digest, format = _upload_name(name)
    try:
        # Sending nothing succeeds only for what is already there.
        path = await jobs.upload(digest, format, -1, _nothing())
    except InputError:
        return Response(status_code=404)
    return Response(headers={wire.UPLOADED_AS: path})


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""


def _upload_name(name: str) -> tuple[str, str]:
    named = _UPLOAD.fullmatch(name)
    if named is None or named[2] not in FORMATS:
        raise InputError(
            f"An upload is named by its SHA-256 and format, not {name!r}.", code="upload_name"
        )
    return named[1], named[2]
