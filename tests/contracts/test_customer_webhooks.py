"""A customer's webhooks: in this process and across a socket alike."""

import asyncio

import httpx
import pytest

from datagen_nb.core.errors import ConfigurationError, Conflict, NotFound
from datagen_nb.core.signing import make_secret
from datagen_nb.core.webhooks import (
    Answer,
    ReplayRange,
    SecretRotation,
    WebhookChange,
    WebhookConfig,
)
from tests.contracts.test_jobs import ended, kind, opened
from tests.deadline import DEADLINE
from tests.unit.test_webhooks import FakeSender

__all__ = ["kind"]  # fixtures

URL = "https://ann.example/hook"
ENDS = WebhookConfig(url=URL, events=("job.created", "job.completed"))


@pytest.fixture
async def side(kind, tmp_path):
    sender = FakeSender()
    async with opened(kind, tmp_path, sender=sender) as side:
        side.sender = sender
        yield side


@pytest.fixture
async def webhooks(side):
    return side.jobs.webhooks


async def delivered(webhooks, webhook_id, count, state="delivered"):
    async with asyncio.timeout(DEADLINE):
        while True:
            page = await webhooks.deliveries(webhook_id, state=state)
            if len(page.deliveries) == count:
                return page.deliveries
            await asyncio.sleep(0.01)


async def test_a_webhook_goes_round(side, webhooks):
    """Made, sent a job's events, listed, changed, deleted."""
    made = await webhooks.create(ENDS)
    job = await side.jobs.create(side.config(), idempotency_key="k")
    await ended(side.jobs, job.job_id)

    done = await delivered(webhooks, made.id, 2)

    assert [one.event for one in done] == ["job.completed", "job.created"]
    assert {one.job_id for one in done} == {job.job_id}
    whole = await webhooks.delivery(made.id, done[0].id)
    assert whole.payload.data.status == "completed"
    assert whole.attempts[0].status == 200
    assert side.sender.sent[0].is_signed(made.secret)
    shown = await webhooks.get(made.id)
    assert (await webhooks.list()).webhooks == (shown,)
    assert shown.secrets == made.secrets
    changed = await webhooks.change(made.id, WebhookChange(events=("job.failed",)))
    assert (changed.url, changed.events) == (URL, ("job.failed",))
    await webhooks.delete(made.id)
    assert (await webhooks.list()).webhooks == ()
    with pytest.raises(NotFound) as caught:
        await webhooks.get(made.id)
    assert caught.value.code == "webhook_not_found"


async def test_dead_letters_are_sent_again(side, webhooks):
    """One by one, and by range; while disabled that is refused."""
    side.sender.answers[URL] = Answer(410)
    made = await webhooks.create(ENDS)
    job = await side.jobs.create(side.config(), idempotency_key="k")
    await ended(side.jobs, job.job_id)
    dead = await delivered(webhooks, made.id, 2, "dead")
    for ask in (
        webhooks.replay(made.id, dead[0].id),
        webhooks.replay_range(made.id, ReplayRange()),
    ):
        with pytest.raises(Conflict) as caught:
            await ask
        assert caught.value.code == "webhook_disabled"
    side.sender.answers[URL] = Answer(200)
    await webhooks.change(made.id, WebhookChange(enabled=True))

    await webhooks.replay(made.id, dead[0].id)
    await delivered(webhooks, made.id, 1)
    replayed = await webhooks.replay_range(made.id, ReplayRange(since=job.created_time))

    assert replayed.count == 1
    await delivered(webhooks, made.id, 2)
    for foreign in ("msg_1", "x/y", ".."):
        with pytest.raises(NotFound):
            await webhooks.delivery(made.id, foreign)


async def test_a_secret_is_replaced(webhooks):
    """By one that is given or made; the old one shows when it ends."""
    made = await webhooks.create(ENDS)
    own = make_secret(b"own" * 10)
    rotated = await webhooks.rotate(made.id, SecretRotation(secret=own, overlap=60))
    assert rotated.secret == own
    new, old = rotated.secrets
    assert old.fingerprint == made.secrets[0].fingerprint
    assert (new.expires, old.expires is None) == (None, False)
    assert (await webhooks.rotate(made.id)).secret not in {own, made.secret}


async def test_lists_page(webhooks):
    """Webhooks by age, each on one page."""
    ids = [(await webhooks.create(ENDS)).id for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = await webhooks.list(cursor=cursor, limit=2)
        seen += [one.id for one in page.webhooks]
        cursor = page.next_cursor
    assert seen == ids


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "https://a@b.example/", "x", "ftp://a.b/"])
async def test_an_address_that_is_not_called_is_reported(webhooks, url):
    """Which field, and why."""
    with pytest.raises(ConfigurationError) as caught:
        await webhooks.create(WebhookConfig(url=url, events=("job.failed",)))
    assert [problem.field for problem in caught.value.problems] == ["url"]


@pytest.mark.parametrize("kind", ["http"], indirect=True)
@pytest.mark.parametrize(
    "body",
    [
        {"url": URL, "secret": "SECRETWORD", "events": ["job.failed"]},
        {"url": URL, "secret": "SECRETWORD" * 30, "events": ["job.failed"]},
        {"url": URL, "secret": {"SECRETWORD": 1}, "events": ["job.failed"]},
        {"url": URL, "secret": "SECRETWORD", "events": []},
        {"url": URL, "secret": "SECRETWORD", "events": ["job.unknown"]},
        {"url": 7, "secret": "SECRETWORD", "events": ["job.failed"]},
        {"secret": "SECRETWORD"},
        {"secret": "SECRETWORD", "url": URL, "events": ["job.failed"], "more": 1},
        ["SECRETWORD"],
        "SECRETWORD",
    ],
)
async def test_a_bad_request_is_reported_without_what_may_be_secret(side, webhooks, body):
    """Whatever else is wrong with it."""
    transport = httpx.AsyncHTTPTransport(uds=side.socket)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as line:
        answer = await line.post("/v1/webhooks", json=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "SECRETWORD" not in answer.text
