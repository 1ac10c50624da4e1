"""A customer's alerts across the wire."""

from __future__ import annotations

from datagen_nb.api import wire
from datagen_nb.api.answers import read
from datagen_nb.api.session import Session
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
        return read(
            AlertPage, await self._session.send("GET", wire.ALERTS, safe=True, params=params)
        )

    async def acknowledge(self, alert_id: str) -> Alert:
        path = wire.named(wire.ALERTS, alert_id, "acknowledge")
        return read(Alert, await self._session.send("POST", path, safe=True))
