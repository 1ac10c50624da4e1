"""Buckets by their address: which adapter a URI names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from datagen_nb.buckets.gcs.bucket import GcsBucket
from datagen_nb.buckets.local import LocalBucket, LocalFiles
from datagen_nb.core.buckets import Bucket
from datagen_nb.core.cloud_paths import is_bucket_name
from datagen_nb.core.errors import NotFound


def open_bucket(address: str) -> Bucket:
    """Open the bucket that an address names, as ``Bucket.address`` gives it.

    Args:
        address: ``file:///`` for the user's file system, ``file:///folder`` for a directory,
            ``gs://bucket`` or ``gs://bucket/folder`` for Google Cloud Storage.

    Raises:
        NotFound: It is the address of no bucket that is known here.

    Example:
        ```python
        bucket = open_bucket("file:///srv/results")
        ```
    """
    parts = urlsplit(address)
    if parts.scheme == "gs" and is_bucket_name(parts.netloc):
        folder = unquote(parts.path.strip("/"))
        return GcsBucket(parts.netloc, f"{folder}/" if folder else "")
    if parts.scheme != "file" or parts.netloc or not parts.path.startswith("/"):
        raise NotFound(
            f"There is no bucket at {address!r}. Use an address as file:///folder or gs://bucket.",
            details={"address": address},
        )
    path = unquote(parts.path, errors="surrogateescape")
    return LocalFiles() if path == "/" else LocalBucket(Path(path))
