"""What an exception in a worker says of its job: what happened, what now, whether it passes."""

from __future__ import annotations

import errno

from datagen_nb.core.errors import DatagenError, InputError, ServiceError
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.pipeline import InputProbe

PASSING = frozenset(
    {
        errno.EIO,
        errno.EAGAIN,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.ECONNRESET,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
    }
)
"""What a disk or a network says that may be well a moment later."""


def out_of_memory(stage: str, *, alone: bool = True) -> JobFailure:
    """The failure of a job whose worker got no more memory; ``alone``: no other used any."""
    remedy = "Lower the parameter sample_rows (rows to fit to) or part_rows (rows of a part)."
    if not alone:
        remedy = f"Run fewer jobs at once. {remedy}"
    return JobFailure(
        code="out_of_memory",
        message=f"The worker ran out of memory in stage {stage}. {remedy}",
        details={"stage": stage, "remedy": remedy, "retryHelps": not alone},
    )


def input_too_large(probe: InputProbe) -> InputError:
    """The error of a probe that got no more memory."""
    title = probe.config.input_title
    return InputError(
        f"{title} needs more memory to look at than a worker may use. Split it, or give the "
        "service more memory (DATAGEN_WORKER_MEMORY).",
        code="out_of_memory",
        details={"path": probe.config.input_path},
    )


def lacks_memory(error: BaseException) -> bool:
    """Whether memory that could not be had is the cause, however it was wrapped."""
    seen: BaseException | None = error
    while seen is not None:
        # Arrow's and numpy's own errors for it derive from MemoryError.
        if isinstance(seen, MemoryError):
            return True
        if isinstance(seen, OSError) and seen.errno == errno.ENOMEM:
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def failure(error: Exception, stage: str) -> JobFailure:
    """Tell an exception as the failure of a job.

    ``details["passing"]`` says that the stage is worth another attempt at once.
    """
    if lacks_memory(error):
        return out_of_memory(stage)
    if isinstance(error, DatagenError):
        passing = {"passing": True} if error.retryable else {}
        details = {"stage": stage, "retryHelps": error.retryable, **passing, **error.details}
        return JobFailure(code=error.code, message=error.message, details=details)
    if isinstance(error, OSError) and error.errno in PASSING:
        remedy = "Look after the disk or the network, then rerun it."
        return JobFailure(
            code="storage_unavailable",
            message=f"In stage {stage} the storage did not answer: {error.strerror}. {remedy}",
            details={"stage": stage, "remedy": remedy, "retryHelps": True, "passing": True},
        )
    remedy = "This is a defect of the program: please report it with the job's log."
    return JobFailure(
        code="internal_error",
        message=f"Stage {stage} broke: {_reason(error)}. {remedy}",
        details={"stage": stage, "remedy": remedy, "retryHelps": False},
    )


def probe_broke(error: Exception, probe: InputProbe) -> ServiceError:
    """The error of a probe that an unexpected exception ended."""
    return ServiceError(
        f"{probe.config.input_title} could not be looked at: {_reason(error)}. This is a defect of "
        "the program: please report it with the log of the service.",
        code="internal_error",
    )


def _reason(error: Exception) -> str:
    # The text of an OSError names a place on the service's machine.
    reason = error.strerror if isinstance(error, OSError) else error
    return f"{type(error).__name__}: {reason}"
