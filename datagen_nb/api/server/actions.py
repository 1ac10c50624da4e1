"""The action of each request, as named in ``core.access``, from its method and path alone.

A path that is not listed is a setting: to read it needs the scope ``read``, to change it
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
        (_READ, r"/(healthz|readyz)", "service.read"),
        (_READ, r"/v1/pipeline(/health)?", "service.read"),
        (_READ, r"/v1/pipeline/jobs/.*", "jobs.read"),
        ("POST", r"/v1/pipeline/(checks|measurements|inspections|previews)", "jobs.plan"),
        ("POST", r"/v1/pipeline/jobs", "jobs.submit"),
        ("POST", r"/v1/pipeline/jobs/[^/]+/(cancel|pause|resume)", "jobs.steer"),
        ("POST", r"/v1/(estimates|inspections|previews)", "jobs.plan"),
        ("POST", r"/v1/graphs", "jobs.submit"),
        (_READ, r"/v1/jobs/[^/]+/(parts/.*|model)", "results.read"),
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
"""The first pattern that matches decides."""


def action_of(method: str, path: str) -> str:
    """The action of a request, one of ``core.access.SCOPE_OF``.

    Raises:
        NotFound: The path contains a control character. A router may ignore one at the end, and
            so choose a route other than the one that was checked here.
    """
    if _CONTROL.search(path):
        raise NotFound("A path cannot contain control characters. Remove them from the address.")
    return next(action for asked, action in _ACTIONS if asked.fullmatch(f"{method} {path}"))
