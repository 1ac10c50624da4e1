"""Folders by their descriptors: each step is taken from an open one, and follows no link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from datagen_nb import files
from datagen_nb.core.buckets import ObjectMeta
from datagen_nb.files import RESERVED_PREFIX, version_of

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""Errors that mean that nothing has the name; any other one says nothing about it."""


def is_in(errors: frozenset[int], error: Exception) -> bool:
    """Whether it is one of the errors; a name that cannot be written as bytes is always."""
    return not isinstance(error, OSError) or error.errno in errors


def enter(directory: int, part: str, *, make: bool) -> int:
    """Open a folder in a directory; made if it is not there and ``make``."""
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


def walk(directory: int, above: str, prefix: str, after: str) -> Iterator[ObjectMeta]:
    """The objects of a directory in the order of their paths, those of its folders in between."""
    for name in sorted(_names(directory)):
        path = above + name
        is_folder = name.endswith("/")
        is_passed = path <= after and not (is_folder and after.startswith(path))
        if is_passed or not path.startswith(prefix):
            continue
        try:
            if not is_folder:
                found = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    yield ObjectMeta(path, found.st_size, version_of(found))
                continue
            deeper = enter(directory, name[:-1], make=False)
        except OSError as error:
            if is_in(ABSENT, error):  # removed in the meantime
                continue
            raise
        try:
            yield from walk(deeper, path, prefix, after)
        finally:
            os.close(deeper)


def _names(directory: int) -> Iterator[str]:
    """The names in a directory; those of folders end in ``/``, as they do in paths."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if not entry.name.startswith(RESERVED_PREFIX):
                is_folder = entry.is_dir(follow_symlinks=False)
                yield f"{entry.name}/" if is_folder else entry.name


def unlink(directory: int, name: str) -> bool:
    """Remove a file or a link, but no folder; whether it was an object."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            return False
        os.unlink(name, dir_fd=directory)
    except OSError as error:
        if is_in(ABSENT, error):
            return False
        raise
    return stat.S_ISREG(found.st_mode) and not name.startswith(RESERVED_PREFIX)


def remove_folder(directory: int, name: str) -> int:
    """Remove a folder with all that is in it; count the objects."""
    try:
        folder = enter(directory, name, make=False)
    except OSError as error:
        if is_in(ABSENT, error):
            return 0
        raise
    try:
        with files.locked(folder):
            count = 0
            for inner in os.listdir(folder):  # noqa: PTH208, a descriptor
                if unlink(folder, inner):
                    count += 1
                else:
                    count += remove_folder(folder, inner)
    finally:
        os.close(folder)
    with suppress(FileNotFoundError):
        os.rmdir(name, dir_fd=directory)
    return count
