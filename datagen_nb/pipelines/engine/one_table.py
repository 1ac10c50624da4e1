"""The stages of a job on one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Protocol

import numpy as np
import pyarrow as pa

from datagen_nb.core.manifest import Manifest
from datagen_nb.core.pipeline import PartsWritten, Task
from datagen_nb.core.result import Report, Selected
from datagen_nb.pipelines.engine.executor import Executor, InlineExecutor
from datagen_nb.pipelines.engine.from_model import FromModel
from datagen_nb.pipelines.engine.from_private_table import FromPrivateTable
from datagen_nb.pipelines.engine.from_schema import FromSchema
from datagen_nb.pipelines.engine.from_table import FromTable
from datagen_nb.pipelines.engine.output import OutputFile
from datagen_nb.pipelines.engine.reporter import Emit, Reporter
from datagen_nb.pipelines.engine.tasks import WritePart, made_by
from datagen_nb.pipelines.engine.workspace import Plan, Workspace
from datagen_nb.pipelines.selecting import selection_of
from datagen_nb.synth.model import Model
from datagen_nb.tables.dialect import Dialect
from datagen_nb.tables.formats import assemble, read_part, schema_as_text

REPORT_PARTS = 8


class Origin(Protocol):
    """Where the model of a job comes from: a method for each stage that it has a part in.

    What is made is left in the workspace, and looked for there first.
    """

    def check(self) -> None:
        """Look at the input, in the stage *validate*.

        Raises:
            InputError: It is not there, or is not in the stated format.
        """
        ...

    def read(self) -> None:
        """Read what there is to read, in the stage of this name."""
        ...

    def model(self) -> Model:
        """The model, in the stage *fit*; kept in the workspace."""
        ...

    def report(self, model: Model, rows: Callable[[int], pa.Table]) -> Report:
        """The report; ``rows`` gives about so many rows of the result, from all over it."""
        ...


@dataclass(slots=True)
class OneTable:
    """Makes rows like those of one table, declared ones, or by another job's model; ``Stages``."""

    task: Task
    workspace: Workspace
    emit: Emit
    log: Reporter
    executor: Executor
    origin: Origin = field(init=False)
    selected: Selected | None = None
    _made: tuple[Model, Plan, pa.Schema] | None = None

    def __post_init__(self) -> None:
        origin = _origin_of(self.task)
        self.origin = origin(self.task, self.workspace, self.emit, self.log)

    def check(self) -> None:
        self.origin.check()
        if self.task.config.output_path:
            self._output.check()

    def read(self) -> None:
        self.origin.read()

    def fit(self) -> None:
        config, model = self.task.config, self.origin.model()
        plan = Plan.of(config, len(model.schema), least=model.part_rows(config.data_size))
        dialect = Dialect.of(model.schema).for_path(config.output_path or "")
        self._made = model, plan, dialect.attach(model.schema)

    def generate(self) -> None:
        model, plan, schema = self._fitted
        found = rows = drawn = selected = 0
        size = self.workspace.model_file().size
        selection = selection_of(self.task.config.parameters)
        task = WritePart(self.workspace, plan, schema, model, selection)
        # What a part may have then depends on those before it.
        in_order = selection is not None and bool(selection.unique)
        executor = InlineExecutor() if in_order else self.executor
        with closing(made_by(executor, task, plan.count, self.workspace)) as parts:
            for made in parts:
                self.workspace.record(made.part)
                found += made.was_there
                size += made.part.size
                rows += made.part.rows
                drawn += made.drawn
                selected += made.part.rows * (made.drawn > 0)
                self.emit(PartsWritten(size))
                if made.index == 0 and plan.count > 1:
                    self._output.check_space(plan, made.part)
                self.log.progress(100 * rows / plan.total, rows)
        if drawn:
            self.selected = Selected(drawn=drawn, kept=selected)
        if drawn > selected:
            self.log.log(
                f"Drew {drawn:,} rows for {selected:,} that keep parameters.rules and condition."
            )
        if found:
            self.log.log(f"{found:,} of {plan.count:,} parts were there already.")

    def write(self) -> Manifest:
        _, plan, schema = self._fitted
        config = self.task.config
        parts = []
        for index in range(plan.count):
            parts.append(self.workspace.part(index, plan.rows(index)))
            self.log.progress((50 if config.output_path else 100) * (index + 1) / plan.count)
        if config.output_path:
            self.workspace.check()
            with self._output.open() as file:
                assemble(self._opened(plan), plan.format, file, schema=schema)
                self._output.mark_begun()
            self.log.log(f"Wrote {config.output_title}.")
        return Manifest(
            job_id=self.task.job_id,
            format=plan.format,
            rows=plan.total,
            size=sum(part.size for part in parts),
            parts=tuple(parts),
            arrow_schema=schema_as_text(schema),
            output_path=config.output_title or None,
            model=self.workspace.model_file(),
        )

    def report(self) -> Report:
        model, plan, schema = self._fitted
        rows = partial(self._some_rows, plan, schema, together=model.is_sequence)
        report = self.origin.report(model, rows)
        return report.model_copy(update={"selected": self.selected})

    @property
    def _output(self) -> OutputFile:
        return OutputFile(self.task, self.workspace)

    @property
    def _fitted(self) -> tuple[Model, Plan, pa.Schema]:
        assert self._made is not None, "fit comes before"  # noqa: S101, an order of our own
        return self._made

    def _opened(self, plan: Plan) -> Iterator[BinaryIO]:
        for index in range(plan.count):
            with self.workspace.open_part(index) as file:
                yield file
            self.log.progress(50 + 50 * (index + 1) / plan.count)

    def _some_rows(self, plan: Plan, schema: pa.Schema, count: int, *, together: bool) -> pa.Table:
        """About so many rows, from all over the result or those of its first parts."""
        if together:
            chosen = list(range(min(-(-count // plan.part_rows), plan.count)))
            each = plan.part_rows
        else:
            chosen = np.unique(np.linspace(0, plan.count - 1, REPORT_PARTS).astype(int)).tolist()
            each = -(-count // len(chosen))
        tables = []
        for index in chosen:
            with self.workspace.open_part(index) as file:
                tables.append(read_part(file, plan.format, schema).slice(0, each))
        return pa.concat_tables(tables)


def _origin_of(task: Task) -> type[FromTable | FromModel | FromPrivateTable | FromSchema]:
    if task.config.model_job is not None:
        return FromModel
    if not task.config.has_input:
        return FromSchema
    return FromPrivateTable if "epsilon" in task.config.parameters else FromTable
