"""Routes over ``Webhooks``: where events are sent, and what became of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from datagen_nb.api import wire
from datagen_nb.api.routes.asking import Asked, answer, tells
from datagen_nb.core.errors import Conflict, NotFound
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

routes = APIRouter(tags=["webhooks"])

Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str, Query(max_length=200, description="`nextCursor` of the page before.")]
State = Annotated[DeliveryState | None, Query(description="Only these; all, if not said.")]

ONE = f"{wire.WEBHOOKS}/{{webhook_id}}"
DELIVERIES = f"{ONE}/deliveries"
DELIVERY = f"{DELIVERIES}/{{delivery_id}}"


@routes.post(
    wire.WEBHOOKS,
    status_code=201,
    response_model=NewWebhook,
    responses=tells(Conflict, made="The webhook."),
)
async def create_webhook(jobs: Asked, body: WebhookConfig) -> Response:
    """Send what happens from now on to an address; the one time the secret is told."""
    made = await jobs.webhooks.create(body)
    place = wire.named(wire.WEBHOOKS, made.id)
    return answer(made, status=201, headers={"Location": place})


@routes.get(wire.WEBHOOKS, response_model=WebhookPage)
async def list_webhooks(jobs: Asked, cursor: Cursor = "", limit: Limit = 50) -> Response:
    """Webhooks, the oldest first; secrets only by their fingerprints."""
    return answer(await jobs.webhooks.list(cursor=cursor, limit=limit))


@routes.get(ONE, response_model=WebhookStatus, responses=tells(NotFound))
async def get_webhook(jobs: Asked, webhook_id: str) -> Response:
    """One webhook."""
    return answer(await jobs.webhooks.get(webhook_id))


@routes.patch(ONE, response_model=WebhookStatus, responses=tells(NotFound))
async def change_webhook(jobs: Asked, webhook_id: str, body: WebhookChange) -> Response:
    """Change where or what is sent, or whether."""
    return answer(await jobs.webhooks.change(webhook_id, body))


@routes.delete(ONE, status_code=204, responses=tells(NotFound))
async def delete_webhook(jobs: Asked, webhook_id: str) -> Response:
    """Send nothing more; the delivery log goes too."""
    await jobs.webhooks.delete(webhook_id)
    return Response(status_code=204)


@routes.post(f"{ONE}/rotate", status_code=201, response_model=NewWebhook, responses=tells(NotFound))
async def rotate_secret(jobs: Asked, webhook_id: str, body: SecretRotation) -> Response:
    """Sign with a new secret, and for a while with the old one too."""
    return answer(await jobs.webhooks.rotate(webhook_id, body), status=201)


@routes.get(DELIVERIES, response_model=DeliveryPage, responses=tells(NotFound))
async def list_deliveries(
    jobs: Asked, webhook_id: str, state: State = None, cursor: Cursor = "", limit: Limit = 50
) -> Response:
    """The delivery log, the newest event first."""
    page = await jobs.webhooks.deliveries(webhook_id, state=state, cursor=cursor, limit=limit)
    return answer(page)


@routes.post(f"{DELIVERIES}/replay", response_model=Replayed, responses=tells(NotFound, Conflict))
async def replay_range(jobs: Asked, webhook_id: str, body: ReplayRange) -> Response:
    """Send many again, by when they happened and what became of them."""
    return answer(await jobs.webhooks.replay_range(webhook_id, body))


@routes.get(DELIVERY, response_model=Delivery, responses=tells(NotFound))
async def get_delivery(jobs: Asked, webhook_id: str, delivery_id: str) -> Response:
    """One delivery with what is sent."""
    return answer(await jobs.webhooks.delivery(webhook_id, delivery_id))


@routes.post(f"{DELIVERY}/replay", response_model=Delivery, responses=tells(NotFound, Conflict))
async def replay_delivery(jobs: Asked, webhook_id: str, delivery_id: str) -> Response:
    """Send one again, under its id, with the whole schedule before it."""
    return answer(await jobs.webhooks.replay(webhook_id, delivery_id))
