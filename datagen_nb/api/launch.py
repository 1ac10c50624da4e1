"""Attaching to the local service, and starting it when none runs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from datagen_nb import __version__
from datagen_nb.api import wire
from datagen_nb.api.home import ALREADY_RUNS, Home
from datagen_nb.api.remote import HttpJobs
from datagen_nb.api.session import Session
from datagen_nb.core.errors import (
    DatagenError,
    ProtocolError,
    ServiceError,
    ServiceStartFailed,
    ServiceUnavailable,
    VersionMismatch,
)

START_SECONDS = 30.0
ANSWER_SECONDS = 20.0
STOP_SECONDS = 10.0
GLANCE = 0.02


async def attach(home: Home, *, start: bool = True, restart: bool = False) -> HttpJobs:
    """Connect to the home's service.

    Args:
        home: Whose service.
        start: Whether to start one if none runs, now or when it has died later.
        restart: Whether to stop a running one first; its jobs go on.

    Raises:
        ServiceUnavailable: None runs, and none was to be started; or the one that runs hangs.
        ServiceStartFailed: It did not start; the message quotes its log.
        VersionMismatch: The running one is of another version.
    """
    if restart:
        await stop(home)
    if start:
        home = await _start(home)
    elif not _listens(home):
        raise ServiceUnavailable(
            f"No service runs for the home {home.path}. `dg.connect()` starts one.",
            details={"path": str(home.path)},
        )

    async def revive() -> None:
        await _start(home)

    session = Session.over_socket(str(home.socket), revive=revive if start else None)
    try:
        async with _patience(ANSWER_SECONDS, lambda: _hangs(home)):
            pid, version = await _identify(session)
        if version != __version__:
            raise VersionMismatch(
                f"The running service (process {pid}) is of version {version}, this is "
                f"{__version__}. Restart it with dg.connect(restart=True) or `datagen-nb stop`; "
                "its jobs go on.",
                details={"running": version, "here": __version__, "pid": pid},
            )
    except BaseException:
        await session.aclose()
        raise
    return HttpJobs(session, shares_files=True)


async def _identify(session: Session) -> tuple[int, str]:
    """Process and version of a service, which every version tells, whatever else it tells."""
    said = json.loads(await session.send("GET", wire.INFO, safe=True))
    try:
        return int(said["pid"]), str(said["version"])
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError("What listens on the home's socket is no service of ours.") from error


async def stop(home: Home) -> bool:
    """End the home's service, if one runs; tell whether one did.

    It is asked; if that does not help it is told by a signal; and at last it is killed, which
    costs its jobs nothing but time.

    Raises:
        ServiceUnavailable: It does not end.
    """
    if not home.is_locked():
        return False
    for end in (_ask, _signal(signal.SIGTERM), _signal(signal.SIGKILL)):
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                if await end(home):
                    while home.is_locked():
                        await asyncio.sleep(GLANCE)
                    return True
    raise _hangs(home)


async def _ask(home: Home) -> bool:
    """Ask a service to end; tell whether it heard."""
    if not _listens(home):
        return False
    jobs = HttpJobs.over_socket(str(home.socket))
    try:
        await jobs.shut_down()
    except ServiceError:
        return not home.is_locked()
    finally:
        await jobs.aclose()
    return True


def _signal(number: signal.Signals) -> Callable[[Home], Awaitable[bool]]:
    async def send(home: Home) -> bool:
        owner = home.owner()  # who holds the lock lives, so the process id is still its own
        with suppress(ProcessLookupError):
            if owner is not None:
                os.kill(owner.pid, number)
        return owner is not None

    return send


async def _start(home: Home) -> Home:
    """Have a service run; return the home with the place where it listens."""
    process: subprocess.Popen[bytes] | None = None
    async with _patience(START_SECONDS, lambda: _hangs(home)):
        while not _listens(home):
            ended = None if process is None else process.poll()
            if ended is not None and ended != ALREADY_RUNS:
                raise ServiceStartFailed(
                    f"The local service did not start. {_log_end(home)}",
                    details={"log": str(home.log_file)},
                )
            # Whoever owns the home is about to listen, or about to end.
            if (process is None or ended is not None) and not home.is_locked():
                process = _spawn(home)
            await asyncio.sleep(GLANCE)
            home = Home.open(home.path)  # one of another environment chose another place
    return home


def _spawn(home: Home) -> subprocess.Popen[bytes]:
    """Start the service in a session of its own, so that no kernel takes it along."""
    with open(home.log_file, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "datagen_nb", "serve", "--local", "--home", str(home.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            close_fds=True,
            cwd=home.path,
            env=_environment(),
        )
    # It may end before we do; then somebody has to take note, or a zombie stays.
    threading.Thread(target=process.wait, name="datagen-service", daemon=True).start()
    return process


def _environment() -> dict[str, str]:
    """Where this package was imported from stays first, wherever the service is started."""
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path}


def _listens(home: Home) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
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


def _hangs(home: Home) -> ServiceUnavailable:
    owner = home.owner()
    who = "The local service" if owner is None else f"The local service (process {owner.pid})"
    return ServiceUnavailable(
        f"{who} does not answer on {home.socket}. `datagen-nb stop` ends it, and its jobs go on "
        f"with the next start; {home.log_file} may tell why.",
        details={"path": str(home.path), "pid": None if owner is None else owner.pid},
    )


@asynccontextmanager
async def _patience(
    seconds: float, error: Callable[[], DatagenError]
) -> AsyncGenerator[None, None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise error() from None
