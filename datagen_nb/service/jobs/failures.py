"""Why a job failed, in words: each with what to do now."""

from __future__ import annotations

from datagen_nb.core.errors import DatagenError
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.status import JobStatus
from datagen_nb.core.store import JobRecord
from datagen_nb.core.words import duration


def known(error: DatagenError) -> JobFailure:
    """Of an error of ours, in its own words."""
    details = {"retryHelps": error.retryable, **error.details}
    return JobFailure(code=error.code, message=error.message, details=details)


def timed_out(record: JobRecord) -> JobFailure:
    """It ran for longer than it may."""
    return JobFailure(
        code="timeout",
        message=f"The job ran for {duration(record.config.timeout)}, which is its timeout.",
        details={"remedy": "Give it a longer timeout, or ask for fewer rows.", "retryHelps": False},
    )


def internal(error: Exception) -> JobFailure:
    """A fault of ours."""
    return JobFailure(
        code="internal_error",
        message=f"The service made a mistake ({type(error).__name__}); its log says more.",
        details={"remedy": "Rerun the job; if it fails again, report it.", "retryHelps": True},
    )


def worker_died(losses: int, status: JobStatus) -> JobFailure:
    """Its workers were killed, again and again."""
    stage = status.running_stage
    return JobFailure(
        code="worker_died",
        message=f"Its worker was killed {losses} times in a row without getting further.",
        details={
            "remedy": "The machine is probably short of memory: close other programs, or set "
            "parameters sample_rows and part_rows lower.",
            "retryHelps": False,
            **({"stage": stage.name} if stage else {}),
        },
    )


def expired(until: str) -> JobFailure:
    """It was paused for too long."""
    return JobFailure(
        code="resume_window_passed",
        message=f"The job was paused and could be resumed until {until}.",
        details={"remedy": "Rerun it.", "retryHelps": True},
    )
