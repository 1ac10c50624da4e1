"""What every area's routes share: who asks, how it is answered, which errors are told of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Generator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, HTTPConnection

from datagen_nb.api import wire
from datagen_nb.api.access import retry_after
from datagen_nb.core.errors import DatagenError
from datagen_nb.core.ports import Jobs
from datagen_nb.core.wire_model import WireModel

logger = logging.getLogger("datagen_nb.api")

T = TypeVar("T")

MOST_CURSOR = 2**63 - 1


async def _asked(connection: HTTPConnection) -> Jobs:  # not async, it would cost a thread's hop
    jobs: Jobs = connection.app.state.customer(connection)
    return jobs


Asked = Annotated[Jobs, Depends(_asked)]
"""The jobs of the customer who asks."""

Key = Annotated[
    str,
    Header(
        alias=wire.IDEMPOTENCY_KEY,
        min_length=1,
        max_length=200,
        description="Made anew for each job that is meant; the same key gives the same job.",
    ),
]

Wait = Annotated[
    float, Query(ge=0, le=60, description="Seconds to wait for the first, if there is none yet.")
]

After = Annotated[int, Query(ge=0, le=MOST_CURSOR, description="Only what follows this number.")]


def answer(
    model: WireModel, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """The model's own JSON."""
    return Response(model.to_json(), status, headers, media_type="application/json")


async def unless_over(request: Request, waiting: Coroutine[Any, Any, T]) -> T | None:
    """Await what may take long; ``None`` if the service ends meanwhile.

    Raises:
        ClientDisconnect: The caller is gone.
    """

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    closing: asyncio.Event = request.app.state.closing
    waits = asyncio.ensure_future(waiting)
    others = [asyncio.ensure_future(closing.wait()), asyncio.ensure_future(gone())]
    try:
        await asyncio.wait([waits, *others], return_when=asyncio.FIRST_COMPLETED)
        if waits.done():
            return waits.result()
        if closing.is_set():
            return None
        raise ClientDisconnect
    finally:
        for task in (waits, *others):
            task.cancel()
        await asyncio.gather(waits, *others, return_exceptions=True)


def refuse(
    request: Request,
    error: DatagenError,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The problem document that tells an error; ``status`` where it is not the error's usual."""
    usual, body = wire.problem(error, request.state.id)
    body["status"] = status or usual
    if body["status"] >= 500:
        logger.error("request %s failed: %s", request.state.id, error)
    headers = {**(headers or {}), **retry_after(error)}
    return JSONResponse(body, body["status"], headers=headers, media_type=wire.PROBLEM)


def tells(*kinds: type[DatagenError], made: str = "") -> dict[int | str, dict[str, Any]]:
    """Say, for a route's ``responses``, which errors it tells besides those that all do.

    Args:
        kinds: Their classes.
        made: What a route has made that says in ``Location`` where it is.
    """
    told: dict[int | str, dict[str, Any]] = {}
    if made:
        told[201] = {"description": made, "x-headers": ["Location"]}
    for kind in kinds:
        status = wire.HTTP_STATUS[kind.__name__]
        entry = told.setdefault(status, {"x-errors": []})
        entry["x-errors"].append(kind.__name__)
    return told


@contextmanager
def telling_the_caller() -> Generator[None, None, None]:
    """Only what the caller sent is the caller's fault; a broken record of ours is not."""
    try:
        yield
    except ValidationError as error:
        raise wire.as_problems(error.errors()) from error
