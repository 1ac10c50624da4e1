"""How a job looks in a terminal: a line that moves, and a summary when it has ended."""

from __future__ import annotations

import shutil
import sys
from typing import TextIO

from datagen_nb.core.estimates import Estimate
from datagen_nb.core.inert import ONE_LINE, inert
from datagen_nb.core.result import Report
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.words import between, duration, size

BAR = 24


class Progress:
    """Shows each newer status: one moving line on a terminal, one line a stage elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._moving = self._stream.isatty()
        self._last = ""

    def show(self, status: JobStatus) -> None:
        """Show a status."""
        if self._moving:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[2K{progress_line(status)[:width]}")
        else:
            line = stage_line(status)
            between_stages = status.status is State.RUNNING and status.running_stage is None
            if between_stages or line == self._last:
                return
            self._last = line
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the moving line."""
        if self._moving:
            self._stream.write("\n")
            self._stream.flush()


class ShareProgress:
    """Shows how much of something is done: one moving line on a terminal, nothing elsewhere.

    Args:
        is_quiet: Whether nothing is shown on a terminal either.
    """

    def __init__(self, stream: TextIO | None = None, *, is_quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._moving = self._stream.isatty() and not is_quiet
        self._begun = False

    def show(self, share: float) -> None:
        """Show a share, 0 to 1."""
        if self._moving:
            self._begun = True
            self._stream.write(f"\r\x1b[2K{bar(share)}")
            self._stream.flush()

    def end(self) -> None:
        """Leave the moving line, if there is one."""
        if self._begun:
            self._stream.write("\n")
            self._stream.flush()


def bar(share: float) -> str:
    """A share, 0 to 1, as a bar and in percent."""
    filled = round(BAR * share)
    return f"{'█' * filled}{'░' * (BAR - filled)} {100 * share:3.0f} %"


def stage_line(status: JobStatus) -> str:
    """The state of a job, and the stage that runs."""
    stage = status.running_stage
    return status.status.value if stage is None else f"{status.status.value}  {stage.name}"


def progress_line(status: JobStatus) -> str:
    """The progress of a job, in one line."""
    words = [bar(status.progress / 100), status.status.value]
    if stage := status.running_stage:
        words.append(stage.name)
    if status.queue_position:
        words.append(f"number {status.queue_position} in the queue")
    if status.starts_after:
        words.append(
            f"waits until {status.starts_after.astimezone():%H:%M:%S}, after a cancellation"
        )
    if status.status is State.RUNNING and status.rows_done:
        words.append(f"{status.rows_done:,} of {status.data_size:,} rows")
    if status.rows_per_second:
        words.append(f"{status.rows_per_second:,.0f} rows/s")
    if status.seconds_left:
        words.append(f"about {duration(round(status.seconds_left))} left")
    return "  ".join(words)


def estimate_lines(estimate: Estimate) -> str:
    """What a job would take and make, in a few lines."""
    table = f"{estimate.input_rows:,} rows x {estimate.input_columns} columns"
    least, most = size(estimate.bytes_low), size(estimate.bytes_high)
    if estimate.basis == "prior":
        basis = "no job that has completed here yet"
    else:
        basis = f"{estimate.jobs:,} job{'s' if estimate.jobs > 1 else ''} that completed here"
    return "\n".join(
        [
            f"rows       {estimate.rows:,} like {table}",
            f"size       {most if least == most else f'{least} to {most}'}",
            f"time       {between(estimate.seconds_low, estimate.seconds_high)}",
            f"based on   {basis}",
            *(f"warning    {one.message} {one.remedy}" for one in estimate.warnings),
        ]
    )


def stage_times(status: JobStatus) -> str:
    """The time each stage took, in one line."""
    took = [
        f"{stage.name} {(stage.end_time - stage.start_time).total_seconds():.1f} s"
        for stage in status.stages
        if stage.start_time and stage.end_time
    ]
    whole = status.metadata.processing_time
    return " · ".join(took) + (f"  (together {whole:.1f} s)" if whole is not None else "")


def report_lines(report: Report) -> str:
    """Fidelity and memorisation in a few lines."""
    worst = sorted(report.columns, key=lambda column: column.score)[:3]
    pairs = "" if report.pair_fidelity is None else f" · dependence {report.pair_fidelity:.1%}"
    lines = [
        f"fidelity   {report.fidelity:.1%} (columns {report.column_fidelity:.1%}{pairs})",
        "           least alike: "
        + ", ".join(f"{inert(c.name, longest=ONE_LINE)} {c.score:.1%}" for c in worst),
        f"privacy    {memorisation(report)}",
    ]
    lines += [f"measured   {inert(line)}" for line in report.measured_in_words()]
    lines += [
        f"relation   {inert(one.sentence, longest=ONE_LINE)}: {one.share_synthetic:.1%} of the "
        f"rows, {one.share_input:.1%} in the input"
        for one in report.relations
        if not one.kept
    ]
    lines += [
        f"came back  {inert(one.column, longest=ONE_LINE)}: {one.returned:,} of {one.values:,} "
        "values"
        for one in report.memorisation.disclosed
    ]
    lines += [
        f"no score   {inert(one.name, longest=ONE_LINE)}: {inert(one.reason)}"
        for one in report.not_compared
    ]
    lines += [f"note       {inert(note)}" for note in report.notes]
    return "\n".join(lines)


def memorisation(report: Report) -> str:
    """Whether rows of the input come back, in words."""
    found = report.memorisation
    if found.exact_row_share is None:
        return found.in_words()
    same = f"{found.exact_row_share:.2%} of the rows equal a row of yours"
    if found.exact_row_share_expected is not None:
        same += f" ({found.exact_row_share_expected:.2%} would by chance)"
    if found.dcr_share is None:
        return same
    closer = f"{found.dcr_share:.1%} are closer to the training data than to held-back rows"
    return f"{closer} (50 % is ideal); {same}"
