"""The route that Prometheus scrapes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from datagen_nb.api import wire
from datagen_nb.api.server.routes.dependencies import error_responses
from datagen_nb.core.errors import NotFound
from datagen_nb.core.observer import Exposition

routes = APIRouter(tags=["service"])

TEXT = "text/plain; version=0.0.4; charset=utf-8"


@routes.get(
    wire.METRICS,
    response_class=Response,
    responses={
        200: {"description": "The metrics.", "content": {TEXT: {"schema": {"type": "string"}}}},
        **error_responses(NotFound),
    },
)
async def get_metrics(request: Request) -> Response:
    """Get the operator's metrics in the Prometheus text format."""
    metrics: Exposition | None = request.app.state.metrics
    if metrics is None:
        raise NotFound("This service has no metrics.")
    return Response(await metrics.scrape(), media_type=TEXT)
