"""The worker of one webhook: makes deliveries of events, sends what is due, records the result.

The customer's event log is the outbox. Deliveries and the cursor after them are written together,
so a service that dies makes none twice; what was sent but not recorded is sent again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from datagen_nb.core.errors import VersionConflict
from datagen_nb.core.messages import JobEvent
from datagen_nb.core.signing import ID, SIGNATURE, TIMESTAMP, sign_all
from datagen_nb.core.store import Document
from datagen_nb.core.webhooks import (
    FAILING,
    KEPT,
    MAX_ATTEMPTS_SHOWN,
    SILENCE,
    Answer,
    Attempt,
    NotAnswered,
    failure_of,
    retry_after,
    retry_wait,
)
from datagen_nb.service.collection import retry_on_conflict
from datagen_nb.service.tasks import wait_for_event
from datagen_nb.service.webhooks.context import WebhookContext
from datagen_nb.service.webhooks.records import (
    EVER,
    WEBHOOK,
    DeliveryRecord,
    Thread,
    WebhookRecord,
    deliveries_of,
    disabled_notice,
    document_id,
    make_deliveries,
    message_id,
    threads_of,
)

logger = logging.getLogger("datagen_nb.webhooks")

MAX_CONCURRENT = 4
"""Messages on their way to one endpoint; to one that fails, one."""

READ_AHEAD = 2 * MAX_CONCURRENT
"""Messages that wait which are read at once: those that can be sent, and the one after them."""

BATCH_SIZE = 100
"""Events that become deliveries in one transaction."""

RETRY_DELAY = 30.0
"""Seconds until a worker goes on after a fault."""


class WebhookWorker:
    """Delivers to one endpoint only: whatever that does, no other one waits for it."""

    def __init__(
        self,
        context: WebhookContext,
        customer: str,
        webhook_id: str,
        on_attempt: Callable[[DeliveryRecord, Attempt], None],
    ) -> None:
        self._context = context
        self._documents = context.documents
        self._on_attempt = on_attempt
        self._customer = customer
        self._id = webhook_id
        self._kind = deliveries_of(webhook_id)
        self._news = asyncio.Event()
        self._sending: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """There may be something to do; returns at once."""
        self._news.set()

    async def run(self) -> None:
        """Deliver until the webhook is gone."""
        try:
            while True:
                self._news.clear()
                try:
                    found = await self._read()
                    if found is None or found[1].is_deleted:
                        await self._stop_sending()
                        await self._remove()
                        return
                    await self._make()
                    pause = await self._begin_due()
                except Exception:
                    logger.exception(
                        "webhook %s: delivering failed, to go on in %g s", self._id, RETRY_DELAY
                    )
                    pause = RETRY_DELAY
                await wait_for_event(
                    self._news, None if pause is None else self._context.clock.sleep(pause)
                )
        finally:
            await self._stop_sending()

    async def _read(self) -> tuple[Document, WebhookRecord] | None:
        document = await self._documents.get(self._customer, WEBHOOK, self._id)
        return None if document is None else (document, WebhookRecord.from_wire(document.body))

    async def _make(self) -> None:
        """Make deliveries of every event there is."""
        while await retry_on_conflict(self._make_some):
            pass

    async def _make_some(self) -> bool:
        """Make deliveries of the next events; return whether there were any."""
        found = await self._read()
        if found is None:
            return False
        document, record = found
        events = await self._context.store.events(
            self._customer, after=record.cursor, limit=BATCH_SIZE
        )
        if not events:
            return False
        for event in events:
            if event.event == "job.deleted" and event.job_id is not None:
                await self._strip(event.job_id)
        wanted = [
            event
            for event in events
            if isinstance(event, JobEvent) and event.event in record.events
        ]
        threads = {
            job_id: await self._documents.get(self._customer, threads_of(self._id), job_id)
            for job_id in dict.fromkeys(event.job_id for event in wanted)
        }
        now = self._context.clock.now()
        deliveries = make_deliveries(document, wanted, threads, now=now, ends=now + KEPT)
        moved = record.model_copy(update={"cursor": events[-1].cursor, "secrets": record.live(now)})
        await self._documents.put(replace(document, body=moved.to_wire()), *deliveries)
        return True

    async def _begin_due(self) -> float | None:
        """Begin to send what is due; seconds until there is more, if that is known."""
        while True:
            found = await self._read()
            if found is None:
                return 0.0
            _, record = found
            now = self._context.clock.now()
            # A delivery that is recorded during the read would still seem to wait.
            under_way = set(self._sending)
            soon = await self._documents.due(
                self._kind, until=EVER, limit=len(under_way) + READ_AHEAD
            )
            waiting = [one for one in soon if one.id not in under_way]
            waiting.sort(key=_in_order)
            done = [one for one in waiting if _due(one) <= now and not _is_pending(one)]
            parked = [] if record.is_enabled else [one for one in waiting if _is_pending(one)]
            if not done and not parked:
                break
            for one in done:
                await self._documents.delete(self._customer, self._kind, one.id)
            if parked:
                await self._park(parked)
        held = max(0.0, ((record.hold_until or now) - now).total_seconds())
        if held:
            return held
        free = (1 if record.failing_since else MAX_CONCURRENT) - len(self._sending)
        for one in waiting:
            if _due(one) > now:
                return (_due(one) - now).total_seconds()
            if free <= 0:
                return None  # the next message that ends wakes this worker
            free -= 1
            task = asyncio.create_task(self._deliver(one, record))
            self._sending[one.id] = task
            task.add_done_callback(partial(self._ended, one.id))
        return None

    def _ended(self, id: str, _: asyncio.Task[None]) -> None:
        del self._sending[id]
        self._news.set()

    async def _stop_sending(self) -> None:
        sending = list(self._sending.values())
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    async def _deliver(self, document: Document, webhook: WebhookRecord) -> None:
        try:
            delivery = DeliveryRecord.from_wire(document.body)
            attempt, answer = await self._attempt(delivery, webhook)
            await self._write(document.id, attempt, answer)
        except Exception:
            # It stays due; the next attempt must not come at once.
            logger.exception("webhook %s: an attempt could not be recorded", self._id)
            await self._context.clock.sleep(RETRY_DELAY)

    async def _attempt(
        self, delivery: DeliveryRecord, webhook: WebhookRecord
    ) -> tuple[Attempt, Answer | None]:
        clock = self._context.clock
        now, began = clock.now(), clock.monotonic()
        # What the receiver compares with its own clock is this machine's, jumps and all.
        stamp = int(self._context.wall.now().timestamp())
        id, body = message_id(self._id, delivery.cursor), (delivery.body or "").encode()
        headers = {
            "Content-Type": "application/json",
            ID: id,
            TIMESTAMP: str(stamp),
            SIGNATURE: sign_all([one.text for one in webhook.live(now)], id, stamp, body),
        }
        answer: Answer | None = None
        try:
            answer = await self._context.sender.send(webhook.url, headers, body)
            error = failure_of(answer)
        except NotAnswered as failed:
            error = str(failed)
        except Exception:
            logger.exception("webhook %s: a message could not be sent", self._id)
            error = "could not be sent, by a fault of the service"
        attempt = Attempt(
            time=now,
            duration=round(clock.monotonic() - began, 3),
            status=answer.status if answer else None,
            error=error,
            answer=answer.body if answer else "",
        )
        return attempt, answer

    async def _write(self, id: str, attempt: Attempt, answer: Answer | None) -> None:
        """Record an attempt, whatever has changed meanwhile."""

        async def attempt_to_write() -> None:
            document = await self._documents.get(self._customer, self._kind, id)
            found = await self._read()
            if document is None or found is None:
                return
            webhook_document, webhook = found
            now = self._context.clock.now()
            wait = retry_after(answer.retry_after if answer else None, self._context.wall.now())
            health = _health(webhook, attempt, wait, now)
            delivery = DeliveryRecord.from_wire(document.body)
            changed, due = _after(
                delivery, attempt, wait, now, health.is_enabled, self._context.random.random()
            )
            changes = [replace(document, body=changed.to_wire(), due=due)]
            notice = None
            if health != webhook:
                changes.append(replace(webhook_document, body=health.to_wire()))
            if webhook.is_enabled and not health.is_enabled:
                notice = disabled_notice(health, now)
            await self._documents.put(*changes, notice=notice)
            if notice is not None:
                logger.warning("webhook %s was disabled: %s", self._id, health.disabled_reason)
                self._context.publish(self._customer)
            self._on_attempt(changed, attempt)

        await retry_on_conflict(attempt_to_write)

    async def _park(self, documents: Sequence[Document]) -> None:
        """Let deliveries of a disabled webhook rest until they are replayed."""
        ends = self._context.clock.now() + KEPT
        for one in documents:
            record = DeliveryRecord.from_wire(one.body).model_copy(update={"state": "dead"})
            try:
                await self._documents.put(replace(one, body=record.to_wire(), due=ends))
            except VersionConflict:
                continue

    async def _strip(self, job_id: str) -> None:
        """Forget what was or would be sent about a deleted job; that it was sent stays."""
        kind = threads_of(self._id)
        found = await self._documents.get(self._customer, kind, job_id)
        if found is None:
            return
        thread = Thread.from_wire(found.body)
        after, last = document_id(thread.last + 1), document_id(thread.first)
        while page := await self._documents.page(self._customer, self._kind, after=after):
            for one in page:
                if one.id <= last and one.body["jobId"] == job_id:
                    await self._strip_one(one.id)
            after = page[-1].id
            if after >= last:
                break
        await self._documents.delete(self._customer, kind, job_id)

    async def _strip_one(self, id: str) -> None:
        async def attempt() -> None:
            document = await self._documents.get(self._customer, self._kind, id)
            if document is None:
                return
            record = DeliveryRecord.from_wire(document.body)
            pending = record.state == "pending"
            changes = {"body": None, "state": "dead" if pending else record.state}
            due = self._context.clock.now() + KEPT if pending else document.due
            body = record.model_copy(update=changes).to_wire()
            await self._documents.put(replace(document, body=body, due=due))

        await retry_on_conflict(attempt)

    async def _remove(self) -> None:
        """Remove what a deleted webhook left; the webhook last, so that a restart goes on."""
        for kind in (self._kind, threads_of(self._id)):
            while page := await self._documents.page(self._customer, kind):
                for one in page:
                    await self._documents.delete(self._customer, kind, one.id)
        await self._documents.delete(self._customer, WEBHOOK, self._id)


def _due(document: Document) -> datetime:
    return document.due or EVER


def _in_order(document: Document) -> tuple[datetime, int]:
    return _due(document), int(document.body["cursor"])


def _is_pending(document: Document) -> bool:
    return bool(document.body["state"] == "pending")


def _after(
    delivery: DeliveryRecord,
    attempt: Attempt,
    wait: float,
    now: datetime,
    is_enabled: bool,  # noqa: FBT001
    chance: float,
) -> tuple[DeliveryRecord, datetime]:
    """A delivery after an attempt, and when something has to be done about it."""
    tries = delivery.tries + 1
    attempts = (*delivery.attempts, attempt)[-MAX_ATTEMPTS_SHOWN:]
    values = {"tries": tries, "attempts": attempts}
    pause = retry_wait(tries, chance)
    if attempt.error is None:
        state = "delivered"
    elif pause is None or not is_enabled or delivery.body is None:
        state = "dead"
    else:
        return (
            delivery.model_copy(update=values),
            now + timedelta(seconds=max(pause, wait)),
        )
    return delivery.model_copy(update=values | {"state": state}), now + KEPT


def _health(webhook: WebhookRecord, attempt: Attempt, wait: float, now: datetime) -> WebhookRecord:
    """A webhook after an attempt: how long it has failed, and whether it is given up."""
    if attempt.error is None:
        return webhook.model_copy(update={"failing_since": None, "last_failure": None})
    since, last = webhook.failing_since, webhook.last_failure
    if since is None or last is None or now - last > SILENCE:
        since = now
    values: dict[str, object] = {"failing_since": since, "last_failure": now}
    if wait:
        values["hold_until"] = now + timedelta(seconds=wait)
    reason = None
    if attempt.status == 410:
        reason = "its endpoint answered 410 (gone)."
    elif now - since >= FAILING:
        reason = f"every attempt of {FAILING.days} days failed; the last one: {attempt.error}."
    if reason and webhook.is_enabled:
        values |= {"disabled_time": now, "disabled_reason": reason}
    return webhook.model_copy(update=values)
