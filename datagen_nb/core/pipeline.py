"""The port of a pipeline: what makes the data of jobs, and what passes between it and the service.

Everything that crosses the seam can cross a wire as well: `Task` and `InputProbe` name their
buckets by address, and ``signal_to_wire`` writes what a pipeline reports.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, Self, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_snake

from datagen_nb.core.buckets import Bucket
from datagen_nb.core.changes import Failed, WorkerChange
from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ProtocolError
from datagen_nb.core.estimates import TableFacts
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.messages import Health
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.plans import Preview
from datagen_nb.core.wire_model import WireModel, to_wire_name

OpenBucket = Callable[[str], Bucket]
"""Opens the bucket at an address, as ``buckets.registry.open_bucket`` does."""


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt at one job, with all it needs.

    Attributes:
        bucket: The customer's own: finished parts, model and manifest live in it.
        source: The bucket that ``config.input_bucket`` names.
        target: The bucket that ``config.output_bucket`` names.
        attempt: The fence: what an older attempt writes is refused.
        customer: Whose job it is. This and ``pipeline`` are not on the wire.
        pipeline: Which of several an earlier attempt ran on.
    """

    job_id: str
    attempt: int
    config: JobConfiguration
    bucket: Bucket
    source: Bucket
    target: Bucket
    customer: str = ""
    pipeline: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """The JSON object of the wire; buckets by their addresses."""
        return {
            "jobId": self.job_id,
            "attempt": self.attempt,
            "config": self.config.to_wire(),
            "bucket": self.bucket.address(),
            "source": self.source.address(),
            "target": self.target.address(),
        }

    @classmethod
    def from_wire(cls, data: Any, open_bucket: OpenBucket) -> Self:
        """Read a JSON object of the wire.

        Raises:
            ProtocolError: It is no task.
            ConfigurationError: Its configuration breaks a rule.
            NotFound: There is no bucket at one of its addresses.
        """
        names = {"jobId": str, "attempt": int, "config": dict}
        _check_fields(data, names | dict.fromkeys(("bucket", "source", "target"), str), "task")
        return cls(
            job_id=data["jobId"],
            attempt=data["attempt"],
            config=JobConfiguration.from_wire(data["config"]),
            bucket=open_bucket(data["bucket"]),
            source=open_bucket(data["source"]),
            target=open_bucket(data["target"]),
        )


@dataclass(frozen=True, slots=True)
class InputProbe:
    """A question about an input before it becomes a job.

    Attributes:
        config: Names the input and how to read it.
        source: The bucket that ``config.input_bucket`` names.
    """

    config: JobConfiguration
    source: Bucket

    def to_wire(self) -> dict[str, Any]:
        """The JSON object of the wire; the bucket by its address."""
        return {"config": self.config.to_wire(), "source": self.source.address()}

    @classmethod
    def from_wire(cls, data: Any, open_bucket: OpenBucket) -> Self:
        """Read a JSON object of the wire; raises as ``Task.from_wire`` does."""
        _check_fields(data, {"config": dict, "source": str}, "probe")
        config = JobConfiguration.from_wire(data["config"])
        return cls(config=config, source=open_bucket(data["source"]))


@dataclass(frozen=True, slots=True)
class Logged:
    """A line for the job's log; moves no state."""

    level: Literal["info", "warning", "error"]
    message: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A worker lives; ``pid`` is its process on this machine, where it has one."""

    pid: int | None = None


@dataclass(frozen=True, slots=True)
class PartsWritten:
    """``size``: bytes of the model and all parts in the bucket so far, of earlier attempts too.

    Reported after each part and before anything else: the service ends a job that has no more
    room in the storage quota.
    """

    size: int


Signal = WorkerChange | Logged | Heartbeat | PartsWritten
"""What a running pipeline reports."""

_SIGNALS: Mapping[str, type[Signal]] = {
    kind.__name__[0].lower() + kind.__name__[1:]: kind for kind in get_args(Signal)
}


def signal_to_wire(signal: Signal) -> dict[str, Any]:
    """The JSON object of a signal: its ``kind`` and its fields, those that are ``None`` left out.

    Example:
        ```python
        signal_to_wire(StageStarted(1, "fit"))
        # {"kind": "stageStarted", "attempt": 1, "stage": "fit"}
        ```
    """
    name = type(signal).__name__
    body: dict[str, Any] = {"kind": name[0].lower() + name[1:]}
    for field in fields(signal):
        value = getattr(signal, field.name)
        if value is not None:
            wire = value.to_wire() if isinstance(value, WireModel) else value
            body[to_wire_name(field.name)] = wire
    return body


def signal_from_wire(data: Any) -> Signal:
    """Read what ``signal_to_wire`` wrote.

    Raises:
        ProtocolError: It is no signal that is known here.
    """
    name = data.get("kind") if isinstance(data, Mapping) else None
    if not isinstance(name, str) or name not in _SIGNALS:
        raise _not_understood("signal", f"it has to be of a kind of {', '.join(_SIGNALS)}")
    kind = _SIGNALS[name]
    values = {to_snake(name): value for name, value in data.items() if name != "kind"}
    optional = {"attempt": None} if kind is Failed else {}
    known = {field.name for field in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise _not_understood("signal", f"{', '.join(unknown)} of {name}")
    try:
        signal: Signal = TypeAdapter(kind).validate_python(optional | values)
    except ValidationError as error:
        raise _not_understood("signal", str(error.errors()[0]["msg"])) from error
    return signal


def _check_fields(data: Any, types: Mapping[str, type], what: str) -> None:
    if not isinstance(data, Mapping) or set(data) != set(types):
        raise _not_understood(what, f"it has to have {', '.join(types)}")
    for name, kind in types.items():
        if not isinstance(data[name], kind) or isinstance(data[name], bool):
            raise _not_understood(what, f"{name} has to be of type {kind.__name__}")


def _not_understood(what: str, why: str) -> ProtocolError:
    return ProtocolError(
        f"This {what} is not understood: {why}. Use the same version on both ends."
    )


class Pipeline(Protocol):
    """Makes the data of a job.

    Guarantees: goes on from the parts that an earlier attempt finished, and makes the same
    bytes as an undisturbed run; closing the generator stops the work within 2 s.
    ``datagen_nb.testing`` has the suite that holds an adapter to them.
    """

    async def describe(self) -> PipelineInfo:
        """What this pipeline can do; cheap, as it is asked with every job.

        Raises:
            ServiceUnavailable: It cannot be reached.
        """
        ...

    async def check(self, config: JobConfiguration) -> None:
        """Look at a configuration before it becomes a job; it keeps the rules of ``describe``.

        Raises:
            Rejected: This pipeline will not run it.
        """
        ...

    def run(self, task: Task) -> AsyncGenerator[Signal, None]:
        """Do one attempt; ends with ``Completed`` or ``Failed``.

        Ending without either means that the worker is gone and another attempt may go on.
        """
        ...

    async def forget(self, job_id: str) -> None:
        """Give back what is kept of a job whose run is closed and that will not go on.

        What lies in its bucket is removed by the caller. Does nothing if nothing is kept.

        Raises:
            ServiceUnavailable: It cannot be reached.
        """
        ...

    async def measure(self, probe: InputProbe) -> TableFacts:
        """Find out how large an input is, from some of its rows; keeps nothing.

        Raises:
            InputError: It is not what the configuration says.
        """
        ...

    async def inspect(self, probe: InputProbe) -> Inspection:
        """Find out what an input's columns are, from some of its rows; keeps nothing.

        Raises:
            InputError: It is not what the configuration says.
        """
        ...

    async def preview(self, probe: InputProbe) -> Preview:
        """Make a few rows from a quick fit to an input; keeps nothing.

        Closed or cancelled, it stops within 2 s.

        Raises:
            InputError: No table can be fitted to it.
        """
        ...

    async def check_health(self) -> Health:
        """Whether it can run jobs, and why not."""
        ...

    async def aclose(self) -> None:
        """End what runs, and give back what is held."""
        ...
