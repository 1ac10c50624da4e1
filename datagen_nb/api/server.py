"""The REST API: the application around the areas' routes.

Each route reads the request, asks a port, and answers the model's own JSON.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from functools import partial

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datagen_nb import __version__
from datagen_nb.api import wire
from datagen_nb.api.access import Door, Entrance
from datagen_nb.api.bounds import Bounds
from datagen_nb.api.openapi import described, operation_id
from datagen_nb.api.routes import (
    alerts,
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
from datagen_nb.api.routes import metrics as metrics_area
from datagen_nb.api.routes.asking import refuse
from datagen_nb.core.access import AccessControl
from datagen_nb.core.errors import ConfigurationError, DatagenError, NotFound, Problem
from datagen_nb.core.logs import logged
from datagen_nb.core.messages import ServiceInfo
from datagen_nb.core.observing import Exposition
from datagen_nb.core.ports import Jobs
from datagen_nb.core.secrets import redact

logger = logging.getLogger("datagen_nb.api")

AREAS = (
    jobs,
    results,
    uploads,
    events,
    plans,
    schedules,
    webhooks,
    alerts,
    service,
    metrics_area,
    customers,
)
"""Where the routes are."""


def make_app(
    customer: Callable[[HTTPConnection], Jobs],
    *,
    describe: Callable[[ServiceInfo], ServiceInfo],
    entrance: Entrance | None = None,
    access: AccessControl | None = None,
    metrics: Exposition | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        customer: Who asks: gives that customer's ``Jobs``, or raises.
        describe: Completes what the service says of itself with what its host knows.
        entrance: What the door goes by; without one everybody may do everything.
        access: Customers and keys, for those who manage them; without it there are none.
        metrics: What the service counts of itself, for the operator.
    """
    app = FastAPI(
        title="datagen_nb",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{wire.PREFIX}/openapi.json",
        generate_unique_id_function=lambda route: operation_id(route.name),
    )
    app.openapi = partial(described, app)  # type: ignore[method-assign]
    app.state.customer = customer
    app.state.describe = describe
    app.state.closing = asyncio.Event()  # set when the service is told to end
    app.state.access = access
    app.state.metrics = metrics
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
        return refuse(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return refuse(request, wire.as_problems(error.errors()))

    @app.exception_handler(HTTPException)
    async def unrouted(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # a body that could not even be read as JSON
            rule = "has to be JSON in UTF-8, nested no deeper than is usual"
            unread = Problem("body", "(unreadable)", rule, "Send it as such.")
            return refuse(request, ConfigurationError([unread]))
        said = NotFound(
            f"{request.method} {request.url.path} is not a route of this service.",
            code="method_not_allowed" if error.status_code == 405 else None,
        )
        return refuse(request, said, status=error.status_code, headers=error.headers)


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
        request.state.id = given if re.fullmatch(r"[\w-]{1,64}", given) else wire.new_request_id()
        with logged(request=request.state.id):
            await self._answer(request, scope, receive, send)

    async def _answer(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
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
            await refuse(request, wire.UNEXPECTED)(scope, receive, tagged)
