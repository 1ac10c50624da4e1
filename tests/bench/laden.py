"""The service's benchmark over a full store, many readers, and nothing to do."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from websockets.asyncio.client import unix_connect

from datagen_nb.core.access import LOCAL_CUSTOMER
from datagen_nb.core.messages import JobQuery
from datagen_nb.core.status import new_status
from datagen_nb.core.wire_model import format_instant
from datagen_nb.stores.sqlite.listing import cursor_of
from datagen_nb.stores.sqlite.thread import SqliteThread
from datagen_nb.wiring.service import build_service
from tests.bench.hosts import CONFIG, NoOp
from tests.bench.lines import Line, line
from tests.bench.skeleton import line as tell
from tests.pipelines import WEIGHTS

MANY = 1_000_000
OLD = 100_000
SOME = "j_0000000000000000"


def fill(database: Path) -> None:
    """Put a million ended jobs into a store, a hundred thousand of them out of time."""
    now = datetime.now(UTC)
    status = new_status(SOME, CONFIG, now, WEIGHTS).to_json().replace('"queued"', '"completed"')
    db = sqlite3.connect(database, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -500000")
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many),"
        " j(i, id, ended) AS (SELECT i, printf('j_%016d', i),"
        " CASE WHEN i <= :old THEN :past ELSE :recent END FROM n)"
    )
    values = {
        "many": MANY,
        "old": OLD,
        "past": format_instant(now - timedelta(days=200)),
        "recent": format_instant(now - timedelta(days=10)),
        "customer": LOCAL_CUSTOMER,
        "status": status,
        "config": CONFIG.to_json(),
        "some": SOME,
    }
    db.execute("BEGIN")
    for table in (
        "jobs (customer, job_id, version, state, created, ended, idempotency_key, fingerprint,"
        " size, status, config, name, rows, took, made, words)"
        " SELECT :customer, id, 0, 'completed', ended, ended, id, '', 1,"
        " replace(:status, :some, id), :config, id, i % 9973, i % 977, i % 99991, id FROM j",
        "events (customer, cursor, event, job_id, at, status)"
        " SELECT :customer, i, 'job.completed', id, ended, replace(:status, :some, id) FROM j",
        "logs (customer, job_id, cursor, at, level, message)"
        " SELECT :customer, id, 1, ended, 'info', 'attempt 1 begins' FROM j",
    ):
        db.execute(f"{numbers} INSERT INTO {table}", values)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    os.sync()  # what the filling left to be written is not the sweep's


async def full(place: Path) -> None:
    """(e) and (f): pages of a long history, and a sweep through it."""
    place.mkdir(mode=0o700)
    database = place / "jobs.sqlite"
    service = await build_service(database, place / "buckets", NoOp(still=True))
    await service.aclose()
    await asyncio.to_thread(fill, database)
    held: list[float] = []
    perform = SqliteThread._perform

    def timed(thread: SqliteThread, connection: Any, batch: Any) -> None:
        start = time.perf_counter()
        perform(thread, connection, batch)
        if thread._writes:
            held.append(time.perf_counter() - start)

    service = await build_service(database, place / "buckets", NoOp(still=True))
    try:
        # The first sweep begins with the service; it is measured below, on its own.
        await service.retention.aclose()
        jobs = service.customer(LOCAL_CUSTOMER)

        async def page(at: int) -> float:
            job_id = f"j_{at:016d}"
            query = JobQuery(limit=50, cursor=cursor_of(JobQuery(), job_id, None))
            start = time.perf_counter()
            await jobs.history(query)
            return time.perf_counter() - start

        pages = {}
        for number, at in ((1, MANY + 1), (10_000, MANY + 1 - 50 * 9_999)):
            pages[number] = statistics.median([await page(at) for _ in range(25)])
            tell(
                f"page {number:,} of 1,000,000 jobs", f"{pages[number] * 1e3:.1f} ms", "under 20 ms"
            )
        tell("  page 10,000 to page 1", f"{pages[10_000] / pages[1]:.2f}", "at most 1.5")

        for label, query in (
            *((f"by {sort}", JobQuery(sort=sort)) for sort in ("name", "took", "ended")),
            ("with a word in it", JobQuery(text="999999")),
        ):
            start = time.perf_counter()
            await jobs.history(query)
            tell(f"page {label} of 1,000,000", f"{(time.perf_counter() - start) * 1e3:.0f} ms")
        start = time.perf_counter()
        await jobs.counts(JobQuery())
        tell("counts of 1,000,000", f"{(time.perf_counter() - start) * 1e3:.0f} ms")

        start = time.perf_counter()
        await jobs.overview(30)
        tell("overview of 1,000,000", f"{(time.perf_counter() - start) * 1e3:.0f} ms")

        async def nothing() -> None:
            """The jobs that were made up have no data to remove."""

        service.retention.remove_data = nothing
        SqliteThread._perform = timed  # type: ignore[method-assign]
        held.clear()
        start = time.perf_counter()
        before = (await jobs.limits()).storage_used
        deleted = await jobs.clean_up()
        seconds = time.perf_counter() - start
        freed = before - (await jobs.limits()).storage_used
        tell(f"sweep of {deleted:,} among 1,000,000", f"{seconds:.0f} s", f"{freed:,} bytes freed")
        when = f"{max(held) * 1e3:.0f} ms, hold {held.index(max(held)) + 1:,}"
        tell("  longest hold of the write lock", when, "at most 50 ms")
        tell("  99.9 % of holds", f"{sorted(held)[int(len(held) * 0.999)] * 1e3:.0f} ms")
        tell("  holds over 50 ms", f"{sum(one > 0.05 for one in held)} of {len(held):,}")
    finally:
        SqliteThread._perform = perform  # type: ignore[method-assign]
        await service.aclose()


async def fan_out(socket: Path, *, readers: int, stalled: bool) -> float:
    """Milliseconds from a change to its readers, the 95th percentile."""
    times: list[float] = []
    begun = asyncio.Semaphore(0)

    def note(event: dict[str, Any]) -> None:
        at = datetime.fromisoformat(event["timestamp"]).timestamp()
        times.append((time.time() - at) * 1e3)

    async def by_sse(at: Line) -> None:
        await at.send("GET", "/v1/events", accept="text/event-stream")
        await at.head()
        begun.release()
        while text := await at.reader.readline():
            if text.startswith(b"data: {") and b"timestamp" in text:
                note(json.loads(text[6:]))

    async def by_socket() -> None:
        async with unix_connect(str(socket), "ws://bench/v1/events", max_size=None) as at:
            begun.release()
            async for text in at:
                event = json.loads(text)
                if "timestamp" in event:
                    note(event)

    async with AsyncExitStack() as stack:
        tasks = [asyncio.create_task(by_socket()) for _ in range(readers)]
        lines = [await stack.enter_async_context(line(socket)) for _ in range(readers)]
        tasks += [asyncio.create_task(by_sse(at)) for at in lines]
        async with asyncio.timeout(30):
            for _ in tasks:
                await begun.acquire()
        asker = await stack.enter_async_context(line(socket))
        if stalled:
            deaf = await stack.enter_async_context(line(socket))
            await deaf.send("GET", "/v1/events?after=0", accept="text/event-stream")
        body = CONFIG.to_json().encode()
        key = f"{stalled}-{time.time_ns()}"
        _, made = await asker.ask("POST", "/v1/jobs", body, idempotency_key=key)
        job = f"/v1/jobs/{json.loads(made)['jobId']}"
        for number in range(40):
            await asker.ask("POST", f"{job}/{'resume' if number % 2 else 'pause'}")
            await asyncio.sleep(0.2)  # about as a few customers' jobs change
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if len(times) < 41 * 2 * readers:
        raise RuntimeError(f"only {len(times)} of {82 * readers} events came")
    return statistics.quantiles(times, n=20)[-1]


async def readers(socket: Path, *, count: int = 200) -> None:
    """(d): 200 by server-sent events and 200 over WebSockets; then with one who reads nothing."""
    await fan_out(socket, readers=10, stalled=False)
    free = await fan_out(socket, readers=count, stalled=False)
    tell("change to subscriber, 200 SSE + 200 WebSocket, p95", f"{free:.0f} ms", "under 250 ms")
    held = await fan_out(socket, readers=count, stalled=True)
    again = await fan_out(socket, readers=count, stalled=False)
    tell("  with one stalled reader", f"{held:.0f} ms", "under 10 % more")
    tell("  without it once more", f"{again:.0f} ms")
    tell("  ratio", f"{2 * held / (free + again):.2f}", "under 1.10")


async def idle(place: Path, when_up: Callable[[], Awaitable[object]]) -> None:
    """(g): the real service with nothing to do."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "datagen_nb",
        "serve",
        "--home",
        str(place),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await when_up()
        await asyncio.sleep(8)  # imports of the workers' parent
        process = psutil.Process(running.pid)
        before, start = process.cpu_times(), time.perf_counter()
        await asyncio.sleep(20)
        after = process.cpu_times()
        spent = after.user + after.system - before.user - before.system
        share = 100 * spent / (time.perf_counter() - start)
        tell("idle service, CPU", f"{share:.2f} %", "under 0.5 %")
        memory = process.memory_full_info()
        tell("idle service, memory", f"{memory.rss / 1e6:.0f} MB", "under 120 MB")
        tell("  of its own, not shared", f"{memory.uss / 1e6:.0f} MB")
        for child in process.children(recursive=True):
            tell(f"  and {child.name()} {child.pid}", f"{child.memory_info().rss / 1e6:.0f} MB")
    finally:
        running.terminate()
        await running.wait()
