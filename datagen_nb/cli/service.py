"""The local service: serve, status, stop, doctor."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from importlib import metadata, resources
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from datagen_nb.cli.options import Commands, add_tls, host_and_port, tls_of
from datagen_nb.core.errors import (
    ConfigurationError,
    DatagenError,
    HomeError,
    Problem,
    ServiceUnavailable,
)
from datagen_nb.core.inert import inert

if TYPE_CHECKING:
    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.host import Address

IDLE_SECONDS = 900.0

STATUS_SECONDS = 5.0
"""In which a service has to answer that ``status`` asks."""


def add_commands(commands: Commands) -> None:
    """Add ``serve``, ``status``, ``stop`` and ``doctor``."""
    serve = commands.add("serve", _serve, "Run a service in the foreground.")
    serve.add_argument(
        "--listen",
        metavar="HOST:PORT",
        help="serve customers with API keys there too (`datagen-nb customers`, `keys`)",
    )
    add_tls(serve)
    serve.add_argument(
        "--loopback",
        metavar="PORT",
        type=int,
        help="serve this user there too, by a token that is kept in the home",
    )
    serve.add_argument(
        "--origin", action="append", default=[], help="web origin whose pages may ask, too"
    )
    serve.add_argument("--local", action="store_true", help="end when idle, as notebooks start it")
    serve.add_argument("--idle-seconds", type=float, default=IDLE_SECONDS, help=argparse.SUPPRESS)

    status = commands.add("status", _status, "Show the local service and its jobs.")
    status.add_argument("--json", action="store_true", help="for programs")

    commands.add("stop", _stop, "Stop the local service; its jobs go on when it is started again.")
    commands.add("doctor", _doctor, "Check that everything the package needs is in order.")


def _serve(options: argparse.Namespace) -> int:
    from datagen_nb.api.process.home import EXIT_ALREADY_RUNNING, Home

    home = Home.open(options.home)
    umask = os.umask(0o077)  # its files are for this user alone, however it was started
    try:
        with home.lock():
            from datagen_nb.wiring.server import serve

            serve(
                home,
                address=_address(options, home),
                on_listen=lambda url: print(f"listening at {url}", flush=True),
                idle_seconds=options.idle_seconds if options.local else None,
            )
    except HomeError as error:
        if error.code != "home_locked":
            raise
        print(f"datagen-nb: {error}", file=sys.stderr)
        return EXIT_ALREADY_RUNNING
    finally:
        os.umask(umask)
    return 0


def _address(options: argparse.Namespace, home: Home) -> Address | None:
    """Where a service listens in addition to its socket, if it was asked to."""
    from datagen_nb.api.process.host import Address

    origins = frozenset(options.origin)
    tls = tls_of(options)
    if options.loopback is not None and options.listen is not None:
        raise ConfigurationError(
            [Problem("loopback", str(options.loopback), "excludes --listen", "Choose one.")]
        )
    if options.loopback is not None:
        return Address("127.0.0.1", options.loopback, home.new_token(), origins)
    if options.listen is None:
        return None
    return Address(*host_and_port(options.listen), origins=origins, tls=tls)


def _status(options: argparse.Namespace) -> int:
    from datagen_nb.api.process.home import Home

    home = Home.open(options.home)
    found = asyncio.run(_found(home))
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        state = "does not run"
        if found["running"]:
            state = f"runs, process {found['pid']}, version {found['version']}"
            if not found["answering"]:
                state = f"does not answer, process {found['pid']}; `datagen-nb stop` ends it"
        print(f"service  {state}\nhome     {found['home']}\nsocket   {found['socket']}")
        for job in found["jobs"]:
            worker = f", worker {job['worker']}" if job["worker"] else ""
            state = f"{job['status']} {job['progress']:.0f} %{worker}"
            print(f"job      {job['jobId']} {state}  {inert(job['name'])}")
    if found["running"] and not found["answering"]:
        return 1
    return 0 if found["running"] else 3


async def _found(home: Any) -> dict[str, Any]:
    from datagen_nb.api.process.launch import attach
    from datagen_nb.client.async_client import AsyncClient

    places = {"home": str(home.path), "socket": str(home.socket)}
    try:
        service = await attach(home, start=False, answer_within=STATUS_SECONDS)
    except ServiceUnavailable as error:
        hangs, pid = error.code == "service_not_answering", error.details.get("pid")
        unknown: dict[str, Any] = {**places, "pid": pid, "version": None, "jobs": []}
        return {"running": hangs, "answering": False, **unknown}
    async with AsyncClient(service) as client:
        info = await client.info()
        jobs = [
            {
                "jobId": job.id,
                "name": job.name,
                "status": job.status.status.value,
                "progress": job.status.progress,
                "attempt": job.status.attempt,
                "worker": info.workers.get(job.id),
            }
            for job in await client.jobs.running()
        ]
    found = {**places, "pid": info.pid, "version": info.version, "jobs": jobs}
    return {"running": True, "answering": True, **found}


def _stop(options: argparse.Namespace) -> int:
    from datagen_nb.api.process.home import Home
    from datagen_nb.api.process.launch import stop

    stopped = asyncio.run(stop(Home.open(options.home)))
    print("stopped" if stopped else "no service runs")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    checks = [_check_packages(), _check_front_end(), _check_home(options.home)]
    if checks[-1][0]:
        checks.append(asyncio.run(_check_service(options.home)))
    for well, text in checks:
        print(f"{'ok  ' if well else 'BAD '} {text}")
    return 0 if all(well for well, _ in checks) else 1


def _check_packages() -> tuple[bool, str]:
    needed = ("anywidget", "ipydatagrid", "ipywidgets", "pandas", "pyarrow", "sklearn")
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        return False, f"missing: {', '.join(missing)}. Install datagen-nb again."
    versions = ", ".join(
        f"{name} {metadata.version(name)}"
        for name in ("anywidget", "ipydatagrid", "pandas", "pyarrow")
    )
    return True, f"packages: {versions}"


def _check_front_end() -> tuple[bool, str]:
    built = resources.files("datagen_nb") / "static" / "card.js"
    if built.is_file():
        return True, "front end: built"
    return False, "front end: not built. Run `make build` in the checkout, or install the wheel."


def _check_home(home: str | None) -> tuple[bool, str]:
    from datagen_nb.api.process.home import Home

    try:
        return True, f"home: {Home.open(home).path}"
    except DatagenError as error:
        return False, f"home: {error}"


async def _check_service(home: str | None) -> tuple[bool, str]:
    from datagen_nb.wiring.client import AsyncClient

    try:
        async with AsyncClient.connect(home=home) as client:
            info = await client.info()
    except DatagenError as error:
        return False, f"service: {error}"
    well = info.health.status == "healthy"
    about = f" ({info.health.message})" if info.health.message else ""
    return well, f"service: {info.health.status}{about}, process {info.pid}, version {info.version}"
