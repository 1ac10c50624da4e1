"""A local service's home: its directory, its socket, and the lock that makes it the only one."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from datagen_nb.core.errors import HomeError


@dataclass(frozen=True, slots=True)
class Home:
    """A directory that one local service owns; made by ``open``.

    Attributes:
        path: The directory, 0700, with all links resolved.
        socket: Where the service listens: a short path in a runtime directory of this user, since
            a socket's path may have only about 100 bytes and a network file system may refuse it.
    """

    path: Path
    socket: Path

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None) -> Self:
        """Find the home, and make it if it is not there.

        Args:
            path: The directory; by default ``DATAGEN_HOME``, else the platform's directory for
                user data.

        Raises:
            HomeError: It cannot be made or written to, or is someone else's.
        """
        chosen = path or os.environ.get("DATAGEN_HOME") or _default()
        found = Path(os.path.realpath(os.path.expanduser(chosen)))
        _own(found, "home")
        name = hashlib.sha256(os.fsencode(found)).hexdigest()[:16]
        return cls(found, _runtime_directory() / f"{name}.sock")

    @property
    def database(self) -> Path:
        return self.path / "jobs.sqlite"

    @property
    def buckets(self) -> Path:
        return self.path / "buckets"

    @property
    def log_file(self) -> Path:
        return self.path / "service.log"

    @contextmanager
    def lock(self) -> Generator[None, None, None]:
        """Own the home for the length of the block, or as long as the process lives.

        Raises:
            HomeError: Another process owns it (``home_locked``), or the file system has no locks.
        """
        with open(self.path / "service.lock", "a+b") as file:
            self._take(file.fileno())
            file.truncate(0)
            file.write(f"{os.getpid()}\n".encode())
            file.flush()
            yield

    def is_locked(self) -> bool:
        """Whether a service owns the home now."""
        with open(self.path / "service.lock", "a+b") as file:
            try:
                self._take(file.fileno())
            except HomeError as error:
                return error.code == "home_locked"
        return False

    def _take(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HomeError(
                f"A service already runs for the home {self.path}. "
                "`datagen-nb status` shows it, `datagen-nb stop` ends it.",
                code="home_locked",
                details={"path": str(self.path)},
            ) from error
        except OSError as error:
            raise HomeError(
                f"The file system of {self.path} has no locks ({error.strerror}). "
                "Choose a home on a local disk with DATAGEN_HOME.",
                details={"path": str(self.path)},
            ) from error


def _default() -> str:
    from platformdirs import user_data_dir

    return user_data_dir("datagen_nb", appauthor=False)


def _runtime_directory() -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    base = Path(given) if given and len(given) < 60 and os.access(given, os.W_OK) else None
    place = (base or Path(tempfile.gettempdir())) / f"datagen-nb-{os.getuid()}"
    if len(os.fsencode(place)) > 70:
        place = Path("/tmp") / place.name  # noqa: S108  owned and 0700, or refused
    _own(place, "socket directory")
    return place


def _own(path: Path, what: str) -> None:
    """Make a directory that only this user can enter, or find it so."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise _unusable(path, what, error.strerror or str(error)) from error
    if not stat.S_ISDIR(found.st_mode):
        raise _unusable(path, what, "it is a link")
    if found.st_uid != os.getuid():
        raise _unusable(path, what, "it belongs to another user")
    if not os.access(path, os.W_OK | os.X_OK):
        raise _unusable(path, what, "it cannot be written to")
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)


def _unusable(path: Path, what: str, why: str) -> HomeError:
    return HomeError(
        f"The {what} {path} cannot be used: {why}. "
        "Name another directory with connect(home=…) or DATAGEN_HOME.",
        details={"path": str(path)},
    )
