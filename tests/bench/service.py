"""What the job system reaches: submits, jobs, events, pages, sweeps, idleness.

Run as ``python -m tests.bench.service [--peers PYTHON] [--only NAME …]``. Figures are ratios to
something measured in the same run; ``--peers`` is the Python of an environment with huey and dbos.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from datagen_nb.api.process.home import Home
from tests.bench import laden
from tests.bench.hosts import CONFIG
from tests.bench.lines import Line, line
from tests.bench.skeleton import line as tell

ROUNDS = 5
GENEROUS = {
    "DATAGEN_MAX_WAITING": "100000",
    "DATAGEN_REQUEST_RATE": "1000000",
    "DATAGEN_REQUEST_BURST": "1000000",
}


@asynccontextmanager
async def process(role: str, place: Path, **environment: str) -> AsyncGenerator[int, None]:
    """One of ``tests.bench.hosts`` while the block lasts; gives its id."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = (place / "bench.log").open("wb")
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.hosts",
        role,
        str(place),
        env=os.environ | GENEROUS | environment,
        stdout=log,
        stderr=log,
    )
    try:
        yield running.pid
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()
        log.close()


async def rate(socket: Path, clients: int, count: int, name: str) -> float:
    """Submits per second of so many clients together."""
    body = CONFIG.to_json().encode()

    async def some(at: Line, client: int) -> None:
        for number in range(count // clients):
            key = f"{name}-{client}-{number}"
            status, output = await at.ask("POST", "/v1/jobs", body, idempotency_key=key)
            if status != 201:
                raise RuntimeError(f"{status}: {output[:300]!r}")

    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(line(socket)) for _ in range(clients)]
        start = time.perf_counter()
        await asyncio.gather(*(some(at, client) for client, at in enumerate(lines)))
        return count / (time.perf_counter() - start)


def socket_of(role: str, place: Path) -> Path:
    return place / "bare.sock" if role == "bare" else Home.open(place).socket


async def fresh_rate(role: str, place: Path, clients: int) -> float:
    """The same at a process of its own, which is warm but not yet laden."""
    async with process(role, place, DATAGEN_BENCH_PIPELINE="still"):
        socket = socket_of(role, place)
        await rate(socket, clients, 64, "warm")
        return await rate(socket, clients, 640, "watched")


async def submits(place: Path) -> None:
    """(a) and (b): rounds by turns, so that what else the machine does strikes both."""
    for clients, reach in ((1, "at least 0.5"), (32, "at least 1.5")):
        rates: dict[str, list[float]] = {"bare": [], "ours": []}
        for turn in range(ROUNDS):
            for role, found in rates.items():
                found.append(await fresh_rate(role, place / f"{role}-{clients}-{turn}", clients))
        bare, ours = (statistics.median(found) for found in rates.values())
        who = "1 client" if clients == 1 else f"{clients} clients"
        tell(f"submits a second to a bare route, {who}", f"{bare:,.0f}")
        tell(f"submits a second to the service, {who}", f"{ours:,.0f}")
        tell("  ratio", f"{ours / bare:.2f}", reach)


def seconds_of(*command: str, **environment: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        output = subprocess.run(
            [*command, folder],
            env=os.environ | GENEROUS | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    return float(output.stdout.split()[-1])


async def jobs(peers: str | None) -> None:
    """(c): whole jobs that do nothing, beside what others take for theirs."""
    runs = {"ours": [sys.executable, "-m", "tests.bench.hosts", "jobs"]}
    if peers is None:
        print("!! no --peers given: 1,000 jobs are NOT compared with Huey and DBOS", flush=True)
    else:
        script = str(Path(__file__).with_name("peers.py"))
        runs |= {name: [peers, script, name] for name in ("huey-durable", "huey-default", "dbos")}
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(3):
        for name, command in runs.items():
            found[name].append(
                await asyncio.to_thread(
                    seconds_of, *command, DATAGEN_SLOTS="4", DATAGEN_MAX_JOBS="4"
                )
            )
    rates = {name: 1000 / statistics.median(seconds) for name, seconds in found.items()}
    for name, jobs_a_second in rates.items():
        tell(f"no-op jobs a second, 4 workers: {name}", f"{jobs_a_second:,.0f}")
    if peers is not None:
        best = max(rates["huey-durable"], rates["dbos"])
        tell(
            "  ratio to the better that keeps what it took",
            f"{rates['ours'] / best:.2f}",
            "at least 1",
        )
        tell("  ratio to Huey that may lose it", f"{rates['ours'] / rates['huey-default']:.2f}")


async def with_readers(place: Path) -> None:
    async with process("ours", place, DATAGEN_BENCH_PIPELINE="still"):
        socket = socket_of("ours", place)
        async with line(socket) as at:
            await at.ask("GET", "/v1/health")  # once it is up
        await laden.readers(socket)


async def with_nothing_to_do(place: Path) -> None:
    socket = socket_of("ours", place)

    async def up() -> None:
        async with line(socket) as at:
            await at.ask("GET", "/v1/health")

    await laden.idle(place, up)


async def main(peers: str | None, only: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        figures = {
            "submits": lambda: submits(place),
            "jobs": lambda: jobs(peers),
            "readers": lambda: with_readers(place / "readers"),
            "full": lambda: laden.full(place / "full"),
            "idle": lambda: with_nothing_to_do(place / "idle"),
        }
        for name, measure in figures.items():
            if not only or name in only:
                await measure()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="Python of an environment with huey and dbos")
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    asyncio.run(main(given.peers, given.only))
