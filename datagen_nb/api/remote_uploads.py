"""Uploads across the wire, however often it breaks."""

from __future__ import annotations

from datagen_nb.api import wire
from datagen_nb.api.answers import read
from datagen_nb.api.remote_plans import JSON
from datagen_nb.api.session import Session
from datagen_nb.core.errors import Conflict
from datagen_nb.core.uploads import WRONG_OFFSET, Upload, UploadRequest


class HttpUploads:
    """Implements ``core.uploads.Uploads``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def begin(self, request: UploadRequest) -> Upload:
        content = request.to_json().encode()
        body = await self._session.send(
            "POST", wire.UPLOADS, safe=True, headers=JSON, content=content
        )
        return read(Upload, body)

    async def get(self, upload_id: str) -> Upload:
        path = wire.named(wire.UPLOADS, upload_id)
        return read(Upload, await self._session.send("GET", path, safe=True))

    async def append(self, upload_id: str, offset: int, data: bytes) -> Upload:
        path = wire.named(wire.UPLOADS, upload_id)
        headers = {"Content-Type": wire.CHUNK, wire.UPLOAD_OFFSET: str(offset)}
        try:
            # A chunk that is sent again after it arrived is told where the upload goes on.
            body = await self._session.send("PATCH", path, safe=True, headers=headers, content=data)
        except Conflict as error:
            reached = error.code == WRONG_OFFSET and error.details.get("offset")
            if reached != offset + len(data):
                raise
            return await self.get(upload_id)
        return read(Upload, body)

    async def delete(self, upload_id: str) -> None:
        await self._session.send("DELETE", wire.named(wire.UPLOADS, upload_id), safe=False)
