"""The command line: generate, serve, status, stop, doctor, demo; and who may use a service."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import aclosing
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from datagen_nb import __version__
from datagen_nb.cli_access import add_commands
from datagen_nb.core.errors import (
    ConfigurationError,
    DatagenError,
    HomeError,
    Problem,
    ServiceUnavailable,
)
from datagen_nb.core.inert import inert

if TYPE_CHECKING:
    from datagen_nb.api.home import Home
    from datagen_nb.api.host import Address
    from datagen_nb.job import AsyncJob

IDLE_SECONDS = 900.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status.

    0 is success, 1 an error that is told on standard error, 2 wrong usage, 130 an interrupt.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except DatagenError as error:
        print(f"datagen-nb: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="datagen-nb", description="Synthetic tables like yours, from the command line."
    )
    parser.add_argument("--version", action="version", version=f"datagen-nb {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, help: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=help)
        made.add_argument("--home", help="directory of the local service (DATAGEN_HOME)")
        made.set_defaults(run=run)
        return made

    generate = command("generate", _generate, "Make a synthetic table like a real one.")
    generate.add_argument("input", metavar="IN", help="CSV, JSON, JSON Lines or Parquet file")
    generate.add_argument("--rows", type=_number, required=True, metavar="N", help="rows to make")
    generate.add_argument("-o", "--output", required=True, metavar="OUT", help="file to write")
    generate.add_argument("--seed", type=_number, metavar="S", help="same seed, same rows")
    generate.add_argument("--format", metavar="F", help="csv, json, jsonl or parquet")
    generate.add_argument("--timeout", type=float, metavar="SECONDS", help="most time it may run")
    generate.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")

    serve = command("serve", _serve, "Run a service in the foreground.")
    serve.add_argument(
        "--listen",
        metavar="HOST:PORT",
        help="serve customers with API keys there too (`datagen-nb customers`, `keys`)",
    )
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

    status = command("status", _status, "Show the local service and its jobs.")
    status.add_argument("--json", action="store_true", help="for programs")

    command("stop", _stop, "Stop the local service; its jobs go on when it is started again.")
    command("doctor", _doctor, "Check that everything the package needs is in order.")

    demo = command("demo", _demo, "Learn from a real table and make 100,000 rows like it.")
    demo.add_argument("--rows", type=_number, default=100_000, metavar="N")
    demo.add_argument("-o", "--output", default="demo-output/diamonds.parquet", metavar="OUT")

    add_commands(command)
    return parser


def _number(text: str) -> Any:
    """A number as the user wrote it; the configuration's rules judge it."""
    plain = text.replace("_", "").replace(",", "")
    try:
        return int(plain)
    except ValueError:
        try:
            return float(plain)
        except ValueError:
            return text


def _generate(options: argparse.Namespace) -> int:
    asyncio.run(_generated(options))
    return 0


async def _generated(options: argparse.Namespace) -> None:
    from datagen_nb.wiring import AsyncClient

    async with AsyncClient.connect(home=options.home) as client:
        job = await client.submit(
            options.input,
            rows=options.rows,
            seed=options.seed,
            output=options.output,
            format=options.format,
            timeout=options.timeout,
        )
        await _follow(job, quiet=options.quiet)
        if not options.quiet:
            await _tell(job, options.output)


async def _follow(job: AsyncJob, *, quiet: bool) -> None:
    """Show a job until it has ended; an interrupt cancels it, since nobody else waits for it."""
    from datagen_nb.terminal import Progress

    progress = Progress()
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    loop.add_signal_handler(signal.SIGINT, cast("asyncio.Task[None]", this).cancel)
    try:
        async with aclosing(job.updates()) as updates:
            async for status in updates:
                if not quiet:
                    progress.show(status)
    except asyncio.CancelledError:
        await job.cancel()
        raise KeyboardInterrupt from None
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        if not quiet:
            progress.end()
    await job.wait()


async def _tell(job: AsyncJob, output: str) -> None:
    from datagen_nb.terminal import report_lines, stage_times

    data = await job
    size = Path(output).stat().st_size
    print(f"{data.num_rows:,} rows in {output} ({size:,} bytes, {data.format})\n")
    print((await data.head(5)).to_string(index=False), "\n")
    print(report_lines(await data.report()))
    print(f"time       {stage_times(job.status)}")
    for warning in job.status.warnings:
        print(f"warning    {inert(warning)}")


def _serve(options: argparse.Namespace) -> int:
    from datagen_nb.api.home import ALREADY_RUNS, Home

    home = Home.open(options.home)
    try:
        with home.lock():
            from datagen_nb.wiring import serve

            serve(
                home,
                address=_address(options, home),
                told=lambda url: print(f"listening at {url}", flush=True),
                idle_seconds=options.idle_seconds if options.local else None,
            )
    except HomeError as error:
        if error.code != "home_locked":
            raise
        print(f"datagen-nb: {error}", file=sys.stderr)
        return ALREADY_RUNS
    return 0


def _address(options: argparse.Namespace, home: Home) -> Address | None:
    """Where a service listens besides its socket, if it was asked to."""
    from datagen_nb.api.host import Address

    origins = frozenset(options.origin)
    if options.loopback is not None and options.listen is not None:
        raise ConfigurationError(
            [Problem("loopback", str(options.loopback), "excludes --listen", "Choose one.")]
        )
    if options.loopback is not None:
        return Address("127.0.0.1", options.loopback, home.new_token(), origins)
    if options.listen is None:
        return None
    host, _, port = options.listen.rpartition(":")
    if not host or not port.isdecimal() or not port.isascii():
        rule = "has to be HOST:PORT"
        raise ConfigurationError(
            [Problem("listen", repr(options.listen), rule, "Write 127.0.0.1:8000, for example.")]
        )
    return Address(host.strip("[]"), int(port), origins=origins)


def _status(options: argparse.Namespace) -> int:
    from datagen_nb.api.home import Home

    home = Home.open(options.home)
    found = asyncio.run(_found(home))
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        state = (
            f"runs, process {found['pid']}, version {found['version']}"
            if found["running"]
            else "does not run"
        )
        print(f"service  {state}\nhome     {found['home']}\nsocket   {found['socket']}")
        for job in found["jobs"]:
            worker = f", worker {job['worker']}" if job["worker"] else ""
            state = f"{job['status']} {job['progress']:.0f} %{worker}"
            print(f"job      {job['jobId']} {state}  {inert(job['name'])}")
    return 0 if found["running"] else 3


async def _found(home: Any) -> dict[str, Any]:
    from datagen_nb.api.launch import attach
    from datagen_nb.client import AsyncClient

    places = {"home": str(home.path), "socket": str(home.socket)}
    try:
        service = await attach(home, start=False)
    except ServiceUnavailable:
        return {"running": False, **places, "pid": None, "version": None, "jobs": []}
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
    return {"running": True, **places, "pid": info.pid, "version": info.version, "jobs": jobs}


def _stop(options: argparse.Namespace) -> int:
    from datagen_nb.api.home import Home
    from datagen_nb.api.launch import stop

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
    from datagen_nb.api.home import Home

    try:
        return True, f"home: {Home.open(home).path}"
    except DatagenError as error:
        return False, f"home: {error}"


async def _check_service(home: str | None) -> tuple[bool, str]:
    from datagen_nb.wiring import AsyncClient

    try:
        async with AsyncClient.connect(home=home) as client:
            info = await client.info()
    except DatagenError as error:
        return False, f"service: {error}"
    well = info.health.status == "healthy"
    about = f" ({info.health.message})" if info.health.message else ""
    return well, f"service: {info.health.status}{about}, process {info.pid}, version {info.version}"


def demo_table() -> Path:
    """The real table that ships with the package."""
    packed = Path(str(resources.files("datagen_nb") / "demo" / "diamonds.parquet"))
    checkout = Path(__file__).parent.parent / "notebooks" / "data" / "diamonds.parquet"
    return packed if packed.is_file() else checkout


def _demo(options: argparse.Namespace) -> int:
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    source = demo_table()
    print(f"Learning from {source.name} and making {options.rows:,} rows like it.", flush=True)
    options.input, options.seed, options.format = str(source), 7, None
    options.timeout, options.quiet = None, False
    return _generate(options)
