"""Connecting to the local service; starting, restarting and stopping it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from datagen_nb.api import wire
from datagen_nb.api.client.jobs import HttpJobs
from datagen_nb.api.client.session import Session
from datagen_nb.api.process.home import EXIT_ALREADY_RUNNING, Home, private_opener
from datagen_nb.core.errors import (
    DatagenError,
    HomeError,
    ProtocolError,
    ServiceError,
    ServiceStartFailed,
    ServiceUnavailable,
    VersionMismatch,
)
from datagen_nb.core.version import __version__

START_SECONDS = 30.0
ANSWER_SECONDS = 20.0
STOP_SECONDS = 10.0
POLL_INTERVAL = 0.02


async def attach(
    home: Home,
    *,
    start: bool = True,
    restart: bool = False,
    start_within: float = START_SECONDS,
    answer_within: float = ANSWER_SECONDS,
) -> HttpJobs:
    """Connect to the home's service.

    Args:
        home: The home directory of the service.
        start: Whether to start the service if it does not run, now or after a crash later.
        restart: Whether to stop a running service first; its jobs continue.
        start_within: Seconds in which a service that is started has to listen.
        answer_within: Seconds in which a running service has to answer.

    Raises:
        ServiceUnavailable: No service runs and ``start`` is false; ``service_not_answering``: the
            running service does not answer.
        ServiceStartFailed: The service did not start; the message quotes its log.
        VersionMismatch: The running service has another version.
    """
    if restart:
        await stop(home)
    if start:
        home = await _start(home, start_within)
    elif not is_listening(home):
        if home.is_locked():
            raise _not_answering(home)
        raise ServiceUnavailable(
            f"No service runs for the home {home.path}. `dg.connect()` starts one.",
            details={"path": str(home.path)},
        )

    async def start_again() -> None:
        await _start(home, start_within)

    session = Session.over_socket(str(home.socket), restart=start_again if start else None)
    try:
        async with _timeout(answer_within, lambda: _not_answering(home)):
            pid, version = await _identify(session)
        if version != __version__:
            raise VersionMismatch(
                f"The running service (process {pid}) has version {version}, this package has "
                f"{__version__}. Restart it with dg.connect(restart=True) or `datagen-nb stop`; "
                "its jobs continue.",
                details={"running": version, "here": __version__, "pid": pid},
            )
    except BaseException:
        await session.aclose()
        raise
    return HttpJobs(session, shares_files=True)


async def _identify(session: Session) -> tuple[int, str]:
    """Process id and version: the two fields of ``/v1/info`` that every version has."""
    info = json.loads(await session.send("GET", wire.INFO, idempotent=True))
    try:
        return int(info["pid"]), str(info["version"])
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(
            "Another program than datagen_nb listens on the home's socket. Find and stop it, or "
            "choose another directory with connect(home=…)."
        ) from error


async def stop(home: Home, *, seconds_per_try: float = STOP_SECONDS) -> bool:
    """Stop the home's service; return whether one ran.

    First by a request, then by SIGTERM, at last by SIGKILL; its jobs continue at the next start.

    Args:
        home: The home directory of the service.
        seconds_per_try: Seconds until the next of the three is tried.

    Raises:
        ServiceUnavailable: The service does not stop.
    """
    if not home.is_locked() and not is_listening(home):
        return False
    for ask in (
        _request_shutdown,
        partial(send_signal, number=signal.SIGTERM),
        partial(send_signal, number=signal.SIGKILL),
    ):
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds_per_try):
                if await ask(home):
                    while home.is_locked() or is_listening(home):
                        await asyncio.sleep(POLL_INTERVAL)
                    return True
    raise _not_answering(home)


async def _request_shutdown(home: Home) -> bool:
    """Send a shutdown request; return whether it arrived."""
    if not is_listening(home):
        return False
    jobs = HttpJobs.over_socket(str(home.socket))
    try:
        await jobs.shut_down()
    except ServiceError:
        return not home.is_locked()
    finally:
        await jobs.aclose()
    return True


async def send_signal(home: Home, number: signal.Signals) -> bool:
    """Send a signal to the home's service; return whether one runs."""
    owner = home.owner()  # it holds the lock, so its process id is still valid
    with suppress(ProcessLookupError):
        if owner is not None:
            os.kill(owner.pid, number)
            os.kill(owner.pid, signal.SIGCONT)  # a stopped process handles no signal
    return owner is not None


async def _start(home: Home, seconds: float) -> Home:
    """Start a service unless one listens; return the home with its current socket."""
    process: subprocess.Popen[bytes] | None = None
    async with _timeout(seconds, lambda: _not_answering(home)):
        while not is_listening(home):
            ended = None if process is None else process.poll()
            if ended is not None and ended != EXIT_ALREADY_RUNNING:
                raise ServiceStartFailed(
                    f"The local service did not start. {_log_end(home)}",
                    details={"log": str(home.log_file)},
                )
            # A process that holds the lock is about to listen, or about to exit.
            if (process is None or ended is not None) and not home.is_locked():
                process = _spawn(home)
            await asyncio.sleep(POLL_INTERVAL)
            home = Home.open(home.path)  # a service of another environment may have another socket
    return home


def _spawn(home: Home) -> subprocess.Popen[bytes]:
    """Start the service in a session of its own, so that it outlives the kernel."""
    try:
        log = open(home.log_file, "ab", opener=private_opener)  # noqa: SIM115  closed below
    except OSError as error:
        raise HomeError(
            f"The log {home.log_file} cannot be written: {error.strerror}. Make room, or choose "
            "another directory with connect(home=…) or DATAGEN_HOME.",
            details={"path": str(home.log_file)},
        ) from error
    with log:
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
    # If it exits before this process, it has to be waited for, or a zombie remains.
    threading.Thread(target=process.wait, name="datagen-service", daemon=True).start()
    return process


_INHERITED = re.compile(
    "HOME|LANG|LANGUAGE|LC_.*|LD_LIBRARY_PATH|LOGNAME|PATH|SSL_CERT_(DIR|FILE)|TMPDIR|TZ|USER|XDG_.*"
    "|DATAGEN_(?!API_KEY$|HOME$|LOG$).*"
    # Where credentials of Google are found; none of them is one.
    "|GOOGLE_APPLICATION_CREDENTIALS|GOOGLE_CLOUD_(QUOTA_)?PROJECT|CLOUDSDK_CONFIG"
    "|GCE_METADATA_.*|NO_GCE_CHECK|(FIRESTORE|STORAGE)_EMULATOR_HOST"
)
"""Environment variables that the service gets: those of the user, and its own settings."""


def _environment() -> dict[str, str]:
    """The environment of the service, which outlives the process that starts it.

    What was set for one kernel, as a proxy or a number of threads, is left out. The service
    imports this very package, wherever it is started.
    """
    kept = {name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)}
    package = str(Path(__file__).parents[3])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    # Errors quote the log for people.
    return {**kept, "PYTHONPATH": path, "DATAGEN_LOG": "text"}


def is_listening(home: Home) -> bool:
    """Whether a process listens on the home's socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(home.socket))
        except OSError:
            return False
    return True


def _log_end(home: Home) -> str:
    if reason := _unwritable(home):  # then there is no log either
        return reason
    try:
        lines = home.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    end = "\n".join(f"  {line}" for line in lines[-12:])
    return f"Its log {home.log_file} ends:\n{end}"


def _unwritable(home: Home) -> str | None:
    """Why the home is not writable; ``None`` if it is."""
    try:
        with tempfile.TemporaryFile(dir=home.path) as probe:
            probe.write(bytes(1 << 16))
    except OSError as error:
        return (
            f"Nothing can be written to {home.path}: {error.strerror}. Make room there, or choose "
            "another directory with connect(home=…) or DATAGEN_HOME."
        )
    return None


def _not_answering(home: Home) -> ServiceUnavailable:
    owner = home.owner()
    name = "The local service" if owner is None else f"The local service (process {owner.pid})"
    return ServiceUnavailable(
        f"{name} does not answer on {home.socket}. Stop it with `datagen-nb stop`; its jobs "
        f"continue at the next start. The reason may be in {home.log_file}.",
        code="service_not_answering",
        details={"path": str(home.path), "pid": None if owner is None else owner.pid},
    )


@asynccontextmanager
async def _timeout(seconds: float, error: Callable[[], DatagenError]) -> AsyncGenerator[None, None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise error() from None
