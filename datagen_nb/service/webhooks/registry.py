"""One customer's webhooks: made, changed, their deliveries listed and replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from datagen_nb.core.addresses import AddressRefused
from datagen_nb.core.errors import ConfigurationError, Conflict, Problem, VersionConflict
from datagen_nb.core.messages import check_page
from datagen_nb.core.signing import make_secret, read_secret
from datagen_nb.core.store import Document, Notice
from datagen_nb.core.webhooks import (
    MAX_REPLAYED,
    MAX_WEBHOOKS,
    Delivery,
    DeliveryPage,
    DeliveryState,
    NewWebhook,
    Replayed,
    ReplayRange,
    SecretRotation,
    WebhookChange,
    WebhookConfig,
    WebhookEvent,
    WebhookPage,
    WebhookStatus,
)
from datagen_nb.service.collection import Collection, Entry, retry_on_conflict
from datagen_nb.service.webhooks.context import WebhookContext
from datagen_nb.service.webhooks.records import (
    WEBHOOK,
    DeliveryRecord,
    LiveSecret,
    WebhookRecord,
    cursor_of,
    deliveries_of,
    document_id,
    enabled_notice,
    message_id,
    no_delivery,
    no_webhook,
)

PAGE_SIZE = 100

BY_OWNER = "by its owner"

_SECRET_BYTES = 32


class CustomerWebhooks:
    """Implements ``core.customer_webhooks.Webhooks``."""

    def __init__(
        self, context: WebhookContext, customer: str, start_worker: Callable[[str, str], None]
    ) -> None:
        self._context = context
        self._documents = context.documents
        self._webhooks = Collection.of(
            context.documents, WEBHOOK, WebhookRecord, publish=context.publish
        )
        self._start_worker = start_worker
        self._customer = customer

    async def create(self, config: WebhookConfig) -> NewWebhook:
        self._check_url(config.url)
        secret = self._secret(config.secret)
        there = await self._webhooks.list(self._customer, limit=MAX_WEBHOOKS)
        if len(there) >= MAX_WEBHOOKS:
            raise Conflict(
                f"There are {MAX_WEBHOOKS} webhooks already. Delete one, or change one.",
                code="too_many_webhooks",
            )
        now = self._context.clock.now()
        made = WebhookRecord(
            id=f"wh_{self._context.ids.next().removeprefix('j_')}",
            url=config.url,
            events=_once(config.events),
            created_time=now,
            secrets=(LiveSecret(text=secret, created_time=now),),
            cursor=await self._context.store.last_cursor(self._customer),
        )
        await self._webhooks.put(Entry(self._customer, made.id, made, due=now))
        self._start_worker(self._customer, made.id)
        return self._with_secret(made)

    async def list(self, *, cursor: str = "", limit: int = 50) -> WebhookPage:
        check_page(limit)
        found = await self._webhooks.list(self._customer, after=cursor, limit=limit + 1)
        now = self._context.clock.now()
        records = [entry.value for entry in found[:limit]]
        return WebhookPage(
            webhooks=tuple(record.shown(now) for record in records if not record.is_deleted),
            next_cursor=found[limit - 1].id if len(found) > limit else None,
        )

    async def get(self, webhook_id: str) -> WebhookStatus:
        return (await self._read(webhook_id)).shown(self._context.clock.now())

    async def change(self, webhook_id: str, change: WebhookChange) -> WebhookStatus:
        if change.url is not None:
            self._check_url(change.url)
        now = self._context.clock.now()

        def apply(record: WebhookRecord) -> WebhookRecord:
            values: dict[str, object] = {}
            if change.url is not None and change.url != record.url:
                # Another endpoint: what the one before did is not held against it.
                values = {"url": change.url, "hold_until": None}
                values |= {"failing_since": None, "last_failure": None}
            if change.events is not None:
                values["events"] = _once(change.events)
            if change.enabled is False and record.is_enabled:
                values |= {"disabled_time": now, "disabled_reason": BY_OWNER}
            if change.enabled is True and not record.is_enabled:
                values |= {"disabled_time": None, "disabled_reason": None, "hold_until": None}
                values |= {"failing_since": None, "last_failure": None}
            return record.model_copy(update=values)

        return (await self._change(webhook_id, apply)).shown(now)

    async def delete(self, webhook_id: str) -> None:
        # The worker removes what is left, so that a restart continues with it.
        await self._change(
            webhook_id, lambda record: record.model_copy(update={"is_deleted": True})
        )

    async def rotate(self, webhook_id: str, rotation: SecretRotation | None = None) -> NewWebhook:
        rotation = rotation or SecretRotation()
        now = self._context.clock.now()
        new = LiveSecret(text=self._secret(rotation.secret), created_time=now)
        until = now + timedelta(seconds=rotation.overlap)

        def apply(record: WebhookRecord) -> WebhookRecord:
            old = record.secrets[0]
            if old.text == new.text:
                raise _problem("secret", "is the one that signs now", "Choose another.")
            ending = old.model_copy(update={"expires": until})
            secrets = (new, ending) if rotation.overlap else (new,)
            return record.model_copy(update={"secrets": secrets})

        return self._with_secret(await self._change(webhook_id, apply))

    async def deliveries(
        self,
        webhook_id: str,
        *,
        state: DeliveryState | None = None,
        cursor: str = "",
        limit: int = 50,
    ) -> DeliveryPage:
        check_page(limit)
        await self._read(webhook_id)
        after = document_id(cursor_of(webhook_id, cursor)) if cursor else ""
        shown: list[Delivery] = []
        while True:
            found = await self._page(webhook_id, after, limit + 1)
            for document in found[:limit]:
                after = document.id
                record = DeliveryRecord.from_wire(document.body)
                if state in (None, record.state):
                    shown.append(record.shown(webhook_id, document.due))
                if len(shown) == limit:
                    break
            is_last = not found or after == found[-1].id
            if is_last or len(shown) == limit:
                more = None if is_last or not shown else shown[-1].id
                return DeliveryPage(deliveries=tuple(shown), next_cursor=more)

    async def delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        await self._read(webhook_id)
        document = await self._find(webhook_id, delivery_id)
        record = DeliveryRecord.from_wire(document.body)
        return record.shown(webhook_id, document.due, whole=True)

    async def replay(self, webhook_id: str, delivery_id: str) -> Delivery:
        await self._read_enabled(webhook_id)

        async def attempt() -> Document:
            again = self._again(await self._find(webhook_id, delivery_id))
            if again is None:
                raise Conflict(
                    f"The job of delivery {delivery_id} was deleted, and with it what was sent.",
                    code="delivery_forgotten",
                    details={"deliveryId": delivery_id},
                )
            await self._documents.put(again)
            return again

        again = await retry_on_conflict(attempt)
        self._start_worker(self._customer, webhook_id)
        return DeliveryRecord.from_wire(again.body).shown(webhook_id, again.due)

    async def replay_range(self, webhook_id: str, range: ReplayRange) -> Replayed:
        await self._read_enabled(webhook_id)
        after = document_id(cursor_of(webhook_id, range.cursor)) if range.cursor else ""
        count, looked, last = 0, 0, 0
        while looked < MAX_REPLAYED:
            page = await self._page(webhook_id, after, PAGE_SIZE)
            chosen = []
            for document in page:
                record = DeliveryRecord.from_wire(document.body)
                after, last = document.id, record.cursor
                is_since = range.since is None or record.created_time >= range.since
                is_until = range.until is None or record.created_time < range.until
                again = self._again(document)
                if is_since and is_until and record.state in range.states and again is not None:
                    chosen.append(again)
            count += await self._put_each(chosen)
            looked += len(page)
            if len(page) < PAGE_SIZE:
                last = 0
                break
        if count:
            self._start_worker(self._customer, webhook_id)
        return Replayed(count=count, next_cursor=message_id(webhook_id, last) if last else None)

    async def _put_each(self, documents: Sequence[Document]) -> int:
        """Write together; one by one if one has changed meanwhile. Count those written."""
        if not documents:
            return 0
        try:
            await self._documents.put(*documents)
        except VersionConflict:
            if len(documents) == 1:
                return 0  # it was just tried, or is gone
            return sum([await self._put_each([one]) for one in documents])
        return len(documents)

    def _again(self, document: Document) -> Document | None:
        """A delivery as it is when it has the whole schedule before it; none if it has no body."""
        record = DeliveryRecord.from_wire(document.body)
        if record.body is None:
            return None
        fresh = record.model_copy(update={"state": "pending", "tries": 0})
        return replace(document, body=fresh.to_wire(), due=self._context.clock.now())

    async def _page(self, webhook_id: str, after: str, limit: int) -> Sequence[Document]:
        kind = deliveries_of(webhook_id)
        return await self._documents.page(self._customer, kind, after=after, limit=limit)

    async def _find(self, webhook_id: str, delivery_id: str) -> Document:
        id = document_id(cursor_of(webhook_id, delivery_id))
        found = await self._documents.get(self._customer, deliveries_of(webhook_id), id)
        if found is None:
            raise no_delivery(delivery_id)
        return found

    async def _read(self, webhook_id: str) -> WebhookRecord:
        return _existing(await self._webhooks.get(self._customer, webhook_id), webhook_id)

    async def _read_enabled(self, webhook_id: str) -> None:
        record = await self._read(webhook_id)
        if not record.is_enabled:
            raise Conflict(
                f"Webhook {webhook_id} is disabled: {record.disabled_reason}. Enable it first.",
                code="webhook_disabled",
                details={"webhookId": webhook_id},
            )

    async def _change(
        self, webhook_id: str, apply: Callable[[WebhookRecord], WebhookRecord]
    ) -> WebhookRecord:
        now = self._context.clock.now()

        def fold(record: WebhookRecord | None) -> WebhookRecord:
            return apply(_existing(record, webhook_id))

        def notice(before: WebhookRecord | None, after: WebhookRecord) -> Notice | None:
            if before is None or before.disabled_reason in (None, BY_OWNER):
                return None
            return enabled_notice(before, now) if after.is_enabled else None

        changed = await self._webhooks.update(self._customer, webhook_id, fold, notice=notice)
        self._start_worker(self._customer, webhook_id)
        return changed

    def _with_secret(self, record: WebhookRecord) -> NewWebhook:
        status = record.shown(self._context.clock.now())
        return NewWebhook(**dict(status), secret=record.secrets[0].text)

    def _check_url(self, url: str) -> None:
        try:
            self._context.sender.check(url)
        except AddressRefused as refused:
            raise _problem("url", str(refused), "Give an address that all can reach.") from None

    def _secret(self, given: str | None) -> str:
        if given is None:
            return make_secret(self._context.random.randbytes(_SECRET_BYTES))
        try:
            read_secret(given)
        except ValueError as error:
            raise _problem("secret", str(error), "Leave it out to have one made.") from None
        return given


def _existing(record: WebhookRecord | None, webhook_id: str) -> WebhookRecord:
    if record is None or record.is_deleted:
        raise no_webhook(webhook_id)
    return record


def _once(events: Sequence[WebhookEvent]) -> tuple[WebhookEvent, ...]:
    return tuple(dict.fromkeys(events))


def _problem(field: str, rule: str, remedy: str) -> ConfigurationError:
    # What was given is not quoted: it may hold a secret.
    return ConfigurationError([Problem(field, "…", rule, remedy)])
