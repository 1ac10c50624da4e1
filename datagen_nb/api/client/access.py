"""``HttpAdministration``: customers and keys over HTTP; needs a key with the scope ``admin``."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from datagen_nb.api import wire
from datagen_nb.api.client.models import build_body, parse_response
from datagen_nb.api.client.session import Session
from datagen_nb.core.access import (
    DAY,
    DEFAULT_SCOPES,
    ApiKey,
    Customer,
    CustomerPage,
    CustomerRequest,
    CustomerStorage,
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
        return await self._post(Customer, wire.CUSTOMERS, build_body(CustomerRequest, name=name))

    async def customers(self, *, after: str = "", limit: int = 100) -> CustomerPage:
        params = {"after": after, "limit": limit}
        return parse_response(
            CustomerPage,
            await self._session.send("GET", wire.CUSTOMERS, idempotent=True, params=params),
        )

    async def disable_customer(self, name: str) -> Customer:
        path = wire.resource_path(wire.CUSTOMERS, name)
        return await self._post(Customer, f"{path}/disable", idempotent=True)

    async def enable_customer(self, name: str) -> Customer:
        path = wire.resource_path(wire.CUSTOMERS, name)
        return await self._post(Customer, f"{path}/enable", idempotent=True)

    async def set_storage(
        self,
        name: str,
        *,
        bucket: str | None = None,
        service_account: str | None = None,
        kms_key: str | None = None,
    ) -> Customer:
        path = wire.resource_path(wire.CUSTOMERS, name, "storage")
        content = build_body(
            CustomerStorage, bucket=bucket, service_account=service_account, kms_key=kms_key
        )
        return parse_response(
            Customer,
            await self._session.send("PUT", path, idempotent=True, content=content, headers=JSON),
        )

    async def create_key(
        self,
        customer: str,
        *,
        name: str = "",
        scopes: Collection[Scope] = DEFAULT_SCOPES,
        expires_in: float | None = None,
    ) -> NewKey:
        content = build_body(
            KeyRequest, customer=customer, name=name, scopes=tuple(scopes), expires_in=expires_in
        )
        return await self._post(NewKey, wire.KEYS, content)

    async def keys(
        self, *, customer: str | None = None, after: str = "", limit: int = 100
    ) -> KeyPage:
        params = {"customer": customer, "after": after, "limit": limit}
        return parse_response(
            KeyPage, await self._session.send("GET", wire.KEYS, idempotent=True, params=params)
        )

    async def rotate_key(self, key_id: str, *, overlap: float = DAY) -> NewKey:
        path = f"{wire.resource_path(wire.KEYS, key_id)}/rotate"
        return await self._post(NewKey, path, build_body(Rotation, overlap=overlap))

    async def revoke_key(self, key_id: str) -> ApiKey:
        path = wire.resource_path(wire.KEYS, key_id)
        return parse_response(ApiKey, await self._session.send("DELETE", path, idempotent=True))

    async def _post(
        self, model: type[M], path: str, content: bytes | None = None, *, idempotent: bool = False
    ) -> M:
        body = await self._session.send(
            "POST", path, idempotent=idempotent, headers=JSON if content else {}, content=content
        )
        return parse_response(model, body)
