"""Which of the processes on a store does what only one may do: it holds the leader's lease.

The lease is a document that the leader renews. Another process takes it over when it has expired;
the clocks of the machines have to agree to within a fraction of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from datagen_nb.core.errors import DatagenError, VersionConflict
from datagen_nb.core.ports import Clock
from datagen_nb.core.store import Document, Documents
from datagen_nb.core.wire_model import format_instant

logger = logging.getLogger("datagen_nb.service")

KIND = "lease"
LEADER = "leader"

RENEWALS = 3
"""How often a lease is renewed within its time."""


class Leadership:
    """Campaigns for the leader's lease, and renews it.

    Args:
        documents: Where the lease is stored.
        clock: Of the service.
        owner: This process.
        seconds: How long the lease lasts without a renewal.
        gain: Called when this process becomes the leader.
        lose: Called when it no longer is; not at the end.
    """

    def __init__(
        self,
        documents: Documents,
        clock: Clock,
        *,
        owner: str,
        seconds: float,
        gain: Callable[[], Awaitable[None]],
        lose: Callable[[], Awaitable[None]],
    ) -> None:
        self._documents = documents
        self._clock = clock
        self._owner = owner
        self._seconds = seconds
        self._gain = gain
        self._lose = lose
        self._until: datetime | None = None
        self._campaign: asyncio.Task[None] | None = None

    @property
    def is_leader(self) -> bool:
        """Whether this process holds the lease now."""
        return self._until is not None and self._clock.now() < self._until

    async def start(self) -> None:
        """Try once to become the leader, then keep trying."""
        await self._turn()
        self._campaign = asyncio.create_task(self._keep_trying(), name="leadership")

    async def aclose(self) -> None:
        """Stop, and release the lease for others."""
        if self._campaign is not None:
            self._campaign.cancel()
            await asyncio.gather(self._campaign, return_exceptions=True)
        if self._until is None:
            return
        self._until = None
        try:
            found = await self._documents.get("", KIND, LEADER)
            if found is not None and found.body["owner"] == self._owner:
                await self._documents.put(replace(found, body={"owner": "", "until": ""}))
        except (VersionConflict, DatagenError) as error:
            logger.warning("the leader's lease could not be released, and will expire: %s", error)

    async def _keep_trying(self) -> None:
        while True:
            await self._clock.sleep(self._seconds / RENEWALS)
            try:
                await self._turn()
            except DatagenError as error:
                logger.warning("the leader's lease could not be read or renewed: %s", error)
                await self._step_down_if_expired()

    async def _turn(self) -> None:
        """Take or renew the lease if it is free, expired or one's own."""
        led, now = self._until is not None, self._clock.now()
        until = now + timedelta(seconds=self._seconds)
        if await self._take(now, until):
            self._until = until
            if not led:
                logger.info("this process is the leader of its store now")
                await self._gain()
        elif led:
            await self._step_down()

    async def _take(self, now: datetime, until: datetime) -> bool:
        found = await self._documents.get("", KIND, LEADER) or Document("", KIND, LEADER)
        owner = found.body.get("owner", "")
        if owner not in ("", self._owner) and format_instant(now) < found.body["until"]:
            return False
        body = {"owner": self._owner, "until": format_instant(until)}
        try:
            await self._documents.put(replace(found, body=body))
        except VersionConflict:
            return False
        return True

    async def _step_down_if_expired(self) -> None:
        if self._until is not None and not self.is_leader:
            await self._step_down()

    async def _step_down(self) -> None:
        logger.warning("this process is no longer the leader of its store")
        self._until = None
        await self._lose()
