"""Routes over ``Alerts``: what a customer should look at."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from datagen_nb.api import wire
from datagen_nb.api.routes.asking import Asked, answer, tells
from datagen_nb.core.alerts import Alert, AlertPage
from datagen_nb.core.errors import NotFound

routes = APIRouter(tags=["alerts"])

Active = Annotated[bool | None, Query(description="Only those that are, or are not, active.")]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str, Query(max_length=200, description="`nextCursor` of the page before.")]


@routes.get(wire.ALERTS, response_model=AlertPage)
async def list_alerts(
    jobs: Asked, active: Active = None, cursor: Cursor = "", limit: Limit = 50
) -> Response:
    """Alerts by id, those that were cleared too."""
    return answer(await jobs.alerts.list(active=active, cursor=cursor, limit=limit))


@routes.post(
    f"{wire.ALERTS}/{{alert_id}}/acknowledge", response_model=Alert, responses=tells(NotFound)
)
async def acknowledge_alert(jobs: Asked, alert_id: str) -> Response:
    """Say that somebody knows of an alert; it stays until its cause has gone."""
    return answer(await jobs.alerts.acknowledge(alert_id))
