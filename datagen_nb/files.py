"""Files written atomically: whole and synced before they get their name, or not at all.

Until then a file has no name, or a reserved one where the system has no files without names.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from datagen_nb.core.buckets import IfVersion, Mode
from datagen_nb.core.errors import OutputError, VersionConflict
from datagen_nb.core.file_kinds import irregular
from datagen_nb.core.output_errors import output_exists

BUFFER = 1 << 20

RESERVED_PREFIX = ".~datagen-"
"""How the name of a file begins that is still being written; no object's name may."""

_NO_NAMELESS = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}
"""Errors of systems that cannot make a file without a name."""

_NO_HARD_LINKS = {errno.EOPNOTSUPP, errno.EPERM, errno.ENOSYS}
"""Errors of file systems that cannot give a file a second name."""

CLOCK_TICK_NS = 1_000_000_000
"""No file system's clock for times of files is coarser, but for FAT's."""


@contextmanager
def write_atomically(
    path: str | os.PathLike[str], *, overwrite: bool = False
) -> Iterator[BinaryIO]:
    """Write a file of the user, named when the block ends without an exception.

    Args:
        path: Its name; links are followed, directories are not made.
        overwrite: Replace a file that is there; it hands on its permissions.

    Raises:
        OutputError: It cannot be written, or is there already; what has the name stays.

    Example:
        ```python
        with write_atomically("out.csv") as file:
            file.write(b"a,b")
        ```
    """
    label = str(path)
    if "\0" in label:
        raise OutputError(f"{label!r} is no name of a file. Choose another name.")
    target = Path(os.path.realpath(path))
    with output_errors(label):
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        mode: Mode = "overwrite" if overwrite else "create"
        with write_in(directory, target.name, label, mode=mode) as file:
            yield file
    except VersionConflict as error:
        raise output_exists(label) from error
    finally:
        os.close(directory)


@contextmanager
def write_in(
    directory: int,
    name: str,
    label: str,
    *,
    mode: Mode,
    permissions: int | None = None,
    is_owned: bool = False,
) -> Iterator[BinaryIO]:
    """Write a file in an open directory; see ``write_atomically``.

    Args:
        directory: A descriptor of it.
        name: Of the file.
        label: What messages call it.
        mode: When the write takes place.
        permissions: Mode bits of a new file.
        is_owned: Whether all writers of the directory go through here. Only then is an
            `IfVersion` safe from every other write; in a directory of the user's, from those
            that have an `IfVersion` as well.
    """
    with output_errors(label):
        remove_leftovers(directory, name)
        atomic = _AtomicFile(directory, name, label, mode, permissions, is_owned=is_owned)
    try:
        file = io.BufferedWriter(atomic, BUFFER)
        yield file
        file.flush()
        with output_errors(label):
            atomic.publish()
    finally:
        atomic.close()


class _AtomicFile(io.FileIO):
    """A file on its way into a directory; ``publish`` gives it its name."""

    def __init__(
        self,
        directory: int,
        name: str,
        label: str,
        mode: Mode,
        permissions: int | None,
        *,
        is_owned: bool,
    ) -> None:
        self._directory = directory
        self._target = name
        self._label = label
        self._mode = mode
        self._permissions = permissions
        self._is_owned = is_owned
        self._name: str | None = None
        self._check_target()
        try:
            handle = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o666, dir_fd=directory)
        except (OSError, AttributeError) as error:
            if isinstance(error, OSError) and error.errno not in _NO_NAMELESS:
                raise
            self._name, handle = _reserved_file(directory, name)
        super().__init__(handle, "r+")

    def write(self, data: Any) -> int:
        with output_errors(self._label):
            return super().write(data)

    def publish(self) -> None:
        """Give the file its name, once its bytes have reached the disk."""
        found = self._check_target()
        permissions = self._permissions
        if found is not None and stat.S_ISREG(found.st_mode):
            permissions = stat.S_IMODE(found.st_mode) & 0o777
        if permissions is not None:
            os.fchmod(self.fileno(), permissions)
        os.fsync(self.fileno())
        if self._mode == "create":
            self._create()
        elif self._is_owned or isinstance(self._mode, IfVersion):
            with locked(self._directory):
                self._replace(self._check_target())
        else:
            self._replace(found)
        os.fsync(self._directory)

    def close(self) -> None:
        if not self.closed and self._name is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._name, dir_fd=self._directory)
        super().close()

    def _check_target(self) -> os.stat_result | None:
        """What has the name now.

        Raises:
            OutputError: It may not be replaced, whatever the mode.
            VersionConflict: The condition of the mode does not hold.
        """
        found: os.stat_result | None
        try:
            found = os.stat(self._target, dir_fd=self._directory, follow_symlinks=False)
        except FileNotFoundError:
            found = None
        version = self._mode.version if isinstance(self._mode, IfVersion) else None
        # A link itself is replaced, never what it leads to.
        if found is not None and not stat.S_ISLNK(found.st_mode):
            if what := irregular(found.st_mode):
                raise _not_replaced(self._label, what)
            if self._mode == "create":
                raise VersionConflict(f"{self._label} is there already")
            if version in (None, version_of(found)):
                return found
        if version is not None:
            raise VersionConflict(f"{self._label} is not of version {version} any more")
        return found

    def _create(self) -> None:
        try:
            self._link(self._target)
        except FileExistsError as error:
            raise VersionConflict(f"{self._label} is there already") from error
        except OSError as error:
            if self._name is None or error.errno not in _NO_HARD_LINKS:
                raise
            self._replace(self._check_target())

    def _replace(self, found: os.stat_result | None) -> None:
        if self._name is None:
            name = _reserved_name(self._target)
            fcntl.flock(self.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._link(name)
            self._name = name
        if found is not None:
            self._outdate(found)
        os.replace(self._name, self._target, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        self._name = None

    def _outdate(self, found: os.stat_result) -> None:
        """Be younger than what is replaced, though both are of one tick of the clock.

        The number of a file that is gone is given out again; its time must not be as well.
        """
        own = os.fstat(self.fileno())
        if 0 <= found.st_mtime_ns - own.st_mtime_ns < CLOCK_TICK_NS:
            os.utime(self.fileno(), ns=(own.st_atime_ns, found.st_mtime_ns + 1))

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


def version_of(found: os.stat_result) -> str:
    """The version of a file: another one after every write that goes through here."""
    return f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"


@contextmanager
def locked(directory: int) -> Iterator[None]:
    """Keep other writers of a directory from naming or removing files in it."""
    fcntl.flock(directory, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(directory, fcntl.LOCK_UN)


def _reserved_name(name: str) -> str:
    # Long names are cut so that the reserved one still fits in the 255 bytes a system gives.
    return f"{RESERVED_PREFIX}{os.fsdecode(os.fsencode(name)[:180])}-{secrets.token_hex(4)}"


def _reserved_file(directory: int, name: str) -> tuple[str, int]:
    """A new file under a reserved name, and locked; its name and a descriptor."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    while True:
        reserved = _reserved_name(name)
        handle = os.open(reserved, flags, 0o666, dir_fd=directory)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return reserved, handle
        os.close(handle)  # another writer took it for a leftover before it was locked


def remove_leftovers(directory: int, name: str) -> None:
    """Remove what killed writers of ``name`` left; a living one holds a lock on its file."""
    begin = _reserved_name(name)[:-8]
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


def free_bytes(place: str | Path) -> int:
    """Bytes that can still be written where a place lies."""
    state = os.statvfs(place)
    return state.f_bavail * state.f_frsize


def reason_of(error: Exception) -> str:
    """The system's text of an error."""
    return (error.strerror if isinstance(error, OSError) else None) or "no such name"


@contextmanager
def output_errors(label: str) -> Iterator[None]:
    """Raise an ``OutputError`` for whatever the system cannot write."""
    try:
        yield
    except OSError as error:
        _raise_output_error(error, label)


def _raise_output_error(error: OSError, label: str) -> NoReturn:
    place = Path(label).parent
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free: int | None = None
        with suppress(OSError):
            free = free_bytes(place)
        left = "" if free is None else f" ({free:,} bytes are free)"
        remedy = "Make room, or write elsewhere, and run the job again."
        raise OutputError(
            f"The disk is full: {label} could not be written{left}. {remedy}",
            code="disk_full",
            details={"path": label, "freeBytes": free, "remedy": remedy, "retryHelps": True},
        ) from error
    remedy = "Choose a place that you may write to."
    if error.errno == errno.ENOENT and not place.exists():
        remedy = f"Make the directory {place} first, or choose another place."
    raise OutputError(
        f"{label} cannot be written: {reason_of(error)}. {remedy}",
        code="output_unwritable",
        details={"path": label, "reason": reason_of(error), "remedy": remedy},
    ) from error


def _not_replaced(label: str, what: str) -> OutputError:
    remedy = "Name a file in it." if what == "a directory" else "Choose another name."
    return OutputError(
        f"{label} is {what}; only regular files are replaced. {remedy}",
        code="output_not_a_file",
        details={"path": label, "what": what, "remedy": remedy},
    )
