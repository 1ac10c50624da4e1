"""Estimates, inspections, previews, graphs, templates and schedules over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datagen_nb.api import wire
from datagen_nb.api.client.models import parse_response
from datagen_nb.api.client.session import Session
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.plans import Graph, Preview, SubmittedGraph
from datagen_nb.core.schedules import Schedule, ScheduleDraft, SchedulePage
from datagen_nb.core.status import JobStatus
from datagen_nb.core.templates import Template, TemplateDraft, TemplatePage, TemplateSubmit

JSON = {"Content-Type": "application/json"}


class HttpPlans:
    """Implements ``core.plans.Plans``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def estimate(self, config: JobConfiguration) -> Estimate:
        return parse_response(Estimate, await self._ask(wire.ESTIMATES, config))

    async def inspect(self, config: JobConfiguration) -> Inspection:
        return parse_response(Inspection, await self._ask(wire.INSPECTIONS, config))

    async def preview(self, config: JobConfiguration) -> Preview:
        return parse_response(Preview, await self._ask(wire.PREVIEWS, config))

    async def _ask(self, path: str, config: JobConfiguration) -> bytes:
        content = config.to_json().encode()
        return await self._session.send(
            "POST", path, idempotent=True, headers=JSON, content=content
        )

    async def create_many(self, graph: Graph, *, idempotency_key: str) -> SubmittedGraph:
        headers = {**JSON, wire.IDEMPOTENCY_KEY: idempotency_key}
        content = graph.to_json().encode()
        body = await self._session.send(
            "POST", wire.GRAPHS, idempotent=True, headers=headers, content=content
        )
        return parse_response(SubmittedGraph, body)


class HttpTemplates:
    """Implements ``core.templates.Templates``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(self, name: str, draft: TemplateDraft) -> Template:
        content = draft.to_json().encode()
        path = wire.resource_path(wire.TEMPLATES, name)
        # An unchanged template makes no new version, so this is idempotent.
        body = await self._session.send("PUT", path, idempotent=True, headers=JSON, content=content)
        return parse_response(Template, body)

    async def get(self, name: str, version: int | None = None) -> Template:
        path, params = wire.resource_path(wire.TEMPLATES, name), {"version": version}
        return parse_response(
            Template, await self._session.send("GET", path, idempotent=True, params=params)
        )

    async def list(self, *, cursor: str = "", limit: int = 50) -> TemplatePage:
        return await self._page(wire.TEMPLATES, cursor, limit)

    async def versions(self, name: str, *, cursor: str = "", limit: int = 50) -> TemplatePage:
        return await self._page(wire.resource_path(wire.TEMPLATES, name, "versions"), cursor, limit)

    async def delete(self, name: str) -> None:
        await self._session.send(
            "DELETE", wire.resource_path(wire.TEMPLATES, name), idempotent=False
        )

    async def submit(
        self,
        name: str,
        overrides: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str,
        version: int | None = None,
    ) -> JobStatus:
        order = TemplateSubmit(overrides=dict(overrides or {}), version=version)
        body = await self._session.send(
            "POST",
            wire.resource_path(wire.TEMPLATES, name, "jobs"),
            idempotent=True,
            headers={**JSON, wire.IDEMPOTENCY_KEY: idempotency_key},
            content=order.to_json().encode(),
        )
        return parse_response(JobStatus, body)

    async def _page(self, path: str, cursor: str, limit: int) -> TemplatePage:
        params = {"cursor": cursor or None, "limit": limit}
        return parse_response(
            TemplatePage, await self._session.send("GET", path, idempotent=True, params=params)
        )


class HttpSchedules:
    """Implements ``core.schedules.Schedules``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(self, name: str, draft: ScheduleDraft) -> Schedule:
        path, content = wire.resource_path(wire.SCHEDULES, name), draft.to_json().encode()
        body = await self._session.send("PUT", path, idempotent=True, headers=JSON, content=content)
        return parse_response(Schedule, body)

    async def get(self, name: str) -> Schedule:
        path = wire.resource_path(wire.SCHEDULES, name)
        return parse_response(Schedule, await self._session.send("GET", path, idempotent=True))

    async def list(self, *, cursor: str = "", limit: int = 50) -> SchedulePage:
        params = {"cursor": cursor or None, "limit": limit}
        body = await self._session.send("GET", wire.SCHEDULES, idempotent=True, params=params)
        return parse_response(SchedulePage, body)

    async def delete(self, name: str) -> None:
        await self._session.send(
            "DELETE", wire.resource_path(wire.SCHEDULES, name), idempotent=False
        )
