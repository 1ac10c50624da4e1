"""The processes that the service's benchmark measures: ours, a bare route, 1,000 jobs in a row.

Run as ``python -m tests.bench.hosts bare|ours|jobs DIRECTORY``. Ours is the whole service over a
pipeline that does nothing: ``DATAGEN_BENCH_PIPELINE=noop`` completes at once, ``still`` never.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Header, Response

from datagen_nb.api.process import host
from datagen_nb.api.process.home import Home
from datagen_nb.core.access import LOCAL_CUSTOMER
from datagen_nb.core.changes import Completed
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.messages import Health, JobEvent
from datagen_nb.core.pipeline import InputProbe, Signal, Task
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.plans import Preview
from datagen_nb.pipelines.built_in import INFO
from datagen_nb.wiring.server import host_service
from datagen_nb.wiring.service import build_service

INPUT = "inputs/" + "0" * 64 + ".csv"
CONFIG = JobConfiguration(
    data_size=1000, input_format="csv", output_format="csv", input_path=INPUT, name="bench"
)


class NoOp:
    """A pipeline that completes every job at once, or none ever."""

    def __init__(self, *, still: bool) -> None:
        self._still = still

    async def describe(self) -> PipelineInfo:
        return INFO

    async def check(self, config: JobConfiguration) -> None:
        """Take everything."""

    async def run(self, task: Task) -> AsyncGenerator[Signal, None]:
        if self._still:
            await asyncio.Event().wait()
        yield Completed(task.attempt, 0)

    async def forget(self, job_id: str) -> None:
        """Nothing is kept."""

    async def measure(self, probe: InputProbe) -> TableFacts:
        return TableFacts(
            rows=1000, columns=5, size=50_000, bytes_fixed={"csv": 0.0}, bytes_per_row={"csv": 50.0}
        )

    async def preview(self, probe: InputProbe) -> Preview:
        return Preview(columns=(), rows=(), training_rows=0, notes=())

    async def check_health(self) -> Health:
        return Health(status="healthy")

    async def aclose(self) -> None:
        """Nothing is held."""


def bare(place: Path) -> None:
    """One route doing one durable insert, on the settings that our service has."""
    db = sqlite3.connect(place / "bare.sqlite", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE jobs (key TEXT PRIMARY KEY, config TEXT NOT NULL)")
    app = FastAPI(docs_url=None, redoc_url=None)

    # What it does needs no thread: without one it is quickest, at any number of clients.
    @app.post("/v1/jobs", status_code=201)
    async def insert(config: JobConfiguration, idempotency_key: str = Header()) -> Response:
        text = config.to_json()
        db.execute("INSERT INTO jobs VALUES (?, ?)", (idempotency_key, text))
        return Response(text, 201, media_type="application/json")

    uvicorn.run(
        app,
        uds=str(place / "bare.sock"),
        http="h11",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )


def _with_input(home: Home) -> Home:
    file = home.buckets / LOCAL_CUSTOMER / INPUT
    file.parent.mkdir(parents=True)
    file.write_text("a,b\n1,2\n")
    return home


def ours(place: Path) -> None:
    """The service with everything on, as ``datagen-nb serve`` hosts it."""
    home = _with_input(Home.open(place))

    async def build() -> host.HostedService:
        pipeline = NoOp(still=os.environ.get("DATAGEN_BENCH_PIPELINE") == "still")
        service = await build_service(home.database, home.buckets, pipeline, exclusive=True)
        return await host_service(service)

    host.serve(build, home, idle_seconds=None)


async def _jobs(place: Path, count: int) -> float:
    home = _with_input(Home.open(place))
    service = await build_service(home.database, home.buckets, NoOp(still=False), exclusive=True)
    jobs = service.customer(LOCAL_CUSTOMER)
    room = asyncio.Semaphore(64)

    async def submit(number: int) -> None:
        async with room:
            await jobs.create(CONFIG, idempotency_key=f"key-{number}")

    async def ends(cursor: int) -> None:
        left = count
        async with aclosing(jobs.events(after=cursor)) as events:
            async for event in events:
                left -= isinstance(event, JobEvent) and event.event == "job.completed"
                if not left:
                    return

    start = time.perf_counter()
    ended = asyncio.create_task(ends(0))
    await asyncio.gather(*(submit(number) for number in range(count)))
    await ended
    seconds = time.perf_counter() - start
    await service.aclose()
    return seconds


def jobs(place: Path) -> None:
    """Print the seconds of 1,000 jobs from the first submit to the last completion."""
    print(asyncio.run(_jobs(place, 1000)))


if __name__ == "__main__":
    {"bare": bare, "ours": ours, "jobs": jobs}[sys.argv[1]](Path(sys.argv[2]))
