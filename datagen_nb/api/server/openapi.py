"""The OpenAPI description: FastAPI's, completed with errors, headers and field descriptions.

Routes list their errors by class (``dependencies.error_responses``) and headers by name; those of
the middlewares are added to every route. A model's docstring becomes the descriptions of its
schema and properties. Source: OpenAPI 3.1.0; RFC 9457 for the errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from datagen_nb.api import wire
from datagen_nb.api.server.examples import EXAMPLES
from datagen_nb.core.errors import ERROR_TYPES
from datagen_nb.core.messages import OTHER_EVENTS
from datagen_nb.core.wire_model import to_wire_name

DESCRIPTION = """\
Jobs that generate synthetic tables.

Send an API key with every request (`Authorization: Bearer …`). Every error is a problem document
(RFC 9457) with a stable `code`. Lists are paged with a cursor: send `nextCursor` of one page as
`cursor` of the next. Submits need an `Idempotency-Key`; a request repeated with the same key
returns the same job.

Each customer has one numbered log of events. Read it as pages, as a stream of server-sent events
(`Accept: text/event-stream`), or over a WebSocket at the same URL; all three use the same cursor.
A reader that is too slow is disconnected, and can resume after its last cursor without loss.
"""

TAGS = {
    "jobs": "Submit, list, pause, resume, cancel and delete jobs.",
    "results": "Manifests, reports and data of completed jobs.",
    "uploads": "Input files, sent in chunks; an interrupted upload can be continued.",
    "events": "Changes of jobs and alerts, as pages or a stream.",
    "plans": "Estimates, inspections, previews, templates, and several jobs at once.",
    "schedules": "Jobs that are submitted at regular times.",
    "webhooks": "Events that the service sends to a URL.",
    "alerts": "Problems that need attention.",
    "service": "Limits, retention, health and metrics.",
    "customers": "Customers and API keys; needs the scope `admin`.",
}

HEADERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    wire.REQUEST_ID: ("Id of this request, also in the service's log.", {"type": "string"}),
    "RateLimit": (
        "Remaining requests, and seconds until the limit is reset "
        "(draft-ietf-httpapi-ratelimit-headers).",
        {"type": "string", "examples": ['"requests";r=199;t=1']},
    ),
    "RateLimit-Policy": (
        "Requests allowed at once, and the seconds in which that number is restored.",
        {"type": "string", "examples": ['"requests";q=200;w=4']},
    ),
    "Retry-After": (
        "Seconds to wait before the next try.",
        {"type": "string", "pattern": "^[0-9]+$"},
    ),
    "WWW-Authenticate": ("The authentication scheme.", {"type": "string"}),
    "Location": ("Path of the new object.", {"type": "string", "format": "uri-reference"}),
    "ETag": ("SHA-256 of the bytes.", {"type": "string"}),
    "Accept-Ranges": ("Range requests are supported.", {"type": "string", "enum": ["bytes"]}),
    "Content-Range": ("The range of bytes, and the size of the whole.", {"type": "string"}),
    "Content-Length": ("Size of the body in bytes.", {"type": "string", "pattern": "^[0-9]+$"}),
    "Cache-Control": ("Whether caches may store the response.", {"type": "string"}),
    wire.UPLOAD_OFFSET: ("Bytes received so far.", {"type": "string", "pattern": "^[0-9]+$"}),
    wire.UPLOAD_LENGTH: (
        "Size of the whole file in bytes.",
        {"type": "string", "pattern": "^[0-9]+$"},
    ),
}

COMMON_HEADERS = (wire.REQUEST_ID, "RateLimit", "RateLimit-Policy")

ERROR_RESPONSES: Mapping[int, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    401: (
        "The API key is missing or not valid.",
        ("Unauthenticated",),
        ("WWW-Authenticate",),
    ),
    403: (
        "The key lacks the scope, or the request comes from a web page of a foreign origin.",
        ("AccessError",),
        (),
    ),
    404: ("There is no such object, or it belongs to another customer.", ("NotFound",), ()),
    409: ("The current state does not allow it.", (), ("Retry-After",)),
    413: ("The body is too long.", ("ConfigurationError",), ()),
    414: ("The URL is too long.", ("ConfigurationError",), ()),
    416: ("The requested range is outside the file.", ("ConfigurationError",), ()),
    422: (
        "The request is invalid; `details.problems` lists what is wrong.",
        ("ConfigurationError",),
        (),
    ),
    429: ("A limit is reached.", ("LimitReached",), ("Retry-After",)),
    431: ("The headers are too long.", ("ConfigurationError",), ()),
    500: ("The service failed unexpectedly.", ("ServiceError",), ()),
    503: ("The service is unavailable.", ("ServiceUnavailable",), ()),
}
"""By status: description, error classes of every route, headers."""

COMMON_STATUSES = frozenset({401, 403, 414, 422, 429, 431, 500, 503})


def build_openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description of an application; built once."""
    if app.openapi_schema is None:
        app.openapi_schema = _build(app)
    return app.openapi_schema


def operation_id(name: str) -> str:
    """The ``operationId`` of a route, from the name of its function."""
    return to_wire_name(name)


def _build(app: FastAPI) -> dict[str, Any]:
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
    _split_event_names(schemas)
    for schema in schemas.values():
        _describe_properties(schema)
    schemas["Problem"] = _PROBLEM
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            _complete(path, method, operation)
    whole["components"]["responses"] = {
        str(status): _response(status, {"x-errors": []}, has_body=True)
        for status in sorted({*COMMON_STATUSES, 404, 413})
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
    """Add to an operation the responses of the middlewares and error handlers."""
    responses: dict[str, Any] = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422", "")):
        del responses["422"]
    expected = set(COMMON_STATUSES)
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


def _response(status: int, source: Mapping[str, Any], *, has_body: bool) -> dict[str, Any]:
    """A response with its headers, and a problem document if it can be an error."""
    response = {key: value for key, value in source.items() if not key.startswith("x-")}
    kinds, named = source.get("x-errors"), [*COMMON_HEADERS, *source.get("x-headers", ())]
    if kinds is not None:
        text, usual, headers = ERROR_RESPONSES[status]
        listed = ", ".join(
            f"`{ERROR_TYPES[kind].code}` ({kind})" for kind in sorted({*usual, *kinds})
        )
        response["description"] = f"{text} Errors: {listed}."
        named += headers
    if has_body and (kinds is not None or status in COMMON_STATUSES):
        problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
        response["content"] = {**response.get("content", {}), wire.PROBLEM_TYPE: problem}
    response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
    return response


def _split_event_names(schemas: dict[str, Any]) -> None:
    """Give the two event schemas disjoint names, so that readers can choose by name."""
    names = schemas["JobEvent"]["properties"]["event"]["enum"]
    schemas["JobEvent"]["properties"]["event"]["enum"] = [
        name for name in names if name not in OTHER_EVENTS
    ]
    schemas["OtherEvent"]["properties"]["event"]["enum"] = sorted(OTHER_EVENTS)


_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def _describe_properties(schema: dict[str, Any]) -> None:
    """Turn a model's docstring into the descriptions of its schema and properties.

    Sections other than ``Args`` are for Python. Fields that the text names get their wire names.
    """
    properties: dict[str, Any] = schema.get("properties", {})
    fields = {_to_field_name(name): name for name in properties}

    def for_wire(text: str) -> str:
        text = re.sub(r"``(.+?)``", lambda found: f"`{fields.get(found[1], found[1])}`", text)
        return " ".join(text.split())

    summary, *sections = schema.get("description", "").split("\n\n")
    arguments = next((text for text in sections if text.startswith("Args:")), "")
    prose = [text for text in sections if not _SECTION.match(text)]
    if summary:
        schema["description"] = "\n\n".join(for_wire(text) for text in (summary, *prose))
    for field, text in _ARGUMENT.findall(arguments):
        properties[fields[field]]["description"] = for_wire(text)


_SECTION = re.compile(r"(Args|Raises|Example|Source):")


def _to_field_name(wire_name: str) -> str:
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", wire_name)


def _summary_of(kind: type) -> str:
    return (kind.__doc__ or "").splitlines()[0].replace("``", "`")


_CODES = {kind.code: name for name, kind in ERROR_TYPES.items()}

_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": (
        "An error (RFC 9457). `code` is stable; `kind` is the error's class. These are the classes "
        "with their default codes; an error may have a more specific code:\n\n"
        + "\n".join(
            f"- `{code}` ({name}): {_summary_of(ERROR_TYPES[name])}"
            for code, name in sorted(_CODES.items())
        )
    ),
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "kind", "requestId", "details"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:datagen-nb:error:"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What happened, and what to do about it."},
        "code": {"type": "string", "pattern": "^[a-z0-9_.]+$", "examples": sorted(_CODES)},
        "kind": {"type": "string", "enum": sorted(ERROR_TYPES)},
        "requestId": {"type": "string"},
        "details": {"type": "object", "description": "Facts about the error, for programs."},
    },
    "additionalProperties": False,
    "examples": [
        {
            "type": "urn:datagen-nb:error:job_not_found",
            "title": "There is no such job, or it belongs to another customer.",
            "status": 404,
            "detail": "There is no job 'j_0000000000000000'.",
            "code": "job_not_found",
            "kind": "JobNotFound",
            "requestId": "5b1c7a0e3c6f4a5d9d0c5c6b6f6f6f6f",
            "details": {"jobId": "j_0000000000000000"},
        }
    ],
}
