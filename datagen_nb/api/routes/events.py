"""The event log: as pages, as server-sent events, as a WebSocket; one cursor for all."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse

from datagen_nb.api import wire
from datagen_nb.api.events import send_events, stream_of_events
from datagen_nb.api.routes.asking import MOST_CURSOR, Asked, Wait, answer, tells, unless_over
from datagen_nb.core.errors import DatagenError, JobNotFound
from datagen_nb.core.messages import EventPage
from datagen_nb.core.ports import Jobs

routes = APIRouter(tags=["events"])

_STREAM = {"schema": {"type": "string", "description": "`id` is the cursor, `data` an event."}}

Start = Annotated[
    int | None,
    Query(
        alias="after",
        ge=0,
        le=MOST_CURSOR,
        description="The cursor of the last event that was read; without it: from now on.",
    ),
]
OnlyJob = Annotated[str | None, Query(alias="jobId", description="Only what happens to this job.")]


@routes.get(
    wire.EVENTS,
    response_model=EventPage,
    responses={
        **tells(JobNotFound),
        101: {"description": "A WebSocket, if one was asked for; one event in each text."},
        200: {"description": "A page, or a stream.", "content": {wire.EVENT_STREAM: _STREAM}},
    },
)
async def get_events(
    jobs: Asked,
    request: Request,
    after: Start = None,
    job_id: OnlyJob = None,
    wait: Wait = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=MOST_CURSOR)] = None,
) -> Response:
    """Events behind a cursor: a page, or without end as server-sent events or over a WebSocket."""
    start = after if last_event_id is None else last_event_id
    closing: asyncio.Event = request.app.state.closing
    if job_id is not None:
        await jobs.status(job_id)
    if wire.EVENT_STREAM in request.headers.get("accept", ""):
        if closing.is_set():
            raise wire.ENDING
        start = await _begun(jobs, start, job_id)
        stream = stream_of_events(jobs, after=start, job_id=job_id, closing=closing)
        return StreamingResponse(
            stream, media_type=wire.EVENT_STREAM, headers={"Cache-Control": "no-store"}
        )
    page = await unless_over(request, jobs.event_page(after=start, wait=wait))
    if page is None:
        page = await jobs.event_page(after=start)
    kept = tuple(event for event in page.events if job_id in (None, event.job_id))
    return answer(page.model_copy(update={"events": kept}))


@routes.websocket(wire.EVENTS)
async def follow_events(line: WebSocket, after: Start = None, job_id: OnlyJob = None) -> None:
    """Events without end, one JSON text each."""
    closing: asyncio.Event = line.app.state.closing
    try:
        jobs: Jobs = line.app.state.customer(line)
        if job_id is not None:
            await jobs.status(job_id)
        if closing.is_set():
            raise wire.ENDING
        after = await _begun(jobs, after, job_id)
    except DatagenError as error:
        status, body = wire.problem(error, wire.new_request_id())
        await line.send_denial_response(JSONResponse(body, status, media_type=wire.PROBLEM))
        return
    await line.accept()
    await send_events(line, jobs, after=after, job_id=job_id, closing=closing)


async def _begun(jobs: Jobs, after: int | None, job_id: str | None) -> int | None:
    """Where a stream from now on begins: here, not when it has been opened."""
    if after is None and job_id is None:
        return (await jobs.event_page()).cursor
    return after
