"""A file on its way into a directory: written unseen, then named in one step; or told why not.

It has no name until then, or a reserved one where the system has no files without names.
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
from typing import Any, NoReturn

from datagen_nb.core.errors import OutputError

UNPUBLISHED = ".~datagen-"
"""How the name of a file begins that is not published yet; no object's name may."""

_NO_NAMELESS = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}
"""What systems answer that cannot make a file without a name."""


class Unpublished(io.FileIO):
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
        with telling(self._shown):
            return super().write(data)

    def publish(self, *, if_absent: bool) -> None:
        """Give the file its name, once its bytes have reached the disk."""
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
            if is_directory(self._directory, self._target):
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


def drop_remains(directory: int, name: str) -> None:
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


def is_directory(directory: int, name: str) -> bool:
    """Whether a name in a directory is a directory's."""
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def free_bytes(place: str | Path) -> int:
    """Bytes that can still be written where a place lies."""
    state = os.statvfs(place)
    return state.f_bavail * state.f_frsize


def reason_of(error: Exception) -> str:
    """What the system says of an error."""
    return (error.strerror if isinstance(error, OSError) else None) or "no such name"


@contextmanager
def telling(shown: str) -> Iterator[None]:
    """Tell a failure to write as what it is."""
    try:
        yield
    except OSError as error:
        _tell(error, shown)


def _tell(error: OSError, shown: str) -> NoReturn:
    place = Path(shown).parent
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free: int | None = None
        with suppress(OSError):
            free = free_bytes(place)
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
        f"{shown} cannot be written: {reason_of(error)}. {remedy}",
        code="output_unwritable",
        details={"path": shown, "reason": reason_of(error), "remedy": remedy},
    ) from error
