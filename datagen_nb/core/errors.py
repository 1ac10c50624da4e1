"""All errors of this package, in one tree.

Each has a stable ``code``, also over HTTP, facts in ``details``, and a message that says what
happened, to which object, and what to do about it. API keys are redacted.

    DatagenError                     error
    ├─ ArgumentError                 invalid_argument        (a ValueError as well)
    ├─ ArgumentTypeError             invalid_argument_type   (a TypeError as well)
    ├─ ConfigurationError            invalid_configuration   (the first 20 problems)
    ├─ InputError                    input_*, ragged_row …   (the table cannot be read)
    ├─ OutputError                   output_*, disk_full     (the result cannot be written)
    ├─ StorageError                  storage_error           (a bucket cannot be used)
    │  ├─ BucketNotFound             bucket_not_found
    │  ├─ CredentialsUnusable        credentials_unusable    (none, or they are not valid)
    │  ├─ RequesterPays              requester_pays          (no project to bill)
    │  └─ StorageForbidden           storage_forbidden       (the account lacks a permission)
    ├─ JobError
    │  ├─ JobNotFound                job_not_found
    │  ├─ ActionRefused              action_refused          (not in this state)
    │  ├─ ResultNotReady             result_not_ready
    │  ├─ JobFailed                  the failure's own code  (raised by waiting)
    │  ├─ JobCancelled               job_cancelled           (raised by waiting)
    │  └─ WaitTimeout                wait_timeout            (raised by waiting; the job goes on)
    ├─ SubmitError
    │  ├─ IdempotencyConflict        idempotency_conflict
    │  ├─ SubmitInFlight             submit_in_flight        (retryable)
    │  ├─ LimitReached               queue_full, cooling_down, rate_limited   (retryable)
    │  ├─ QuotaExceeded              storage_quota
    │  └─ Rejected                   rejected                (the pipeline refused it)
    ├─ AccessError
    │  ├─ Unauthenticated            unauthenticated         (no key, or none that is known)
    │  ├─ Forbidden                  forbidden               (the key is not for this)
    │  └─ SignatureInvalid           signature_invalid       (a webhook message is not ours)
    ├─ Conflict                      conflict                (it changed since it was read)
    ├─ ServiceError
    │  ├─ ServiceUnavailable         service_unavailable     (retryable)
    │  ├─ ServiceStartFailed         service_start_failed
    │  ├─ VersionMismatch            version_mismatch
    │  ├─ HomeError                  home_unusable
    │  └─ ProtocolError              protocol_error          (an answer we do not understand)
    ├─ ClientUnusable                client_closed, client_forked, client_elsewhere
    └─ NotFound                      not_found               (an object, a route)

``VersionConflict`` stands apart: a store or a bucket raises it, its caller retries, and no user
sees it.
``DatagenWarning`` is the category of Python warnings: the call succeeded, something needs a look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from datagen_nb.core.secrets import redact, redact_all
from datagen_nb.core.tracebacks import ShortTraceback


class DatagenError(ShortTraceback):
    """Base of every error of this package.

    Attributes:
        code: Stable, snake_case, meant for programs.
        details: JSON-like facts about the error.
        request_id: Of the request that failed, when there was one.
        retryable: Whether the same call can succeed later without a change.

    In a notebook an error shows the line that made the call, and its message; ``%tb`` right after
    it shows every frame, as ``full_traceback`` does anywhere.
    """

    code: str = "error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        request_id: str | None = None,
    ) -> None:
        message = redact(message)
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.details: dict[str, Any] = redact_all(dict(details or {}))
        self.request_id = request_id
        if request_id:
            self.add_note(f"[request {request_id}]")

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.code, self.details, self.request_id)


def _rebuild(
    kind: type[DatagenError],
    message: str,
    code: str,
    details: Mapping[str, Any],
    request_id: str | None,
) -> DatagenError:
    error = kind.__new__(kind)
    DatagenError.__init__(error, message, code=code, details=details, request_id=request_id)
    return error


MAX_PROBLEMS = 20
"""Problems that one error lists; the others are counted."""

MAX_TEXT = 160
"""Characters of each text of a problem that are shown; what a caller sent may be any length."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration.

    Attributes:
        field: Wire name of the field, dotted for a nested one, as ``parameters.preset``.
        value: What was given, shortened to something printable.
        rule: What the field has to be.
        remedy: What to write instead.
    """

    field: str
    value: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field} = {self.value}: {self.rule}. {self.remedy}"

    def shortened(self) -> Problem:
        """The problem with the texts that a caller can make long cut to ``MAX_TEXT``."""
        return replace(self, field=_cut(self.field), value=_cut(self.value))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


class ConfigurationError(DatagenError):
    """The request is invalid.

    Args:
        problems: The problems in order; the message lists the first ones.
        count: Their total number, if ``problems`` has only the first ones.
    """

    code = "invalid_configuration"

    def __init__(
        self, problems: Sequence[Problem], *, count: int | None = None, **extra: Any
    ) -> None:
        count = len(problems) if count is None else count
        shown = [problem.shortened() for problem in problems[:MAX_PROBLEMS]]
        lines = [f"  {problem}" for problem in shown]
        if count > len(shown):
            lines.append(f"  … and {count - len(shown):,} more")
        number = "1 problem" if count == 1 else f"{count:,} problems"
        details = {"problems": [asdict(problem) for problem in shown], "count": count}
        super().__init__(
            "\n".join([f"The configuration has {number}:", *lines]), details=details, **extra
        )

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(Problem(**problem) for problem in self.details.get("problems", ()))

    @property
    def count(self) -> int:
        """How many problems there are, those that are not listed too."""
        return int(self.details.get("count", len(self.problems)))


class ArgumentError(DatagenError, ValueError):
    """An argument has a value that the call cannot use."""

    code = "invalid_argument"


class ArgumentTypeError(DatagenError, TypeError):
    """An argument has a type that the call cannot use, is missing, or is unknown."""

    code = "invalid_argument_type"


class InputError(DatagenError):
    """The input cannot be read as a table in the given format."""

    code = "input_unreadable"


class OutputError(DatagenError):
    """The result cannot be written to the requested place."""

    code = "output_unwritable"


class StorageError(DatagenError):
    """A bucket cannot be used as it is set up; ``details["remedy"]`` says what to do."""

    code = "storage_error"


class BucketNotFound(StorageError):
    """There is no such bucket."""

    code = "bucket_not_found"


class CredentialsUnusable(StorageError):
    """There are no credentials for the storage, or they are not valid."""

    code = "credentials_unusable"


class RequesterPays(StorageError):
    """The bucket's reader pays for its use, and no project to bill is set."""

    code = "requester_pays"


class StorageForbidden(StorageError):
    """The account may not do this in the bucket."""

    code = "storage_forbidden"


class JobError(DatagenError):
    """Something about one job; ``details["jobId"]`` names it."""

    code = "job_error"


class JobNotFound(JobError):
    """There is no such job, or it belongs to another customer."""

    code = "job_not_found"


class ActionRefused(JobError):
    """The job's state does not allow the action."""

    code = "action_refused"


class ResultNotReady(JobError):
    """The job has no result (yet)."""

    code = "result_not_ready"


class JobFailed(JobError):
    """The job ended in ``failed``; ``code`` is the failure's own."""

    code = "job_failed"


class JobCancelled(JobError):
    """A job that was waited for was cancelled."""

    code = "job_cancelled"


class WaitTimeout(JobError, TimeoutError):
    """A job did not end within the time that was waited for it; it goes on."""

    code = "wait_timeout"


class SubmitError(DatagenError):
    """A job was refused."""

    code = "submit_refused"


class IdempotencyConflict(SubmitError):
    """The idempotency key was used before with another request body."""

    code = "idempotency_conflict"


class Rejected(SubmitError):
    """The pipeline refused the configuration."""

    code = "rejected"


class SubmitInFlight(SubmitError):
    """A request with the same idempotency key is being processed; try again in a moment."""

    code = "submit_in_flight"
    retryable: ClassVar[bool] = True


class LimitReached(SubmitError):
    """A limit of the customer is reached.

    ``details["retryAfter"]`` is the number of seconds to wait.
    """

    code = "limit_reached"
    retryable: ClassVar[bool] = True


class QuotaExceeded(SubmitError):
    """The customer's storage quota does not suffice."""

    code = "storage_quota"


class AccessError(DatagenError):
    """The caller is not allowed to do this."""

    code = "access_denied"


class Unauthenticated(AccessError):
    """The API key is missing or not valid."""

    code = "unauthenticated"


class Forbidden(AccessError):
    """The API key is valid but lacks the scope."""

    code = "forbidden"


class SignatureInvalid(AccessError):
    """A webhook message has a wrong or an old signature; do not trust it."""

    code = "signature_invalid"


class Conflict(DatagenError):
    """The object has changed since it was read, or exists already."""

    code = "conflict"


class ServiceError(DatagenError):
    """The service failed; the request was not at fault."""

    code = "service_error"


class ServiceUnavailable(ServiceError):
    """The service does not answer, or cannot serve the request now."""

    code = "service_unavailable"
    retryable: ClassVar[bool] = True


class ServiceStartFailed(ServiceError):
    """The local service could not be started; the message quotes the end of its log."""

    code = "service_start_failed"


class VersionMismatch(ServiceError):
    """The running service and this package, or it and a worker, have different versions."""

    code = "version_mismatch"


class HomeError(ServiceError):
    """The home directory cannot be used."""

    code = "home_unusable"


class ProtocolError(ServiceError):
    """The other side sent a response that this version cannot read."""

    code = "protocol_error"


class ClientUnusable(DatagenError):
    """The client was closed, or belongs to another process, event loop or thread."""

    code = "client_unusable"


class NotFound(DatagenError):
    """There is no such object or route."""

    code = "not_found"


class DatagenWarning(UserWarning):
    """The call succeeded, and something about it needs a look, as a timeout that is too short."""


class VersionConflict(Exception):
    """A record or an object changed between reading and replacing it; read again and retry."""


def _walk(kind: type[DatagenError]) -> list[type[DatagenError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in _walk(child))]


ERROR_TYPES: dict[str, type[DatagenError]] = {kind.__name__: kind for kind in _walk(DatagenError)}
"""Every error class by name, as problem documents name it."""


def rebuild(
    kind: str,
    message: str,
    *,
    code: str,
    details: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> DatagenError:
    """Rebuild an error from its fields in a problem document.

    An unknown kind, from a newer service, becomes a plain ``DatagenError`` with its code kept.
    """
    return _rebuild(ERROR_TYPES.get(kind, DatagenError), message, code, details or {}, request_id)
