"""How a job stands: ``JobStatus``, the table of its states, and the one function that moves it.

``fold(status, change, now)`` is the only maker of a new status; it has no side effect and
reads no clock. Source: the specification, section 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from datagen_nb.core.changes import (
    Annotated,
    Cancelled,
    Change,
    Completed,
    Expired,
    Failed,
    InputMeasured,
    Paused,
    Placed,
    Progressed,
    Requeued,
    Resumed,
    StageCompleted,
    StageStarted,
    Started,
    Warned,
)
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ActionRefused, ArgumentError
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.places import source_of
from datagen_nb.core.quoting import did_you_mean
from datagen_nb.core.summary import Summarized, Summary
from datagen_nb.core.wire_model import Instant, WireModel, as_instant
from datagen_nb.core.words import duration

MAX_NOTE = 2_000


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"

    @property
    def is_terminal(self) -> bool:
        """Whether a job never leaves this state."""
        return self not in {origin for origin, _ in TRANSITIONS}


class Stage(WireModel):
    """A stage of a job; ``weight`` is its expected share of the running time, 0 to 1."""

    name: str
    status: Literal["pending", "running", "completed", "failed"] = "pending"
    start_time: Instant | None = None
    end_time: Instant | None = None
    progress: float | None = None
    weight: float = 0.0


class Metadata(WireModel):
    """Sizes, times, retries, expiry and quality of a job.

    Args:
        input_size: Bytes of the input.
        output_size: Bytes of the result.
        processing_time: Running time in seconds, without pauses.
        retry_count: Attempts that were lost and made again.
        expiration_date: When the job is deleted.
        fidelity: How close the result is to the input, 0 to 1; of a completed job.
        pipeline: Which one runs it, ``local`` or ``remote``, where there are two.
    """

    input_size: int = 0
    output_size: int | None = None
    processing_time: float | None = None
    retry_count: int = 0
    expiration_date: Instant | None = None
    fidelity: float | None = None
    pipeline: str | None = None


class JobStatus(Summarized, WireModel):
    """The state of a job.

    Args:
        job_id: Its id: ``j_`` and 16 characters; ids sort by time of creation.
        status: One of the six states.
        progress: Percentage complete, 0 to 100.
        start_time: When the first attempt began; before that, when the job was accepted.
        end_time: When it ended.
        last_updated: When it last changed.
        error: Why it failed.
        stages: Its stages in order.
        metadata: Sizes, times, retries, expiry, quality.
        name: A label for people.
        tags: Labels to search for.
        created_time: When it was accepted.
        data_size: Rows requested.
        input_bucket: Bucket of the input, as submitted; empty for jobs of older versions.
        input_path: Path of the input in its bucket, as submitted.
        rows_done: Rows in finished parts.
        rows_per_second: Current speed while generating.
        seconds_left: Estimated seconds until the end, if known.
        attempt: Number of the latest attempt by a worker; 0 before the first.
        resume_until: While paused: when it can no longer be resumed.
        queue_position: While queued: its position; 1 is next.
        waiting_for: While queued: jobs that have to end first.
        starts_after: While queued in a cooldown: when the cooldown ends.
        warnings: Unexpected but not fatal events.
        note: Any text, at most 2,000 characters.
        estimate: Expected duration and result size; after completion also the actual ones.
        request_id: Id of the request that submitted it, also in the service's log.
    """

    job_id: str
    status: State
    progress: float = 0.0
    start_time: Instant
    end_time: Instant | None = None
    last_updated: Instant
    error: JobFailure | None = None
    stages: tuple[Stage, ...]
    metadata: Metadata = Field(default_factory=Metadata)
    name: str = ""
    tags: tuple[str, ...] = ()
    created_time: Instant
    data_size: int
    input_bucket: str = ""
    input_path: str = ""
    rows_done: int = 0
    rows_per_second: float | None = None
    seconds_left: float | None = None
    attempt: int = 0
    resume_until: Instant | None = None
    queue_position: int | None = None
    waiting_for: tuple[str, ...] = ()
    starts_after: Instant | None = None
    warnings: tuple[str, ...] = ()
    note: str = ""
    estimate: Estimate | None = None
    request_id: str | None = None

    def _summary(self) -> Summary:
        done = f"{self.rows_done:,} of {self.data_size:,} rows"
        facts = [("Name", self.name), ("Progress", f"{self.progress:.0f} %"), ("Rows", done)]
        if self.queue_position:
            facts.append(("Place in the queue", f"{self.queue_position:,}"))
        if self.source:
            facts.append(("Source", self.source))
        if self.metadata.pipeline:
            facts.append(("Pipeline", self.metadata.pipeline))
        if self.metadata.fidelity is not None:
            facts.append(("Fidelity", f"{self.metadata.fidelity:.1%}"))
        if self.metadata.processing_time is not None:
            facts.append(("Duration", duration(self.metadata.processing_time)))
        notes = [*([self.error.message] if self.error else []), *self.warnings]
        line = f"{self.job_id} {self.status}, {self.progress:.0f} %, {done}"
        return Summary("JobStatus", line, facts, notes=notes)

    def __eq__(self, other: object) -> bool:
        """Compare with another status, or the state with its name, as ``status == "completed"``."""
        if isinstance(other, str):
            if other not in list(State):
                raise ArgumentError(f"There is no state {other!r}. {did_you_mean(other, State)}")
            return self.status == State(other)
        return super().__eq__(other)

    __hash__ = WireModel.__hash__

    @property
    def source(self) -> str:
        """Where the input came from, in short; empty if it is not known."""
        return source_of(self.input_bucket, self.input_path)

    @property
    def running_stage(self) -> Stage | None:
        """The stage that runs now, if one does."""
        return next((stage for stage in self.stages if stage.status == "running"), None)


TRANSITIONS: Mapping[tuple[State, type[Change]], State] = {
    (State.QUEUED, Started): State.RUNNING,
    (State.QUEUED, Paused): State.PAUSED,
    (State.QUEUED, Cancelled): State.CANCELLED,
    (State.QUEUED, Failed): State.FAILED,
    (State.RUNNING, Placed): State.RUNNING,
    (State.RUNNING, StageStarted): State.RUNNING,
    (State.RUNNING, Progressed): State.RUNNING,
    (State.RUNNING, StageCompleted): State.RUNNING,
    (State.RUNNING, InputMeasured): State.RUNNING,
    (State.RUNNING, Warned): State.RUNNING,
    (State.RUNNING, Requeued): State.QUEUED,
    (State.RUNNING, Completed): State.COMPLETED,
    (State.RUNNING, Failed): State.FAILED,
    (State.RUNNING, Paused): State.PAUSED,
    (State.RUNNING, Cancelled): State.CANCELLED,
    (State.PAUSED, Resumed): State.QUEUED,
    (State.PAUSED, Cancelled): State.CANCELLED,
    (State.PAUSED, Expired): State.FAILED,
}
"""Which change may happen in which state, and where it leads; what is not here is refused."""


class StaleAttempt(Exception):
    """A worker spoke that is no longer the job's; what it says changes nothing."""


def new_status(
    job_id: str,
    config: JobConfiguration,
    now: datetime,
    stages: Mapping[str, float],
    *,
    estimate: Estimate | None = None,
    request_id: str | None = None,
) -> JobStatus:
    """The status of a job that was just accepted; ``stages`` are the weights of its stages."""
    now = as_instant(now)
    return JobStatus(
        job_id=job_id,
        status=State.QUEUED,
        start_time=now,
        created_time=now,
        last_updated=now,
        stages=tuple(Stage(name=name, weight=round(weight, 4)) for name, weight in stages.items()),
        name=config.name,
        tags=config.tags,
        data_size=config.data_size,
        input_bucket=config.input_bucket,
        input_path=config.input_path,
        estimate=estimate,
        request_id=request_id,
    )


def fold(status: JobStatus, change: Change, now: datetime) -> JobStatus:
    """Apply one change to a status.

    Raises:
        ActionRefused: The job's state does not admit the change.
        StaleAttempt: The change comes from a worker that has been replaced.
    """
    # The wall clock may jump back; what a job tells of itself does not.
    now = max(as_instant(now), status.last_updated)
    moves = not isinstance(change, Annotated)
    target = TRANSITIONS.get((status.status, type(change))) if moves else status.status
    speaker = getattr(change, "attempt", None)
    if not isinstance(change, Started) and speaker is not None and speaker != status.attempt:
        raise StaleAttempt(f"attempt {speaker} of {status.job_id} was replaced")
    if target is None:
        what = _VERBS.get(type(change), f"changed by {type(change).__name__}")
        raise ActionRefused(
            f"Job {status.job_id} is {status.status}; it cannot be {what}.",
            details={"jobId": status.job_id, "status": status.status.value},
        )
    values: dict[str, Any] = {"status": target, "last_updated": now}
    metadata: dict[str, Any] = {}
    if status.status is State.RUNNING:
        ran = (now - status.last_updated).total_seconds()
        metadata["processing_time"] = round((status.metadata.processing_time or 0.0) + ran, 3)
    if moves and target is not State.RUNNING:
        values |= {"rows_per_second": None, "seconds_left": None, "resume_until": None}
    values |= _changed(status, change, now, metadata)
    if moves and target.is_terminal:
        values["end_time"] = now
    if metadata:
        values["metadata"] = status.metadata.model_copy(update=metadata)
    return status.model_copy(update=values)


def _changed(
    status: JobStatus, change: Change, now: datetime, metadata: dict[str, Any]
) -> dict[str, Any]:
    match change:
        case Started(attempt=attempt):
            if attempt <= status.attempt:
                raise StaleAttempt(f"attempt {attempt} of {status.job_id} is not new")
            first = {"start_time": now} if status.attempt == 0 else {}
            return {"attempt": attempt, **first}
        case Placed(pipeline=pipeline):
            metadata["pipeline"] = pipeline
            return {}
        case StageStarted(stage=name):
            began = {"status": "running", "start_time": now, "end_time": None, "progress": 0.0}
            return _with_stage(status, name, **began)
        case Progressed(stage=name, progress=progress, rows_done=rows):
            values = _with_stage(status, name, progress=round(min(max(progress, 0.0), 100.0), 2))
            return values | _speed(status, rows, now)
        case StageCompleted(stage=name):
            return _with_stage(status, name, status="completed", end_time=now, progress=100.0)
        case InputMeasured(input_size=size):
            metadata["input_size"] = size
            return {}
        case Warned(message=message):
            # A worker that is killed says it again in its next attempt.
            known = message in status.warnings
            return {} if known else {"warnings": (*status.warnings, message)}
        case Completed(output_size=size, fidelity=fidelity):
            metadata |= {"output_size": size, "fidelity": fidelity}
            estimate = status.estimate and status.estimate.compared(
                size, metadata["processing_time"]
            )
            done = {"stages": _settled(status, "completed", now), "progress": 100.0}
            return done | {"rows_done": status.data_size, "estimate": estimate}
        case Requeued():
            metadata["retry_count"] = status.metadata.retry_count + 1
            return {"stages": _settled(status, "pending", now)}
        case Failed(error=error) | Expired(error=error):
            return {"error": error, "stages": _settled(status, "failed", now)}
        case Paused(resume_window=window):
            until = as_instant(now + timedelta(seconds=window))
            return {"stages": _settled(status, "pending", now), "resume_until": until}
        case Cancelled():
            return {"stages": _settled(status, "pending", now)}
        case Annotated():
            words = {"name": change.name, "tags": change.tags, "note": change.note}
            return {name: value for name, value in words.items() if value is not None}
        case Resumed():
            return {}


def _with_stage(job: JobStatus, name: str, **values: Any) -> dict[str, Any]:
    """The job with a stage changed; one that was not described is added, with a warning."""
    known, warned = job.stages, {}
    if name not in {stage.name for stage in known}:
        known = (*known, Stage(name=name))
        message = f"The pipeline reports a stage {name!r} that it has not described."
        warned = {"warnings": (*job.warnings, message)}
    stages = tuple(
        stage.model_copy(update=values) if stage.name == name else stage for stage in known
    )
    done = sum(stage.weight * (stage.progress or 0.0) for stage in stages)
    whole = sum(stage.weight for stage in stages)
    progress = round(min(done / whole, 100.0), 2) if whole else job.progress
    return {"stages": stages, "progress": progress, **warned}


def _settled(status: JobStatus, as_status: str, now: datetime) -> tuple[Stage, ...]:
    ended = {} if as_status == "pending" else {"end_time": now}
    return tuple(
        stage.model_copy(update={"status": as_status, **ended})
        if stage.status == "running"
        else stage
        for stage in status.stages
    )


def _speed(status: JobStatus, rows: int | None, now: datetime) -> dict[str, Any]:
    if rows is None:
        return {}
    values: dict[str, Any] = {"rows_done": rows}
    elapsed = (now - status.last_updated).total_seconds()
    if elapsed > 0 and rows > status.rows_done > 0:
        newest = (rows - status.rows_done) / elapsed
        speed = (
            newest
            if status.rows_per_second is None
            else (0.7 * status.rows_per_second + 0.3 * newest)
        )
        values["rows_per_second"] = round(speed, 1)
        values["seconds_left"] = round(max(status.data_size - rows, 0) / speed, 1)
    return values


_VERBS = {Paused: "paused", Resumed: "resumed", Cancelled: "cancelled", Started: "started"}
