"""Webhooks over a real store, with a clock and a sender of the tests."""

import asyncio
import base64
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

import pytest

from datagen_nb.core.addresses import AddressRefused, parse_url
from datagen_nb.core.alerts import Alert
from datagen_nb.core.changes import Cancelled, Completed, Started
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, Conflict, NotFound
from datagen_nb.core.signing import is_signed
from datagen_nb.core.status import fold, new_status
from datagen_nb.core.store import JobRecord
from datagen_nb.core.webhooks import (
    KEPT,
    MAX_REPLAYED,
    MAX_WEBHOOKS,
    RETRY_SCHEDULE,
    WEBHOOK_EVENTS,
    Answer,
    NotAnswered,
    ReplayRange,
    SecretRotation,
    WebhookChange,
    WebhookConfig,
)
from datagen_nb.service.webhooks.deliveries import Deliveries
from datagen_nb.service.webhooks.records import deliveries_of, threads_of
from datagen_nb.stores.sqlite.store import SqliteStore
from tests.clock import FakeClock
from tests.deadline import DEADLINE
from tests.pipelines import WEIGHTS

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
    """Implements ``core.webhooks.Sender``: answers as it is asked to, by address."""

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
            reply = self.answers.get(url, Answer(200, "thanks"))
            reply = reply() if callable(reply) else reply
            if isinstance(reply, asyncio.Event):
                await reply.wait()
                reply = Answer(200)
            if isinstance(reply, Exception):
                raise reply
            return reply
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
        status = new_status(job_id, CONFIG, self.clock.now(), WEIGHTS)
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

    async def tried(self, webhook_id, tries):
        """Wait until the newest delivery was tried so often and is not being tried."""
        async with asyncio.timeout(DEADLINE):
            while True:
                found = (await self.ann.deliveries(webhook_id)).deliveries
                if found and found[0].tries == tries:
                    return found[0]
                await asyncio.sleep(0.005)

    async def pass_until(self, delivery) -> None:
        """Let time pass until a delivery is tried again."""
        seconds = (delivery.next_attempt - self.clock.now()).total_seconds()
        await self.clock.asleep()
        self.clock.advance(max(seconds, 0) + 0.001)

    async def caught(self):
        """The customer's events, by name."""
        return [event.event for event in await self.store.events("ann", after=0)]

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


async def test_a_webhook_gets_what_it_asked_for(house):
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


async def test_each_event_of_a_job_can_be_asked_for(house):
    """The four of the specification and the four beyond it; what is not asked for is not sent."""
    asked = [
        await house.create(url=f"https://{name[4:]}.example", events=(name,)) for name in EVERY
    ]
    await house.add()
    for number, name in enumerate(EVERY):
        await house.add(f"j_{number + 2}")
        await house.change(Started(1), name, f"j_{number + 2}")

    for webhook in asked:
        expected = len(EVERY) + 2 if webhook.events == ("job.created",) else 1
        sent = await house.sender.count(expected, webhook.url)
        assert {one.payload["event"] for one in sent} == set(webhook.events)
        assert len(sent) == expected


async def test_a_jobs_messages_are_counted(house):
    """From 1 without a gap, of those that the webhook asked for, in the order of what happened."""
    await house.create(events=("job.created", "job.completed"))
    for job_id in ("j_1", "j_2"):
        await house.add(job_id)
        for number in range(3):
            await house.change(Started(number + 1), "job.updated", job_id)
            house.records[job_id] = replace(
                house.records[job_id],
                status=house.records[job_id].status.model_copy(update={"status": "queued"}),
            )
        await house.change(Cancelled(), "job.completed", job_id)

    sent = await house.sender.count(4)

    caught = {(one.payload["jobId"], one.payload["sequence"]): one.payload["event"] for one in sent}
    assert caught == {
        (job_id, number): event
        for job_id in ("j_1", "j_2")
        for number, event in ((1, "job.created"), (2, "job.completed"))
    }


async def test_a_webhook_hears_of_what_happens_after_it_was_made(house):
    """Nothing older, and nothing of another customer."""
    await house.add("j_1")
    made = await house.create()
    await house.add("j_2", customer="bob")
    await house.add("j_3")

    await house.one(made.id, "delivered")

    assert [one.payload["jobId"] for one in house.sender.sent] == ["j_3"]


async def test_a_message_is_tried_on_the_published_schedule_and_then_dead(house):
    """With at most a fifth more by chance; the same id and bytes each time."""
    house.sender.answers["https://ann.example/hook"] = Answer(500, "no")
    made = await house.create(events=("job.created",))
    await house.add()
    for tries in range(1, len(RETRY_SCHEDULE)):
        delivery = await house.tried(made.id, tries)
        wait = (delivery.next_attempt - house.clock.now()).total_seconds()
        assert RETRY_SCHEDULE[tries] <= wait + 0.01
        assert wait <= RETRY_SCHEDULE[tries] * 1.2
        await house.pass_until(delivery)

    dead = await house.tried(made.id, len(RETRY_SCHEDULE))

    assert (dead.state, dead.next_attempt) == ("dead", None)
    assert len(house.sender.sent) == len(RETRY_SCHEDULE) == 10
    assert len({(one.id, one.body) for one in house.sender.sent}) == 1
    assert len({one.headers["webhook-timestamp"] for one in house.sender.sent}) == 10
    assert all(one.is_signed(made.secret) for one in house.sender.sent)
    assert [(one.status, one.answer, one.error) for one in dead.attempts] == [
        (500, "no", "answered 500")
    ] * 10


async def test_an_endpoint_that_recovers_gets_what_it_missed(house):
    """And is not called failing any more."""
    url = "https://ann.example/hook"
    house.sender.answers[url] = NotAnswered("could not be reached")
    made = await house.create(events=("job.created",))
    await house.add()
    failed = await house.tried(made.id, 1)
    assert (await house.ann.get(made.id)).failing_since == house.clock.now()
    assert failed.attempts[0].error == "could not be reached"
    house.sender.answers[url] = Answer(204)
    await house.pass_until(failed)

    await house.one(made.id, "delivered")

    assert (await house.ann.get(made.id)).failing_since is None
    assert house.deliveries.counts == {"failed": 1, "delivered": 1, "dead": 0}


@pytest.mark.parametrize("status", [100, 199, 301, 307, 304, 400, 404, 429, 500, 503])
async def test_only_an_answer_of_the_two_hundreds_takes_a_message(house, status):
    """A redirect is a failure like any other, and says what to do."""
    house.sender.answers["https://ann.example/hook"] = Answer(status)
    made = await house.create(events=("job.created",))
    await house.add()

    failed = await house.tried(made.id, 1)

    assert failed.state == "pending"
    assert str(status) in failed.attempts[0].error
    assert ("redirects" in failed.attempts[0].error) == (300 <= status < 400)


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        ("120", 120),
        ("Mon, 23 Nov 2026 09:40:00 GMT", 600),
        ("999999999", DAY),
        ("1", 5),
        ("soon", 5),
        ("Mon, 23 Nov 2020 09:40:00 GMT", 5),
    ],
)
async def test_retry_after_is_obeyed_within_bounds(house, reply, seconds):
    """Where it asks for more than the schedule; the endpoint's other messages wait too."""
    house.sender.answers["https://ann.example/hook"] = Answer(503, "", reply)
    made = await house.create(events=("job.created",))
    await house.add()
    failed = await house.tried(made.id, 1)

    wait = (failed.next_attempt - house.clock.now()).total_seconds()

    assert seconds - 0.01 <= wait <= max(seconds, 5 * 1.2)
    if seconds > 5:
        await house.add("j_2")
        async with asyncio.timeout(DEADLINE):
            while len((await house.ann.deliveries(made.id)).deliveries) < 2:
                await asyncio.sleep(0.005)
        await house.clock.asleep()
        house.clock.advance(seconds - 1)
        await house.clock.asleep()
        assert len(house.sender.sent) == 1
        house.clock.advance(2)
        await house.sender.count(2)


async def test_an_endpoint_that_is_gone_is_disabled_and_its_owner_notified(house):
    """410: what waits is not sent any more; enabling it is reported too."""
    answers = iter([Answer(200), Answer(410)])
    house.sender.answers["https://ann.example/hook"] = lambda: next(answers)
    made = await house.create(events=("job.created", "job.updated"))
    await house.add()
    await house.one(made.id, "delivered")
    await house.change(Started(1), "job.updated")
    dead = await house.one(made.id, "dead")

    gone = await house.ann.get(made.id)

    assert dead.attempts[0].status == 410
    assert (gone.enabled, gone.disabled_time) == (False, house.clock.now())
    assert "410" in gone.disabled_reason
    event = (await house.store.events("ann", after=0))[-1]
    assert event.event == "alert.raised"
    assert Alert.from_wire(event.data).details == {"webhookId": made.id}
    again = await house.ann.change(made.id, WebhookChange(enabled=True))
    assert (again.enabled, again.disabled_reason) == (True, None)
    assert (await house.caught())[-1] == "alert.cleared"


async def test_an_endpoint_that_fails_for_five_days_is_disabled(house):
    """Not before, and the reason says so."""
    house.sender.answers["https://ann.example/hook"] = Answer(500)
    made = await house.create(events=("job.created",))
    for day in range(6):
        assert (await house.ann.get(made.id)).enabled
        await house.add(f"j_{day}")
        await house.sender.count(day + 1)
        async with asyncio.timeout(DEADLINE):
            while any(
                one.state == "pending" and one.next_attempt <= house.clock.now()
                for one in (await house.ann.deliveries(made.id)).deliveries
            ):
                await asyncio.sleep(0.005)
        house.clock.advance(DAY + 1)

    dead = await house.ann.get(made.id)

    assert not dead.enabled
    assert "5 days" in dead.disabled_reason
    assert "answered 500" in dead.disabled_reason
    assert "alert.raised" in await house.caught()
    assert len(await house.log(made.id, "dead", 6)) == 6


async def test_a_long_silence_is_not_a_failure(house):
    """Two failures a month apart, with nothing to send between them, disable nothing."""
    house.sender.answers["https://ann.example/hook"] = Answer(410 - 1)
    made = await house.create(events=("job.created",))
    await house.add()
    await house.tried(made.id, 1)
    await house.deliveries.aclose()
    house.clock.advance(40 * DAY)
    await house.restart()
    await house.sender.count(2)
    await house.tried(made.id, 2)

    status = await house.ann.get(made.id)

    assert status.enabled
    assert status.failing_since == house.clock.now()


async def test_one_endpoint_that_hangs_delays_no_other(house):
    """Of its own messages a few are on their way at once, whatever waits behind them."""
    hang = asyncio.Event()
    house.sender.answers["https://hangs.example"] = hang
    slow = await house.create(url="https://hangs.example", events=("job.created",))
    await house.create(url="https://quick.example", events=("job.created",))
    for number in range(20):
        await house.add(f"j_{number}")

    await house.sender.count(20, "https://quick.example")
    await house.sender.count(4, "https://hangs.example")

    assert house.sender.most["https://hangs.example"] == 4
    hang.set()
    assert len(await house.log(slow.id, "delivered", 20)) == 20
    assert house.sender.most["https://hangs.example"] == 4


async def test_an_endpoint_that_fails_gets_one_message_at_a_time(house):
    """It has enough to do."""
    url = "https://ann.example/hook"
    house.sender.answers[url] = Answer(500)
    made = await house.create(events=("job.created",))
    await house.add()
    failed = await house.tried(made.id, 1)
    house.sender.most.clear()
    hang = asyncio.Event()
    house.sender.answers[url] = hang
    for number in range(2, 8):
        await house.add(f"j_{number}")
    await house.sender.count(2)
    await house.log(made.id, "pending", 7)
    assert house.sender.most[url] == 1
    hang.set()
    await house.log(made.id, "delivered", 6)
    await house.pass_until(failed)

    await house.log(made.id, "delivered", 7)


async def test_what_was_sent_but_not_written_down_is_sent_again(house):
    """A service that ends in between repeats the message, under the same id."""
    url = "https://ann.example/hook"
    house.sender.answers[url] = asyncio.Event()
    made = await house.create(events=("job.created",))
    await house.add()
    await house.sender.count(1)
    house.sender.answers[url] = Answer(200)

    await house.restart()
    first, second = await house.sender.count(2)

    assert (first.id, first.body) == (second.id, second.body)
    assert (await house.one(made.id, "delivered")).tries == 1


async def test_a_service_that_was_away_tells_what_happened_meanwhile(house):
    """From where its cursor stood; what was made is not made twice."""
    made = await house.create()
    await house.add()
    await house.one(made.id, "delivered")
    await house.deliveries.aclose()
    await house.change(Started(1), "job.updated")
    await house.change(Cancelled(), "job.cancelled")
    await house.restart()

    await house.log(made.id, "delivered", 3)

    caught = [(one.payload["event"], one.payload["sequence"]) for one in house.sender.sent]
    assert caught == [("job.created", 1), ("job.updated", 2), ("job.cancelled", 3)]


async def test_what_happens_while_disabled_can_be_sent_later(house):
    """It is in the log as dead; enabling sends only what is new, a replay the rest."""
    made = await house.create(events=("job.created",))
    off = await house.ann.change(made.id, WebhookChange(enabled=False))
    assert off.disabled_reason == "by its owner"
    await house.add("j_1")
    await house.log(made.id, "dead")
    with pytest.raises(Conflict, match="Enable it first"):
        await house.ann.replay_range(made.id, ReplayRange())
    await house.ann.change(made.id, WebhookChange(enabled=True))
    assert not {"alert.raised", "alert.cleared"} & set(await house.caught())
    await house.add("j_2")
    await house.sender.count(1)

    replayed = await house.ann.replay_range(made.id, ReplayRange())
    await house.sender.count(2)

    assert replayed.count == 1
    assert [one.payload["jobId"] for one in house.sender.sent] == ["j_2", "j_1"]


async def test_what_waits_for_a_webhook_that_is_disabled_rests(house):
    """It is dead until it is replayed, and is not sent by itself."""
    house.sender.answers["https://ann.example/hook"] = Answer(500)
    made = await house.create(events=("job.created",))
    await house.add()
    waits = await house.tried(made.id, 1)
    await house.ann.change(made.id, WebhookChange(enabled=False))
    await house.one(made.id, "dead")
    await house.ann.change(made.id, WebhookChange(enabled=True))

    again = await house.ann.replay(made.id, waits.id)

    assert (again.state, again.tries) == ("pending", 0)
    await house.sender.count(2)


async def test_one_delivery_is_replayed_under_its_id(house):
    """Also one that was delivered; with what was sent then."""
    made = await house.create(events=("job.created",))
    await house.add()
    done = await house.one(made.id, "delivered")
    whole = await house.ann.delivery(made.id, done.id)
    assert whole.payload.event == "job.created"
    assert done.payload is None

    await house.ann.replay(made.id, done.id)
    first, second = await house.sender.count(2)

    assert (first.id, first.body) == (second.id, second.body)
    async with asyncio.timeout(DEADLINE):
        while len((await house.ann.delivery(made.id, done.id)).attempts) < 2:
            await asyncio.sleep(0.005)


async def test_a_range_is_replayed_by_time_and_state(house):
    """[since, until), of those states, page by page."""
    made = await house.create(events=("job.created",))
    began = house.clock.now()
    for number in range(5):
        await house.add(f"j_{number}")
        await house.log(made.id, "delivered", number + 1)
        house.clock.advance(60)
    dead = await house.ann.replay_range(made.id, ReplayRange())
    assert dead.count == 0

    chosen = ReplayRange(
        since=began + timedelta(seconds=60),
        until=began + timedelta(seconds=180),
        states=("delivered",),
    )
    replayed = await house.ann.replay_range(made.id, chosen)
    await house.sender.count(7)

    assert (replayed.count, replayed.next_cursor) == (2, None)
    assert {one.payload["jobId"] for one in house.sender.sent[5:]} == {"j_1", "j_2"}


async def test_a_long_range_is_replayed_in_bounded_steps(house, monkeypatch):
    """Each answer says where the next begins; together they are all."""
    monkeypatch.setattr("datagen_nb.service.webhooks.registry.MAX_REPLAYED", 4)
    monkeypatch.setattr("datagen_nb.service.webhooks.registry.PAGE_SIZE", 2)
    assert MAX_REPLAYED == 1000
    made = await house.create(events=("job.created",))
    await house.ann.change(made.id, WebhookChange(enabled=False))
    for number in range(11):
        await house.add(f"j_{number}")
    await house.log(made.id, "dead", 11)
    await house.ann.change(made.id, WebhookChange(enabled=True))

    counts, cursor = [], ""
    while cursor is not None:
        replayed = await house.ann.replay_range(made.id, ReplayRange(cursor=cursor))
        counts.append(replayed.count)
        cursor = replayed.next_cursor

    assert counts == [4, 4, 3]
    await house.log(made.id, "delivered", 11)
    assert len(house.sender.sent) == 11


async def test_two_secrets_sign_while_one_is_replaced(house):
    """The new one first; the old one until its time has passed."""
    old = await house.create(events=("job.created",))
    new = await house.ann.rotate(old.id, SecretRotation(overlap=60))
    await house.add("j_1")
    (both,) = await house.sender.count(1)
    house.clock.advance(61)
    await house.add("j_2")
    _, one = await house.sender.count(2)

    assert old.secret != new.secret
    assert both.is_signed(old.secret)
    assert both.is_signed(new.secret)
    assert len(both.headers["webhook-signature"].split(" ")) == 2
    assert one.is_signed(new.secret)
    assert not one.is_signed(old.secret)
    kept = await house.store.documents.get("ann", "webhook", old.id)
    assert old.secret not in str(kept.body), "an expired secret is forgotten"
    assert [each.fingerprint for each in (await house.ann.get(old.id)).secrets] == [
        new.secrets[0].fingerprint
    ]


async def test_at_most_two_secrets_live(house):
    """A third takes the place of the first; no overlap leaves one."""
    made = await house.create()
    await house.ann.rotate(made.id)
    third = await house.ann.rotate(made.id)
    assert len(third.secrets) == 2
    alone = await house.ann.rotate(made.id, SecretRotation(overlap=0))
    assert len(alone.secrets) == 1
    with pytest.raises(ConfigurationError, match="signs now"):
        await house.ann.rotate(made.id, SecretRotation(secret=alone.secret))


async def test_a_secret_is_shown_once(house):
    """Made where none is given; in no list, no repr, no delivery, no event, no error."""
    own = "whsec_" + base64.b64encode(b"k" * 32).decode()
    given = await house.create(secret=own)
    made = await house.create()
    await house.add()
    delivery = await house.one(made.id, "delivered")

    assert given.secret == own
    assert made.secret.startswith("whsec_")
    shown = [
        repr(given),
        repr(WebhookConfig(url="https://x.example", secret=own, events=EVERY)),
        (await house.ann.list()).to_json(),
        (await house.ann.get(given.id)).to_json(),
        (await house.ann.change(made.id, WebhookChange(events=EVERY[:1]))).to_json(),
        (await house.ann.delivery(made.id, delivery.id)).to_json(),
        *(event.to_json() for event in await house.store.events("ann", after=0)),
    ]
    for secret in (own, made.secret):
        assert not [text for text in shown if secret[6:] in text]


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_short", "c2VjcmV0" * 4, "whsec_" + "A" * 200, "whsec_????" + "c" * 40],
)
async def test_a_secret_that_is_none_is_refused_and_not_quoted(house, secret):
    """When a webhook is made and when its secret is replaced."""
    made = await house.create()
    for ask in (
        lambda: house.create(secret=secret),
        lambda: house.ann.rotate(made.id, SecretRotation(secret=secret)),
    ):
        with pytest.raises((ConfigurationError, ValueError)) as caught:
            await ask()
        if isinstance(caught.value, ConfigurationError) and len(secret) > 6:
            assert secret not in str(caught.value)


async def test_an_address_that_is_not_called_is_refused(house):
    """When a webhook is made and when it is changed."""
    made = await house.create()
    with pytest.raises(ConfigurationError, match="private"):
        await house.create(url="https://10.0.0.1/")
    with pytest.raises(ConfigurationError, match="url"):
        await house.ann.change(made.id, WebhookChange(url="ftp://ann.example"))
    with pytest.raises(AddressRefused):
        house.sender.check("https://user:word@ann.example")


async def test_webhooks_of_a_customer_are_bounded(house):
    """The bound is reported; a deleted one makes room."""
    made = [await house.create() for _ in range(MAX_WEBHOOKS)]
    with pytest.raises(Conflict, match="20 webhooks"):
        await house.create()
    await house.ann.delete(made[0].id)
    async with asyncio.timeout(DEADLINE):
        while await house.store.documents.get("ann", "webhook", made[0].id):
            await asyncio.sleep(0.005)
    await house.create()


async def test_a_deleted_webhook_leaves_nothing(house):
    """Its log goes with it, also when the service ends in between; another's stays."""
    other = await house.create(url="https://other.example")
    made = await house.create()
    await house.add()
    await house.one(made.id, "delivered")
    await house.one(other.id, "delivered")
    await house.ann.delete(made.id)
    for ask in (
        house.ann.get(made.id),
        house.ann.delete(made.id),
        house.ann.deliveries(made.id),
        house.ann.rotate(made.id),
    ):
        with pytest.raises(NotFound):
            await ask
    await house.restart()

    async with asyncio.timeout(DEADLINE):
        while await house.store.documents.get("ann", "webhook", made.id):
            await asyncio.sleep(0.005)

    for kind in (deliveries_of(made.id), threads_of(made.id)):
        assert await house.store.documents.page("ann", kind) == []
    assert len((await house.ann.deliveries(other.id)).deliveries) == 1
    assert [one.id for one in (await house.ann.list()).webhooks] == [other.id]


async def test_what_was_sent_about_a_deleted_job_is_forgotten(house):
    """What waits is not sent any more; of another job nothing is lost."""
    answers = {"j_1": Answer(200), "j_2": Answer(500)}
    made = await house.create(events=("job.created", "job.cancelled"))
    house.sender.answers[made.url] = lambda: answers[house.sender.sent[-1].payload["jobId"]]
    for job_id in ("j_1", "j_2"):
        await house.add(job_id)
    await house.change(Cancelled(), "job.cancelled", "j_2")
    (kept,) = await house.log(made.id, "delivered")
    async with asyncio.timeout(DEADLINE):
        while min(one.tries for one in (await house.ann.deliveries(made.id)).deliveries) < 1:
            await asyncio.sleep(0.005)
    await house.store.delete(
        "ann", ["j_2"], only_in=[house.records["j_2"].status.status], at=house.clock.now()
    )
    house.deliveries.wake("ann")

    gone = await house.log(made.id, "dead", 2)

    for one in gone:
        assert (await house.ann.delivery(made.id, one.id)).payload is None
        with pytest.raises(Conflict, match="deleted"):
            await house.ann.replay(made.id, one.id)
    assert (await house.ann.delivery(made.id, kept.id)).payload is not None
    assert (await house.ann.replay_range(made.id, ReplayRange())).count == 0
    documents = house.store.documents
    async with asyncio.timeout(DEADLINE):
        while await documents.get("ann", threads_of(made.id), "j_2"):
            await asyncio.sleep(0.005)
    assert await documents.get("ann", threads_of(made.id), "j_1")


async def test_the_log_forgets_after_thirty_days(house):
    """What was delivered, and what is dead."""
    made = await house.create(events=("job.created",))
    await house.add()
    await house.one(made.id, "delivered")
    await house.clock.asleep()
    house.clock.advance(KEPT.total_seconds() - 1)
    await house.clock.asleep()
    assert len((await house.ann.deliveries(made.id)).deliveries) == 1
    house.clock.advance(2)
    async with asyncio.timeout(DEADLINE):
        while (await house.ann.deliveries(made.id)).deliveries:
            await asyncio.sleep(0.005)


async def test_the_delivery_log_pages_from_the_newest(house):
    """Each is on one page; a state picks."""
    made = await house.create(events=("job.created",))
    answers = iter([Answer(200 if number % 3 else 410 - 10) for number in range(10)])
    house.sender.answers[made.url] = lambda: next(answers)
    for number in range(10):
        await house.add(f"j_{number}")
        async with asyncio.timeout(DEADLINE):
            while house.deliveries.counts.total() < number + 1:
                await asyncio.sleep(0.005)

    async def walk(**query):
        cursor, seen = "", []
        while cursor is not None:
            page = await house.ann.deliveries(made.id, cursor=cursor, **query)
            seen += [int(one.job_id[2:]) for one in page.deliveries]
            cursor = page.next_cursor
        return seen

    assert await walk(limit=3) == [*range(9, -1, -1)]
    assert await walk(limit=10) == [*range(9, -1, -1)]
    assert await walk(limit=1, state="pending") == [9, 6, 3, 0]
    assert await walk(limit=3, state="delivered") == [8, 7, 5, 4, 2, 1]
    for foreign in ("msg_0000000000000000_1", "x", f"msg_{made.id[3:]}_99999"):
        with pytest.raises(NotFound):
            await house.ann.delivery(made.id, foreign)


async def test_a_message_says_the_wall_clocks_time(house):
    """A clock that is set moves no retry, but receivers compare the timestamp with their own."""
    await house.create(events=("job.created",))
    house.clock.jump(3600)
    await house.add()
    (sent,) = await house.sender.count(1)
    assert int(sent.headers["webhook-timestamp"]) == int(house.clock.now().timestamp())


async def test_a_changed_address_gets_what_waits(house):
    """And is not blamed for the old one."""
    house.sender.answers["https://ann.example/hook"] = Answer(500, "", "3600")
    made = await house.create(events=("job.created",))
    await house.add()
    waits = await house.tried(made.id, 1)
    changed = await house.ann.change(made.id, WebhookChange(url="https://new.example/"))
    assert changed.failing_since is None
    await house.ann.replay(made.id, waits.id)

    await house.sender.count(1, "https://new.example/")


async def test_a_fault_of_the_sender_is_a_failed_attempt(house, caplog):
    """It is retried like any other and stops nothing."""
    house.sender.answers["https://ann.example/hook"] = RuntimeError("a fault of ours")
    made = await house.create(events=("job.created",))
    await house.add()
    failed = await house.tried(made.id, 1)
    assert failed.attempts[0].error == "could not be sent, by a fault of the service"
    assert "a fault of ours" in caplog.text


async def test_an_unknown_webhook_is_not_found(house):
    """Whatever is asked of it; another customer's is as unknown."""
    made = await house.create()
    bob = house.deliveries.customer("bob")
    for id in (made.id, "wh_0", "", "x" * 300):
        for ask in (
            bob.get(id),
            bob.change(id, WebhookChange(enabled=False)),
            bob.delete(id),
            bob.rotate(id),
            bob.deliveries(id),
            bob.delivery(id, "msg_0"),
            bob.replay(id, "msg_0"),
            bob.replay_range(id, ReplayRange()),
        ):
            with pytest.raises(NotFound):
                await ask
    assert (await house.ann.get(made.id)).enabled
    assert (await bob.list()).webhooks == ()


def test_the_published_schedule_is_kept():
    """Standard Webhooks: at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h."""
    hours = [0, 5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    assert [seconds / 3600 for seconds in RETRY_SCHEDULE] == pytest.approx(hours)
