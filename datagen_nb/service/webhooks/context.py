"""What the parts that handle webhooks share."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from datagen_nb.core.clock import SteadyClock
from datagen_nb.core.event_bus import Listener
from datagen_nb.core.ports import Clock
from datagen_nb.core.store import Documents, JobStore
from datagen_nb.core.webhooks import Sender
from datagen_nb.service.jobs.ids import JobIds


@dataclass(frozen=True, slots=True)
class WebhookContext:
    """Ports and clocks of webhooks.

    Attributes:
        store: Its event logs are the outbox.
        sender: Sends messages.
        wall: This machine's clock, which receivers compare with theirs.
        clock: The service's time, which never jumps; retries follow it.
        random: For secrets and jitter.
        ids: Gives ids of webhooks.
        publish: Called with a customer's name after an event was added to its log.
    """

    store: JobStore
    sender: Sender
    wall: Clock
    clock: SteadyClock
    random: Random
    ids: JobIds
    publish: Listener

    @property
    def documents(self) -> Documents:
        return self.store.documents
