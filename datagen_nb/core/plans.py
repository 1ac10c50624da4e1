"""Before and between jobs: previews, jobs that follow others, graphs submitted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from datagen_nb.core.config import JobConfiguration
from datagen_nb.core.errors import ConfigurationError, Problem
from datagen_nb.core.estimates import Estimate
from datagen_nb.core.inspection import Inspection
from datagen_nb.core.status import JobFailure, JobStatus, State
from datagen_nb.core.wire_model import WireModel

PREVIEW_ROWS = 20

MOST_TOGETHER = 200
"""Jobs of one graph."""


class PreviewColumn(WireModel):
    """One column: its name, its Arrow type, and the kind that it is learnt as."""

    name: str
    type: str
    kind: str


class Preview(WireModel):
    """A few rows as a job would make them, from a quick look at the beginning of its input.

    Args:
        columns: In their order.
        rows: Values in the columns' order, as the JSON format has them; ``None`` where missing.
        learnt_rows: Rows that they were learnt from.
        notes: What makes the job's rows better than these, in words.
    """

    columns: tuple[PreviewColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    learnt_rows: int
    notes: tuple[str, ...] = ()


class Graph(WireModel):
    """Configurations by name; each may name others, and jobs that are there, in ``after``."""

    jobs: dict[str, dict[str, Any]]


class SubmittedGraph(WireModel):
    """The jobs that a graph became, by name."""

    jobs: dict[str, JobStatus]


class Plans(Protocol):
    """What a customer asks before jobs are there."""

    async def estimate(self, config: JobConfiguration) -> Estimate:
        """What a job will take and make.

        Raises:
            InputError: Its input is not there, or is not what it is said to be.
        """
        ...

    async def inspect(self, config: JobConfiguration) -> Inspection:
        """What a job's input is: rows, columns with their kinds, the first rows.

        Raises:
            InputError: It is not there, or is not what it is said to be.
            LimitReached: Too many inputs are being looked at.
        """
        ...

    async def preview(self, config: JobConfiguration) -> Preview:
        """A few rows as the job would make them; nothing is kept.

        Raises:
            InputError: Its input cannot be learnt from, or not in the time of a preview.
            LimitReached: Too many previews are being made.
        """
        ...

    async def create_many(self, graph: Graph, *, idempotency_key: str) -> SubmittedGraph:
        """Submit jobs that follow each other; nothing is, unless all of them keep the rules.

        Jobs are submitted in their order. When one is refused for a limit those before it stay;
        the same graph under the same key goes on from there.

        Raises:
            ConfigurationError: Of every job that breaks a rule, and of a cycle.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ready:
    """Nothing stands in the job's way."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs that have not ended."""

    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Doomed:
    """The job fails with those that it followed."""

    error: JobFailure


def readiness(
    statuses: Sequence[JobStatus | None], after_failure: Literal["fail", "run"]
) -> Ready | Waiting | Doomed:
    """Decide whether a job may start.

    Args:
        statuses: How the jobs stand that it follows. ``None`` of one that was deleted: it had
            ended, and had it not completed, that would have been passed on at the time.
        after_failure: What one that did not complete means for it.
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
        message=f"It was to follow job {status.job_id}, which {was}.",
        details={
            "jobId": status.job_id,
            "status": status.status.value,
            "remedy": "Mend that one and submit both again, or set afterFailure to run.",
            "retryHelps": False,
            **cause,
        },
    )


def order(graph: Mapping[str, Sequence[str]]) -> list[str]:
    """Names so that each comes behind those it follows; otherwise in the order they are given.

    Args:
        graph: Of each name, those that it follows; one that is no key is not looked at.

    Raises:
        ConfigurationError: Some follow each other in a circle, which is named.
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
                raise _circle([*names[names.index(before) :], before])
            if before in graph and before not in placed:
                path.append((before, list(graph[before])))
                entered.add(before)
    return list(placed)


def _circle(names: Sequence[str]) -> ConfigurationError:
    said = " → ".join(names)
    return ConfigurationError(
        [
            Problem(
                f"{names[0]}.after",
                said,
                "goes round in a circle, in which no job could be the first",
                "Take one of these out of another's after.",
            )
        ]
    )


def configurations(graph: Graph) -> dict[str, JobConfiguration]:
    """The configurations of a graph by name, each behind those it follows.

    Raises:
        ConfigurationError: With every problem of every job, or the circle.
    """
    problems, made = [], {}
    if not 1 <= len(graph.jobs) <= MOST_TOGETHER:
        rule = f"has to have 1 to {MOST_TOGETHER} jobs"
        remedy = "Submit them in several graphs."
        raise ConfigurationError([Problem("jobs", str(len(graph.jobs)), rule, remedy)])
    for name, fields in graph.jobs.items():
        if not 1 <= len(name) <= 64 or not name.isprintable():
            rule = "has to be a name of 1 to 64 characters"
            problems.append(Problem("jobs", repr(name)[:80], rule, "Choose another name."))
        try:
            made[name] = JobConfiguration.model_validate(fields)
        except ConfigurationError as error:
            problems += [
                Problem(f"{name}.{one.field}", one.value, one.rule, one.remedy)
                for one in error.problems
            ]
    if problems:
        raise ConfigurationError(problems)
    return {name: made[name] for name in order({name: made[name].after for name in made})}
