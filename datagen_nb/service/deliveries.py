"""The couriers of all webhooks: begun at the start, woken when a customer has news."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from random import Random, SystemRandom

from datagen_nb.core.addresses import AddressRefused
from datagen_nb.core.clock import SteadyClock
from datagen_nb.core.ports import Clock
from datagen_nb.core.store import JobStore
from datagen_nb.core.webhooks import Answer, Attempt, NotAnswered, Sender
from datagen_nb.service.courier import Courier
from datagen_nb.service.ids import JobIds
from datagen_nb.service.webhook_records import EVER, WEBHOOK, DeliveryRecord
from datagen_nb.service.webhooks import CustomerWebhooks

MOST_COURIERS = 100_000
"""Webhooks of all customers."""


class Deliveries:
    """Sends every customer's events to that customer's webhooks.

    Args:
        store: Whose event logs are the outbox.
        sender: Brings messages out.
        clock: This machine's; its jumps move no retry.
        random: For ids, secrets and jitter.
        tell: Called with a customer's name when its event log has grown.

    Attributes:
        counts: Attempts since the start that ``delivered`` or ``failed``, and deliveries that
            went ``dead``.
    """

    def __init__(
        self,
        store: JobStore,
        sender: Sender,
        clock: Clock,
        *,
        random: Random | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.store = store
        self.sender = sender
        self.wall = clock
        self.clock = SteadyClock(clock)
        self.random = random or SystemRandom()
        self.ids = JobIds(self.clock, self.random)
        self.tell = tell
        self.counts: Counter[str] = Counter()
        self._couriers: defaultdict[str, dict[str, Courier]] = defaultdict(dict)
        self._tasks: set[asyncio.Task[None]] = set()
        self._runs = False

    async def start(self) -> None:
        """Take up what an earlier service left."""
        self._runs = True
        # A webhook is due from the first moment on, and for ever.
        for document in await self.store.documents.due(WEBHOOK, until=EVER, limit=MOST_COURIERS):
            self.look_after(document.customer, document.id)

    async def aclose(self) -> None:
        """Stop; what is on its way is sent again at the next start."""
        self._runs = False
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.sender.aclose()

    def customer(self, name: str) -> CustomerWebhooks:
        """What one customer may ask."""
        return CustomerWebhooks(self, name)

    def wake(self, customer: str) -> None:
        """Tell that a customer's event log has grown; waits for nothing."""
        for courier in self._couriers.get(customer, {}).values():
            courier.wake()

    def look_after(self, customer: str, webhook_id: str) -> None:
        """Give a webhook its courier, or wake it."""
        courier = self._couriers[customer].get(webhook_id)
        if courier is not None:
            courier.wake()
        elif self._runs:
            courier = self._couriers[customer][webhook_id] = Courier(self, customer, webhook_id)
            task = asyncio.create_task(courier.run(), name=f"webhook {webhook_id}")
            self._tasks.add(task)
            task.add_done_callback(lambda done: self._ended(done, customer, webhook_id))

    def count(self, delivery: DeliveryRecord, attempt: Attempt) -> None:
        """Count an attempt that was written down."""
        self.counts["failed" if attempt.error else "delivered"] += 1
        self.counts["dead"] += delivery.state == "dead"

    def _ended(self, task: asyncio.Task[None], customer: str, webhook_id: str) -> None:
        self._tasks.discard(task)
        couriers = self._couriers[customer]
        del couriers[webhook_id]
        if not couriers:
            del self._couriers[customer]


class NoSender:
    """A ``Sender`` for a service that has no way out."""

    def check(self, url: str) -> None:  # noqa: ARG002
        raise AddressRefused("is not called: this service sends no webhooks")

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002
        raise NotAnswered("this service sends no webhooks")

    async def aclose(self) -> None: ...
