"""Attaching to the local service, and starting it when none runs."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from datagen_nb import __version__
from datagen_nb.api.home import Home
from datagen_nb.api.remote import HttpJobs
from datagen_nb.core.errors import (
    ServiceError,
    ServiceStartFailed,
    ServiceUnavailable,
    VersionMismatch,
)

START_SECONDS = 30.0
STOP_SECONDS = 15.0
GLANCE = 0.02


async def attach(home: Home, *, start: bool = True, restart: bool = False) -> HttpJobs:
    """Connect to the home's service.

    Args:
        home: Whose service.
        start: Whether to start one if none runs, now or when it has died later.
        restart: Whether to stop a running one first; its jobs go on.

    Raises:
        ServiceUnavailable: None runs, and none was to be started.
        ServiceStartFailed: It did not start; the message quotes its log.
        VersionMismatch: The running one is of another version.
    """
    if restart:
        await stop(home)
    if start:
        await _start(home)
    elif not _listens(home):
        raise ServiceUnavailable(
            f"No service runs for the home {home.path}. `dg.connect()` starts one.",
            details={"path": str(home.path)},
        )

    async def revive() -> None:
        await _start(home)

    jobs = HttpJobs.over_socket(str(home.socket), revive=revive if start else None)
    try:
        info = await jobs.info()
    except ServiceError:
        await jobs.aclose()
        raise
    if info.version != __version__:
        await jobs.aclose()
        raise VersionMismatch(
            f"The running service (process {info.pid}) is of version {info.version}, this is "
            f"{__version__}. Restart it with dg.connect(restart=True) or `datagen-nb stop`; its "
            "jobs go on.",
            details={"running": info.version, "here": __version__, "pid": info.pid},
        )
    return jobs


async def stop(home: Home) -> bool:
    """End the home's service, if one runs; tell whether one did.

    Raises:
        ServiceError: It would not end.
    """
    if not home.is_locked():
        return False
    if _listens(home):
        jobs = HttpJobs.over_socket(str(home.socket))
        try:
            await jobs.shut_down()
        finally:
            await jobs.aclose()
    async with _patience(STOP_SECONDS, f"The service of {home.path} does not end."):
        while home.is_locked():
            await asyncio.sleep(GLANCE)
    return True


async def _start(home: Home) -> None:
    if _listens(home):
        return
    process = _spawn(home)
    silent = f"The local service says nothing. {home.log_file} may tell why."
    async with _patience(START_SECONDS, silent):
        while not _listens(home):
            # The loser of a race to start exits; then the winner's socket is on its way.
            if process.poll() is not None and not home.is_locked() and not _listens(home):
                raise ServiceStartFailed(
                    f"The local service did not start. {_log_end(home)}",
                    details={"log": str(home.log_file)},
                )
            await asyncio.sleep(GLANCE)


def _spawn(home: Home) -> subprocess.Popen[bytes]:
    """Start the service in a session of its own, so that no kernel takes it along."""
    with open(home.log_file, "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "datagen_nb", "serve", "--local", "--home", str(home.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            close_fds=True,
            cwd=home.path,
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    """Where this package was imported from stays first, wherever the service is started."""
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path}


def _listens(home: Home) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(home.socket))
        except OSError:
            return False
    return True


def _log_end(home: Home) -> str:
    try:
        lines = home.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    end = "\n".join(f"  {line}" for line in lines[-12:])
    return f"Its log {home.log_file} ends:\n{end}"


@asynccontextmanager
async def _patience(seconds: float, message: str) -> AsyncGenerator[None, None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise ServiceStartFailed(message) from None
