"""How long the steps of a job take, and how large its result is: a prior, and what jobs add to it.

Work is counted in cells, rows times columns. How long a cell takes is a stated prior until jobs
have ended here; each of them moves the expectation and narrows the range. No clock, no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import Field

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.estimates import Estimate, TableFacts
from datagen_nb.core.formats import FORMATS
from datagen_nb.core.status import JobStatus
from datagen_nb.core.wire_model import WireModel

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

PRIOR_DEVIATION = 0.7
MIN_UNCERTAINTY = 0.12
WIDTH = 2.0
"""Standard deviations on each side of the expectation."""

PRIOR_WEIGHT = 2.0
"""Jobs that a prior counts for."""

MAX_WEIGHT = 50.0
"""Jobs that are remembered, about; older ones fade."""


class Spread(WireModel):
    """Logarithms of truth over expectation, weighted: how many, their mean, their variance."""

    weight: float = 0.0
    mean: float = 0.0
    variance: float = 0.0

    def updated(self, ratio: float) -> Spread:
        """With one more; the older ones fade a little."""
        seen, old = math.log(ratio), min(self.weight, MAX_WEIGHT - 1)
        weight = old + 1
        mean = self.mean + (seen - self.mean) / weight
        variance = (old * self.variance + (seen - self.mean) * (seen - mean)) / weight
        return Spread(weight=weight, mean=mean, variance=variance)

    def with_prior(self, prior: Spread) -> Spread:
        """With what was believed before, which counts for ``PRIOR_WEIGHT`` jobs."""
        weight = self.weight + PRIOR_WEIGHT
        mean = (self.weight * self.mean + PRIOR_WEIGHT * prior.mean) / weight
        between = self.weight * PRIOR_WEIGHT / weight**2 * (self.mean - prior.mean) ** 2
        variance = (self.weight * self.variance + PRIOR_WEIGHT * prior.variance) / weight + between
        return Spread(weight=weight, mean=mean, variance=variance)

    def range(self, expected: float) -> tuple[float, float]:
        """Least and most of what is expected so."""
        margin = WIDTH * max(math.sqrt(self.variance), MIN_UNCERTAINTY)
        return expected * math.exp(self.mean - margin), expected * math.exp(self.mean + margin)


class Throughput(WireModel):
    """What the jobs of one kind have shown: a ``Spread`` of each step, and of the bytes."""

    jobs: int = 0
    spreads: dict[str, Spread] = Field(default_factory=dict)

    def updated(self, ratios: Mapping[str, float]) -> Throughput:
        """With one more job."""
        spreads = dict(self.spreads)
        for step, ratio in ratios.items():
            spreads[step] = spreads.get(step, Spread()).updated(ratio)
        return Throughput(jobs=self.jobs + 1, spreads=spreads)


def kind_of_work(config: JobConfiguration, columns: int) -> str:
    """Jobs of one kind take alike: formats, and columns to the next power of two."""
    width = 1 << max(columns - 1, 0).bit_length()
    origin = config.input_format if config.model_job is None else "model"
    origin = origin if config.has_input else "schema"
    return f"{origin}-{config.output_format}-{width}"


def expected_seconds(config: JobConfiguration, rows: int, columns: int) -> dict[str, float]:
    """The prior's seconds of each step, for an input of so many rows and columns."""
    if config.model_job is not None:
        rows = 0  # none is read
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
    config: JobConfiguration, facts: TableFacts, *, alike: Throughput, overall: Throughput
) -> Estimate:
    """Estimate a job.

    Args:
        config: The job.
        facts: What its input is.
        alike: What jobs of its kind have shown.
        overall: What all jobs have shown, for what ``alike`` does not know yet.
    """

    def range_of(step: str, expected: float, deviation: float) -> tuple[float, float]:
        prior = Spread(variance=deviation**2)
        known = overall.spreads.get(step, Spread()).with_prior(prior)
        return alike.spreads.get(step, Spread()).with_prior(known).range(expected)

    steps = expected_seconds(config, facts.rows, facts.columns)
    seconds = [range_of(step, expected, PRIOR_DEVIATION) for step, expected in steps.items()]
    output = FORMATS[config.output_format]
    size = range_of("bytes", expected_bytes(config, facts), output.size_deviation)
    return Estimate(
        rows=config.data_size,
        bytes_low=int(size[0]),
        bytes_high=math.ceil(size[1]),
        seconds_low=round(sum(low for low, _ in seconds), 2),
        seconds_high=round(sum(high for _, high in seconds), 2),
        basis="measured" if overall.jobs else "prior",
        jobs=alike.jobs or overall.jobs,
        input_rows=facts.rows,
        input_columns=facts.columns,
    )


def observed_ratios(
    config: JobConfiguration, status: JobStatus, facts: TableFacts | None
) -> dict[str, float] | None:
    """Truth over expectation of each step of a completed job, and of its bytes.

    ``None`` of a job that cannot be compared: it had no estimate, was interrupted, had no end, or
    ran through stages that the steps of an estimate are not known of.
    """
    estimate, ran = status.estimate, status.metadata.processing_time
    if (
        estimate is None
        or ran is None
        or status.attempt != 1
        or status.metadata.output_size is None
    ):
        return None
    seconds = dict.fromkeys(SECONDS, 0.0)
    for stage in status.stages:
        if stage.start_time is None or stage.end_time is None or stage.name not in STEP_OF:
            return None
        seconds[STEP_OF[stage.name]] += (stage.end_time - stage.start_time).total_seconds()
    seconds["start"] = max(ran - sum(seconds.values()), 0.0)
    expected = expected_seconds(config, estimate.input_rows, estimate.input_columns)
    # Instants are kept to the millisecond: what was quicker took half of one.
    ratios = {step: max(seconds[step], 0.0005) / expected[step] for step in SECONDS}
    if facts is not None:
        ratios["bytes"] = max(status.metadata.output_size, 1) / expected_bytes(config, facts)
    return ratios
