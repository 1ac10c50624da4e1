"""What an exception in a worker says of its job: what happened, what now, whether it passes."""

from __future__ import annotations

import errno

from datagen_nb.core.errors import DatagenError
from datagen_nb.core.status import JobFailure

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


def failure(error: Exception, stage: str) -> JobFailure:
    """Tell an exception as the failure of a job.

    ``details["passing"]`` says that the stage is worth another attempt at once.
    """
    if isinstance(error, DatagenError):
        passing = {"passing": True} if error.retryable else {}
        details = {"stage": stage, "retryHelps": error.retryable, **passing, **error.details}
        return JobFailure(code=error.code, message=error.message, details=details)
    if isinstance(error, MemoryError):
        remedy = "Give fewer rows to learn from (sampleRows), or smaller parts (partRows)."
        return JobFailure(
            code="out_of_memory",
            message=f"The worker ran out of memory in stage {stage}. {remedy}",
            details={"stage": stage, "remedy": remedy, "retryHelps": False},
        )
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
        message=f"Stage {stage} broke: {type(error).__name__}: {error}. {remedy}",
        details={"stage": stage, "remedy": remedy, "retryHelps": False},
    )
