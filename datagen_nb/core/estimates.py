"""What a job will take and make, as ranges, and whether that fits.

How the ranges come about is in ``core.throughput``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.config_rules import MAX_SECONDS
from datagen_nb.core.summary import Summarized, Summary, count, sizes
from datagen_nb.core.wire_model import WireModel
from datagen_nb.core.words import between, duration
from datagen_nb.core.words import size as in_bytes

UNKNOWN_ROW = 1_000
"""Bytes that a row is taken to have at most while its table has not been looked at."""


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


def judge(config: JobConfiguration, estimate: Estimate, spaces: Sequence[Space]) -> Estimate:
    """Hold an estimate against the job's timeout and the places of its result."""
    found = [_too_large(estimate, space) for space in spaces]
    warnings = [_too_long(config, estimate), *found]
    return estimate.model_copy(update={"warnings": tuple(one for one in warnings if one)})


def _too_long(config: JobConfiguration, estimate: Estimate) -> EstimateWarning | None:
    if estimate.seconds_high <= config.timeout:
        return None
    certain = estimate.seconds_low > config.timeout
    grain = 60 if estimate.seconds_high < 7_200 else 3_600
    enough = math.ceil(estimate.seconds_high / grain) * grain
    changes: tuple[Literal["timeout", "dataSize"], int] | None = ("timeout", enough)
    remedy = f"Set timeout={enough} ({duration(enough)})."
    if enough > MAX_SECONDS:
        changes = _fewer_rows(estimate, MAX_SECONDS / estimate.seconds_high)
        remedy = f"No timeout can be longer than {duration(MAX_SECONDS)}. {_asking(changes)}"
    return EstimateWarning(
        code="longer_than_timeout",
        message=f"The job is expected to run for "
        f"{between(estimate.seconds_low, estimate.seconds_high)}, "
        f"and its timeout of {duration(config.timeout)} "
        f"{'will' if certain else 'may'} end it before it is complete.",
        remedy=remedy,
        certain=certain,
        field=changes and changes[0],
        value=changes and changes[1],
    )


def _too_large(estimate: Estimate, space: Space) -> EstimateWarning | None:
    low, high = estimate.bytes_low * space.copies, estimate.bytes_high * space.copies
    if high <= space.left:
        return None
    first, last = in_bytes(low), in_bytes(high)
    expected = last if first == last else f"{first} to {last}"
    changes = _fewer_rows(estimate, space.left / high)
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


def _fewer_rows(estimate: Estimate, share: float) -> tuple[Literal["dataSize"], int] | None:
    """Rows that fit into such a share of what was asked for, rounded down to two digits."""
    rows = int(estimate.rows * share * 0.95)  # what every job needs does not shrink with its rows
    grain = 10 ** max(len(str(rows)) - 2, 0)
    return ("dataSize", rows // grain * grain) if rows > 0 else None


def _asking(
    changes: tuple[Literal["timeout", "dataSize"], int] | None,
    otherwise: str = "Ask for fewer rows.",
) -> str:
    return f"Or ask for fewer rows: rows={changes[1]}." if changes else otherwise
