"""The REST API: the application around the areas' routes.

Each route reads the request, asks a port, and answers the model's own JSON.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Callable, Mapping

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datagen_nb import __version__
from datagen_nb.api import wire
from datagen_nb.api.access import Door, Entrance, retry_after
from datagen_nb.api.bounds import Bounds
from datagen_nb.api.routes import (
    customers,
    events,
    jobs,
    plans,
    results,
    schedules,
    service,
    uploads,
    webhooks,
)
from datagen_nb.core.access import AccessControl
from datagen_nb.core.errors import DatagenError, NotFound
from datagen_nb.core.messages import ServiceInfo
from datagen_nb.core.ports import Jobs
from datagen_nb.core.secrets import redact

logger = logging.getLogger("datagen_nb.api")

AREAS = (jobs, results, uploads, events, plans, schedules, webhooks, service, customers)
"""Where the routes are."""


def make_app(
    customer: Callable[[HTTPConnection], Jobs],
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
    for area in AREAS:
        app.include_router(area.routes)
    # The layer that is added last is the first to hear of a request.
    if entrance is not None:
        app.add_middleware(Door, entrance=entrance)
    _tell_errors(app)
    app.add_middleware(Bounds)
    return app


def _tell_errors(app: FastAPI) -> None:
    app.add_middleware(RequestIds)

    @app.exception_handler(DatagenError)
    async def ours(request: Request, error: DatagenError) -> Response:
        return _problem(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return _problem(request, wire.as_problems(error.errors()))

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
        given = redact(request.headers.get(wire.REQUEST_ID, ""))
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
    headers = {**(headers or {}), **retry_after(error)}
    return JSONResponse(body, body["status"], headers=headers, media_type=wire.PROBLEM)
