"""The places that a process may use of those that others name to it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import unquote, urlsplit

from datagen_nb.buckets.local import LocalFiles
from datagen_nb.buckets.registry import open_bucket
from datagen_nb.core.buckets import Bucket
from datagen_nb.core.cloud_paths import SCHEME, checked_folder, is_cloud
from datagen_nb.core.errors import ArgumentError, NotFound


class Roots:
    """Folders of this machine and of Google Cloud Storage, with all that is below them.

    Args:
        places: Absolute paths of directories, and ``gs://bucket`` or ``gs://bucket/folder``.

    Raises:
        ArgumentError: There are none, or one is no such place.

    Example:
        ```python
        bucket = Roots(["/srv/tables"]).open("file:///srv/tables/ann")
        ```
    """

    def __init__(self, places: Sequence[str]) -> None:
        if not places:
            raise ArgumentError("Name at least one place that may be used, as /srv/tables.")
        self._folders = tuple(_folder(place) for place in places if not is_cloud(place))
        self._clouds = tuple(
            PurePosixPath(checked_folder(place)) for place in places if is_cloud(place)
        )

    def open(self, address: str, path: str = "") -> Bucket:
        """Open the bucket at an address.

        Args:
            address: As ``Bucket.address`` gives it.
            path: The only object of it that is used; all of them if it is empty.

        Raises:
            NotFound: It is outside, or there is no bucket of this kind.
        """
        bucket = open_bucket(address)
        if isinstance(bucket, LocalFiles):
            return RootedFiles(self._folders)
        parts = urlsplit(address)
        if is_cloud(address):
            place = PurePosixPath(SCHEME, parts.netloc, *unquote(parts.path).split("/"), path)
            is_inside = ".." not in place.parts and _is_below(place, self._clouds)
        else:
            found = unquote(parts.path, errors="surrogateescape")
            is_inside = _is_below(Path(os.path.realpath(found)), self._folders)
        if not is_inside:
            raise _outside(f"{address}/{path}" if path else address)
        return bucket


class RootedFiles(LocalFiles):
    """The files below some directories, named by absolute paths; links out of them lead nowhere."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__()
        self._folders = tuple(folders)

    def _parts(self, path: str) -> Sequence[str]:
        parts = super()._parts(path)
        if not _is_below(Path("/", *parts), self._folders):
            raise _outside(path)
        return parts


def _folder(place: str) -> Path:
    if not Path(place).is_absolute():
        raise ArgumentError(f"{place!r} is no place. Give an absolute path, or gs://bucket/folder.")
    return Path(os.path.realpath(place))


def _is_below(place: PurePath, roots: Sequence[PurePath]) -> bool:
    return any(place.is_relative_to(root) for root in roots)


def _outside(what: str) -> NotFound:
    return NotFound(
        f"{what} is not below a place that this pipeline may use. Its operator adds places with "
        "`datagen-nb serve-pipeline --root PLACE`.",
        code="outside_roots",
        details={"place": what},
    )
