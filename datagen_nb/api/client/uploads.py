"""``HttpUploads``: resumable uploads over HTTP."""

from __future__ import annotations

from datagen_nb.api import wire
from datagen_nb.api.client.models import parse_response
from datagen_nb.api.client.plans import JSON
from datagen_nb.api.client.session import Session
from datagen_nb.core.errors import Conflict
from datagen_nb.core.uploads import WRONG_OFFSET, Upload, UploadPage, UploadRequest


class HttpUploads:
    """Implements ``core.uploads.Uploads``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def begin(self, request: UploadRequest) -> Upload:
        content = request.to_json().encode()
        body = await self._session.send(
            "POST", wire.UPLOADS, idempotent=True, headers=JSON, content=content
        )
        return parse_response(Upload, body)

    async def list(self, *, cursor: str = "", limit: int = 50) -> UploadPage:
        params = {"cursor": cursor, "limit": limit}
        return parse_response(
            UploadPage,
            await self._session.send("GET", wire.UPLOADS, idempotent=True, params=params),
        )

    async def get(self, upload_id: str) -> Upload:
        path = wire.resource_path(wire.UPLOADS, upload_id)
        return parse_response(Upload, await self._session.send("GET", path, idempotent=True))

    async def append(self, upload_id: str, offset: int, data: bytes) -> Upload:
        path = wire.resource_path(wire.UPLOADS, upload_id)
        headers = {"Content-Type": wire.CHUNK_TYPE, wire.UPLOAD_OFFSET: str(offset)}
        try:
            # A repeated chunk that had arrived is refused with the offset behind it.
            body = await self._session.send(
                "PATCH", path, idempotent=True, headers=headers, content=data
            )
        except Conflict as error:
            reached = error.code == WRONG_OFFSET and error.details.get("offset")
            if reached != offset + len(data):
                raise
            return await self.get(upload_id)
        return parse_response(Upload, body)

    async def delete(self, upload_id: str) -> None:
        await self._session.send(
            "DELETE", wire.resource_path(wire.UPLOADS, upload_id), idempotent=False
        )
