"""The tasks of an attempt: functions of a part's number that any process can run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeVar

import pyarrow as pa

from datagen_nb.core.errors import OutputError
from datagen_nb.core.manifest import Part
from datagen_nb.core.status import StaleAttempt
from datagen_nb.pipelines.engine.combinations import Combinations
from datagen_nb.pipelines.engine.executor import Executor
from datagen_nb.pipelines.engine.workspace import Plan, Workspace, gone
from datagen_nb.synth.model import Model, Selected
from datagen_nb.synth.selection import Selection
from datagen_nb.synth.uniqueness import Seen
from datagen_nb.tables.formats import write_part

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class PartResult:
    """What a task says of one part.

    Attributes:
        index: Number of the part.
        part: Its description.
        was_there: Whether an earlier attempt had published it.
        drawn: Rows that were drawn to select the part's among them; 0 if nothing selects.
    """

    index: int
    part: Part
    was_there: bool
    drawn: int = 0


@dataclass(frozen=True)
class WritePart:
    """Makes one part of the result and publishes it, unless it is there.

    Attributes:
        workspace: Of the job.
        plan: Which rows each part has.
        schema: Of the rows, with the form that they are written in.
        model: What makes them; ``None`` to read it from the workspace.
        selection: Which of them are taken; ``None`` for all. With a rule of uniqueness in it, parts
            are made in their order, one after the other.
    """

    workspace: Workspace
    plan: Plan
    schema: pa.Schema
    model: Model | None = None
    selection: Selection | None = None

    def __call__(self, index: int) -> PartResult:
        rows = self.plan.rows(index)
        if self.workspace.part_size(index) is not None:
            return PartResult(index, self.workspace.part(index, rows), was_there=True)
        made = make_part(
            self._model, self.plan, index, self.selection, self._combinations.before(index)
        )
        self._combinations.save(index, made.hashes)
        table = pa.Table.from_arrays(made.table.columns, schema=self.schema)
        write = partial(write_part, table, self.plan.format)
        part = self.workspace.write_part(index, rows, write)
        return PartResult(index, part, was_there=False, drawn=made.drawn)

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the model out: every process reads it once."""
        return WritePart, (self.workspace, self.plan, self.schema, None, self.selection)

    @cached_property
    def _combinations(self) -> Combinations:
        rules = 0 if self.selection is None else len(self.selection.unique)
        return Combinations(self.workspace, rules)

    @cached_property
    def _model(self) -> Model:
        if self.model is not None:
            return self.model
        data = self.workspace.model()
        if data is None:
            self.workspace.check()
            raise gone("model")
        return taken_up(data)


def make_part(
    model: Model,
    plan: Plan,
    index: int,
    selection: Selection | None,
    earlier: Sequence[Seen] = (),
) -> Selected:
    """Make the rows of one part, as a job does and a model without a service.

    Args:
        model: That makes them.
        plan: Which rows each part has.
        index: Of the part.
        selection: Which of them are taken; ``None`` for all.
        earlier: For each rule of uniqueness, the combinations of the parts before.

    Returns:
        The rows, and how many were drawn to select them; 0 if nothing selects.

    Raises:
        InputError: Too few rows keep what the selection asks for.
    """
    rows, offset = plan.rows(index), index * plan.part_rows
    if selection is None:
        return Selected(model.generate(index, rows, offset=offset), drawn=0)
    return model.select(index, rows, offset=offset, selection=selection, earlier=earlier)


def taken_up(data: bytes) -> Model:
    """A model that an attempt has kept.

    Raises:
        OutputError: An attempt of another version of the package has.
    """
    try:
        return Model.from_bytes(data)
    except ValueError as error:
        raise unusable("model", error) from error


def unusable(what: str, error: ValueError) -> OutputError:
    """The error for something that an earlier attempt kept, as one of another version did."""
    remedy = "Run the job again."
    return OutputError(
        f"The job's {what} cannot be used: {error}. {remedy}", details={"remedy": remedy}
    )


def made_by(
    executor: Executor, task: Callable[[int], R], count: int, workspace: Workspace
) -> Generator[R, None, None]:
    """Run a task for so many parts.

    Raises:
        StaleAttempt: A newer attempt has begun, or the job is over.
        OutputError: It has not: the workers look at another bucket.
    """
    try:
        yield from executor.map(task, range(count))
    except StaleAttempt:
        workspace.check()
        remedy = "Keep it in a bucket that they reach too (DATAGEN_BUCKET)."
        raise OutputError(
            f"The workers do not see {workspace.bucket.address()} as this service does. {remedy}",
            code="bucket_not_shared",
            details={"remedy": remedy},
        ) from None
