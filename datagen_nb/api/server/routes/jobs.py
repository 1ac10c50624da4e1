"""Routes of jobs: submit, list, change, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.server.auth import add_access_note
from datagen_nb.api.server.routes.dependencies import (
    After,
    IdempotencyKey,
    JobsDep,
    Wait,
    client_errors,
    error_responses,
    json_response,
    unless_shutting_down,
)
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ActionRefused,
    ConfigurationError,
    Conflict,
    IdempotencyConflict,
    InputError,
    JobNotFound,
    LimitReached,
    NotFound,
    OutputError,
    Problem,
    QuotaExceeded,
    Rejected,
    SubmitInFlight,
)
from datagen_nb.core.messages import (
    MAX_OFFSET,
    Annotation,
    Cancellations,
    Deletions,
    JobCounts,
    JobPage,
    JobQuery,
    LogPage,
    ManyJobs,
    NamedJobs,
    Rerun,
    Sort,
)
from datagen_nb.core.status import JobStatus, State

routes = APIRouter(tags=["jobs"])

Text = Annotated[
    str,
    Query(
        max_length=200,
        description="Only jobs that contain all of these words in name, tags or note.",
    ),
]

States = Annotated[
    list[State] | None,
    Query(description="Only jobs in this state; repeat the parameter for several."),
]
Order = Annotated[Literal["desc", "asc"], Query(description="Descending or ascending.")]

Since = Annotated[datetime | None, Query(description="Only jobs created at or after this instant.")]
Until = Annotated[datetime | None, Query(description="Only jobs created before this instant.")]
StartDate = Annotated[datetime | None, Query(alias="startDate", description="Same as `since`.")]
EndDate = Annotated[datetime | None, Query(alias="endDate", description="Same as `until`.")]


def _one(name: str, value: datetime | None, alias: str, other: datetime | None) -> datetime | None:
    """The value of a parameter that has two names.

    Raises:
        ConfigurationError: Both were given.
    """
    if value is not None and other is not None:
        rule = f"cannot be given with {alias}, which means the same"
        raise ConfigurationError([Problem(name, str(value), rule, "Give one of them.")])
    return other if value is None else value


_SUBMITS = error_responses(
    IdempotencyConflict,
    InputError,
    JobNotFound,
    LimitReached,
    NotFound,
    OutputError,
    QuotaExceeded,
    Rejected,
    SubmitInFlight,
    created="The new job.",
)
_ACTS = error_responses(ActionRefused, Conflict, JobNotFound)

_CONFIGURATION = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/JobConfiguration"}}
        },
    }
}


def _made(request: Request, status: JobStatus) -> Response:
    add_access_note(request, f"job {status.job_id}")
    return json_response(status, status=201, headers={"Location": wire.job_path(status.job_id)})


@routes.post(
    wire.JOBS,
    status_code=201,
    response_model=JobStatus,
    responses=_SUBMITS,
    openapi_extra=_CONFIGURATION,
)
async def create_job(jobs: JobsDep, request: Request, idempotency_key: IdempotencyKey) -> Response:
    """Submit a job.

    With `isAsync: false` the response is sent when the job has ended. If that takes longer than
    the service waits at most, the response has the job's current state, and the job goes on.
    """
    body = await request.body()
    with client_errors():
        config = JobConfiguration.from_wire(body)
    return _made(request, await jobs.create(config, idempotency_key=idempotency_key))


@routes.get(wire.JOBS, response_model=JobPage)
async def list_jobs(
    jobs: JobsDep,
    status: States = None,
    since: Since = None,
    until: Until = None,
    start_date: StartDate = None,
    end_date: EndDate = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None, Query(max_length=3000, description="`nextCursor` of the previous page.")
    ] = None,
    offset: Annotated[
        int, Query(ge=0, le=MAX_OFFSET, description="Jobs to skip; a cursor is faster.")
    ] = 0,
    text: Text = "",
    sort: Annotated[Sort, Query(description="The field to sort by.")] = "created",
    order: Order = "desc",
) -> Response:
    """List jobs, the newest first by default."""
    with client_errors():
        query = JobQuery(
            status=tuple(status or ()),
            since=_one("since", since, "startDate", start_date),
            until=_one("until", until, "endDate", end_date),
            limit=limit,
            cursor=cursor,
            offset=offset,
            text=text,
            sort=sort,
            order=order,
        )
    return json_response(await jobs.history(query))


@routes.get(wire.job_path("counts"), response_model=JobCounts)
async def count_jobs(
    jobs: JobsDep,
    since: Since = None,
    until: Until = None,
    start_date: StartDate = None,
    end_date: EndDate = None,
    text: Text = "",
) -> Response:
    """Count jobs by state."""
    with client_errors():
        query = JobQuery(
            since=_one("since", since, "startDate", start_date),
            until=_one("until", until, "endDate", end_date),
            text=text,
        )
    return json_response(await jobs.counts(query))


@routes.post(wire.job_path("cancel"), response_model=Cancellations)
async def cancel_jobs(jobs: JobsDep, body: ManyJobs | None = None) -> Response:
    """Cancel several jobs, or all that have not ended; lists those that cannot be cancelled."""
    return json_response(await jobs.cancel_many(body.job_ids if body is not None else None))


@routes.post(wire.job_path("delete"), response_model=Deletions)
async def delete_jobs(jobs: JobsDep, body: NamedJobs) -> Response:
    """Delete several ended jobs; lists those that cannot be deleted."""
    return json_response(await jobs.delete_many(body.job_ids))


@routes.get(
    wire.job_path("{job_id}"), response_model=JobStatus, responses=error_responses(JobNotFound)
)
async def get_job(jobs: JobsDep, job_id: str) -> Response:
    """Get a job's state."""
    return json_response(await jobs.status(job_id))


@routes.patch(wire.job_path("{job_id}"), response_model=JobStatus, responses=_ACTS)
async def annotate_job(jobs: JobsDep, job_id: str, body: Annotation) -> Response:
    """Set the name, tags or note of a job in any state."""
    return json_response(await jobs.annotate(job_id, body))


@routes.delete(wire.job_path("{job_id}"), status_code=204, responses=_ACTS)
async def delete_job(jobs: JobsDep, job_id: str) -> Response:
    """Delete an ended job, with its data."""
    await jobs.delete(job_id)
    return Response(status_code=204)


@routes.get(
    wire.job_path("{job_id}", "configuration"),
    response_model=JobConfiguration,
    responses=error_responses(JobNotFound),
)
async def get_configuration(jobs: JobsDep, job_id: str) -> Response:
    """Get the configuration that was submitted."""
    return json_response(await jobs.configuration(job_id))


@routes.post(wire.job_path("{job_id}", "cancel"), response_model=JobStatus, responses=_ACTS)
async def cancel_job(jobs: JobsDep, job_id: str) -> Response:
    """Cancel a job. For the cooldown period after it, no new job starts."""
    return json_response(await jobs.cancel(job_id))


@routes.post(wire.job_path("{job_id}", "pause"), response_model=JobStatus, responses=_ACTS)
async def pause_job(jobs: JobsDep, job_id: str) -> Response:
    """Pause a job. It can be resumed within its `resumeWindow`."""
    return json_response(await jobs.pause(job_id))


@routes.post(wire.job_path("{job_id}", "resume"), response_model=JobStatus, responses=_ACTS)
async def resume_job(jobs: JobsDep, job_id: str) -> Response:
    """Resume a paused job. It is queued again and continues after its finished parts."""
    return json_response(await jobs.resume(job_id))


@routes.post(
    wire.job_path("{job_id}", "rerun"),
    status_code=201,
    response_model=JobStatus,
    responses=_SUBMITS,
)
async def rerun_job(
    jobs: JobsDep,
    request: Request,
    job_id: str,
    idempotency_key: IdempotencyKey,
    body: Rerun | None = None,
) -> Response:
    """Submit a job's configuration as a new job, with changed fields if given."""
    overrides = None if body is None else body.overrides
    made = await jobs.rerun(job_id, overrides, idempotency_key=idempotency_key)
    return _made(request, made)


@routes.get(
    wire.job_path("{job_id}", "log"), response_model=LogPage, responses=error_responses(JobNotFound)
)
async def get_log(
    jobs: JobsDep, request: Request, job_id: str, after: After = 0, wait: Wait = 0
) -> Response:
    """Get a page of a job's log. With `wait`, waits for a new line until the job ends."""
    lines = await unless_shutting_down(request, jobs.log(job_id, after=after, wait=wait))
    if lines is None:
        lines = await jobs.log(job_id, after=after)
    return json_response(LogPage(entries=tuple(lines)))
