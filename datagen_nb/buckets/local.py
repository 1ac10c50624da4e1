"""Buckets that are directories, and the user's own file system seen as one.

An object is written as a file without a name (or under a reserved one, where the system has
none such), synced, and then given its name in one step: a killed writer leaves nothing that
shows. Paths are walked part by part without following links, so none leads out of the root.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from datagen_nb.core.errors import NotFound, OutputError
from datagen_nb.core.ports import ObjectMeta

UNPUBLISHED = ".~datagen-"
"""How the name of a file begins that is not published yet; no object's name may."""

BUFFER = 1 << 20

_NO_NAMELESS = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}
"""What systems answer that cannot make a file without a name."""


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
        with _telling(shown):
            directory = self._directory(parents, make=True)
        try:
            with _telling(shown):
                _drop_remains(directory, name)
                unpublished = _Unpublished(directory, name, shown)
            try:
                file = io.BufferedWriter(unpublished, BUFFER)
                yield file
                file.flush()
                with _telling(shown):
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
            with _telling(self._shown(prefix)):
                count = _remove(directory, name)
                _drop_remains(directory, name)
                os.fsync(directory)
            return count
        finally:
            os.close(directory)

    def room(self, path: str) -> int | None:
        place = self._root.joinpath(*self._split(path)[0])
        for candidate in (place, *place.parents):
            with suppress(OSError):
                return _free(candidate)
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
                f"There is no readable object {path!r} in this bucket ({_reason(error)}).",
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


class _Unpublished(io.FileIO):
    """A file on its way into a directory; ``publish`` gives it its name."""

    def __init__(self, directory: int, name: str, shown: str) -> None:
        self._directory = directory
        self._target = name
        self._shown = shown
        self._name: str | None = None
        mode = 0o666
        try:
            handle = os.open(".", os.O_TMPFILE | os.O_RDWR, mode, dir_fd=directory)
        except (OSError, AttributeError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_NAMELESS:
                raise
            self._name = _reserved(name)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            handle = os.open(self._name, flags, mode, dir_fd=directory)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        super().__init__(handle, "r+")

    def write(self, data: Any) -> int:
        with _telling(self._shown):
            return super().write(data)

    def publish(self, *, if_absent: bool) -> None:
        os.fsync(self.fileno())
        if if_absent:
            with suppress(FileExistsError):
                self._link(self._target)
        else:
            if self._name is None:
                name = _reserved(self._target)
                fcntl.flock(self.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._link(name)
                self._name = name
            if _is_directory(self._directory, self._target):
                raise IsADirectoryError(errno.EISDIR, "is a directory")
            os.replace(
                self._name,
                self._target,
                src_dir_fd=self._directory,
                dst_dir_fd=self._directory,
            )
            self._name = None
        os.fsync(self._directory)

    def close(self) -> None:
        if not self.closed and self._name is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._name, dir_fd=self._directory)
        super().close()

    def _link(self, name: str) -> None:
        source = f"/proc/self/fd/{self.fileno()}" if self._name is None else self._name
        # A source directory is given so that the call is linkat(2), which can follow the link
        # under /proc to the file that has no name.
        os.link(
            source,
            name,
            src_dir_fd=self._directory,
            dst_dir_fd=self._directory,
            follow_symlinks=self._name is None,
        )


def _reserved(name: str) -> str:
    # Long names are cut so that the reserved one still fits in the 255 bytes a system gives.
    return f"{UNPUBLISHED}{os.fsdecode(os.fsencode(name)[:180])}-{secrets.token_hex(4)}"


def _drop_remains(directory: int, name: str) -> None:
    """Remove what killed writers of ``name`` left; a living one holds a lock on its file."""
    begin = _reserved(name)[:-8]
    for entry in os.listdir(directory):
        if not entry.startswith(begin) or len(entry) != len(begin) + 8:
            continue
        with suppress(OSError):
            handle = os.open(entry, os.O_RDWR | os.O_NOFOLLOW, dir_fd=directory)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(entry, dir_fd=directory)
            finally:
                os.close(handle)


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


def _is_directory(directory: int, name: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


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


def _free(place: str | Path) -> int:
    state = os.statvfs(place)
    return state.f_bavail * state.f_frsize


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "no such name"


@contextmanager
def _telling(shown: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _tell(error, shown)


def _tell(error: OSError, shown: str) -> NoReturn:
    place = Path(shown).parent
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free: int | None = None
        with suppress(OSError):
            free = _free(place)
        left = "" if free is None else f" ({free:,} bytes are free)"
        remedy = "Make room, or write elsewhere, and run the job again."
        raise OutputError(
            f"The disk is full: {shown} could not be written{left}. {remedy}",
            code="disk_full",
            details={"path": shown, "freeBytes": free, "remedy": remedy, "retryHelps": True},
        ) from error
    remedy = {
        errno.ENOENT: f"Make the directory {place} first, or choose another place.",
        errno.EISDIR: "It is a directory: name a file in it.",
    }.get(error.errno or 0, "Choose a place that you may write to.")
    raise OutputError(
        f"{shown} cannot be written: {_reason(error)}. {remedy}",
        code="output_unwritable",
        details={"path": shown, "reason": _reason(error), "remedy": remedy},
    ) from error
