"""Webhooks and their deliveries.

Values and rules only; the signature is ``core.signing``, the addresses are ``core.addresses``.
Source: the specification, section 2.2, and Standard Webhooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Literal, Protocol, get_args

from pydantic import Field

from datagen_nb.core.messages import JobEventName
from datagen_nb.core.signing import SIGNATURE
from datagen_nb.core.status import JobStatus
from datagen_nb.core.summary import Summarized, Summary, listed
from datagen_nb.core.wire_model import Instant, RequestModel, WireModel

WebhookEvent = JobEventName
WEBHOOK_EVENTS: frozenset[str] = frozenset(get_args(WebhookEvent))

RETRY_SCHEDULE = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds to wait before each attempt, after the one before it.

Source: Standard Webhooks, "Deliverability and reliability"."""

JITTER = 0.2
"""Share of a wait that chance may add, so that what failed together is not tried together."""

MAX_RETRY_AFTER = 86_400.0
"""Seconds that ``Retry-After`` is obeyed."""

FAILING = timedelta(days=5)
"""How long an endpoint may fail, without one success, until it is disabled."""

SILENCE = timedelta(days=2)
"""A failure so long after the last one begins the count anew: no delivery was tried in between."""

KEPT = timedelta(days=30)
"""How long a delivery that has ended stays in the log."""

OVERLAP = 86_400.0
"""Seconds that an old secret goes on signing after a rotation."""

MAX_WEBHOOKS = 20
"""Of one customer."""

MAX_ANSWER = 1024
"""Bytes that are kept of an endpoint's answer."""

MAX_ATTEMPTS_SHOWN = 12
"""Attempts that are kept of a delivery, the newest ones."""

MAX_REPLAYED = 1000
"""Deliveries that one request replays."""

Url = Annotated[str, Field(min_length=1, max_length=2000)]
Events = Annotated[tuple[WebhookEvent, ...], Field(min_length=1, max_length=8)]


class WebhookConfig(RequestModel):
    """A webhook to create.

    Args:
        url: A publicly reachable ``https://`` or ``http://`` address.
        secret: ``whsec_`` and base64 of 24 to 64 bytes; by default the service creates one.
        events: The events to send.
    """

    url: Url
    secret: str | None = Field(None, max_length=200, repr=False)
    events: Events


class WebhookChange(RequestModel):
    """Changes of a webhook; absent fields are not changed.

    A webhook that is enabled again also sends the events since it was disabled.
    """

    url: Url | None = None
    events: Events | None = None
    enabled: bool | None = None


class SecretRotation(RequestModel):
    """A new secret, by default created by the service; the old one also signs for ``overlap`` s."""

    secret: str | None = Field(None, max_length=200, repr=False)
    overlap: float = Field(OVERLAP, ge=0, le=30 * 86_400)


class SecretStatus(WireModel):
    """A webhook's secret, without the secret itself.

    ``fingerprint`` is the beginning of its digest; ``expires`` is when an old one stops signing.
    """

    fingerprint: str
    created_time: Instant
    expires: Instant | None = None


class WebhookStatus(WireModel):
    """A webhook, with fingerprints of its secrets.

    Args:
        id: ``wh_`` and 16 characters; ids sort by time of creation.
        url: The URL that messages are sent to.
        events: The events that are sent.
        enabled: Whether messages are sent.
        created_time: When it was created.
        secrets: The secrets that sign messages, the newest first; at most two.
        failing_since: When the first attempt failed after the last success.
        disabled_time: When it was disabled.
        disabled_reason: Why it was disabled, or by whom.
    """

    id: str
    url: str
    events: tuple[WebhookEvent, ...]
    enabled: bool
    created_time: Instant
    secrets: tuple[SecretStatus, ...]
    failing_since: Instant | None = None
    disabled_time: Instant | None = None
    disabled_reason: str | None = None


class NewWebhook(WebhookStatus):
    """A webhook with its newest secret, which is shown only here."""

    secret: str = Field(repr=False)


class WebhookPage(Summarized, WireModel):
    """A page of webhooks in order of id; ``next_cursor`` is absent on the last page."""

    webhooks: tuple[WebhookStatus, ...]
    next_cursor: str | None = None

    def _summary(self) -> Summary:
        rows = [
            [one.id, one.url, ", ".join(one.events), "enabled" if one.enabled else "disabled"]
            for one in self.webhooks
        ]
        return listed(
            "Webhooks", ["id", "url", "events", "state"], rows, more=self.next_cursor is not None
        )


class WebhookPayload(WireModel):
    """The body of a webhook message.

    Args:
        event: The event's name.
        job_id: The job.
        timestamp: When it happened; the header ``webhook-timestamp`` is when it was sent.
        data: The job's state at that time.
        signature: Name of the header with the signature.
        sequence: Numbers this job's messages to this webhook from 1, in the order of events; a
            message with a missing number may still arrive.
    """

    event: str
    job_id: str
    timestamp: Instant
    data: JobStatus
    signature: str = SIGNATURE
    sequence: int


class Attempt(WireModel):
    """One attempt to deliver a message.

    Args:
        time: When it began.
        duration: Seconds until the response, or until it failed.
        status: HTTP status; absent without a response.
        error: Why it failed.
        answer: The beginning of the response's body.
    """

    time: Instant
    duration: float
    status: int | None = None
    error: str | None = None
    answer: str = ""


DeliveryState = Literal["pending", "delivered", "dead"]


class Delivery(WireModel):
    """The delivery of one event to one webhook.

    Args:
        id: The header ``webhook-id`` of its message; the same in each attempt.
        webhook_id: The webhook.
        event: The event's name.
        job_id: The job.
        sequence: As in the payload.
        state: ``dead`` if there are no more automatic attempts.
        created_time: When the event happened.
        tries: Attempts since it was created or replayed.
        next_attempt: When it is tried next.
        attempts: The newest attempts, in order.
        payload: The message's body; absent in lists, and after the job was deleted.
    """

    id: str
    webhook_id: str
    event: WebhookEvent
    job_id: str
    sequence: int
    state: DeliveryState
    created_time: Instant
    tries: int = 0
    next_attempt: Instant | None = None
    attempts: tuple[Attempt, ...] = ()
    payload: WebhookPayload | None = None


class DeliveryPage(Summarized, WireModel):
    """A page of deliveries, the newest first; ``next_cursor`` is absent on the last page."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None = None

    def _summary(self) -> Summary:
        rows = [
            [one.id, one.event, one.job_id, one.state, str(one.tries)] for one in self.deliveries
        ]
        return listed(
            "Deliveries",
            ["id", "event", "job", "state", "tries"],
            rows,
            more=self.next_cursor is not None,
        )


class ReplayRange(RequestModel):
    """Deliveries to send again: of events from ``since`` to before ``until``, in ``states``.

    ``cursor`` is ``next_cursor`` of the previous response.
    """

    since: Instant | None = None
    until: Instant | None = None
    states: Annotated[tuple[DeliveryState, ...], Field(min_length=1, max_length=3)] = ("dead",)
    cursor: str = Field("", max_length=200)


class Replayed(WireModel):
    """Number of deliveries that are sent again; with ``next_cursor`` there may be more."""

    count: int
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered: its status, the beginning of its body, ``Retry-After``."""

    status: int
    body: str = ""
    retry_after: str | None = None


class NotAnswered(Exception):
    """An endpoint did not answer; the text says why."""


class Sender(Protocol):
    """Sends messages out of the house.

    Guarantees: connects only to an address that was vetted, whatever the name says a moment
    later; follows no redirect; ends in bounded time; reads a bounded part of the answer.
    """

    def check(self, url: str) -> None:
        """Check an address before it is kept; nothing is requested from it.

        Raises:
            AddressRefused: Nothing will be sent there.
        """
        ...

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body.

        Raises:
            NotAnswered: The address was refused, or did not answer in time.
        """
        ...

    async def aclose(self) -> None: ...


def retry_wait(tries: int, chance: float) -> float | None:
    """Seconds until the next attempt after ``tries`` that failed; ``None`` if there is none.

    ``chance``, from 0 to 1, says how much jitter is added.
    """
    if tries >= len(RETRY_SCHEDULE):
        return None
    return RETRY_SCHEDULE[tries] * (1 + JITTER * chance)


def retry_after(text: str | None, now: datetime) -> float:
    """Seconds that a ``Retry-After`` asks for, within bounds; 0 for what cannot be read."""
    if text is None:
        return 0.0
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), MAX_RETRY_AFTER)


def failure_of(answer: Answer) -> str | None:
    """Why an answer is none that takes the message; ``None`` when it is."""
    if 200 <= answer.status < 300:
        return None
    if 300 <= answer.status < 400:
        return f"answered {answer.status}: redirects are not followed; enter the address it is at"
    if answer.status == 410:
        return "answered 410: it wants no more messages"
    return f"answered {answer.status}"
