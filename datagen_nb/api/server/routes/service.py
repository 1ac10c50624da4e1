"""Routes of a customer's overview, limits and retention, and of the service's health."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.server.routes.dependencies import JobsDep, json_response
from datagen_nb.core.limits import RateLimitStatus
from datagen_nb.core.messages import (
    CleanUp,
    Health,
    Overview,
    Probe,
    QueueChoice,
    Retention,
    RetentionChoice,
    ServiceInfo,
)

routes = APIRouter(tags=["service"])


@routes.get(wire.OVERVIEW, response_model=Overview)
async def get_overview(
    jobs: JobsDep,
    days: Annotated[int, Query(description="How many days back, 1 to 366.")] = 30,
) -> Response:
    """Get statistics of the jobs: all by state, and those that ended in the last days."""
    return json_response(await jobs.overview(days))


@routes.get(wire.LIMITS, response_model=RateLimitStatus)
async def get_limits(jobs: JobsDep) -> Response:
    """Get the customer's limits and current usage."""
    return json_response(await jobs.limits())


@routes.put(wire.LIMITS, response_model=RateLimitStatus)
async def choose_limits(jobs: JobsDep, body: QueueChoice) -> Response:
    """Set how many jobs may be queued. With 0, a job that cannot start at once is refused."""
    return json_response(await jobs.set_max_waiting(body.max_waiting))


@routes.get(wire.RETENTION, response_model=Retention)
async def get_retention(jobs: JobsDep) -> Response:
    """Get how many days jobs are kept."""
    return json_response(Retention(days=await jobs.retention_days()))


@routes.put(wire.RETENTION, response_model=Retention)
async def choose_retention(jobs: JobsDep, body: RetentionChoice) -> Response:
    """Set how many days jobs are kept, within the operator's bounds."""
    return json_response(Retention(days=await jobs.set_retention_days(body.days)))


@routes.post(wire.CLEAN_UP, response_model=CleanUp)
async def clean_up(jobs: JobsDep) -> Response:
    """Delete expired jobs now, without waiting for the regular sweep."""
    return json_response(CleanUp(deleted=await jobs.clean_up()))


@routes.get(wire.INFO, response_model=ServiceInfo)
async def get_info(jobs: JobsDep, request: Request) -> Response:
    """Get the service's version, process and health."""
    return json_response(request.app.state.describe(await jobs.info()))


@routes.get(
    wire.HEALTH,
    response_model=Health,
    responses={503: {"model": Health, "description": "The service is unhealthy."}},
)
async def get_health(jobs: JobsDep) -> Response:
    """Get the service's health."""
    found = (await jobs.info()).health
    return json_response(found, status=503 if found.status == "unhealthy" else 200)


@routes.get(wire.HEALTHZ, response_model=Probe, openapi_extra={"security": []})
async def probe_health() -> Response:
    """Liveness probe: the process answers. Needs no API key."""
    return json_response(Probe(status="ok"))


@routes.get(
    wire.READYZ,
    response_model=Probe,
    responses={503: {"model": Probe, "description": "The service does not accept jobs."}},
    openapi_extra={"security": []},
)
async def probe_readiness(request: Request) -> Response:
    """Readiness probe: the service accepts jobs. Needs no API key."""
    is_ready = await request.app.state.is_ready()
    found = Probe(status="ready" if is_ready else "not_ready")
    return json_response(found, status=200 if is_ready else 503)
