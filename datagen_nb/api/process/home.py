"""A local service's home: its directory, its socket, and the lock that makes it the only one."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from datagen_nb.core.errors import HomeError
from datagen_nb.core.version import __version__

LOCK = "service.lock"

EXIT_ALREADY_RUNNING = 75
"""Exit status of a service whose home another one has locked: EX_TEMPFAIL of sysexits.h."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that holds a home's lock, as it wrote into the lock file."""

    pid: int
    version: str
    socket: Path


@dataclass(frozen=True, slots=True)
class Home:
    """A directory that one local service owns; made by ``open``.

    Attributes:
        path: The directory, 0700, with all links resolved.
        socket: Where the service listens: a short path in the user's runtime directory, because
            a socket's path is limited to about 100 bytes and a network file system may not support
            sockets. The same for every process of this user: the lock file names the socket of the
            last service.
    """

    path: Path
    socket: Path

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None) -> Self:
        """Find the home directory; create it if it does not exist.

        Args:
            path: The directory; by default ``DATAGEN_HOME``, else the platform's directory for
                user data.

        Raises:
            HomeError: It cannot be created or written to, or belongs to another user.
        """
        chosen = path or os.environ.get("DATAGEN_HOME") or _default()
        found = Path(os.path.realpath(os.path.expanduser(chosen)))
        _ensure_private(
            found, "home", "Name another directory with connect(home=…) or DATAGEN_HOME."
        )
        owner = _read_owner(found)
        if owner is not None and _is_private(owner.socket.parent):
            return cls(found, owner.socket)
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

    @property
    def token_file(self) -> Path:
        return self.path / "token"

    def identities(self) -> dict[Path, tuple[int, int] | None]:
        """The files by which a service is found, with device and inode to detect a replaced one."""
        needed = (self.path, self.database, self.path / LOCK, self.socket)
        return {path: _identity_of(path) for path in needed}

    def new_token(self) -> str:
        """Create the token of a service on a loopback port, in a file only this user can read.

        Raises:
            HomeError: The file cannot be written.
        """
        token = f"dg_local0000000_{secrets.token_urlsafe(32)}"
        try:
            self.token_file.unlink(missing_ok=True)
            file = os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w") as opened:
                opened.write(token)
        except OSError as error:
            raise HomeError(
                f"The token {self.token_file} cannot be written: {error.strerror}.",
                details={"path": str(self.token_file)},
            ) from error
        return token

    @contextmanager
    def lock(self) -> Generator[None, None, None]:
        """Hold the home's lock during the block; a process that dies releases it.

        Raises:
            HomeError: Another process holds it (``home_locked``), or the file system has no locks.
        """
        with self._lock_file() as file:
            self._acquire(file.fileno())
            file.truncate(0)
            file.write(f"{os.getpid()}\n{__version__}\n{self.socket}\n".encode())
            file.flush()
            yield

    def is_locked(self) -> bool:
        """Whether a service holds the lock now."""
        with self._lock_file() as file:
            try:
                self._acquire(file.fileno())
            except HomeError as error:
                if error.code == "home_locked":
                    return True
                raise
        return False

    def owner(self) -> Owner | None:
        """The process that holds the lock; ``None`` if none does, or it has not written it yet."""
        return _read_owner(self.path) if self.is_locked() else None

    def _lock_file(self) -> BinaryIO:
        path = self.path / LOCK
        try:
            return open(path, "a+b", opener=private_opener)
        except OSError as error:
            raise HomeError(
                f"The lock {path} cannot be opened: {error.strerror}. Move it away, or name "
                "another directory with connect(home=…) or DATAGEN_HOME.",
                details={"path": str(path)},
            ) from error

    def _acquire(self, file: int) -> None:
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


def private_opener(path: str, flags: int) -> int:
    """Opener for files of the home: a new file is readable by this user alone."""
    return os.open(path, flags, 0o600)


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _default() -> str:
    from platformdirs import user_data_dir

    return user_data_dir("datagen_nb", appauthor=False)


def _read_owner(home: Path) -> Owner | None:
    try:
        pid, version, socket = (home / LOCK).read_text(encoding="utf-8").split("\n")[:3]
        return Owner(int(pid), version, Path(socket))
    except (OSError, ValueError):  # no service ran here yet, or one is writing the file
        return None


def _runtime_directory() -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    base = Path(given) if given and len(given) < 60 and os.access(given, os.W_OK) else None
    place = (base or Path(tempfile.gettempdir())) / f"datagen-nb-{os.getuid()}"
    if len(os.fsencode(place)) > 70:
        place = Path("/tmp") / place.name  # noqa: S108  owned and 0700, or refused
    _ensure_private(place, "socket directory", "Name another place with XDG_RUNTIME_DIR.")
    return place


def _ensure_private(path: Path, what: str, remedy: str) -> None:
    """Create a directory that only this user can enter, or check an existing one."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        why = _reason_unusable(path, found)
        if why is None and stat.S_IMODE(found.st_mode) != 0o700:
            path.chmod(0o700)
    except OSError as error:
        why = error.strerror or str(error)
    if why is not None:
        raise HomeError(
            f"The {what} {path} cannot be used: {why}. {remedy}", details={"path": str(path)}
        )


def _reason_unusable(path: Path, found: os.stat_result) -> str | None:
    if not stat.S_ISDIR(found.st_mode):
        return "it is a link"
    if found.st_uid != os.getuid():
        return "it belongs to another user"
    if not os.access(path, os.W_OK | os.X_OK):
        return "it cannot be written to"
    # Never take the permissions of others from a shared directory such as /tmp or a project.
    if found.st_mode & 0o077 and not (path / LOCK).exists() and any(path.iterdir()):
        return "it contains other files and other users can enter it"
    return None


def _is_private(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    mode = stat.S_IMODE(found.st_mode)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and mode == 0o700
