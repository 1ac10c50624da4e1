"""The route that Prometheus asks."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.routes.asking import tells
from datagen_nb.core.errors import NotFound
from datagen_nb.core.observing import Exposition

routes = APIRouter(tags=["service"])

TEXT = "text/plain; version=0.0.4; charset=utf-8"


@routes.get(
    wire.METRICS,
    response_class=Response,
    responses={
        200: {"description": "Metrics.", "content": {TEXT: {"schema": {"type": "string"}}}},
        **tells(NotFound),
    },
)
async def get_metrics(request: Request) -> Response:
    """What the service counts of itself, in Prometheus' text format; for the operator."""
    metrics: Exposition | None = request.app.state.metrics
    if metrics is None:
        raise NotFound("This service counts nothing of itself.")
    return Response(await metrics.scrape(), media_type=TEXT)
