"""The REST API: routes over the ``Jobs`` port, nothing else.

Each route reads the request, asks the port, and answers the model's own JSON.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import ValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datagen_nb import __version__
from datagen_nb.api import wire
from datagen_nb.api.access import Door, Entrance
from datagen_nb.api.bounds import Bounds
from datagen_nb.api.events import page_of_events, stream_of_events
from datagen_nb.api.routes import customers, plans
from datagen_nb.core.access import AccessControl
from datagen_nb.core.config import FORMATS, JobConfiguration
from datagen_nb.core.errors import ConfigurationError, DatagenError, InputError, NotFound, Problem
from datagen_nb.core.messages import JobQuery, ServiceInfo
from datagen_nb.core.ports import Jobs
from datagen_nb.core.status import State
from datagen_nb.core.wire_model import WireModel

logger = logging.getLogger("datagen_nb.api")

MOST_CURSOR = 2**63 - 1

_UPLOAD = re.compile(r"([0-9a-f]{64})\.(\w+)")


routes = APIRouter()


def make_app(
    customer: Callable[[Request], Jobs],
    *,
    describe: Callable[[ServiceInfo], ServiceInfo],
    entrance: Entrance | None = None,
    access: AccessControl | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        customer: Who asks: gives that customer's ``Jobs``, or raises.
        describe: Completes what the service says of itself with what its host knows.
        entrance: What the door goes by; without one everybody may do everything.
        access: Customers and keys, for those who manage them; without it there are none.
    """
    app = FastAPI(
        title="datagen_nb",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{wire.PREFIX}/openapi.json",
    )
    app.state.customer = customer
    app.state.describe = describe
    app.state.closing = asyncio.Event()  # set when the service is told to end
    app.state.access = access
    app.include_router(routes)
    app.include_router(customers.routes)
    app.include_router(plans.routes)
    # The layer that is added last is the first to hear of a request.
    if entrance is not None:
        app.add_middleware(Door, entrance=entrance)
    _tell_errors(app)
    app.add_middleware(Bounds)
    return app


async def _asked(request: Request) -> Jobs:  # not async, it would cost a thread's hop
    jobs: Jobs = request.app.state.customer(request)
    return jobs


Asked = Annotated[Jobs, Depends(_asked)]
"""The jobs of the customer who asks."""

Key = Annotated[str, Header(alias=wire.IDEMPOTENCY_KEY, min_length=1, max_length=200)]


def _answer(model: WireModel, *, status: int = 200) -> Response:
    return Response(model.to_json(), status, media_type="application/json")


@routes.post(wire.JOBS)
async def create(jobs: Asked, request: Request, idempotency_key: Key) -> Response:
    body = await request.body()
    with _telling_the_caller():
        config = JobConfiguration.from_wire(body)
    return _answer(await jobs.create(config, idempotency_key=idempotency_key), status=201)


@routes.get(wire.JOBS)
async def history(
    jobs: Asked,
    status: Annotated[list[State] | None, Query()] = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> Response:
    with _telling_the_caller():
        query = JobQuery(
            status=tuple(status or ()), since=since, until=until, limit=limit, cursor=cursor
        )
    return _answer(await jobs.history(query))


@routes.get(wire.job_path("{job_id}"))
async def status_(jobs: Asked, job_id: str) -> Response:
    return _answer(await jobs.status(job_id))


@routes.get(wire.job_path("{job_id}", "configuration"))
async def configuration(jobs: Asked, job_id: str) -> Response:
    return _answer(await jobs.configuration(job_id))


@routes.post(wire.job_path("{job_id}", "cancel"))
async def cancel(jobs: Asked, job_id: str) -> Response:
    return _answer(await jobs.cancel(job_id))


@routes.post(wire.job_path("{job_id}", "pause"))
async def pause(jobs: Asked, job_id: str) -> Response:
    return _answer(await jobs.pause(job_id))


@routes.post(wire.job_path("{job_id}", "resume"))
async def resume(jobs: Asked, job_id: str) -> Response:
    return _answer(await jobs.resume(job_id))


@routes.post(wire.job_path("{job_id}", "rerun"))
async def rerun(jobs: Asked, job_id: str, idempotency_key: Key) -> Response:
    return _answer(await jobs.rerun(job_id, idempotency_key=idempotency_key), status=201)


@routes.get(wire.job_path("{job_id}", "log"))
async def log(
    jobs: Asked, job_id: str, after: Annotated[int, Query(ge=0, le=MOST_CURSOR)] = 0
) -> dict[str, Any]:
    entries = await jobs.log(job_id, after=after)
    return {"entries": [entry.to_wire() for entry in entries]}


@routes.get(wire.job_path("{job_id}", "manifest"))
async def manifest(jobs: Asked, job_id: str) -> Response:
    return _answer(await jobs.manifest(job_id))


@routes.get(wire.job_path("{job_id}", "report"))
async def report(jobs: Asked, job_id: str) -> Response:
    return _answer(await jobs.report(job_id))


@routes.get(wire.job_path("{job_id}", "parts", "{index}"))
async def part(jobs: Asked, job_id: str, index: int) -> Response:
    found = await jobs.manifest(job_id)
    if not 0 <= index < len(found.parts):
        raise NotFound(f"Job {job_id} has {len(found.parts)} parts; there is no part {index}.")
    chunks = jobs.read_part(job_id, index)
    first = await anext(aiter(chunks), b"")  # a part that is gone is told before the answer begins
    return StreamingResponse(
        _after(first, chunks),
        media_type="application/octet-stream",
        headers={"Content-Length": str(found.parts[index].size)},
    )


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    async for chunk in rest:
        yield chunk


@routes.put(f"{wire.UPLOADS}/{{name}}")
async def upload(
    jobs: Asked, request: Request, name: str, content_length: Annotated[int, Header(ge=0)]
) -> dict[str, str]:
    digest, format = _upload_name(name)
    return {"path": await jobs.upload(digest, format, content_length, request.stream())}


@routes.head(f"{wire.UPLOADS}/{{name}}")
async def uploaded(jobs: Asked, name: str) -> Response:
    digest, format = _upload_name(name)
    try:
        # Sending nothing succeeds only for what is already there.
        path = await jobs.upload(digest, format, -1, _nothing())
    except InputError:
        return Response(status_code=404)
    return Response(headers={wire.UPLOADED_AS: path})


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""


def _upload_name(name: str) -> tuple[str, str]:
    named = _UPLOAD.fullmatch(name)
    if named is None or named[2] not in FORMATS:
        raise InputError(
            f"An upload is named by its SHA-256 and format, not {name!r}.", code="upload_name"
        )
    return named[1], named[2]


@routes.get(wire.EVENTS)
async def events(
    jobs: Asked,
    request: Request,
    after: Annotated[int | None, Query(ge=0, le=MOST_CURSOR)] = None,
    job_id: Annotated[str | None, Query(alias="jobId")] = None,
    wait: Annotated[float, Query(ge=0, le=60)] = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=MOST_CURSOR)] = None,
) -> Response:
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
    return _answer(page.model_copy(update={"events": kept}))


@routes.get(wire.INFO)
async def info(jobs: Asked, request: Request) -> Response:
    return _answer(request.app.state.describe(await jobs.info()))


@routes.get(wire.HEALTH)
async def health(jobs: Asked) -> Response:
    found = (await jobs.info()).health
    return _answer(found, status=503 if found.status == "unhealthy" else 200)


def _tell_errors(app: FastAPI) -> None:
    app.add_middleware(RequestIds)

    @app.exception_handler(DatagenError)
    async def ours(request: Request, error: DatagenError) -> Response:
        return _problem(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return _problem(request, _as_problems(error.errors()))

    @app.exception_handler(HTTPException)
    async def unrouted(request: Request, error: HTTPException) -> Response:
        said = NotFound(
            f"{request.method} {request.url.path} is not a route of this service.",
            code="method_not_allowed" if error.status_code == 405 else None,
        )
        return _problem(request, said, status=error.status_code, headers=error.headers)


class RequestIds:
    """Gives every request an id, and turns a fault of ours into an answer that tells it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get(wire.REQUEST_ID, "")
        request.state.id = given if re.fullmatch(r"[\w-]{1,64}", given) else uuid.uuid4().hex
        begun = False

        async def tagged(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message)[wire.REQUEST_ID] = request.state.id
            await send(message)

        try:
            await self._app(scope, receive, tagged)
        except ClientDisconnect:
            logger.info("request %s was given up: %s", request.state.id, request.url.path)
        except Exception:
            logger.exception("request %s broke: %s", request.state.id, request.url.path)
            if begun:
                raise
            await _problem(request, wire.UNEXPECTED)(scope, receive, tagged)


def _as_problems(entries: Any) -> ConfigurationError:
    return ConfigurationError(
        [
            Problem(
                ".".join(str(part) for part in entry["loc"]) or "body",
                repr(entry.get("input"))[:80],
                entry["msg"],
                "See the API's description.",
            )
            for entry in entries
        ]
    )


@contextmanager
def _telling_the_caller() -> Generator[None, None, None]:
    """Only what the caller sent is the caller's fault; a broken record of ours is not."""
    try:
        yield
    except ValidationError as error:
        raise _as_problems(error.errors()) from error


def _problem(
    request: Request,
    error: DatagenError,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    usual, body = wire.problem(error, request.state.id)
    body["status"] = status or usual
    if body["status"] >= 500:
        logger.error("request %s failed: %s", request.state.id, error)
    return JSONResponse(body, body["status"], headers=headers, media_type=wire.PROBLEM)
