"""Webhooks across the wire."""

from __future__ import annotations

import re
from typing import Any

from datagen_nb.api import wire
from datagen_nb.api.answers import read
from datagen_nb.api.session import Session
from datagen_nb.core.errors import NotFound
from datagen_nb.core.webhooks import (
    Delivery,
    DeliveryPage,
    DeliveryState,
    NewWebhook,
    Replayed,
    ReplayRange,
    SecretRotation,
    WebhookChange,
    WebhookConfig,
    WebhookPage,
    WebhookStatus,
)
from datagen_nb.core.wire_model import WireModel

_ID = re.compile(r"[A-Za-z0-9_]{1,64}")


class HttpWebhooks:
    """Implements ``core.webhooks.Webhooks``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, config: WebhookConfig) -> NewWebhook:
        # Sent twice it would be two webhooks.
        return read(NewWebhook, await self._send("POST", wire.WEBHOOKS, config, safe=False))

    async def list(self, *, cursor: str = "", limit: int = 50) -> WebhookPage:
        body = await self._get(wire.WEBHOOKS, cursor=cursor or None, limit=limit)
        return read(WebhookPage, body)

    async def get(self, webhook_id: str) -> WebhookStatus:
        return read(WebhookStatus, await self._get(_path(webhook_id)))

    async def change(self, webhook_id: str, change: WebhookChange) -> WebhookStatus:
        body = await self._send("PATCH", _path(webhook_id), change, safe=True)
        return read(WebhookStatus, body)

    async def delete(self, webhook_id: str) -> None:
        await self._session.send("DELETE", _path(webhook_id), safe=False)

    async def rotate(self, webhook_id: str, rotation: SecretRotation | None = None) -> NewWebhook:
        # Sent twice it would leave the receiver with a secret that has ended.
        path, order = _path(webhook_id, "rotate"), rotation or SecretRotation()
        return read(NewWebhook, await self._send("POST", path, order, safe=False))

    async def deliveries(
        self,
        webhook_id: str,
        *,
        state: DeliveryState | None = None,
        cursor: str = "",
        limit: int = 50,
    ) -> DeliveryPage:
        path = _path(webhook_id, "deliveries")
        body = await self._get(path, state=state, cursor=cursor or None, limit=limit)
        return read(DeliveryPage, body)

    async def delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        return read(Delivery, await self._get(_path(webhook_id, "deliveries", delivery_id)))

    async def replay(self, webhook_id: str, delivery_id: str) -> Delivery:
        path = _path(webhook_id, "deliveries", delivery_id, "replay")
        return read(Delivery, await self._session.send("POST", path, safe=True))

    async def replay_range(self, webhook_id: str, range: ReplayRange) -> Replayed:
        path = _path(webhook_id, "deliveries", "replay")
        return read(Replayed, await self._send("POST", path, range, safe=True))

    async def _get(self, path: str, **params: Any) -> bytes:
        return await self._session.send("GET", path, safe=True, params=params)

    async def _send(self, method: str, path: str, body: WireModel, *, safe: bool) -> bytes:
        headers, content = {"Content-Type": "application/json"}, body.to_json().encode()
        return await self._session.send(method, path, safe=safe, headers=headers, content=content)


def _path(webhook_id: str, *rest: str) -> str:
    for id in (webhook_id, *rest):
        if _ID.fullmatch(id) is None:  # it would lead to another route
            kind = "webhook" if id is webhook_id else "delivery"
            raise NotFound(
                f"There is no {kind} {id[:80]!r}. The list shows those there are.",
                code=f"{kind}_not_found",
                details={f"{kind}Id": id[:80]},
            )
    return "/".join([wire.WEBHOOKS, webhook_id, *rest])
