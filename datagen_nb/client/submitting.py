"""What every way to submit a job does."""

from __future__ import annotations

import uuid
import warnings

from datagen_nb.core.errors import DatagenWarning
from datagen_nb.core.status import JobStatus


def new_key() -> str:
    """An idempotency key that was never used."""
    return uuid.uuid4().hex


def warn_of_estimate(status: JobStatus) -> None:
    """Show as Python warnings why a job that was just submitted may not complete.

    They name no line of the caller's: plain calls submit from a thread of their own.
    """
    for warning in status.estimate.warnings if status.estimate else ():
        message = f"Job {status.job_id}: {warning}"
        warnings.warn_explicit(message, DatagenWarning, "datagen_nb", 1, module="datagen_nb")
