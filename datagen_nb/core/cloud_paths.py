"""Google Cloud's places as people name them: ``gs://bucket/path/table.csv``, ``firestore://project``.

In a configuration the bucket is ``gs://bucket``, and the path is the object's name in it.
"""

from __future__ import annotations

import os
import re

from datagen_nb.core.errors import ArgumentError

SCHEME = "gs://"

_LABEL = r"[a-z0-9](?:[-_a-z0-9]{0,61}[a-z0-9])?"
_DATABASE = re.compile(
    r"firestore://(?P<project>(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9])"
    r"(?:/(?P<database>\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]))?"
)
_BUCKET_NAME = re.compile(rf"(?=.{{3,222}}\Z){_LABEL}(?:\.{_LABEL})*")


def is_bucket_name(name: str) -> bool:
    """Whether Google Cloud Storage can have a bucket of this name.

    Source: https://cloud.google.com/storage/docs/buckets#naming
    """
    return _BUCKET_NAME.fullmatch(name) is not None


def is_cloud(bucket: str) -> bool:
    """Whether a configuration's bucket is one of Google Cloud Storage."""
    return bucket.startswith(SCHEME)


def is_cloud_path(source: object) -> bool:
    """Whether a path names an object of Google Cloud Storage, if perhaps a wrong one."""
    # ``Path("gs://bucket/table.csv")`` has lost one of its slashes.
    return isinstance(source, str | os.PathLike) and str(source).startswith("gs:/")


def split(path: str | os.PathLike[str]) -> tuple[str, str]:
    """A configuration's bucket and path for an object's name.

    Raises:
        ArgumentError: It names no object: the bucket's name cannot be one, or it is a folder.

    Example:
        ```python
        split("gs://acme/tables/a.csv")  # ("gs://acme", "tables/a.csv")
        ```
    """
    text = str(path)
    bucket, _, name = text.removeprefix("gs:/").removeprefix("/").partition("/")
    if not is_bucket_name(bucket):
        raise _no_object(
            text,
            f"{bucket!r} cannot be a bucket's name",
            "They have 3 to 63 lower-case letters, digits, '-', '_' and '.'.",
        )
    if not name or name.endswith("/"):
        what = "a folder" if name else "a bucket"
        raise _no_object(
            text, f"it is {what}, not an object", f"Name one object, as {SCHEME}{bucket}/table.csv."
        )
    return f"{SCHEME}{bucket}", name


def checked_folder(address: str) -> str:
    """The address of a bucket or of a folder in one, without a slash at its end.

    Raises:
        ArgumentError: It is neither.
    """
    folder = address.rstrip("/")
    if not is_cloud(folder):
        raise ArgumentError(
            f"{address!r} is no bucket. Give one as {SCHEME}bucket or {SCHEME}bucket/folder."
        )
    split(f"{folder}/x")
    return folder


def split_database(address: str) -> tuple[str, str]:
    """The project and the database of a store in Firestore.

    Raises:
        ArgumentError: It is no such address.

    Example:
        ```python
        split_database("firestore://acme-data/jobs")  # ("acme-data", "jobs")
        ```
    """
    found = _DATABASE.fullmatch(address)
    if found is None:
        raise ArgumentError(
            f"{address!r} is no store. Give one as firestore://project/database; without a "
            "database it is the project's (default)."
        )
    return found["project"], found["database"] or "(default)"


def title(bucket: str, path: str) -> str:
    """What messages and widgets call an object of a configuration's bucket."""
    return f"{bucket}/{path}" if is_cloud(bucket) else path


def _no_object(path: str, why: str, remedy: str) -> ArgumentError:
    return ArgumentError(
        f"{path} cannot be used: {why}. {remedy}", details={"path": path, "remedy": remedy}
    )
