"""Customers and keys across the wire, for whoever has a key with the scope ``admin``."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from datagen_nb.api import wire
from datagen_nb.api.answers import read, say
from datagen_nb.api.session import Session
from datagen_nb.core.access import (
    DAY,
    USUAL_SCOPES,
    ApiKey,
    Customer,
    CustomerPage,
    CustomerRequest,
    KeyPage,
    KeyRequest,
    NewKey,
    Rotation,
    Scope,
)
from datagen_nb.core.wire_model import WireModel

M = TypeVar("M", bound=WireModel)

JSON = {"Content-Type": "application/json"}


class HttpAdministration:
    """Implements ``core.access.Administration``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create_customer(self, name: str) -> Customer:
        return await self._post(Customer, wire.CUSTOMERS, say(CustomerRequest, name=name))

    async def customers(self, *, after: str = "", limit: int = 100) -> CustomerPage:
        params = {"after": after, "limit": limit}
        return read(
            CustomerPage,
            await self._session.send("GET", wire.CUSTOMERS, safe=True, params=params),
        )

    async def disable_customer(self, name: str) -> Customer:
        path = wire.named(wire.CUSTOMERS, name)
        return await self._post(Customer, f"{path}/disable", safe=True)

    async def enable_customer(self, name: str) -> Customer:
        path = wire.named(wire.CUSTOMERS, name)
        return await self._post(Customer, f"{path}/enable", safe=True)

    async def create_key(
        self,
        customer: str,
        *,
        name: str = "",
        scopes: Collection[Scope] = USUAL_SCOPES,
        expires_in: float | None = None,
    ) -> NewKey:
        content = say(
            KeyRequest, customer=customer, name=name, scopes=tuple(scopes), expires_in=expires_in
        )
        return await self._post(NewKey, wire.KEYS, content)

    async def keys(
        self, *, customer: str | None = None, after: str = "", limit: int = 100
    ) -> KeyPage:
        params = {"customer": customer, "after": after, "limit": limit}
        return read(KeyPage, await self._session.send("GET", wire.KEYS, safe=True, params=params))

    async def rotate_key(self, key_id: str, *, overlap: float = DAY) -> NewKey:
        path = f"{wire.named(wire.KEYS, key_id)}/rotate"
        return await self._post(NewKey, path, say(Rotation, overlap=overlap))

    async def revoke_key(self, key_id: str) -> ApiKey:
        path = wire.named(wire.KEYS, key_id)
        return read(ApiKey, await self._session.send("DELETE", path, safe=True))

    async def _post(
        self, model: type[M], path: str, content: bytes | None = None, *, safe: bool = False
    ) -> M:
        body = await self._session.send(
            "POST", path, safe=safe, headers=JSON if content else {}, content=content
        )
        return read(model, body)
