"""One attempt at one job, from validating to the report, in whatever process it is called.

Every stage leaves what it made in the bucket, and looks there first: an attempt goes on where
the one before was stopped, and makes the same bytes. The order at the end is: all parts, the
assembled file, the report, and last the manifest, so a job that is complete has all of them.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Protocol

import numpy as np
import pyarrow as pa

from datagen_nb.core.changes import Failed, StageCompleted
from datagen_nb.core.errors import DatagenError, OutputError
from datagen_nb.core.pipeline import Logged, PartsWritten, Task
from datagen_nb.core.result import Manifest, Report, Selected
from datagen_nb.core.status import StaleAttempt
from datagen_nb.pipelines.built_in import STAGES
from datagen_nb.pipelines.engine.executor import Executor, InlineExecutor
from datagen_nb.pipelines.engine.from_model import FromModel
from datagen_nb.pipelines.engine.from_private_table import FromPrivateTable
from datagen_nb.pipelines.engine.from_table import FromTable
from datagen_nb.pipelines.engine.output import OutputFile
from datagen_nb.pipelines.engine.reporter import Emit, Reporter
from datagen_nb.pipelines.engine.tasks import PartResult, WritePart
from datagen_nb.pipelines.engine.workspace import Plan, Workspace
from datagen_nb.pipelines.failures import failure
from datagen_nb.pipelines.selecting import selection_of
from datagen_nb.synth.model import Model
from datagen_nb.tables.dialect import Dialect
from datagen_nb.tables.formats import assemble, read_part, schema_as_text

REPORT_PARTS = 8


def run_attempt(task: Task, emit: Emit, executor: Executor | None = None) -> None:
    """Do one attempt; the last signal is ``Completed`` or ``Failed``.

    An attempt that was replaced by a newer one emits nothing more.

    Args:
        task: What to do.
        emit: Takes each signal.
        executor: Makes the parts; by default this thread does.
    """
    workspace = Workspace(task.bucket, task.job_id, task.attempt, task.config.output_format)
    report = Reporter(task.attempt, emit)
    origin = _origin_of(task)(task, workspace, emit, report)
    attempt = _Attempt(task, workspace, emit, origin, executor or InlineExecutor(), report)
    try:
        try:
            attempt.run()
        except Exception as error:  # whatever it is, the job has to end with a failure
            if isinstance(error, StaleAttempt):
                raise
            ended = Failed(task.attempt, failure(error, report.stage))
            for line in _trace(error):
                emit(Logged("error", line))
            workspace.discard()
            emit(ended)
    except StaleAttempt:
        return


def _origin_of(task: Task) -> type[FromTable | FromModel | FromPrivateTable]:
    if task.config.model_job is not None:
        return FromModel
    return FromPrivateTable if "epsilon" in task.config.parameters else FromTable


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
class _Attempt:
    task: Task
    workspace: Workspace
    emit: Emit
    origin: Origin
    executor: Executor
    report: Reporter
    selected: Selected | None = None

    @property
    def _output(self) -> OutputFile:
        return OutputFile(self.task, self.workspace)

    def run(self) -> None:
        workspace = self.workspace
        if (manifest := workspace.manifest()) is not None:
            for stage in STAGES:
                self.emit(StageCompleted(self.task.attempt, stage))
        else:
            workspace.claim()
            manifest = self._stages()
        try:
            workspace.clear()
        except OutputError as error:  # the result is there: what remains only takes room
            self.report.log(f"Temporary objects of the job could not be removed: {error.message}")
        self.emit(workspace.completed(manifest))

    def _stages(self) -> Manifest:
        with self.report.in_stage("validate"):
            self.origin.check()
            if self.task.config.output_path:
                self._output.check()
        with self.report.in_stage("read"):
            self.origin.read()
        with self.report.in_stage("fit"):
            model = self.origin.model()
        size = self.task.config.data_size
        plan = Plan.of(self.task.config, len(model.schema), least=model.part_rows(size))
        dialect = Dialect.of(model.schema).for_path(self.task.config.output_path or "")
        schema = dialect.attach(model.schema)
        with self.report.in_stage("generate"):
            self._generate(model, plan, schema)
        with self.report.in_stage("write"):
            manifest = self._write(schema, plan)
        with self.report.in_stage("report"):
            rows = partial(self._some_rows, plan, schema, together=model.is_sequence)
            report = self.origin.report(model, rows)
            report = report.model_copy(update={"selected": self.selected})
            if report.memorisation.budget is None:  # times depend on the rows
                report = report.model_copy(update={"seconds": self.report.seconds})
            self.workspace.save_report(report)
            self.workspace.complete(manifest)
        return manifest

    def _generate(self, model: Model, plan: Plan, schema: pa.Schema) -> None:
        found = rows = drawn = selected = 0
        size = self.workspace.model_file().size
        selection = selection_of(self.task.config.parameters)
        task = WritePart(self.workspace, plan, schema, model, selection)
        with closing(self._made(task, plan)) as parts:
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
                self.report.progress(100 * rows / plan.total, rows)
        if drawn:
            self.selected = Selected(drawn=drawn, kept=selected)
        if drawn > selected:
            self.report.log(
                f"Drew {drawn:,} rows for {selected:,} that keep parameters.rules and condition."
            )
        if found:
            self.report.log(f"{found:,} of {plan.count:,} parts were there already.")

    def _made(self, task: WritePart, plan: Plan) -> Generator[PartResult, None, None]:
        try:
            yield from self.executor.map(task, range(plan.count))
        except StaleAttempt:
            self.workspace.check()
            remedy = "Keep it in a bucket that they reach too (DATAGEN_BUCKET)."
            raise OutputError(
                f"The workers do not see {self.workspace.bucket.address()} as this service does. "
                f"{remedy}",
                code="bucket_not_shared",
                details={"remedy": remedy},
            ) from None

    def _write(self, schema: pa.Schema, plan: Plan) -> Manifest:
        config = self.task.config
        parts = []
        for index in range(plan.count):
            parts.append(self.workspace.part(index, plan.rows(index)))
            self.report.progress((50 if config.output_path else 100) * (index + 1) / plan.count)
        if config.output_path:
            self.workspace.check()
            with self._output.open() as file:
                assemble(self._opened(plan), plan.format, file, schema=schema)
                self._output.mark_begun()
            self.report.log(f"Wrote {config.output_title}.")
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

    def _opened(self, plan: Plan) -> Iterator[BinaryIO]:
        for index in range(plan.count):
            with self.workspace.open_part(index) as file:
                yield file
            self.report.progress(50 + 50 * (index + 1) / plan.count)

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


def _trace(error: Exception) -> list[str]:
    if isinstance(error, DatagenError):
        return [error.message]
    return "".join(traceback.format_exception(error)).rstrip().splitlines()[-30:]
