"""Buckets that are directories, and the user's own file system seen as one.

Objects are written atomically (``datagen_nb.files``): a killed writer leaves nothing that shows.
Paths are walked part by part without following links, so none leads out of the root.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from datagen_nb import files
from datagen_nb.buckets.folders import ABSENT, enter, is_in, remove_folder, unlink, walk
from datagen_nb.core.buckets import PAGE_SIZE, Mode, ObjectMeta
from datagen_nb.core.errors import DatagenError, NotFound, ServiceUnavailable
from datagen_nb.core.file_kinds import irregular
from datagen_nb.files import RESERVED_PREFIX, output_errors, reason_of, version_of

_UNREADABLE = ABSENT | {errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENXIO, errno.EINVAL}
"""Errors that mean that what has the name, if anything has, is no object for us."""


class LocalBucket:
    """A directory as a bucket, made when first written to; implements ``core.buckets.LocalDisk``.

    Args:
        root: The directory; links above it are the owner's business, none below is followed.
    """

    _is_owned = True
    """Whether all writers of the directory are of this class."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.abspath(root))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._root)!r})"

    @property
    def is_near(self) -> bool:
        return True

    def address(self, path: str = "") -> str:
        return self._root.joinpath(*self._parts(path) if path else ()).as_uri()

    @contextmanager
    def writer(
        self, path: str, *, mode: Mode = "overwrite", permissions: int | None = None
    ) -> Iterator[BinaryIO]:
        parents, name = self._split(path)
        label = self._label(path)
        with output_errors(label):
            directory = self._directory(parents, make=True)
        try:
            with files.write_in(
                directory,
                name,
                label,
                mode=mode,
                permissions=permissions,
                is_owned=self._is_owned,
            ) as file:
                yield file
        finally:
            os.close(directory)

    def put(self, path: str, data: bytes, *, mode: Mode = "overwrite") -> None:
        with self.writer(path, mode=mode) as file:
            file.write(data)

    def open(self, path: str) -> BinaryIO:
        return os.fdopen(self._open(path), "rb")

    def get(self, path: str) -> bytes:
        with self.open(path) as file, _reading(path):
            return file.read()

    def get_range(self, path: str, start: int, stop: int) -> bytes:
        if not 0 <= start <= stop:
            raise ValueError(f"{start} to {stop} is no range of bytes")
        with self.open(path) as file, _reading(path):
            file.seek(start)
            return file.read(stop - start)

    def head(self, path: str) -> ObjectMeta | None:
        try:
            handle = self._open(path)
        except NotFound:
            return None
        try:
            found = os.fstat(handle)
            return ObjectMeta(path, found.st_size, version_of(found))
        finally:
            os.close(handle)

    def list(
        self, prefix: str = "", *, after: str = "", page_size: int = PAGE_SIZE
    ) -> Iterator[Sequence[ObjectMeta]]:
        objects = self._objects(prefix, after)
        while page := tuple(islice(objects, page_size)):
            yield page

    def _objects(self, prefix: str, after: str) -> Iterator[ObjectMeta]:
        above = prefix.rpartition("/")[0]
        with _reading(prefix):
            try:
                directory = self._directory(self._parts(above) if above else [], make=False)
            except NotFound:
                return
            except (OSError, UnicodeEncodeError) as error:
                if is_in(ABSENT, error):
                    return
                raise
            try:
                yield from walk(directory, f"{above}/" if above else "", prefix, after)
            finally:
                os.close(directory)

    def delete(self, path: str) -> bool:
        try:
            parents, name = self._split(path)
        except NotFound:
            return False
        directory = self._directory_if_there(parents, path)
        if directory is None:
            return False
        try:
            with output_errors(self._label(path)):
                with files.locked(directory) if self._is_owned else nullcontext():
                    was_there = unlink(directory, name)
                files.remove_leftovers(directory, name)
                os.fsync(directory)
            return was_there
        finally:
            os.close(directory)

    def delete_prefix(self, prefix: str) -> int:
        if not prefix.endswith("/"):
            raise ValueError(f"{prefix!r} is no prefix of a folder: it has to end in '/'")
        try:
            parents, name = self._split(prefix[:-1])
        except NotFound:
            return 0
        directory = self._directory_if_there(parents, prefix)
        if directory is None:
            return 0
        try:
            with output_errors(self._label(prefix)):
                count = remove_folder(directory, name)
                os.fsync(directory)
            return count
        finally:
            os.close(directory)

    def free_bytes(self, path: str) -> int | None:
        place = self._root.joinpath(*self._split(path)[0])
        for candidate in (place, *place.parents):
            with suppress(OSError):
                return files.free_bytes(candidate)
        return None

    def is_same(self, one: str, other: str) -> bool:
        return one == other

    def _label(self, path: str) -> str:
        """What messages call an object."""
        return str(self._root / path)

    def _parts(self, path: str) -> Sequence[str]:
        parts = path.split("/")
        if any(
            part in ("", ".", "..") or "\0" in part or part.startswith(RESERVED_PREFIX)
            for part in parts
        ):
            raise NotFound(f"There is no object {path!r} in this bucket.", details={"path": path})
        return parts

    def _split(self, path: str) -> tuple[Sequence[str], str]:
        *parents, name = self._parts(path)
        return parents, name

    def _directory(self, parents: Sequence[str], *, make: bool) -> int:
        if make:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        for part in parents:
            try:
                deeper = enter(handle, part, make=make)
            finally:
                os.close(handle)
            handle = deeper
        return handle

    def _directory_if_there(self, parents: Sequence[str], path: str) -> int | None:
        """Open a directory to remove something from it."""
        with output_errors(self._label(path)):
            try:
                return self._directory(parents, make=False)
            except (OSError, UnicodeEncodeError) as error:
                if is_in(ABSENT, error):
                    return None
                raise

    def _open(self, path: str) -> int:
        parents, name = self._split(path)
        try:
            directory = self._directory(parents, make=False)
            try:
                # Looked at first: opening a device may set it going. Opened without waiting, and
                # looked at again: a pipe may have taken its place.
                found = os.stat(name, dir_fd=directory, follow_symlinks=False)
                self._check_regular(path, found.st_mode)
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
                handle = os.open(name, flags, dir_fd=directory)
            finally:
                os.close(directory)
            try:
                self._check_regular(path, os.fstat(handle).st_mode)
            except NotFound:
                os.close(handle)
                raise
        except (OSError, UnicodeEncodeError) as error:
            if not is_in(_UNREADABLE, error):
                raise _unavailable(path, error) from error
            raise NotFound(
                f"There is no readable object {path!r} in this bucket ({reason_of(error)}).",
                details={"path": path},
            ) from error
        return handle

    def _check_regular(self, path: str, mode: int) -> None:
        if what := irregular(mode):
            raise NotFound(
                f"There is no file {path!r} in this bucket: it is {what}.",
                code="not_a_file",
                details={"path": path, "what": what},
            )


class LocalFiles(LocalBucket):
    """The user's file system: objects are named by absolute paths, links are followed.

    Only for a service that runs as that user. Directories are neither made, listed nor removed.
    """

    _is_owned = False

    def __init__(self) -> None:
        super().__init__(Path("/"))

    def list(
        self,
        prefix: str = "",
        *,
        after: str = "",
        page_size: int = PAGE_SIZE,  # noqa: ARG002, there is one at most
    ) -> Iterator[Sequence[ObjectMeta]]:
        meta = self.head(prefix)
        return iter([] if meta is None or prefix <= after else [(meta,)])

    def delete(self, path: str) -> bool:
        return self.head(path) is not None and super().delete(path)

    def delete_prefix(self, prefix: str) -> int:
        if not prefix.endswith("/"):
            raise ValueError(f"{prefix!r} is no prefix of a folder: it has to end in '/'")
        return 0

    @property
    def is_near(self) -> bool:
        return False  # a path may lead to any mount

    def is_same(self, one: str, other: str) -> bool:
        try:
            return Path(one).samefile(other)
        except OSError:
            return os.path.realpath(one) == os.path.realpath(other)

    def _label(self, path: str) -> str:
        return path

    def _parts(self, path: str) -> Sequence[str]:
        if not path.startswith("/") or "\0" in path:
            raise NotFound(
                f"There is no file {path!r}: the path has to be absolute.",
                details={"path": path},
            )
        return super()._parts(os.path.realpath(path).lstrip("/"))

    def _directory(self, parents: Sequence[str], *, make: bool) -> int:  # noqa: ARG002, never made
        return super()._directory(parents, make=False)


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Raise ``ServiceUnavailable`` for whatever the system cannot read."""
    try:
        yield
    except OSError as error:
        raise _unavailable(path, error) from error


def _unavailable(path: str, error: Exception) -> DatagenError:
    remedy = "Look after the disk or the network, then try again."
    return ServiceUnavailable(
        f"The storage did not answer for {path!r}: {reason_of(error)}. {remedy}",
        code="storage_unavailable",
        details={"path": path, "reason": reason_of(error), "remedy": remedy},
    )
