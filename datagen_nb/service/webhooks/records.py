"""Webhooks and deliveries as they are kept: documents, their ids, and what is shown of them.

Each webhook has its deliveries under a kind of its own, so that what is due for one endpoint is
found without looking at another's. Their ids count down: the first page is the newest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from pydantic import Field

from datagen_nb.core.alerts import Alert
from datagen_nb.core.errors import NotFound
from datagen_nb.core.messages import JobEvent
from datagen_nb.core.signing import fingerprint
from datagen_nb.core.store import Document, Notice
from datagen_nb.core.webhooks import (
    Attempt,
    Delivery,
    DeliveryState,
    SecretStatus,
    WebhookEvent,
    WebhookPayload,
    WebhookStatus,
)
from datagen_nb.core.wire_model import Instant, WireModel

WEBHOOK = "webhook"

EVER = datetime(9999, 1, 1, tzinfo=UTC)
"""Later than anything is due."""

_MAX_EVENTS = 10**15

_DELIVERY_ID = re.compile(r"msg_([0-9A-Z]{16})_([0-9]{1,15})")


class LiveSecret(WireModel):
    """A secret that signs, until ``expires`` if that is set."""

    text: str = Field(repr=False)
    created_time: Instant
    expires: Instant | None = None


class WebhookRecord(WireModel):
    """A webhook as it is kept.

    Args:
        id: ``wh_`` and 16 characters.
        url: Where messages go.
        events: Which are sent.
        created_time: When it was made.
        secrets: The newest first, at most two.
        cursor: Up to which event of the customer there are deliveries.
        failing_since: The first failure since the last success.
        last_failure: The newest of them.
        hold_until: Before this the endpoint wants nothing.
        disabled_time: When it was disabled; it is enabled when absent.
        disabled_reason: In words.
        is_deleted: Only its remains are still to be removed.
    """

    id: str
    url: str
    events: tuple[WebhookEvent, ...]
    created_time: Instant
    secrets: tuple[LiveSecret, ...] = Field(repr=False)
    cursor: int
    failing_since: Instant | None = None
    last_failure: Instant | None = None
    hold_until: Instant | None = None
    disabled_time: Instant | None = None
    disabled_reason: str | None = None
    is_deleted: bool = False

    @property
    def is_enabled(self) -> bool:
        return self.disabled_time is None

    def live(self, now: datetime) -> tuple[LiveSecret, ...]:
        """The secrets that sign now."""
        return tuple(one for one in self.secrets if one.expires is None or now < one.expires)

    def shown(self, now: datetime) -> WebhookStatus:
        """What its owner sees of it."""
        return WebhookStatus(
            id=self.id,
            url=self.url,
            events=self.events,
            enabled=self.is_enabled,
            created_time=self.created_time,
            secrets=tuple(
                SecretStatus(
                    fingerprint=fingerprint(one.text),
                    created_time=one.created_time,
                    expires=one.expires,
                )
                for one in self.live(now)
            ),
            failing_since=self.failing_since,
            disabled_time=self.disabled_time,
            disabled_reason=self.disabled_reason,
        )


class DeliveryRecord(WireModel):
    """A delivery as it is kept; ``body`` is what is sent, to the byte, gone with its job."""

    cursor: int
    event: WebhookEvent
    job_id: str
    sequence: int
    state: DeliveryState = "pending"
    created_time: Instant
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()
    body: str | None = None

    def shown(self, webhook_id: str, due: datetime | None, *, whole: bool = False) -> Delivery:
        """What its owner sees of it; ``whole`` with what is sent."""
        payload = WebhookPayload.from_wire(self.body) if whole and self.body else None
        return Delivery(
            id=message_id(webhook_id, self.cursor),
            webhook_id=webhook_id,
            event=self.event,
            job_id=self.job_id,
            sequence=self.sequence,
            state=self.state,
            created_time=self.created_time,
            tries=self.tries,
            next_attempt=due if self.state == "pending" else None,
            attempts=self.attempts,
            payload=payload,
        )


class Thread(WireModel):
    """A job's messages to one webhook: how many, and from which event to which."""

    sequence: int
    first: int
    last: int


def deliveries_of(webhook_id: str) -> str:
    """The kind of a webhook's deliveries."""
    return f"delivery:{webhook_id}"


def threads_of(webhook_id: str) -> str:
    """The kind of a webhook's threads."""
    return f"delivery-thread:{webhook_id}"


def document_id(cursor: int) -> str:
    """Where the delivery of an event lies; the newest first."""
    return f"{_MAX_EVENTS - cursor:015d}"


def message_id(webhook_id: str, cursor: int) -> str:
    """The ``webhook-id`` of an event's message; the same however often it is made."""
    return f"msg_{webhook_id.removeprefix('wh_')}_{cursor}"


def cursor_of(webhook_id: str, delivery_id: str) -> int:
    """The event of a message.

    Raises:
        NotFound: The webhook can have no such message.
    """
    read = _DELIVERY_ID.fullmatch(delivery_id)
    if read is None or f"wh_{read[1]}" != webhook_id:
        raise no_delivery(delivery_id)
    return int(read[2])


def no_webhook(webhook_id: str) -> NotFound:
    """The error for a webhook that does not exist."""
    return NotFound(
        f"There is no webhook {webhook_id[:80]!r}. The list of webhooks shows those there are.",
        code="webhook_not_found",
        details={"webhookId": webhook_id[:80]},
    )


def no_delivery(delivery_id: str) -> NotFound:
    """The error for a delivery that does not exist."""
    return NotFound(
        f"There is no delivery {delivery_id[:80]!r}; the log goes back 30 days.",
        code="delivery_not_found",
        details={"deliveryId": delivery_id[:80]},
    )


def disabled_notice(webhook: WebhookRecord, now: datetime) -> Notice:
    """What tells a customer that a webhook gets no more messages."""
    return Notice("alert.raised", now, _alert(webhook, now).to_wire())


def enabled_notice(webhook: WebhookRecord, now: datetime) -> Notice:
    """What tells that a webhook that the service had disabled gets some again."""
    cleared = _alert(webhook, now).model_copy(update={"status": "cleared", "cleared_time": now})
    return Notice("alert.cleared", now, cleared.to_wire())


def _alert(disabled: WebhookRecord, now: datetime) -> Alert:
    return Alert(
        id=f"webhook_disabled.{disabled.id}",
        kind="webhook_disabled",
        severity="warning",
        message=f"Webhook {disabled.id} was disabled: {disabled.disabled_reason} "
        "Enable it again when its endpoint answers.",
        details={"webhookId": disabled.id},
        raised_time=disabled.disabled_time or now,
    )


def make_deliveries(
    webhook: Document,
    events: Sequence[JobEvent],
    threads: dict[str, Document | None],
    *,
    now: datetime,
    ends: datetime,
) -> list[Document]:
    """Deliveries of events, in order, with their threads gone on; a pure function.

    Args:
        webhook: Whose they are.
        events: That it wants.
        threads: Of each job among them, as it was read.
        now: Until then at the latest those are due that will be sent; the oldest event first.
        ends: When those leave the log that will not, since the webhook is disabled.
    """
    record = WebhookRecord.from_wire(webhook.body)
    kept = {
        job_id: Thread.from_wire(document.body) if document else None
        for job_id, document in threads.items()
    }
    deliveries = []
    for event in events:
        thread = kept[event.job_id]
        sequence = thread.sequence + 1 if thread else 1
        first = thread.first if thread else event.cursor
        kept[event.job_id] = Thread(sequence=sequence, first=first, last=event.cursor)
        delivery = DeliveryRecord(
            cursor=event.cursor,
            event=event.event,
            job_id=event.job_id,
            sequence=sequence,
            state="pending" if record.is_enabled else "dead",
            created_time=event.timestamp,
            body=_payload(event, sequence).to_json(),
        )
        deliveries.append(
            Document(
                webhook.customer,
                deliveries_of(record.id),
                document_id(event.cursor),
                delivery.to_wire(),
                due=min(event.timestamp, now) if record.is_enabled else ends,
            )
        )
    for job_id, document in threads.items():
        thread = kept[job_id]
        assert thread is not None  # noqa: S101  # each has an event
        place = document or Document(webhook.customer, threads_of(record.id), job_id)
        deliveries.append(replace(place, body=thread.to_wire()))
    return deliveries


def _payload(event: JobEvent, sequence: int) -> WebhookPayload:
    return WebhookPayload(
        event=event.event,
        job_id=event.job_id,
        timestamp=event.timestamp,
        data=event.data,
        sequence=sequence,
    )
