"""``HttpWebhooks``: webhooks and their deliveries over HTTP."""

from __future__ import annotations

import re
from typing import Any

from datagen_nb.api import wire
from datagen_nb.api.client.models import parse_response
from datagen_nb.api.client.session import Session
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
    """Implements ``core.customer_webhooks.Webhooks``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(self, config: WebhookConfig) -> NewWebhook:
        # A repetition would create a second webhook.
        return parse_response(
            NewWebhook, await self._send("POST", wire.WEBHOOKS, config, idempotent=False)
        )

    async def list(self, *, cursor: str = "", limit: int = 50) -> WebhookPage:
        body = await self._get(wire.WEBHOOKS, cursor=cursor or None, limit=limit)
        return parse_response(WebhookPage, body)

    async def get(self, webhook_id: str) -> WebhookStatus:
        return parse_response(WebhookStatus, await self._get(_path(webhook_id)))

    async def change(self, webhook_id: str, change: WebhookChange) -> WebhookStatus:
        body = await self._send("PATCH", _path(webhook_id), change, idempotent=True)
        return parse_response(WebhookStatus, body)

    async def delete(self, webhook_id: str) -> None:
        await self._session.send("DELETE", _path(webhook_id), idempotent=False)

    async def rotate(self, webhook_id: str, rotation: SecretRotation | None = None) -> NewWebhook:
        # A repetition would replace the secret that the first response showed.
        path, order = _path(webhook_id, "rotate"), rotation or SecretRotation()
        return parse_response(NewWebhook, await self._send("POST", path, order, idempotent=False))

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
        return parse_response(DeliveryPage, body)

    async def delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        return parse_response(
            Delivery, await self._get(_path(webhook_id, "deliveries", delivery_id))
        )

    async def replay(self, webhook_id: str, delivery_id: str) -> Delivery:
        path = _path(webhook_id, "deliveries", delivery_id, "replay")
        return parse_response(Delivery, await self._session.send("POST", path, idempotent=True))

    async def replay_range(self, webhook_id: str, range: ReplayRange) -> Replayed:
        path = _path(webhook_id, "deliveries", "replay")
        return parse_response(Replayed, await self._send("POST", path, range, idempotent=True))

    async def _get(self, path: str, **params: Any) -> bytes:
        return await self._session.send("GET", path, idempotent=True, params=params)

    async def _send(self, method: str, path: str, body: WireModel, *, idempotent: bool) -> bytes:
        headers, content = {"Content-Type": "application/json"}, body.to_json().encode()
        return await self._session.send(
            method, path, idempotent=idempotent, headers=headers, content=content
        )


def _path(webhook_id: str, *rest: str) -> str:
    for id in (webhook_id, *rest):
        if _ID.fullmatch(id) is None:  # it would match another route
            kind = "webhook" if id is webhook_id else "delivery"
            raise NotFound(
                f"There is no {kind} {id[:80]!r}. The list shows those there are.",
                code=f"{kind}_not_found",
                details={f"{kind}Id": id[:80]},
            )
    return "/".join([wire.WEBHOOKS, webhook_id, *rest])
