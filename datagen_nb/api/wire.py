"""The wire protocol, for client and server: paths, headers, and errors as problem documents.

    POST   /v1/jobs                         submit; Idempotency-Key required → 201 JobStatus
    GET    /v1/jobs                         history: status, since, until, text, sort, order, limit,
                                            cursor → JobPage
    GET    /v1/jobs/counts                  since, until, text → JobCounts
    PATCH  /v1/jobs/{jobId}                 Annotation → JobStatus
    POST   /v1/jobs/delete                  NamedJobs → Deletions
    GET    /v1/jobs/{jobId}                 JobStatus
    DELETE /v1/jobs/{jobId}                 with its data → 204
    GET    /v1/jobs/{jobId}/configuration   JobConfiguration
    POST   /v1/jobs/{jobId}/cancel, /pause, /resume   JobStatus
    POST   /v1/jobs/cancel                  ManyJobs → Cancellations
    POST   /v1/jobs/{jobId}/rerun           Rerun or nothing; Idempotency-Key required
                                            → 201 JobStatus
    GET    /v1/jobs/{jobId}/log             after, wait → LogPage
    GET    /v1/jobs/{jobId}/manifest, /report
    GET    /v1/jobs/{jobId}/parts/{index}   bytes, or a Range of them; HEAD
    GET    /v1/jobs/{jobId}/model           bytes, or a Range of them; HEAD
    POST   /v1/uploads                      UploadRequest → 201 Upload, 200 if it exists
    GET    /v1/uploads                      cursor, limit → UploadPage
    GET    /v1/uploads/{uploadId}           Upload; HEAD: Upload-Offset, Upload-Length
    PATCH  /v1/uploads/{uploadId}           at most 1 MiB at Upload-Offset → Upload
    DELETE /v1/uploads/{uploadId}           204
    GET    /v1/events                       after, jobId, wait → EventPage, or SSE by
                                            Accept, or a WebSocket of JSON events
    POST   /v1/estimates                    JobConfiguration → Estimate
    POST   /v1/inspections                  JobConfiguration → Inspection
    POST   /v1/previews                     JobConfiguration → Preview
    POST   /v1/graphs                       Graph; Idempotency-Key required → 201 SubmittedGraph
    GET    /v1/templates                    cursor, limit → TemplatePage of newest versions
    PUT    /v1/templates/{name}             TemplateDraft → Template, a new version
    GET    /v1/templates/{name}             version → Template
    DELETE /v1/templates/{name}             with its versions → 204
    GET    /v1/templates/{name}/versions    cursor, limit → TemplatePage
    POST   /v1/templates/{name}/jobs        TemplateSubmit; Idempotency-Key required → 201 JobStatus
    GET    /v1/overview                     days → Overview
    GET    /v1/limits                       RateLimitStatus; PUT QueueChoice
    GET    /v1/retention                    Retention; PUT RetentionChoice
    POST   /v1/retention/cleanup            CleanUp
    GET    /v1/schedules                    cursor, limit → SchedulePage
    PUT    /v1/schedules/{name}             ScheduleDraft → Schedule
    GET    /v1/schedules/{name}             Schedule, with its next runs
    DELETE /v1/schedules/{name}             204
    GET    /v1/webhooks                     cursor, limit → WebhookPage
    POST   /v1/webhooks                     WebhookConfig → 201 NewWebhook, shows the secret
    GET    /v1/webhooks/{webhookId}         WebhookStatus
    PATCH  /v1/webhooks/{webhookId}         WebhookChange → WebhookStatus
    DELETE /v1/webhooks/{webhookId}         with its delivery log → 204
    POST   /v1/webhooks/{webhookId}/rotate  SecretRotation → 201 NewWebhook
    GET    /v1/webhooks/{webhookId}/deliveries   state, cursor, limit → DeliveryPage
    POST   /v1/webhooks/{webhookId}/deliveries/replay   ReplayRange → Replayed
    GET    /v1/webhooks/{webhookId}/deliveries/{deliveryId}   Delivery; POST /replay
    GET    /v1/alerts                       active, cursor, limit → AlertPage
    POST   /v1/alerts/{alertId}/acknowledge Alert
    GET    /v1/health, /v1/info
    GET    /healthz, /readyz                Probe; no key; 503 when not ready
    POST   /v1/shutdown                     the local service only

With a key of the scope ``admin``:

    GET    /v1/customers                    after, limit → CustomerPage
    POST   /v1/customers                    {"name"} → 201 Customer
    POST   /v1/customers/{name}/disable, /enable   Customer
    GET    /v1/keys                         customer, after, limit → KeyPage
    POST   /v1/keys                         KeyRequest → 201 NewKey, shows the key
    POST   /v1/keys/{keyId}/rotate          Rotation → 201 NewKey
    DELETE /v1/keys/{keyId}                 ApiKey, revoked
    GET    /metrics                         for Prometheus

Every body is a ``core`` model's JSON. Every error is ``application/problem+json`` (RFC 9457) with
``code``, ``kind`` (the class in ``core.errors``), ``requestId`` and ``details``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any
from urllib.parse import quote

from datagen_nb.core import errors
from datagen_nb.core.errors import (
    MAX_PROBLEMS,
    ConfigurationError,
    DatagenError,
    JobNotFound,
    Problem,
    ProtocolError,
    ServiceUnavailable,
    rebuild,
)
from datagen_nb.core.quoting import brief_repr

PREFIX = "/v1"
JOBS = f"{PREFIX}/jobs"
OVERVIEW = f"{PREFIX}/overview"
LIMITS = f"{PREFIX}/limits"
RETENTION = f"{PREFIX}/retention"
CLEAN_UP = f"{RETENTION}/cleanup"
UPLOADS = f"{PREFIX}/uploads"
EVENTS = f"{PREFIX}/events"
HEALTH = f"{PREFIX}/health"
INFO = f"{PREFIX}/info"
HEALTHZ = "/healthz"
READYZ = "/readyz"
PROBES = frozenset({HEALTHZ, READYZ})
"""Paths that need no API key."""
ESTIMATES = f"{PREFIX}/estimates"
INSPECTIONS = f"{PREFIX}/inspections"
PREVIEWS = f"{PREFIX}/previews"
GRAPHS = f"{PREFIX}/graphs"
SCHEDULES = f"{PREFIX}/schedules"
TEMPLATES = f"{PREFIX}/templates"
WEBHOOKS = f"{PREFIX}/webhooks"
CUSTOMERS = f"{PREFIX}/customers"
KEYS = f"{PREFIX}/keys"
ALERTS = f"{PREFIX}/alerts"
METRICS = "/metrics"
SHUTDOWN = f"{PREFIX}/shutdown"

PROBLEM_TYPE = "application/problem+json"
EVENT_STREAM_TYPE = "text/event-stream"
CHUNK_TYPE = "application/offset+octet-stream"

STREAM_OPEN, HEARTBEAT, STREAM_END = "welcome", "heartbeat", "goodbye"
"""Messages of a stream that are not events: the first, one after each silence, and the last when
the service shuts down. A stream that ends without the last one has failed."""

IDEMPOTENCY_KEY = "Idempotency-Key"
API_KEY = "X-Api-Key"
REQUEST_ID = "X-Request-Id"
UPLOAD_OFFSET = "Upload-Offset"
UPLOAD_LENGTH = "Upload-Length"

HTTP_STATUS: Mapping[str, int] = {
    "DatagenError": 500,
    "ArgumentError": 422,
    "ArgumentTypeError": 422,
    "ConfigurationError": 422,
    "InputError": 422,
    "OutputError": 422,
    "StorageError": 422,
    "BucketNotFound": 422,
    "CredentialsUnusable": 422,
    "RequesterPays": 422,
    "StorageForbidden": 422,
    "JobError": 409,
    "JobNotFound": 404,
    "ActionRefused": 409,
    "ResultNotReady": 409,
    "JobFailed": 409,
    "JobCancelled": 409,
    "WaitTimeout": 408,
    "SubmitError": 409,
    "IdempotencyConflict": 422,
    "SubmitInFlight": 409,
    "LimitReached": 429,
    "QuotaExceeded": 409,
    "Rejected": 422,
    "AccessError": 403,
    "Unauthenticated": 401,
    "Forbidden": 403,
    "SignatureInvalid": 401,
    "Conflict": 409,
    "ServiceError": 500,
    "ServiceUnavailable": 503,
    "ServiceStartFailed": 503,
    "VersionMismatch": 409,
    "HomeError": 503,
    "ProtocolError": 502,
    "ClientUnusable": 500,
    "NotFound": 404,
}
"""The HTTP status of each error class."""


_JOB_ID = re.compile(r"(?!dg_)[A-Za-z0-9_-]{1,64}|\{job_id\}")
"""A job's id, or the placeholder of a route. An API key never matches: URLs are logged."""


def job_path(job_id: str, *rest: str) -> str:
    """The path of a job, or of a resource below it.

    Raises:
        JobNotFound: The id is not a valid one; its path could be another route.
    """
    if _JOB_ID.fullmatch(job_id) is None:
        raise JobNotFound(
            f"There is no job {job_id!r}. `client.jobs.list()` shows those there are.",
            details={"jobId": job_id},
        )
    return "/".join([JOBS, job_id, *rest])


def resource_path(base: str, name: str, *rest: str) -> str:
    """Path of something that a customer has resource_path, as a template, or of something of it."""
    return "/".join([base, quote(name, safe=""), *rest])


_random = Random()  # noqa: S311  an id, not a secret


def new_request_id() -> str:
    """A random id for a request that has none."""
    return f"{_random.getrandbits(128):032x}"


def problem_document(error: DatagenError, request_id: str) -> tuple[int, dict[str, Any]]:
    """HTTP status and problem document of an error."""
    kind = type(error).__name__
    status = HTTP_STATUS[kind]
    return status, {
        "type": f"urn:datagen-nb:error:{error.code}",
        "title": (type(error).__doc__ or kind).splitlines()[0],
        "status": status,
        "detail": error.message,
        "code": error.code,
        "kind": kind,
        "requestId": request_id,
        "details": error.details,
    }


def as_configuration_error(entries: Sequence[Any]) -> ConfigurationError:
    """A ``ConfigurationError`` from pydantic's list of validation errors."""
    return ConfigurationError(
        [
            Problem(
                ".".join(str(part) for part in entry["loc"]) or "body",
                _given(entry),
                entry["msg"],
                "See the API's description at /v1/openapi.json.",
            )
            for entry in entries[:MAX_PROBLEMS]
        ],
        count=len(entries),
    )


def _given(entry: Any) -> str:
    """The value that was sent, if it is a single one and not a secret; otherwise ``…``."""
    place, value = entry["loc"], entry.get("input")
    is_one = value is None or isinstance(value, str | int | float)
    is_secret = "secret" in place or place in ((), ("body",))
    return brief_repr(value) if is_one and not is_secret else "…"


def error_from_response(
    status: int, body: Any, request_id: str, *, sender: str = "The service"
) -> DatagenError:
    """The error of a failed response, also of one without a problem document.

    Args:
        status: Of the response.
        body: Its JSON, or ``None``.
        request_id: Of the request.
        sender: What answered: an address, for a person who may have typed a wrong one.
    """
    if isinstance(body, dict) and {"kind", "code", "detail"} <= body.keys():
        details = body.get("details")
        return rebuild(
            str(body["kind"]),
            str(body["detail"]),
            code=str(body["code"]),
            details=details if isinstance(details, dict) else None,
            request_id=str(body.get("requestId", request_id)),
        )
    if status in {502, 503, 504}:
        return ServiceUnavailable(
            f"{sender} answered with status {status}. Try again in a moment.",
            request_id=request_id,
        )
    return ProtocolError(
        f"{sender} answered with status {status} and no error document that this version can read. "
        "Check the address, and what lies before the service.",
        details={"status": status},
        request_id=request_id,
    )


SHUTTING_DOWN = ServiceUnavailable(
    "The service is shutting down. Try again when it has been restarted.",
    code="service_ending",
)
"""The error of requests that arrive during a shutdown."""


def without_internals(error: DatagenError) -> DatagenError:
    """An internal error without its message and details, which may name paths of the machine."""
    if error in (SHUTTING_DOWN, INTERNAL_ERROR):
        return error
    kept = {name: value for name, value in error.details.items() if name == "retryAfter"}
    return rebuild(
        type(error).__name__,
        "The service cannot do this now. Its log has the reason under this request id.",
        code=error.code,
        details=kept,
    )


INTERNAL_ERROR = errors.ServiceError(
    "The service failed unexpectedly. Its log has the reason under this request id.",
    code="internal_error",
)
"""The error of an unexpected exception; the traceback is only in the log."""
