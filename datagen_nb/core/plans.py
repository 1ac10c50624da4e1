"""Previews, dependencies between jobs, and graphs of jobs submitted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import MAX_PROBLEMS, ConfigurationError, Problem
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.failure import JobFailure
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.pipeline_info import PipelineInfo
from datagen_nb.core.status import JobStatus, State
from datagen_nb.core.wire_model import RequestModel, WireModel

PREVIEW_ROWS = 20

MAX_BATCH = 200
"""Jobs of one graph."""


class PreviewColumn(WireModel):
    """A column: name, Arrow type and kind."""

    name: str
    type: str
    kind: str


class Preview(WireModel):
    """A few rows that a job would generate, from a synthesizer fitted to a small sample.

    Args:
        columns: The columns in their order.
        rows: Rows of values in the order of the columns, as in the JSON format; ``None`` if
            missing.
        training_rows: Rows that the synthesizer was fitted to.
        notes: Why the job's own rows will be better.
    """

    columns: tuple[PreviewColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    training_rows: int
    notes: tuple[str, ...] = ()


class Graph(RequestModel):
    """Configurations by name; ``after`` lists names of this graph, or ids of existing jobs.

    With ``inputBucket`` ``"jobs"``, ``inputPath`` is such a name too: its result is the input.
    """

    jobs: dict[str, dict[str, Any]]


class SubmittedGraph(WireModel):
    """The submitted jobs of a graph, by name."""

    jobs: dict[str, JobStatus]


class Plans(Protocol):
    """Estimates, inspections, previews and graphs of a customer."""

    async def estimate(self, config: JobConfiguration) -> Estimate:
        """Estimate the duration and result size of a job.

        Raises:
            InputError: The input does not exist, or is not in the given format.
        """
        ...

    async def inspect(self, config: JobConfiguration) -> Inspection:
        """Inspect a job's input: number of rows, columns with their kinds, first rows.

        Raises:
            InputError: The input does not exist, or is not in the given format.
            LimitReached: Too many inputs are being inspected.
        """
        ...

    async def preview(self, config: JobConfiguration) -> Preview:
        """Generate a few rows as the job would; nothing is stored.

        Raises:
            InputError: No synthesizer can be fitted to the input, or not within a preview's time.
            LimitReached: Too many previews are running.
        """
        ...

    async def create_many(self, graph: Graph, *, idempotency_key: str) -> SubmittedGraph:
        """Submit jobs that depend on each other, once all of their configurations are valid.

        Jobs are submitted in order. If a limit refuses one, those before it stay; the same graph
        with the same key continues from there.

        Raises:
            ConfigurationError: A job breaks a rule, or jobs depend on each other in a cycle.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ready:
    """The job may start."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The job waits for these jobs, which have not ended."""

    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Doomed:
    """The job fails because one that it depends on did not complete."""

    error: JobFailure


def readiness(
    statuses: Sequence[JobStatus | None], after_failure: Literal["fail", "run"]
) -> Ready | Waiting | Doomed:
    """Decide whether a job may start.

    Args:
        statuses: The states of the jobs that it depends on; ``None`` for a deleted one, which had
            ended, and whose failure would have been passed on then.
        after_failure: What happens if one of them did not complete.
    """
    found = [one for one in statuses if one is not None]
    if after_failure == "fail":
        for status in found:
            if status.status.is_terminal and status.status is not State.COMPLETED:
                return Doomed(_passed_on(status))
    waiting = tuple(status.job_id for status in found if not status.status.is_terminal)
    return Waiting(waiting) if waiting else Ready()


def _passed_on(status: JobStatus) -> JobFailure:
    was = "failed" if status.status is State.FAILED else f"was {status.status}"
    cause = {} if status.error is None else {"cause": status.error.code}
    return JobFailure(
        code="dependency_failed",
        message=f"It depends on job {status.job_id}, which {was}.",
        details={
            "jobId": status.job_id,
            "status": status.status.value,
            "remedy": "Correct that job and submit both again, or give this one the configuration "
            'after_failure="run".',
            "retryHelps": False,
            **cause,
        },
    )


def order(graph: Mapping[str, Sequence[str]]) -> list[str]:
    """Sort names so that each comes after those it depends on; otherwise keep their order.

    Args:
        graph: For each name, those that it depends on; names that are not keys are ignored.

    Raises:
        ConfigurationError: There is a cycle, which the error names.
    """
    placed: dict[str, None] = {}
    for start in graph:
        path: list[tuple[str, list[str]]] = [(start, list(graph[start]))]
        entered = {start}
        while path and start not in placed:
            name, left = path[-1]
            if not left:
                placed[name] = None
                entered.discard(name)
                path.pop()
                continue
            before = left.pop(0)
            if before in entered:
                names = [name for name, _ in path]
                raise _cycle_error([*names[names.index(before) :], before])
            if before in graph and before not in placed:
                path.append((before, list(graph[before])))
                entered.add(before)
    return list(placed)


def _cycle_error(names: Sequence[str]) -> ConfigurationError:
    cycle = " → ".join(names)
    return ConfigurationError(
        [
            Problem(
                f"{names[0]}.after",
                cycle,
                "is a cycle, in which no job could be the first",
                "Take one of these out of another's after.",
            )
        ]
    )


def configurations(graph: Graph, pipeline: PipelineInfo) -> dict[str, JobConfiguration]:
    """The configurations of a graph for a pipeline by name, each behind those it follows.

    Raises:
        ConfigurationError: With the first problems of all jobs, or the circle.
    """
    problems: list[Problem] = []
    made: dict[str, JobConfiguration] = {}
    if not 1 <= len(graph.jobs) <= MAX_BATCH:
        rule = f"has to have 1 to {MAX_BATCH} jobs"
        remedy = "Submit them in several graphs."
        raise ConfigurationError([Problem("jobs", str(len(graph.jobs)), rule, remedy)])
    for name, fields in graph.jobs.items():
        if len(problems) >= MAX_PROBLEMS:
            break
        if not 1 <= len(name) <= 64 or not name.isprintable():
            rule = "has to be a name of 1 to 64 characters"
            problems.append(Problem("jobs", repr(name)[:80], rule, "Choose another name."))
        try:
            made[name] = pipeline.configuration(fields).after_its_input()
        except ConfigurationError as error:
            problems += [
                Problem(f"{name}.{one.field}", one.value, one.rule, one.remedy)
                for one in error.problems
            ]
    if problems:
        raise ConfigurationError(problems)
    return {name: made[name] for name in order({name: made[name].after for name in made})}
