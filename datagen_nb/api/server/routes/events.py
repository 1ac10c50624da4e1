"""Routes of the event log: pages, server-sent events, a WebSocket; one cursor for all three."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response, WebSocket
from fastapi.responses import StreamingResponse

from datagen_nb.api import wire
from datagen_nb.api.server.event_streams import StreamTimes, send_events, sse_events
from datagen_nb.api.server.routes.dependencies import (
    MAX_CURSOR,
    JobsDep,
    Wait,
    error_responses,
    json_response,
    unless_shutting_down,
)
from datagen_nb.core.errors import JobNotFound
from datagen_nb.core.messages import EventPage
from datagen_nb.core.ports import Jobs

routes = APIRouter(tags=["events"])

_STREAM = {
    "schema": {
        "type": "string",
        "description": "`id` is the cursor, `data` an event as JSON. The first message is "
        "`welcome`; after its `heartbeatSeconds` without an event, a `heartbeat` is sent. "
        "`goodbye` is the last one when the service shuts down.",
    }
}

_NO_BUFFERING = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
"""Keep proxies from storing, compressing or buffering a stream; the second is nginx' own."""

Start = Annotated[
    int | None,
    Query(
        alias="after",
        ge=0,
        le=MAX_CURSOR,
        description="Cursor of the last event that was read; by default, only new events.",
    ),
]
OnlyJob = Annotated[str | None, Query(alias="jobId", description="Only events of this job.")]


@routes.get(
    wire.EVENTS,
    response_model=EventPage,
    responses={
        **error_responses(JobNotFound),
        101: {"description": "A WebSocket, if the request asks for one; each message is an event."},
        200: {
            "description": "A page, or a stream of server-sent events.",
            "content": {wire.EVENT_STREAM_TYPE: _STREAM},
        },
    },
)
async def get_events(
    jobs: JobsDep,
    request: Request,
    after: Start = None,
    job_id: OnlyJob = None,
    wait: Wait = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=MAX_CURSOR)] = None,
) -> Response:
    """Get events after a cursor: a page, or an endless stream (server-sent events, WebSocket)."""
    start = after if last_event_id is None else last_event_id
    closing: asyncio.Event = request.app.state.closing
    if job_id is not None:
        await jobs.status(job_id)
    if wire.EVENT_STREAM_TYPE in request.headers.get("accept", ""):
        if closing.is_set():
            raise wire.SHUTTING_DOWN
        start = await _start_of(jobs, start, job_id)
        times: StreamTimes = request.app.state.stream_times
        stream = sse_events(jobs, after=start, job_id=job_id, closing=closing, times=times)
        return StreamingResponse(stream, media_type=wire.EVENT_STREAM_TYPE, headers=_NO_BUFFERING)
    page = await unless_shutting_down(request, jobs.event_page(after=start, wait=wait))
    if page is None:
        page = await jobs.event_page(after=start)
    kept = tuple(event for event in page.events if job_id in (None, event.job_id))
    return json_response(
        page.model_copy(update={"events": kept}), headers={"Cache-Control": "no-store"}
    )


@routes.websocket(wire.EVENTS)
async def follow_events(websocket: WebSocket, after: Start = None, job_id: OnlyJob = None) -> None:
    """Send events over a WebSocket, each as one JSON message."""
    closing: asyncio.Event = websocket.app.state.closing
    jobs: Jobs = websocket.app.state.get_jobs(websocket)
    if job_id is not None:
        await jobs.status(job_id)
    if closing.is_set():
        raise wire.SHUTTING_DOWN
    after = await _start_of(jobs, after, job_id)
    await websocket.accept()
    times: StreamTimes = websocket.app.state.stream_times
    await send_events(websocket, jobs, after=after, job_id=job_id, closing=closing, times=times)


async def _start_of(jobs: Jobs, after: int | None, job_id: str | None) -> int | None:
    """The cursor a stream starts after; "now" is the time of the request, not of the first read."""
    if after is None and job_id is None:
        return (await jobs.event_page()).cursor
    return after
