"""Webhooks: where a customer's events are sent, what is sent, and what became of it.

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

from datagen_nb.core.signing import SIGNATURE
from datagen_nb.core.status import JobStatus
from datagen_nb.core.wire_model import Instant, WireModel

WebhookEvent = Literal[
    "job.created",
    "job.updated",
    "job.completed",
    "job.failed",
    "job.cancelled",
    "job.paused",
    "job.resumed",
    "job.expired",
]
WEBHOOK_EVENTS: frozenset[str] = frozenset(get_args(WebhookEvent))

RETRY_SCHEDULE = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds to wait before each attempt, after the one before it.

Source: Standard Webhooks, "Deliverability and reliability"."""

JITTER = 0.2
"""Share of a wait that chance may add, so that what failed together is not tried together."""

LONGEST_RETRY_AFTER = 86_400.0
"""Seconds that ``Retry-After`` is obeyed."""

FAILING = timedelta(days=5)
"""How long an endpoint may fail, without one success, until it is disabled."""

SILENCE = timedelta(days=2)
"""A failure so long after the last one begins the count anew: nobody tried in between."""

KEPT = timedelta(days=30)
"""How long a delivery that has ended stays in the log."""

OVERLAP = 86_400.0
"""Seconds that an old secret goes on signing after a rotation."""

MOST_WEBHOOKS = 20
"""Of one customer."""

MOST_ANSWER = 1024
"""Bytes that are kept of an endpoint's answer."""

MOST_ATTEMPTS_SHOWN = 12
"""Attempts that are kept of a delivery, the newest ones."""

MOST_REPLAYED = 1000
"""Deliveries that one request replays."""

Url = Annotated[str, Field(min_length=1, max_length=2000)]
Events = Annotated[tuple[WebhookEvent, ...], Field(min_length=1, max_length=8)]


class WebhookConfig(WireModel):
    """Where to send which events.

    Args:
        url: ``https://`` (or ``http://``) address that is reachable publicly.
        secret: ``whsec_`` and base64 of 24 to 64 bytes; made by the service if left out.
        events: Which to send.
    """

    url: Url
    secret: str | None = Field(None, max_length=200, repr=False)
    events: Events


class WebhookChange(WireModel):
    """What to change of a webhook; what is absent stays.

    ``enabled: true`` lets it go on where it stopped: it is told what happened meanwhile.
    """

    url: Url | None = None
    events: Events | None = None
    enabled: bool | None = None


class SecretRotation(WireModel):
    """A new secret, made by the service if left out; the old one signs too for ``overlap`` s."""

    secret: str | None = Field(None, max_length=200, repr=False)
    overlap: float = Field(OVERLAP, ge=0, le=30 * 86_400)


class SecretStatus(WireModel):
    """A secret as it is shown: by eight characters of its digest.

    ``expires`` is when an old one stops signing.
    """

    fingerprint: str
    created_time: Instant
    expires: Instant | None = None


class WebhookStatus(WireModel):
    """A webhook as it is shown: its secrets only by their fingerprints.

    Args:
        id: ``wh_`` and 16 characters, sorting by time of creation.
        url: Where messages go.
        events: Which are sent.
        enabled: Whether anything is sent.
        created_time: When it was made.
        secrets: That sign messages, the newest first; at most two.
        failing_since: The first failure since the last success.
        disabled_time: When it was disabled.
        disabled_reason: By whom or why, in words.
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
    """A webhook with its newest secret, which is told this one time."""

    secret: str = Field(repr=False)


class WebhookPage(WireModel):
    """One page of webhooks, by id; ``next_cursor`` is absent on the last."""

    webhooks: tuple[WebhookStatus, ...]
    next_cursor: str | None = None


class WebhookPayload(WireModel):
    """The body of a message.

    Args:
        event: What happened.
        job_id: To which job.
        timestamp: When it happened; the header ``webhook-timestamp`` is when it was sent.
        data: The job as it stood then.
        signature: The name of the header that has the signature: a body cannot sign itself.
        sequence: Counts this job's messages to this webhook from 1, in the order of what
            happened; a number that is missing is still on its way.
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
        duration: Seconds until the answer, or until it was given up.
        status: Of HTTP; absent when nothing was answered.
        error: Why it failed, in words.
        answer: The beginning of the answer's body.
    """

    time: Instant
    duration: float
    status: int | None = None
    error: str | None = None
    answer: str = ""


DeliveryState = Literal["pending", "delivered", "dead"]


class Delivery(WireModel):
    """A message on its way, or what became of it.

    Args:
        id: The ``webhook-id`` of its messages; the same in each attempt.
        webhook_id: Whose it is.
        event: What it tells.
        job_id: Of which job.
        sequence: As in the payload.
        state: ``dead`` when it is not tried again by itself.
        created_time: When it happened.
        tries: Attempts since it was made or replayed.
        next_attempt: When it is tried next.
        attempts: The newest ones, the last one last.
        payload: What is sent; only when one delivery is asked for, and gone with its job.
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


class DeliveryPage(WireModel):
    """One page of deliveries, the newest first; ``next_cursor`` is absent on the last."""

    deliveries: tuple[Delivery, ...]
    next_cursor: str | None = None


class ReplayRange(WireModel):
    """Which deliveries to send again: of events in [``since``, ``until``), in one of the states.

    ``cursor`` is where the answer before ended.
    """

    since: Instant | None = None
    until: Instant | None = None
    states: Annotated[tuple[DeliveryState, ...], Field(min_length=1, max_length=3)] = ("dead",)
    cursor: str = Field("", max_length=200)


class Replayed(WireModel):
    """How many will be sent again; with ``next_cursor`` there may be more to ask for."""

    count: int
    next_cursor: str | None = None


class Webhooks(Protocol):
    """A customer's webhooks. What is not there, or another's, is ``NotFound``."""

    async def create(self, config: WebhookConfig) -> NewWebhook:
        """Send what happens from now on to an address.

        Raises:
            ConfigurationError: The address is not called, or the secret is none.
            Conflict: There are as many as there may be.
        """
        ...

    async def list(self, *, cursor: str = "", limit: int = 50) -> WebhookPage: ...

    async def get(self, webhook_id: str) -> WebhookStatus: ...

    async def change(self, webhook_id: str, change: WebhookChange) -> WebhookStatus:
        """Change where or what is sent, or whether.

        Raises:
            ConfigurationError: The address is not called.
        """
        ...

    async def delete(self, webhook_id: str) -> None:
        """Send nothing more; its delivery log goes too."""
        ...

    async def rotate(self, webhook_id: str, rotation: SecretRotation | None = None) -> NewWebhook:
        """Sign with a new secret, and for a while with the old one too.

        Raises:
            ConfigurationError: The secret is none.
        """
        ...

    async def deliveries(
        self,
        webhook_id: str,
        *,
        state: DeliveryState | None = None,
        cursor: str = "",
        limit: int = 50,
    ) -> DeliveryPage:
        """The delivery log, the newest event first."""
        ...

    async def delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """One delivery with what is sent."""
        ...

    async def replay(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send one again, under its id, with the whole schedule before it.

        Raises:
            Conflict: Its job was deleted, and with it what would be sent.
        """
        ...

    async def replay_range(self, webhook_id: str, range: ReplayRange) -> Replayed:
        """Send many again, ``MOST_REPLAYED`` at most in one request."""
        ...


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
        """Look at an address before it is kept; asks nobody.

        Raises:
            AddressRefused: Nothing will be sent there.
        """
        ...

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body.

        Raises:
            NotAnswered: The address was refused, nobody answered, or not in time.
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
        return min(float(text[:9]), LONGEST_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)


def failure_of(answer: Answer) -> str | None:
    """Why an answer is none that takes the message; ``None`` when it is."""
    if 200 <= answer.status < 300:
        return None
    if 300 <= answer.status < 400:
        return f"answered {answer.status}: redirects are not followed; enter the address it is at"
    if answer.status == 410:
        return "answered 410: it wants no more messages"
    return f"answered {answer.status}"
