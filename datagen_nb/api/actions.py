"""What each request does, as ``core.access`` names it; by its method and path alone.

What has no line of its own is a setting: to look at it needs the scope ``read``, to change it
``manage``.
"""

from __future__ import annotations

import re

from datagen_nb.core.errors import NotFound

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")

_READ = r"GET|HEAD"
_ANY = r"\w+"

_ACTIONS = tuple(
    (re.compile(f"({methods}) ({path})"), action)
    for methods, path, action in (
        (_READ, r"/v1/(info|health|openapi\.json)", "service.read"),
        (_READ, r"/(v1/)?metrics", "metrics.read"),
        (_ANY, r"/v1/shutdown", "service.stop"),
        ("POST", r"/v1/(estimates|inspections|previews|graphs)", "jobs.submit"),
        (_READ, r"/v1/jobs/[^/]+/parts/.*", "results.read"),
        (_READ, r"/v1/(jobs(/.*)?|overview)", "jobs.read"),
        ("POST", r"/v1/jobs", "jobs.submit"),
        ("POST", r"/v1/(jobs|templates)/[^/]+/(rerun|jobs)", "jobs.submit"),
        ("POST", r"/v1/jobs/(cancel|[^/]+/(cancel|pause|resume))", "jobs.steer"),
        ("PATCH", r"/v1/jobs/[^/]+", "jobs.steer"),
        (_ANY, r"/v1/jobs/.*", "jobs.delete"),
        (_ANY, r"/v1/uploads(/.*)?", "uploads.write"),
        (_READ, r"/v1/events(/.*)?", "events.read"),
        (_READ, r"/v1/customers(/.*)?", "customers.read"),
        (_ANY, r"/v1/customers(/.*)?", "customers.change"),
        (_READ, r"/v1/keys(/.*)?", "keys.read"),
        (_ANY, r"/v1/keys(/.*)?", "keys.change"),
        (_READ, r".*", "settings.read"),
        (_ANY, r"/v1/webhooks(/.*)?", "webhooks.change"),
        (_ANY, r".*", "settings.change"),
    )
)
"""What each request does, by the first that fits."""


def action_of(method: str, path: str) -> str:
    """What a request does, as ``core.access.SCOPE_OF`` names it.

    Raises:
        NotFound: The path holds a control character. A router may overlook one at the end, and
            would then find a route that was not asked about here.
    """
    if _CONTROL.search(path):
        raise NotFound("No route has a control character in it.")
    return next(action for asked, action in _ACTIONS if asked.fullmatch(f"{method} {path}"))
