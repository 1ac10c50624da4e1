"""The event log: as pages, as server-sent events, as a WebSocket; one cursor for all."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from datagen_nb.api import wire
from datagen_nb.api.events import page_of_events, stream_of_events
from datagen_nb.api.routes.asking import MOST_CURSOR, Asked, answer, tells
from datagen_nb.core.errors import JobNotFound
from datagen_nb.core.messages import EventPage

routes = APIRouter(tags=["events"])


@routes.get(wire.EVENTS, response_model=EventPage, responses=tells(JobNotFound))
async def get_events(
    jobs: Asked,
    request: Request,
    after: Annotated[int | None, Query(ge=0, le=MOST_CURSOR)] = None,
    job_id: Annotated[str | None, Query(alias="jobId")] = None,
    wait: Annotated[float, Query(ge=0, le=60)] = 0,
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
        stream = stream_of_events(jobs, after=start, job_id=job_id, closing=closing)
        return StreamingResponse(
            stream, media_type=wire.EVENT_STREAM, headers={"Cache-Control": "no-store"}
        )
    page = await page_of_events(jobs, after=start, wait=wait, closing=closing)
    kept = tuple(event for event in page.events if job_id in (None, event.job_id))
    return answer(page.model_copy(update={"events": kept}))
