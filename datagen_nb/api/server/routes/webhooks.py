"""Routes of webhooks and their deliveries."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from datagen_nb.api import wire
from datagen_nb.api.server.routes.dependencies import JobsDep, error_responses, json_response
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
Cursor = Annotated[str, Query(max_length=200, description="`nextCursor` of the previous page.")]
State = Annotated[DeliveryState | None, Query(description="Only deliveries in this state.")]

ONE = f"{wire.WEBHOOKS}/{{webhook_id}}"
DELIVERIES = f"{ONE}/deliveries"
DELIVERY = f"{DELIVERIES}/{{delivery_id}}"


@routes.post(
    wire.WEBHOOKS,
    status_code=201,
    response_model=NewWebhook,
    responses=error_responses(Conflict, created="The new webhook."),
)
async def create_webhook(jobs: JobsDep, body: WebhookConfig) -> Response:
    """Create a webhook for events from now on. Only this response shows its secret."""
    made = await jobs.webhooks.create(body)
    place = wire.resource_path(wire.WEBHOOKS, made.id)
    return json_response(made, status=201, headers={"Location": place})


@routes.get(wire.WEBHOOKS, response_model=WebhookPage)
async def list_webhooks(jobs: JobsDep, cursor: Cursor = "", limit: Limit = 50) -> Response:
    """List webhooks, the oldest first, with fingerprints of their secrets."""
    return json_response(await jobs.webhooks.list(cursor=cursor, limit=limit))


@routes.get(ONE, response_model=WebhookStatus, responses=error_responses(NotFound))
async def get_webhook(jobs: JobsDep, webhook_id: str) -> Response:
    """Get a webhook."""
    return json_response(await jobs.webhooks.get(webhook_id))


@routes.patch(ONE, response_model=WebhookStatus, responses=error_responses(NotFound))
async def change_webhook(jobs: JobsDep, webhook_id: str, body: WebhookChange) -> Response:
    """Change the URL or the events of a webhook, or enable or disable it."""
    return json_response(await jobs.webhooks.change(webhook_id, body))


@routes.delete(ONE, status_code=204, responses=error_responses(NotFound))
async def delete_webhook(jobs: JobsDep, webhook_id: str) -> Response:
    """Delete a webhook, with its delivery log."""
    await jobs.webhooks.delete(webhook_id)
    return Response(status_code=204)


@routes.post(
    f"{ONE}/rotate", status_code=201, response_model=NewWebhook, responses=error_responses(NotFound)
)
async def rotate_secret(jobs: JobsDep, webhook_id: str, body: SecretRotation) -> Response:
    """Replace the secret. For a while messages are signed with the old one too."""
    return json_response(await jobs.webhooks.rotate(webhook_id, body), status=201)


@routes.get(DELIVERIES, response_model=DeliveryPage, responses=error_responses(NotFound))
async def list_deliveries(
    jobs: JobsDep, webhook_id: str, state: State = None, cursor: Cursor = "", limit: Limit = 50
) -> Response:
    """List deliveries, those of the newest events first."""
    page = await jobs.webhooks.deliveries(webhook_id, state=state, cursor=cursor, limit=limit)
    return json_response(page)


@routes.post(
    f"{DELIVERIES}/replay", response_model=Replayed, responses=error_responses(NotFound, Conflict)
)
async def replay_range(jobs: JobsDep, webhook_id: str, body: ReplayRange) -> Response:
    """Send deliveries again, chosen by time of their events and state."""
    return json_response(await jobs.webhooks.replay_range(webhook_id, body))


@routes.get(DELIVERY, response_model=Delivery, responses=error_responses(NotFound))
async def get_delivery(jobs: JobsDep, webhook_id: str, delivery_id: str) -> Response:
    """Get a delivery, with its payload."""
    return json_response(await jobs.webhooks.delivery(webhook_id, delivery_id))


@routes.post(
    f"{DELIVERY}/replay", response_model=Delivery, responses=error_responses(NotFound, Conflict)
)
async def replay_delivery(jobs: JobsDep, webhook_id: str, delivery_id: str) -> Response:
    """Send a delivery again with the same id, and with all retries."""
    return json_response(await jobs.webhooks.replay(webhook_id, delivery_id))
