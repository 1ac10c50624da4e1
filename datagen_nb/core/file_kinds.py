"""What a file is by its mode. Tables are read from and written to regular files only."""

from __future__ import annotations

import stat
from collections.abc import Callable

_OTHERS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISLNK, "a symbolic link"),
)


def irregular(mode: int) -> str:
    """What something is that is not a regular file, by its ``st_mode``; empty for a regular one."""
    if stat.S_ISREG(mode):
        return ""
    return next((name for matches, name in _OTHERS if matches(mode)), "a special file")
