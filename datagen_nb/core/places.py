"""Where a job reads and writes: the buckets that have a meaning, and what people call a place."""

from __future__ import annotations

from pathlib import Path

from datagen_nb.core.cloud_paths import title

LOCAL_FILES = "file"
"""Name of the bucket that is the user's own file system; only the local service has it."""

USUAL_MODE = 0o644
"""Permission bits of a new file in the bucket of local files, if none are given."""

DEFAULT_BUCKET = "default"
"""Name of the bucket that every customer has."""

RESULTS = "jobs"
"""Name of the bucket whose objects are the results of the customer's jobs, named by their ids."""

MODELS = "models"
"""Name of the bucket whose objects are the models of the customer's jobs, named by their ids."""

INPUTS = "inputs"
"""Folder of that bucket where what was sent lies, named by its digest."""

OWN_FOLDERS = (INPUTS, "jobs", "uploads")
"""What the service keeps in that bucket for itself; a result cannot be named into it."""


def short(bucket: str, path: str) -> str:
    """A path as a person in this folder would write it."""
    here = Path.cwd()
    if bucket == LOCAL_FILES and Path(path).is_relative_to(here):
        return str(Path(path).relative_to(here))
    return title(bucket, path)


def source_of(bucket: str, path: str) -> str:
    """Where a table came from, in short."""
    if not path:
        return "a schema"
    if bucket == RESULTS:
        return f"the result of {path}"
    if bucket == MODELS:
        return f"the model of {path}"
    if bucket == DEFAULT_BUCKET and path.startswith(f"{INPUTS}/"):
        return "an uploaded table"
    return short(bucket, path)
