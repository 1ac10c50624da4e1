"""What a job will take and make, as ranges: from what its input is and how past jobs went.

Work is counted in cells, rows times columns. How long a cell takes is a stated prior until jobs
have ended here; each of them moves the expectation and narrows the range. No clock, no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from datagen_nb.core.config import MAX_SECONDS, JobConfiguration
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.summary import Summarized, Summary, count, sizes
from datagen_nb.core.wire_model import WireModel
from datagen_nb.core.words import between, duration
from datagen_nb.core.words import size as in_bytes

if TYPE_CHECKING:
    from datagen_nb.core.status import JobStatus

SAMPLE_ROWS = 50_000
"""Rows that a job is fitted to by default."""

REPORT_CELLS = 4_000_000
"""Cells that the report reads at most."""

SECONDS: Mapping[str, float] = {
    "start": 0.1,
    "read": 0.05,
    "fit": 0.05,
    "make": 0.02,
    "report": 0.2,
}
"""The prior: the fixed seconds of each step; those for a cell depend on the format."""

FIT_SECONDS = 6e-7
"""The prior for fitting a cell."""

STEP_OF = {
    "validate": "read",
    "read": "read",
    "fit": "fit",
    "generate": "make",
    "write": "make",
    "report": "report",
}
"""The step that a stage belongs to; what is in no stage is ``start``."""

UNKNOWN_ROW = 1_000
"""Bytes that a row is taken to have at most while its table has not been looked at."""

DOUBT_OF_SECONDS = 0.7
MIN_UNCERTAINTY = 0.12
WIDTH = 2.0
"""Standard deviations on each side of the expectation."""

BELIEF = 2.0
"""Jobs that a prior counts for."""

MEMORY = 50.0
"""Jobs that are remembered, about; older ones fade."""


class TableFacts(WireModel):
    """What a probe finds out about the size of an input.

    Args:
        rows: Number of its rows; about, unless the file itself says so.
        columns: Number of its columns.
        size: Bytes of the file.
        bytes_fixed: Bytes of an empty part, by output format.
        bytes_per_row: Bytes that each row adds, by output format.
    """

    rows: int
    columns: int
    size: int
    bytes_fixed: Mapping[str, float]
    bytes_per_row: Mapping[str, float]


class EstimateWarning(WireModel):
    """Why a job may not complete, according to its estimate.

    Args:
        code: ``longer_than_timeout``, ``larger_than_disk`` or ``larger_than_quota``.
        message: What is expected, and what is available.
        remedy: What to do about it.
        certain: Whether even the low end of the estimate does not fit. Then a job that is too
            large for the disk or the quota is refused; one that is too long is not.
        field: The field of the configuration to change: ``timeout`` or ``dataSize``.
        value: A value of that field that avoids the warning; seconds or rows.
    """

    code: Literal["longer_than_timeout", "larger_than_disk", "larger_than_quota"]
    message: str
    remedy: str
    certain: bool = False
    field: Literal["timeout", "dataSize"] | None = None
    value: int | None = None

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"


class Estimate(Summarized, WireModel):
    """Expected duration and result size of a job, as ranges.

    Args:
        rows: Rows to generate.
        bytes_low: Low end of the result's size in bytes, all parts together.
        bytes_high: High end of the result's size.
        seconds_low: Low end of the running time in seconds, without time in the queue.
        seconds_high: High end of the running time.
        basis: ``measured`` if it is based on earlier jobs of this service, otherwise ``prior``.
        jobs: Number of those jobs.
        input_rows: Approximate number of the input's rows.
        input_columns: Number of the input's columns.
        cost: Expected cost; absent if running is free.
        actual_bytes: Actual size of the result, once the job has completed.
        actual_seconds: Actual running time, once the job has completed.
        holds: Whether both are within their ranges.
        warnings: Why the job may not complete.
    """

    rows: int
    bytes_low: int
    bytes_high: int
    seconds_low: float
    seconds_high: float
    basis: Literal["measured", "prior"]
    jobs: int = 0
    input_rows: int
    input_columns: int
    cost: float | None = None
    actual_bytes: int | None = None
    actual_seconds: float | None = None
    holds: bool | None = None
    warnings: tuple[EstimateWarning, ...] = ()

    def _summary(self) -> Summary:
        output = sizes(self.bytes_low, self.bytes_high)
        takes = between(self.seconds_low, self.seconds_high)
        rows = count(self.rows, "row")
        measured = f"{count(self.jobs, 'completed job')} like it"
        facts = [
            ("Output size", output),
            ("Duration", takes),
            ("Input", f"{count(self.input_rows, 'row')} x {count(self.input_columns, 'column')}"),
            ("Based on", measured if self.basis == "measured" else "no completed job yet"),
        ]
        if self.cost is not None:
            facts.append(("Cost", f"{self.cost:,.2f}"))
        if self.actual_bytes is not None and self.actual_seconds is not None:
            actual = f"{in_bytes(self.actual_bytes)}, {duration(self.actual_seconds)}"
            facts.append(("Actual", actual))
        notes = [str(warning) for warning in self.warnings]
        return Summary("Estimate", f"{rows}: {output}, {takes}", facts, notes=notes)

    def compared(self, size: int, seconds: float) -> Estimate:
        """The estimate beside the truth, in bytes and seconds."""
        holds = (
            self.bytes_low <= size <= self.bytes_high
            and self.seconds_low <= seconds <= self.seconds_high
        )
        truth = {"actual_bytes": size, "actual_seconds": seconds, "holds": holds}
        return self.model_copy(update=truth)


class Spread(WireModel):
    """Logarithms of truth over expectation, weighted: how many, their mean, their variance."""

    weight: float = 0.0
    mean: float = 0.0
    variance: float = 0.0

    def seeing(self, ratio: float) -> Spread:
        """With one more; the older ones fade a little."""
        seen, old = math.log(ratio), min(self.weight, MEMORY - 1)
        weight = old + 1
        mean = self.mean + (seen - self.mean) / weight
        variance = (old * self.variance + (seen - self.mean) * (seen - mean)) / weight
        return Spread(weight=weight, mean=mean, variance=variance)

    def given(self, prior: Spread) -> Spread:
        """With what was believed before, which counts for ``BELIEF`` jobs."""
        weight = self.weight + BELIEF
        mean = (self.weight * self.mean + BELIEF * prior.mean) / weight
        between = self.weight * BELIEF / weight**2 * (self.mean - prior.mean) ** 2
        variance = (self.weight * self.variance + BELIEF * prior.variance) / weight + between
        return Spread(weight=weight, mean=mean, variance=variance)

    def range(self, expected: float) -> tuple[float, float]:
        """Least and most of what is expected so."""
        doubt = WIDTH * max(math.sqrt(self.variance), MIN_UNCERTAINTY)
        return expected * math.exp(self.mean - doubt), expected * math.exp(self.mean + doubt)


class Throughput(WireModel):
    """What the jobs of one kind have taught: a ``Spread`` of each step, and of the bytes."""

    jobs: int = 0
    spreads: dict[str, Spread] = Field(default_factory=dict)

    def seeing(self, ratios: Mapping[str, float]) -> Throughput:
        """With one more job."""
        spreads = dict(self.spreads)
        for step, ratio in ratios.items():
            spreads[step] = spreads.get(step, Spread()).seeing(ratio)
        return Throughput(jobs=self.jobs + 1, spreads=spreads)


def kind_of_work(config: JobConfiguration, columns: int) -> str:
    """Jobs of one kind take alike: formats, and columns to the next power of two."""
    width = 1 << max(columns - 1, 0).bit_length()
    return f"{config.input_format}-{config.output_format}-{width}"


def expected_seconds(config: JobConfiguration, rows: int, columns: int) -> dict[str, float]:
    """The prior's seconds of each step, for an input of so many rows and columns."""
    fitted = min(rows, config.parameters.get("sampleRows", SAMPLE_ROWS))
    made = config.data_size * columns
    cells = {
        "start": 0,
        "read": rows * columns,
        "fit": fitted * columns,
        "make": made * (2 if config.output_path else 1),
        "report": min(made, REPORT_CELLS) + fitted * columns,
    }
    read, written = FORMATS[config.input_format], FORMATS[config.output_format]
    each = {
        "start": 0.0,
        "read": read.read_seconds,
        "fit": FIT_SECONDS,
        "make": written.write_seconds,
        "report": written.report_seconds,
    }
    return {step: fixed + cells[step] * each[step] for step, fixed in SECONDS.items()}


def expected_bytes(config: JobConfiguration, facts: TableFacts) -> float:
    """Bytes of all parts, if every row were as those that were looked at."""
    format = config.output_format
    return facts.bytes_fixed[format] + config.data_size * facts.bytes_per_row[format]


def estimate(
    config: JobConfiguration, facts: TableFacts, *, alike: Throughput, any_: Throughput
) -> Estimate:
    """Estimate a job.

    Args:
        config: The job.
        facts: What its input is.
        alike: What jobs of its kind have taught.
        any_: What all jobs have taught, for what ``alike`` does not know yet.
    """

    def range_of(step: str, expected: float, doubt: float) -> tuple[float, float]:
        prior = Spread(variance=doubt**2)
        known = any_.spreads.get(step, Spread()).given(prior)
        return alike.spreads.get(step, Spread()).given(known).range(expected)

    steps = expected_seconds(config, facts.rows, facts.columns)
    seconds = [range_of(step, expected, DOUBT_OF_SECONDS) for step, expected in steps.items()]
    deviation = FORMATS[config.output_format].size_deviation
    size = range_of("bytes", expected_bytes(config, facts), deviation)
    return Estimate(
        rows=config.data_size,
        bytes_low=int(size[0]),
        bytes_high=math.ceil(size[1]),
        seconds_low=round(sum(low for low, _ in seconds), 2),
        seconds_high=round(sum(high for _, high in seconds), 2),
        basis="measured" if any_.jobs else "prior",
        jobs=alike.jobs or any_.jobs,
        input_rows=facts.rows,
        input_columns=facts.columns,
    )


@dataclass(frozen=True, slots=True)
class Space:
    """A place that the result has to fit into.

    Attributes:
        code: What the warning is called when it does not.
        left: Bytes that it has.
        copies: How often the result is written to it: as parts, and as one file too.
    """

    code: Literal["larger_than_disk", "larger_than_quota"]
    left: int
    copies: int = 1


def judge(config: JobConfiguration, said: Estimate, spaces: Sequence[Space]) -> Estimate:
    """Hold an estimate against the job's timeout and the places of its result."""
    found = [_too_large(said, space) for space in spaces]
    warnings = [_too_long(config, said), *found]
    return said.model_copy(update={"warnings": tuple(one for one in warnings if one)})


def _too_long(config: JobConfiguration, said: Estimate) -> EstimateWarning | None:
    if said.seconds_high <= config.timeout:
        return None
    certain = said.seconds_low > config.timeout
    grain = 60 if said.seconds_high < 7_200 else 3_600
    enough = math.ceil(said.seconds_high / grain) * grain
    changes: tuple[Literal["timeout", "dataSize"], int] | None = ("timeout", enough)
    remedy = f"Set timeout={enough} ({duration(enough)})."
    if enough > MAX_SECONDS:
        changes = _fewer_rows(said, MAX_SECONDS / said.seconds_high)
        remedy = f"No timeout can be longer than {duration(MAX_SECONDS)}. {_asking(changes)}"
    return EstimateWarning(
        code="longer_than_timeout",
        message=f"The job is expected to run for {between(said.seconds_low, said.seconds_high)}, "
        f"and its timeout of {duration(config.timeout)} "
        f"{'will' if certain else 'may'} end it before it is complete.",
        remedy=remedy,
        certain=certain,
        field=changes and changes[0],
        value=changes and changes[1],
    )


def _too_large(said: Estimate, space: Space) -> EstimateWarning | None:
    low, high = said.bytes_low * space.copies, said.bytes_high * space.copies
    if high <= space.left:
        return None
    first, last = in_bytes(low), in_bytes(high)
    expected = last if first == last else f"{first} to {last}"
    changes = _fewer_rows(said, space.left / high)
    place, room = (
        ("on the disk", "Make room on the disk")
        if space.code == "larger_than_disk"
        else ("of the storage quota", "Delete jobs that are no longer needed")
    )
    return EstimateWarning(
        code=space.code,
        message=f"The result is expected to need {expected}; {in_bytes(max(space.left, 0))} "
        f"{place} are free.",
        remedy=f"{room}. {_asking(changes, otherwise='')}".rstrip(),
        certain=low > space.left,
        field=changes and changes[0],
        value=changes and changes[1],
    )


def _fewer_rows(said: Estimate, share: float) -> tuple[Literal["dataSize"], int] | None:
    """Rows that fit into such a share of what was asked for, rounded down to two digits."""
    rows = int(said.rows * share * 0.95)  # what every job needs does not shrink with its rows
    grain = 10 ** max(len(str(rows)) - 2, 0)
    return ("dataSize", rows // grain * grain) if rows > 0 else None


def _asking(
    changes: tuple[Literal["timeout", "dataSize"], int] | None,
    otherwise: str = "Ask for fewer rows.",
) -> str:
    return f"Or ask for fewer rows: rows={changes[1]}." if changes else otherwise


def taught(
    config: JobConfiguration, status: JobStatus, facts: TableFacts | None
) -> dict[str, float] | None:
    """Truth over expectation of each step of a completed job, and of its bytes.

    ``None`` of a job that teaches nothing: it had no estimate, was interrupted, had no end, or
    ran through stages that the steps of an estimate are not known of.
    """
    said, ran = status.estimate, status.metadata.processing_time
    if said is None or ran is None or status.attempt != 1 or status.metadata.output_size is None:
        return None
    seconds = dict.fromkeys(SECONDS, 0.0)
    for stage in status.stages:
        if stage.start_time is None or stage.end_time is None or stage.name not in STEP_OF:
            return None
        seconds[STEP_OF[stage.name]] += (stage.end_time - stage.start_time).total_seconds()
    seconds["start"] = max(ran - sum(seconds.values()), 0.0)
    expected = expected_seconds(config, said.input_rows, said.input_columns)
    # Instants are kept to the millisecond: what was quicker took half of one.
    ratios = {step: max(seconds[step], 0.0005) / expected[step] for step in SECONDS}
    if facts is not None:
        ratios["bytes"] = max(status.metadata.output_size, 1) / expected_bytes(config, facts)
    return ratios
