"""SIGKILL at random moments: each event is delivered at least once, and none is invented.

The seed of the moments is printed; set KILL_SEED to replay one, KILLS for more than a minute's.
"""

import asyncio
import json
import multiprocessing
import os
import random
import signal
from collections import Counter, defaultdict

import pytest
from standardwebhooks.webhooks import Webhook

from datagen_nb.core.clock import SystemClock
from datagen_nb.core.status import JobStatus
from datagen_nb.core.webhooks import WEBHOOK_EVENTS, WebhookConfig
from datagen_nb.service.webhooks.deliveries import Deliveries
from datagen_nb.service.webhooks.records import deliveries_of
from datagen_nb.stores.sqlite.store import SqliteStore
from datagen_nb.webhook_sender import HttpSender
from tests.faults.webhook_service import CUSTOMER, run
from tests.receiver import receiving

KILLS = int(os.environ.get("KILLS", "100"))
DRAIN = 60 + KILLS / 5
"""Seconds in which what is left has to arrive."""


@pytest.mark.slow
@pytest.mark.timeout(120 + 2 * KILLS)
async def test_no_event_is_lost_and_none_invented(tmp_path):
    """The log that the store kept and what the receiver got are the same, event by event."""
    seed = int(os.environ.get("KILL_SEED", random.SystemRandom().randrange(2**32)))
    print(f"KILL_SEED={seed}")
    chance = random.Random(seed)
    database = tmp_path / "jobs.sqlite"
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.faults.webhook_service"])

    async with receiving() as receiver:
        made = await _webhook(database, receiver.url)
        for number in range(KILLS):
            process = processes.Process(target=run, args=(database, number, True))
            process.start()
            await asyncio.sleep(chance.uniform(0.02, 0.3))
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.join)
            assert process.exitcode == -signal.SIGKILL, "it ended before it was killed"
        process = processes.Process(target=run, args=(database, KILLS, False))
        process.start()
        try:
            events = await _log(database)
            await _arrived(receiver, len(events), database, made.id)
        finally:
            process.kill()
            await asyncio.to_thread(process.join)
        requests = list(receiver.requests)

    sent = defaultdict(set)
    for request in requests:
        Webhook(made.secret).verify(request.body, request.headers, json_parse=False)
        sent[int(request.headers["webhook-id"].rpartition("_")[2])].add(request.body)
    assert {len(bodies) for bodies in sent.values()} == {1}, "a message has one body"
    assert set(sent) == {event.cursor for event in events}
    sequences: Counter[str] = Counter()
    for event in events:
        sequences[event.job_id] += 1
        (body,) = sent[event.cursor]
        message = json.loads(body)
        assert (message["event"], message["jobId"]) == (event.event, event.job_id)
        data = JobStatus.from_wire(message["data"])
        assert data == event.data or _age(data) < _age(event.data)
        assert data.last_updated >= event.timestamp, "an overtaken event reads as a later one"
        assert message["sequence"] == sequences[event.job_id]
    print(
        f"{KILLS} kills, {len(events)} events of {len(sequences)} jobs, "
        f"{len(requests)} messages, {len(requests) - len(events)} of them again"
    )


async def _webhook(database, url):
    store = await SqliteStore.open(database)
    deliveries = Deliveries(store, HttpSender(allow_private=True), SystemClock())
    made = await deliveries.customer(CUSTOMER).create(
        WebhookConfig(url=url, events=tuple(WEBHOOK_EVENTS))
    )
    await deliveries.aclose()
    await store.aclose()
    return made


async def _log(database):
    """All that happened, as the store tells it."""
    store = await SqliteStore.open(database)
    events = []
    while page := await store.events(CUSTOMER, after=len(events), limit=1000):
        events += page
    await store.aclose()
    assert [event.cursor for event in events] == [*range(1, len(events) + 1)]
    return events


def _age(status):
    """How late a status of a job is; within one millisecond, by what was done."""
    return status.last_updated, status.status.is_terminal, status.rows_done


async def _arrived(receiver, count, database, webhook_id):
    """Wait until so many different messages came and all are written down."""
    store = await SqliteStore.open(database)
    try:
        async with asyncio.timeout(DRAIN):
            while len({request.headers["webhook-id"] for request in receiver.requests}) < count:
                await asyncio.sleep(0.1)
            kind, now = deliveries_of(webhook_id), SystemClock().now()
            while await store.documents.due(kind, until=now, limit=1):
                await asyncio.sleep(0.1)
    finally:
        await store.aclose()
