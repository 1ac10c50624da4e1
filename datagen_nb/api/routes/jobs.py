"""Routes over ``Jobs``: submit, look, steer, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.routes.asking import (
    After,
    Asked,
    Key,
    Wait,
    answer,
    telling_the_caller,
    tells,
    unless_over,
)
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import (
    ActionRefused,
    Conflict,
    IdempotencyConflict,
    InputError,
    JobNotFound,
    LimitReached,
    NotFound,
    OutputError,
    QuotaExceeded,
    Rejected,
    SubmitInFlight,
)
from datagen_nb.core.messages import (
    Annotation,
    Cancellations,
    Deletions,
    JobCounts,
    JobPage,
    JobQuery,
    LogPage,
    ManyJobs,
    NamedJobs,
    Sort,
)
from datagen_nb.core.status import JobStatus, State

routes = APIRouter(tags=["jobs"])

Text = Annotated[
    str, Query(max_length=200, description="Words that name, tags or note have to have.")
]

_SUBMITS = tells(
    IdempotencyConflict,
    InputError,
    JobNotFound,
    LimitReached,
    NotFound,
    OutputError,
    QuotaExceeded,
    Rejected,
    SubmitInFlight,
    made="The job.",
)
_ACTS = tells(ActionRefused, Conflict, JobNotFound)

_CONFIGURATION = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/JobConfiguration"}}
        },
    }
}


def _made(status: JobStatus) -> Response:
    return answer(status, status=201, headers={"Location": wire.job_path(status.job_id)})


@routes.post(
    wire.JOBS,
    status_code=201,
    response_model=JobStatus,
    responses=_SUBMITS,
    openapi_extra=_CONFIGURATION,
)
async def create_job(jobs: Asked, request: Request, idempotency_key: Key) -> Response:
    """Submit a job.

    With `isAsync: false` the answer comes when the job has ended, or when the service's bound of
    such a wait has passed: then with the job as it stands, which goes on.
    """
    body = await request.body()
    with telling_the_caller():
        config = JobConfiguration.from_wire(body)
    return _made(await jobs.create(config, idempotency_key=idempotency_key))


@routes.get(wire.JOBS, response_model=JobPage)
async def list_jobs(
    jobs: Asked,
    status: Annotated[list[State] | None, Query(description="Only in these states.")] = None,
    since: Annotated[datetime | None, Query(description="Created at or after.")] = None,
    until: Annotated[datetime | None, Query(description="Created before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[
        str | None, Query(max_length=3000, description="`nextCursor` of the page before.")
    ] = None,
    text: Text = "",
    sort: Annotated[Sort, Query(description="What to order by.")] = "created",
    order: Annotated[Literal["desc", "asc"], Query(description="Falling or rising.")] = "desc",
) -> Response:
    """A page of jobs, the newest first unless another order is asked for."""
    with telling_the_caller():
        query = JobQuery(
            status=tuple(status or ()),
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
            text=text,
            sort=sort,
            order=order,
        )
    return answer(await jobs.history(query))


@routes.get(wire.job_path("counts"), response_model=JobCounts)
async def count_jobs(
    jobs: Asked,
    since: Annotated[datetime | None, Query(description="Created at or after.")] = None,
    until: Annotated[datetime | None, Query(description="Created before.")] = None,
    text: Text = "",
) -> Response:
    """How many jobs there are in each state."""
    with telling_the_caller():
        query = JobQuery(since=since, until=until, text=text)
    return answer(await jobs.counts(query))


@routes.post(wire.job_path("cancel"), response_model=Cancellations)
async def cancel_jobs(jobs: Asked, body: ManyJobs | None = None) -> Response:
    """Cancel several jobs; those that cannot be cancelled are listed with the reason."""
    return answer(await jobs.cancel_many(body.job_ids if body is not None else None))


@routes.post(wire.job_path("delete"), response_model=Deletions)
async def delete_jobs(jobs: Asked, body: NamedJobs) -> Response:
    """Delete several ended jobs; those that cannot be deleted are listed with the reason."""
    return answer(await jobs.delete_many(body.job_ids))


@routes.get(wire.job_path("{job_id}"), response_model=JobStatus, responses=tells(JobNotFound))
async def get_job(jobs: Asked, job_id: str) -> Response:
    """How a job stands."""
    return answer(await jobs.status(job_id))


@routes.patch(wire.job_path("{job_id}"), response_model=JobStatus, responses=_ACTS)
async def annotate_job(jobs: Asked, job_id: str, body: Annotation) -> Response:
    """Write a name, tags or a note on a job, in whatever state it is."""
    return answer(await jobs.annotate(job_id, body))


@routes.delete(wire.job_path("{job_id}"), status_code=204, responses=_ACTS)
async def delete_job(jobs: Asked, job_id: str) -> Response:
    """Delete an ended job, its record and its data, before its time."""
    await jobs.delete(job_id)
    return Response(status_code=204)


@routes.get(
    wire.job_path("{job_id}", "configuration"),
    response_model=JobConfiguration,
    responses=tells(JobNotFound),
)
async def get_configuration(jobs: Asked, job_id: str) -> Response:
    """What was submitted."""
    return answer(await jobs.configuration(job_id))


@routes.post(wire.job_path("{job_id}", "cancel"), response_model=JobStatus, responses=_ACTS)
async def cancel_job(jobs: Asked, job_id: str) -> Response:
    """Cancel a job; a cooldown begins."""
    return answer(await jobs.cancel(job_id))


@routes.post(wire.job_path("{job_id}", "pause"), response_model=JobStatus, responses=_ACTS)
async def pause_job(jobs: Asked, job_id: str) -> Response:
    """Pause a job; it can be resumed within its `resumeWindow`."""
    return answer(await jobs.pause(job_id))


@routes.post(wire.job_path("{job_id}", "resume"), response_model=JobStatus, responses=_ACTS)
async def resume_job(jobs: Asked, job_id: str) -> Response:
    """Queue a paused job again; it goes on from its finished parts."""
    return answer(await jobs.resume(job_id))


@routes.post(
    wire.job_path("{job_id}", "rerun"),
    status_code=201,
    response_model=JobStatus,
    responses=_SUBMITS,
)
async def rerun_job(jobs: Asked, job_id: str, idempotency_key: Key) -> Response:
    """Submit the same configuration as a new job."""
    return _made(await jobs.rerun(job_id, idempotency_key=idempotency_key))


@routes.get(wire.job_path("{job_id}", "log"), response_model=LogPage, responses=tells(JobNotFound))
async def get_log(
    jobs: Asked, request: Request, job_id: str, after: After = 0, wait: Wait = 0
) -> Response:
    """A page of what a job tells of itself; of a job that has ended none is waited for."""
    lines = await unless_over(request, jobs.log(job_id, after=after, wait=wait))
    if lines is None:
        lines = await jobs.log(job_id, after=after)
    return answer(LogPage(entries=tuple(lines)))
