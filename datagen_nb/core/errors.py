"""Every error this package raises on purpose, in one tree.

Each has a stable ``code`` that survives the wire, its facts in ``details``, and a message
that says what happened, to which thing, and what to do now. None holds a key, whatever it quotes.

    DatagenError                     error
    ├─ ConfigurationError            invalid_configuration   (all problems at once)
    ├─ InputError                    input_*, ragged_row …   (the table cannot be read)
    ├─ OutputError                   output_*, disk_full     (the result cannot be written)
    ├─ JobError
    │  ├─ JobNotFound                job_not_found
    │  ├─ ActionRefused              action_refused          (not in this state)
    │  ├─ ResultNotReady             result_not_ready
    │  ├─ JobFailed                  the failure's own code  (raised by waiting)
    │  └─ JobCancelled               job_cancelled           (raised by waiting)
    ├─ SubmitError
    │  ├─ IdempotencyConflict        idempotency_conflict
    │  ├─ SubmitInFlight             submit_in_flight        (retryable)
    │  ├─ LimitReached               queue_full, cooling_down, rate_limited   (retryable)
    │  ├─ QuotaExceeded              storage_quota
    │  └─ Rejected                   rejected                (the pipeline will not take it)
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
    └─ NotFound                      not_found               (an object, a route)

``VersionConflict`` stands apart: a store raises it, the service retries, no user sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from datagen_nb.core.secrets import redact, redact_all


class DatagenError(Exception):
    """Base of every error of this package.

    Attributes:
        code: Stable, snake_case, meant for programs.
        details: JSON-like facts about the error.
        request_id: Of the request that failed, when there was one.
        retryable: Whether the same call can succeed later without a change.
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

    def __str__(self) -> str:
        return f"{self.message} (request {self.request_id})" if self.request_id else self.message

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


class ConfigurationError(DatagenError):
    """A configuration breaks a rule; ``problems`` lists every one of them."""

    code = "invalid_configuration"

    def __init__(self, problems: Sequence[Problem], **extra: Any) -> None:
        lines = "\n".join(f"  {problem}" for problem in problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        details = {"problems": [asdict(problem) for problem in problems]}
        super().__init__(f"The configuration has {count}:\n{lines}", details=details, **extra)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(Problem(**problem) for problem in self.details.get("problems", ()))


class InputError(DatagenError):
    """The input table cannot be read as what it is said to be."""

    code = "input_unreadable"


class OutputError(DatagenError):
    """The result cannot be written where it was asked for."""

    code = "output_unwritable"


class JobError(DatagenError):
    """Something about one job; ``details["jobId"]`` names it."""

    code = "job_error"


class JobNotFound(JobError):
    """No such job, or not one of this customer's: the two look the same."""

    code = "job_not_found"


class ActionRefused(JobError):
    """The job's state does not allow what was asked."""

    code = "action_refused"


class ResultNotReady(JobError):
    """The job has no result (yet)."""

    code = "result_not_ready"


class JobFailed(JobError):
    """The job ended in ``failed``; ``code`` is the failure's own."""

    code = "job_failed"


class JobCancelled(JobError):
    """The job was waited for and ended in ``cancelled``."""

    code = "job_cancelled"


class SubmitError(DatagenError):
    """A job was not taken."""

    code = "submit_refused"


class IdempotencyConflict(SubmitError):
    """The idempotency key was used before with another body."""

    code = "idempotency_conflict"


class Rejected(SubmitError):
    """The pipeline looked at the configuration and will not run it."""

    code = "rejected"


class SubmitInFlight(SubmitError):
    """Another submit with the same idempotency key is being looked at this moment."""

    code = "submit_in_flight"
    retryable: ClassVar[bool] = True


class LimitReached(SubmitError):
    """The customer has as much as it may have; ``details["retryAfter"]`` says seconds to wait."""

    code = "limit_reached"
    retryable: ClassVar[bool] = True


class QuotaExceeded(SubmitError):
    """The customer's storage has no room for it."""

    code = "storage_quota"


class AccessError(DatagenError):
    """Who asks may not have this."""

    code = "access_denied"


class Unauthenticated(AccessError):
    """No API key came along, or none that is valid."""

    code = "unauthenticated"


class Forbidden(AccessError):
    """The API key is valid but not for this."""

    code = "forbidden"


class SignatureInvalid(AccessError):
    """A webhook message is not signed by whom it should be, or not now; believe none of it."""

    code = "signature_invalid"


class Conflict(DatagenError):
    """What was to be changed has changed since it was read, or is there already."""

    code = "conflict"


class ServiceError(DatagenError):
    """The service, not the request, is the matter."""

    code = "service_error"


class ServiceUnavailable(ServiceError):
    """Nothing answers, or what answers cannot serve now."""

    code = "service_unavailable"
    retryable: ClassVar[bool] = True


class ServiceStartFailed(ServiceError):
    """The local service could not be started; the message quotes the end of its log."""

    code = "service_start_failed"


class VersionMismatch(ServiceError):
    """The running service is of another version than this package."""

    code = "version_mismatch"


class HomeError(ServiceError):
    """The home directory cannot be used."""

    code = "home_unusable"


class ProtocolError(ServiceError):
    """The other side answered something this version does not understand."""

    code = "protocol_error"


class NotFound(DatagenError):
    """No such object or route."""

    code = "not_found"


class VersionConflict(Exception):
    """A record changed between reading and replacing it; read again and retry."""


def _walk(kind: type[DatagenError]) -> list[type[DatagenError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in _walk(child))]


ERROR_TYPES: dict[str, type[DatagenError]] = {kind.__name__: kind for kind in _walk(DatagenError)}
"""Every error class by name: how an error is told and rebuilt across the wire."""


def rebuild(
    kind: str,
    message: str,
    *,
    code: str,
    details: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> DatagenError:
    """Make an error again from what the wire said of it.

    An unknown kind, from a newer service, becomes a plain ``DatagenError`` with its code kept.
    """
    return _rebuild(ERROR_TYPES.get(kind, DatagenError), message, code, details or {}, request_id)
