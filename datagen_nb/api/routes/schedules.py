"""Routes over ``Schedules``."""

from __future__ import annotations

from fastapi import APIRouter, Response

from datagen_nb.api import wire
from datagen_nb.api.routes.asking import Asked, answer, tells
from datagen_nb.api.routes.plans import Cursor, Limit
from datagen_nb.core.errors import NotFound
from datagen_nb.core.schedules import Schedule, ScheduleDraft, SchedulePage

routes = APIRouter(tags=["schedules"])

ONE = f"{wire.SCHEDULES}/{{schedule}}"


@routes.get(wire.SCHEDULES, response_model=SchedulePage)
async def list_schedules(jobs: Asked, cursor: Cursor = "", limit: Limit = 50) -> Response:
    """Schedules by name, each with its next runs and its last one."""
    return answer(await jobs.schedules.list(cursor=cursor, limit=limit))


@routes.put(ONE, response_model=Schedule, responses=tells(NotFound))
async def put_schedule(jobs: Asked, schedule: str, body: ScheduleDraft) -> Response:
    """Make or replace a schedule."""
    return answer(await jobs.schedules.put(schedule, body))


@routes.get(ONE, response_model=Schedule, responses=tells(NotFound))
async def get_schedule(jobs: Asked, schedule: str) -> Response:
    """A schedule with its next runs and its last one."""
    return answer(await jobs.schedules.get(schedule))


@routes.delete(ONE, status_code=204, responses=tells(NotFound))
async def delete_schedule(jobs: Asked, schedule: str) -> Response:
    """Remove a schedule; jobs that it submitted stay."""
    await jobs.schedules.delete(schedule)
    return Response(status_code=204)
