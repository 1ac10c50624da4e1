"""What all routes share: FastAPI dependencies, JSON responses and problem documents."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Generator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Query, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, HTTPConnection

from datagen_nb.api import wire
from datagen_nb.api.server.auth import retry_after_header
from datagen_nb.core.errors import MAX_PROBLEMS, ConfigurationError, DatagenError, Problem
from datagen_nb.core.ports import Jobs
from datagen_nb.core.quoting import brief_repr, did_you_mean
from datagen_nb.core.wire_model import WireModel

logger = logging.getLogger("datagen_nb.api")

T = TypeVar("T")

MAX_CURSOR = 2**63 - 1


async def _jobs(connection: HTTPConnection) -> Jobs:  # async, or FastAPI would use a thread
    jobs: Jobs = connection.app.state.get_jobs(connection)
    return jobs


JobsDep = Annotated[Jobs, Depends(_jobs)]
"""The jobs of the calling customer."""


async def known_query(connection: HTTPConnection) -> None:  # as above
    """Refuse query parameters that the route does not have; a typo must not be ignored.

    Raises:
        ConfigurationError: Lists each unknown name.
    """
    known = _query_names(connection.scope["route"].dependant)
    unknown = [name for name in connection.query_params if name not in known]
    if unknown:
        raise ConfigurationError(
            [
                Problem(
                    name,
                    brief_repr(connection.query_params[name]),
                    "is no query parameter of this route",
                    did_you_mean(name, known) if known else "It takes none.",
                )
                for name in unknown[:MAX_PROBLEMS]
            ],
            count=len(unknown),
        )


def _query_names(dependant: Dependant) -> list[str]:
    own = [field.alias for field in dependant.query_params]
    return own + [name for below in dependant.dependencies for name in _query_names(below)]


IdempotencyKey = Annotated[
    str,
    Header(
        alias=wire.IDEMPOTENCY_KEY,
        min_length=1,
        max_length=200,
        description="Choose a new key for each job. A request repeated with the same key "
        "returns the job of the first one.",
    ),
]

Wait = Annotated[
    float,
    Query(ge=0, le=60, description="Seconds to wait if there is nothing yet; 0 answers at once."),
]

After = Annotated[int, Query(ge=0, le=MAX_CURSOR, description="Only entries after this cursor.")]


def json_response(
    model: WireModel, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A response with the model's JSON."""
    return Response(model.to_json(), status, headers, media_type="application/json")


async def unless_shutting_down(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """Await a long poll; return ``None`` if the service begins to shut down meanwhile.

    Raises:
        ClientDisconnect: The client disconnected.
    """

    async def disconnected() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    closing: asyncio.Event = request.app.state.closing
    task = asyncio.ensure_future(work)
    others = [asyncio.ensure_future(closing.wait()), asyncio.ensure_future(disconnected())]
    try:
        await asyncio.wait([task, *others], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if closing.is_set():
            return None
        raise ClientDisconnect
    finally:
        for each in (task, *others):
            each.cancel()
        await asyncio.gather(task, *others, return_exceptions=True)


def problem_response(
    request: Request,
    error: DatagenError,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response with the error's problem document.

    Args:
        request: What is answered.
        error: What went wrong.
        status: Of HTTP, if it is not the usual one of the error's class.
        headers: Further ones.
    """
    usual, _ = wire.problem_document(error, request.state.id)
    if usual >= 500:
        logger.error("request %s failed: %s", request.state.id, error)
        if request.app.state.is_deployed:
            error = wire.without_internals(error)
    _, body = wire.problem_document(error, request.state.id)
    body["status"] = status or usual
    headers = {**(headers or {}), **retry_after_header(error)}
    return JSONResponse(body, body["status"], headers=headers, media_type=wire.PROBLEM_TYPE)


def error_responses(
    *kinds: type[DatagenError], created: str = ""
) -> dict[int | str, dict[str, Any]]:
    """A route's ``responses``: the errors it can answer in addition to those of every route.

    Args:
        kinds: The error classes.
        created: Description of the 201 response, whose ``Location`` names the new object.
    """
    responses: dict[int | str, dict[str, Any]] = {}
    if created:
        responses[201] = {"description": created, "x-headers": ["Location"]}
    for kind in kinds:
        status = wire.HTTP_STATUS[kind.__name__]
        entry = responses.setdefault(status, {"x-errors": []})
        entry["x-errors"].append(kind.__name__)
    return responses


@contextmanager
def client_errors() -> Generator[None, None, None]:
    """Turn a validation error in the block into a 422; use it around the request's data only.

    A validation error elsewhere is a broken record of the service, and so a 500.
    """
    try:
        yield
    except ValidationError as error:
        raise wire.as_configuration_error(error.errors()) from error
