"""A file on its way from a browser to the service, chunk by chunk."""

from __future__ import annotations

import asyncio
from pathlib import PurePath
from typing import Any

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.formats import format_of, known_endings
from datagen_nb.core.places import DEFAULT_BUCKET
from datagen_nb.core.quoting import python
from datagen_nb.core.uploads import Upload, UploadRequest, Uploads
from datagen_nb.ui.draft import SelectedSource


class UploadSession:
    """One file; its chunks are appended in the order in which they come.

    Args:
        uploads: Where they go.
        name: What the file is called where it comes from.
        size: Bytes.
        digest: SHA-256 in hex.

    Raises:
        ConfigurationError: Its name is not that of a table, or the digest is none.
    """

    def __init__(self, uploads: Uploads, name: str, size: int, digest: str) -> None:
        format = format_of(name)
        if format is None:
            rule = "has no ending that names a format"
            remedy = f"Choose a file that ends in one of {known_endings()}."
            raise ConfigurationError([Problem("file", repr(name[:80]), rule, remedy)])
        self.name = name
        self.request = UploadRequest(digest=digest, format=format, size=size)
        self._uploads = uploads
        self._order = asyncio.Lock()

    async def begin(self) -> dict[str, Any]:
        """Tell where it goes on: at 0, where an earlier one broke off, or at its end."""
        return _told(await self._uploads.begin(self.request))

    async def append(self, offset: int, data: bytes) -> dict[str, Any]:
        """Take the next chunk."""
        async with self._order:
            return _told(await self._uploads.append(self.request.upload_id, offset, data))

    def source(self) -> tuple[JobConfiguration, SelectedSource, str]:
        """The table that the file is, once it is whole, and what a job of it is called."""
        name = PurePath(self.name).stem[:200]
        placed = JobConfiguration(
            data_size=1,
            input_bucket=DEFAULT_BUCKET,
            input_path=self.request.path,
            input_format=self.request.format,
            output_format=self.request.format,
        )
        selected = SelectedSource(
            python(self.name), name, self.name, self.request.format, is_upload=True
        )
        return placed, selected, name


def _told(upload: Upload) -> dict[str, Any]:
    return {"offset": upload.offset, "whole": upload.path is not None}
