"""Where an operator manages customers and keys: a home of this machine, or a service elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datagen_nb.core.clock import SystemClock
from datagen_nb.stores.registry import open_store
from datagen_nb.wiring.keys import api_key

if TYPE_CHECKING:
    from datagen_nb.api.process.home import Home
    from datagen_nb.core.access import Administration
    from datagen_nb.core.access_log import AccessLog


@dataclass(frozen=True, slots=True)
class AccessControl:
    """Where an operator manages access.

    Attributes:
        control: Customers and keys.
        log: The access log, for the person who manages a home; a service keeps its own.
    """

    control: Administration
    log: AccessLog | None


@asynccontextmanager
async def administration(home: Home) -> AsyncGenerator[AccessControl, None]:
    """A home's customers, keys and access log, whether its service runs or not."""
    from datagen_nb.service.access.audit import Audit
    from datagen_nb.service.access.keys import Access
    from datagen_nb.service.settings import Settings

    store = await open_store(Settings().store, home.database)
    try:
        clock = SystemClock()
        yield AccessControl(Access(store.documents, clock), Audit(store.documents, clock))
    finally:
        await store.aclose()


@asynccontextmanager
async def administration_at(url: str) -> AsyncGenerator[AccessControl, None]:
    """A deployed service's customers and keys; what is done to them its own access log tells."""
    from datagen_nb.api.client.access import HttpAdministration
    from datagen_nb.api.client.session import Session

    session = Session.over_http(url, key=api_key())
    try:
        yield AccessControl(HttpAdministration(session), None)
    finally:
        await session.aclose()
