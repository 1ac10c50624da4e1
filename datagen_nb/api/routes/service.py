"""Routes that tell where a customer stands, and how the service does."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.routes.asking import Asked, answer
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import (
    CleanUp,
    Health,
    Overview,
    QueueChoice,
    Retention,
    RetentionChoice,
    ServiceInfo,
)

routes = APIRouter(tags=["service"])


@routes.get(wire.OVERVIEW, response_model=Overview)
async def get_overview(
    jobs: Asked, days: Annotated[int, Query(description="To look back, 1 to 366.")] = 30
) -> Response:
    """What the jobs come to, and those that ended in the last days."""
    return answer(await jobs.overview(days))


@routes.get(wire.LIMITS, response_model=RateLimitStatus)
async def get_limits(jobs: Asked) -> Response:
    """What the customer has and may have."""
    return answer(await jobs.limits())


@routes.put(wire.LIMITS, response_model=RateLimitStatus)
async def choose_limits(jobs: Asked, body: QueueChoice) -> Response:
    """Choose how many jobs may queue; with 0 what cannot start is refused at once."""
    return answer(await jobs.set_max_waiting(body.max_waiting))


@routes.get(wire.RETENTION, response_model=Retention)
async def get_retention(jobs: Asked) -> Response:
    """How long jobs are kept."""
    return answer(Retention(days=await jobs.retention_days()))


@routes.put(wire.RETENTION, response_model=Retention)
async def choose_retention(jobs: Asked, body: RetentionChoice) -> Response:
    """Choose how long jobs are kept, within the operator's bounds."""
    return answer(Retention(days=await jobs.set_retention_days(body.days)))


@routes.post(wire.CLEAN_UP, response_model=CleanUp)
async def clean_up(jobs: Asked) -> Response:
    """Delete the jobs whose time has passed now rather than soon."""
    return answer(CleanUp(deleted=await jobs.clean_up()))


@routes.get(wire.INFO, response_model=ServiceInfo)
async def get_info(jobs: Asked, request: Request) -> Response:
    """The service as it describes itself."""
    return answer(request.app.state.describe(await jobs.info()))


@routes.get(
    wire.HEALTH,
    response_model=Health,
    responses={503: {"model": Health, "description": "Unhealthy."}},
)
async def get_health(jobs: Asked) -> Response:
    """Whether jobs can run."""
    found = (await jobs.info()).health
    return answer(found, status=503 if found.status == "unhealthy" else 200)
