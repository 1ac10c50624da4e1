"""What a job costs in Firestore: the documents that are read and written for it, and their price.

Run as ``python -m tests.bench.firestore``. A service runs jobs of two seconds, one after another,
while one client follows each; everything that Firestore would charge is counted. Then it is idle.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datagen_nb.buckets.local import LocalBucket
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.messages import JobEvent
from datagen_nb.core.status import State
from datagen_nb.pipelines.mock import SECONDS, MockPipeline
from datagen_nb.service.settings import Settings
from datagen_nb.stores.firestore.connection import FirestoreConnection
from datagen_nb.wiring.service import build_service
from tests.firestore_emulator import VARIABLE, project_at, running

JOBS = 5
JOB_SECONDS = 2.0
IDLE_SECONDS = 60.0

PRICES: Mapping[str, float] = {"reads": 0.03, "writes": 0.09, "deletes": 0.01}
"""Dollars for 100,000 in us-central1, standard edition.

Source: https://cloud.google.com/firestore/pricing
"""

MONTH_SECONDS = 30 * 86_400

CONFIG = JobConfiguration(
    data_size=1000, input_format="csv", output_format="csv", input_path="in.csv"
)


@dataclass
class Bill:
    """What is charged, by what it is charged for and where."""

    documents: dict[str, Counter[str]] = field(
        default_factory=lambda: {name: Counter() for name in PRICES}
    )

    def add(self, kind: str, place: str, number: int = 1) -> None:
        self.documents[kind][place] += number

    def total(self, kind: str) -> int:
        return self.documents[kind].total()

    def dollars(self, times: float) -> float:
        return sum(self.total(kind) * times * price / 100_000 for kind, price in PRICES.items())

    def clear(self) -> None:
        for places in self.documents.values():
            places.clear()


@contextmanager
def counting() -> Iterator[Bill]:
    """Count what every connection is charged for. A query that finds nothing costs one read."""
    bill = Bill()
    get, get_all = FirestoreConnection.get, FirestoreConnection.get_all
    stream, aggregate = FirestoreConnection.stream, FirestoreConnection.aggregate
    commit = FirestoreConnection.commit

    async def counted_get(db: FirestoreConnection, place: Any) -> Any:
        bill.add("reads", place._path[-2])
        return await get(db, place)

    async def counted_get_all(db: FirestoreConnection, places: Sequence[Any]) -> Any:
        bill.add("reads", places[0]._path[-2], len(places))
        return await get_all(db, places)

    async def counted_stream(db: FirestoreConnection, query: Any) -> AsyncGenerator[Any, None]:
        found = 0
        async with aclosing(stream(db, query)) as documents:
            async for one in documents:
                found += 1
                yield one
        bill.add("reads", f"{_collection(query)}, searched", max(found, 1))

    async def counted_aggregate(db: FirestoreConnection, query: Any) -> Any:
        bill.add("reads", "sums")
        return await aggregate(db, query)

    async def counted_commit(db: FirestoreConnection, writes: Any) -> Any:
        times = await commit(db, writes)
        for write in writes:
            kind = "deletes" if write.fields is None else "writes"
            bill.add(kind, write.place._path[-2])
        return times

    counted: dict[str, Any] = {
        "get": counted_get,
        "get_all": counted_get_all,
        "stream": counted_stream,
        "aggregate": counted_aggregate,
        "commit": counted_commit,
    }
    usual = {name: getattr(FirestoreConnection, name) for name in counted}
    for name, replacement in counted.items():
        setattr(FirestoreConnection, name, replacement)
    try:
        yield bill
    finally:
        for name, replacement in usual.items():
            setattr(FirestoreConnection, name, replacement)


def _collection(query: Any) -> str:
    return str(query._to_protobuf().from_[0].collection_id)


async def measure(place: Path, bill: Bill) -> None:
    """Run the jobs, then none, and print what each costs."""
    settings = Settings(store=f"firestore://{project_at(place)}", cooldown_period=0)
    speed = sum(SECONDS.values()) / JOB_SECONDS
    pipeline = MockPipeline("succeeds", speed=speed, seed=7, clock=SystemClock())
    LocalBucket(place / "buckets" / "ann").put("in.csv", b"a,b\n1,2\n3,4\n")
    service = await build_service(place / "unused", place / "buckets", pipeline, settings)
    try:
        jobs = service.customer("ann")
        await run_job(jobs, "first")
        bill.clear()
        for number in range(JOBS):
            await run_job(jobs, f"job {number}")
        report(f"a job of {JOB_SECONDS:g} s, followed by one client", bill, JOBS)
        million = bill.dollars(1_000_000 / JOBS)
        print(f"    a million such jobs a month: ${million:,.2f}")

        bill.clear()
        await asyncio.sleep(IDLE_SECONDS)
        report("a minute without a job, one process", bill, IDLE_SECONDS / 60)
        print(f"    a month of it: ${bill.dollars(MONTH_SECONDS / IDLE_SECONDS):,.2f}")
    finally:
        await service.aclose()


async def run_job(jobs: Any, key: str) -> None:
    """Submit a job and follow it to its end, as a notebook does."""
    job = await jobs.create(CONFIG, idempotency_key=key)
    async with aclosing(jobs.events(job_id=job.job_id)) as events:
        async for event in events:
            if isinstance(event, JobEvent) and event.data.status is State.COMPLETED:
                return


def report(title: str, bill: Bill, count: float) -> None:
    print(title)
    for kind, places in bill.documents.items():
        each = ", ".join(f"{name} {number / count:g}" for name, number in places.most_common())
        print(f"    {kind:<8} {places.total() / count:6.1f}   {each}")


def main() -> None:
    with tempfile.TemporaryDirectory() as place, running() as address, counting() as bill:
        os.environ[VARIABLE] = address
        asyncio.run(measure(Path(place), bill))


if __name__ == "__main__":
    main()
