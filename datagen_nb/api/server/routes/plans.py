"""Routes of estimates, inspections, previews, graphs and templates."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.server.auth import add_access_note
from datagen_nb.api.server.routes.dependencies import (
    IdempotencyKey,
    JobsDep,
    error_responses,
    json_response,
)
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    Conflict,
    IdempotencyConflict,
    InputError,
    LimitReached,
    NotFound,
    QuotaExceeded,
    Rejected,
    ServiceUnavailable,
    SubmitInFlight,
)
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.plans import Graph, Preview, SubmittedGraph
from datagen_nb.core.status import JobStatus
from datagen_nb.core.templates import (
    MAX_VERSIONS,
    Template,
    TemplateDraft,
    TemplatePage,
    TemplateSubmit,
)

routes = APIRouter(tags=["plans"])


GraphKey = Annotated[
    str,
    Header(
        alias=wire.IDEMPOTENCY_KEY,
        min_length=1,
        max_length=100,
        description="Choose a new key for each graph. A request repeated with the same key "
        "returns the same jobs.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str, Query(max_length=200, description="`nextCursor` of the previous page.")]
Version = Annotated[int | None, Query(ge=1, le=MAX_VERSIONS, description="The newest by default.")]

PROBE_ERRORS = error_responses(InputError, LimitReached, NotFound, Rejected, ServiceUnavailable)
SUBMIT_ERRORS = error_responses(
    IdempotencyConflict,
    InputError,
    LimitReached,
    NotFound,
    QuotaExceeded,
    Rejected,
    SubmitInFlight,
)


@routes.post(wire.ESTIMATES, response_model=Estimate, responses=PROBE_ERRORS)
async def estimate(jobs: JobsDep, body: JobConfiguration) -> Response:
    """Estimate the duration and result size of a job, as ranges."""
    return json_response(await jobs.plans.estimate(body))


@routes.post(wire.INSPECTIONS, response_model=Inspection, responses=PROBE_ERRORS)
async def inspect(jobs: JobsDep, body: JobConfiguration) -> Response:
    """Inspect a job's input: row count, columns with kinds and histograms, first rows."""
    return json_response(await jobs.plans.inspect(body))


@routes.post(wire.PREVIEWS, response_model=Preview, responses=PROBE_ERRORS)
async def preview(jobs: JobsDep, body: JobConfiguration) -> Response:
    """Preview a few rows that the job would generate; nothing is stored."""
    return json_response(await jobs.plans.preview(body))


@routes.post(wire.GRAPHS, status_code=201, response_model=SubmittedGraph, responses=SUBMIT_ERRORS)
async def submit_graph(
    jobs: JobsDep, request: Request, body: Graph, idempotency_key: GraphKey
) -> Response:
    """Submit several jobs that depend on each other by name."""
    made = await jobs.plans.create_many(body, idempotency_key=idempotency_key)
    add_access_note(request, ("jobs " + ", ".join(one.job_id for one in made.jobs.values()))[:500])
    return json_response(made, status=201)


@routes.get(wire.TEMPLATES, response_model=TemplatePage)
async def list_templates(jobs: JobsDep, cursor: Cursor = "", limit: Limit = 50) -> Response:
    """List templates in order of name, each in its newest version."""
    return json_response(await jobs.templates.list(cursor=cursor, limit=limit))


@routes.put(
    f"{wire.TEMPLATES}/{{template}}", response_model=Template, responses=error_responses(Conflict)
)
async def put_template(jobs: JobsDep, template: str, body: TemplateDraft) -> Response:
    """Save a new version of a template. Unchanged content makes no new version."""
    return json_response(await jobs.templates.put(template, body))


@routes.get(
    f"{wire.TEMPLATES}/{{template}}", response_model=Template, responses=error_responses(NotFound)
)
async def get_template(jobs: JobsDep, template: str, version: Version = None) -> Response:
    """Get a template, in its newest version by default."""
    return json_response(await jobs.templates.get(template, version))


@routes.delete(
    f"{wire.TEMPLATES}/{{template}}", status_code=204, responses=error_responses(NotFound)
)
async def delete_template(jobs: JobsDep, template: str) -> Response:
    """Delete a template with all versions. Jobs made from it are kept."""
    await jobs.templates.delete(template)
    return Response(status_code=204)


@routes.get(
    f"{wire.TEMPLATES}/{{template}}/versions",
    response_model=TemplatePage,
    responses=error_responses(NotFound),
)
async def list_versions(
    jobs: JobsDep, template: str, cursor: Cursor = "", limit: Limit = 50
) -> Response:
    """List the versions of a template, the oldest first."""
    return json_response(await jobs.templates.versions(template, cursor=cursor, limit=limit))


@routes.post(
    f"{wire.TEMPLATES}/{{template}}/jobs",
    status_code=201,
    response_model=JobStatus,
    responses={**SUBMIT_ERRORS, **error_responses(created="The new job.")},
)
async def submit_from_template(
    jobs: JobsDep,
    request: Request,
    template: str,
    body: TemplateSubmit,
    idempotency_key: IdempotencyKey,
) -> Response:
    """Submit a job from a template."""
    made = await jobs.templates.submit(
        template, body.overrides, idempotency_key=idempotency_key, version=body.version
    )
    add_access_note(request, f"job {made.job_id}")
    place = wire.job_path(made.job_id)
    return json_response(made, status=201, headers={"Location": place})
