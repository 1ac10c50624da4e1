"""``HttpAlerts``: a customer's alerts over HTTP."""

from __future__ import annotations

from datagen_nb.api import wire
from datagen_nb.api.client.models import parse_response
from datagen_nb.api.client.session import Session
from datagen_nb.core.alerts import Alert, AlertPage


class HttpAlerts:
    """Implements ``core.alerts.Alerts``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(
        self, *, active: bool | None = None, cursor: str = "", limit: int = 50
    ) -> AlertPage:
        params: dict[str, str | int] = {"limit": limit}
        if active is not None:
            params["active"] = "true" if active else "false"
        if cursor:
            params["cursor"] = cursor
        return parse_response(
            AlertPage, await self._session.send("GET", wire.ALERTS, idempotent=True, params=params)
        )

    async def acknowledge(self, alert_id: str) -> Alert:
        path = wire.resource_path(wire.ALERTS, alert_id, "acknowledge")
        return parse_response(Alert, await self._session.send("POST", path, idempotent=True))
