"""The workers of all webhooks: started with the service, woken by events of their customer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from random import Random, SystemRandom

from datagen_nb.core.addresses import AddressRefused
from datagen_nb.core.clock import SteadyClock
from datagen_nb.core.event_bus import Listener
from datagen_nb.core.ports import Clock
from datagen_nb.core.store import JobStore
from datagen_nb.core.webhooks import Answer, Attempt, NotAnswered, Sender
from datagen_nb.service.jobs.ids import JobIds
from datagen_nb.service.tasks import BackgroundTasks
from datagen_nb.service.webhooks.context import WebhookContext
from datagen_nb.service.webhooks.records import EVER, WEBHOOK, DeliveryRecord
from datagen_nb.service.webhooks.registry import CustomerWebhooks
from datagen_nb.service.webhooks.worker import WebhookWorker

MAX_WORKERS = 100_000
"""Webhooks of all customers."""


class Deliveries:
    """Sends every customer's events to that customer's webhooks.

    Args:
        store: Whose event logs are the outbox.
        sender: Brings messages out.
        clock: This machine's; its jumps move no retry.
        random: For ids, secrets and jitter.
        publish: Called with a customer's name after an event was added to its log.

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
        publish: Listener = lambda _: None,
    ) -> None:
        random = random or SystemRandom()
        steady = SteadyClock(clock)
        self._context = WebhookContext(
            store=store,
            sender=sender,
            wall=clock,
            clock=steady,
            random=random,
            ids=JobIds(steady, random),
            publish=publish,
        )
        self.counts: Counter[str] = Counter()
        self._workers: defaultdict[str, dict[str, WebhookWorker]] = defaultdict(dict)
        self._tasks = BackgroundTasks()
        self._runs = False

    async def start(self) -> None:
        """Continue what an earlier service left."""
        self._runs = True
        # A webhook is due from the first moment on, and for ever.
        for document in await self._context.documents.due(WEBHOOK, until=EVER, limit=MAX_WORKERS):
            self.start_worker(document.customer, document.id)

    async def stop(self) -> None:
        """Send nothing more until the next start; what is on its way is sent again then."""
        self._runs = False
        await self._tasks.cancel()
        self._workers.clear()

    async def aclose(self) -> None:
        """Stop, and close the sender."""
        await self.stop()
        await self._context.sender.aclose()

    def customer(self, name: str) -> CustomerWebhooks:
        """One customer's webhooks."""
        return CustomerWebhooks(self._context, name, self.start_worker)

    def wake(self, customer: str) -> None:
        """Wake the workers of a customer; returns at once."""
        for worker in self._workers.get(customer, {}).values():
            worker.wake()

    def changed_elsewhere(self, customer: str) -> None:
        """Find the webhooks of a customer that another process has created; returns at once."""
        if self._runs:
            self._tasks.start(self._find_new(customer), name=f"webhooks of {customer}")

    async def _find_new(self, customer: str) -> None:
        after = ""
        while page := await self._context.documents.page(customer, WEBHOOK, after=after):
            for document in page:
                self.start_worker(customer, document.id)
            after = page[-1].id

    def start_worker(self, customer: str, webhook_id: str) -> None:
        """Start the worker of a webhook, or wake it."""
        worker = self._workers[customer].get(webhook_id)
        if worker is not None:
            worker.wake()
        elif self._runs:
            worker = WebhookWorker(self._context, customer, webhook_id, self.count)
            self._workers[customer][webhook_id] = worker
            self._tasks.start(self._run(worker, customer, webhook_id), name=f"webhook {webhook_id}")

    async def _run(self, worker: WebhookWorker, customer: str, webhook_id: str) -> None:
        try:
            await worker.run()
        finally:
            workers = self._workers[customer]
            del workers[webhook_id]
            if not workers:
                del self._workers[customer]

    def count(self, delivery: DeliveryRecord, attempt: Attempt) -> None:
        """Count an attempt that was recorded."""
        self.counts["failed" if attempt.error else "delivered"] += 1
        self.counts["dead"] += delivery.state == "dead"


class NoSender:
    """A ``Sender`` for a service that has no way out."""

    def check(self, url: str) -> None:  # noqa: ARG002
        raise AddressRefused("is not called: this service sends no webhooks")

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002
        raise NotAnswered("this service sends no webhooks")

    async def aclose(self) -> None: ...
