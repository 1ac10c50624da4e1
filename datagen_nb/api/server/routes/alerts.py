"""Routes of a customer's alerts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from datagen_nb.api import wire
from datagen_nb.api.server.routes.dependencies import JobsDep, error_responses, json_response
from datagen_nb.core.alerts import Alert, AlertPage
from datagen_nb.core.errors import NotFound

routes = APIRouter(tags=["alerts"])

Active = Annotated[bool | None, Query(description="Only active alerts, or only cleared ones.")]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str, Query(max_length=200, description="`nextCursor` of the previous page.")]


@routes.get(wire.ALERTS, response_model=AlertPage)
async def list_alerts(
    jobs: JobsDep, active: Active = None, cursor: Cursor = "", limit: Limit = 50
) -> Response:
    """List alerts in order of id, cleared ones included."""
    return json_response(await jobs.alerts.list(active=active, cursor=cursor, limit=limit))


@routes.post(
    f"{wire.ALERTS}/{{alert_id}}/acknowledge",
    response_model=Alert,
    responses=error_responses(NotFound),
)
async def acknowledge_alert(jobs: JobsDep, alert_id: str) -> Response:
    """Acknowledge an alert. It stays active until its cause is gone."""
    return json_response(await jobs.alerts.acknowledge(alert_id))
