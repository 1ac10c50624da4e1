"""Routes of schedules."""

from __future__ import annotations

from fastapi import APIRouter, Response

from datagen_nb.api import wire
from datagen_nb.api.server.routes.dependencies import JobsDep, error_responses, json_response
from datagen_nb.api.server.routes.plans import Cursor, Limit
from datagen_nb.core.errors import NotFound
from datagen_nb.core.schedules import Schedule, ScheduleDraft, SchedulePage

routes = APIRouter(tags=["schedules"])

ONE = f"{wire.SCHEDULES}/{{schedule}}"


@routes.get(wire.SCHEDULES, response_model=SchedulePage)
async def list_schedules(jobs: JobsDep, cursor: Cursor = "", limit: Limit = 50) -> Response:
    """List schedules in order of name, each with its next runs and its last one."""
    return json_response(await jobs.schedules.list(cursor=cursor, limit=limit))


@routes.put(ONE, response_model=Schedule, responses=error_responses(NotFound))
async def put_schedule(jobs: JobsDep, schedule: str, body: ScheduleDraft) -> Response:
    """Create or replace a schedule."""
    return json_response(await jobs.schedules.put(schedule, body))


@routes.get(ONE, response_model=Schedule, responses=error_responses(NotFound))
async def get_schedule(jobs: JobsDep, schedule: str) -> Response:
    """Get a schedule with its next runs and its last one."""
    return json_response(await jobs.schedules.get(schedule))


@routes.delete(ONE, status_code=204, responses=error_responses(NotFound))
async def delete_schedule(jobs: JobsDep, schedule: str) -> Response:
    """Delete a schedule. Jobs that it submitted are kept."""
    await jobs.schedules.delete(schedule)
    return Response(status_code=204)
