"""A pipeline elsewhere, as JSON over HTTP: what it is asked, and what it answers.

Addresses of objects travel, never their bytes: both ends use the same buckets.

    GET  /v1/pipeline                         PipelineInfo
    GET  /v1/pipeline/health                  Health
    POST /v1/pipeline/checks                  JobConfiguration → true
    POST /v1/pipeline/jobs                    Task → Submission
    GET  /v1/pipeline/jobs/{jobId}            JobStatus
    GET  /v1/pipeline/jobs/{jobId}/updates    attempt, after, wait → UpdatePage
    POST /v1/pipeline/jobs/{jobId}/pause      AttemptNumber → whether it was running
    POST /v1/pipeline/jobs/{jobId}/resume     AttemptNumber → whether it was paused
    POST /v1/pipeline/jobs/{jobId}/cancel     {} → whether it was known
    POST /v1/pipeline/measurements            InputProbe → TableFacts
    POST /v1/pipeline/inspections             InputProbe → Inspection
    POST /v1/pipeline/previews                InputProbe → Preview

Errors are problem documents as in ``api.wire``. ``docs/pipeline.md`` describes each operation.
Source: the specification, section 2.1.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field

from datagen_nb.core.errors import JobNotFound
from datagen_nb.core.wire_model import RequestModel, WireModel

PIPELINE = "/v1/pipeline"
PIPELINE_HEALTH = f"{PIPELINE}/health"
PIPELINE_CHECKS = f"{PIPELINE}/checks"
PIPELINE_JOBS = f"{PIPELINE}/jobs"
MEASUREMENTS = f"{PIPELINE}/measurements"
PIPELINE_INSPECTIONS = f"{PIPELINE}/inspections"
PIPELINE_PREVIEWS = f"{PIPELINE}/previews"

MAX_WAIT = 30.0
"""Most seconds that a request for updates waits for one."""

MAX_UPDATES = 500
"""Updates on one page."""

_JOB_ID = re.compile(r"(?!dg_)[A-Za-z0-9_-]{1,64}")


def pipeline_job_path(job_id: str, *rest: str) -> str:
    """The path of a job of a pipeline, or of something below it.

    Raises:
        JobNotFound: The id is not a valid one; its path could be another's.
    """
    return "/".join([PIPELINE_JOBS, check_job_id(job_id), *rest])


def check_job_id(job_id: str) -> str:
    """Return an id that can be part of paths and of names of objects.

    Raises:
        JobNotFound: It is none.
    """
    if _JOB_ID.fullmatch(job_id) is None:
        raise no_such_job(job_id)
    return job_id


def no_such_job(job_id: str) -> JobNotFound:
    """The error for a job that a pipeline does not know (any more)."""
    return JobNotFound(
        f"This pipeline does not know job {job_id!r}. Submit it again with its next attempt.",
        details={"jobId": job_id},
    )


class Submission(WireModel):
    """The answer to a submit; ``message`` says why a job was rejected."""

    job_id: str
    status: Literal["accepted", "rejected"]
    message: str | None = None


class AttemptNumber(RequestModel):
    """Which attempt at a job is meant."""

    attempt: int = Field(ge=1)


class Update(WireModel):
    """A signal of an attempt; ``cursor`` grows from one to the next, and may leave numbers out."""

    cursor: int = Field(ge=1)
    signal: dict[str, Any]


class UpdatePage(WireModel):
    """Updates of one attempt in order.

    Args:
        attempt: Which one.
        updates: Those after the cursor that was asked for, ``MAX_UPDATES`` at most.
        has_ended: Whether the attempt has ended and this page has its last update. An attempt
            that has ended with neither ``completed`` nor ``failed`` has lost its worker.
    """

    attempt: int
    updates: tuple[Update, ...]
    has_ended: bool
