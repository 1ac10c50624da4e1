"""What a job will take and make, as ranges: from what its input is and how past jobs went.

Work is counted in cells, rows times columns. How long a cell takes is a stated prior until jobs
have ended here; each of them moves the expectation and narrows the range. No clock, no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.wire_model import WireModel

if TYPE_CHECKING:
    from datagen_nb.core.status import JobStatus

SAMPLE_ROWS = 50_000
"""Rows that a job learns from, unless it is told otherwise."""

REPORT_CELLS = 4_000_000
"""Cells that the report reads at most."""

SECONDS: Mapping[str, tuple[float, Mapping[str, float]]] = {
    "start": (0.1, {}),
    "read": (0.05, {"parquet": 1e-7, "csv": 8e-7, "json": 3e-6, "jsonl": 2e-6}),
    "fit": (0.05, {"": 6e-7}),
    "make": (0.02, {"parquet": 1.5e-7, "csv": 2e-7, "json": 2.5e-7, "jsonl": 2.5e-7}),
    "report": (0.2, {"parquet": 1e-7, "csv": 1.5e-7, "json": 6e-7, "jsonl": 6e-7}),
}
"""The prior: of each step the fixed seconds, and the seconds for a cell in a format."""

STEP_OF = {
    "validate": "read",
    "read": "read",
    "fit": "fit",
    "generate": "make",
    "write": "make",
    "report": "report",
}
"""The step that a stage belongs to; what is in no stage is ``start``."""

DOUBT: Mapping[str, float] = {"parquet": 0.5, "csv": 0.2, "json": 0.2, "jsonl": 0.2}
"""Standard deviation of the logarithm of the bytes, by output format, before a job has ended."""

DOUBT_OF_SECONDS = 0.7
LEAST_DOUBT = 0.12
WIDTH = 2.0
"""Standard deviations on each side of the expectation."""

BELIEF = 2.0
"""Jobs that a prior counts for."""

MEMORY = 50.0
"""Jobs that are remembered, about; older ones fade."""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What a look at an input tells.

    Attributes:
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


class Estimate(WireModel):
    """What a job is expected to take and make.

    Args:
        rows: Rows that are made.
        bytes_low: Least bytes that the result is expected to have, all its parts together.
        bytes_high: Most.
        seconds_low: Least seconds of running, from the first attempt's start; queueing not counted.
        seconds_high: Most.
        basis: ``measured`` on jobs that ended here, or ``prior``: none has yet.
        jobs: How many jobs it was measured on.
        input_rows: Rows of the input, about.
        input_columns: Its columns.
        cost: What it costs, where running costs something; absent on one's own machine.
        actual_bytes: Bytes that the result had in the end.
        actual_seconds: Seconds that it ran.
        holds: Whether both lay in their ranges.
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
        doubt = WIDTH * max(math.sqrt(self.variance), LEAST_DOUBT)
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
    learnt = min(rows, config.parameters.get("sampleRows", SAMPLE_ROWS))
    made = config.data_size * columns
    cells = {
        "start": 0,
        "read": rows * columns,
        "fit": learnt * columns,
        "make": made * (2 if config.output_path else 1),
        "report": min(made, REPORT_CELLS) + learnt * columns,
    }
    formats = {"read": config.input_format, "fit": ""}
    return {
        step: fixed + cells[step] * each.get(formats.get(step, config.output_format), 0.0)
        for step, (fixed, each) in SECONDS.items()
    }


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
    size = range_of("bytes", expected_bytes(config, facts), DOUBT[config.output_format])
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


def taught(
    config: JobConfiguration, status: JobStatus, facts: TableFacts | None
) -> dict[str, float] | None:
    """Truth over expectation of each step of a completed job, and of its bytes.

    ``None`` of a job that teaches nothing: it had no estimate, was interrupted, or had no end.
    """
    said, ran = status.estimate, status.metadata.processing_time
    if said is None or ran is None or status.attempt != 1 or status.metadata.output_size is None:
        return None
    seconds = dict.fromkeys(SECONDS, 0.0)
    for stage in status.stages:
        if stage.start_time is None or stage.end_time is None:
            return None
        seconds[STEP_OF[stage.name]] += (stage.end_time - stage.start_time).total_seconds()
    seconds["start"] = max(ran - sum(seconds.values()), 0.0)
    expected = expected_seconds(config, said.input_rows, said.input_columns)
    # Instants are kept to the millisecond: what was quicker took half of one.
    ratios = {step: max(seconds[step], 0.0005) / expected[step] for step in SECONDS}
    if facts is not None:
        ratios["bytes"] = max(status.metadata.output_size, 1) / expected_bytes(config, facts)
    return ratios
