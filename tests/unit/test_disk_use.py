"""What jobs leave in the database, in bytes."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from datagen_nb.core.changes import Completed, Progressed, StageCompleted, StageStarted, Started
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.messages import LogEntry
from datagen_nb.core.status import State, fold, new_status
from datagen_nb.core.store import TOMBSTONE, JobRecord, JobStore
from datagen_nb.pipelines.built_in import STAGES
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.clock import START
from tests.pipelines import WEIGHTS
from tests.unit.test_estimates import said_of

MAX_BYTES = 15_000
"""That a kept job may take: its record, its events, its log."""


async def a_whole_job(store: JobStore, number: int, *, progress: int) -> None:
    config = JobConfiguration(
        data_size=100_000,
        input_format="parquet",
        output_format="parquet",
        input_bucket="file",
        input_path="tables/of/the/shop/2026/diamonds.parquet",
        name="diamonds",
        parameters={"seed": 7},
    )
    status = new_status(
        f"j_{number:016d}", config, START, WEIGHTS, estimate=said_of(), request_id="0" * 32
    )
    record = await store.add(JobRecord("ann", status, config, f"key {number}", "0" * 64, size=1))
    moves = [Started(1)]
    for stage in STAGES:
        moves += [StageStarted(1, stage), StageCompleted(1, stage)]
    moves[8:8] = [Progressed(1, "generate", 100 * n / progress, n) for n in range(progress)]
    for second, move in enumerate([*moves, Completed(1, 5_000_000)]):
        now = START + timedelta(seconds=second)
        event = "job.completed" if isinstance(move, Completed) else "job.updated"
        line = LogEntry(cursor=0, timestamp=now, level="info", message="x" * 120)
        moved = replace(record, status=fold(record.status, move, now))
        record = await store.replace(moved, event, log_entry=line if second % 2 else None)


async def bytes_per_job(place: Path, count: int, *, progress: int) -> float:
    store = await SqliteStore.open(place)
    for number in range(count):
        await a_whole_job(store, number, progress=progress)
    log = place.with_name(f"{place.name}-wal")
    assert log.stat().st_size < 32 << 20
    await store.aclose()
    return place.stat().st_size / count


async def test_a_kept_job_takes_at_most_fifteen_kilobytes(tmp_path):
    """With its events and its log, once it has ended."""
    assert await bytes_per_job(tmp_path / "jobs.sqlite", 100, progress=6) < MAX_BYTES


async def test_long_progress_takes_little_also_while_a_job_runs(tmp_path):
    """A thousand steps of one job take a fifth of what as many whole statuses would."""
    assert await bytes_per_job(tmp_path / "jobs.sqlite", 1, progress=1_000) < 1_000_000


def pages_of(place: Path) -> int:
    """Pages of a database, those that are still in its log included."""
    with closing(sqlite3.connect(place)) as db:
        return db.execute("PRAGMA page_count").fetchone()[0]


async def test_a_customer_that_makes_events_without_end_fills_no_disk(tmp_path):
    """Notes on a job, jobs that are deleted at once: once the log is full the file stays."""
    place = tmp_path / "jobs.sqlite"
    store = await SqliteStore.open(place, events_kept=100)
    await a_whole_job(store, 0, progress=1)
    (record,) = await store.in_state(State.COMPLETED, customer="ann")
    sizes = []
    for turn in range(4):
        for number in range(100):
            note = record.status.model_copy(update={"note": f"{turn} {number} " + "x" * 1000})
            record = await store.replace(replace(record, status=note), "job.updated")
            job_id = f"j_{turn + 1:08d}{number:08d}"
            added = replace(
                record,
                status=note.model_copy(update={"job_id": job_id}),
                idempotency_key=job_id,
                version=0,
            )
            await store.add(added)
            await store.delete("ann", [job_id], only_in=[State.COMPLETED], at=START)
            await store.documents.delete("ann", TOMBSTONE, job_id)
        sizes.append(pages_of(place))
    assert sizes[-1] <= sizes[0]
    await store.aclose()
