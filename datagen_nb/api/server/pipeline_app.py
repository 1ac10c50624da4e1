"""A pipeline as a FastAPI application, for services elsewhere: ``core.pipeline_service``."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Depends, FastAPI, Query, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.server.app import protect
from datagen_nb.api.server.auth import AuthConfig, add_access_note, caller_of
from datagen_nb.api.server.routes.dependencies import (
    After,
    client_errors,
    json_response,
    known_query,
    unless_shutting_down,
)
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.messages import Probe
from datagen_nb.core.pipeline_service import (
    MAX_WAIT,
    MEASUREMENTS,
    PIPELINE,
    PIPELINE_CHECKS,
    PIPELINE_HEALTH,
    PIPELINE_INSPECTIONS,
    PIPELINE_JOBS,
    PIPELINE_PREVIEWS,
    AttemptNumber,
    UpdatePage,
)
from datagen_nb.core.version import __version__
from datagen_nb.core.wire_model import WireModel
from datagen_nb.pipelines.remote.service import PipelineService

M = TypeVar("M", bound=WireModel)

routes = APIRouter()

JsonObject = Annotated[dict[str, Any], Body()]


def make_pipeline_app(service: PipelineService, auth: AuthConfig) -> FastAPI:
    """Create the application.

    Args:
        service: What answers.
        auth: How callers are authenticated.
    """
    app = FastAPI(
        title="A pipeline of datagen_nb",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(known_query)],
    )
    app.state.pipeline = service
    app.state.closing = asyncio.Event()  # set when a shutdown begins
    app.state.is_deployed = True
    app.include_router(routes)
    protect(app, auth)
    return app


async def _service(request: Request) -> PipelineService:  # async, or FastAPI would use a thread
    service: PipelineService = request.app.state.pipeline
    return service


async def _caller(request: Request) -> str:
    return caller_of(request).customer


ServiceDep = Annotated[PipelineService, Depends(_service)]
CallerDep = Annotated[str, Depends(_caller)]


@routes.get(PIPELINE)
async def describe(service: ServiceDep) -> Response:
    """What the pipeline can do."""
    return json_response(await service.describe())


@routes.get(PIPELINE_HEALTH)
async def check_health(service: ServiceDep) -> Response:
    """Whether the pipeline can run jobs."""
    return json_response(await service.check_health())


@routes.post(PIPELINE_CHECKS)
async def check(service: ServiceDep, body: JobConfiguration) -> Response:
    """Check a configuration before it becomes a job."""
    await service.check(body)
    return _boolean(value=True)


@routes.post(PIPELINE_JOBS)
async def submit(
    service: ServiceDep, caller: CallerDep, request: Request, body: JsonObject
) -> Response:
    """Begin an attempt at a job."""
    with client_errors():
        submission = await service.submit(caller, body)
    add_access_note(request, f"job {submission.job_id} {submission.status}")
    return json_response(submission)


@routes.get(f"{PIPELINE_JOBS}/{{job_id}}")
async def get_status(service: ServiceDep, caller: CallerDep, job_id: str) -> Response:
    """How a job stands."""
    return json_response(await service.status(caller, job_id))


@routes.get(f"{PIPELINE_JOBS}/{{job_id}}/updates")
async def get_updates(
    service: ServiceDep,
    caller: CallerDep,
    request: Request,
    job_id: str,
    attempt: Annotated[int, Query(ge=1)],
    after: After = 0,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT)] = 0,
) -> Response:
    """What an attempt has reported after a cursor."""
    asked = service.updates(caller, job_id, attempt, after=after, wait=wait)
    page = await unless_shutting_down(request, asked)
    return json_response(page or UpdatePage(attempt=attempt, updates=(), has_ended=False))


@routes.post(f"{PIPELINE_JOBS}/{{job_id}}/pause")
async def pause(
    service: ServiceDep, caller: CallerDep, job_id: str, body: AttemptNumber
) -> Response:
    """Stop an attempt; what is finished stays."""
    return _boolean(value=await service.pause(caller, job_id, body.attempt))


@routes.post(f"{PIPELINE_JOBS}/{{job_id}}/resume")
async def resume(
    service: ServiceDep, caller: CallerDep, job_id: str, body: AttemptNumber
) -> Response:
    """Go on with a paused job as another attempt."""
    return _boolean(value=await service.resume(caller, job_id, body.attempt))


@routes.post(f"{PIPELINE_JOBS}/{{job_id}}/cancel")
async def cancel(service: ServiceDep, caller: CallerDep, job_id: str) -> Response:
    """Stop a job for good."""
    return _boolean(value=await service.cancel(caller, job_id))


@routes.post(MEASUREMENTS)
async def measure(service: ServiceDep, request: Request, body: JsonObject) -> Response:
    """How large an input is."""
    return json_response(await _answer(request, service.measure(body)))


@routes.post(PIPELINE_INSPECTIONS)
async def inspect(service: ServiceDep, request: Request, body: JsonObject) -> Response:
    """What the columns of an input are."""
    return json_response(await _answer(request, service.inspect(body)))


@routes.post(PIPELINE_PREVIEWS)
async def preview(service: ServiceDep, request: Request, body: JsonObject) -> Response:
    """A few rows of a quick fit to an input."""
    return json_response(await _answer(request, service.preview(body)))


@routes.get(wire.HEALTHZ)
async def probe_health() -> Response:
    """Liveness probe: the process answers. Needs no API key."""
    return json_response(Probe(status="ok"))


@routes.get(wire.READYZ)
async def probe_readiness(service: ServiceDep) -> Response:
    """Readiness probe: the pipeline takes jobs. Needs no API key."""
    is_ready = (await service.check_health()).status != "unhealthy"
    found = Probe(status="ready" if is_ready else "not_ready")
    return json_response(found, status=200 if is_ready else 503)


async def _answer(request: Request, work: Coroutine[Any, Any, M]) -> M:
    """Answer unless the caller goes away, which stops the work, or the server shuts down."""
    answer = await unless_shutting_down(request, work)
    if answer is None:
        raise wire.SHUTTING_DOWN
    return answer


def _boolean(*, value: bool) -> Response:
    return Response(b"true" if value else b"false", media_type="application/json")
