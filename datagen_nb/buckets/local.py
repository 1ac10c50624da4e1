"""Buckets that are directories, and the user's own file system seen as one.

An object is written as a file without a name (or under a reserved one, where the system has
none such), synced, and then given its name in one step: a killed writer leaves nothing that
shows. Paths are walked part by part without following links, so none leads out of the root.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from datagen_nb.buckets.unpublished import (
    UNPUBLISHED,
    Unpublished,
    drop_remains,
    free_bytes,
    reason_of,
    telling,
)
from datagen_nb.core.errors import NotFound
from datagen_nb.core.ports import ObjectMeta

BUFFER = 1 << 20


class LocalBucket:
    """A directory as a bucket, made when first written to.

    Args:
        root: The directory; links above it are the owner's business, none below is followed.
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.abspath(root))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._root)!r})"

    @property
    def is_near(self) -> bool:
        return True

    @contextmanager
    def writer(self, path: str, *, if_absent: bool = False) -> Iterator[BinaryIO]:
        parents, name = self._split(path)
        shown = self._shown(path)
        with telling(shown):
            directory = self._directory(parents, make=True)
        try:
            with telling(shown):
                drop_remains(directory, name)
                unpublished = Unpublished(directory, name, shown)
            try:
                file = io.BufferedWriter(unpublished, BUFFER)
                yield file
                file.flush()
                with telling(shown):
                    unpublished.publish(if_absent=if_absent)
            finally:
                unpublished.close()
        finally:
            os.close(directory)

    def put(self, path: str, data: bytes, *, if_absent: bool = False) -> None:
        with self.writer(path, if_absent=if_absent) as file:
            file.write(data)

    def open(self, path: str) -> BinaryIO:
        return os.fdopen(self._open(path), "rb")

    def get(self, path: str) -> bytes:
        with self.open(path) as file:
            return file.read()

    def head(self, path: str) -> ObjectMeta | None:
        try:
            handle = self._open(path)
        except NotFound:
            return None
        try:
            found = os.fstat(handle)
            version = f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"
            return ObjectMeta(path, found.st_size, version)
        finally:
            os.close(handle)

    def list(self, prefix: str) -> Iterator[ObjectMeta]:
        above, _, _ = prefix.rpartition("/")
        try:
            directory = self._directory(self._parts(above) if above else [], make=False)
        except (NotFound, OSError):
            return
        try:
            found = sorted(_walk(directory, f"{above}/" if above else ""))
        finally:
            os.close(directory)
        for path, size in found:
            if path.startswith(prefix):
                yield ObjectMeta(path, size)

    def delete(self, prefix: str) -> int:
        try:
            parents, name = self._split(prefix.rstrip("/"))
            directory = self._directory(parents, make=False)
        except (NotFound, OSError):
            return 0
        try:
            with telling(self._shown(prefix)):
                count = _remove(directory, name)
                drop_remains(directory, name)
                os.fsync(directory)
            return count
        finally:
            os.close(directory)

    def room(self, path: str) -> int | None:
        place = self._root.joinpath(*self._split(path)[0])
        for candidate in (place, *place.parents):
            with suppress(OSError):
                return free_bytes(candidate)
        return None

    def same(self, one: str, other: str) -> bool:
        return one == other

    def _shown(self, path: str) -> str:
        return str(self._root / path)

    def _parts(self, path: str) -> Sequence[str]:
        parts = path.split("/")
        if any(
            part in ("", ".", "..") or "\0" in part or part.startswith(UNPUBLISHED)
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
                deeper = _enter(handle, part, make=make)
            finally:
                os.close(handle)
            handle = deeper
        return handle

    def _open(self, path: str) -> int:
        parents, name = self._split(path)
        try:
            directory = self._directory(parents, make=False)
            try:
                # Without O_NONBLOCK, opening a pipe that lies there would wait for its writer.
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
                handle = os.open(name, flags, dir_fd=directory)
            finally:
                os.close(directory)
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                os.close(handle)
                raise FileNotFoundError(errno.ENOENT, "not a regular file")
        except (OSError, UnicodeEncodeError) as error:
            raise NotFound(
                f"There is no readable object {path!r} in this bucket ({reason_of(error)}).",
                details={"path": path},
            ) from error
        return handle


class LocalFiles(LocalBucket):
    """The user's file system: objects are named by absolute paths, links are followed.

    Only for a service that runs as that user. Directories are neither made nor removed.
    """

    def __init__(self) -> None:
        super().__init__(Path("/"))

    def list(self, prefix: str) -> Iterator[ObjectMeta]:
        meta = self.head(prefix)
        return iter([] if meta is None else [meta])

    def delete(self, prefix: str) -> int:
        return 0 if self.head(prefix) is None else super().delete(prefix)

    @property
    def is_near(self) -> bool:
        return False  # a path may lead to any mount

    def same(self, one: str, other: str) -> bool:
        try:
            return Path(one).samefile(other)
        except OSError:
            return os.path.realpath(one) == os.path.realpath(other)

    def _shown(self, path: str) -> str:
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


def _enter(directory: int, part: str, *, make: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(part, flags, dir_fd=directory)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):
        os.mkdir(part, 0o700, dir_fd=directory)
        os.fsync(directory)
    return os.open(part, flags, dir_fd=directory)


def _walk(directory: int, above: str) -> Iterator[tuple[str, int]]:
    for name in os.listdir(directory):
        if name.startswith(UNPUBLISHED):
            continue
        try:
            entry = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISREG(entry.st_mode):
                yield above + name, entry.st_size
            elif stat.S_ISDIR(entry.st_mode):
                deeper = _enter(directory, name, make=False)
                try:
                    yield from _walk(deeper, f"{above}{name}/")
                finally:
                    os.close(deeper)
        except FileNotFoundError:  # removed while we looked
            continue


def _remove(directory: int, name: str) -> int:
    try:
        entry = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return 0
    if not stat.S_ISDIR(entry.st_mode):
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)
        return int(stat.S_ISREG(entry.st_mode) and not name.startswith(UNPUBLISHED))
    deeper = _enter(directory, name, make=False)
    try:
        count = sum(_remove(deeper, inner) for inner in os.listdir(deeper))  # noqa: PTH208, a descriptor
    finally:
        os.close(deeper)
    with suppress(FileNotFoundError):
        os.rmdir(name, dir_fd=directory)
    return count
