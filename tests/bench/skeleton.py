"""What a user waits for: attach, cold start, submit, first movement, whole jobs, memory.

Run as ``python -m tests.bench.skeleton [--large]``. Each figure stands beside what it has to
reach, and rates beside a physical limit measured in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from datagen_nb.api.process.home import Home
from datagen_nb.api.process.launch import attach, stop
from datagen_nb.client.async_client import AsyncClient
from datagen_nb.client.async_job import AsyncJob

TABLE = Path(__file__).parents[2] / "notebooks" / "data" / "diamonds.parquet"


def line(what: str, figure: str, reach: str = "") -> None:
    print(f"{what:<58} {figure:>16}   {reach}", flush=True)


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start


def imports() -> None:
    def once(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start

    bare = statistics.median(once("pass") for _ in range(7))
    ours = statistics.median(once("import datagen_nb") for _ in range(7))
    line("import datagen_nb over bare Python", f"{(ours - bare) * 1e3:.0f} ms", "under 150 ms")


async def warm(client: AsyncClient) -> None:
    """One small job, so that the workers' parent has its imports loaded."""
    await (await client.submit(TABLE, rows=100, parameters={"sample_rows": 500})).wait()


async def starts(place: Path) -> None:
    home = Home.open(place / "start")
    opened: list[AsyncClient] = []

    async def attached() -> None:
        opened.append(AsyncClient(await attach(home)))

    cold = []
    for _ in range(3):
        cold.append(await timed(attached))
        await opened.pop().aclose()
        await stop(home)
    line("cold start of the service", f"{statistics.median(cold):.2f} s", "under 2 s")
    await attached()
    again = [await timed(attached) for _ in range(10)]
    line("attach to a running one", f"{statistics.median(again) * 1e3:.0f} ms", "under 100 ms")
    for client in opened:
        await client.aclose()
    await stop(home)


async def submits(client: AsyncClient) -> None:
    times, moved = [], []
    for _ in range(9):
        start = time.perf_counter()
        job = await client.submit(TABLE, rows=1_000, parameters={"sample_rows": 500})
        times.append(time.perf_counter() - start)
        async for status in job.updates():
            if status.progress > 0:
                break
        moved.append(time.perf_counter() - start)
        await job.wait()
    line("submit of a file returns", f"{statistics.median(times) * 1e3:.0f} ms", "under 100 ms")
    line("submit to first movement", f"{statistics.median(moved) * 1e3:.0f} ms", "under 500 ms")


async def whole_jobs(client: AsyncClient, place: Path) -> None:
    small = place / "small.parquet"
    pq.write_table(pq.read_table(TABLE).slice(0, 1_000), small)

    async def thousand() -> None:
        await (await client.submit(small, rows=1_000)).wait()

    async def hundred_thousand() -> None:
        await (await client.submit(TABLE, rows=100_000)).wait()

    seconds = statistics.median([await timed(thousand) for _ in range(5)])
    line("1,000 rows from 1,000, submit to completed", f"{seconds:.2f} s", "under 1.5 s")
    seconds = statistics.median([await timed(hundred_thousand) for _ in range(3)])
    line("100,000 rows like diamonds", f"{seconds:.2f} s", "under 6 s")


def generate_seconds(job: AsyncJob) -> float:
    stage = next(stage for stage in job.stages if stage.name == "generate")
    assert stage.start_time
    assert stage.end_time
    return (stage.end_time - stage.start_time).total_seconds()


def limit(rows: int) -> float:
    """Seconds to draw as many numbers with numpy and to write the same table with pyarrow."""
    real = pq.read_table(TABLE)
    repeated = real.take(pa.array(np.arange(rows) % real.num_rows))
    start = time.process_time()
    np.random.default_rng(1).random((rows, real.num_columns))
    pq.write_table(repeated, io.BytesIO(), compression="zstd", use_dictionary=True)
    return time.process_time() - start


async def rates(client: AsyncClient) -> None:
    rows = 1_000_000
    physical = rows / limit(rows)
    job = await client.submit(TABLE, rows=rows)
    await job.wait()
    one = rows / generate_seconds(job)
    line("rows/s to Parquet, one core", f"{one:,.0f}", "at least 150,000")
    line(
        "  ratio to numpy's draws and pyarrow's writing",
        f"{one / physical:.2f}",
        f"{physical:,.0f} rows/s",
    )
    start = time.perf_counter()
    both = [await client.submit(TABLE, rows=rows, seed=n) for n in range(2)]
    for job in both:
        await job.wait()
    longest = max(generate_seconds(job) for job in both)
    line(
        "rows/s to Parquet, two jobs on two cores", f"{2 * rows / longest:,.0f}", "at least 300,000"
    )
    line("  two jobs of 1M rows, submit to completed", f"{time.perf_counter() - start:.1f} s")


async def memory(client: AsyncClient, rows: int) -> None:
    job = await client.submit(TABLE, rows=rows)
    peak = 0
    waiting = asyncio.ensure_future(job.wait())
    while not waiting.done():
        for pid in (await client.info()).workers.values():
            try:
                peak = max(peak, psutil.Process(pid).memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        await asyncio.sleep(0.1)
    await waiting
    line(f"peak memory of the worker, {rows:,} rows", f"{peak / 1e6:.0f} MB", "under 600 MB, flat")
    line(f"  rows/s while generating {rows:,}", f"{rows / generate_seconds(job):,.0f}")


async def checkpoints(client: AsyncClient) -> None:
    """What durable parts cost: the same rows in many parts against one."""

    async def seconds(part_rows: int) -> float:
        job = await client.submit(TABLE, rows=1_000_000, parameters={"part_rows": part_rows})
        await job.wait()
        return generate_seconds(job)

    usual = statistics.median([await seconds(50_000) for _ in range(3)])
    single = statistics.median([await seconds(1_000_000) for _ in range(3)])
    line("1M rows in 20 parts against one", f"{usual / single:.2f}", "at most 1.10")


async def main(*, large: bool) -> None:
    imports()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        await starts(place)
        home = Home.open(place / "home")
        async with AsyncClient(await attach(home)) as client:
            await warm(client)
            await submits(client)
            await whole_jobs(client, place)
            await rates(client)
            await checkpoints(client)
            await memory(client, 1_000_000)
            if large:
                await memory(client, 10_000_000)
        await stop(home)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="10M rows too")
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    asyncio.run(main(large=parser.parse_args().large))
