"""Routes over ``Plans`` and ``Templates``: what is asked before jobs are there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from datagen_nb.api import wire
from datagen_nb.api.routes.asking import Asked, Key, answer, tells
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
    MOST_VERSIONS,
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
        description="The same key and graph give the same jobs.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str, Query(max_length=200, description="`nextCursor` of the page before.")]
Version = Annotated[
    int | None, Query(ge=1, le=MOST_VERSIONS, description="The newest, if not said.")
]

LOOKS = tells(InputError, LimitReached, NotFound, Rejected, ServiceUnavailable)
SUBMITS = tells(
    IdempotencyConflict,
    InputError,
    LimitReached,
    NotFound,
    QuotaExceeded,
    Rejected,
    SubmitInFlight,
)


@routes.post(wire.ESTIMATES, response_model=Estimate, responses=LOOKS)
async def estimate(jobs: Asked, body: JobConfiguration) -> Response:
    """What a job will take and make, as ranges."""
    return answer(await jobs.plans.estimate(body))


@routes.post(wire.INSPECTIONS, response_model=Inspection, responses=LOOKS)
async def inspect(jobs: Asked, body: JobConfiguration) -> Response:
    """What the job's input is: rows, columns with their kinds, the first rows."""
    return answer(await jobs.plans.inspect(body))


@routes.post(wire.PREVIEWS, response_model=Preview, responses=LOOKS)
async def preview(jobs: Asked, body: JobConfiguration) -> Response:
    """A few rows as the job would make them; nothing is kept."""
    return answer(await jobs.plans.preview(body))


@routes.post(wire.GRAPHS, status_code=201, response_model=SubmittedGraph, responses=SUBMITS)
async def submit_graph(jobs: Asked, body: Graph, idempotency_key: GraphKey) -> Response:
    """Submit jobs that follow each other by name."""
    made = await jobs.plans.create_many(body, idempotency_key=idempotency_key)
    return answer(made, status=201)


@routes.get(wire.TEMPLATES, response_model=TemplatePage)
async def list_templates(jobs: Asked, cursor: Cursor = "", limit: Limit = 50) -> Response:
    """The newest version of each template, by name."""
    return answer(await jobs.templates.list(cursor=cursor, limit=limit))


@routes.put(f"{wire.TEMPLATES}/{{template}}", response_model=Template, responses=tells(Conflict))
async def put_template(jobs: Asked, template: str, body: TemplateDraft) -> Response:
    """Make the next version; the newest one, if that says the same already."""
    return answer(await jobs.templates.put(template, body))


@routes.get(f"{wire.TEMPLATES}/{{template}}", response_model=Template, responses=tells(NotFound))
async def get_template(jobs: Asked, template: str, version: Version = None) -> Response:
    """One version, or the newest."""
    return answer(await jobs.templates.get(template, version))


@routes.delete(f"{wire.TEMPLATES}/{{template}}", status_code=204, responses=tells(NotFound))
async def delete_template(jobs: Asked, template: str) -> Response:
    """Remove a template with all its versions; jobs made from it stay."""
    await jobs.templates.delete(template)
    return Response(status_code=204)


@routes.get(
    f"{wire.TEMPLATES}/{{template}}/versions",
    response_model=TemplatePage,
    responses=tells(NotFound),
)
async def list_versions(
    jobs: Asked, template: str, cursor: Cursor = "", limit: Limit = 50
) -> Response:
    """Versions of a template, the first one first."""
    return answer(await jobs.templates.versions(template, cursor=cursor, limit=limit))


@routes.post(
    f"{wire.TEMPLATES}/{{template}}/jobs",
    status_code=201,
    response_model=JobStatus,
    responses={**SUBMITS, **tells(made="The job.")},
)
async def submit_from_template(
    jobs: Asked, template: str, body: TemplateSubmit, idempotency_key: Key
) -> Response:
    """Submit a job made from a template."""
    made = await jobs.templates.submit(
        template, body.overrides, idempotency_key=idempotency_key, version=body.version
    )
    place = wire.job_path(made.job_id)
    return answer(made, status=201, headers={"Location": place})
