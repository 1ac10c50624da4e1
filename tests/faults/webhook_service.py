"""A process that changes jobs and delivers what happens to a webhook, until it is killed."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

from datagen_nb.core.changes import Completed, InputMeasured, Started
from datagen_nb.core.clock import SystemClock
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.status import fold, new_status
from datagen_nb.core.store import JobRecord
from datagen_nb.service.webhooks.deliveries import Deliveries
from datagen_nb.stores.sqlite.store import SqliteStore
from datagen_nb.webhook_sender import HttpSender
from tests.pipelines import WEIGHTS

CUSTOMER = "ann"
CONFIG = JobConfiguration(
    data_size=1, input_format="csv", output_format="csv", input_path="in.csv", name="größe"
)


async def work(store: SqliteStore, deliveries: Deliveries, number: int) -> None:
    """Change jobs for ever, one change behind the other."""
    chance = random.Random(number)
    clock = SystemClock()
    made = 0
    while True:
        made += 1
        status = new_status(f"j_{number:06d}{made:06d}", CONFIG, clock.now(), WEIGHTS)
        record = await store.add(
            JobRecord(CUSTOMER, status, CONFIG, status.job_id, fingerprint="digest")
        )
        deliveries.wake(CUSTOMER)
        changes = [Started(1), InputMeasured(1, 5), InputMeasured(1, 6), Completed(1, 7)]
        for change in changes[: chance.randrange(5)]:
            await asyncio.sleep(chance.uniform(0, 0.004))
            event = "job.completed" if isinstance(change, Completed) else "job.updated"
            status = fold(record.status, change, clock.now())
            record = await store.replace(replace(record, status=status), event)
            deliveries.wake(CUSTOMER)


async def serve(database: Path, number: int, *, works: bool) -> None:
    store = await SqliteStore.open(database)
    deliveries = Deliveries(store, HttpSender(allow_private=True), SystemClock())
    await deliveries.start()
    if works:
        await work(store, deliveries, number)
    await asyncio.Event().wait()


def run(database: Path, number: int, works: bool) -> None:
    """What the process runs."""
    asyncio.run(serve(database, number, works=works))
