"""The API's description: what FastAPI knows of the routes, completed with what all of them do.

Routes name their errors by class (``asking.tells``) and their headers by name; every route is
also behind the door and the bounds. Source: OpenAPI 3.1.0; RFC 9457 for the errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from datagen_nb.api import wire
from datagen_nb.api.examples import EXAMPLES
from datagen_nb.core.errors import ERROR_TYPES
from datagen_nb.core.messages import OTHER_EVENTS
from datagen_nb.core.wire_model import to_wire_name

DESCRIPTION = """\
Synthetic tables like yours, made by jobs.

Every request carries an API key (`Authorization: Bearer …`). Every error is a problem document
(RFC 9457) with a stable `code`. Lists are pages behind a cursor. A submit carries an
`Idempotency-Key`; sent again with it, it is the same job.

Events are one numbered log for each customer: a page, a stream of server-sent events
(`Accept: text/event-stream`), or a WebSocket at the same address, with the same cursor in all
three. A reader that falls behind is dropped, and goes on after its last cursor without loss.
"""

TAGS = {
    "jobs": "Submit, look, steer, delete.",
    "results": "What completed jobs made.",
    "uploads": "Inputs that are sent in chunks.",
    "events": "What happens, as it happens.",
    "plans": "What is asked before jobs are there.",
    "schedules": "Jobs that are submitted by a clock.",
    "webhooks": "Events that are sent to an address.",
    "alerts": "What somebody should look at.",
    "service": "Limits, retention, health.",
    "customers": "Customers and keys; needs the scope `admin`.",
}

HEADERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    wire.REQUEST_ID: ("Of this request; the log tells more under it.", {"type": "string"}),
    "RateLimit": (
        "Requests left and seconds until all are, when requests are limited "
        "(draft-ietf-httpapi-ratelimit-headers).",
        {"type": "string", "examples": ['"requests";r=199;t=1']},
    ),
    "RateLimit-Policy": (
        "Requests at once and the seconds in which as many come back.",
        {"type": "string", "examples": ['"requests";q=200;w=4']},
    ),
    "Retry-After": ("Seconds to wait.", {"type": "string", "pattern": "^[0-9]+$"}),
    "WWW-Authenticate": ("What is asked for.", {"type": "string"}),
    "Location": ("Where what was made is.", {"type": "string", "format": "uri-reference"}),
    "ETag": ("The digest of the bytes.", {"type": "string"}),
    "Accept-Ranges": ("That ranges may be asked for.", {"type": "string", "enum": ["bytes"]}),
    "Content-Range": ("Which bytes of how many.", {"type": "string"}),
    "Content-Length": ("Bytes.", {"type": "string", "pattern": "^[0-9]+$"}),
    "Cache-Control": ("Whether it may be kept.", {"type": "string"}),
    wire.UPLOAD_OFFSET: ("Bytes that are there.", {"type": "string", "pattern": "^[0-9]+$"}),
    wire.UPLOAD_LENGTH: ("Bytes there will be.", {"type": "string", "pattern": "^[0-9]+$"}),
}

ALWAYS = (wire.REQUEST_ID, "RateLimit", "RateLimit-Policy")

COMMON: Mapping[int, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    401: (
        "No API key came along, or none that is valid.",
        ("Unauthenticated",),
        ("WWW-Authenticate",),
    ),
    403: ("The key is not for this, or the page asking is not let in.", ("AccessError",), ()),
    404: ("There is none, or none of this customer's.", ("NotFound",), ()),
    409: ("What is there does not allow it.", (), ("Retry-After",)),
    413: ("The body is too long.", ("ConfigurationError",), ()),
    414: ("The address is too long.", ("ConfigurationError",), ()),
    416: ("No such range.", ("ConfigurationError",), ()),
    422: (
        "What was sent breaks a rule; `details.problems` tells each.",
        ("ConfigurationError",),
        (),
    ),
    429: ("There is as much as there may be.", ("LimitReached",), ("Retry-After",)),
    431: ("The headers are too long.", ("ConfigurationError",), ()),
    500: ("The service made a mistake.", ("ServiceError",), ()),
    503: ("The service cannot serve now.", ("ServiceUnavailable",), ()),
}
"""Of each status: what it means, the errors that any route tells with it, headers."""

EVERYWHERE = frozenset({401, 403, 414, 422, 429, 431, 500, 503})


def described(app: FastAPI) -> dict[str, Any]:
    """The whole description of an application; made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _described(app)
    return app.openapi_schema


def operation_id(name: str) -> str:
    """How an operation is called, from the name of its function."""
    return to_wire_name(name)


def _described(app: FastAPI) -> dict[str, Any]:
    whole = get_openapi(
        title="datagen_nb",
        version=app.version,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        separate_input_output_schemas=False,
    )
    whole["info"]["license"] = {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"}
    schemas = whole["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _part_events(schemas)
    schemas["Problem"] = _PROBLEM
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            _complete(path, method, operation)
    whole["components"]["responses"] = {
        str(status): _response(status, {"x-errors": []}, has_body=True)
        for status in sorted({*EVERYWHERE, 404, 413})
    }
    whole["components"]["headers"] = {
        name: {"description": text, "schema": schema} for name, (text, schema) in HEADERS.items()
    }
    whole["components"]["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, `dg_…`."}
    }
    whole["security"] = [{"apiKey": []}]
    return whole


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Say of an operation what the door, the bounds and the handlers of errors add to it."""
    responses: dict[str, Any] = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422", "")):
        del responses["422"]
    expected = set(EVERYWHERE)
    if "{" in path:
        expected.add(404)
    if "requestBody" in operation:
        expected.add(413)
    for number in expected:
        if str(number) not in responses and method != "head":
            responses[str(number)] = {"$ref": f"#/components/responses/{number}"}
        else:
            responses.setdefault(str(number), {"x-errors": []})
    for status, response in responses.items():
        if "$ref" not in response:
            responses[status] = _response(int(status), response, has_body=method != "head")
    operation["responses"] = dict(sorted(responses.items()))


def _response(status: int, said: Mapping[str, Any], *, has_body: bool) -> dict[str, Any]:
    """A response with its headers, and as a problem if it names errors or any route tells some."""
    response = {key: value for key, value in said.items() if not key.startswith("x-")}
    kinds, named = said.get("x-errors"), [*ALWAYS, *said.get("x-headers", ())]
    if kinds is not None:
        text, usual, headers = COMMON[status]
        told = ", ".join(
            f"`{ERROR_TYPES[kind].code}` ({kind})" for kind in sorted({*usual, *kinds})
        )
        response["description"] = f"{text} Told as {told}."
        named += headers
    if has_body and (kinds is not None or status in EVERYWHERE):
        problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
        response["content"] = {**response.get("content", {}), wire.PROBLEM: problem}
    response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
    return response


def _part_events(schemas: dict[str, Any]) -> None:
    """Tell the two kinds of events apart by their names, as readers do."""
    names = schemas["JobEvent"]["properties"]["event"]["enum"]
    schemas["JobEvent"]["properties"]["event"]["enum"] = [
        name for name in names if name not in OTHER_EVENTS
    ]
    schemas["OtherEvent"]["properties"]["event"]["enum"] = sorted(OTHER_EVENTS)


_CODES = {kind.code: name for name, kind in ERROR_TYPES.items()}

_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": (
        "What went wrong (RFC 9457). `code` is stable. `kind` is the error's class; an error of a "
        "class may have a code of its own. The classes' codes:\n\n"
        + "\n".join(
            f"- `{code}` ({name}): {(ERROR_TYPES[name].__doc__ or '').splitlines()[0]}"
            for code, name in sorted(_CODES.items())
        )
    ),
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "kind", "requestId", "details"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:datagen-nb:error:"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What happened, to what, and what to do now."},
        "code": {"type": "string", "pattern": "^[a-z0-9_.]+$", "examples": sorted(_CODES)},
        "kind": {"type": "string", "enum": sorted(ERROR_TYPES)},
        "requestId": {"type": "string"},
        "details": {"type": "object", "description": "Facts, for programs."},
    },
    "additionalProperties": False,
    "examples": [
        {
            "type": "urn:datagen-nb:error:job_not_found",
            "title": "No such job, or not one of this customer's: the two look the same.",
            "status": 404,
            "detail": "There is no job 'j_0000000000000000'.",
            "code": "job_not_found",
            "kind": "JobNotFound",
            "requestId": "5b1c7a0e3c6f4a5d9d0c5c6b6f6f6f6f",
            "details": {"jobId": "j_0000000000000000"},
        }
    ],
}
