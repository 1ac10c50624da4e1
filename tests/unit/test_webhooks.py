"""Webhooks over a real store, with a clock and a sender of the tests."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random

import pytest

from datagen_nb.core.addresses import parse_url
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.signing import is_signed
from datagen_nb.core.status import Completed, Started, fold, new_status
from datagen_nb.core.store import JobRecord
from datagen_nb.core.webhooks import (
    WEBHOOK_EVENTS,
    Answer,
    WebhookConfig,
)
from datagen_nb.service.deliveries import Deliveries
from datagen_nb.stores.sqlite import SqliteStore
from tests.clock import FakeClock

DEADLINE = 10
EVERY = tuple(sorted(WEBHOOK_EVENTS))
CONFIG = JobConfiguration(
    data_size=1, input_format="csv", output_format="csv", input_path="in.csv", name="größe"
)
DAY = 86_400


@dataclass
class Sent:
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def payload(self) -> dict:
        return json.loads(self.body)

    def is_signed(self, secret: str) -> bool:
        stamp = self.headers["webhook-timestamp"]
        return is_signed(secret, self.id, stamp, self.body, self.headers["webhook-signature"])


class FakeSender:
    """Implements ``core.webhooks.Sender``: answers as it is told to, by address."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.answers: dict[str, object] = {}
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self._changed = asyncio.Condition()

    def check(self, url: str) -> None:
        parse_url(url)

    async def send(self, url, headers, body) -> Answer:
        self.under_way[url] += 1
        self.most[url] = max(self.most[url], self.under_way[url])
        async with self._changed:
            self.sent.append(Sent(url, dict(headers), body))
            self._changed.notify_all()
        try:
            said = self.answers.get(url, Answer(200, "thanks"))
            said = said() if callable(said) else said
            if isinstance(said, asyncio.Event):
                await said.wait()
                said = Answer(200)
            if isinstance(said, Exception):
                raise said
            return said
        finally:
            self.under_way[url] -= 1

    async def count(self, number: int, url: str | None = None) -> list[Sent]:
        """Wait until so many were sent (to an address)."""

        def there() -> list[Sent]:
            return [one for one in self.sent if url in (None, one.url)]

        async with asyncio.timeout(DEADLINE), self._changed:
            await self._changed.wait_for(lambda: len(there()) >= number)
        return there()

    async def aclose(self) -> None: ...


@dataclass
class House:
    """A service's webhooks, and jobs whose changes they tell."""

    store: SqliteStore
    sender: FakeSender
    clock: FakeClock
    deliveries: Deliveries
    path: object
    records: dict[str, JobRecord] = field(default_factory=dict)

    @property
    def ann(self):
        return self.deliveries.customer("ann")

    async def create(self, url="https://ann.example/hook", events=EVERY, **rest):
        return await self.ann.create(WebhookConfig(url=url, events=events, **rest))

    async def add(self, job_id="j_1", customer="ann") -> None:
        """``job.created``."""
        status = new_status(job_id, CONFIG, self.clock.now())
        made = JobRecord(customer, status, CONFIG, job_id, "digest")
        self.records[job_id] = await self.store.add(made)
        self.deliveries.wake(customer)

    async def change(self, change, event, job_id="j_1", customer="ann") -> None:
        record = self.records[job_id]
        status = fold(record.status, change, self.clock.now())
        self.records[job_id] = await self.store.replace(replace(record, status=status), event)
        self.deliveries.wake(customer)

    async def one(self, webhook_id, state):
        """Wait for a delivery in a state."""
        return (await self.log(webhook_id, state))[0]

    async def log(self, webhook_id, state, count=1):
        async with asyncio.timeout(DEADLINE):
            while True:
                found = (await self.ann.deliveries(webhook_id, limit=500)).deliveries
                if sum(one.state == state for one in found) >= count:
                    return [one for one in found if one.state == state]
                await asyncio.sleep(0.005)

    async def next_try(self, webhook_id, tries):
        """Wait until a delivery was tried so often and waits; let that time pass."""
        async with asyncio.timeout(DEADLINE):
            while True:
                (found,) = (await self.ann.deliveries(webhook_id)).deliveries
                if found.tries == tries and not self.deliveries_sending:
                    break
                await asyncio.sleep(0.005)
        if found.next_attempt is not None:
            seconds = (found.next_attempt - self.clock.now()).total_seconds()
            await self.clock.asleep()
            self.clock.advance(max(seconds, 0) + 0.001)
        return found

    @property
    def deliveries_sending(self) -> bool:
        return any(self.sender.under_way.values())

    async def restart(self) -> None:
        await self.deliveries.aclose()
        self.deliveries = make(self.store, self.sender, self.clock)
        await self.deliveries.start()


def make(store, sender, clock) -> Deliveries:
    return Deliveries(store, sender, clock, random=Random(7))


@pytest.fixture
async def house(tmp_path):
    store = await SqliteStore.open(tmp_path / "jobs.sqlite")
    sender, clock = FakeSender(), FakeClock()
    deliveries = make(store, sender, clock)
    await deliveries.start()
    home = House(store, sender, clock, deliveries, tmp_path)
    yield home
    await home.deliveries.aclose()
    await store.aclose()


async def test_a_webhook_is_told_what_it_asked_for(house):
    """In the specification's shape, with the signature where the payload says it is."""
    made = await house.create(events=("job.created", "job.completed"))
    await house.add()
    await house.change(Started(1), "job.updated")
    await house.change(Completed(1, 5), "job.completed")

    created, completed = await house.sender.count(2)

    assert created.url == "https://ann.example/hook"
    assert created.payload["event"] == "job.created"
    assert completed.payload == {
        "event": "job.completed",
        "jobId": "j_1",
        "timestamp": "2026-11-23T09:30:00.000Z",
        "data": house.records["j_1"].status.to_wire(),
        "signature": "webhook-signature",
        "sequence": 2,
    }
    assert created.is_signed(made.secret)
    assert created.id != completed.id
    assert created.headers["webhook-timestamp"] == str(int(house.clock.now().timestamp()))
