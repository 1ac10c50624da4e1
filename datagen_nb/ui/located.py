"""Where a table lies that a viewer is given by its path."""

from __future__ import annotations

from typing import Any

from datagen_nb.core.cloud_paths import is_cloud_path, split
from datagen_nb.tables.view.objects import BucketObject


def located(data: Any) -> Any:
    """The same, or the object that a ``gs://`` path names.

    Raises:
        ArgumentError: It names none.
    """
    if not is_cloud_path(data):
        return data
    from datagen_nb.buckets.registry import open_bucket

    bucket, path = split(data)
    return BucketObject(open_bucket(bucket), path)
