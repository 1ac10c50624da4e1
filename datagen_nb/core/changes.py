"""What can happen to a job: each change is a value, and ``core.status.fold`` applies it."""

from __future__ import annotations

from dataclasses import dataclass

from datagen_nb.core.failure import JobFailure


@dataclass(frozen=True, slots=True)
class Started:
    """A worker took the job up; ``attempt`` is one more than any before."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Placed:
    """Where there are several pipelines: the one that runs the job, from now to its end."""

    attempt: int
    pipeline: str


@dataclass(frozen=True, slots=True)
class StageStarted:
    attempt: int
    stage: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """``progress`` of the stage, 0 to 100; ``rows_done`` of the whole job where it counts rows."""

    attempt: int
    stage: str
    progress: float
    rows_done: int | None = None


@dataclass(frozen=True, slots=True)
class StageCompleted:
    attempt: int
    stage: str


@dataclass(frozen=True, slots=True)
class InputMeasured:
    """The worker knows the input's size in bytes."""

    attempt: int
    input_size: int


@dataclass(frozen=True, slots=True)
class Warned:
    attempt: int
    message: str


@dataclass(frozen=True, slots=True)
class Requeued:
    """The worker is gone without a word; the job waits for another, its finished parts kept."""

    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Completed:
    """The manifest is written; ``output_size`` in bytes, ``fidelity`` as in the quality report."""

    attempt: int
    output_size: int
    fidelity: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The job cannot go on; ``attempt`` is ``None`` when a rule, not a worker, ends it."""

    attempt: int | None
    error: JobFailure


@dataclass(frozen=True, slots=True)
class Expired:
    """The job was paused for longer than its resume window."""

    error: JobFailure


@dataclass(frozen=True, slots=True)
class Paused:
    resume_window: float


@dataclass(frozen=True, slots=True)
class Resumed:
    pass


@dataclass(frozen=True, slots=True)
class Cancelled:
    pass


WorkerChange = (
    Placed
    | StageStarted
    | Progressed
    | StageCompleted
    | InputMeasured
    | Warned
    | Completed
    | Failed
)
"""What a running pipeline tells of itself."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """A note, tags or a name were given; what is ``None`` stays. The state stays in any case."""

    name: str | None = None
    tags: tuple[str, ...] | None = None
    note: str | None = None


Change = Annotated | Started | WorkerChange | Requeued | Paused | Resumed | Expired | Cancelled
