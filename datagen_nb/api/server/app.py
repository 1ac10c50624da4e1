"""The REST API as a FastAPI application: routers, middlewares, error handlers.

Each route validates its request, calls a port, and answers with a model's JSON.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial

from fastapi import Depends, FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datagen_nb.api import wire
from datagen_nb.api.server.auth import AuthConfig, AuthMiddleware
from datagen_nb.api.server.event_streams import DEFAULT_TIMES, StreamTimes
from datagen_nb.api.server.openapi import build_openapi, operation_id
from datagen_nb.api.server.request_limits import RequestLimits
from datagen_nb.api.server.routes import (
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
from datagen_nb.api.server.routes import metrics as metrics_routes
from datagen_nb.api.server.routes.dependencies import known_query, problem_response
from datagen_nb.core.access import AccessControl
from datagen_nb.core.errors import ConfigurationError, DatagenError, NotFound, Problem
from datagen_nb.core.logs import log_context
from datagen_nb.core.messages import ServiceInfo
from datagen_nb.core.observer import Exposition
from datagen_nb.core.ports import Jobs
from datagen_nb.core.secrets import redact
from datagen_nb.core.version import __version__

logger = logging.getLogger("datagen_nb.api")

ROUTERS = (
    jobs,
    results,
    uploads,
    events,
    plans,
    schedules,
    webhooks,
    alerts,
    service,
    metrics_routes,
    customers,
)
"""Modules with a router each."""


async def _always() -> bool:
    return True


def make_app(
    get_jobs: Callable[[HTTPConnection], Jobs],
    *,
    describe: Callable[[ServiceInfo], ServiceInfo],
    auth: AuthConfig | None = None,
    access: AccessControl | None = None,
    metrics: Exposition | None = None,
    is_ready: Callable[[], Awaitable[bool]] = _always,
    is_deployed: bool = False,
    stream_times: StreamTimes = DEFAULT_TIMES,
) -> FastAPI:
    """Create the application.

    Args:
        get_jobs: Returns the ``Jobs`` of a request's customer.
        describe: Adds to ``GET /v1/info`` what only the host knows.
        auth: How callers are authenticated; without it every caller may do everything.
        access: Customers and keys; without it their routes answer 404.
        metrics: What ``GET /metrics`` answers; without it the route answers 404.
        is_ready: Whether jobs are accepted; for ``GET /readyz``.
        is_deployed: Whether it serves customers; they get no details of internal errors.
        stream_times: Heartbeats and timeouts of event streams.
    """
    app = FastAPI(
        title="datagen_nb",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{wire.PREFIX}/openapi.json",
        generate_unique_id_function=lambda route: operation_id(route.name),
        dependencies=[Depends(known_query)],
    )
    app.openapi = partial(build_openapi, app)  # type: ignore[method-assign]
    app.state.get_jobs = get_jobs
    app.state.describe = describe
    app.state.closing = asyncio.Event()  # set when a shutdown begins
    app.state.access = access
    app.state.metrics = metrics
    app.state.is_ready = is_ready
    app.state.is_deployed = is_deployed
    app.state.stream_times = stream_times
    for module in ROUTERS:
        app.include_router(module.routes)
    protect(app, auth)
    return app


def protect(app: FastAPI, auth: AuthConfig | None) -> None:
    """Add what each of our applications has: bounds, request ids, authentication, typed errors."""
    # The middleware that is added last runs first.
    if auth is not None:
        app.add_middleware(AuthMiddleware, config=auth)
    _add_error_handlers(app)
    app.add_middleware(RequestLimits)


def _add_error_handlers(app: FastAPI) -> None:
    app.add_middleware(RequestIds)

    @app.exception_handler(DatagenError)
    async def known(connection: Request | WebSocket, error: DatagenError) -> Response:
        if isinstance(connection, Request):
            return problem_response(connection, error)
        status, body = wire.problem_document(error, wire.new_request_id())
        denial = JSONResponse(body, status, media_type=wire.PROBLEM_TYPE)
        await connection.send_denial_response(denial)
        return denial

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return problem_response(request, wire.as_configuration_error(error.errors()))

    @app.exception_handler(HTTPException)
    async def unrouted(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # a body that is not JSON
            rule = "has to be JSON in UTF-8"
            problem = Problem("body", "(unreadable)", rule, "Check the body's syntax.")
            return problem_response(request, ConfigurationError([problem]))
        not_found = NotFound(
            f"{request.method} {request.url.path} is not a route of this service.",
            code="method_not_allowed" if error.status_code == 405 else None,
        )
        return problem_response(request, not_found, status=error.status_code, headers=error.headers)


class RequestIds:
    """Gives each request an id, and turns an unexpected exception into a 500 that names it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = redact(request.headers.get(wire.REQUEST_ID, ""))
        request.state.id = given if re.fullmatch(r"[\w-]{1,64}", given) else wire.new_request_id()
        with log_context(request=request.state.id):
            await self._run(request, scope, receive, send)

    async def _run(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def tagged(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                MutableHeaders(scope=message)[wire.REQUEST_ID] = request.state.id
            await send(message)

        try:
            await self._app(scope, receive, tagged)
        except ClientDisconnect:
            logger.debug(
                "the client of request %s disconnected: %s", request.state.id, request.url.path
            )
        except Exception:
            logger.exception(
                "request %s failed unexpectedly: %s", request.state.id, request.url.path
            )
            if has_started:
                raise
            await problem_response(request, wire.INTERNAL_ERROR)(scope, receive, tagged)
