"""The routes of an app, those of included routers too."""

from collections.abc import Iterable, Iterator
from typing import Any


def walk(routes: Iterable[Any]) -> Iterator[Any]:
    """Each route once."""
    for route in routes:
        below = getattr(route, "original_router", None) or route
        if hasattr(below, "routes"):
            yield from walk(below.routes)
        else:
            yield route
